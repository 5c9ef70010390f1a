"""Losses of pairs of vectors."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import ShapeError
from nn_core.fields import doc, finite_number, number
from nn_core.loss import Loss
from nn_core.losses.checks import check_signs, target_array, two_predictions
from nn_core.typing import Array, Backward

_EPS = 1e-12
"""Added to the squares of the lengths, so that a vector of zeros has a cosine of 0 with every other."""


@define(eq=False, slots=False)
class CosineEmbeddingLoss(Loss):
    """Vectors that are to point alike (t of 1) or apart (−1): ``terms = 1 − cos`` or ``max(0, cos − margin)``.

    Gradient: ``cos = a·b / (|a| |b|)`` has ``∂a = b / (|a| |b|) − cos · a / |a|²``, and likewise for b. It counts −1
    for t of 1, and for t of −1 it counts 1 from the margin on.

    Shape:
        pred a tuple of two arrays ``(N, D)`` and target ``(N,)``; one pair may come as ``(D,)`` and ``()``.

    Raises:
        ShapeError: the shapes do not go together.
        DataError: a target is not −1 or 1.

    >>> import numpy as np
    >>> value, gradients = CosineEmbeddingLoss()((np.array([[1.0, 0.0]]), np.array([[0.0, 2.0]])), np.array([1]))
    >>> value, gradients[0].round(6).tolist()
    (1.0, [[0.0, -1.0]])
    """

    margin: float = field(
        default=0.0,
        converter=number,
        validator=finite_number,
        metadata=doc("cosine up to which two that differ point apart enough, best from 0 to 0.5"),
    )

    def forward(self, pred: tuple[Array, Array], target: Any) -> tuple[Array, Backward]:
        a, b = two_predictions(self, pred)
        xp = backend(a)
        t = target_array(self, a, target).astype(a.dtype)
        if a.ndim not in (1, 2) or t.shape != a.shape[:-1]:
            raise ShapeError(
                f"CosineEmbeddingLoss: expected pairs of vectors (N, D) with targets (N,), got {a.shape} and {t.shape}"
            )
        check_signs(self, t)
        squared_a, squared_b = ((x * x).sum(axis=-1) + _EPS for x in (a, b))
        lengths = xp.sqrt(squared_a) * xp.sqrt(squared_b)
        cosine = (a * b).sum(axis=-1) / lengths
        above = cosine - self.margin
        terms = xp.where(t == 1, 1 - cosine, xp.maximum(above, 0))

        def backward(scale: Array) -> tuple[Array, Array]:
            slope = scale * xp.where(t == 1, -1, (above >= 0).astype(a.dtype))
            across, along = slope / lengths, slope * cosine
            da = across[..., None] * b - (along / squared_a)[..., None] * a
            db = across[..., None] * a - (along / squared_b)[..., None] * b
            return da, db

        return terms, backward
