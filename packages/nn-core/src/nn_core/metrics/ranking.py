"""How well scores order the samples."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import DataError, ShapeError
from nn_core.fields import boolean, doc
from nn_core.metrics.base import NAN, Metric, check_columns, class_indices, without_last_axis
from nn_core.typing import Array

_ROUNDING = 1e-3
"""By how much the probabilities of a sample may miss the sum of 1."""


@define(eq=False, slots=False)
class ROCAUC(Metric):
    r"""Area under the receiver operating characteristic: the chance that a positive sample outscores a negative one.

    Ties count half: ``AUC = Σ wᵢ wⱼ ([sᵢ > sⱼ] + ½ [sᵢ = sⱼ]) / Σ wᵢ wⱼ`` over positive samples i and negative ones j,
    which is the rank sum of the Wilcoxon–Mann–Whitney test, exact and without a grid of thresholds. For more than two
    classes it is the mean over the classes of one against the rest. It is NaN while a class has no samples.

    All scores are kept until `reset`, and each `compute` sorts them, so training shows it after each epoch only.

    Shape:
        pred scores ``(N,)`` or ``(N, 1)`` of any scale, or probabilities ``(N, C)``; target class indices ``(N,)``
        or of pred's shape.

    Raises:
        ShapeError: pred, target or weight has another shape, or pred has not as many columns as before.
        DataError: a target is not a class, or the probabilities of a sample do not add up to 1.

    Source: Hanley and McNeil, "The meaning and use of the area under a ROC curve", 1982.

    >>> import numpy as np
    >>> metric = ROCAUC()
    >>> metric.update(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    >>> metric.compute()
    0.75
    """

    name: ClassVar[str] = "roc_auc"
    running: ClassVar[bool] = False

    from_logits: bool = field(
        default=False,
        kw_only=True,
        validator=boolean,
        metadata=doc("whether outputs (N, C) are logits rather than probabilities"),
    )

    def reset(self) -> None:
        self._batches: list[tuple[Array, Array, Array]] = []

    def compute(self) -> float:
        """Return the area so far, NaN before every class has a sample."""
        if not self._batches:
            return NAN
        xp = backend(self._batches[0][0])
        scores, target, weights = (xp.concatenate(parts) for parts in zip(*self._batches, strict=True))
        classes: int = scores.shape[1]
        if classes <= 2:
            return _area(scores[:, -1], target == 1, weights)
        return sum((_area(scores[:, c], target == c, weights) for c in range(classes)), 0.0) / classes

    def _prepare(self, pred: Array, target: Array) -> tuple[Array, Array]:
        scores, labels = without_last_axis(pred), without_last_axis(target)
        if scores.ndim == 1 and labels.shape == scores.shape:
            return scores[:, None], class_indices(self.name, labels, 2)
        check_columns(self.name, pred, target)
        scores = _softmax(pred) if self.from_logits else pred
        if (abs(scores.sum(axis=1) - 1) > _ROUNDING).any():
            raise DataError(
                f"{self.name}: expected the probabilities of each sample to add up to 1. "
                f"Pass from_logits=True if the outputs are logits."
            )
        return scores, class_indices(self.name, target, pred.shape[1])

    def _add(self, pred: Array, target: Array, weights: Array) -> None:
        if self._batches and self._batches[0][0].shape[1] != pred.shape[1]:
            raise ShapeError(
                f"{self.name}: expected {self._batches[0][0].shape[1]} columns as before, got {pred.shape[1]}",
                "Call reset() before data of another kind.",
            )
        self._batches.append((pred.copy(), target, weights.copy()))


def _area(scores: Array, positive: Array, weights: Array) -> float:
    """Return the binary area: per distinct score, the positive weight there times the negative weight below it."""
    xp = backend(scores)
    if xp.isnan(scores).any():
        return NAN
    distinct, place = xp.unique(scores, return_inverse=True)
    ups = xp.bincount(place, weights * positive, minlength=len(distinct))
    downs = xp.bincount(place, weights * ~positive, minlength=len(distinct))
    pairs = float(ups.sum() * downs.sum())
    below = downs.cumsum() - downs / 2
    return float((ups * below).sum()) / pairs if pairs else NAN


def _softmax(logits: Array) -> Array:
    """Return the probabilities in float64, NaN where a logit is not finite."""
    xp = backend(logits)
    finite = xp.isfinite(logits).all(axis=1, keepdims=True)
    x = xp.where(finite, logits, NAN).astype("float64")
    exp = xp.exp(x - x.max(axis=1, keepdims=True))
    probabilities: Array = exp / exp.sum(axis=1, keepdims=True)
    return probabilities


def roc_auc(pred: Any, target: Any, weight: Any = None, *, from_logits: bool = False) -> float:
    """Return the area under the receiver operating characteristic (see `ROCAUC`).

    >>> roc_auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    0.75
    """
    metric = ROCAUC(from_logits=from_logits)
    metric.update(pred, target, weight)
    return metric.compute()
