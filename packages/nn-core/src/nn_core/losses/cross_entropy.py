"""Cross-entropy of classification, over logits and over log-probabilities."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from nn_core.backends import backend
from nn_core.fields import doc, number, probability
from nn_core.losses.checks import target_array
from nn_core.losses.classes import ClassLoss, from_rows, shape_of_indices, to_rows
from nn_core.typing import Array, Backward


@define(eq=False, slots=False)
class CrossEntropyLoss(ClassLoss):
    """Cross-entropy between softmax(logits) and the target: ``termsₙ = −Σ꜀ w꜀ tₙ꜀ log softmax(xₙ)꜀``.

    Gradient: ``∂xₙ = softmax(xₙ) · Σ꜀ w꜀ tₙ꜀ − w tₙ``, which is ``softmax(xₙ) − tₙ`` for a one-hot t without weights.
    The logarithm of the softmax is taken as ``x − max − log Σ exp(x − max)``, so logits of any size are safe. Label
    smoothing replaces t by ``(1 − ε) t + ε / C``. In the mean, a class index counts the weight of its class, and a row
    of probabilities 1.

    Shape:
        pred ``(N, C)`` logits; target ``(N,)`` class indices or ``(N, C)`` one-hot rows or probabilities. With more
        axes, ``(N, C, d₁, …)`` goes with ``(N, d₁, …)`` or ``(N, C, d₁, …)``; one sample may come as ``(C,)``.

    Raises:
        ShapeError: pred has no axis of classes, or the target or the class weights do not go with it.
        DTypeError: class indices are not integers.
        DataError: an index is not a class, or ``ignore_index`` of at least 0 meets probabilities.

    Source: label smoothing is of Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016.

    >>> import numpy as np
    >>> value, gradient = CrossEntropyLoss()(np.zeros((1, 10), np.float32), np.array([3]))
    >>> round(value, 6)
    2.302585
    """

    label_smoothing: float = field(
        default=0.0,
        converter=number,
        validator=probability,
        metadata=doc("ε, the part of the target that is spread evenly over the classes"),
    )

    def reduce(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Backward, float]:
        if weight is None and self._is_plain(pred, target):
            return self._mean_of_rows(pred, target)
        return super().reduce(pred, target, weight)

    def _is_plain(self, pred: Any, target: Any) -> bool:
        """Return whether the mean is over rows of logits and a class index for each, all of which count 1."""
        return (
            (self.reduction, self.label_smoothing) == ("mean", 0)
            and self.weight is None
            and type(self).forward is CrossEntropyLoss.forward
            and type(target) is type(pred)
            and target.ndim == pred.ndim - 1 == 1
            and 0 != len(target) == len(pred)
            and pred.dtype.kind == "f"
            and self._all_count(pred, target)
        )

    def _mean_of_rows(self, x: Array, labels: Array) -> tuple[float, Backward, float]:
        """Do what `reduce` does in the plain case, in as few operations as it takes."""
        xp, (n, classes) = backend(x), x.shape
        shifted = xp.ascontiguousarray(x - x.max(axis=1, keepdims=True))
        exp = xp.exp(shifted)
        total = exp.sum(axis=1, keepdims=True)
        places = xp.arange(0, n * classes, classes)  # of the labels' logits, one row after another
        places += labels
        terms = xp.log(total).reshape(-1) - shifted.take(places)

        def backward(dy: Any) -> Array:
            scale = 1 / n if dy is None else float(dy) / n
            dx: Array = exp * (scale / total)
            dx.reshape(-1)[places] -= scale
            return dx

        return float(terms.sum(dtype="float64")) / n, backward, float(n)

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        target = target_array(self, pred, target)
        all_count = self.check(pred, target, probabilities=True)
        x = to_rows(pred)
        shifted = x - x.max(axis=1, keepdims=True)
        exp = xp.exp(shifted)
        total = exp.sum(axis=1, keepdims=True)
        if target.shape == pred.shape or self.label_smoothing:
            goal = self._goal(pred, target)
            log_softmax = shifted - xp.log(total)
            terms = -(goal * xp.where(goal == 0, 0, log_softmax)).sum(axis=1)  # a logit of −∞ gives no 0 · ∞

            def backward(scale: Array) -> Array:
                dx: Array = exp / total
                dx *= goal.sum(axis=1, keepdims=True)
                dx -= goal
                dx *= scale.reshape(-1, 1)
                return from_rows(dx, pred)

        else:  # a target that is 0 but for one class: the same in fewer operations
            rows, labels = self.labels(target, all_count)
            counts = None if all_count and self.weight is None else self.counts(pred, target)
            terms = _counted(xp.log(total).reshape(-1) - shifted[rows, labels], counts)

            def backward(scale: Array) -> Array:
                dx: Array = exp / total
                dx[rows, labels] -= 1
                dx *= _counted(scale.reshape(-1), counts)[:, None]
                return from_rows(dx, pred)

        return terms.reshape(shape_of_indices(pred)), backward

    def _goal(self, pred: Array, target: Array) -> Array:
        """Return ``w꜀ tₙ꜀`` after smoothing, a row per term, and 0 where it is ignored."""
        xp = backend(pred)
        classes = to_rows(pred).shape[1]
        even = self.label_smoothing / classes
        if target.shape == pred.shape:
            goal = to_rows(target).astype(pred.dtype)
            if even:
                goal = goal * (1 - self.label_smoothing) + even
        else:
            rows, labels = self.labels(target)
            goal = xp.full((len(rows), classes), even, dtype=pred.dtype)
            goal[rows, labels] += 1 - self.label_smoothing
            goal *= (target != self.ignore_index).reshape(-1, 1)
        return goal if self.weight is None else goal * self.class_weights(pred)


@define(eq=False, slots=False)
class NLLLoss(ClassLoss):
    """Negative log-likelihood of the targets' classes, from log-probabilities: ``termsₙ = −w xₙ``, at the class of n.

    Gradient: ``∂xₙ = −w`` at the class of n and 0 elsewhere. After a log-softmax it is the cross-entropy. In the mean,
    a term counts the weight of its class.

    Shape:
        pred ``(N, C)`` log-probabilities, target ``(N,)`` class indices; ``(N, C, d₁, …)`` goes with ``(N, d₁, …)``,
        and one sample may come as ``(C,)``.

    Raises:
        ShapeError: pred has no axis of classes, or the target or the class weights do not go with it.
        DTypeError: class indices are not integers.
        DataError: an index is not a class.

    >>> import numpy as np
    >>> value, gradient = NLLLoss()(np.log([[0.25, 0.75]]), np.array([0]))
    >>> round(value, 6), gradient.tolist()
    (1.386294, [[-1.0, 0.0]])
    """

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        target = target_array(self, pred, target)
        self.check(pred, target, probabilities=False)
        rows, labels = self.labels(target)
        counts = self.counts(pred, target)
        x = to_rows(pred)
        terms = _counted(-x[rows, labels], counts)

        def backward(scale: Array) -> Array:
            dx = xp.zeros(x.shape, dtype=x.dtype)
            dx[rows, labels] = -_counted(scale.reshape(-1), counts)
            return from_rows(dx, pred)

        return terms.reshape(shape_of_indices(pred)), backward


def _counted(terms: Array, counts: Array | None) -> Array:
    """Return terms (N,) times what they count; one that counts 0 is 0, even if it is infinite."""
    if counts is None:
        return terms
    xp, counts = backend(terms), counts.reshape(-1)
    product: Array = counts * xp.where(counts == 0, 0, terms)
    return product
