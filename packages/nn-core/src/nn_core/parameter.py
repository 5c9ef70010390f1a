"""What a layer owns: parameters, which are trained, and buffers, which are only kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core.backends import backend
from nn_core.dtypes import default_dtype
from nn_core.errors import ShapeError
from nn_core.typing import Array


class Parameter:
    """An array that is trained.

    Gradients arrive through `accumulate` alone, so a parameter that is used twice gets the sum of both.

    Args:
        data: first value, kept as it is; a number or list becomes an array of the default dtype.
        requires_grad: False freezes the parameter: gradients that arrive are dropped.
        decay: False exempts it from weight decay, as batch norm does with its scale and shift.

    >>> p = Parameter(np.zeros(2, np.float32))
    >>> p.accumulate(np.ones(2, np.float32)); p.accumulate(np.ones(2, np.float32)); p.grad
    array([2., 2.], dtype=float32)
    """

    def __init__(self, data: Any, *, requires_grad: bool = True, decay: bool = True) -> None:
        self.data: Array = data if hasattr(data, "dtype") else np.asarray(data, default_dtype())
        self.grad: Array | None = None
        self.requires_grad = requires_grad
        self.decay = decay

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    @property
    def size(self) -> int:
        return self.data.size

    def accumulate(self, gradient: Array) -> None:
        """Add to `grad`, in the parameter's dtype and never in an array of the caller's.

        Raises:
            ShapeError: the gradient is not of the parameter's shape.
        """
        if gradient.shape != self.data.shape:
            raise ShapeError(f"a gradient of shape {gradient.shape} arrived at a parameter of shape {self.data.shape}")
        if not self.requires_grad:
            return
        if self.grad is None:
            self.grad = backend(self.data).array(gradient, dtype=self.data.dtype)
        else:
            self.grad += gradient

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def __repr__(self) -> str:
        frozen = "" if self.requires_grad else ", frozen"
        return f"Parameter(shape={self.shape}, dtype={self.dtype}{frozen})"


class Buffer:
    """An array that is saved with the model but not trained, such as a running mean."""

    def __init__(self, data: Array) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"Buffer(shape={self.data.shape}, dtype={self.data.dtype})"
