"""Some rows of a stream, as arrays that are shuffled and cut into batches."""

from __future__ import annotations

import numpy as np

from nn_core.batching import Batch
from nn_core.typing import Array


class Window:
    """Some rows of a stream in arrays, which are shuffled and cut into batches.

    Args:
        arrays: one row per row of the window; those whose columns are contiguous keep them so.
    """

    def __init__(self, arrays: tuple[Array, ...]) -> None:
        # With the axis along which memory runs last, NumPy copies and gathers whole columns.
        self._turned = [array.ndim == 2 and not array.flags.c_contiguous for array in arrays]
        self._arrays = [array.T if turned else array for array, turned in zip(arrays, self._turned, strict=True)]
        self._spare: list[Array] | None = None

    def part(self, start: int, stop: int) -> tuple[Array, ...]:
        """Return the arrays of some of the rows, to be written to."""
        return tuple(
            array[:, start:stop].T if turned else array[start:stop]
            for array, turned in zip(self._arrays, self._turned, strict=True)
        )

    def shuffle(self, order: Array) -> None:
        """Put the first rows into an order."""
        # "wrap" is the quickest way of NumPy to look at indices, all of which are in range.
        spare = self._spare or [np.empty_like(array) for array in self._arrays]
        for array, turned, out in zip(self._arrays, self._turned, spare, strict=True):
            if turned:
                array.take(order, axis=1, out=out[:, : len(order)], mode="wrap")
            else:
                array.take(order, axis=0, out=out[: len(order)], mode="wrap")
        self._arrays, self._spare = spare, self._arrays

    def batch(self, start: int, stop: int) -> Batch:
        """Return copies of the arrays of some of the rows."""
        return tuple(
            array[:, start:stop].copy().T if turned else array[start:stop].copy()
            for array, turned in zip(self._arrays, self._turned, strict=True)
        )


def arrays_like(columns: tuple[Array, ...], n: int) -> tuple[Array, ...]:
    """Return arrays for n rows in the shapes and dtypes of others."""
    return tuple(np.empty((n, *column.shape[1:]), column.dtype) for column in columns)


def write_columns(columns: tuple[Array, ...], start: int, stop: int, out: tuple[Array, ...]) -> None:
    """Write some rows of arrays to others of as many rows."""
    for column, part in zip(columns, out, strict=True):
        part[:] = column[start:stop]
