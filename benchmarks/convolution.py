"""How long layers over images take beside PyTorch's, forward and back, and a whole training step of a small CNN.

Two processes, one for each side, take turns, so that a busy neighbor slows both alike; a ratio is the median over the
rounds of our time ÷ PyTorch's. Both have the same weights, inputs and number of threads, and must agree first. Before
each row both sides are warm. The convolutional network is the one of README and of many papers: two 3×3 convolutions
with batch norm, ReLU and pooling, then a linear layer, on 28×28 images in batches of 128, trained with Adam; it has
processes of its own, whose peak memory is told, too.

    python benchmarks/convolution.py [--rounds 21] [--threads 2] [--only NAME] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
from turns import Pair


class Row(NamedTuple):
    """A layer, as both sides name it, and what goes in; a network's first layer need not give the input's gradient."""

    name: str
    layer: str
    options: dict[str, Any]
    shape: tuple[int, ...]
    first: bool = False


def conv(inputs: int, outputs: int, kernel_size: int, **options: Any) -> dict[str, Any]:
    return {"in_channels": inputs, "out_channels": outputs, "kernel_size": kernel_size, "bias": False, **options}


GRID = [
    Row("first layer, 1 to 32, 3×3 at 28×28", "Conv2d", conv(1, 32, 3, padding=1), (128, 1, 28, 28), first=True),
    Row("32 to 64, 3×3 at 14×14", "Conv2d", conv(32, 64, 3, padding=1), (128, 32, 14, 14)),
    Row("64 to 128, 3×3 at 7×7", "Conv2d", conv(64, 128, 3, padding=1), (128, 64, 7, 7)),
    Row(
        "first layer, 3 to 64, 7×7 stride 2 at 112×112",
        "Conv2d",
        conv(3, 64, 7, stride=2, padding=3),
        (16, 3, 112, 112),
        True,
    ),
    Row("32 to 64, 3×3 stride 2 at 28×28", "Conv2d", conv(32, 64, 3, stride=2, padding=1), (64, 32, 28, 28)),
    Row("depthwise, 64, 3×3 at 14×14", "Conv2d", conv(64, 64, 3, padding=1, groups=64), (128, 64, 14, 14)),
    Row(
        "depthwise, 64, 3×3 stride 2 at 28×28",
        "Conv2d",
        conv(64, 64, 3, stride=2, padding=1, groups=64),
        (64, 64, 28, 28),
    ),
    Row("64 to 128, 1×1 at 14×14", "Conv2d", conv(64, 128, 1), (128, 64, 14, 14)),
    Row("sequences, 32 to 64, 5 at 128", "Conv1d", conv(32, 64, 5, padding=2), (64, 32, 128)),
    Row("transposed, 64 to 32, 2×2 stride 2 at 14×14", "ConvTranspose2d", conv(64, 32, 2, stride=2), (64, 64, 14, 14)),
    Row("max pooling, 2×2 at 28×28", "MaxPool2d", {"kernel_size": 2}, (128, 32, 28, 28)),
    Row(
        "max pooling, 3×3 stride 2 at 28×28",
        "MaxPool2d",
        {"kernel_size": 3, "stride": 2, "padding": 1},
        (128, 32, 28, 28),
    ),
    Row("average pooling, 2×2 at 28×28", "AvgPool2d", {"kernel_size": 2}, (128, 32, 28, 28)),
    Row("batch norm, 32 at 28×28", "BatchNorm2d", {"num_features": 32}, (128, 32, 28, 28)),
    Row("batch norm, 128 at 7×7", "BatchNorm2d", {"num_features": 128}, (128, 128, 7, 7)),
]
CNN = [
    ("Conv2d", conv(1, 32, 3, padding=1)),
    ("BatchNorm2d", {"num_features": 32}),
    ("ReLU", {}),
    ("MaxPool2d", {"kernel_size": 2}),
    ("Conv2d", conv(32, 64, 3, padding=1)),
    ("BatchNorm2d", {"num_features": 64}),
    ("ReLU", {}),
    ("MaxPool2d", {"kernel_size": 2}),
    ("Flatten", {}),
    ("Linear", {"in_features": 3136, "out_features": 10}),
]


def numbers(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def weights(layer: Any) -> dict[str, Any]:
    """Return the same small weights for every side, by the names that they have on both, and no biases."""
    return {
        name: numbers(tuple(value.shape), seed=1) * 0.1 if value.ndim > 1 else np.zeros(value.shape, np.float32)
        for name, value in layer.state_dict().items()
        if value.ndim > 1 or name == "bias"
    }


class Ours:
    """The layers of this repository."""

    def __init__(self, threads: int) -> None:
        from threadpoolctl import threadpool_info, threadpool_limits

        import nn_core
        import nn_layers_conv
        import nn_optim

        self.modules, self.optim = (nn_core, nn_layers_conv), nn_optim
        self.limits = threadpool_limits(threads)
        blas = next(library for library in threadpool_info() if library["user_api"] == "blas")
        self.about = f"NumPy {np.__version__}, {blas['internal_api']} {blas['version']} for {blas['architecture']}"

    def make(self, name: str, options: dict[str, Any]) -> Any:
        layer: Any = getattr(next(module for module in self.modules if hasattr(module, name)), name)(**options)
        layer.load_state_dict({**layer.state_dict(), **weights(layer)})
        return layer

    def row(self, row: Row) -> tuple[Any, Any]:
        from nn_layers_conv.memory import samples_last_in_memory

        layer, x = self.make(row.layer, row.options), numbers(row.shape)
        x = x if row.first else samples_last_in_memory(x)  # as the layer before leaves it
        dy = samples_last_in_memory(numbers(layer.output_shape(row.shape), seed=2))
        options = {"input_gradient": False} if row.first else {}

        def forward() -> Any:
            return layer.forward(x, **options)

        def there_and_back() -> Any:
            layer.zero_grad()
            y, backward = layer.forward(x, **options)
            dx = backward(dy)
            return [y, dx, *[parameter.grad for parameter in layer.parameters()]]

        return forward, there_and_back

    def prepare(self, kind: str, row: Any) -> tuple[Any, Any]:
        ways = (self.cnn(),) if kind == "cnn" else self.row(row)
        return ways, [ways[0]() for _ in range(10)] if kind == "cnn" else ways[1]()

    def cnn(self) -> Any:
        from nn_core import CrossEntropyLoss, Sequential

        model = Sequential(*[self.make(*part) for part in CNN])
        optimizer, loss_fn = self.optim.Adam(model.parameters(), lr=1e-3), CrossEntropyLoss()
        x, y = numbers((128, 1, 28, 28)), np.arange(128) % 10

        def step() -> float:
            optimizer.zero_grad()
            loss, gradient = loss_fn(model(x, input_gradient=False), y)
            model.backward(gradient)
            optimizer.step()
            return float(loss)

        return step


class Torch:
    """PyTorch's layers."""

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)
        self.torch, self.about = torch, f"PyTorch {torch.__version__}"

    def make(self, name: str, options: dict[str, Any]) -> Any:
        layer = getattr(self.torch.nn, name)(**options)
        layer.load_state_dict(
            {**layer.state_dict(), **{key: self.torch.tensor(value) for key, value in weights(layer).items()}}
        )
        return layer

    def row(self, row: Row) -> tuple[Any, Any]:
        layer, x = self.make(row.layer, row.options), self.torch.tensor(numbers(row.shape), requires_grad=not row.first)
        dy = self.torch.tensor(numbers(tuple(layer(x).shape), seed=2))

        def forward() -> Any:
            return layer(x)

        def there_and_back() -> Any:
            layer.zero_grad()
            x.grad = None
            y = layer(x)
            y.backward(dy)
            found = [y, x.grad, *[parameter.grad for parameter in layer.parameters()]]
            return [value if value is None else value.detach().numpy() for value in found]

        return forward, there_and_back

    def prepare(self, kind: str, row: Any) -> tuple[Any, Any]:
        ways = (self.cnn(),) if kind == "cnn" else self.row(row)
        return ways, [ways[0]() for _ in range(10)] if kind == "cnn" else ways[1]()

    def cnn(self) -> Any:
        nn = self.torch.nn
        model = nn.Sequential(*[self.make(*part) for part in CNN])
        optimizer, loss_fn = self.torch.optim.Adam(model.parameters(), lr=1e-3), nn.CrossEntropyLoss()
        x, y = self.torch.tensor(numbers((128, 1, 28, 28))), self.torch.arange(128) % 10

        def step() -> float:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            return float(loss.detach())

        return step


def check(ours: list[Any], torch: list[Any]) -> None:
    """Refuse to time two sides that do not compute the same."""
    for one, other in zip(ours, torch, strict=True):
        if other is not None:
            error = np.abs(one - other).max() / np.abs(other).max()
            assert error < 1e-4, f"the sides differ by {error:.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", default="", help="rows whose name contains this; 'cnn' for the training step")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    pair = Pair((Ours, Torch), options.threads)
    print(f"{' · '.join(pair.about)} · {options.threads} threads each · {platform.processor() or platform.machine()}")
    print(f"{'':48} {'forward':>22}   {'forward and back':>22}    quartiles")
    results: dict[str, Any] = {}
    for row in GRID:
        if options.only not in row.name:
            continue
        check(*pair.ask("row", row))
        forward, both = pair.times(0, options.rounds), pair.times(1, options.rounds)
        results[row.name] = {"forward": forward, "both": both}
        columns = [f"{t['ours']:6.2f} ÷ {t['torch']:6.2f} = {t['ratio']:4.2f}" for t in (forward, both)]
        print(f"{row.name:48} {columns[0]}   {columns[1]}    {both['low']:.2f} to {both['high']:.2f}")
    if results:
        ratios = [result["both"]["ratio"] for result in results.values()]
        print(f"forward and back: median {median(ratios):.2f}, largest {max(ratios):.2f}")
    pair.close()
    if options.only in ("", "cnn"):
        pair = Pair((Ours, Torch), options.threads)
        losses = pair.ask("cnn")
        assert np.allclose(*losses, rtol=1e-3), f"the sides differ: {losses}"
        step, peak = pair.times(0, 3 * options.rounds), pair.ask("peak")
        pair.close()
        print(f"step of the CNN: {step['ours']:.1f} ÷ {step['torch']:.1f} ms = {step['ratio']:.2f}", end="")
        print(f" ({step['low']:.2f} to {step['high']:.2f}); peak memory {peak[0]:.0f} and {peak[1]:.0f} MB")
        results["cnn"] = {"both": step, "peak": peak}
    if options.json:
        options.json.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
