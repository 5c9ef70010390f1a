"""Functions that reduce an axis, a tuple of them or, with ``axis=None``, all; ``keepdims`` leaves them with size 1."""

from __future__ import annotations

from math import nan, prod as product
from operator import index as whole
from typing import Any

import numpy as np

from nn_core.backends import backend
from nn_core.errors import ConfigError
from nn_core.operations import float_operation, in_float32, operation
from nn_core.typing import Array, Backward

Axis = int | tuple[int, ...] | None


def reduced(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return the axes that a reduction over `axis` takes away, counted from the front."""
    axes = range(ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(whole(a) % ndim for a in axes) if ndim else ()


def restored(y: Array, shape: tuple[int, ...], axis: Axis) -> Array:
    """Return what a reduction over `axis` made, broadcast (read-only) back to the `shape` of what it was made from."""
    xp = backend(y)
    axes = reduced(axis, len(shape))
    kept = [1 if i in axes else size for i, size in enumerate(shape)]
    spread: Array = xp.broadcast_to(xp.asarray(y).reshape(kept), shape)
    return spread


def _count(shape: tuple[int, ...], axis: Axis) -> int:
    """Return how many elements each result is made of."""
    return product(shape[i] for i in reduced(axis, len(shape)))


@operation
@in_float32
def sum(x: Array, /, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return the sum; ``∂x = dy`` everywhere.

    >>> sum(np.ones((2, 3)), axis=0)
    array([2., 2., 2.])
    """
    return x.sum(axis=axis, keepdims=keepdims), lambda dy: restored(dy, x.shape, axis)


@float_operation
@in_float32
def mean(x: Array, /, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return the mean of n elements; ``∂x = dy / n``. The mean of none is NaN.

    >>> mean(np.array([[1.0, 2.0], [3.0, 6.0]]), axis=1)
    array([1.5, 4.5])
    """
    n = _count(x.shape, axis) or nan
    return x.sum(axis=axis, keepdims=keepdims) / n, lambda dy: restored(dy / n, x.shape, axis)


@float_operation
@in_float32
def var(
    x: Array,
    /,
    axis: Axis = None,
    keepdims: bool = False,
    ddof: float = 0,
    correction: float | None = None,
    unbiased: bool | None = None,
) -> tuple[Array, Backward]:
    """Return the variance ``Σ (x − x̄)² / (n − ddof)``; ``∂x = 2 dy (x − x̄) / (n − ddof)``.

    ``ddof`` is 0 as in NumPy; PyTorch's words for it are understood: ``correction``, and ``unbiased=True`` for 1.

    >>> var(np.array([1.0, 3.0])), var(np.array([1.0, 3.0]), unbiased=True)
    (np.float64(1.0), np.float64(2.0))
    """
    y, centered, n = _variance("var", x, axis, keepdims, (ddof, correction, unbiased))
    return y, lambda dy: restored(dy * (2 / n), x.shape, axis) * centered


@float_operation
@in_float32
def std(
    x: Array,
    /,
    axis: Axis = None,
    keepdims: bool = False,
    ddof: float = 0,
    correction: float | None = None,
    unbiased: bool | None = None,
) -> tuple[Array, Backward]:
    """Return the standard deviation, the root of `var`; ``∂x = dy (x − x̄) / (y (n − ddof))``, and 0 where y = 0.

    >>> std(np.array([1.0, 3.0]))
    np.float64(1.0)
    """
    variance, centered, n = _variance("std", x, axis, keepdims, (ddof, correction, unbiased))
    xp = backend(variance)
    y = xp.sqrt(variance)

    def backward(dy: Array) -> Array:
        scale = xp.where(y == 0, 0, dy / (xp.where(y == 0, 1, y) * n))
        return restored(scale, x.shape, axis) * centered

    return y, backward


def _variance(
    name: str, x: Array, axis: Axis, keepdims: bool, words: tuple[float, float | None, bool | None]
) -> tuple[Array, Array, float]:
    """Return the variance, the centered x, and what the squares are divided by (NaN if that is not positive)."""
    ddof, correction, unbiased = words
    if (ddof != 0) + (correction is not None) + (unbiased is not None) > 1:
        raise ConfigError(f"{name} takes one of ddof, correction and unbiased, which mean the same.")
    taken_off = correction if correction is not None else ddof if unbiased is None else int(unbiased)
    count = _count(x.shape, axis)
    centered = x - x.sum(axis=axis, keepdims=True) / (count or nan)
    n = count - taken_off if count > taken_off else nan
    return (centered**2).sum(axis=axis, keepdims=keepdims) / n, centered, n


@operation
@in_float32
def max(x: Array, /, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return the largest element; those that equal it share dy evenly.

    >>> max(np.array([[1.0, 5.0], [2.0, 0.0]]), axis=1)
    array([5., 2.])
    """
    y = x.max(axis=axis, keepdims=keepdims)
    return y, _to_the_equal(x, y, axis)


@operation
@in_float32
def min(x: Array, /, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return the smallest element; those that equal it share dy evenly.

    >>> min(np.array([[1.0, 5.0], [2.0, 0.0]]), axis=1)
    array([1., 0.])
    """
    y = x.min(axis=axis, keepdims=keepdims)
    return y, _to_the_equal(x, y, axis)


def _to_the_equal(x: Array, y: Array, axis: Axis) -> Backward:
    xp = backend(x)

    def backward(dy: Array) -> Array:
        equal = (x == restored(y, x.shape, axis)) | (x != x)  # one NaN makes y NaN
        share = restored(dy, x.shape, axis) / equal.sum(axis=axis, keepdims=True, dtype=dy.dtype)
        dx: Array = xp.where(equal, share, 0)
        return dx

    return backward


@operation
@in_float32
def cumsum(x: Array, /, axis: int | None = None) -> tuple[Array, Backward]:
    """Return the sums of the first element, the first two, …, of the flattened x with ``axis=None``.

    Gradient: ``∂xᵢ = Σ dyⱼ`` over all j ≥ i.

    >>> cumsum(np.array([1.0, 2.0, 4.0]))
    array([1., 3., 7.])
    """
    xp = backend(x)
    along = axis or 0

    def backward(dy: Array) -> Array:
        dx: Array = xp.flip(xp.flip(dy, along).cumsum(along), along)
        return dx.reshape(x.shape)

    return x.cumsum(axis), backward


@operation
def prod(x: Array, /, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return the product; ``∂xᵢ = dy Π xⱼ`` over all j ≠ i, right with zeros among them.

    >>> prod(np.array([2.0, 3.0, 4.0]))
    np.float64(24.0)
    """

    def backward(dy: Array) -> Array:
        return restored(dy, x.shape, axis) * _product_of_the_others(x, reduced(axis, x.ndim))

    return x.prod(axis=axis, keepdims=keepdims), backward


def _product_of_the_others(x: Array, axes: tuple[int, ...]) -> Array:
    """Return, for each element, the product of the others along `axes`: of those before it and those after it."""
    xp = backend(x)
    last = tuple(range(x.ndim - len(axes), x.ndim))
    moved = xp.moveaxis(x, axes, last)
    rows = moved.reshape(*moved.shape[: x.ndim - len(axes)], product(moved.shape[x.ndim - len(axes) :]))

    def before(rows: Array) -> Array:
        shifted = xp.ones_like(rows)
        shifted[..., 1:] = rows[..., :-1]
        products: Array = xp.cumprod(shifted, axis=-1)
        return products

    others = before(rows) * before(rows[..., ::-1])[..., ::-1]
    back: Array = xp.moveaxis(others.reshape(moved.shape), last, axes)
    return back


@float_operation
@in_float32
def logsumexp(x: Array, /, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return ``log Σ eˣ`` without overflow; ``∂x = dy eˣ / Σ eˣ``, and 0 where all x are −∞.

    >>> float(logsumexp(np.array([1000.0, 1000.0])))
    1000.6931471805599
    """
    xp = backend(x)
    limits = np.finfo(x.dtype)
    largest = x.max(axis=axis, keepdims=True, initial=-np.inf).clip(limits.min, limits.max)
    weights = xp.exp(x - largest)
    total = weights.sum(axis=axis, keepdims=True)
    nothing = total == 0
    total = xp.where(nothing, 1, total)
    y = xp.where(nothing, -np.inf, xp.log(total) + largest)

    def backward(dy: Array) -> Array:
        share: Array = weights / total
        return restored(dy, x.shape, axis) * share

    return (y if keepdims else y.squeeze(reduced(axis, x.ndim))), backward


def _no_gradient(dy: Any) -> None:
    return None


@operation
def argmax(x: Array, /, axis: int | None = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return the index of the first largest element, in the flattened x with ``axis=None``; no gradient.

    >>> argmax(np.array([[1.0, 5.0], [2.0, 0.0]]), axis=1)
    array([1, 0])
    """
    return backend(x).argmax(x, axis=axis, keepdims=keepdims).astype(np.int64), _no_gradient


@operation
def argmin(x: Array, /, axis: int | None = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return the index of the first smallest element, in the flattened x with ``axis=None``; no gradient.

    >>> argmin(np.array([[1.0, 5.0], [2.0, 0.0]]), axis=1)
    array([0, 1])
    """
    return backend(x).argmin(x, axis=axis, keepdims=keepdims).astype(np.int64), _no_gradient


@operation
def all(x: Array, /, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return whether every element is true, that is, not 0; no gradient.

    >>> all(np.array([[True, False], [True, True]]), axis=0)
    array([ True, False])
    """
    return backend(x).all(x, axis=axis, keepdims=keepdims), _no_gradient


@operation
def any(x: Array, /, axis: Axis = None, keepdims: bool = False) -> tuple[Array, Backward]:
    """Return whether some element is true, that is, not 0; no gradient.

    >>> any(np.array([[True, False], [True, True]]), axis=0)
    array([ True,  True])
    """
    return backend(x).any(x, axis=axis, keepdims=keepdims), _no_gradient
