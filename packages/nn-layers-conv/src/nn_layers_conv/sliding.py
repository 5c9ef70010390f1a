"""Maxima and sums of windows, the operations under pooling, with the way back of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core.backends import backend
from nn_core.kernels import kernel
from nn_core.typing import Array
from nn_layers_conv import memory
from nn_layers_conv.windows import Windows


@kernel
def window_max(x: Array, windows: Windows, winners: bool = True) -> tuple[Array, Array | None]:
    """Return the maximum of every window of x (N, C, …) and, if `winners` are wanted, which tap has it first.

    Outside the image there is nothing, so that padding never wins, not even over −∞. NaN is larger than all else.
    """
    xp, x = backend(x), memory.samples_last_in_memory(x)
    shape = (*x.shape[:2], *windows.out)
    y = memory.empty(xp, shape, x.dtype)
    y[...] = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    for _, places, elements in windows.taps:
        so_far = y[:, :, *places]
        xp.maximum(so_far, x[:, :, *elements], out=so_far)
    if not winners:
        return y, None
    number = np.min_scalar_type(len(windows.taps)).type
    winner = memory.zeros(xp, shape, number)
    for i, (_, places, elements) in reversed([*enumerate(windows.taps)]):  # so that the first one stays
        smaller = x[:, :, *elements] < y[:, :, *places]
        so_far = winner[:, :, *places]
        so_far *= smaller
        so_far += ~smaller * number(i)
    return y, winner


@kernel
def window_max_backward(dy: Array, winner: Any, windows: Windows) -> Array:
    """Return dx, in which every dy (N, C, …) is added at the place of its window's maximum."""
    xp, apart = backend(dy), windows.are_apart
    dy = memory.samples_last_in_memory(dy)
    dx = memory.zeros(xp, (*dy.shape[:2], *windows.size), dy.dtype)
    for i, (_, places, elements) in enumerate(windows.taps):
        of_tap, won = dx[:, :, *elements], winner[:, :, *places] == i
        if apart:
            xp.multiply(dy[:, :, *places], won, out=of_tap)
        else:
            of_tap += dy[:, :, *places] * won
    return dx


@kernel
def window_sum(x: Array, windows: Windows) -> Array:
    """Return the sum of every window of x (N, C, …), taken along one axis after the other."""
    x = memory.samples_last_in_memory(x)
    for axis, count in enumerate(windows.out):
        y = memory.zeros(backend(x), _with(x.shape, axis, count), x.dtype)
        for _, places, elements in windows.taps_along(axis):
            y[_along(axis, places)] += x[_along(axis, elements)]
        x = y
    return x


@kernel
def window_sum_backward(dy: Array, windows: Windows) -> Array:
    """Return dx, to each element of which go the dy (N, C, …) of all windows it is in: the adjoint of `window_sum`."""
    dy = memory.samples_last_in_memory(dy)
    for axis, size in enumerate(windows.size):
        dx = memory.zeros(backend(dy), _with(dy.shape, axis, size), dy.dtype)
        for _, places, elements in windows.taps_along(axis):
            dx[_along(axis, elements)] += dy[_along(axis, places)]
        dy = dx
    return dy


def _with(shape: tuple[int, ...], axis: int, length: int) -> tuple[int, ...]:
    """Return (N, C, …) with another length of one spatial axis."""
    return (*shape[: axis + 2], length, *shape[axis + 3 :])


def _along(axis: int, part: slice) -> tuple[Any, ...]:
    """Return the index of a part of a spatial axis."""
    return (*[slice(None)] * (axis + 2), part)
