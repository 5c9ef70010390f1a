"""Training: `fit`, and the generator under it, which yields after every batch."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable
from typing import Any, ParamSpec, TypeVar, cast

from nn_core.engine import Run
from nn_core.errors import ConfigError
from nn_core.history import History
from nn_core.registry import check_options
from nn_core.training_state import TrainingState

P = ParamSpec("P")
R = TypeVar("R")


def training_steps(
    model: Any,
    train: Any,
    *,
    loss: Any,
    optimizer: Any,
    epochs: int,
    batch_size: int = 32,
    validation: Any = None,
    metrics: Iterable[Any] = (),
    callbacks: Iterable[Any] = (),
    scheduler: Any = None,
    clip_norm: float | None = None,
    accumulate: int = 1,
    threads: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    resume: Any = None,
) -> Generator[TrainingState, None, History]:
    """Train a model, yielding the state after every batch; the generator's value is the history.

    Args:
        model: a layer; sizes still to be inferred follow from the first batch.
        train: arrays ``(x, y)`` or ``(x, y, weight)``, a dataset, a loader, or any re-iterable of batches.
        loss: a loss, its name or configuration, or a function of Tensors (pred, target) (see `FunctionLoss`).
        optimizer: an optimizer over the model's parameters, or a name or configuration to make one.
        epochs: passes over the data.
        batch_size: samples per batch, where `train` does not form batches itself; the last may be smaller.
        validation: data to evaluate after each epoch, in evaluation mode.
        metrics: metrics, their names or configurations, gathered during training and on the validation data.
        callbacks: objects with methods named after events (`nn_core.protocols.Callback`), names or configurations.
        scheduler: sets the learning rate: a scheduler over the optimizer, or the name or configuration of one.
        clip_norm: the largest norm of all gradients together; larger ones are scaled down before each update.
        accumulate: batches per update, which then follows the mean over all their samples; fewer at an epoch's end.
        threads: of NumPy's BLAS while it trains; as many as it has by itself if left out.
        shuffle: whether arrays and datasets are visited in a new order each epoch, keyed by (seed, epoch).
        seed: the order of the data and the dropout masks follow from it and the position alone.
        resume: a checkpoint (`nn_core.Checkpoint`) of a run with the same arguments, to go on from.

    Raises:
        ModelFileError: the checkpoint is missing or damaged, or of another model.
        ConfigError: an argument is of the wrong type, or the optimizer is over parameters of another model alone.
        DataError: there is no data.
        PluginError: `threads` is given, and threadpoolctl is not installed.
    """
    run = Run(
        model,
        train,
        loss=loss,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
        validation=validation,
        metrics=metrics,
        callbacks=callbacks,
        scheduler=scheduler,
        clip_norm=clip_norm,
        accumulate=accumulate,
        threads=threads,
        shuffle=shuffle,
        seed=seed,
        resume=resume,
    )
    return (yield from run.steps())


def _same_arguments_as(steps: Callable[P, Any]) -> Callable[[Callable[..., R]], Callable[P, R]]:
    """Give a function the signature of another one, for type checkers and for ``help()``."""

    def decorate(function: Callable[..., R]) -> Callable[P, R]:
        signature = inspect.signature(steps).replace(return_annotation=inspect.signature(function).return_annotation)
        function.__signature__ = signature  # type: ignore[attr-defined]  # where inspect looks for it
        return cast("Callable[P, R]", function)

    return decorate


_HINTS = {
    "lr": "it is the optimizer's, as in optimizer={'type': 'adam', 'lr': 0.001}",
    "learning_rate": "it is the optimizer's, as in optimizer={'type': 'adam', 'lr': 0.001}",
    "validation_data": "write validation=(x, y)",
    "verbose": "write callbacks=['progress_bar']",
}
"""What people look for who come from elsewhere."""


@_same_arguments_as(training_steps)
def fit(model: Any, train: Any, *more: Any, **options: Any) -> History:
    """Train a model and return what was measured after each epoch; see `training_steps` for the arguments.

    The model is left in evaluation mode.

    >>> import numpy as np
    >>> from nn_core import Linear, Parameter
    >>> class Descent:
    ...     def __init__(self, parameters):
    ...         self.parameters = parameters
    ...
    ...     def step(self):
    ...         for parameter in self.parameters:
    ...             parameter.data -= parameter.grad
    ...
    ...     def zero_grad(self):
    ...         for parameter in self.parameters:
    ...             parameter.zero_grad()
    >>> x, y = np.array([[-1.0], [1.0]], np.float32), np.array([0, 1])
    >>> model = Linear(1, 2)
    >>> history = fit(model, (x, y), loss="cross_entropy", optimizer=Descent(model.parameters()), epochs=50)
    >>> history["loss"][-1] < 0.05
    True
    """
    if more:
        raise ConfigError("fit takes inputs and targets as one pair, and the options by name: fit(model, (x, y), …).")
    for name, remedy in _HINTS.items():
        if name in options:
            raise ConfigError(f"fit has no option {name!r}: {remedy}.")
    check_options("fit", training_steps, options, positional=2)
    run = training_steps(model, train, **options)
    while True:
        try:
            next(run)
        except StopIteration as end:
            history: History = end.value
            return history
