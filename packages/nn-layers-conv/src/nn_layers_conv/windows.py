"""Sliding windows over images: the four operations under convolution and pooling, each replaceable by a faster kernel.

All take and return NCHW arrays, but keep them in channel-major memory, strides of a (C, N, H, W) block under an NCHW
view: the product ``W (O, C·kH·kW) @ columns (C·kH·kW, N·Ho·Wo)`` is then the next activation as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from nn_core.backends import backend
from nn_core.kernels import kernel
from nn_core.typing import Array, Shape

Pair = tuple[int, int]


def windows_along(size: int, kernel_size: int, stride: int, padding: int) -> int:
    """Return how many windows fit along one axis: ``⌊(size + 2 padding − kernel_size) / stride⌋ + 1``."""
    return (size + 2 * padding - kernel_size) // stride + 1


def grid(shape: Shape, kernel_size: Pair, stride: Pair, padding: Pair) -> Pair:
    """Return the numbers of windows (Ho, Wo) over images of shape (…, H, W)."""
    sizes = zip(shape[-2:], kernel_size, stride, padding, strict=True)
    height, width = (windows_along(*numbers) for numbers in sizes)
    return height, width


def fitting_grid(layer: Any, input_shape: Shape) -> Pair:
    """Return the numbers of windows (Ho, Wo) of a layer with `kernel_size`, `stride` and `padding` over an input.

    Raises:
        ShapeError: the input is not (N, C, H, W), or no window fits into it.
    """
    if len(input_shape) != 4:
        raise layer.shape_error(f"expected images of shape (N, C, H, W), got {input_shape}")
    out = grid(input_shape, layer.kernel_size, layer.stride, layer.padding)
    if min(out) < 1:
        raise layer.shape_error(
            f"kernel_size {layer.kernel_size} with padding {layer.padding} does not fit into images of "
            f"{input_shape[2]}×{input_shape[3]}: the output would be {out[0]}×{out[1]}"
        )
    return out


@kernel
def im2col(x: Array, kernel_size: Pair, stride: Pair, padding: Pair) -> Array:
    """Return the zero-padded patches of x (N, C, H, W) as the columns of a matrix (C·kH·kW, N·Ho·Wo)."""
    n, c, *_ = x.shape
    out = grid(x.shape, kernel_size, stride, padding)
    padded = _padded(x, padding, 0.0)
    columns = backend(x).empty((c, *kernel_size, n, *out), x.dtype)
    for (i, j), patch in _offsets(padded, kernel_size, stride, out):
        columns[:, i, j] = patch
    matrix: Array = columns.reshape(c * kernel_size[0] * kernel_size[1], n * out[0] * out[1])
    return matrix


@kernel
def col2im(columns: Array, shape: Shape, kernel_size: Pair, stride: Pair, padding: Pair) -> Array:
    """Add columns (C·kH·kW, N·Ho·Wo) back to the places that `im2col` took them from; the adjoint of `im2col`."""
    n, c, height, width = shape
    out = grid(shape, kernel_size, stride, padding)
    patches = columns.reshape(c, *kernel_size, n, *out)
    padded = backend(columns).zeros((c, n, height + 2 * padding[0], width + 2 * padding[1]), columns.dtype)
    for (i, j), patch in _offsets(padded, kernel_size, stride, out):
        patch += patches[:, i, j]
    return _cropped(padded, shape, padding)


@kernel
def window_max(x: Array, kernel_size: Pair, stride: Pair, padding: Pair) -> tuple[Array, Array]:
    """Return the maximum of every window of x (N, C, H, W), padded with −∞, and where in the window it stands first."""
    xp = backend(x)
    out = grid(x.shape, kernel_size, stride, padding)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    views = [view for _, view in _offsets(_padded(x, padding, lowest), kernel_size, stride, out)]
    largest = views[0].copy()
    # Padding never wins, not even over −∞ in the image: until something is larger, the first place inside stands.
    rows, columns = (
        xp.maximum(margin - step * xp.arange(count), 0)
        for margin, step, count in zip(padding, stride, out, strict=True)
    )
    winner = xp.empty(largest.shape, np.min_scalar_type(len(views)))
    winner[...] = rows[:, None] * kernel_size[1] + columns
    for i, view in enumerate(views[1:], 1):
        xp.copyto(winner, i, where=view > largest)
        xp.maximum(largest, view, out=largest)
    return largest.swapaxes(0, 1), winner.swapaxes(0, 1)


@kernel
def window_max_backward(
    dy: Array, winner: Array, shape: Shape, kernel_size: Pair, stride: Pair, padding: Pair
) -> Array:
    """Send dy (N, C, Ho, Wo) to the places of the maxima in images of `shape`; overlapping windows add up."""
    n, c, height, width = shape
    padded = backend(dy).zeros((c, n, height + 2 * padding[0], width + 2 * padding[1]), dy.dtype)
    dy, winner = dy.swapaxes(0, 1), winner.swapaxes(0, 1)
    for i, (_, view) in enumerate(_offsets(padded, kernel_size, stride, (dy.shape[2], dy.shape[3]))):
        view += dy * (winner == i)
    return _cropped(padded, shape, padding)


def _padded(x: Array, padding: Pair, value: float) -> Array:
    """Return x (N, C, H, W) as a (C, N, H + 2 pH, W + 2 pW) array with `value` around each image."""
    (top, left), (n, c, height, width) = padding, x.shape
    x = x.swapaxes(0, 1)
    if padding == (0, 0):
        return x
    padded: Array = backend(x).full((c, n, height + 2 * top, width + 2 * left), value, x.dtype)
    padded[:, :, top : top + height, left : left + width] = x
    return padded


def _cropped(padded: Array, shape: Shape, padding: Pair) -> Array:
    (top, left), (_, _, height, width) = padding, shape
    images: Array = padded[:, :, top : top + height, left : left + width].swapaxes(0, 1)
    return images


def _offsets(padded: Array, kernel_size: Pair, stride: Pair, out: Pair) -> Iterator[tuple[Pair, Array]]:
    """Yield every position in the window with the view of the elements that all windows have at that position."""
    for i, j in product(range(kernel_size[0]), range(kernel_size[1])):
        rows = slice(i, i + stride[0] * out[0], stride[0])
        columns = slice(j, j + stride[1] * out[1], stride[1])
        yield (i, j), padded[:, :, rows, columns]
