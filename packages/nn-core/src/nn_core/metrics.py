"""Figures of merit, each as a one-call function and as an object that is fed batch by batch."""

from __future__ import annotations

from typing import Any

from nn_core.backends import backend
from nn_core.errors import ShapeError
from nn_core.typing import Array


class Accuracy:
    """Share of samples whose largest output is at the target class (of equal outputs, the first counts).

    Shape:
        pred ``(N, C)``; target ``(N,)`` class indices or ``(N, C)`` one-hot rows; weight ``(N,)``.

    >>> import numpy as np
    >>> metric = Accuracy()
    >>> metric.update(np.eye(3), np.array([0, 1, 0]))
    >>> round(metric.compute(), 4)
    0.6667
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._correct = 0.0
        self._total = 0.0

    def update(self, pred: Array, target: Array, weight: Array | None = None) -> None:
        """Take in one batch.

        Raises:
            ShapeError: pred is not ``(N, C)``, or target or weight does not go with it.
        """
        xp = backend(pred)
        target = xp.asarray(target)
        if pred.ndim != 2 or target.shape not in (pred.shape[:1], pred.shape):
            raise ShapeError(
                f"accuracy: expected outputs (N, C) with targets (N,) or (N, C), got {pred.shape} and {target.shape}"
            )
        hits = pred.argmax(axis=1) == (target.argmax(axis=1) if target.ndim == 2 else target)
        weights = xp.ones(len(hits)) if weight is None else xp.asarray(weight, dtype="float64")
        if weights.shape != hits.shape:
            raise ShapeError(f"accuracy: expected one weight per sample, shape {hits.shape}, got shape {weights.shape}")
        self._correct += float((hits * weights).sum())
        self._total += float(weights.sum())

    def compute(self) -> float:
        """Return the accuracy so far, NaN before the first sample."""
        return self._correct / self._total if self._total else float("nan")


def accuracy(pred: Any, target: Any, weight: Any = None) -> float:
    """Return the share of rows of `pred` whose largest entry is at the target class.

    >>> import numpy as np
    >>> accuracy(np.eye(3), np.array([0, 1, 2]))
    1.0
    """
    metric = Accuracy()
    metric.update(pred, target, weight)
    return metric.compute()
