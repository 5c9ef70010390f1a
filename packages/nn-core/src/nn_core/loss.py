"""The base class of losses: one term per sample or element, and here their weights and their reduction."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import DTypeError, ShapeError
from nn_core.fields import doc, one_of
from nn_core.operations import recorded
from nn_core.tape import Node, recording
from nn_core.tensor import Tensor
from nn_core.typing import Array, Backward, Shape


@define(eq=False, slots=False)
class Loss:
    """A scalar to minimize.

    A subclass defines ``forward(pred, target) -> (terms, backward)``, where `terms` has a number per sample, or per
    element ``(N, …)``, and ``backward(scale)`` returns the gradient of ``Σ scale · terms`` with respect to pred
    (``scale`` has the shape of the terms and is not written to). With `nn_core.autograd` it is written from Tensors to
    Tensors and returns the terms alone. A floating-point target comes in the dtype of pred. A loss whose terms do not
    count 1 each in the mean defines `counts`, too; one with a constructor of its own calls
    ``super().__init__(reduction=…)``.
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
            weight: per sample, ``(N,)``; the mean is then ``Σ w · terms / Σ w · counts``.

        Returns:
            A float and an array like pred; with ``reduction="none"`` the weighted terms and the gradient of their sum.
        """
        value, backward, _ = self.reduce(pred, target, weight)
        return value, backward(None)

    def reduce(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Backward, float]:
        """Return the value, the closure that takes its gradient (None for 1) to that of pred, and ``Σ w · counts``."""
        terms, backward = self._checked_forward(pred, target)
        count = self._total_count(pred, target, weight, terms)
        each = everywhere(1.0, terms, terms.shape)  # what a term contributes to the value
        value: Any = self._weighted(terms, weight)
        if self.reduction != "none":
            value = float(value.sum(dtype="float64"))
        if self.reduction not in ("none", "sum"):
            value = value / count if count else float("nan")
            each = everywhere(1 / (count or 1.0), terms, terms.shape)

        def gradient(dy: Any) -> Any:
            return backward(self._weighted(each if dy is None else each * dy, weight))

        return value, gradient, count

    def sum_and_weight(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[float, float]:
        """Return ``Σ w · terms`` and ``Σ w · counts``, from which parts of a batch are averaged correctly."""
        terms, _ = self._checked_forward(pred, target)
        total = float(self._weighted(terms, weight).sum(dtype="float64"))
        return total, self._total_count(pred, target, weight, terms)

    def __call__(self, pred: Any, target: Any, weight: Array | None = None) -> Any:
        """Return `value_and_grad` for arrays, and for a Tensor (or a tuple with Tensors) a Tensor on the tape.

        Raises:
            DTypeError: the target is a Tensor that requires a gradient, which losses do not give.
        """
        if isinstance(target, Tensor):
            if target.requires_grad:
                raise DTypeError(
                    f"{type(self).__name__} gives no gradient to its target: detach() it, or swap it with pred."
                )
            target = target.data
        preds = pred if isinstance(pred, tuple) else (pred,)
        if not any(isinstance(part, Tensor) for part in preds):
            return self.value_and_grad(pred, target, weight)
        arrays = tuple(part.data if isinstance(part, Tensor) else part for part in preds)
        weight = weight.data if isinstance(weight, Tensor) else weight
        value, backward, _ = self.reduce(arrays if isinstance(pred, tuple) else arrays[0], target, weight)
        y = backend(arrays[0]).asarray(value, dtype=arrays[0].dtype)
        if recording() and any(isinstance(part, Tensor) and part.requires_grad for part in preds):
            return recorded(Node(type(self).__name__, preds, backward, {"loss": self, "target": target}), y)
        return Tensor(y)

    def _checked_forward(self, pred: Any, target: Any) -> tuple[Array, Backward]:
        for part in pred if isinstance(pred, tuple) else (pred,):
            dtype = getattr(part, "dtype", None)
            if dtype is not None and dtype.kind != "f":
                raise DTypeError(f"{type(self).__name__}: predictions must be floating-point, got {dtype}.")
        first = pred[0] if isinstance(pred, tuple) else pred
        if getattr(getattr(target, "dtype", None), "kind", "") == "f" and target.dtype != first.dtype:
            target = target.astype(first.dtype)
        pair = self.forward(pred, target)
        if not isinstance(pair, tuple) or len(pair) != 2 or not callable(pair[1]):
            raise TypeError(
                f"{type(self).__name__}.forward must return (terms, backward), one number per sample or element and "
                f"the function from their scale to the gradient; it returned {type(pair).__name__}."
            )
        if hasattr(self.forward, "on_tensors"):  # whose closure gives the target a gradient, too
            terms, backward = pair
            return terms, lambda scale: _first(backward(scale))
        return pair

    def _weighted(self, terms: Array, weight: Array | None) -> Array:
        """Return terms, or what goes with them, times the weights of their samples."""
        if weight is None:
            return terms
        weights = backend(terms).asarray(weight, dtype=terms.dtype)
        if weights.shape != terms.shape[:1]:
            raise ShapeError(
                f"{type(self).__name__}: expected one weight per sample, shape {terms.shape[:1]}, "
                f"got shape {weights.shape}"
            )
        weighted: Array = terms * weights.reshape(weights.shape + (1,) * (terms.ndim - weights.ndim))
        return weighted

    def _total_count(self, pred: Any, target: Any, weight: Array | None, terms: Array) -> float:
        counts = self.counts(pred, target)
        if counts is None and weight is None:
            return float(terms.size)
        if counts is None:
            counts = everywhere(1.0, terms, terms.shape)
        elif counts.shape != terms.shape:
            raise ShapeError(
                f"{type(self).__name__}.counts must have the shape of the terms, {terms.shape}, got {counts.shape}"
            )
        return float(self._weighted(counts, weight).sum(dtype="float64"))


def _first(gradients: Any) -> Any:
    return gradients[0] if isinstance(gradients, tuple) else gradients


def everywhere(value: float, like: Array, shape: Shape) -> Array:
    """Return one number as an array of a shape, in the dtype of another array; it takes no memory and is read-only."""
    xp = backend(like)
    array: Array = xp.broadcast_to(xp.asarray(value, dtype=like.dtype), shape)
    return array
