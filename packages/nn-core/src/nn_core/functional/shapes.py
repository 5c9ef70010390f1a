"""Functions that only rearrange: no element changes, so dy takes the way back."""

from __future__ import annotations

from math import prod
from operator import index as whole
from typing import Any

from nn_core.backends import backend
from nn_core.errors import ShapeError
from nn_core.operations import operation, unbroadcast
from nn_core.typing import Array, Backward, Shape


@operation
def reshape(x: Array, /, shape: int | Shape) -> tuple[Array, Backward]:
    """Return x in another shape, row by row; one size may be −1, for what is left.

    Raises:
        ShapeError: the sizes do not multiply to the number of elements.
    """
    sizes = sizes_of(shape)
    try:
        y = x.reshape(sizes)
    except ValueError:
        raise ShapeError(
            f"reshape cannot make {sizes} of {x.shape}, which has {prod(x.shape)} elements",
            f"The sizes must multiply to {prod(x.shape)}, and one of them may be -1.",
        ) from None
    return y, lambda dy: dy.reshape(x.shape)


@operation
def ravel(x: Array, /) -> tuple[Array, Backward]:
    """Return x as one row."""
    return x.reshape(-1), lambda dy: dy.reshape(x.shape)


@operation
def flatten(x: Array, /, start_dim: int = 0, end_dim: int = -1) -> tuple[Array, Backward]:
    """Return x with the axes from `start_dim` to `end_dim` joined into one.

    Raises:
        ShapeError: x has no such axes, or they are in the wrong order.
    """
    ndim = x.ndim or 1  # a single number becomes a row of one
    start, end = (dim + ndim if dim < 0 else dim for dim in (start_dim, end_dim))
    if not 0 <= start <= end < ndim:
        raise ShapeError(f"flatten cannot join axes {start_dim} to {end_dim} of shape {x.shape}")
    sizes = (*x.shape[:start], prod(x.shape[start : end + 1]), *x.shape[end + 1 :])
    return x.reshape(sizes), lambda dy: dy.reshape(x.shape)


@operation
def transpose(x: Array, /, axes: Shape | None = None) -> tuple[Array, Backward]:
    """Return x with its axes in another order, reversed by default, as in NumPy.

    Raises:
        ShapeError: `axes` does not name every axis once.
    """
    return _reordered(x, "transpose", tuple(range(x.ndim))[::-1] if axes is None else tuple(axes))


@operation
def permute(x: Array, /, dims: Shape) -> tuple[Array, Backward]:
    """Return x with its axes in the order `dims`, as in PyTorch.

    Raises:
        ShapeError: `dims` does not name every axis once.
    """
    return _reordered(x, "permute", tuple(dims))


def _reordered(x: Array, name: str, order: Shape) -> tuple[Array, Backward]:
    counted = [whole(axis) % x.ndim for axis in order] if x.ndim else []
    if sorted(counted) != list(range(x.ndim)) or len(order) != x.ndim:
        raise ShapeError(
            f"{name} got the axes {order} for shape {x.shape}",
            "Name every axis once; swapaxes(a, b) exchanges two of them.",
        )
    back = [counted.index(axis) for axis in range(x.ndim)]
    return x.transpose(order), lambda dy: dy.transpose(back)


@operation
def swapaxes(x: Array, /, axis1: int, axis2: int) -> tuple[Array, Backward]:
    """Return x with two axes exchanged."""
    return x.swapaxes(axis1, axis2), lambda dy: dy.swapaxes(axis1, axis2)


@operation
def moveaxis(x: Array, /, source: int | Shape, destination: int | Shape) -> tuple[Array, Backward]:
    """Return x with some axes moved to other places; the others keep their order."""
    xp = backend(x)
    return xp.moveaxis(x, source, destination), lambda dy: xp.moveaxis(dy, destination, source)


@operation
def squeeze(x: Array, /, axis: int | Shape | None = None) -> tuple[Array, Backward]:
    """Return x without its axes of size 1, all or those that `axis` names.

    Raises:
        ShapeError: a named axis has another size.
    """
    return x.squeeze(axis), lambda dy: dy.reshape(x.shape)


@operation
def expand_dims(x: Array, /, axis: int | Shape) -> tuple[Array, Backward]:
    """Return x with an axis of size 1 at each place that `axis` names."""
    return backend(x).expand_dims(x, axis), lambda dy: dy.reshape(x.shape)


@operation
def unsqueeze(x: Array, /, axis: int) -> tuple[Array, Backward]:
    """Return x with an axis of size 1 at place `axis`, which PyTorch calls ``dim``."""
    return backend(x).expand_dims(x, axis), lambda dy: dy.reshape(x.shape)


@operation
def broadcast_to(x: Array, /, shape: int | Shape) -> tuple[Array, Backward]:
    """Return x repeated along its axes of size 1, and along new ones in front; a read-only view.

    Gradient: dy summed over the axes along which x was repeated.

    Raises:
        ShapeError: x does not broadcast to `shape`.
    """
    return _broadcast(x, "broadcast_to", sizes_of(shape), sizes_of(shape))


@operation
def expand(x: Array, /, shape: int | Shape) -> tuple[Array, Backward]:
    """Return x repeated as by `broadcast_to`; −1 keeps the size of an axis, as in PyTorch.

    Raises:
        ShapeError: x does not broadcast to `shape`.
    """
    wanted = sizes_of(shape)
    added = len(wanted) - x.ndim
    sizes = tuple(x.shape[i - added] if size == -1 and i >= added else size for i, size in enumerate(wanted))
    return _broadcast(x, "expand", sizes, wanted)


def _broadcast(x: Array, name: str, sizes: Shape, wanted: Shape) -> tuple[Array, Backward]:
    try:
        y = backend(x).broadcast_to(x, sizes)
    except ValueError:
        raise ShapeError(
            f"{name} cannot make {wanted} of {x.shape}",
            "Counted from the last axis, each size must be equal, or 1 in the smaller shape.",
        ) from None
    return y, lambda dy: unbroadcast(dy, x.shape)


def sizes_of(shape: Any) -> Shape:
    """Return a shape that may be given as a number, a tuple, a list or an array."""
    several = isinstance(shape, (tuple, list)) or getattr(shape, "ndim", 0) > 0
    return tuple(whole(size) for size in shape) if several else (whole(shape),)
