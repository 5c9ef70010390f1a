"""What the metrics share: how a batch is taken in, and the checks of what they are fed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from attrs import define

from nn_core.backends import backend
from nn_core.errors import DataError, PluginError, ShapeError
from nn_core.loss import check_weights
from nn_core.typing import Array

NAN = float("nan")

_LARGEST = 2**31
"""Class numbers are smaller than this; beyond it a float is not cast to an integer quietly."""


@define(eq=False, slots=False)
class Metric(ABC):
    """A figure of merit over all samples since the last reset, however they were split into batches.

    A subclass defines `reset` and `compute`, and the two steps of `update`: `_prepare` checks a batch and brings it
    into one form, `_add` takes it in with one float64 weight per sample. A batch that is refused changes nothing.
    """

    name: ClassVar[str]
    """How errors call the metric."""

    scalar: ClassVar[bool] = True
    """Whether `compute` returns a number, which a column of a history can hold."""

    running: ClassVar[bool] = True
    """Whether `compute` is quick enough to be shown after every batch, and not only after an epoch."""

    def __attrs_post_init__(self) -> None:
        self.reset()

    @abstractmethod
    def reset(self) -> None:
        """Start over."""

    @abstractmethod
    def compute(self) -> Any:
        """Return the value over everything taken in since the last reset."""

    def update(self, pred: Any, target: Any, weight: Any = None) -> None:
        """Take in one batch: outputs, what they should be, and optionally a weight per sample, ``(N,)``, at least 0.

        Raises:
            ShapeError: the shapes are not those of the metric, or there is not one weight per sample.
            DataError: an array does not hold numbers, a target is no class, or a weight is negative or not finite.
        """
        pred = self._array(pred)
        xp = backend(pred)
        target = xp.asarray(target)
        weights = xp.ones(pred.shape[:1]) if weight is None else xp.asarray(weight)
        for array in (pred, target, weights):
            if array.dtype.kind not in "fiub":
                raise DataError(f"{self.name}: expected numbers, got an array of {array.dtype}.")
        if weights.shape != pred.shape[:1]:
            raise ShapeError(
                f"{self.name}: expected one weight per sample, shape {pred.shape[:1]}, got shape {weights.shape}"
            )
        if weight is not None:
            check_weights(self.name, weights)
        pred, target = self._prepare(pred, target)  # the last that may refuse the batch
        if len(pred):
            self._add(pred, target, weights.astype("float64", copy=False))

    def _array(self, pred: Any) -> Array:
        if isinstance(pred, tuple):
            raise DataError(f"{self.name}: expected one array, got a tuple of {len(pred)}. Pass one of the outputs.")
        try:
            backend(pred)
        except PluginError:  # a list or a Tensor
            pred = np.asarray(pred)
        array: Array = pred
        return array

    @abstractmethod
    def _prepare(self, pred: Array, target: Array) -> tuple[Array, Array]: ...

    @abstractmethod
    def _add(self, pred: Array, target: Array, weights: Array) -> None: ...


def check_columns(metric: str, pred: Array, target: Array) -> None:
    """Refuse all but outputs of one column per class, and targets of class indices or one-hot rows.

    Raises:
        ShapeError: there is one column only, or the shapes are others.
    """
    if pred.ndim != 2 or target.shape not in (pred.shape[:1], pred.shape):
        raise ShapeError(
            f"{metric}: expected outputs (N, C) with targets (N,) or (N, C), got {pred.shape} and {target.shape}"
        )
    if pred.shape[1] < 2:
        raise ShapeError(
            f"{metric}: expected outputs (N, C) with a column for each of at least two classes, got {pred.shape}",
            "For one score per sample there is binary_accuracy.",
        )


def without_last_axis(array: Array) -> Array:
    """Return ``(N,)`` for ``(N, 1)`` and other arrays as they are."""
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def largest(scores: Array) -> Array:
    """Return the place of the largest entry of each row; −1, which is no class, where a row has a NaN."""
    xp = backend(scores)
    place = scores.argmax(axis=1)  # of the first NaN, if there is one
    entry = xp.take_along_axis(scores, place[:, None], axis=1)[:, 0]
    places: Array = xp.where(xp.isnan(entry), -1, place)
    return places


def class_indices(metric: str, values: Array, classes: int | None = None, remedy: str = "") -> Array:
    """Return class numbers, which may come as floats, as integers; of one-hot rows those of the largest entry.

    Raises:
        DataError: one is not a whole number of at least 0 and, if given, below `classes`.
    """
    xp = backend(values)
    if values.ndim == 2:
        values = largest(values)
    indices: Array = xp.where(abs(values) < _LARGEST, values, -1).astype("int64")  # NaN, too, becomes −1
    wrong = (indices != values) | (indices < 0) | (indices >= (classes or _LARGEST))
    if wrong.any():
        first = int(wrong.argmax())
        wanted = f"from 0 to {classes - 1}" if classes else "of at least 0"
        found = f"got {values[first].item()} for sample {first}"
        raise DataError(f"{metric}: a class is a whole number {wanted}, {found}. {remedy}".rstrip())
    return indices
