"""Class indices as rows of a unit matrix, for losses that compare outputs with such rows."""

from __future__ import annotations

from typing import Any

from nn_core import loss as losses
from nn_core.backends import backend
from nn_core.errors import ConfigError, DataError
from nn_core.typing import Array, Backward


class OneHot(losses.Loss):
    """A loss of ``pred (N, num_classes)`` and one-hot rows, with class indices ``(N,)`` for its targets.

    >>> import numpy as np
    >>> from nn_core import MSELoss
    >>> OneHot(MSELoss(), 3).value_and_grad(np.eye(3)[[0, 2]], np.array([0, 2]))[0]
    0.0

    Raises:
        ConfigError: `inner` is no loss of this framework, or `num_classes` no integer of at least 1.
        DataError: later, a target is not an index from 0 to below `num_classes`.
    """

    def __init__(self, inner: Any, num_classes: int) -> None:
        if not isinstance(inner, losses.Loss):
            raise ConfigError(f"num_classes makes one-hot targets for a loss of nn_core, got {inner!r}.")
        if not isinstance(num_classes, int) or isinstance(num_classes, bool) or num_classes < 1:
            raise ConfigError(f"num_classes must be an integer of at least 1, got {num_classes!r}.")
        super().__init__(reduction=inner.reduction)
        self.inner, self.num_classes = inner, num_classes
        self.outputs = inner.outputs  # type: ignore[misc]  # it is the inner loss that says what it takes

    def reduce(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Backward, float]:
        return self.inner.reduce(pred, self._rows(pred, target), weight)

    def sum_and_weight(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[float, float]:
        return self.inner.sum_and_weight(pred, self._rows(pred, target), weight)

    def _rows(self, pred: Any, target: Any) -> Array:
        xp = backend(pred)
        indices = xp.asarray(target)
        wrong = indices[(indices < 0) | (indices >= self.num_classes)] if indices.dtype.kind in "iu" else indices
        if wrong.size:
            raise DataError(
                f"With num_classes={self.num_classes} targets are class indices from 0 to {self.num_classes - 1}, got "
                f"{wrong.reshape(-1)[0]}."
            )
        rows: Array = xp.eye(self.num_classes, dtype=pred.dtype)[indices]
        return rows
