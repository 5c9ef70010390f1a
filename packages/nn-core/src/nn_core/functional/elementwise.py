"""Functions of one array, element by element."""

from __future__ import annotations

from typing import Any

from nn_core import tensor
from nn_core.backends import backend
from nn_core.dtypes import default_dtype
from nn_core.errors import ConfigError, ShapeError
from nn_core.operations import as_array, float_operation, numbers, operation
from nn_core.typing import Array, Backward


@float_operation
def exp(x: Array, /) -> tuple[Array, Backward]:
    """Return ``eˣ``; ``∂x = dy eˣ``."""
    y = backend(x).exp(x)
    return y, lambda dy: dy * y


@float_operation
def log(x: Array, /) -> tuple[Array, Backward]:
    """Return the natural logarithm; ``∂x = dy / x``."""
    return backend(x).log(x), lambda dy: dy / x


@float_operation
def expm1(x: Array, /) -> tuple[Array, Backward]:
    """Return ``eˣ − 1``, exact for small x, too; ``∂x = dy eˣ``."""
    y = backend(x).expm1(x)
    return y, lambda dy: dy * (y + 1)


@float_operation
def log1p(x: Array, /) -> tuple[Array, Backward]:
    """Return ``log(1 + x)``, exact for small x, too; ``∂x = dy / (1 + x)``."""
    return backend(x).log1p(x), lambda dy: dy / (1 + x)


@float_operation
def sqrt(x: Array, /) -> tuple[Array, Backward]:
    """Return ``√x``; ``∂x = dy / (2 √x)``."""
    y = backend(x).sqrt(x)
    return y, lambda dy: dy / (2 * y)


@operation
def square(x: Array, /) -> tuple[Array, Backward]:
    """Return ``x²``; ``∂x = 2 dy x``."""
    return x * x, lambda dy: 2 * dy * x


@float_operation
def sin(x: Array, /) -> tuple[Array, Backward]:
    """Return the sine; ``∂x = dy cos x``."""
    xp = backend(x)
    return xp.sin(x), lambda dy: dy * xp.cos(x)


@float_operation
def cos(x: Array, /) -> tuple[Array, Backward]:
    """Return the cosine; ``∂x = −dy sin x``."""
    xp = backend(x)
    return xp.cos(x), lambda dy: -dy * xp.sin(x)


@operation
def abs(x: Array, /) -> tuple[Array, Backward]:
    """Return ``|x|``; ``∂x = dy sign x``, which is 0 at 0."""
    xp = backend(x)
    return xp.abs(x), lambda dy: dy * xp.sign(x)


@operation
def sign(x: Array, /) -> tuple[Array, Backward]:
    """Return −1, 0 or 1; the gradient is 0."""
    xp = backend(x)
    return xp.sign(x), xp.zeros_like


@operation
def clone(x: Array, /) -> tuple[Array, Backward]:
    """Return a copy, as in PyTorch; ``∂x = dy``."""
    return x.copy(), lambda dy: dy


@operation
def clip(x: Array, /, min: Any = None, max: Any = None) -> tuple[Array, Backward]:
    """Return x limited to ``[min, max]``; ``∂x = dy`` where x is in that range, its ends included, else 0.

    The bounds are numbers, or arrays that broadcast to x, and take its dtype.

    Raises:
        ConfigError: a bound is a Tensor.
        ShapeError: a bound has more axes than x, or longer ones.
    """
    bounds = [bound for bound in (min, max) if bound is not None]
    for bound in bounds:
        if isinstance(bound, tensor.Tensor):
            raise ConfigError("clip takes numbers or arrays for bounds: for Tensors there are maximum and minimum.")
    if x.dtype.kind != "f" and any(numbers(bound, "clip").dtype.kind == "f" for bound in bounds):
        x = x.astype(default_dtype())
    if x.dtype.kind == "f":
        min, max = (bound if bound is None else as_array(bound, x.dtype, "clip") for bound in (min, max))
    xp = backend(x)
    y = xp.clip(x, min, max)
    if y.shape != x.shape:
        raise ShapeError(f"clip got bounds that make the shape {y.shape} of {x.shape}", "Reshape or expand x first.")
    return y, lambda dy: xp.where(y == x, dy, 0)


@operation
def astype(x: Array, /, dtype: str) -> tuple[Array, Backward]:
    """Return x in another dtype; dy comes back in that of x."""
    return x.astype(dtype), lambda dy: dy.astype(x.dtype)
