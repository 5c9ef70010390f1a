"""Average pooling and power-average pooling layers."""

from __future__ import annotations

from typing import ClassVar

import attrs
from attrs import Factory, define, field

from nn_core import Layer
from nn_core.backends import backend
from nn_core.fields import (
    REQUIRED,
    boolean,
    doc,
    each_axis,
    number,
    optional_positive,
    per_axis,
    positive,
    positive_number,
)
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.geometry import check_floating, windows_of
from nn_layers_conv.pooling import at_most_half
from nn_layers_conv.sliding import window_sum, window_sum_backward
from nn_layers_conv.windows import Windows


@define(eq=False, slots=False, repr=False)
class AvgPooling(Layer):
    """The mathematics that average pooling of every dimensionality shares."""

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
        default=0, converter=per_axis, metadata=doc("p, of zeros on both sides, at most half of kernel_size")
    )
    ceil_mode: bool = field(
        default=False,
        validator=boolean,
        metadata=doc("whether a last window may end after the image, so that none of it is left over", rare=True),
    )
    count_include_pad: bool = field(
        default=True, validator=boolean, metadata=doc("whether padding counts in the mean", rare=True)
    )
    divisor_override: int | None = field(
        default=None,
        validator=optional_positive,
        metadata=doc("what the sum is divided by instead of the number of elements", rare=True),
    )

    def __attrs_post_init__(self) -> None:
        at_most_half(self, attrs.fields(type(self)).padding, self.padding)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:2], *windows_of(self, input_shape)[0].out)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        windows, _ = windows_of(self, x.shape)
        check_floating(self, x)
        share = 1 / self._counts(windows, x)
        y = window_sum(x, windows)
        y *= share
        return y, lambda dy: window_sum_backward(dy * share, windows)

    def _counts(self, windows: Windows, x: Array) -> Array:
        """Return how many elements each window averages over, as an array that broadcasts against y."""
        xp = backend(x)
        if self.divisor_override is not None:
            made: Array = xp.asarray(self.divisor_override, x.dtype)
            return made
        return counts(windows, x, self.padding if self.count_include_pad else (0,) * self.rank)


def counts(windows: Windows, x: Array, padding: Shape) -> Array:
    """Return the number of elements of every window (1, 1, …), in the dtype of x; of those outside only `padding`."""
    xp = backend(x)
    product: Array = xp.ones((1,) * x.ndim, x.dtype)
    for axis, (size, count, taps, step, before, margin) in enumerate(
        zip(windows.size, windows.out, windows.kernel_size, windows.stride, windows.before, padding, strict=True), 2
    ):
        begin = xp.arange(count) * step - before
        along = xp.minimum(begin + taps, size + margin) - xp.maximum(begin, -margin)
        product = product * along.astype(x.dtype).reshape(-1, *[1] * (x.ndim - 1 - axis))
    return product


@define(eq=False, slots=False, repr=False)
class AvgPool1d(AvgPooling):
    """Mean of every window over sequences: ``yₙ꜀ᵢ = Σ over the window of xₙ꜀ / k``.

    Gradient: to each element the sum of ``dy / k`` over the windows it is in.

    Shape:
        x ``(N, C, L)`` → y ``(N, C, Lo)`` with ``Lo = ⌊(L + 2p − k) / stride⌋ + 1``; ⌈…⌉ in `ceil_mode`, but no window
        begins after the image and the padding before it.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    >>> import numpy as np
    >>> AvgPool1d(2)(np.array([[[1.0, 3.0, 2.0, 0.0, 5.0]]]))
    array([[[2., 1.]]])
    """

    rank: ClassVar[int] = 1


@define(eq=False, slots=False, repr=False)
class AvgPool2d(AvgPooling):
    """Mean of every window over images: ``yₙ꜀ᵢⱼ = Σ over the window of xₙ꜀ / (kH·kW)``.

    Gradient: to each element the sum of ``dy / (kH·kW)`` over the windows it is in.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, Ho, Wo)`` with ``Ho = ⌊(H + 2p − k) / stride⌋ + 1`` and Wo likewise; ⌈…⌉ in
        `ceil_mode`, but no window begins after the image and the padding before it.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.

    >>> import numpy as np
    >>> AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))
    array([[[[ 2.5,  4.5],
             [10.5, 12.5]]]])
    """

    rank: ClassVar[int] = 2


@define(eq=False, slots=False, repr=False)
class LPPool2d(Layer):
    """p-norm of every window over images: ``y = (Σ over the window of xᵖ)^(1/p)``.

    With p = 1 it is the sum, with a large p nearly the maximum. Of a window that ends after the image, as `ceil_mode`
    allows, the sum is made up for by ``kH·kW`` over the number of elements. An odd p and a negative sum give NaN.

    Gradient: to each element ``xᵖ⁻¹ Σ dy·y¹⁻ᵖ`` over the windows it is in; 0 from windows whose y is 0, where there is
    none.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, Ho, Wo)`` with ``Ho = ⌊(H − k) / stride⌋ + 1`` and Wo likewise.

    Raises:
        ShapeError: x is not of that shape, or no window fits into it.

    Source: Sermanet et al., "Convolutional neural networks applied to house numbers digit classification", 2012.

    >>> import numpy as np
    >>> LPPool2d(2, 2)(np.array([[[[3.0, 0.0], [0.0, 4.0]]]]))
    array([[[[5.]]]])
    """

    rank: ClassVar[int] = 2

    norm_type: float = field(
        default=REQUIRED, converter=number, validator=positive_number, metadata=doc("p, the power")
    )
    kernel_size: Shape = field(
        default=REQUIRED, converter=per_axis, validator=each_axis(positive), metadata=doc("k, of a window")
    )
    stride: Shape = field(
        default=Factory(lambda self: self.kernel_size, takes_self=True),
        converter=per_axis,
        validator=each_axis(positive),
        metadata=doc("step from one window to the next; kernel_size if left out"),
    )
    ceil_mode: bool = field(
        default=False,
        validator=boolean,
        metadata=doc("whether a last window may end after the image, so that none of it is left over", rare=True),
    )
    padding: ClassVar[Shape] = (0, 0)

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:2], *windows_of(self, input_shape)[0].out)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        xp, p = backend(x), self.norm_type
        windows, _ = windows_of(self, x.shape)
        check_floating(self, x)
        whole = float(windows.kernel_size[0] * windows.kernel_size[1])
        made_up_for = whole / counts(windows, x, self.padding)
        total = window_sum(x**p, windows) * made_up_for

        def backward(dy: Array) -> Array:
            zero = total == 0
            slope = xp.where(zero, xp.ones_like(total), total) ** (1 / p - 1)
            slope *= dy
            slope *= ~zero
            slope *= made_up_for
            dx: Array = x ** (p - 1) * window_sum_backward(slope, windows)
            return dx

        return total ** (1 / p), backward
