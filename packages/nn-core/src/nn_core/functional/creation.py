"""New Tensors: constants, ranges and random numbers, in the default dtype unless another is named."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core import tensor
from nn_core.backends import backend
from nn_core.dtypes import default_dtype
from nn_core.functional.shapes import sizes_of
from nn_core.random import chosen_rng
from nn_core.typing import Array, DTypeLike


def zeros(*shape: Any, dtype: DTypeLike | None = None, requires_grad: bool = False) -> tensor.Tensor:
    """Return a Tensor of zeros; the shape is given as a tuple or as numbers.

    >>> zeros(2), zeros((1, 2), dtype="float64")
    (Tensor([0., 0.]), Tensor([[0., 0.]], dtype=float64))
    """
    return tensor.Tensor(np.zeros(_shape(shape), dtype or default_dtype()), requires_grad)


def ones(*shape: Any, dtype: DTypeLike | None = None, requires_grad: bool = False) -> tensor.Tensor:
    """Return a Tensor of ones.

    >>> ones(2, 2)
    Tensor([[1., 1.],
            [1., 1.]])
    """
    return tensor.Tensor(np.ones(_shape(shape), dtype or default_dtype()), requires_grad)


def full(shape: Any, fill_value: Any, dtype: DTypeLike | None = None, requires_grad: bool = False) -> tensor.Tensor:
    """Return a Tensor of one value; integers and truth values keep their kind.

    >>> full((2,), 0.5), full(2, 7)
    (Tensor([0.5, 0.5]), Tensor([7, 7]))
    """
    return tensor.Tensor(np.full(sizes_of(shape), fill_value, _dtype(dtype, fill_value)), requires_grad)


def arange(
    start: float,
    stop: float | None = None,
    step: float = 1,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> tensor.Tensor:
    """Return ``start, start + step, …`` up to and without `stop`, or ``0, 1, …`` if one number is given.

    >>> arange(3), arange(0.0, 1.0, 0.5)
    (Tensor([0, 1, 2]), Tensor([0. , 0.5]))
    """
    first, last = (0, start) if stop is None else (start, stop)
    numbers = np.arange(first, last, step)
    return tensor.Tensor(numbers.astype(_dtype(dtype, numbers)), requires_grad)


def eye(n: int, m: int | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False) -> tensor.Tensor:
    """Return an n × m matrix, square by default, with ones on its diagonal and zeros elsewhere.

    >>> eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return tensor.Tensor(np.eye(n, m, dtype=dtype or default_dtype()), requires_grad)


def rand(
    *shape: Any,
    rng: np.random.Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> tensor.Tensor:
    """Return a Tensor of numbers drawn evenly from [0, 1).

    >>> rand(2, 3, rng=np.random.default_rng(0)).shape
    (2, 3)
    """
    wanted = np.dtype(dtype or default_dtype())
    drawn = chosen_rng(rng).random(_shape(shape), np.float64 if wanted == np.float64 else np.float32)
    return tensor.Tensor(np.asarray(drawn, wanted), requires_grad)  # drawn in their dtype, for rounding may give 1


def randn(
    *shape: Any,
    rng: np.random.Generator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> tensor.Tensor:
    """Return a Tensor of numbers drawn from the standard normal distribution.

    >>> randn(2, 3, rng=np.random.default_rng(0)).shape
    (2, 3)
    """
    drawn = np.asarray(chosen_rng(rng).standard_normal(_shape(shape)))
    return tensor.Tensor(drawn.astype(dtype or default_dtype()), requires_grad)


def zeros_like(x: Any, dtype: DTypeLike | None = None, requires_grad: bool = False) -> tensor.Tensor:
    """Return a Tensor of zeros in the shape of a Tensor or array, in its dtype and on its backend.

    >>> zeros_like(np.ones(2))
    Tensor([0., 0.], dtype=float64)
    """
    return full_like(x, 0, dtype, requires_grad)


def ones_like(x: Any, dtype: DTypeLike | None = None, requires_grad: bool = False) -> tensor.Tensor:
    """Return a Tensor of ones in the shape of a Tensor or array, in its dtype and on its backend.

    >>> ones_like(zeros(2))
    Tensor([1., 1.])
    """
    return full_like(x, 1, dtype, requires_grad)


def full_like(x: Any, fill_value: Any, dtype: DTypeLike | None = None, requires_grad: bool = False) -> tensor.Tensor:
    """Return a Tensor of one value in the shape of a Tensor or array, in its dtype and on its backend.

    >>> full_like(zeros(2), 3)
    Tensor([3., 3.])
    """
    array = _array(x)
    return tensor.Tensor(backend(array).full_like(array, fill_value, dtype), requires_grad)


def rand_like(
    x: Any, rng: np.random.Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> tensor.Tensor:
    """Return a Tensor like another with numbers drawn evenly from [0, 1)."""
    return _on_backend_of(x, rand(_array(x).shape, rng=rng, dtype=_floating(x, dtype)), requires_grad)


def randn_like(
    x: Any, rng: np.random.Generator | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> tensor.Tensor:
    """Return a Tensor like another with numbers drawn from the standard normal distribution."""
    return _on_backend_of(x, randn(_array(x).shape, rng=rng, dtype=_floating(x, dtype)), requires_grad)


def _shape(given: tuple[Any, ...]) -> tuple[int, ...]:
    return sizes_of(given[0] if len(given) == 1 else given)


def _dtype(asked: DTypeLike | None, values: Any) -> Any:
    """Return the dtype that was asked for, else that of the values, but the default one for floating-point numbers."""
    found = np.asarray(values).dtype
    return asked or (default_dtype() if found.kind == "f" else found)


def _array(x: Any) -> Array:
    array: Array = x.data if isinstance(x, tensor.Tensor) else x
    return array


def _floating(x: Any, dtype: DTypeLike | None) -> Any:
    found = _array(x).dtype
    return dtype or (found if found.kind == "f" else default_dtype())


def _on_backend_of(x: Any, drawn: tensor.Tensor, requires_grad: bool) -> tensor.Tensor:
    array = _array(x)
    return tensor.Tensor(backend(array).asarray(drawn.data), requires_grad)
