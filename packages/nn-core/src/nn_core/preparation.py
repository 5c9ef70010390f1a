"""What is checked, and what is made ready, before a training run begins."""

from __future__ import annotations

from contextlib import nullcontext
from numbers import Integral
from typing import Any

import numpy as np

from nn_core.batching import Batches
from nn_core.errors import ConfigError, PluginError, did_you_mean
from nn_core.evaluation import component, infer
from nn_core.layer import Layer
from nn_core.parameter import Parameter
from nn_core.protocols import EVENTS


def check_count(option: str, value: Any, least: int) -> None:
    """Refuse all but integers of at least so much."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise ConfigError(f"{option} must be an integer of at least {least}, got {value!r}.")


def blas_threads(threads: int | None) -> Any:
    """Return a context in which NumPy's BLAS uses that many threads."""
    if threads is None:
        return nullcontext()
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise PluginError("threads= needs threadpoolctl: install the extra nn-core[threads].") from None
    return threadpool_limits(int(threads), user_api="blas")


def build_from(model: Any, source: Batches, seed: int) -> None:
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


def check_trains(optimizer: Any, parameters: list[Parameter]) -> None:
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


def checked_callback(callback: Any) -> Any:
    """Return a callback, refusing what has no event's method, or one that is misspelled."""
    for name in dir(callback):
        if name.startswith("on_") and name not in EVENTS:
            raise ConfigError(f"{type(callback).__name__}.{name} is not an event.{did_you_mean(name, EVENTS)}")
    if not any(hasattr(callback, event) for event in EVENTS):
        raise ConfigError(f"{callback!r} is no callback: it has none of the methods {', '.join(EVENTS)}.")
    return callback


def planned_scheduler(choice: Any, optimizer: Any, epochs: int, updates: int | None) -> Any:
    """Return a scheduler that knows how many steps it will take, or None for None.

    Args:
        choice: a scheduler, its name or its configuration.
        optimizer: whose rate one by name is to set.
        epochs: how many there will be.
        updates: how many per epoch, None where the data cannot tell.
    """
    if choice is None:
        return None
    scheduler = component("scheduler", choice, optimizer)
    if not callable(getattr(scheduler, "step", None)):
        raise ConfigError(f"The scheduler must be an object with the method step, or a name; got {scheduler!r}.")
    if getattr(scheduler, "optimizer", optimizer) is not optimizer:
        raise ConfigError(
            f"{type(scheduler).__name__} sets the learning rate of another optimizer than {optimizer!r}: make it over "
            f"the one that fit gets, or give fit its name."
        )
    if hasattr(scheduler, "plan"):
        per_batch = getattr(scheduler, "per", "epoch") == "batch"
        scheduler.plan(epochs if not per_batch else None if updates is None else epochs * updates)
    return scheduler


def first_options(optimizer: Any) -> list[dict[str, Any]] | None:
    """Return the options of the groups of an optimizer that has taken no step yet, for comparison when it resumes."""
    groups, states = getattr(optimizer, "param_groups", None), getattr(optimizer, "state", None)
    if groups is None or not isinstance(states, dict) or any(states.values()):
        return None
    return [{name: value for name, value in group.items() if name != "params"} for group in groups]
