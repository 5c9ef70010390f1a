"""Transposed convolution layers."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from attrs import define, field

from nn_core import Parameter
from nn_core.errors import ConfigError
from nn_core.fields import boolean, doc, each_axis, not_negative, per_axis, positive
from nn_core.initializers import InitChoice, known_initializer
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.convolving import convolve, convolve_back, weight_gradient
from nn_layers_conv.filters import Filters
from nn_layers_conv.geometry import THINGS, by, check_axes, laid
from nn_layers_conv.memory import samples_last_in_memory
from nn_layers_conv.windows import Windows


@define(eq=False, slots=False, repr=False)
class TransposedConvolution(Filters):
    """The mathematics that transposed convolutions of every dimensionality share."""

    output_padding: Shape = field(
        default=0,
        converter=per_axis,
        validator=each_axis(not_negative),
        metadata=doc("added to the size of y at its end; less than stride or dilation", rare=True),
    )
    groups: int = field(
        default=1, validator=positive, metadata=doc("G, parts of the channels convolved apart", rare=True)
    )
    use_bias: bool = field(default=True, alias="bias", validator=boolean, metadata=doc("whether b is added"))
    dilation: Shape = field(
        default=1,
        converter=per_axis,
        validator=each_axis(positive),
        metadata=doc("d, step between a window's elements", rare=True),
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

    def __attrs_post_init__(self) -> None:
        for more, step, spread in zip(self.output_padding, self.stride, self.dilation, strict=True):
            if more >= max(step, spread):
                raise ConfigError(
                    f"output_padding of {type(self).__name__} must be less than stride {self.stride} or dilation "
                    f"{self.dilation}, got {self.output_padding}."
                )
        if self.padding == "same" and any(self.output_padding):
            raise ConfigError(
                f"output_padding of {type(self).__name__} must be 0 with padding 'same', which says how large y is, "
                f"got {self.output_padding}."
            )
        super().__attrs_post_init__()

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        if self.in_channels is None:
            self.output_shape(input_shape)  # raises where x does not fit
            self.in_channels = input_shape[1]
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        self.draw_parameters(shape, rng, outputs=self.out_channels)

    def windows(self, input_shape: Shape) -> Windows:
        """Return the windows over y, one for each place in x.

        Raises:
            ShapeError: x is not (N, C, …), or all of y is cut off.
        """
        check_axes(self, input_shape)
        self.check_input_channels(input_shape)
        places = input_shape[2:]
        if 0 in places:
            raise self.shape_error(f"expected {THINGS[self.rank][0]} with at least one element, got {by(places)}")
        if self.padding == "same":
            size = tuple(n * step for n, step in zip(places, self.stride, strict=True))
            return laid(size, self.kernel_size, self.stride, "same", self.dilation, False)[0]
        margins = (0,) * self.rank if isinstance(self.padding, str) else self.padding
        size = tuple(
            (n - 1) * step + spread * (taps - 1) + 1 + more - 2 * margin
            for n, step, taps, spread, margin, more in zip(
                places, self.stride, self.kernel_size, self.dilation, margins, self.output_padding, strict=True
            )
        )
        if min(size) < 1:
            raise self.shape_error(
                f"padding {margins} cuts off all that kernel_size {self.kernel_size} with stride {self.stride} makes "
                f"of {THINGS[self.rank][0]} of {by(places)}: the output would be {by(size)}",
                "Choose less padding.",
            )
        return Windows(size, places, self.kernel_size, self.stride, self.dilation, margins)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.out_channels, *self.windows(input_shape).size)

    def forward(self, x: Array, *, input_gradient: bool = True) -> tuple[Array, Backward]:
        windows, weight = self.windows(x.shape), self.weight.data
        x = samples_last_in_memory(x)
        y = convolve_back(x, weight, windows, self.groups)
        if self.bias is not None:
            y += self.bias.data.reshape(-1, *[1] * self.rank)

        def backward(dy: Array) -> Array | None:
            dy = samples_last_in_memory(dy)
            if self.weight.requires_grad:
                self.weight.accumulate(weight_gradient(dy, x, weight, windows, self.groups))
            if self.bias is not None and self.bias.requires_grad:
                self.bias.accumulate(dy.sum(axis=(0, *range(2, dy.ndim))))
            return convolve(dy, weight, None, windows, self.groups) if input_gradient else None

        return y, backward


@define(eq=False, slots=False, repr=False)
class ConvTranspose1d(TransposedConvolution):
    """Transposed convolution of sequences: every element of x adds its multiple of a filter to y.

    It is the adjoint, not the inverse, of a `Conv1d` with the same options, and as a matrix its transpose:
    ``y = b + col2im(Wᵀ X)``.

    With a stride, several sizes of y are convolved to the size of x: `output_padding` chooses among them, and padding
    ``"same"`` takes the multiple of x by the stride, which a `Conv1d` with padding ``"same"`` divides.

    Gradients: ``∂W = X col(dy)ᵀ``, ``∂b = Σ dY``, ``∂x = W·col(dy)``.

    Shape:
        x ``(N, C, L)`` → y ``(N, O, Lo)`` with
        ``Lo = (L − 1)·stride − 2p + d (k − 1) + output_padding + 1``, or with padding ``"same"`` ``Lo = L·stride``;
        weight ``(C, O / G, k)``, bias ``(O,)``.

    Raises:
        ShapeError: x is not of that shape, or padding cuts off all of y.

    Source: Zeiler et al., "Deconvolutional networks", 2010.

    >>> ConvTranspose1d(4, 2, kernel_size=4, stride=2, padding=1)(np.zeros((3, 4, 5), np.float32)).shape
    (3, 2, 10)
    """

    rank: ClassVar[int] = 1


@define(eq=False, slots=False, repr=False)
class ConvTranspose2d(TransposedConvolution):
    """Transposed convolution of images: every element of x adds its multiple of a filter to y.

    It is the adjoint, not the inverse, of a `Conv2d` with the same options, and as a matrix its transpose:
    ``y = b + col2im(Wᵀ X)``.

    With a stride, several sizes of y are convolved to the size of x: `output_padding` chooses among them, and padding
    ``"same"`` takes the multiple of x by the stride, which a `Conv2d` with padding ``"same"`` divides.

    Gradients: ``∂W = X col(dy)ᵀ``, ``∂b = Σ dY``, ``∂x = W·col(dy)``.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, O, Ho, Wo)`` with
        ``Ho = (H − 1)·stride − 2p + d (k − 1) + output_padding + 1``, or with padding ``"same"`` ``Ho = H·stride``, and
        Wo likewise; weight ``(C, O / G, kH, kW)``, bias ``(O,)``.

    Raises:
        ShapeError: x is not of that shape, or padding cuts off all of y.

    Source: Zeiler et al., "Deconvolutional networks", 2010.

    >>> ConvTranspose2d(4, 2, kernel_size=2, stride=2)(np.zeros((3, 4, 5, 6), np.float32)).shape
    (3, 2, 10, 12)
    """

    rank: ClassVar[int] = 2
