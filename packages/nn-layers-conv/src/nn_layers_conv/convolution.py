"""Convolution layers."""

from __future__ import annotations

import numpy as np
from attrs import define, field

from nn_core import Parameter
from nn_core.fields import REQUIRED, a_pair_of, boolean, doc, not_negative, optional_positive, pair, positive
from nn_core.initializers import InitChoice, known_initializer
from nn_core.layers.weighted import Weighted
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.windows import Pair, col2im, fitting_grid, im2col


@define(eq=False, slots=False, repr=False)
class Conv2d(Weighted):
    """Convolution (cross-correlation) of images: ``yₙₒ = bₒ + Σ꜀ Wₒ꜀ ⋆ xₙ꜀``.

    With im2col it is one matrix product, ``Y = W·col(x) + b`` with ``col(x) (C·kH·kW, N·Ho·Wo)``.

    Gradients: ``∂W = dY col(x)ᵀ``, ``∂b = Σ dY``, ``∂x = col2im(Wᵀ dY)``.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, O, Ho, Wo)`` with ``Ho = ⌊(H + 2·padding − kernel_size) / stride⌋ + 1`` and Wo
        likewise; weight ``(O, C, kH, kW)``, bias ``(O,)``.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    Source: Chellapilla et al., "High performance convolutional neural networks for document processing", 2006.

    >>> Conv2d(1, 4, kernel_size=3, padding=1)(np.zeros((2, 1, 8, 8), np.float32)).shape
    (2, 4, 8, 8)
    """

    in_channels: int | None = field(
        default=None, validator=optional_positive, metadata=doc("C; inferred from the first input if left out")
    )
    out_channels: int = field(default=REQUIRED, validator=positive, metadata=doc("O, the number of filters"))
    kernel_size: Pair = field(
        default=REQUIRED, converter=pair, validator=a_pair_of(positive), metadata=doc("height and width of a filter")
    )
    stride: Pair = field(
        default=(1, 1), converter=pair, validator=a_pair_of(positive), metadata=doc("step from one window to the next")
    )
    padding: Pair = field(
        default=(0, 0),
        converter=pair,
        validator=a_pair_of(not_negative),
        metadata=doc("rows, columns of zeros around x"),
    )
    use_bias: bool = field(default=True, alias="bias", validator=boolean, metadata=doc("whether b is added"))
    init: InitChoice | None = field(
        default=None,
        repr=False,
        validator=known_initializer,
        metadata=doc(
            "how the weight is drawn: a name, a table of name and options, or a function; as in PyTorch if left out"
        ),
    )
    weight: Parameter = field(init=False, default=None)
    bias: Parameter | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.in_channels is not None:
            self.build((1, self.in_channels, *self.kernel_size))

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        self.output_shape(input_shape)  # raises where x does not fit
        self.in_channels = input_shape[1]
        self.draw_parameters((self.out_channels, self.in_channels, *self.kernel_size), rng)

    def output_shape(self, input_shape: Shape) -> Shape:
        out = fitting_grid(self, input_shape)
        if input_shape[1] != (self.in_channels or input_shape[1]):
            raise self.shape_error(
                f"expected {self.in_channels} channels on axis 1, got {input_shape[1]}",
                f"Leave in_channels out to have it inferred, or set it to {input_shape[1]}.",
            )
        return (input_shape[0], self.out_channels, *out)

    def forward(self, x: Array, *, input_gradient: bool = True) -> tuple[Array, Backward]:
        n, _, height, width = self.output_shape(x.shape)
        geometry = (self.kernel_size, self.stride, self.padding)
        weight = self.weight.data.reshape(self.out_channels, -1)
        columns = im2col(x, *geometry)
        y = weight @ columns
        if self.bias is not None:
            y += self.bias.data[:, None]

        def backward(dy: Array) -> Array | None:
            rows = dy.swapaxes(0, 1).reshape(self.out_channels, -1)
            if self.weight.requires_grad:
                self.weight.accumulate((rows @ columns.T).reshape(self.weight.shape))
            if self.bias is not None and self.bias.requires_grad:
                self.bias.accumulate(rows.sum(axis=1))
            return col2im(weight.T @ rows, x.shape, *geometry) if input_gradient else None

        return y.reshape(self.out_channels, n, height, width).swapaxes(0, 1), backward
