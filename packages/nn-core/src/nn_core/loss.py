"""The base class of losses: one term per sample or element, and here their weights and their reduction."""

from __future__ import annotations

from functools import wraps
from math import prod
from sys import float_info
from typing import Any, ClassVar, Literal

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import DataError, DTypeError, ShapeError
from nn_core.fields import doc, one_of
from nn_core.operations import recorded
from nn_core.tape import Node, recording
from nn_core.tensor import Tensor
from nn_core.tracing import autograd
from nn_core.typing import Array, Backward, Shape

_SMALL = 4096
"""Up to how many elements an array is made sooner than a view that repeats one number."""


@define(eq=False, slots=False)
class Loss:
    """A scalar to minimize.

    A subclass defines ``forward(pred, target) -> (terms, backward)``, where `terms` has a number per sample, or per
    element ``(N, …)``, and ``backward(scale)`` returns the gradient of ``Σ scale · terms`` with respect to pred
    (``scale`` has the shape of the terms and is not written to). With `nn_core.autograd` it is written from Tensors to
    Tensors and returns the terms alone; the target is then a Tensor that requires no gradient. A floating-point target
    comes in the dtype of pred. A loss whose terms do not count 1 each in the mean defines `counts`, too; one with a
    constructor of its own calls ``super().__init__(reduction=…)``.
    """

    reduction: Literal["mean", "sum", "none"] = field(
        default="mean",
        kw_only=True,
        validator=one_of("mean", "sum", "none"),
        metadata=doc("mean over the terms (by weight), sum, or none: every term by itself"),
    )

    outputs: ClassVar[str] = "values"
    """What pred holds: ``values``, ``logits`` over classes that a softmax turns into probabilities, or
    ``binary_logits``, which a sigmoid does."""

    averages_itself: ClassVar[bool] = False
    """Whether `forward` may return one number for a whole batch."""

    def forward(self, pred: Any, target: Any) -> tuple[Array, Backward]:
        raise TypeError(f"{type(self).__name__} must define forward(pred, target), returning (terms, backward).")

    def counts(self, pred: Any, target: Any) -> Array | None:
        """Return what each term counts in the mean, in the shape of the terms; None if 1 each."""
        return None

    def value_and_grad(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Any]:
        """Return the value and its gradient with respect to `pred`.

        Args:
            pred: predictions, one row per sample; for some losses a tuple of them.
            target: what they should be.
            weight: per sample, ``(N,)``, at least 0; the mean is then ``Σ w · terms / Σ w · counts``.

        Returns:
            A float and an array like pred; with ``reduction="none"`` the weighted terms and the gradient of their sum.

        Raises:
            DTypeError: pred is not floating-point.
            ShapeError: there is not one weight per sample.
            DataError: a weight is negative or not finite.
        """
        value, backward, _ = self.reduce(pred, target, weight)
        return value, backward(None)

    def reduce(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Backward, float]:
        """Return the value, the closure that takes its gradient (None for 1) to that of pred, and ``Σ w · counts``."""
        terms, backward = self._checked_forward(pred, target, weight)
        weights = None if weight is None else self._weights(terms, weight)
        count = self._total_count(pred, target, weights, terms)
        part = 1.0  # what a term contributes to the value
        value: Any = _weighted(terms, weights)
        if self.reduction != "none":
            value = float(value.sum(dtype="float64"))
        if self.reduction not in ("none", "sum"):
            value = value / count if count else float("nan")
            part = 1 / (count or 1.0)

        def gradient(dy: Any) -> Any:
            each = everywhere(part, terms, terms.shape)
            return backward(_weighted(each if dy is None else each * dy, weights))

        return value, gradient, count

    def sum_and_weight(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[float, float]:
        """Return ``Σ w · terms`` and ``Σ w · counts``, from which parts of a batch are averaged correctly."""
        terms, _ = self._checked_forward(pred, target, weight)
        weights = None if weight is None else self._weights(terms, weight)
        total = float(_weighted(terms, weights).sum(dtype="float64"))
        return total, self._total_count(pred, target, weights, terms)

    def __call__(self, pred: Any, target: Any, weight: Array | None = None) -> Any:
        """Return `value_and_grad` for arrays, and for a Tensor (or a tuple with Tensors) a Tensor on the tape.

        Raises:
            DTypeError: target or weight is a Tensor that requires a gradient, which losses do not give.
        """
        if isinstance(target, Tensor):
            if target.requires_grad:
                raise DTypeError(
                    f"{type(self).__name__} gives no gradient to its target: detach() it, or swap it with pred."
                )
            target = target.data
        if isinstance(weight, Tensor):
            if weight.requires_grad:
                raise DTypeError(f"{type(self).__name__} gives no gradient to the weights of samples: detach() them.")
            weight = weight.data
        preds = pred if isinstance(pred, tuple) else (pred,)
        if not any(isinstance(part, Tensor) for part in preds):
            return self.value_and_grad(pred, target, weight)
        arrays = tuple(part.data if isinstance(part, Tensor) else part for part in preds)
        value, backward, _ = self.reduce(arrays if isinstance(pred, tuple) else arrays[0], target, weight)
        y = backend(arrays[0]).asarray(value, dtype=arrays[0].dtype)
        if recording() and any(isinstance(part, Tensor) and part.requires_grad for part in preds):
            return recorded(Node(type(self).__name__, preds, backward, {"loss": self, "target": target}), y)
        return Tensor(y)

    def _checked_forward(self, pred: Any, target: Any, weight: Array | None) -> tuple[Array, Backward]:
        """Return what `forward` returns, however it was written, after a check of what it gets and of what it made."""
        check_predictions(type(self).__name__, pred)
        first = pred[0] if isinstance(pred, tuple) else pred
        if getattr(getattr(target, "dtype", None), "kind", "") == "f" and target.dtype != first.dtype:
            target = target.astype(first.dtype)
        on_tensors = getattr(self.forward, "on_tensors", None)
        pair = self.forward(pred, target) if on_tensors is None else self._traced(on_tensors, pred, target)
        if not isinstance(pair, tuple) or len(pair) != 2 or not callable(pair[1]):
            types = [type(part).__name__ for part in (pair if isinstance(pair, tuple) else (pair,))]
            raise TypeError(
                f"{type(self).__name__}.forward must return (terms, backward), one number per sample or element and "
                f"the function from their scale to the gradient; it returned {' and '.join(types)}. To write it in "
                f"terms of Tensors and return the terms alone, decorate it with nn_core.autograd."
            )
        if isinstance(pair[0], tuple):
            raise TypeError(f"{type(self).__name__}: the terms must be in one array or Tensor, not in a tuple.")
        if getattr(pair[0], "ndim", 0) == 0 and first.ndim > 1 and not self.averages_itself:
            raise ShapeError(
                f"{type(self).__name__}.forward must return one number per sample or element of pred {first.shape}, "
                f"and returned a single number",
                "Leave the mean to the loss's reduction.",
            )
        return pair

    def _traced(self, function: Any, pred: Any, target: Any) -> tuple[Array, Backward]:
        """Run a forward that is written in Tensors: pred, or each part of it, is a leaf and the target a constant."""
        goal = _constant(target, pred[0] if isinstance(pred, tuple) else pred)

        @autograd
        @wraps(function)
        def forward(*parts: Any) -> Any:
            return function(self, parts if isinstance(pred, tuple) else parts[0], goal)

        return forward(*pred) if isinstance(pred, tuple) else forward(pred)

    def _weights(self, terms: Array, weight: Array) -> Array:
        """Return the weights of the samples in the dtype of the terms and in a shape that goes with theirs."""
        name, xp = type(self).__name__, backend(terms)
        given = xp.asarray(weight)
        if given.shape != terms.shape[:1]:
            raise ShapeError(
                f"{name}: expected one weight per sample, shape {terms.shape[:1]}, got shape {given.shape}"
            )
        check_weights(name, given, float(xp.finfo(terms.dtype).max))
        weights: Array = given.astype(terms.dtype, copy=False).reshape(given.shape + (1,) * (terms.ndim - given.ndim))
        return weights

    def _total_count(self, pred: Any, target: Any, weights: Array | None, terms: Array) -> float:
        counts = self.counts(pred, target)
        if counts is None and weights is None:
            return float(terms.size)
        if counts is None:
            counts = everywhere(1.0, terms, terms.shape)
        elif counts.shape != terms.shape:
            raise ShapeError(
                f"{type(self).__name__}.counts must have the shape of the terms, {terms.shape}, got {counts.shape}"
            )
        return float(_weighted(counts, weights).sum(dtype="float64"))


def _constant(target: Any, like: Array) -> Any:
    """Return a target, or each of several, as a Tensor, of the dtype of pred if it is floating-point."""
    if isinstance(target, tuple):
        return tuple(_constant(part, like) for part in target)
    if not (hasattr(target, "__array__") or isinstance(target, (list, int, float))):
        return target  # what a loss of one's own understands
    array = backend(like).asarray(target)
    return Tensor(array.astype(like.dtype) if array.dtype.kind == "f" else array)


def check_predictions(name: str, pred: Any) -> None:
    """Refuse predictions, or a tuple of them, that have no gradient.

    Raises:
        DTypeError: they are not floating-point.
    """
    for part in pred if isinstance(pred, tuple) else (pred,):
        dtype = getattr(part, "dtype", None)
        if dtype is not None and dtype.kind != "f":
            raise DTypeError(f"{name}: predictions must be floating-point, got {dtype}.")


def check_weights(name: str, weight: Array, largest: float = float_info.max) -> None:
    """Refuse weights of samples that are no numbers, negative or not finite.

    Raises:
        DTypeError: they are no numbers.
        DataError: one is negative, NaN, infinite, or more than the `largest` number of the dtype.
    """
    if weight.dtype.kind not in "fiub":
        raise DTypeError(f"{name}: weights of samples must be numbers, got an array of {weight.dtype}.")
    if weight.dtype.kind == "f":  # whose own largest number may be less
        largest = min(largest, float(backend(weight).finfo(weight.dtype).max))
    fine = (weight >= 0) & (weight <= largest)
    if not fine.all():
        first = int(fine.argmin())
        raise DataError(
            f"{name}: weights of samples must be finite and at least 0, got {weight.reshape(-1)[first].item():g} for "
            f"sample {first}."
        )


def _weighted(terms: Array, weights: Array | None) -> Array:
    return terms if weights is None else terms * weights


def everywhere(value: float, like: Array, shape: Shape) -> Array:
    """Return one number as an array of a shape, in the dtype of another array; a large one takes no memory.

    It is not to be written to.
    """
    xp = backend(like)
    if prod(shape) <= _SMALL:
        return xp.full(shape, value, dtype=like.dtype)  # type: ignore[no-any-return]  # xp can be any library
    array: Array = xp.broadcast_to(xp.asarray(value, dtype=like.dtype), shape)
    return array
