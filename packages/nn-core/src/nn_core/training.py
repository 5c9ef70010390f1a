"""The training engine: a generator that yields after every batch, and `fit`, which drives it to the end."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable
from numbers import Integral
from time import perf_counter
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from attrs import Factory, define

from nn_core.batching import Batches
from nn_core.errors import ConfigError, did_you_mean
from nn_core.evaluation import component, evaluate, infer, listed, loss_step, named_metrics
from nn_core.gradients import check_norm, clip_grad_norm
from nn_core.history import History
from nn_core.layer import Layer
from nn_core.parameter import Parameter
from nn_core.protocols import EVENTS
from nn_core.random import keyed
from nn_core.registry import check_options

P = ParamSpec("P")
R = TypeVar("R")


@define(eq=False)
class TrainingState:
    """Where a training run stands; every callback method gets it.

    Attributes:
        model: the model.
        optimizer: the optimizer.
        history: one row per finished epoch.
        epochs: how many epochs were asked for.
        epoch: the current epoch, from 1.
        batches: batches per epoch, None where the data cannot tell.
        batch: the current batch in the epoch, from 1.
        step: updates done so far in the run.
        logs: the epoch's averages so far: ``loss`` and the metrics (those that are slow to compute only at its end);
            after validation also ``val_…``.
        stop: set it to True to end the run after the current batch.
    """

    model: Any
    optimizer: Any
    epochs: int
    batches: int | None
    history: History = Factory(History)
    epoch: int = 0
    batch: int = 0
    step: int = 0
    logs: dict[str, float] = Factory(dict)
    stop: bool = False


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
    clip_norm: float | None = None,
    shuffle: bool = True,
    seed: int = 0,
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
        clip_norm: the largest norm of all gradients together; larger ones are scaled down before each update.
        shuffle: whether arrays and datasets are visited in a new order each epoch, keyed by (seed, epoch).
        seed: the order of the data and the dropout masks follow from it and the position alone.

    Raises:
        ConfigError: an argument is of the wrong type, or the optimizer is over parameters of another model alone.
        DataError: there is no data.
    """
    if not isinstance(epochs, Integral) or isinstance(epochs, bool) or epochs < 0:
        raise ConfigError(f"epochs must be an integer of at least 0, got {epochs!r}.")
    if not hasattr(model, "backward"):
        raise ConfigError(f"fit trains a layer, such as Sequential(…), got {type(model).__name__}.")
    criterion = component("loss", loss)
    measures = named_metrics(metrics, criterion)
    if clip_norm is not None:
        check_norm("clip_norm", clip_norm)
    listeners = [_checked_callback(component("callback", choice)) for choice in listed("callbacks", callbacks)]
    source = Batches(train, batch_size, shuffle, seed)
    held_out = None if validation is None else Batches(validation, batch_size).data  # refused now if it is no data
    _build(model, source, seed)
    parameters = model.parameters()
    rule = component("optimizer", optimizer, parameters)
    _check_trains(rule, parameters)
    averages = getattr(criterion, "reduction", "mean") not in ("sum", "none")
    arguments = {"input_gradient": False} if getattr(model, "declines_input_gradient", False) else {}
    state = TrainingState(model, rule, epochs, source.count())

    def tell(event: str, *details: Any) -> None:
        for listener in listeners:
            if hasattr(listener, event):
                getattr(listener, event)(state, *details)

    tell("on_fit_start")
    try:
        for state.epoch in range(1, epochs + 1):
            start = perf_counter()
            model.train()
            for metric in measures.values():
                metric.reset()
            total = count = 0.0
            state.batch, state.logs = 0, {}
            tell("on_epoch_start")
            for batch, (x, y, *weight) in enumerate(source.epoch(state.epoch - 1), 1):
                state.batch = batch
                tell("on_batch_start")
                rule.zero_grad()
                with keyed(seed, state.step):
                    pred = model(*x, **arguments) if isinstance(x, tuple) else model(x, **arguments)
                value, gradient, size = loss_step(criterion, pred, y, *weight)
                model.backward(gradient)
                if clip_norm is not None:
                    clip_grad_norm(parameters, clip_norm)
                rule.step()
                state.step += 1

                if size:  # a batch in which nothing counts has no mean
                    total += float(np.sum(value)) * (size if averages else 1.0)
                count += size
                for metric in measures.values():
                    metric.update(pred, y, *weight)
                state.logs = {"loss": total / count if count else float("nan")}
                quick = {name: metric for name, metric in measures.items() if getattr(metric, "running", True)}
                state.logs |= {name: float(metric.compute()) for name, metric in quick.items()}
                tell("on_batch_end")
                yield state
                if state.stop:
                    break
            state.logs |= {name: float(metric.compute()) for name, metric in measures.items()}
            if held_out is not None:
                model.eval()
                scores = evaluate(model, held_out, loss=criterion, metrics=measures.values(), batch_size=batch_size)
                state.logs |= {f"val_{name}": score for name, score in scores.items()}
                tell("on_validation_end")
            state.history.append({"epoch": state.epoch, **state.logs, "seconds": perf_counter() - start})
            tell("on_epoch_end")
            if state.stop:
                break
    except GeneratorExit:
        raise
    except BaseException as error:
        tell("on_exception", error)
        raise
    finally:
        model.eval()
    tell("on_fit_end")
    return state.history


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


def _build(model: Any, source: Batches, seed: int) -> None:
    """Build what is still to be inferred from the first batch, with weights that follow from the seed."""
    if _is_built(model):
        return
    x = source.first()[0]
    shape = tuple(part.shape for part in x) if isinstance(x, tuple) else x.shape
    model.build(shape, np.random.default_rng(seed))
    if not _is_built(model):  # parts of a layer that has no build() of its own meet their input in its forward
        infer(model, x)


def _is_built(model: Any) -> bool:
    layers = [layer for _, layer in model.named_layers()] if isinstance(model, Layer) else [model]
    return all(getattr(layer, "built", False) for layer in layers)


def _check_trains(optimizer: Any, parameters: list[Parameter]) -> None:
    """Refuse an optimizer that has none of the parameters; one that does not list its own is taken as it is."""
    held = listed_by(optimizer)
    wanted = [id(parameter) for parameter in parameters if parameter.requires_grad]
    if held is not None and wanted and held.isdisjoint(wanted):
        raise ConfigError(
            f"{type(optimizer).__name__} has none of the model's parameters, so nothing would be trained. "
            f"Make it over model.parameters() of this model."
        )


def listed_by(optimizer: Any) -> set[int] | None:
    """Return the identities of the parameters that an optimizer says it has, None if it does not say."""
    held = getattr(optimizer, "parameters", None)
    return {id(parameter) for parameter in held} if isinstance(held, (list, tuple)) else None


def _checked_callback(callback: Any) -> Any:
    for name in dir(callback):
        if name.startswith("on_") and name not in EVENTS:
            raise ConfigError(f"{type(callback).__name__}.{name} is not an event.{did_you_mean(name, EVENTS)}")
    if not any(hasattr(callback, event) for event in EVENTS):
        raise ConfigError(f"{callback!r} is no callback: it has none of the methods {', '.join(EVENTS)}.")
    return callback
