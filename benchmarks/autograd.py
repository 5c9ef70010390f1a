"""What autograd costs: one training step written in each style, on two small networks.

``explicit``: layers on arrays and ``model.backward``; ``layers``: the same layers called on a Tensor; ``operations``:
the same network in plain Tensor operations. On a Tensor nobody asks for the gradient of the data, so it is not
computed; ``lean`` is the explicit style that declines it, too, as `fit` does. The optimizer is the same. Each round
times each way once, in turn; the ratios are medians over the rounds, so that a busy neighbor slows all alike.

    python benchmarks/autograd.py [--rounds 200]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from nn_core import CrossEntropyLoss, Linear, ReLU, Sequential, Tensor, functional as F, seed
from nn_optim import Adam

NETWORKS = {"784-256-128-10, batch 128": ((784, 256, 128, 10), 128), "10-64-32-10, batch 32": ((10, 64, 32, 10), 32)}


def network(sizes: tuple[int, ...]) -> Sequential:
    """Return a multilayer perceptron, the same at every call."""
    seed(0)
    layers: list[Any] = []
    for inputs, outputs in pairwise(sizes):
        layers += [Linear(inputs, outputs), ReLU()]
    return Sequential(*layers[:-1])


def steps(sizes: tuple[int, ...], batch: int) -> dict[str, tuple[Callable[[], None], Sequential]]:
    """Return one training step per way of writing it, each with the model that it trains."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, sizes[0])).astype(np.float32)
    y = rng.integers(0, sizes[-1], batch)
    loss_fn = CrossEntropyLoss()

    def explicit(model: Sequential, optimizer: Any) -> None:
        optimizer.zero_grad()
        _, gradient = loss_fn(model(x), y)
        model.backward(gradient)
        optimizer.step()

    def lean(model: Sequential, optimizer: Any) -> None:
        optimizer.zero_grad()
        _, gradient = loss_fn(model(x, input_gradient=False), y)
        model.backward(gradient)
        optimizer.step()

    def layers(model: Sequential, optimizer: Any) -> None:
        optimizer.zero_grad()
        loss_fn(model(Tensor(x)), y).backward()
        optimizer.step()

    def operations(model: Sequential, optimizer: Any) -> None:
        optimizer.zero_grad()
        hidden: Any = Tensor(x)
        for i, layer in enumerate(model):
            hidden = F.relu(hidden) if i % 2 else hidden @ layer.weight.T + layer.bias
        loss_fn(hidden, y).backward()
        optimizer.step()

    ways = {}
    for way in (explicit, lean, layers, operations):
        model = network(sizes)
        optimizer = Adam(model.parameters(), lr=1e-3)
        ways[way.__name__] = (lambda way=way, model=model, optimizer=optimizer: way(model, optimizer), model)
    return ways


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    for name, (sizes, batch) in NETWORKS.items():
        ways = steps(sizes, batch)
        times: dict[str, list[float]] = {way: [] for way in ways}
        for i in range(rounds + 20):
            for way, (step, _) in ways.items():
                start = perf_counter()
                step()
                if i >= 20:
                    times[way].append(perf_counter() - start)
        weights = [model.state_dict()["0.weight"] for _, model in ways.values()]
        drift = max(float(abs(weights[0] - other).max()) for other in weights[1:])
        print(f"{name}: explicit {median(times['explicit']) * 1e3:.3f} ms per step (median of {rounds})")
        for way in ("lean", "layers", "operations"):
            ratios = [b / a for a, b in zip(times["explicit"], times[way], strict=True)]
            print(f"  {way:<10} {median(ratios):.2f} × explicit")
        print(f"  the weights of all differ by at most {drift:.1e} after {rounds + 20} steps")


if __name__ == "__main__":
    main()
