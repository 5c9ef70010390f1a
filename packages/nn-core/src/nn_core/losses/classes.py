"""What the losses of classification share: where the classes are, their weights, and indices that do not count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from attrs import Attribute, define, field

from nn_core.backends import backend
from nn_core.errors import ConfigError, DataError, DTypeError, ShapeError
from nn_core.fields import doc, integer
from nn_core.loss import Loss
from nn_core.losses.checks import array_option, first_of, not_negative_array
from nn_core.typing import Array, Shape

_UNSIGNED: dict[Any, Any] = {np.dtype(f"i{size}"): np.dtype(f"u{size}") for size in (1, 2, 4, 8)}
"""Dtypes of class indices as ones in which negative numbers are large, so that one look finds wrong indices."""


def class_axis(pred: Array) -> int:
    """Return the axis of the classes: 1, or 0 where there is no axis of samples."""
    return min(1, pred.ndim - 1)


def shape_of_indices(pred: Array) -> Shape:
    """Return the shape of pred without the classes: ``(N, C, d₁, …)`` → ``(N, d₁, …)``."""
    axis = class_axis(pred)
    return pred.shape[:axis] + pred.shape[axis + 1 :]


def to_rows(pred: Array) -> Array:
    """Return ``(N, C, d₁, …)`` as rows of classes, ``(N d₁ …, C)``; a view of ``(N, C)``."""
    if pred.ndim == 2:
        return pred
    axis = class_axis(pred)
    rows: Array = backend(pred).moveaxis(pred, axis, -1).reshape(-1, pred.shape[axis])
    return rows


def from_rows(rows: Array, pred: Array) -> Array:
    """Return rows of classes in the shape of pred."""
    if pred.ndim == 2:
        return rows
    axis = class_axis(pred)
    array: Array = backend(rows).moveaxis(rows.reshape(*shape_of_indices(pred), rows.shape[1]), -1, axis)
    return array


def _array_option(value: Sequence[float] | Array | None) -> Any:
    return array_option(value)


def _one_per_class(owner: object, option: Attribute[Any], value: Any) -> None:
    not_negative_array(owner, option, value)
    if value is not None and value.ndim != 1:
        raise ConfigError(
            f"weight of {type(owner).__name__} must be a list of one number per class, got shape {value.shape}. "
            f"Weights of samples go with the batch: loss(pred, target, weight)."
        )


@define(eq=False, slots=False)
class ClassLoss(Loss):
    """A loss over classes, with targets that are class indices."""

    weight: Any = field(
        default=None,
        converter=_array_option,
        validator=_one_per_class,
        metadata=doc("of each class, (C,): multiplies its terms and what they count in the mean"),
    )
    ignore_index: int = field(
        default=-100,
        validator=integer,
        metadata=doc("class index of what does not count, in the mean either"),
    )

    outputs: ClassVar[str] = "logits"

    def counts(self, pred: Array, target: Any) -> Array | None:
        """Return the weights of the classes that the indices name, 0 where they are ignored; None if all count 1."""
        xp = backend(pred)
        target = xp.asarray(target)
        if target.shape == pred.shape or (self.weight is None and self._all_count(pred, target)):
            return None
        kept = target != self.ignore_index
        if self.weight is None:
            counts: Array = kept.astype(pred.dtype)
        else:
            counts = self.class_weights(pred)[xp.where(kept, target, 0)] * kept
        return counts

    def _all_count(self, pred: Array, target: Array) -> bool:
        """Return whether all targets are class indices, and none is the one to ignore; False if that is not sure."""
        unsigned = _UNSIGNED.get(target.dtype)
        if unsigned is None or self.ignore_index >= 0:
            return False
        return not target.size or bool(target.view(unsigned).max() < pred.shape[class_axis(pred)])

    def class_weights(self, pred: Array) -> Array:
        """Return the class weights in the dtype of pred.

        Raises:
            ShapeError: there is not one for each class.
        """
        classes = pred.shape[class_axis(pred)]
        weight: Array = backend(pred).asarray(self.weight, dtype=pred.dtype)
        if len(weight) != classes:
            raise ShapeError(f"{type(self).__name__}: expected {classes} class weights, got {len(weight)}")
        return weight

    def labels(self, target: Array, all_count: bool = False) -> tuple[Array, Array]:
        """Return the numbers of the rows and the class index of each, 0 where it is ignored."""
        xp = backend(target)
        kept = target if all_count else xp.where(target == self.ignore_index, 0, target)
        return xp.arange(target.size), kept.reshape(-1)

    def check(self, pred: Array, target: Array, probabilities: bool) -> bool:
        """Refuse what does not go together; `probabilities` says whether targets may also be rows of them.

        Returns:
            Whether all targets are class indices, and none is the one to ignore; False if that is not sure.

        Raises:
            ShapeError: pred has no axis of classes, or the target is not of the shape that goes with it.
            DTypeError: class indices are not integers.
            DataError: an index is not a class, or ``ignore_index`` of at least 0 meets probabilities.
        """
        if target.shape == pred.shape[:1] and pred.ndim == 2 and self._all_count(pred, target):  # the rule
            return True
        name = type(self).__name__
        one_output = pred.ndim == 1 and target.shape == pred.shape and target.dtype.kind != "f"
        if pred.ndim == 0 or pred.shape[class_axis(pred)] == 0 or one_output:
            raise ShapeError(
                f"{name}: expected outputs of shape (N, C), got {pred.shape}", "The model needs one output per class."
            )
        indices = shape_of_indices(pred)
        if target.shape == indices:
            self._check_indices(pred, target)
        elif not probabilities or target.shape != pred.shape:
            either = f" or {pred.shape} (one-hot or probabilities)" if probabilities else ""
            remedy = ""
            if pred.ndim > 2 and target.ndim == 1:
                remedy = "A model for one class per sample ends in a linear layer: put flatten before it."
            elif pred.ndim > 2 and target.shape == pred.shape[:-1]:
                remedy = "The classes belong on axis 1, as after moveaxis(pred, -1, 1)."
            raise ShapeError(
                f"{name}: expected targets of shape {indices} (class indices){either}, got {target.shape}", remedy
            )
        elif self.ignore_index >= 0:
            raise DataError(
                f"{name}: ignore_index={self.ignore_index} needs class indices, got targets of shape {target.shape}. "
                f"Leave it out, or give the samples weights of 0."
            )
        return False

    def _check_indices(self, pred: Array, target: Array) -> None:
        if target.dtype.kind not in "iu":
            raise DTypeError(f"{type(self).__name__}: class indices must be integers, got {target.dtype}.")
        classes = pred.shape[class_axis(pred)]
        wrong = ((target < 0) | (target >= classes)) & (target != self.ignore_index)
        if wrong.any():
            label, place = first_of(wrong, target)
            raise DataError(
                f"{type(self).__name__}: target {label} of {place} is not one of the {classes} classes 0 to "
                f"{classes - 1} that the model has outputs for."
            )
