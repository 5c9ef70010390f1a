"""Losses of classification over logits."""

from __future__ import annotations

from typing import ClassVar

from attrs import define

from nn_core.backends import backend
from nn_core.errors import DataError, DTypeError, ShapeError
from nn_core.loss import Loss
from nn_core.typing import Array, Backward


@define(eq=False, slots=False)
class CrossEntropyLoss(Loss):
    """Cross-entropy between softmax(logits) and the target: ``termsₙ = −Σ꜀ tₙ꜀ log softmax(xₙ)꜀``.

    Gradient: ``∂xₙ = softmax(xₙ) · Σ꜀ tₙ꜀ − tₙ``, which is ``softmax(xₙ) − tₙ`` for a one-hot t. The logarithm of the
    softmax is taken as ``x − max − log Σ exp(x − max)``, so logits of any size are safe.

    Shape:
        pred ``(N, C)`` logits; target ``(N,)`` class indices or ``(N, C)`` one-hot rows or probabilities.

    Raises:
        ShapeError: pred is not two-dimensional or target does not go with it.
        DataError: an index is not a class.

    >>> import numpy as np
    >>> value, gradient = CrossEntropyLoss()(np.zeros((1, 10), np.float32), np.array([3]))
    >>> round(value, 6)
    2.302585
    """

    outputs: ClassVar[str] = "logits"

    def forward(self, pred: Array, target: Array) -> tuple[Array, Backward]:
        xp = backend(pred)
        target = xp.asarray(target)
        self._check(pred, target)
        shifted = pred - pred.max(axis=1, keepdims=True, initial=-xp.inf)
        exp = xp.exp(shifted)
        total = exp.sum(axis=1, keepdims=True)
        log_softmax = shifted - xp.log(total)
        if target.ndim == 1:
            rows = xp.arange(len(target))
            terms = -log_softmax[rows, target]
        else:
            target = target.astype(pred.dtype)
            terms = -(target * log_softmax).sum(axis=1)

        def backward(scale: Array) -> Array:
            dx: Array = exp / total
            if target.ndim == 1:
                dx[rows, target] -= 1
            else:
                dx *= target.sum(axis=1, keepdims=True)
                dx -= target
            dx *= scale[:, None]
            return dx

        return terms, backward

    def _check(self, pred: Array, target: Array) -> None:
        if pred.ndim != 2 or pred.shape[1] == 0:
            raise ShapeError(
                f"cross-entropy: expected logits of shape (N, C), got {pred.shape}",
                "A model for classes ends in a linear layer over flat features: put flatten before it.",
            )
        if target.shape not in (pred.shape[:1], pred.shape):
            raise ShapeError(
                f"cross-entropy: expected targets of shape {pred.shape[:1]} (class indices) or {pred.shape} (one-hot), "
                f"got {target.shape}"
            )
        if target.ndim == 1:
            if target.dtype.kind not in "iu":
                raise DTypeError(f"cross-entropy: class indices must be integers, got {target.dtype}.")
            wrong = (target < 0) | (target >= pred.shape[1])
            if wrong.any():
                first = int(wrong.argmax())
                raise DataError(
                    f"cross-entropy: target {int(target[first])} of sample {first} is not one of the {pred.shape[1]} "
                    f"classes 0 to {pred.shape[1] - 1} that the model has outputs for."
                )
