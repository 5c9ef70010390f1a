"""Pooling of whole sequences or images: one number per channel."""

from __future__ import annotations

from math import prod
from typing import Any, ClassVar

from attrs import define, field

from nn_core import Layer
from nn_core.backends import backend
from nn_core.fields import boolean, doc
from nn_core.layers.normalization import mean_over
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv import memory
from nn_layers_conv.geometry import THINGS, check_axes


def first_maximum(x: Array) -> tuple[Array, Array]:
    """Return the maximum of x (N, C, …) over all places, and which place has it first, row by row: both (N, C)."""
    by_place = x.reshape(*x.shape[:2], prod(x.shape[2:]))
    winner = by_place.argmax(2)
    y: Array = backend(x).take_along_axis(by_place, winner[..., None], 2)[..., 0]
    return y, winner


def add_where_maximal(dx: Array, winner: Array, dy: Array) -> None:
    """Add dy (N, C) to the places of dx (N, C, …) that `first_maximum` found."""
    xp = backend(dx)
    samples, channels = xp.arange(dx.shape[0])[:, None], xp.arange(dx.shape[1])
    dx[samples, channels, *xp.unravel_index(winner, dx.shape[2:])] += dy


def check_places(layer: Any, input_shape: Shape) -> None:
    """Raise unless the input has the axes that the layer expects, and there is something to pool."""
    check_axes(layer, input_shape)
    if 0 in input_shape[2:]:
        raise layer.shape_error(
            f"cannot pool {THINGS[layer.rank][0]} without a single element, got an input of shape {input_shape}"
        )


@define(eq=False, slots=False, repr=False)
class GlobalPooling(Layer):
    """What pooling of all places shares, whatever the number of spatial axes."""

    rank: ClassVar[int]
    """The number of spatial axes."""

    keepdims: bool = field(
        default=True,
        validator=boolean,
        metadata=doc("whether y keeps the spatial axes, with length 1; without them it is (N, C)"),
    )

    def output_shape(self, input_shape: Shape) -> Shape:
        check_places(self, input_shape)
        return (*input_shape[:2], *[1] * self.rank) if self.keepdims else input_shape[:2]


class GlobalAvgPooling(GlobalPooling):
    """The mathematics that global average pooling of every dimensionality shares."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        xp, shape, out = backend(x), x.shape, self.output_shape(x.shape)

        def backward(dy: Array) -> Array:
            dx = memory.empty(xp, shape, dy.dtype)
            dx[...] = (dy / prod(shape[2:])).reshape(*shape[:2], *[1] * self.rank)
            return dx

        return mean_over(x, tuple(range(2, x.ndim))).reshape(out), backward


class GlobalMaxPooling(GlobalPooling):
    """The mathematics that global max pooling of every dimensionality shares."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        xp, shape, out = backend(x), x.shape, self.output_shape(x.shape)
        y, winner = first_maximum(x)

        def backward(dy: Array) -> Array:
            dx = memory.zeros(xp, shape, dy.dtype)
            add_where_maximal(dx, winner, dy.reshape(winner.shape))
            return dx

        return y.reshape(out), backward

    def infer(self, x: Array) -> Array:
        out = self.output_shape(x.shape)
        for _ in range(self.rank):
            x = x.max(2)
        return x.reshape(out)


@define(eq=False, slots=False, repr=False)
class GlobalAvgPool1d(GlobalAvgPooling):
    """Mean of every channel of sequences: ``yₙ꜀ = Σᵢ xₙ꜀ᵢ / L``.

    Gradient: ``∂xₙ꜀ᵢ = dyₙ꜀ / L``.

    Shape:
        x ``(N, C, L)`` → y ``(N, C, 1)``, or ``(N, C)`` without `keepdims`.

    Raises:
        ShapeError: x is not of that shape, or empty sequences.

    >>> import numpy as np
    >>> GlobalAvgPool1d()(np.array([[[1.0, 3.0, 2.0, 0.0], [5.0, 5.0, 5.0, 6.0]]]))
    array([[[1.5 ],
            [5.25]]])
    """

    rank: ClassVar[int] = 1


@define(eq=False, slots=False, repr=False)
class GlobalAvgPool2d(GlobalAvgPooling):
    """Mean of every channel of images: ``yₙ꜀ = Σᵢⱼ xₙ꜀ᵢⱼ / (H·W)``.

    Gradient: ``∂xₙ꜀ᵢⱼ = dyₙ꜀ / (H·W)``.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, 1, 1)``, or ``(N, C)`` without `keepdims`.

    Raises:
        ShapeError: x is not of that shape, or empty images.

    Source: Lin, Chen and Yan, "Network in network", 2014.

    >>> import numpy as np
    >>> GlobalAvgPool2d(keepdims=False)(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[1.5, 5.5]])
    """

    rank: ClassVar[int] = 2


@define(eq=False, slots=False, repr=False)
class GlobalMaxPool1d(GlobalMaxPooling):
    """Largest value of every channel of sequences: ``yₙ꜀ = maxᵢ xₙ꜀ᵢ``.

    Gradient: dy goes to the place of the maximum, to the first one on ties. NaN is larger than all else.

    Shape:
        x ``(N, C, L)`` → y ``(N, C, 1)``, or ``(N, C)`` without `keepdims`.

    Raises:
        ShapeError: x is not of that shape, or empty sequences.

    >>> import numpy as np
    >>> GlobalMaxPool1d()(np.array([[[1.0, 3.0, 2.0, 0.0], [5.0, 5.0, 5.0, 6.0]]]))
    array([[[3.],
            [6.]]])
    """

    rank: ClassVar[int] = 1


@define(eq=False, slots=False, repr=False)
class GlobalMaxPool2d(GlobalMaxPooling):
    """Largest value of every channel of images: ``yₙ꜀ = maxᵢⱼ xₙ꜀ᵢⱼ``.

    Gradient: dy goes to the place of the maximum, to the first one on ties, row by row. NaN is larger than all else.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, 1, 1)``, or ``(N, C)`` without `keepdims`.

    Raises:
        ShapeError: x is not of that shape, or empty images.

    >>> import numpy as np
    >>> GlobalMaxPool2d(keepdims=False)(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[3., 7.]])
    """

    rank: ClassVar[int] = 2
