"""Pooling of images to a given size, whatever their own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, ClassVar

from attrs import Attribute, define, field

from nn_core import Layer
from nn_core.backends import backend
from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED, a_pair_of, doc, pair, positive
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv import memory
from nn_layers_conv.global_pooling import add_where_maximal, check_places, first_maximum
from nn_layers_conv.sliding import window_max, window_max_backward
from nn_layers_conv.windows import Windows


def bins(size: int, count: int) -> list[slice]:
    """Return the parts of an axis that are pooled: bin i goes from ``⌊i·size / count⌋`` to ``⌈(i + 1)·size / count⌉``.

    Neighbors have an element in common where they do not meet between two.

    >>> [(part.start, part.stop) for part in bins(7, 3)]
    [(0, 3), (2, 5), (4, 7)]
    """
    return [slice(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def _numbers_or_none(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but pairs of positive integers and None."""
    if value is REQUIRED:
        positive(owner, option, value)
    a_pair_of(lambda *_: None)(owner, option, value)
    try:
        positive(owner, option, tuple(1 if size is None else size for size in value))
    except ConfigError:
        raise ConfigError(
            f"{option.alias} of {type(owner).__name__} must be a positive integer for each axis, or None for the size "
            f"of the input, got {value}."
        ) from None


@define(eq=False, slots=False, repr=False)
class AdaptivePooling(Layer):
    """What pooling to a given size shares."""

    rank: ClassVar[int] = 2

    output_size: tuple[int | None, int | None] = field(
        default=REQUIRED,
        converter=pair,
        validator=_numbers_or_none,
        metadata=doc("h and w of y; None in a pair leaves an axis as it is"),
    )

    def output_shape(self, input_shape: Shape) -> Shape:
        check_places(self, input_shape)
        sizes = (wanted or size for wanted, size in zip(self.output_size, input_shape[2:], strict=True))
        return (*input_shape[:2], *sizes)


@define(eq=False, slots=False, repr=False)
class AdaptiveAvgPool2d(AdaptivePooling):
    """Mean of each of h × w bins over images: ``yₙ꜀ᵢⱼ = mean of xₙ꜀ over bin (i, j)``.

    Bin (i, j) is rows ``⌊i·H / h⌋`` to ``⌈(i + 1)·H / h⌉``, the last one excluded, and columns likewise. Where h
    divides H and w divides W that is `AvgPool2d` with a window of H/h × W/w; elsewhere bins overlap.

    Gradient: to each element the sum of ``dy / size of the bin`` over the bins it is in.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, h, w)``.

    Raises:
        ShapeError: x is not of that shape, or empty images.

    >>> import numpy as np
    >>> AdaptiveAvgPool2d((1, 2))(np.arange(6.0).reshape(1, 1, 2, 3))
    array([[[[2., 3.]]]])
    """

    def forward(self, x: Array) -> tuple[Array, Backward]:
        _, _, height, width = self.output_shape(x.shape)
        of_rows, back_to_x = mean_of_bins(x, 2, height)
        y, back_to_rows = mean_of_bins(of_rows, 3, width)
        return y, lambda dy: back_to_x(back_to_rows(dy))


def mean_of_bins(x: Array, axis: int, count: int) -> tuple[Array, Backward]:
    """Return the means of x (N, C, H, W) over `count` bins along one axis, and the closure."""
    xp, shape, size = backend(x), x.shape, x.shape[axis]
    before: Any = (slice(None),) * axis
    if count == size:
        return x, lambda dy: dy
    if size % count == 0:
        blocks = (*shape[:axis], count, size // count, *shape[axis + 1 :])

        def spread(dy: Array) -> Array:
            dx = memory.empty(xp, blocks, dy.dtype)
            dx[...] = xp.expand_dims(dy * (count / size), axis + 1)
            return dx.reshape(shape)

        return x.reshape(blocks).mean(axis + 1), spread

    parts = bins(size, count)
    y = memory.empty(xp, (*shape[:axis], count, *shape[axis + 1 :]), x.dtype)
    for i, part in enumerate(parts):
        xp.mean(x[*before, part], axis, out=y[*before, i])

    def backward(dy: Array) -> Array:
        dx = memory.zeros(xp, shape, dy.dtype)
        for i, part in enumerate(parts):
            dx[*before, part] += dy[*before, i : i + 1] / (part.stop - part.start)
        return dx

    return y, backward


@define(eq=False, slots=False, repr=False)
class AdaptiveMaxPool2d(AdaptivePooling):
    """Largest value of each of h × w bins over images: ``yₙ꜀ᵢⱼ = max of xₙ꜀ over bin (i, j)``.

    Bin (i, j) is rows ``⌊i·H / h⌋`` to ``⌈(i + 1)·H / h⌉``, the last one excluded, and columns likewise. Where h
    divides H and w divides W that is `MaxPool2d` with a window of H/h × W/w; elsewhere bins overlap.

    Gradient: dy goes to the place of the maximum, to the first one on ties, row by row.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, h, w)``.

    Raises:
        ShapeError: x is not of that shape, or empty images.

    >>> import numpy as np
    >>> AdaptiveMaxPool2d((1, 2))(np.arange(6.0).reshape(1, 1, 2, 3))
    array([[[[4., 5.]]]])
    """

    def forward(self, x: Array) -> tuple[Array, Backward]:
        xp, shape, out = backend(x), x.shape, self.output_shape(x.shape)
        if windows := tiles(shape, out):
            y, winner = window_max(x, windows)
            return y, lambda dy: window_max_backward(dy, winner, windows)
        y = memory.empty(xp, out, x.dtype)
        winners = []
        for place, part in bins_of_images(shape, out):
            y[:, :, *place], winner = first_maximum(x[:, :, *part])
            winners.append(winner)

        def backward(dy: Array) -> Array:
            dx = memory.zeros(xp, shape, dy.dtype)
            for (place, part), winner in zip(bins_of_images(shape, out), winners, strict=True):
                add_where_maximal(dx[:, :, *part], winner, dy[:, :, *place])
            return dx

        return y, backward

    def infer(self, x: Array) -> Array:
        out = self.output_shape(x.shape)
        if windows := tiles(x.shape, out):
            return window_max(x, windows, winners=False)[0]
        y = memory.empty(backend(x), out, x.dtype)
        for place, part in bins_of_images(x.shape, out):
            y[:, :, *place] = x[:, :, *part].max((2, 3))
        return y


def tiles(shape: Shape, out: Shape) -> Windows | None:
    """Return the bins as windows side by side, or None where the sizes do not divide."""
    size, count = shape[2:], out[2:]
    if any(n % parts for n, parts in zip(size, count, strict=True)):
        return None
    step = tuple(n // parts for n, parts in zip(size, count, strict=True))
    return Windows(size, count, kernel_size=step, stride=step, dilation=(1, 1), before=(0, 0))


def bins_of_images(shape: Shape, out: Shape) -> Iterator[tuple[tuple[int, int], tuple[slice, slice]]]:
    """Yield each place in y (N, C, h, w) with the rows and columns that are its bin."""
    rows, columns = bins(shape[2], out[2]), bins(shape[3], out[3])
    for i, j in product(range(len(rows)), range(len(columns))):
        yield (i, j), (rows[i], columns[j])
