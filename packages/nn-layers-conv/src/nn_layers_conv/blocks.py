"""Layers made of others that often go together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from attrs import define, field

from nn_core import Layer, ReLU, Sequential
from nn_core.fields import (
    boolean,
    doc,
    each_axis,
    one_of,
    optional_positive,
    per_axis,
    positive,
)
from nn_core.initializers import InitChoice, known_initializer
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.batchnorm import BatchNorm2d
from nn_layers_conv.convolution import Conv2d
from nn_layers_conv.filters import FilterOptions
from nn_layers_conv.geometry import check_axes, windows_of
from nn_layers_conv.padding import PADDING_MODES, check_padding


@define(eq=False, slots=False, repr=False)
class DepthwiseSeparableConv2d(FilterOptions):
    """Convolution in two steps: `depthwise` filters each channel by itself, `pointwise`, with kernel 1, mixes them.

    It has ``C·kH·kW + O·C`` weights where `Conv2d` has ``O·C·kH·kW``, and computes less in the same proportion. What it
    can compute is a `Conv2d` whose filters are ``Wₒ꜀ = pₒ꜀ · d꜀``. The bias is that of the second step.

    Gradients: those of its two parts, one after the other.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, O, Ho, Wo)`` with ``Ho = ⌊(H + 2p − d (k − 1) − 1) / stride⌋ + 1`` and Wo likewise;
        depthwise.weight ``(C·M, 1, kH, kW)``, pointwise.weight ``(O, C·M, 1, 1)``, pointwise.bias ``(O,)``.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    Source: Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.

    >>> layer = DepthwiseSeparableConv2d(16, 32, kernel_size=3, padding=1, bias=False)
    >>> layer(np.zeros((2, 16, 8, 8), np.float32)).shape
    (2, 32, 8, 8)
    >>> {name: array.shape for name, array in layer.params.items()}
    {'depthwise.weight': (16, 1, 3, 3), 'pointwise.weight': (32, 16, 1, 1)}
    """

    rank: ClassVar[int] = 2

    dilation: Shape = field(
        default=1,
        converter=per_axis,
        validator=each_axis(positive),
        metadata=doc("d, step between a window's elements", rare=True),
    )
    depth_multiplier: int = field(
        default=1, validator=positive, metadata=doc("M, how many filters each channel of x has", rare=True)
    )
    use_bias: bool = field(default=True, alias="bias", validator=boolean, metadata=doc("whether a bias is added"))
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
        metadata=doc("how both weights are drawn: a name, a table of name and options, or a function"),
    )
    depthwise: Conv2d = field(init=False, default=None)
    pointwise: Conv2d = field(init=False, default=None)

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        if self.in_channels is None:
            self.output_shape(input_shape)  # raises where x does not fit
            self.in_channels = input_shape[1]
        between = self.in_channels * self.depth_multiplier
        self.depthwise = _drawn(
            rng,
            self.in_channels,
            out_channels=between,
            kernel_size=self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.in_channels,
            bias=False,
            padding_mode=self.padding_mode,
            init=self.init,
        )
        self.pointwise = _drawn(
            rng, between, out_channels=self.out_channels, kernel_size=1, bias=self.use_bias, init=self.init
        )

    def output_shape(self, input_shape: Shape) -> Shape:
        windows, pads = windows_of(self, input_shape)
        self.check_input_channels(input_shape)
        check_padding(self, pads, windows.size, self.padding_mode)
        return (input_shape[0], self.out_channels, *windows.out)

    def forward(self, x: Array, *, input_gradient: bool = True) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        filtered, through_depthwise = self.depthwise.forward(x, input_gradient=input_gradient)
        y, through_pointwise = self.pointwise.forward(filtered)
        return y, lambda dy: through_depthwise(through_pointwise(dy))


@define(eq=False, slots=False, repr=False)
class ResidualBlock2d(Layer):
    """The block of which residual networks are made: ``y = ReLU(f(x) + s(x))``.

    f is 3×3 convolution, batch norm, ReLU, 3×3 convolution, batch norm, the first convolution with `stride`; s is the
    identity, or a 1×1 convolution with batch norm (`downsample`) where stride or channels change. The parts and so the
    parameters have the names they have in torchvision's ResNets (`BasicBlock`), whose weights load unchanged.

    Gradients: ``∂x = ∂f(dz) + ∂s(dz)`` with ``dz = dy`` where y > 0 and else 0.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, O, ⌈H / stride⌉, ⌈W / stride⌉)``.

    Raises:
        ShapeError: x is not of that shape, or in training y has one value per channel.

    Source: He et al., "Deep residual learning for image recognition", 2015.

    >>> ResidualBlock2d(8, 16, stride=2)(np.zeros((2, 8, 6, 6), np.float32)).shape
    (2, 16, 3, 3)
    """

    rank: ClassVar[int] = 2

    in_channels: int | None = field(
        default=None, validator=optional_positive, metadata=doc("C; inferred from the first input if left out")
    )
    out_channels: int | None = field(
        default=None, validator=optional_positive, metadata=doc("O; as many as x has if left out")
    )
    stride: Shape = field(
        default=1,
        converter=per_axis,
        validator=each_axis(positive),
        metadata=doc("of the first convolution and of the shortcut"),
    )
    init: InitChoice | None = field(
        default=None,
        repr=False,
        validator=known_initializer,
        metadata=doc("how the weights of the convolutions are drawn; as in PyTorch if left out"),
    )
    conv1: Conv2d = field(init=False, default=None)
    bn1: BatchNorm2d = field(init=False, default=None)
    conv2: Conv2d = field(init=False, default=None)
    bn2: BatchNorm2d = field(init=False, default=None)
    downsample: Sequential | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.relu = ReLU()
        if self.in_channels is not None:
            self.build((1, self.in_channels))

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        if self.in_channels is None:
            check_axes(self, input_shape)
            self.in_channels = input_shape[1]
        c, o = self.in_channels, self.out_channels or self.in_channels
        options = {"out_channels": o, "bias": False, "init": self.init}
        self.conv1 = _drawn(rng, c, kernel_size=3, stride=self.stride, padding=1, **options)
        self.bn1 = BatchNorm2d(o)
        self.conv2 = _drawn(rng, o, kernel_size=3, padding=1, **options)
        self.bn2 = BatchNorm2d(o)
        if c != o or self.stride != (1, 1):
            self.downsample = Sequential(_drawn(rng, c, kernel_size=1, stride=self.stride, **options), BatchNorm2d(o))
        self.out_channels = o

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes(self, input_shape)
        n, channels, *size = input_shape
        self.check_channels(input_shape, "in_channels")
        if 0 in (channels, *size):
            raise self.shape_error(f"expected images with at least one channel and pixel, got {input_shape}")
        reduced = (-(-pixels // step) for pixels, step in zip(size, self.stride, strict=True))
        return (n, self.out_channels or channels, *reduced)

    def forward(self, x: Array, *, input_gradient: bool = True) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        h, through_conv1 = self.conv1.forward(x, input_gradient=input_gradient)
        h, through_bn1 = self.bn1.forward(h)
        h, through_relu1 = self.relu.forward(h)
        h, through_conv2 = self.conv2.forward(h)
        z, through_bn2 = self.bn2.forward(h)
        if self.downsample is None:
            z = z + x
        else:
            aside, through_downsample = self.downsample.forward(x, input_gradient=input_gradient)
            z = z + aside
        y, through_relu2 = self.relu.forward(z)

        def backward(dy: Array) -> Array | None:
            dz = through_relu2(dy)
            dx = through_conv1(through_bn1(through_relu1(through_conv2(through_bn2(dz)))))
            around = dz if self.downsample is None else through_downsample(dz)
            return dx + around if input_gradient else None

        return y, backward

    def infer(self, x: Array) -> Array:
        self.output_shape(x.shape)
        h = self.relu.infer(self.bn1.infer(self.conv1.infer(x)))
        z = self.bn2.infer(self.conv2.infer(h))
        y: Array = self.relu.infer(z + (x if self.downsample is None else self.downsample.infer(x)))
        return y


def _drawn(rng: np.random.Generator | None, in_channels: int, **options: Any) -> Conv2d:
    """Return a convolution whose parameters this generator drew."""
    layer = Conv2d(**options)
    layer.in_channels = in_channels
    layer.build((1, in_channels), rng)
    return layer
