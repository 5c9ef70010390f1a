"""The order in which activations lie in memory: channels first, samples last, under an NCHW view.

In the order (C, H, W, N) a step along H or W is a step over whole runs of N numbers, so that shifted and strided
windows are copied, compared and added in long contiguous runs; a channel is one block, over which batch norm reduces;
and flattening the view into (N, C·H·W) copies nothing, since BLAS takes the transposed matrix as it is.

Source: the layout of Krizhevsky's cuda-convnet, 2012.
"""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np

from nn_core.backends import backend
from nn_core.typing import Array, Shape

SCRATCH_BYTES = 1 << 24
"""The largest array that a thread keeps to work in."""

_kept = threading.local()


def empty(xp: Any, shape: Shape, dtype: Any) -> Array:
    """Return a new (N, C, …) array with the samples last in memory, of whatever numbers lie there."""
    made: Array = xp.empty((*shape[1:], shape[0]), dtype)
    return samples_first(made)


def zeros(xp: Any, shape: Shape, dtype: Any) -> Array:
    """Return a new (N, C, …) array of zeros with the samples last in memory."""
    made: Array = xp.zeros((*shape[1:], shape[0]), dtype)
    return samples_first(made)


def samples_last(x: Array) -> Array:
    """Return the view (C, …, N) of x (N, C, …)."""
    return x.transpose(*range(1, x.ndim), 0)


def samples_first(x: Array) -> Array:
    """Return the view (N, C, …) of x (C, …, N)."""
    return x.transpose(x.ndim - 1, *range(x.ndim - 1))


def samples_last_in_memory(x: Array) -> Array:
    """Return x (N, C, …), or a copy of it if its samples are not last in memory.

    >>> import numpy as np
    >>> samples_last(samples_last_in_memory(np.zeros((2, 3, 4)))).flags.c_contiguous
    True
    """
    return samples_first(backend(x).ascontiguousarray(samples_last(x)))


def scratch(xp: Any, shape: Shape, dtype: Any) -> Array:
    """Return an array to work in, of whatever numbers lie there, until the thread asks for the next one.

    NumPy gets the same memory each time: what is freed and allocated anew, a few megabytes at a time, the operating
    system takes back and clears again, which can take longer than the work itself.
    """
    size = prod(shape) * np.dtype(dtype).itemsize
    if xp is not np or size > SCRATCH_BYTES:
        fresh: Array = xp.empty(shape, dtype)
        return fresh
    kept = getattr(_kept, "bytes", None)
    if kept is None or kept.size < size:
        kept = _kept.bytes = np.empty(size, np.uint8)
    array: Array = kept[:size].view(dtype).reshape(shape)
    return array
