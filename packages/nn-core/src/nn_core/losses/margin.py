"""Losses that ask for a margin: hinge losses and a ranking."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from nn_core.backends import backend
from nn_core.fields import doc, finite_number, number
from nn_core.losses.checks import ElementwiseLoss, check_signs, refuse, same_shape, two_predictions
from nn_core.typing import Array, Backward


@define(eq=False, slots=False)
class HingeLoss(ElementwiseLoss):
    """Hinge loss of a support vector machine: ``terms = max(0, 1 − t x)`` for t of −1 or 1; 0 means −1.

    Gradient: ``∂x = −t`` where the margin is missed, else 0.

    Shape:
        pred ``(N, …)`` scores and target ``(N, …)``.

    Raises:
        ShapeError: the target does not have the shape of pred.
        DataError: a target is not −1, 0 or 1.

    Source: Cortes and Vapnik, "Support-Vector Networks", 1995.

    >>> import numpy as np
    >>> HingeLoss(reduction="none")(np.array([0.5, 3.0]), np.array([1, 0]))
    (array([0.5, 4. ]), array([-1.,  1.]))
    """

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        t = same_shape(self, pred, target)
        refuse(self, (t != 1) & (t != 0) & (t != -1), t, "targets must be 1 and −1, or 1 and 0")
        t = xp.where(t == 0, -1, t)
        missing = 1 - t * pred
        return xp.maximum(missing, 0), lambda scale: -t * (missing > 0) * scale


@define(eq=False, slots=False)
class HingeEmbeddingLoss(ElementwiseLoss):
    """Distances that are to be small or large: ``terms = x`` for t of 1 and ``max(0, margin − x)`` for t of −1.

    Gradient: ``∂x = 1``, and −1 up to the margin.

    Shape:
        pred ``(N, …)`` distances and target ``(N, …)``.

    Raises:
        ShapeError: the target does not have the shape of pred.
        DataError: a target is not −1 or 1.

    >>> import numpy as np
    >>> HingeEmbeddingLoss(reduction="none")(np.array([0.5, 0.25]), np.array([1, -1]))
    (array([0.5 , 0.75]), array([ 1., -1.]))
    """

    margin: float = field(
        default=1.0,
        converter=number,
        validator=finite_number,
        metadata=doc("distance from which on two that differ are far enough apart"),
    )

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        t = same_shape(self, pred, target)
        check_signs(self, t)
        missing = self.margin - pred
        terms = xp.where(t == 1, pred, xp.maximum(missing, 0))
        return terms, lambda scale: xp.where(t == 1, 1, -(missing >= 0).astype(pred.dtype)) * scale


@define(eq=False, slots=False)
class MarginRankingLoss(ElementwiseLoss):
    """Which of two scores is to be larger: ``terms = max(0, margin − t (x₁ − x₂))``, the first for t of 1, else −1.

    Gradient: ``∂x₁ = −t``, ``∂x₂ = t`` up to the margin, else 0.

    Shape:
        pred a tuple of two arrays ``(N, …)`` and target ``(N, …)``.

    Raises:
        ShapeError: the three shapes are not equal.
        DataError: a target is not −1 or 1.

    >>> import numpy as np
    >>> MarginRankingLoss(reduction="none")((np.array([2.0]), np.array([3.0])), np.array([1]))
    (array([1.]), (array([-1.]), array([1.])))
    """

    margin: float = field(
        default=0.0,
        converter=number,
        validator=finite_number,
        metadata=doc("by how much the larger score is to be ahead"),
    )

    def forward(self, pred: tuple[Array, Array], target: Any) -> tuple[Array, Backward]:
        first, second = two_predictions(self, pred)
        xp = backend(first)
        t = same_shape(self, first, target)
        check_signs(self, t)
        missing = self.margin - t * (first - second)

        def backward(scale: Array) -> tuple[Array, Array]:
            slope = t * (missing >= 0) * scale
            return -slope, slope

        return xp.maximum(missing, 0), backward
