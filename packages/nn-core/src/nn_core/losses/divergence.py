"""Divergence of probability distributions."""

from __future__ import annotations

import math
from typing import Any, Literal

from attrs import define, field

from nn_core.backends import backend
from nn_core.fields import boolean, doc, one_of
from nn_core.loss import everywhere
from nn_core.losses.checks import ElementwiseLoss, refuse, same_shape
from nn_core.typing import Array, Backward


@define(eq=False, slots=False)
class KLDivLoss(ElementwiseLoss):
    """Kullback-Leibler divergence of the target from the prediction, log-probabilities x: ``terms = t (log t − x)``.

    Gradient: ``∂x = −t``. Where t is 0, so is the term. The mean over all elements is the divergence divided by the
    number of classes; ``reduction="batchmean"`` divides by the number of samples alone.

    Shape:
        pred ``(N, …)`` log-probabilities; target ``(N, …)`` probabilities, or their logarithms with ``log_target``.

    Raises:
        ShapeError: the target does not have the shape of pred.
        DataError: a target is negative.

    >>> import numpy as np
    >>> value, gradient = KLDivLoss(reduction="batchmean")(np.log([[0.5, 0.5]]), np.array([[1.0, 0.0]]))
    >>> round(value, 6), gradient.tolist()
    (0.693147, [[-1.0, -0.0]])
    """

    reduction: Literal["mean", "sum", "none", "batchmean"] = field(  # type: ignore[assignment]  # takes one more word
        default="mean",
        kw_only=True,
        validator=one_of("mean", "sum", "none", "batchmean"),
        metadata=doc("mean over the terms (by weight), batchmean over the samples, sum, or none"),
    )
    log_target: bool = field(
        default=False,
        kw_only=True,
        validator=boolean,
        metadata=doc("whether the target holds logarithms of probabilities"),
    )

    def counts(self, pred: Array, target: Any) -> Array | None:
        """Return 1 for each element, or what adds up to 1 for each sample."""
        per_sample = math.prod(pred.shape[1:]) if self.reduction == "batchmean" else 1
        return everywhere(1 / max(per_sample, 1), pred, pred.shape)

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        t = same_shape(self, pred, target)
        if self.log_target:
            p = xp.exp(t)
            return p * (t - pred), lambda scale: -p * scale
        refuse(self, t < 0, t, "targets must not be negative", "Pass log_target=True for logarithms.")
        kept = t != 0
        return t * xp.where(kept, xp.log(xp.where(kept, t, 1)) - pred, 0), lambda scale: -t * scale
