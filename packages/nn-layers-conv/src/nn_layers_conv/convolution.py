"""Convolution layers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from attrs import define, field

from nn_core import Parameter
from nn_core.fields import boolean, doc, each_axis, one_of, per_axis, positive
from nn_core.initializers import InitChoice, known_initializer
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.convolving import convolve, convolve_back, weight_gradient
from nn_layers_conv.filters import Filters
from nn_layers_conv.geometry import over_padded, windows_of
from nn_layers_conv.memory import samples_last_in_memory
from nn_layers_conv.padding import PADDING_MODES, check_padding, padded


@define(eq=False, slots=False, repr=False)
class Convolution(Filters):
    """The mathematics that convolutions of every dimensionality share."""

    dilation: Shape = field(
        default=1,
        converter=per_axis,
        validator=each_axis(positive),
        metadata=doc("d, step between a window's elements", rare=True),
    )
    groups: int = field(
        default=1,
        validator=positive,
        metadata=doc(
            "G, parts of the channels convolved apart; as many as in_channels is a depthwise convolution", rare=True
        ),
    )
    use_bias: bool = field(default=True, alias="bias", validator=boolean, metadata=doc("whether b is added"))
    padding_mode: str = field(
        default="zeros",
        validator=one_of(*PADDING_MODES),
        metadata=doc(
            "what is added: zeros, or x mirrored (reflect), drawn out (replicate) or repeated (circular)", rare=True
        ),
    )
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

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        if self.in_channels is None:
            self.output_shape(input_shape)  # raises where x does not fit
            self.in_channels = input_shape[1]
        self.draw_parameters((self.out_channels, self.in_channels // self.groups, *self.kernel_size), rng)

    def output_shape(self, input_shape: Shape) -> Shape:
        windows, pads = windows_of(self, input_shape)
        self.check_input_channels(input_shape)
        check_padding(self, pads, windows.size, self.padding_mode)
        return (input_shape[0], self.out_channels, *windows.out)

    def forward(self, x: Array, *, input_gradient: bool = True) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        windows, pads = windows_of(self, x.shape)
        if self.padding_mode != "zeros":
            x, to_the_image = padded(x, pads, self.padding_mode)
            windows = over_padded(windows, pads)
        x, weight = samples_last_in_memory(x), self.weight.data
        y = convolve(x, weight, None if self.bias is None else self.bias.data, windows, self.groups)

        def backward(dy: Array) -> Array | None:
            dy = samples_last_in_memory(dy)
            if self.weight.requires_grad:
                self.weight.accumulate(weight_gradient(x, dy, weight, windows, self.groups))
            if self.bias is not None and self.bias.requires_grad:
                self.bias.accumulate(dy.sum(axis=(0, *range(2, dy.ndim))))
            if not input_gradient:
                return None
            dx = convolve_back(dy, weight, windows, self.groups)
            return dx if self.padding_mode == "zeros" else to_the_image(dx)

        return y, backward


@define(eq=False, slots=False, repr=False)
class Conv1d(Convolution):
    """Convolution (cross-correlation) of sequences: ``yₙₒ = bₒ + Σ꜀ Wₒ꜀ ⋆ xₙ꜀``, the sum over the channels of a group.

    Gradients, for the matrix ``col(x)`` whose columns are the windows: ``∂W = dY col(x)ᵀ``, ``∂b = Σ dY``,
    ``∂x = col2im(Wᵀ dY)``.

    Shape:
        x ``(N, C, L)`` → y ``(N, O, Lo)`` with ``Lo = ⌊(L + 2p − d (k − 1) − 1) / stride⌋ + 1``;
        weight ``(O, C / G, k)``, bias ``(O,)``.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    Source: Waibel et al., "Phoneme recognition using time-delay neural networks", 1989.

    >>> Conv1d(2, 4, kernel_size=5, padding=2, stride=2)(np.zeros((3, 2, 10), np.float32)).shape
    (3, 4, 5)
    """

    rank: ClassVar[int] = 1


@define(eq=False, slots=False, repr=False)
class Conv2d(Convolution):
    """Convolution (cross-correlation) of images: ``yₙₒ = bₒ + Σ꜀ Wₒ꜀ ⋆ xₙ꜀``, the sum over the channels of a group.

    With im2col it is one matrix product, ``Y = W·col(x) + b``, for the matrix ``col(x) (C·kH·kW, N·Ho·Wo)`` whose
    columns are the windows.

    Gradients: ``∂W = dY col(x)ᵀ``, ``∂b = Σ dY``, ``∂x = col2im(Wᵀ dY)``.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, O, Ho, Wo)`` with ``Ho = ⌊(H + 2p − d (k − 1) − 1) / stride⌋ + 1`` and Wo likewise;
        weight ``(O, C / G, kH, kW)``, bias ``(O,)``.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    Source: LeCun et al., "Backpropagation applied to handwritten zip code recognition", 1989.

    >>> Conv2d(1, 4, kernel_size=3, padding=1)(np.zeros((2, 1, 8, 8), np.float32)).shape
    (2, 4, 8, 8)
    """

    rank: ClassVar[int] = 2


@define(eq=False, slots=False, repr=False)
class Conv3d(Convolution):
    """Convolution (cross-correlation) of volumes: ``yₙₒ = bₒ + Σ꜀ Wₒ꜀ ⋆ xₙ꜀``, the sum over the channels of a group.

    Gradients, for the matrix ``col(x)`` whose columns are the windows: ``∂W = dY col(x)ᵀ``, ``∂b = Σ dY``,
    ``∂x = col2im(Wᵀ dY)``.

    Shape:
        x ``(N, C, D, H, W)`` → y ``(N, O, Do, Ho, Wo)`` with ``Do = ⌊(D + 2p − d (k − 1) − 1) / stride⌋ + 1`` and
        Ho, Wo likewise; weight ``(O, C / G, kD, kH, kW)``, bias ``(O,)``.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    Source: Ji et al., "3D convolutional neural networks for human action recognition", 2013.

    >>> Conv3d(1, 4, kernel_size=3)(np.zeros((2, 1, 5, 6, 7), np.float32)).shape
    (2, 4, 3, 4, 5)
    """

    rank: ClassVar[int] = 3
