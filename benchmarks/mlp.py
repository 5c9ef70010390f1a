"""How long a training step of two multilayer perceptrons takes beside PyTorch's, in loops over arrays in memory.

Ours is `fit` over arrays, whole epochs of it; PyTorch's is the loop that one writes for the same: a permutation per
epoch, batches by index, ``zero_grad``, forward, ``backward``, ``step``, and the average of the losses. The batches,
first weights and options are the same, and so must the losses of the first epoch be. Two processes take turns (see
``turns.py``); a ratio is the median over the rounds of our time ÷ PyTorch's.

    python benchmarks/mlp.py [--rounds 21] [--threads 2] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from turns import Pair


class Network(NamedTuple):
    """Sizes from the inputs to the classes, samples per batch, and batches per epoch."""

    sizes: tuple[int, ...]
    batch: int
    batches: int


NETWORKS = [Network((10, 64, 32, 10), 32, 200), Network((784, 256, 128, 10), 128, 50)]
LR = 1e-3


def data(network: Network) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    n = network.batch * network.batches
    return rng.normal(size=(n, network.sizes[0])).astype(np.float32), rng.integers(0, network.sizes[-1], n)


def weights(network: Network) -> dict[str, Any]:
    """Return first weights and biases by the names that both sides give them."""
    rng = np.random.default_rng(1)
    arrays = {}
    for i, (inputs, outputs) in enumerate(pairwise(network.sizes)):
        bound = inputs**-0.5
        arrays[f"{2 * i}.weight"] = rng.uniform(-bound, bound, (outputs, inputs)).astype(np.float32)
        arrays[f"{2 * i}.bias"] = rng.uniform(-bound, bound, outputs).astype(np.float32)
    return arrays


class Ours:
    """This repository."""

    def __init__(self, threads: int) -> None:
        from threadpoolctl import threadpool_limits

        self.limits = threadpool_limits(threads)
        self.about = f"NumPy {np.__version__}"

    def prepare(self, kind: str, network: Network) -> tuple[Any, float]:
        from nn_core import Linear, ReLU, Sequential, fit
        from nn_optim import Adam

        layers: list[Any] = []
        for inputs, outputs in pairwise(network.sizes):
            layers += [Linear(inputs, outputs), ReLU()]
        model = Sequential(*layers[:-1])
        model.load_state_dict(weights(network))
        optimizer, xy = Adam(model.parameters(), lr=LR), data(network)
        epoch = iter(range(10**9))

        def train() -> float:
            options = {"epochs": 1, "batch_size": network.batch, "seed": next(epoch)}
            return fit(model, xy, loss="cross_entropy", optimizer=optimizer, **options)["loss"][0]

        return [train], train()


class Torch:
    """PyTorch."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch, self.about = torch, f"PyTorch {torch.__version__}"

    def prepare(self, kind: str, network: Network) -> tuple[Any, float]:
        from nn_core.random import epoch_order

        torch, nn = self.torch, self.torch.nn
        layers: list[Any] = []
        for inputs, outputs in pairwise(network.sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        model = nn.Sequential(*layers[:-1])
        model.load_state_dict({name: torch.tensor(array) for name, array in weights(network).items()})
        optimizer, loss_fn = torch.optim.Adam(model.parameters(), lr=LR), nn.CrossEntropyLoss()
        x, y = map(torch.tensor, data(network))
        epoch = iter(range(10**9))

        def train() -> float:
            order = torch.from_numpy(epoch_order(len(x), next(epoch), 0))  # the same as ours
            total = 0.0
            for start in range(0, len(x), network.batch):
                rows = order[start : start + network.batch]
                optimizer.zero_grad()
                loss = loss_fn(model(x[rows]), y[rows])
                loss.backward()
                optimizer.step()
                total += loss.item() * len(rows)
            return total / len(x)

        return [train], train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    pair = Pair((Ours, Torch), options.threads)
    print(f"{' · '.join(pair.about)} · {options.threads} threads each · {platform.processor() or platform.machine()}")
    results = {}
    for network in NETWORKS:
        losses = pair.ask("network", network)
        assert np.allclose(*losses, rtol=1e-4), f"the sides differ: {losses}"
        epoch = pair.times(0, options.rounds)
        step = epoch | {side: epoch[side] / network.batches for side in ("ours", "torch")}
        name = f"{'-'.join(map(str, network.sizes))}, batch {network.batch}"
        results[name] = step
        print(f"{name:28} {step['ours']:6.3f} ÷ {step['torch']:6.3f} ms = {step['ratio']:.3f}", end="")
        print(f"  ({step['low']:.3f} to {step['high']:.3f})")
    pair.close()
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
