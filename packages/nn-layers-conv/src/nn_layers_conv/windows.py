"""Where windows lie over sequences, images or volumes, and the operations under convolution and pooling.

The operations are kernels, each replaceable by a faster one. They take and return (N, C, …) arrays of any number of
spatial axes, and put what they make in the order of `nn_layers_conv.memory`. None of them pads: every element of a
window, a *tap*, meets just those windows that have it inside the image.
"""

from __future__ import annotations

from functools import cached_property
from itertools import product
from math import prod
from typing import Any

from attrs import astuple, evolve, frozen

from nn_core.backends import backend
from nn_core.kernels import kernel
from nn_core.typing import Array, Shape
from nn_layers_conv import memory

Slices = tuple[slice, ...]


@frozen(slots=False)
class Windows:
    """Windows over an image, or a sequence or volume: one number per spatial axis in each field.

    Window r begins ``r · stride − before`` elements into the image and has `kernel_size` taps, `dilation` apart.
    """

    size: Shape
    """Of the image."""
    out: Shape
    """How many windows there are."""
    kernel_size: Shape
    stride: Shape
    dilation: Shape
    before: Shape
    """How far the first window begins before the image; the last one may end after it."""

    @cached_property
    def taps(self) -> list[tuple[Shape, Slices, Slices]]:
        """Every place in a window, with the windows that have it inside the image and the elements they have there.

        Row by row. A tap that no window has inside is left out.
        """
        return [
            (tuple(tap), tuple(windows), tuple(elements))
            for tap, windows, elements in (
                zip(*axes, strict=True) for axes in product(*map(self.taps_along, range(len(self.size))))
            )
        ]

    @cached_property
    def unrolled(self) -> list[tuple[Any, bool, Any, Any]]:
        """The taps as indices of (…, taps, C, windows, N) and (…, C, elements, N), and which ones meet all windows."""
        axes = (slice(None),) * (len(self.size) + 2)
        return [
            (
                (..., *tap, *axes),
                tuple(place.stop - place.start for place in places) == self.out,
                (..., *places, slice(None)),
                (..., *elements, slice(None)),
            )
            for tap, places, elements in self.taps
        ]

    @cached_property
    def along_the_others(self) -> Windows:
        """The same windows along all axes but the first."""
        return Windows(*(numbers[1:] for numbers in astuple(self, recurse=False)))

    def taps_along(self, axis: int) -> list[tuple[int, slice, slice]]:
        """The same along one axis."""
        size, count, step = self.size[axis], self.out[axis], self.stride[axis]
        taps = []
        for tap in range(self.kernel_size[axis]):
            first = tap * self.dilation[axis] - self.before[axis]  # the element that window 0 has there
            low, high = max(0, -(first // step)), min(count, (size - 1 - first) // step + 1)
            if low < high:
                taps.append((tap, slice(low, high), slice(first + low * step, first + (high - 1) * step + 1, step)))
        return taps

    @property
    def are_the_elements(self) -> bool:
        """Whether each element is a window of its own."""
        return self.size == self.out and {*self.kernel_size, *self.stride} == {1} and not any(self.before)

    @property
    def are_apart(self) -> bool:
        """Whether no element is in two windows."""
        reach = [step * (taps - 1) for step, taps in zip(self.dilation, self.kernel_size, strict=True)]
        return all(taps < step for taps, step in zip(reach, self.stride, strict=True))

    def reflected(self) -> Windows | None:
        """Return the windows over the output with which each element meets all windows it is in, one tap per window.

        None where the elements differ in the number of windows, beyond the margins: with a stride, say.
        """
        before = tuple(
            step * (taps - 1) - margin
            for step, taps, margin in zip(self.dilation, self.kernel_size, self.before, strict=True)
        )
        if {*self.stride} != {1} or min(before) < 0:
            return None
        return evolve(self, size=self.out, out=self.size, before=before)

    def part(self, low: int, high: int) -> tuple[slice, Windows]:
        """Return the elements along the first axis that windows `low` to `high` reach, and these windows over them."""
        begin = low * self.stride[0] - self.before[0]
        end = (high - 1) * self.stride[0] - self.before[0] + (self.kernel_size[0] - 1) * self.dilation[0] + 1
        start, stop = max(0, min(begin, self.size[0])), max(0, min(end, self.size[0]))
        part = evolve(
            self,
            size=(stop - start, *self.size[1:]),
            out=(high - low, *self.out[1:]),
            before=(start - begin, *self.before[1:]),
        )
        return slice(start, stop), part


@kernel
def im2col(x: Array, windows: Windows, groups: int = 1) -> Array:
    """Return the windows over x (N, C, …) as columns of matrices (groups, R, K, M), with zeros where x has ended.

    ``K = taps · C / groups`` numbers each, tap by tap, and ``R · M`` windows, by place and then by sample; R is 1 or
    the number of windows along the first axis. Not to be written to, because windows that overlap may share memory, and
    to be used before the thread's next call, which may use the same memory.
    """
    n, c, *_ = x.shape
    grouped = memory.samples_last(x)
    grouped = grouped.reshape(groups, c // groups, *grouped.shape[1:])
    if windows.are_the_elements:
        return grouped.reshape(groups, 1, c // groups, -1)
    if rows_overlap(windows, n):
        return _im2col_by_rows(grouped, windows)
    columns = memory.scratch(backend(x), (groups, *windows.kernel_size, c // groups, *windows.out, n), x.dtype)
    _unroll(grouped, columns, windows)
    matrix: Array = columns.reshape(groups, 1, prod(windows.kernel_size) * c // groups, prod(windows.out) * n)
    return matrix


def _unroll(x: Any, columns: Any, windows: Windows) -> None:
    """Write to columns (…, taps, C, windows, N) what the windows have of x (…, C, elements, N), or else zero."""
    if len(windows.taps) < prod(windows.kernel_size):
        columns[...] = 0
    for tap, everywhere, places, elements in windows.unrolled:
        of_tap = columns[tap]
        if not everywhere:
            of_tap[...] = 0
        of_tap[places] = x[elements]


def rows_overlap(windows: Windows, samples: int) -> bool:
    """Return whether the rows of one window are best shared with the next one, and its matrices large enough."""
    return (
        len(windows.size) > 1
        and windows.dilation[0] == 1
        and windows.stride[0] < windows.kernel_size[0]
        and prod(windows.out[1:]) * samples >= 128
    )


def _im2col_by_rows(x: Array, windows: Windows) -> Array:
    """Return `im2col` of x (groups, C / groups, …, N), unrolled along all axes but the first.

    Window r covers rows ``r · stride`` and on of what is unrolled, and there, with the rows outermost in memory, they
    are a matrix of K rows as they stand: the windows of all r are views that overlap.
    """
    groups, c, high, *_, n = x.shape
    count, first = (windows.out[0] - 1) * windows.stride[0] + windows.kernel_size[0], windows.before[0]
    xp = backend(x)
    rows = memory.scratch(xp, (groups, count, *windows.kernel_size[1:], c, *windows.out[1:], n), x.dtype)
    rows[:, :first], rows[:, first + high :] = 0, 0
    inside = max(0, min(high, count - first))
    _unroll(x[:, :, :inside].swapaxes(1, 2), rows[:, first : first + inside], windows.along_the_others)
    row, one, m = rows.strides[1], rows.itemsize, prod(windows.out[1:]) * n
    columns: Array = xp.lib.stride_tricks.as_strided(
        rows,
        (groups, windows.out[0], prod(windows.kernel_size) * c, m),
        (rows.strides[0], row * windows.stride[0], m * one, one),
    )
    return columns


@kernel
def col2im(columns: Array, x: Array, windows: Windows) -> None:
    """Add columns (groups, R, K, M) to the places in x (N, C, …) that `im2col` takes them from: its adjoint."""
    groups, r, *_ = columns.shape
    n, c, *_ = x.shape
    elements_last: Any = memory.samples_last(x)
    grouped = elements_last.reshape(groups, c // groups, *elements_last.shape[1:])
    by_tap: Any
    if r == 1:
        by_tap = columns.reshape(groups, *windows.kernel_size, c // groups, *windows.out, n)
    else:
        rows = columns.reshape(groups, r, *windows.kernel_size, c // groups, *windows.out[1:], n)
        by_tap = backend(rows).moveaxis(rows, 1, len(windows.size) + 2)
    for tap, places, elements in windows.taps:
        grouped[:, :, *elements] += by_tap[:, *tap, :, *places]
