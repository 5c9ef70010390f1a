"""Train a small VGG-like network on 10,000 images of CIFAR-10, here and with PyTorch, from five seeds each.

Both sides see the same batches, with the same images flipped and shifted, and draw their own first weights from the
same distributions. The network is three stages of 3×3 convolutions with batch norm and ReLU, each ended by max pooling.
The data are the first training batch of the binary version and 1,000 test images, gzipped.

    python benchmarks/cifar10.py [--data FOLDER] [--side ours] [--seeds 0 1 2 3 4] [--epochs 12] [--json FILE]
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import mean, stdev
from time import perf_counter
from typing import Any

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "cifar10"
WIDTHS = [32, 32, "pool", 64, 64, "pool", 128, "pool"]
BATCH, LR, DROPOUT = 64, 2e-3, 0.3

Images = tuple[Any, Any]
"""x (N, 3, 32, 32) and y (N,)."""


def read(path: Path) -> Images:
    """Return the images of a file of records: a label, then 32×32 bytes of red, of green and of blue."""
    records = np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    return records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / 255, records[:, 0].astype(np.int64)


def load(folder: Path) -> tuple[Images, Images]:
    """Return training and test images, each channel with mean 0 and variance 1 over the training images."""
    (x, y), (x_test, y_test) = read(folder / "data_batch_1.bin.gz"), read(folder / "test_batch_1000.bin.gz")
    center, scale = (statistic(x, axis=(0, 2, 3), keepdims=True) for statistic in (np.mean, np.std))
    return ((x - center) / scale, y), ((x_test - center) / scale, y_test)


def batches(data: Images, seed: int, epoch: int) -> Iterator[Images]:
    """Yield the images in a random order, half of them mirrored, all shifted by up to 4 places, in batches."""
    (x, y), rng = data, np.random.default_rng([seed, epoch])
    order = rng.permutation(len(x))
    padded = np.pad(x, ((0, 0), (0, 0), (4, 4), (4, 4)))
    places = np.arange(32)
    for first in range(0, len(x), BATCH):
        some = order[first : first + BATCH]
        rows, columns = (rng.integers(0, 9, (len(some), 1)) + places for _ in range(2))
        columns = np.where(rng.random((len(some), 1)) < 0.5, columns, columns[:, ::-1])
        shifted = padded[some[:, None, None], :, rows[:, :, None], columns[:, None, :]]
        yield np.ascontiguousarray(shifted.transpose(0, 3, 1, 2)), y[some]


class Ours:
    """This repository."""

    name = "ours"

    def __init__(self, threads: int) -> None:
        from threadpoolctl import threadpool_limits

        self.limits = threadpool_limits(threads)

    def start(self, seed: int) -> tuple[Callable[[Any, Any, float], float], Callable[[Any], Any]]:
        """Return a new network's training step, for images, labels and a learning rate, and its predictions."""
        import nn_core as nn
        from nn_layers_conv import BatchNorm2d, Conv2d, MaxPool2d
        from nn_optim import Adam

        nn.seed(seed)
        layers: list[Any] = []
        for width in WIDTHS:
            if width == "pool":
                layers.append(MaxPool2d(2))
            else:
                layers += [Conv2d(out_channels=width, kernel_size=3, padding=1, bias=False), BatchNorm2d(), nn.ReLU()]
        model = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(DROPOUT), nn.Linear(out_features=10))
        model.build((1, 3, 32, 32))
        optimizer, loss_fn = Adam(model.parameters(), lr=LR), nn.CrossEntropyLoss()

        def step(x: Any, y: Any, lr: float) -> float:
            optimizer.param_groups[0]["lr"] = lr
            optimizer.zero_grad()
            loss, gradient = loss_fn(model.train()(x, input_gradient=False), y)
            model.backward(gradient)
            optimizer.step()
            return float(loss)

        return step, lambda x: model.eval()(x).argmax(1)


class Torch:
    """PyTorch."""

    name = "torch"

    def __init__(self, threads: int) -> None:
        import torch

        torch.set_num_threads(threads)

    def start(self, seed: int) -> tuple[Callable[[Any, Any, float], float], Callable[[Any], Any]]:
        """Return the same as ours."""
        import torch
        from torch import nn

        torch.manual_seed(seed)
        layers: list[Any] = []
        inputs: Any = 3
        for width in WIDTHS:
            if width == "pool":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                inputs = width
        model = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(DROPOUT), nn.Linear(inputs * 16, 10))
        optimizer, loss_fn = torch.optim.Adam(model.parameters(), lr=LR), nn.CrossEntropyLoss()

        def step(x: Any, y: Any, lr: float) -> float:
            optimizer.param_groups[0]["lr"] = lr
            optimizer.zero_grad()
            loss = loss_fn(model.train()(torch.from_numpy(x)), torch.from_numpy(y))
            loss.backward()
            optimizer.step()
            return float(loss.detach())

        def predict(x: Any) -> Any:
            with torch.no_grad():
                return model.eval()(torch.from_numpy(x)).argmax(1).numpy()

        return step, predict


def train(side: Ours | Torch, seed: int, epochs: int, data: Images, test: Images) -> list[float]:
    """Train a network and return its accuracy on the test images after every epoch."""
    step, predict = side.start(seed)
    accuracies = []
    for epoch in range(epochs):
        start = perf_counter()
        lr = LR * (1 + np.cos(np.pi * epoch / epochs)) / 2
        losses = [step(x, y, lr) for x, y in batches(data, seed, epoch)]
        seconds = perf_counter() - start
        parts = [predict(test[0][first : first + 250]) for first in range(0, len(test[0]), 250)]
        accuracies.append(float((np.concatenate(parts) == test[1]).mean()))
        print(f"{side.name} seed {seed} epoch {epoch + 1:2}: loss {mean(losses):.3f}", end="")
        print(f"  accuracy {accuracies[-1]:.1%}  {seconds:.1f} s", flush=True)
    return accuracies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--side", choices=["ours", "torch", "both"], default="both")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--limit", type=int, help="of training images")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    (x, y), test = load(options.data)
    data = x[: options.limit], y[: options.limit]
    sides = [side(options.threads) for side in (Ours, Torch) if options.side in (side.name, "both")]
    results: dict[str, list[list[float]]] = {side.name: [] for side in sides}
    for seed in options.seeds:
        for side in sides:
            results[side.name].append(train(side, seed, options.epochs, data, test))
    for name, runs in results.items():
        last = [accuracies[-1] for accuracies in runs]
        spread = f" ± {stdev(last):.1%}" if len(last) > 1 else ""
        print(f"{name}: {mean(last):.1%}{spread} after {options.epochs} epochs, {len(last)} seeds")
    if options.json:
        options.json.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
