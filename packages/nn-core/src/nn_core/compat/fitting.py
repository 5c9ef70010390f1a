"""Fitting a compiled model with an eye on its accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_core.compat.one_hot import OneHot
from nn_core.evaluation import listed, named_metrics
from nn_core.model import Model
from nn_core.training_state import TrainingState

_NO_COLUMNS = ("epoch", "seconds")


def fit_by_accuracy(
    model: Model,
    data: Any,
    *,
    num_classes: int | None,
    stopping: Mapping[str, Any] | None,
    reducing: Mapping[str, Any] | None,
    options: dict[str, Any],
) -> dict[str, list[float]]:
    """Train, and return the columns of the history, accuracy among them where the targets are class indices.

    Args:
        model: a compiled model.
        data: what `nn_core.fit` takes.
        num_classes: if given, the loss sees one-hot rows.
        stopping: options of early stopping; None for none. It watches the validation accuracy, else the training
            accuracy, else the loss.
        reducing: options of ``reduce_lr_on_plateau``, which watches the same; None for none.
        options: those of `nn_core.fit`.

    Raises:
        ConfigError: an option is unknown, or `Model.compile` was not called.
        DataError: a target is not a class from 0 to below `num_classes`.
    """
    model.check_compiled()
    own = model.loss
    loss = own if num_classes is None else OneHot(own, num_classes)
    names = named_metrics(options.get("metrics", model.metrics), loss)
    classes = num_classes is not None or (getattr(loss, "outputs", "") == "logits" and _has_classes(data))
    if classes and "accuracy" not in names:
        names |= named_metrics(["accuracy"])
    counted = "accuracy" in names
    column = ("" if options.get("validation") is None else "val_") + ("accuracy" if counted else "loss")
    watched = {"monitor": column, "mode": "max" if counted else "min"}
    callbacks = listed("callbacks", options.pop("callbacks", ()))
    if stopping is not None:
        callbacks.append({"type": "early_stopping", **stopping, **watched})
    if reducing is not None:
        options["scheduler"] = {"type": "reduce_lr_on_plateau", **reducing, **watched}
    model.loss = loss
    try:
        history = model.fit(data, **options | {"metrics": [*names.values()], "callbacks": [*callbacks, _Rates()]})
    finally:
        model.loss = own
    return {name.replace("accuracy", "acc"): history[name] for name in history.columns if name not in _NO_COLUMNS}


class _Rates:
    """Add the learning rate to the history, where the optimizer has one."""

    def on_batch_start(self, state: TrainingState) -> None:
        groups = getattr(state.optimizer, "param_groups", None) or [{}]
        rate = groups[0].get("lr", getattr(state.optimizer, "lr", None))
        if rate is not None:
            state.columns["lr"] = float(rate)


def _has_classes(data: Any) -> bool:
    """Return whether the targets are class indices, as far as the data tell before they are read."""
    y = data[1] if isinstance(data, tuple) and len(data) > 1 else data.take([0])[1] if hasattr(data, "take") else None
    return y is not None and getattr(getattr(y, "dtype", None), "kind", "") in ("i", "u") and y.ndim == 1
