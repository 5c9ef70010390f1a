"""What a layer owns: parameters, which are trained, and buffers, which are only kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core.dtypes import default_dtype
from nn_core.tensor import Tensor
from nn_core.typing import Array


class Parameter(Tensor):
    """A leaf Tensor that is trained.

    Gradients arrive through `accumulate` alone, so a parameter that is used twice gets the sum of both.

    Args:
        data: first value, kept as it is; a number or list becomes an array of the default dtype.
        requires_grad: False freezes the parameter: gradients that arrive are dropped.
        decay: False exempts it from weight decay, as batch norm does with its scale and shift.

    Raises:
        DTypeError: an array of integers that is not frozen, for integers have no gradient.

    >>> p = Parameter(np.zeros(2, np.float32))
    >>> p.accumulate(np.ones(2, np.float32)); p.accumulate(np.ones(2, np.float32)); p.grad
    array([2., 2.], dtype=float32)
    """

    def __init__(self, data: Any, requires_grad: bool = True, *, decay: bool = True) -> None:
        super().__init__(data if hasattr(data, "dtype") else np.asarray(data, default_dtype()), requires_grad)
        self.decay = decay

    def __repr__(self) -> str:
        frozen = "" if self.requires_grad else ", frozen"
        return f"Parameter(shape={self.shape}, dtype={self.dtype}{frozen})"

    def __reduce__(self) -> Any:
        return _restored, (type(self), self.data, self.grad, self.requires_grad, self.__dict__)


def _restored(cls: type[Parameter], data: Array, grad: Array | None, requires_grad: bool, others: Any) -> Parameter:
    parameter = cls.__new__(cls)
    Tensor.__init__(parameter, data)
    parameter.grad, parameter.requires_grad = grad, requires_grad
    parameter.__dict__.update(others)
    return parameter


class Buffer:
    """An array that is saved with the model but not trained, such as a running mean."""

    def __init__(self, data: Array) -> None:
        self.data = data

    def __repr__(self) -> str:
        return f"Buffer(shape={self.data.shape}, dtype={self.data.dtype})"
