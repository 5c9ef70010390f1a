"""Binary cross-entropy, of probabilities and of logits."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import ShapeError
from nn_core.fields import doc
from nn_core.losses.checks import ElementwiseLoss, array_option, check_range, not_negative_array, same_shape
from nn_core.typing import Array, Backward

_TINY = math.exp(-102)
"""Above 0 in float32, too, and its logarithm is below −100."""


@define(eq=False, slots=False)
class BCELoss(ElementwiseLoss):
    """Binary cross-entropy of probabilities: ``terms = −t log p − (1 − t) log(1 − p)``.

    Gradient: ``∂p = (p − t) / (p (1 − p))``, the divisor being at least 1e-12. Logarithms are at least −100, so p may
    be 0 or 1. That close, rounding has lost what the logits said: `BCEWithLogitsLoss` takes them as they are.

    Shape:
        pred and target ``(N, …)``, both from 0 to 1.

    Raises:
        ShapeError: the target does not have the shape of pred.
        DataError: a number is not from 0 to 1.

    >>> import numpy as np
    >>> value, gradient = BCELoss()(np.array([0.5]), np.array([1]))
    >>> round(value, 6), gradient
    (0.693147, array([-2.]))
    """

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        t = same_shape(self, pred, target)
        check_range(self, pred, "predictions", "BCEWithLogitsLoss takes logits.")
        check_range(self, t, "targets")
        log_p = xp.maximum(xp.log(xp.maximum(pred, _TINY)), -100)
        log_rest = xp.maximum(xp.log(xp.maximum(1 - pred, _TINY)), -100)
        terms = -t * log_p - (1 - t) * log_rest
        return terms, lambda scale: (pred - t) / xp.maximum(pred * (1 - pred), 1e-12) * scale


@define(eq=False, slots=False)
class BCEWithLogitsLoss(ElementwiseLoss):
    """Binary cross-entropy of logits: ``terms = w t log(1 + e⁻ˣ) + (1 − t) log(1 + eˣ)``.

    Gradient: ``∂x = (1 + (w − 1) t) σ(x) − w t``, which is ``σ(x) − t`` without the weight w of the positive. The
    logarithms are taken as ``max(±x, 0) + log(1 + e^−|x|)``, so logits of any size are safe.

    Shape:
        pred ``(N, …)`` logits and target ``(N, …)`` from 0 to 1.

    Raises:
        ShapeError: the target does not have the shape of pred, or ``pos_weight`` does not go with it.
        DataError: a target is not from 0 to 1.

    >>> import numpy as np
    >>> value, gradient = BCEWithLogitsLoss()(np.array([0.0]), np.array([1]))
    >>> round(value, 6), gradient
    (0.693147, array([-0.5]))
    """

    outputs: ClassVar[str] = "binary_logits"

    pos_weight: Any = field(
        default=None,
        converter=array_option,
        validator=not_negative_array,
        metadata=doc("w, one number or one per output: above 1 favors recall, below 1 precision"),
    )

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        t = same_shape(self, pred, target)
        check_range(self, t, "targets")
        decay = xp.exp(-xp.abs(pred))
        rest = xp.log1p(decay)
        positive = t if self.pos_weight is None else t * self._pos_weight_like(pred)
        terms = positive * (xp.maximum(-pred, 0) + rest) + (1 - t) * (xp.maximum(pred, 0) + rest)

        def backward(scale: Array) -> Array:
            sigmoid = xp.where(pred >= 0, 1, decay) / (1 + decay)
            dx: Array = ((positive + (1 - t)) * sigmoid - positive) * scale
            return dx

        return terms, backward

    def _pos_weight_like(self, pred: Array) -> Array:
        weight: Array = backend(pred).asarray(self.pos_weight, dtype=pred.dtype)
        axes = pred.shape[1:][pred.ndim - 1 - weight.ndim :] if weight.ndim < pred.ndim else None
        if axes is None or any(size not in (1, axis) for size, axis in zip(weight.shape, axes, strict=True)):
            raise ShapeError(
                f"BCEWithLogitsLoss: pos_weight of shape {weight.shape} does not go with outputs {pred.shape}; "
                f"expected one number, or {pred.shape[1:]}"
            )
        return weight
