"""One component of every other kind."""

import io

import click
import numpy as np

from nn_core import ArrayDataset, Loss, ModelFileError, Optimizer, Scheduler, default_dtype, default_rng, kernel


class LogCosh(Loss):
    """``terms = Σ log cosh(x − t)``."""

    def forward(self, pred, target):
        error = pred - target
        terms = (np.logaddexp(error, -error) - np.log(2)).sum(axis=1)
        return terms.astype(pred.dtype), lambda scale: scale[:, None] * np.tanh(error)


class Momentum(Optimizer):
    """``v = β v + g``, ``p = p − lr v``, one parameter after the other."""

    def __init__(self, parameters, lr=0.1, beta=0.9):
        super().__init__(parameters, lr=lr, beta=beta)

    def update(self, part, state, /, *, lr, beta):
        if not state:
            state["velocity"] = np.zeros_like(part.data)
        state["velocity"] *= beta
        state["velocity"] += part.grad
        part.data -= lr * state["velocity"]


class Inverse(Scheduler):
    """``lr = base / (1 + t)``."""

    def rate(self, base, t):
        return base / (1 + t)


class Near:
    """Share of the predictions within 0.5."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.hits = self.weight = 0.0

    def update(self, pred, target, weight=None):
        near = (np.abs(pred - target) <= 0.5).all(axis=1)
        weights = np.ones(len(near)) if weight is None else weight
        self.hits += float((near * weights).sum())
        self.weight += float(weights.sum())

    def compute(self):
        return self.hits / self.weight if self.weight else float("nan")


def small(shape, rng=None, scale=0.01):
    """Small numbers."""
    return (scale * (rng or default_rng()).standard_normal(shape)).astype(default_dtype())


class Events:
    """Counts every event, keeps the counts in checkpoints, and adds a column."""

    kept = ("seen",)

    def __init__(self):
        self.seen = {}

    def count(self, event):
        self.seen[event] = self.seen.get(event, 0) + 1

    def on_fit_start(self, state):
        self.count("fit_start")

    def on_epoch_start(self, state):
        self.count("epoch_start")

    def on_batch_start(self, state):
        self.count("batch_start")

    def on_update_start(self, state):
        self.count("update_start")

    def on_batch_end(self, state):
        self.count("batch_end")

    def on_validation_start(self, state):
        self.count("validation_start")

    def on_validation_end(self, state):
        self.count("validation_end")

    def on_epoch_end(self, state):
        self.count("epoch_end")
        state.columns["events"] = self.seen["batch_end"]

    def on_fit_end(self, state):
        self.count("fit_end")

    def on_exception(self, state, error):
        self.count("exception")


def line(samples=40, seed=0):
    """Return (train, test) of points with ``y = x · (1, 2, 3)``."""
    x = np.random.default_rng(seed).standard_normal((samples, 3)).astype(np.float32)
    y = x @ np.array([[1.0], [2.0], [3.0]], np.float32)
    return ArrayDataset(x[:-10], y[:-10]), ArrayDataset(x[-10:], y[-10:])


class Npz:
    """Model files of NumPy."""

    def encode(self, arrays, metadata):
        file = io.BytesIO()
        words = np.array([f"{key}\n{value}" for key, value in metadata.items()])
        np.savez(file, **{f"a/{name}": array for name, array in arrays.items()}, words=words)
        return file.getvalue()

    def decode(self, path):
        try:
            with np.load(path, allow_pickle=False) as file:
                metadata = dict(str(word).split("\n", 1) for word in file["words"])
                return metadata, {name[2:]: file[name] for name in file.files if name.startswith("a/")}
        except (OSError, ValueError, KeyError) as error:
            raise ModelFileError(f"{path} is damaged: {error}") from None


@kernel
def rec_double(x):
    """Return ``2 x``."""
    return 2 * x


def fast_double(x):
    """Return ``2 x``, quicker."""
    return x + x


@click.command("rec-greet")
@click.argument("name", default="you")
def greet(name):
    """Say hello to NAME."""
    click.echo(f"Hello, {name}.")
