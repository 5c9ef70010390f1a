"""The checks of a callback. Each takes a case and raises AssertionError with what was expected and what was seen."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen

from nn_core import random
from nn_core.arena import State
from nn_core.callbacks.checkpoint import Checkpoint
from nn_core.errors import did_you_mean
from nn_core.layers.linear import Linear
from nn_core.optimizer import Optimizer
from nn_core.protocols import EVENTS
from nn_core.training import fit


@frozen
class CallbackCase:
    """A callback in one configuration.

    Args:
        name: shown in the test's ID.
        make: returns a new callback; it may write files to the folder that it is given.
        changes_training: whether it is there to change what is trained, as a penalty is.
    """

    name: str
    make: Callable[[Path], Any]
    changes_training: bool = False


class Descent(Optimizer):
    """The rule of every textbook, for a package whose optimizers are elsewhere."""

    def __init__(self, parameters: Any, lr: float = 0.05) -> None:
        super().__init__(parameters, lr=lr)

    def update(self, parameter: Any, state: State, /, **options: Any) -> None:
        parameter.data -= options["lr"] * parameter.grad


class _Interrupt:
    """Ends a run in the middle of an epoch."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def on_batch_start(self, state: Any) -> None:
        if state.trained + 1 == self.batch:
            raise KeyboardInterrupt


def _train(callbacks: list[Any], epochs: int = 4, resume: Any = None) -> tuple[Any, Any]:
    """Return (weights, history) of a short training with validation and a metric."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(26, 3)).astype("float32")
    y = (x @ rng.normal(size=(3, 1))).astype("float32")
    random.seed(0)
    model: Any = Linear(3, 1)
    history = fit(
        model,
        (x[:20], y[:20]),
        loss="mse",
        optimizer=Descent(model.parameters()),
        epochs=epochs,
        batch_size=4,
        validation=(x[20:], y[20:]),
        metrics=["r2"],
        callbacks=callbacks,
        seed=3,
        resume=resume,
    )
    return np.append(model.weight.data, model.bias.data), history


def check_events(case: CallbackCase) -> None:
    """Its methods that begin with ``on_`` are events, and there is one at least."""
    with tempfile.TemporaryDirectory() as folder:
        callback = case.make(Path(folder))
    names = [name for name in dir(callback) if name.startswith("on_")]
    for name in names:
        assert name in EVENTS, f"{name} is no event, so that it is never called.{did_you_mean(name, EVENTS)}"
    assert names, f"it has none of the methods {', '.join(EVENTS)}"


def check_run(case: CallbackCase) -> None:
    """A training run goes through with it, and another one with the same callback."""
    with tempfile.TemporaryDirectory() as folder:
        callback = case.make(Path(folder))
        for _ in range(2):
            weights, history = _train([callback])
            assert np.isfinite(weights).all(), "the weights are not finite after a run with it"
            assert len(history) > 0, "a run with it has no epoch"


def check_leaves_training_alone(case: CallbackCase) -> None:
    """What is trained is the same, to the bit, with it and without, unless it is there to change that."""
    if case.changes_training:
        return
    with tempfile.TemporaryDirectory() as folder:
        watched, _ = _train([case.make(Path(folder))])
    plain, _ = _train([])
    assert np.array_equal(watched, plain), (
        f"with it the weights differ by up to {np.abs(watched - plain).max():.3g} (does it draw random numbers, or "
        f"write to the state?); if that is what it is for, the case says changes_training=True"
    )


def check_determinism(case: CallbackCase) -> None:
    """Two runs with it are the same."""
    results = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            results.append(_train([case.make(Path(folder))]))
    assert np.array_equal(results[0][0], results[1][0]), "two runs with it end with other weights"
    columns = [[set(row) for row in history.rows] for _, history in results]
    assert columns[0] == columns[1], "two runs with it have other columns in their history"


def check_resume(case: CallbackCase) -> None:
    """A run with it that is interrupted goes on from its checkpoint, to the bit and with the same history."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole, expected = _train([case.make(Path(one)), Checkpoint(folder=Path(one) / "run", every_batches=1)])
        folder = Path(two) / "run"
        with suppress(KeyboardInterrupt):
            _train([case.make(Path(two)), Checkpoint(folder=folder, every_batches=1), _Interrupt(8)])
        resumed, history = _train(
            [case.make(Path(two)), Checkpoint(folder=folder, every_batches=1)], resume=folder / "last.safetensors"
        )
    assert np.array_equal(resumed, whole), "a run that was interrupted and resumed ends with other weights"
    rows = [
        [
            {name: value for name, value in row.items() if name in other}
            for row, other in zip(h.rows, expected.rows, strict=True)
        ]
        for h in (history, expected)
    ]
    for seen, wanted in zip(*rows, strict=True):
        for name in wanted.keys() - _CLOCKS:
            same = np.array_equal(seen.get(name, np.nan), wanted[name], equal_nan=True)
            assert same, (
                f"epoch {wanted['epoch']}: {name} is {seen.get(name)!r} in a resumed run, {wanted[name]!r} without a "
                f"break (what a checkpoint is to keep of a callback is named in `kept`)"
            )


_CLOCKS = {"seconds", "samples_per_second"}
"""Columns that tell time."""

CALLBACK_CHECKS: dict[str, Callable[[CallbackCase], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
