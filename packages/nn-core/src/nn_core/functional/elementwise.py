"""Functions of one array, element by element."""

from __future__ import annotations

from nn_core.backends import backend
from nn_core.operations import float_operation, operation
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
def clip(x: Array, /, min: float | None = None, max: float | None = None) -> tuple[Array, Backward]:
    """Return x limited to ``[min, max]``; ``∂x = dy`` where x is in that range, its ends included, else 0."""
    y = backend(x).clip(x, min, max)
    return y, lambda dy: dy * (y == x)


@operation
def astype(x: Array, /, dtype: str) -> tuple[Array, Backward]:
    """Return x in another dtype; dy comes back in that of x."""
    return x.astype(dtype), lambda dy: dy.astype(x.dtype)
