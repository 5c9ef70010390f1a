"""Putting arrays together, taking them apart, and adding margins."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from nn_core.backends import backend
from nn_core.errors import ConfigError, ShapeError
from nn_core.functional.indexing import added_along
from nn_core.operations import operation
from nn_core.typing import Array, Backward

PAD_MODES = ("constant", "reflect", "edge", "wrap")


def concatenate(xs: Sequence[Any], axis: int | None = 0, **words: Any) -> Any:
    """Return arrays or Tensors joined along an existing `axis`; all are flattened first if it is None.

    Gradients: to each its part of dy.

    Shape:
        ``(a, n₁, b), (a, n₂, b), …`` → ``(a, n₁ + n₂ + …, b)`` with ``axis=1``.

    Raises:
        ShapeError: the shapes differ off that axis, or there is nothing to join.

    >>> concatenate([np.zeros(1), np.ones(2)])
    array([0., 1., 1.])
    """
    return concatenate_of(*_some("concatenate", xs), **_along(axis, words))


def stack(xs: Sequence[Any], axis: int = 0, **words: Any) -> Any:
    """Return arrays or Tensors of one shape joined along a new `axis`.

    Gradients: to each its part of dy.

    Shape:
        k times ``(a, b)`` → ``(a, k, b)`` with ``axis=1``.

    Raises:
        ShapeError: the shapes differ, or there is nothing to join.

    >>> stack([np.zeros(2), np.ones(2)], axis=1)
    array([[0., 1.],
           [0., 1.]])
    """
    return stack_of(*_some("stack", xs), **_along(axis, words))


def _along(axis: int | None, words: dict[str, Any]) -> dict[str, Any]:
    """Return the words with the axis, unless it is the default and they name one as PyTorch does."""
    return words if axis == 0 and "dim" in words else {"axis": axis, **words}


def _some(name: str, xs: Sequence[Any]) -> Sequence[Any]:
    if not len(xs):
        raise ShapeError(f"{name} got nothing to join", "Give it at least one array.")
    return xs


@operation
def concatenate_of(*xs: Array, axis: int | None = 0) -> tuple[Array, Backward]:
    """Return `concatenate`."""
    xp = backend(xs[0])
    try:
        y = xp.concatenate(xs, axis)
    except ValueError:
        raise _unfit("concatenate", xs, axis, "They must have the same axes and be equal off that one.") from None
    ends = list(accumulate(x.size if axis is None else x.shape[axis] for x in xs))

    def backward(dy: Array) -> tuple[Array, ...]:
        parts = xp.split(dy, ends[:-1], axis or 0)
        return tuple(part.reshape(x.shape) for part, x in zip(parts, xs, strict=True))

    return y, backward


@operation
def stack_of(*xs: Array, axis: int = 0) -> tuple[Array, Backward]:
    """Return `stack`."""
    xp = backend(xs[0])
    try:
        y = xp.stack(xs, axis)
    except ValueError:
        raise _unfit("stack", xs, axis, "They must be equal, and the axis one of the result's.") from None
    return y, lambda dy: tuple(xp.moveaxis(dy, axis, 0))


def _unfit(name: str, xs: Sequence[Array], axis: int | None, remedy: str) -> ShapeError:
    return ShapeError(f"{name} cannot join {' and '.join(str(x.shape) for x in xs)} along axis {axis}", remedy)


@operation
def split(x: Array, /, indices_or_sections: int | Sequence[int], axis: int = 0) -> tuple[tuple[Array, ...], Backward]:
    """Return, as in NumPy, that many equal parts of x along `axis`, or the parts between a list of places.

    Gradient: those of the parts, joined.

    Raises:
        ShapeError: the axis does not divide into equal parts.
        ConfigError: the places are not in ascending order, so that parts would overlap.

    >>> [part.shape for part in split(np.zeros((2, 6)), 3, axis=1)], [part.shape for part in split(np.zeros(6), [1, 3])]
    ([(2, 2), (2, 2), (2, 2)], [(1,), (2,), (3,)])
    """
    xp = backend(x)
    places = indices_or_sections
    fits = -x.ndim <= axis < x.ndim
    if not fits or (isinstance(places, int) and (places < 1 or x.shape[axis] % places)):
        raise ShapeError(
            f"split cannot make {places} equal parts of axis {axis} of shape {x.shape}",
            "For unequal ones give the places where to split, as in split(x, [2, 4]).",
        )
    parts = tuple(xp.split(x, places, axis))
    if sum(part.shape[axis] for part in parts) != x.shape[axis]:
        raise ConfigError(f"split got the places {places}: give them in ascending order.")
    return parts, lambda dys: xp.concatenate(dys, axis)


@operation
def pad(x: Array, /, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> tuple[Array, Backward]:
    """Return x with margins, as in NumPy: a constant, or x mirrored (reflect), drawn out (edge) or repeated (wrap).

    Gradient: dy without the margins, plus, unless they are constant, the margins at the places they came from.

    Args:
        x: what gets the margins.
        pad_width: ``((before, after), …)`` for every axis, or one pair or number for all.
        mode: ``constant``, ``reflect`` (without repeating the border), ``edge`` or ``wrap``.
        constant_values: what a constant margin holds.

    Raises:
        ConfigError: the mode is unknown, or a width negative or no integer.
        ShapeError: `pad_width` does not fit the axes of x, or an empty axis is to be repeated.

    >>> pad(np.array([1.0, 2.0, 3.0]), (2, 1), mode="reflect")
    array([3., 2., 1., 2., 3., 2.])
    """
    xp = backend(x)
    if mode not in PAD_MODES:
        raise ConfigError(f"mode of pad must be one of {', '.join(PAD_MODES)}, got {mode!r}.")
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu":
        raise ConfigError(f"pad_width of pad must be integers, got {pad_width}.")
    try:
        widths = np.broadcast_to(given, (x.ndim, 2))
    except ValueError:
        raise ShapeError(
            f"pad got pad_width {pad_width} for shape {x.shape}", "Give a pair (before, after) for every axis."
        ) from None
    if (widths < 0).any():
        raise ConfigError(f"pad_width of pad must not be negative, got {pad_width}.")
    if mode == "constant":
        middle = tuple(slice(before, before + n) for before, n in zip(widths[:, 0], x.shape, strict=True))
        return xp.pad(x, widths, constant_values=constant_values), lambda dy: dy[middle]

    sources = [xp.pad(xp.arange(n), pair, mode=mode) for n, pair in zip(x.shape, widths, strict=True)]

    def backward(dy: Array) -> Array:
        for axis, source in enumerate(sources):
            dy = added_along(dy, source, axis, x.shape[axis])
        return dy

    return x[xp.ix_(*sources)], backward
