"""What several losses share: losses with a term per element, and the checks of targets and of options with arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import Attribute

from nn_core.backends import backend
from nn_core.errors import ConfigError, DataError, DTypeError, ShapeError
from nn_core.loss import Loss, everywhere
from nn_core.parameter import Buffer
from nn_core.tensor import Tensor
from nn_core.typing import Array


class ElementwiseLoss(Loss):
    """A loss with a term per element of pred, from a target of the same shape."""

    def counts(self, pred: Any, target: Any) -> Array | None:
        """Return 1 for each element."""
        like = pred[0] if isinstance(pred, tuple) else pred
        return everywhere(1.0, like, like.shape)


def target_array(loss: Loss, pred: Array, target: Any) -> Array:
    """Return a target as an array, refusing texts, dates and objects, which NumPy would turn into numbers.

    Raises:
        DTypeError: it does not hold numbers.
    """
    given: Array = backend(pred).asarray(target)
    if given.dtype.kind not in "fiub":
        raise DTypeError(f"{type(loss).__name__}: targets must be numbers, got an array of {given.dtype}.")
    return given


def same_shape(loss: Loss, pred: Array, target: Any) -> Array:
    """Return a target in the dtype of pred, refusing one that would merely broadcast against it.

    Raises:
        ShapeError: the shapes are not equal.
        DTypeError: the target does not hold numbers.
    """
    given = target_array(loss, pred, target)
    if given.shape != pred.shape:
        remedy = "Element is compared with element: nothing is broadcast."
        if given.size == pred.size and pred.ndim:
            remedy = f"Bring the targets into that shape, as in np.reshape(y, {(-1, *pred.shape[1:])})."
        raise ShapeError(
            f"{type(loss).__name__}: expected targets of the predictions' shape {pred.shape}, got {given.shape}", remedy
        )
    converted: Array = given.astype(pred.dtype, copy=False)
    return converted


def two_predictions(loss: Loss, pred: Any) -> tuple[Array, Array]:
    """Return a pair of predictions of one shape.

    Raises:
        ShapeError: pred is no such pair.
    """
    if not isinstance(pred, tuple) or len(pred) != 2 or pred[0].shape != pred[1].shape:
        seen = [part.shape for part in pred] if isinstance(pred, tuple) else type(pred).__name__
        raise ShapeError(f"{type(loss).__name__}: expected pred to be a tuple of two arrays of one shape, got {seen}")
    return pred


def check_range(loss: Loss, values: Array, what: str, remedy: str = "") -> None:
    """Refuse numbers outside of 0 to 1; NaN, which a diverged model predicts, passes.

    Raises:
        DataError: there is one; the message names the first.
    """
    refuse(loss, (values < 0) | (values > 1), values, f"{what} must be from 0 to 1", remedy)


def check_signs(loss: Loss, target: Array) -> None:
    """Refuse targets other than 1 and −1.

    Raises:
        DataError: there is one; the message names the first.
    """
    refuse(loss, (target != 1) & (target != -1), target, "targets must be 1 or −1")


def refuse(loss: Loss, wrong: Array, values: Array, problem: str, remedy: str = "") -> None:
    """Raise an error that names the first of the wrong values and where it is; do nothing if there is none."""
    if wrong.any():
        value, place = first_of(wrong, values)
        raise DataError(f"{type(loss).__name__}: {problem}, got {value:g} in {place}. {remedy}".rstrip())


def first_of(wrong: Array, values: Array) -> tuple[Any, str]:
    """Return the first of the wrong values, and in words where it is."""
    index = [int(i) for i in backend(values).unravel_index(int(wrong.argmax()), values.shape)]
    place = f"sample {index[0]}" if index else "the sample"
    if len(index) > 1:
        place += f" at {index[1:]}"
    return values[tuple(index)].item(), place


def array_option(value: float | Sequence[float] | Array | None) -> Any:
    """Return the array of a list, a Tensor or a buffer; leave None and arrays as they are."""
    if isinstance(value, (Tensor, Buffer)):
        return value.data
    return value if value is None or hasattr(value, "dtype") else np.asarray(value)


def not_negative_array(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but None and arrays of finite numbers of at least 0."""
    if value is None:
        return
    fine = value.dtype.kind in "fiu" and bool(((value >= 0) & (value < np.inf)).all())
    if not fine:
        raise ConfigError(
            f"{option.alias} of {type(owner).__name__} must consist of numbers of at least 0, got {value.tolist()!r}."
        )
