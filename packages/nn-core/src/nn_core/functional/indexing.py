"""Picking elements by their indices, and the way back: adding to the places they came from."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nn_core import tensor
from nn_core.backends import backend
from nn_core.errors import ShapeError
from nn_core.functional.arithmetic import BOTH, Gradients, Needed
from nn_core.kernels import kernel
from nn_core.operations import operation
from nn_core.typing import Array, Backward, Shape


@kernel
def add_rows(out: Array, indices: Array, rows: Array) -> None:
    """Add rows to those of `out`, in place, that integer `indices` name: ``out[indices] += rows``, repeats add up.

    Shape:
        out ``(n, …)``, indices ``(k,)`` within −n and n − 1, rows ``(k, …)``.

    >>> out = np.zeros(3)
    >>> add_rows(out, np.array([2, 0, -1]), np.array([1.0, 2.0, 4.0])); out
    array([2., 0., 5.])
    """
    if not len(indices):
        return
    xp = backend(out)
    indices = xp.asarray(indices, np.int64)  # narrower integers may not count as far as `out` goes
    indices = xp.where(indices < 0, indices + len(out), indices)
    order = xp.argsort(indices, kind="stable")
    indices = indices[order]
    first = xp.ones(len(indices), bool)  # of each run of equal indices
    first[1:] = indices[1:] != indices[:-1]
    starts = xp.flatnonzero(first)
    out[indices[starts]] += xp.add.reduceat(rows[order], starts, axis=0)


def added_along(dy: Array, indices: Array, axis: int, size: int) -> Array:
    """Return zeros, `size` along `axis`, with the slices of dy along it added at `indices`: the way back of taking."""
    xp = backend(dy)
    dx = xp.zeros((size, *dy.shape[:axis], *dy.shape[axis + 1 :]), dy.dtype)
    add_rows(dx, indices, xp.moveaxis(dy, axis, 0))
    back: Array = xp.moveaxis(dx, 0, axis)
    return back


def added_at(dy: Array, places: Array, shape: Shape) -> Array:
    """Return zeros of a `shape` with the elements of dy added at `places`, counted row by row."""
    return added_along(dy.reshape(-1), places.reshape(-1), 0, prod(shape)).reshape(shape)


def places_in(x: Array) -> Array:
    """Return an array like x that holds the place of each element, counted row by row."""
    places: Array = backend(x).arange(x.size).reshape(x.shape)
    return places


@operation
def getitem(x: Array, /, index: Any) -> tuple[Array, Backward]:
    """Return ``x[index]`` as in NumPy: integers, slices, None, ..., arrays of integers or booleans, and mixtures.

    Gradient: dy, added at the places it was taken from; the other elements get 0.

    Raises:
        IndexError: x has no such elements.

    >>> x = tensor.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> x[[0, 0, 2]].sum().backward(); x.grad
    array([2., 0., 1.], dtype=float32)
    """
    index = _plain(index)
    parts = index if isinstance(index, tuple) else (index,)
    repeats = any(hasattr(part, "dtype") and part.dtype.kind in "iu" and part.size > 1 for part in parts)

    def backward(dy: Array) -> Array:
        if not repeats:
            dx: Array = backend(x).zeros_like(x)
            dx[index] = dy
            return dx
        if not isinstance(index, tuple):
            return added_along(dy.reshape(index.size, *x.shape[1:]), index.reshape(-1), 0, len(x))
        return added_at(dy, places_in(x)[index], x.shape)

    return x[index], backward


@operation
def take(x: Array, /, indices: Any, axis: int | None = None) -> tuple[Array, Backward]:
    """Return the slices of x along `axis` at `indices`, or elements of the flattened x, as in NumPy.

    Gradient: dy, added at the places it was taken from.

    Shape:
        x ``(a, n, b)``, indices ``(…)`` → y ``(a, …, b)`` with ``axis=1``.

    Raises:
        IndexError: an index is out of range or no integer.

    >>> take(np.array([[1.0, 2.0], [3.0, 4.0]]), [1, 1], axis=0)
    array([[3., 4.],
           [3., 4.]])
    """
    indices = _integers("take", indices)

    def backward(dy: Array) -> Array:
        if axis is None or not x.ndim:
            return added_at(dy, indices, x.shape)
        a = axis % x.ndim
        rows = dy.reshape(*x.shape[:a], indices.size, *x.shape[a + 1 :])
        return added_along(rows, indices.reshape(-1), a, x.shape[a])

    return x.take(indices, axis), backward


@operation
def take_along_axis(x: Array, /, indices: Any, axis: int = -1) -> tuple[Array, Backward]:
    """Return, of each line of x along `axis`, the elements at that line of `indices`, as in NumPy.

    Gradient: dy, added at the places it was taken from.

    Shape:
        x ``(a, n)``, indices ``(a, k)`` → y ``(a, k)`` with ``axis=1``; the other axes are broadcast.

    Raises:
        IndexError: an index is out of range or no integer.

    >>> take_along_axis(np.array([[1.0, 2.0], [3.0, 4.0]]), [[1], [0]], axis=1)
    array([[2.],
           [3.]])
    """
    take_along = backend(x).take_along_axis
    indices = _integers("take_along_axis", indices)
    return take_along(x, indices, axis), lambda dy: added_at(dy, take_along(places_in(x), indices, axis), x.shape)


@operation
def gather(x: Array, /, axis: int, index: Any) -> tuple[Array, Backward]:
    """Return ``y[i, j] = x[i, index[i, j]]`` for ``axis=1`` (PyTorch's ``dim``), and so for other axes.

    Gradient: dy, added at the places it was taken from.

    Shape:
        y is shaped like index, which may be smaller than x along the other axes.

    Raises:
        IndexError: an index is out of range or no integer.
        ShapeError: index has another number of axes, or is larger than x along another axis.

    >>> gather(np.array([[1.0, 2.0], [3.0, 4.0]]), 1, [[1], [0]])
    array([[2.],
           [3.]])
    """
    index = _integers("gather", index)
    places = _places_along("gather", x, axis, index)
    return x.reshape(-1)[places], lambda dy: added_at(dy, places, x.shape)


def scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    """Return x plus the elements of `src` at the places that `gather` would take: the sum of all that name one.

    ``y[i, index[i, j]] += src[i, j]`` for ``dim=1``. Gradients: ``∂x = dy``, and for src what `gather` takes of dy.

    Shape:
        x and y alike; index may be smaller than src, and than x along the axes other than `dim`.

    Raises:
        IndexError: an index is out of range or no integer.
        ShapeError: the numbers of axes differ, or index is too large.

    >>> scatter_add(np.zeros((1, 3)), 1, [[2, 0, 2]], np.array([[1.0, 2.0, 4.0]]))
    array([[2., 0., 5.]])
    """
    return scatter_add_of(x, src, axis=dim, index=index)


@operation
def scatter_add_of(x: Array, src: Array, /, axis: int, index: Any, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return `scatter_add`."""
    index = _integers("scatter_add", index)
    if index.ndim != src.ndim or any(k > n for k, n in zip(index.shape, src.shape, strict=True)):
        raise ShapeError(
            f"scatter_add got an index of shape {index.shape} for a src of shape {src.shape}, which must "
            f"be at least as large along every axis"
        )
    places = _places_along("scatter_add", x, axis, index)
    used = tuple(slice(k) for k in index.shape)
    y = x.copy()
    add_rows(y.reshape(-1), places.reshape(-1), src[used].reshape(-1))

    def backward(dy: Array) -> Gradients:
        dsrc = None
        if needed[1]:
            dsrc = backend(src).zeros_like(src)
            dsrc[used] = dy.reshape(-1)[places]
        return dy, dsrc

    return y, backward


def _places_along(name: str, x: Array, axis: int, index: Array) -> Array:
    """Return the places in x that `gather` takes."""
    if index.ndim != x.ndim or any(
        k > n for i, (k, n) in enumerate(zip(index.shape, x.shape, strict=True)) if i != axis % x.ndim
    ):
        raise ShapeError(
            f"{name} got an index of shape {index.shape} for shape {x.shape} and axis {axis}",
            "They need the same number of axes, and off that axis the index must not be larger.",
        )
    reached = tuple(slice(None) if i == axis % x.ndim else slice(k) for i, k in enumerate(index.shape))
    places: Array = backend(x).take_along_axis(places_in(x)[reached], index, axis)
    return places


def _plain(index: Any) -> Any:
    """Return an index with arrays in the place of Tensors and lists, and of tuples inside the tuple."""
    if isinstance(index, tuple):
        return tuple(_array_of(part) for part in index)
    return _array_of(index)


def _array_of(index: Any) -> Any:
    if isinstance(index, tensor.Tensor):
        return index.data
    if isinstance(index, (list, tuple)):
        array = np.asarray(index)
        return array if array.size else array.astype(np.int64)
    return index


def _integers(name: str, indices: Any) -> Array:
    array = np.asarray(indices) if isinstance(indices, int) else _array_of(indices)
    if getattr(array, "dtype", np.dtype(object)).kind not in "iu":
        raise IndexError(f"{name} needs integers for indices, got {getattr(array, 'dtype', repr(array))}.")
    return array
