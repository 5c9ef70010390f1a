"""Max pooling layers."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from attrs import Attribute, Factory, define, field

from nn_core import Layer
from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED, boolean, doc, each_axis, not_negative, per_axis, positive
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.geometry import windows_of
from nn_layers_conv.sliding import window_max, window_max_backward


def at_most_half(owner: Any, option: Attribute[Any], value: Any) -> None:
    """Refuse padding of more than half a window, which could leave a window nothing of the image, as PyTorch does."""
    each_axis(not_negative)(owner, option, value)
    if any(2 * margin > taps for margin, taps in zip(value, owner.kernel_size, strict=True)):
        raise ConfigError(
            f"padding of {type(owner).__name__} must be at most half of kernel_size {owner.kernel_size}, got {value}."
        )


@define(eq=False, slots=False, repr=False)
class MaxPooling(Layer):
    """The mathematics that max pooling of every dimensionality shares."""

    rank: ClassVar[int]
    """The number of spatial axes."""

    kernel_size: Shape = field(
        default=REQUIRED, converter=per_axis, validator=each_axis(positive), metadata=doc("k, of a window")
    )
    stride: Shape = field(
        default=Factory(lambda self: self.kernel_size, takes_self=True),
        converter=per_axis,
        validator=each_axis(positive),
        metadata=doc("step from one window to the next; kernel_size if left out"),
    )
    padding: Shape = field(
        default=0, converter=per_axis, metadata=doc("p, of −∞ on both sides, at most half of kernel_size")
    )
    dilation: Shape = field(
        default=1,
        converter=per_axis,
        validator=each_axis(positive),
        metadata=doc("d, step between a window's elements", rare=True),
    )
    ceil_mode: bool = field(
        default=False,
        kw_only=True,
        validator=boolean,
        metadata=doc("whether a last window may end after the image, so that none of it is left over", rare=True),
    )

    def __attrs_post_init__(self) -> None:
        at_most_half(self, attrs.fields(type(self)).padding, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:2], *windows_of(self, input_shape)[0].out)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        windows, _ = windows_of(self, x.shape)
        y, winner = window_max(x, windows)
        return y, lambda dy: window_max_backward(dy, winner, windows)

    def infer(self, x: Array) -> Array:
        return window_max(x, windows_of(self, x.shape)[0], winners=False)[0]


@define(eq=False, slots=False, repr=False)
class MaxPool1d(MaxPooling):
    """Largest value of every window over sequences: ``yₙ꜀ᵢ = max over the window of xₙ꜀``.

    Gradient: dy goes to the place of the maximum, to the first one on ties. Padding is −∞, so it never wins.

    Shape:
        x ``(N, C, L)`` → y ``(N, C, Lo)`` with
        ``Lo = ⌊(L + 2p − d (k − 1) − 1) / stride⌋ + 1``; ⌈…⌉ in `ceil_mode`, but no window begins
        after the image and the padding before it.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    >>> import numpy as np
    >>> MaxPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0, 5.0]]]))
    array([[[3., 2.]]])
    """

    rank: ClassVar[int] = 1


@define(eq=False, slots=False, repr=False)
class MaxPool2d(MaxPooling):
    """Largest value of every window over images: ``yₙ꜀ᵢⱼ = max over the window of xₙ꜀``.

    Gradient: dy goes to the place of the maximum, to the first one on ties. Padding is −∞, so it never wins.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, Ho, Wo)`` with
        ``Ho = ⌊(H + 2p − d (k − 1) − 1) / stride⌋ + 1`` and Wo likewise; ⌈…⌉ in `ceil_mode`, but no window begins
        after the image and the padding before it.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    >>> import numpy as np
    >>> MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 5.,  7.],
             [13., 15.]]]])
    """

    rank: ClassVar[int] = 2


@define(eq=False, slots=False, repr=False)
class MaxPool3d(MaxPooling):
    """Largest value of every window over volumes: ``yₙ꜀ᵢⱼₖ = max over the window of xₙ꜀``.

    Gradient: dy goes to the place of the maximum, to the first one on ties. Padding is −∞, so it never wins.

    Shape:
        x ``(N, C, D, H, W)`` → y ``(N, C, Do, Ho, Wo)`` with
        ``Do = ⌊(D + 2p − d (k − 1) − 1) / stride⌋ + 1`` and Ho, Wo likewise; ⌈…⌉ in `ceil_mode`, but no window begins
        after the image and the padding before it.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    >>> import numpy as np
    >>> MaxPool3d(2)(np.arange(16.0).reshape(1, 1, 2, 2, 4))
    array([[[[[13., 15.]]]]])
    """

    rank: ClassVar[int] = 3
