"""Run a model over data without training it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nn_core import protocols
from nn_core.batching import Batches, as_arrays, check_batch_size, rows
from nn_core.errors import ConfigError, DataError
from nn_core.loss import Loss
from nn_core.losses.function import FunctionLoss
from nn_core.registry import build, get, registry
from nn_core.typing import Array

_METHODS = {"loss": "value_and_grad", "metric": "update", "optimizer": "step"}
"""By which method an object of a kind is recognized."""


def evaluate(
    model: Any,
    data: Any,
    *,
    loss: Any = None,
    metrics: Iterable[Any] = (),
    batch_size: int = 256,
) -> dict[str, float]:
    """Return the loss and the metrics of a model over data, with the layers behaving as in evaluation.

    Args:
        model: a layer.
        data: arrays, a dataset, a loader or batches, as for `Batches`.
        loss: a loss, its name or configuration, or a function (see `FunctionLoss`); left out, no loss is computed.
        metrics: metrics, their names or configurations.
        batch_size: samples at a time; it has no influence on the result but rounding.

    >>> from nn_core import Linear
    >>> model = Linear(2, 2, bias=False)
    >>> model.weight.data[...] = np.eye(2)
    >>> evaluate(model, (np.eye(2, dtype=np.float32), np.array([0, 1])), metrics=["accuracy"])
    {'accuracy': 1.0}
    """
    criterion = None if loss is None else component("loss", loss)
    named = named_metrics(metrics, criterion)
    total = count = 0.0
    for metric in named.values():
        metric.reset()
    for x, y, *weight in Batches(data, batch_size).epoch(0):
        pred = infer(model, x)
        if criterion is not None:
            part, size = loss_sum(criterion, pred, y, *weight)
            total, count = total + part, count + size
        for metric in named.values():
            metric.update(pred, y, *weight)
    result = {} if criterion is None else {"loss": total / count if count else float("nan")}
    return result | {name: float(metric.compute()) for name, metric in named.items()}


def predict(model: Any, x: Any, *, batch_size: int = 256) -> Any:
    """Return the outputs for all of `x`, an array (or a tuple of arrays) of samples, computed a batch at a time.

    A model with several outputs gives a tuple of arrays.

    Raises:
        DataError: `x` is something else, or `batch_size` no positive integer.

    >>> from nn_core import Linear
    >>> predict(Linear(2, 3), np.zeros((5, 2), np.float32)).shape
    (5, 3)
    """
    if hasattr(x, "take") and not hasattr(x, "__array__"):
        raise DataError(f"predict takes the inputs alone, an array or a tuple of them, got {type(x).__name__}.")
    check_batch_size(batch_size)
    x = as_arrays(x)
    parts = x if isinstance(x, tuple) else (x,)
    starts = range(0, max(rows(x), 1), batch_size)
    chunks = [tuple(part[start : start + batch_size] for part in parts) for start in starts]
    outputs = [infer(model, chunk if isinstance(x, tuple) else chunk[0]) for chunk in chunks]
    if isinstance(outputs[0], tuple):
        return tuple(np.concatenate(column) for column in zip(*outputs, strict=True))
    return np.concatenate(outputs)


def infer(model: Any, x: Any) -> Any:
    """Return a model's output in evaluation, whatever its mode, for a batch that may be a tuple of inputs."""
    accept = getattr(model, "accept", lambda part: part)
    return model.infer(*(accept(part) for part in x)) if isinstance(x, tuple) else model.infer(accept(x))


def loss_sum(loss: Any, pred: Any, target: Any, weight: Array | None = None) -> tuple[float, float]:
    """Return a loss summed over a batch and the weight of the batch in an average."""
    if hasattr(loss, "sum_and_weight"):
        total, size = loss.sum_and_weight(pred, target, weight)
        return total, size
    value, _, size = loss_step(loss, pred, target, weight)
    return float(value) * size, size


def loss_step(loss: Any, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Any, float]:
    """Return the value and the gradient of a loss on a batch, and what the batch counts in an average.

    A loss that computes the first two in its own way counts one per sample, or its weight.
    """
    if getattr(type(loss), "value_and_grad", None) is Loss.value_and_grad:
        value, backward, count = loss.reduce(pred, target, weight)
        return value, backward(None), count
    value, gradient = loss.value_and_grad(pred, target, weight)
    return value, gradient, float(rows(pred)) if weight is None else float(np.sum(weight))


def component(kind: str, choice: Any, *args: Any) -> Any:
    """Return a component given as an object, by its name, or as a configuration ``{"type": name, …}``.

    A loss may also be a function of (pred, target), as `FunctionLoss` takes it.

    Raises:
        ConfigError: the choice is a class or not an object of this kind.
    """
    if isinstance(choice, (str, Mapping)):
        return build(kind, choice, *args)
    if isinstance(choice, type):
        raise ConfigError(f"The {kind} is given as the class {choice.__name__}: write {choice.__name__}(…).")
    if kind == "loss" and callable(choice) and not hasattr(choice, "value_and_grad"):
        return FunctionLoss(choice)
    if kind in _METHODS and not hasattr(choice, _METHODS[kind]):
        hint = " A loss in two methods is wrapped by nn_core.compat.adapt_loss." if hasattr(choice, "backward") else ""
        raise ConfigError(
            f"The {kind} must be an object with the method {_METHODS[kind]}, or a name; got {choice!r}.{hint}"
        )
    if kind == "optimizer" and not hasattr(choice, "zero_grad"):
        raise ConfigError(
            f"The optimizer {choice!r} has no zero_grad. One whose step takes arrays and gradients is wrapped by "
            f"nn_core.compat.adapt_optimizer."
        )
    return choice


def listed(option: str, given: Any) -> list[Any]:
    """Return what an option lists, and refuse one component without a list around it.

    Raises:
        ConfigError: it is no list.
    """
    if isinstance(given, (str, Mapping)) or not isinstance(given, Iterable):
        remedy = f"leave {option} out for none" if given is None else f"write {option}=[{given!r}]"
        raise ConfigError(f"{option} is a list of {option}: {remedy}.")
    return list(given)


def _for_logits(choice: Any) -> Any:
    """Return the choice of a metric with ``from_logits`` set, if it has that option and it is still open."""
    options = {"type": choice} if isinstance(choice, str) else choice
    if not isinstance(options, Mapping) or not isinstance(options.get("type"), str):
        return choice
    knows = "from_logits" in inspect.signature(get("metric", options["type"])).parameters
    return {"from_logits": True, **options} if knows else choice


def named_metrics(metrics: Iterable[Any], loss: Any = None) -> dict[str, protocols.Metric]:
    """Return metrics by the names that their columns get, such as ``precision`` and ``precision_2`` of two kinds.

    Those that are made here, from a name or a configuration, expect logits if the `loss` does.
    """
    logits = getattr(loss, "outputs", "").endswith("logits")
    named: dict[str, protocols.Metric] = {}
    for choice in listed("metrics", metrics):
        metric = component("metric", _for_logits(choice) if logits else choice)
        found = registry().component_of(type(metric), "metric")
        name = found.name if found else type(metric).__name__.lower()
        alike = [repr(other) for other in named.values() if type(other) is type(metric)]
        if alike and repr(metric) not in alike:  # with other options
            name = f"{name}_{len(alike) + 1}"
        if name in named:
            raise ConfigError(f"The metric {name!r} is given twice.")
        if not getattr(metric, "scalar", True):
            raise ConfigError(
                f"The metric {name!r} is an array, which has no place in a row of numbers. "
                f"Compute it on its own: metric.update(predict(model, x), y)."
            )
        named[name] = metric
    return named
