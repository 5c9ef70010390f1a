"""The base class of losses: one term per sample, and here their weights and their reduction."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import ShapeError
from nn_core.fields import doc, one_of
from nn_core.typing import Array, Backward


@define(eq=False, slots=False)
class Loss:
    """A scalar to minimize.

    A subclass defines ``forward(pred, target) -> (terms, backward)``, where `terms` has one number per sample and
    ``backward(scale)`` returns the gradient of ``Σ scaleₙ termsₙ`` with respect to pred.
    """

    reduction: Literal["mean", "sum", "none"] = field(
        default="mean",
        kw_only=True,
        validator=one_of("mean", "sum", "none"),
        metadata=doc("mean over the samples (by weight), sum, or none: one value per sample"),
    )

    outputs: ClassVar[str] = "values"
    """What pred holds: ``values``, or ``logits`` over classes that a softmax turns into probabilities."""

    def forward(self, pred: Any, target: Any) -> tuple[Array, Backward]:
        raise TypeError(f"{type(self).__name__} must define forward(pred, target), returning (terms, backward).")

    def value_and_grad(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Any]:
        """Return the value and its gradient with respect to `pred`.

        Args:
            pred: predictions, one row per sample.
            target: what they should be.
            weight: per sample, ``(N,)``; the mean is then ``Σ wₙ termsₙ / Σ wₙ``.

        Returns:
            A float and an array like pred; with ``reduction="none"`` the terms ``(N,)`` and the gradient of their sum.
        """
        terms, backward = self.forward(pred, target)
        weights = self._weights(terms, weight)
        if self.reduction == "none":
            return terms * weights, backward(weights)
        total = float((terms * weights).sum(dtype="float64"))
        if self.reduction == "sum":
            return total, backward(weights)
        norm = float(weights.sum(dtype="float64"))
        return total / norm if norm else float("nan"), backward(weights / (norm or 1.0))

    def sum_and_weight(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[float, float]:
        """Return ``Σ wₙ termsₙ`` and ``Σ wₙ``, from which parts of a batch are averaged correctly."""
        terms, _ = self.forward(pred, target)
        weights = self._weights(terms, weight)
        return float((terms * weights).sum(dtype="float64")), float(weights.sum(dtype="float64"))

    def __call__(self, pred: Any, target: Any, weight: Array | None = None) -> Any:
        return self.value_and_grad(pred, target, weight)

    def _weights(self, terms: Array, weight: Array | None) -> Array:
        xp = backend(terms)
        if weight is None:
            ones: Array = xp.ones_like(terms)
            return ones
        weights: Array = xp.asarray(weight, dtype=terms.dtype)
        if weights.shape != terms.shape:
            raise ShapeError(
                f"{type(self).__name__}: expected one weight per sample, shape {terms.shape}, got shape {weights.shape}"
            )
        return weights
