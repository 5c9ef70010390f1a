"""Convolution of any rank as matrix products, with the products that go back to the input and to the weight.

The work is done in parts, a few groups or a few rows of windows at a time, so that what is unrolled of the image stays
in the processor's cache; it is unrolled again for the gradient of the weight, which costs little beside the product and
keeps little in memory.

Source: Chellapilla et al., "High performance convolutional neural networks for document processing", 2006.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple

from nn_core.backends import backend
from nn_core.typing import Array
from nn_layers_conv import memory
from nn_layers_conv.windows import Windows, col2im, im2col, rows_overlap

PART_BYTES = 1 << 22
"""How many bytes are unrolled at a time, about."""


def convolve(x: Array, weight: Array, bias: Array | None, windows: Windows, groups: int = 1) -> Array:
    """Return ``y = weight ⋆ x + bias``, the cross-correlation of x (N, C, …) and weight (O, C / groups, …)."""
    xp = backend(x)
    y = memory.empty(xp, (len(x), len(weight), *windows.out), x.dtype)
    matrix = _matrix(weight, groups)
    for part in _parts(windows, x, weight, groups):
        columns = im2col(x[:, part.inputs, part.elements], part.windows, part.groups)
        product = _products(y[:, part.outputs, part.rows], part.groups, columns.shape[1])
        xp.matmul(matrix[part.which], columns, out=product)
        if bias is not None:
            product += bias[part.outputs].reshape(part.groups, 1, -1, 1)
    return y


def convolve_back(dy: Array, weight: Array, windows: Windows, groups: int = 1) -> Array:
    """Return x (N, C, …) for dy (N, O, …) with the adjoint of `convolve`: its gradient, and transposed convolution."""
    xp, dy = backend(dy), memory.samples_last_in_memory(dy)
    reflected = windows.reflected() if weight.shape[:2] == (groups, 1) else None
    if reflected is not None:  # with a filter per group, products with the flipped filters are faster
        flipped = xp.ascontiguousarray(xp.flip(weight, tuple(range(2, weight.ndim))))
        return convolve(dy, flipped, None, reflected, groups)
    x = memory.zeros(xp, (len(dy), weight.shape[1] * groups, *windows.size), dy.dtype)
    matrix = _matrix(weight, groups).swapaxes(2, 3)
    for part in _parts(windows, dy, weight, groups, share=False):
        dy_part = _products(dy[:, part.outputs, part.rows], part.groups, 1)
        columns = memory.scratch(xp, (part.groups, 1, matrix.shape[2], dy_part.shape[3]), dy.dtype)
        # Of one filter per group the product is an outer one, which is no work for BLAS.
        product = xp.matmul if len(weight) > groups else xp.multiply
        product(matrix[part.which], dy_part, out=columns)
        col2im(columns, x[:, part.inputs, part.elements], part.windows)
    return x


def weight_gradient(x: Array, dy: Array, weight: Array, windows: Windows, groups: int = 1) -> Array:
    """Return the gradient of the weight for the gradient dy of ``convolve(x, weight)``."""
    xp = backend(x)
    dy = memory.samples_last_in_memory(dy)
    total = xp.zeros((groups, len(weight) // groups, prod(weight.shape[1:])), x.dtype)
    for part in _parts(windows, x, weight, groups):
        columns = im2col(x[:, part.inputs, part.elements], part.windows, part.groups)
        dy_part = _products(dy[:, part.outputs, part.rows], part.groups, columns.shape[1])
        total[part.which] += (dy_part @ columns.swapaxes(2, 3)).sum(axis=1)
    o, c, *kernel_size = weight.shape
    gradient: Array = xp.moveaxis(total.reshape(o, *kernel_size, c), -1, 1)
    return gradient


def _matrix(weight: Array, groups: int) -> Array:
    """Return weight (O, C / groups, …) as matrices (groups, 1, O / groups, taps · C / groups)."""
    matrix: Array = backend(weight).moveaxis(weight, 1, -1).reshape(groups, 1, len(weight) // groups, -1)
    return matrix


def _products(y: Array, groups: int, rows: int) -> Array:
    """Return y (N, O, …) as what products with `im2col` make, (groups, R, O / groups, M): a view."""
    last = memory.samples_last(y)
    return last.reshape(groups, len(last) // groups, rows, -1).swapaxes(1, 2)


class Part(NamedTuple):
    """Some groups, and some windows along the first axis: which ones, over which channels and elements."""

    which: slice
    groups: int
    inputs: slice
    outputs: slice
    rows: slice
    elements: slice
    windows: Windows


def _parts(windows: Windows, x: Array, weight: Array, groups: int, share: bool = True) -> Sequence[Part]:
    """Return parts of a convolution for which about PART_BYTES are unrolled: some groups, or some rows of one.

    Rows of windows that overlap count once, if they are to `share` them.
    """
    size = prod(weight.shape[1:]) * prod(windows.out[1:]) * len(x) * x.itemsize
    if share and rows_overlap(windows, len(x)):
        size //= windows.kernel_size[0]
    if windows.are_the_elements:  # nothing is unrolled
        size = 0
    rows = windows.out[0] if not size else max(1, min(windows.out[0], PART_BYTES // size))
    some = groups if not size else max(1, min(groups, PART_BYTES // (size * windows.out[0])))
    return _cut(windows, rows, groups, some, weight.shape[1], len(weight) // groups)


@lru_cache(maxsize=256)
def _cut(windows: Windows, rows: int, groups: int, some: int, inputs: int, outputs: int) -> Sequence[Part]:
    parts = []
    for first in range(0, groups, some):
        last = min(first + some, groups)
        for low in range(0, windows.out[0], rows):
            high = min(low + rows, windows.out[0])
            parts.append(
                Part(
                    slice(first, last),
                    last - first,
                    slice(first * inputs, last * inputs),
                    slice(first * outputs, last * outputs),
                    slice(low, high),
                    *windows.part(low, high),
                )
            )
    return parts
