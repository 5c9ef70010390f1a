"""Pooling layers."""

from __future__ import annotations

from attrs import Factory, define, field

from nn_core import Layer
from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED, a_pair_of, doc, not_negative, pair, positive
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.windows import Pair, fitting_grid, window_max, window_max_backward


@define(eq=False, slots=False, repr=False)
class MaxPool2d(Layer):
    """Largest value of every window: ``yₙ꜀ᵢⱼ = max over the window of xₙ꜀``.

    Gradient: dy goes to the place of the maximum, to the first one on ties. Padding is −∞, so it never wins.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, Ho, Wo)`` with ``Ho = ⌊(H + 2·padding − kernel_size) / stride⌋ + 1`` and Wo
        likewise.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    >>> import numpy as np
    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """

    kernel_size: Pair = field(
        default=REQUIRED, converter=pair, validator=a_pair_of(positive), metadata=doc("height and width of a window")
    )
    stride: Pair = field(
        default=Factory(lambda self: self.kernel_size, takes_self=True),
        converter=pair,
        validator=a_pair_of(positive),
        metadata=doc("step from one window to the next; kernel_size if left out"),
    )
    padding: Pair = field(
        default=(0, 0),
        converter=pair,
        validator=a_pair_of(not_negative),
        metadata=doc("rows and columns of −∞ around x, at most half of kernel_size"),
    )

    def __attrs_post_init__(self) -> None:
        if any(2 * margin > size for margin, size in zip(self.padding, self.kernel_size, strict=True)):
            raise ConfigError(
                f"padding of MaxPool2d must be at most half of kernel_size {self.kernel_size}, got {self.padding}."
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:2], *fitting_grid(self, input_shape))

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self.output_shape(x.shape)
        shape, geometry = x.shape, (self.kernel_size, self.stride, self.padding)
        y, winner = window_max(x, *geometry)

        def backward(dy: Array) -> Array:
            return window_max_backward(dy, winner, shape, *geometry)

        return y, backward
