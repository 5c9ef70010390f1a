"""Normalization within each sample, which does not depend on the batch: layer, RMS and group norm."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import Attribute, define, field, validators

from nn_core.backends import backend
from nn_core.dtypes import default_dtype
from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED, boolean, doc, number, optional_positive, positive, positive_number, sizes
from nn_core.layer import Layer
from nn_core.operations import unbroadcast
from nn_core.parameter import Parameter
from nn_core.typing import Array, Backward, Shape


def mean_over(x: Array, axes: Shape) -> Array:
    """Return the mean over some axes, which stay with length 1.

    One after the other: whatever the order in memory, the sums are short, and so are their rounding errors. NumPy adds
    pairwise only along the last axis in memory, and one by one along the others.
    """
    for axis in axes:
        x = x.mean(axis, keepdims=True)
    return x


def normalized(x: Array, axes: Shape, eps: float, center: bool = True) -> tuple[Array, Backward]:
    """Return x̂ and its closure, with means over `axes`; without `center`, μ is 0.

    ``x̂ = (x − μ) / s`` with ``μ = mean(x)`` and ``s = √(mean((x − μ)²) + eps)``.

    Gradient: ``∂x = (dx̂ − mean(dx̂) − x̂ · mean(dx̂·x̂)) / s``, where ``mean(dx̂)`` comes from μ.
    """
    if center:
        x = x - mean_over(x, axes)
    inv_s = 1 / backend(x).sqrt(mean_over(x * x, axes) + eps)
    x_hat = x * inv_s

    def backward(dy: Array) -> Array:
        dx: Array = dy - x_hat * mean_over(dy * x_hat, axes)
        if center:
            dx -= mean_over(dy, axes)
        dx *= inv_s
        return dx

    return x_hat, backward


def scaled_and_shifted(
    x: Array, weight: Parameter | None, bias: Parameter | None, shape: Shape
) -> tuple[Array, Backward]:
    """Return ``y = x · weight + bias`` and its closure; the parameters meet x in `shape`, and may be None.

    Gradients: ``∂weight = Σ dy·x``, ``∂bias = Σ dy``, over the axes along which they repeat; ``∂x = dy · weight``.
    """
    scale = None if weight is None else weight.data.reshape(shape)

    def backward(dy: Array) -> Array:
        if bias is not None and bias.requires_grad:
            bias.accumulate(unbroadcast(dy, shape).reshape(bias.shape))
        if weight is not None and weight.requires_grad:
            weight.accumulate(unbroadcast(dy * x, shape).reshape(weight.shape))
        return dy if scale is None else dy * scale

    y = x if scale is None else x * scale
    return y if bias is None else y + bias.data.reshape(shape), backward


def _axes_or_none(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but tuples of positive integers, at least one, and None."""
    optional_positive(owner, option, value)
    if value == ():
        raise ConfigError(f"{option.alias} of {type(owner).__name__} must be a positive integer or more, got ().")


class OverLastAxes(Layer):
    """What normalizations over the last axes share: which axes they are, and the scale."""

    normalized_shape: Shape | None
    elementwise_affine: bool
    weight: Parameter | None

    def __attrs_post_init__(self) -> None:
        if self.normalized_shape is not None:
            self.build(self.normalized_shape)

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        self.output_shape(input_shape)  # raises where x does not fit
        self.normalized_shape = self.normalized_shape or input_shape[-1:]
        if self.elementwise_affine:
            self.weight = Parameter(np.ones(self.normalized_shape, default_dtype()), decay=False)

    def output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise self.shape_error("expected an array with axes to normalize over, got a single number")
        wanted = self.normalized_shape or input_shape[-1:]
        if input_shape[-len(wanted) :] != wanted:
            raise self.shape_error(
                f"expected an input that ends in {wanted}, got {input_shape}",
                "Set normalized_shape to the sizes of the last axes, those to normalize over.",
            )
        return input_shape

    def last_axes(self, x: Array) -> tuple[Shape, Shape]:
        """Return the axes of x to normalize over, and their sizes."""
        sizes = self.normalized_shape or ()
        self.output_shape(x.shape)  # raises where x does not fit
        return tuple(range(x.ndim - len(sizes), x.ndim)), sizes


@define(eq=False, slots=False, repr=False)
class LayerNorm(OverLastAxes):
    """Normalize over the last axes: ``y = (x − μ) / √(σ² + eps) · weight + bias``.

    μ and σ² (biased) are those of the last axes. Scale and shift are exempt from weight decay.

    Gradients, with x̂ the normalized x and ``dx̂ = dy · weight``: ``∂weight = Σ dy·x̂``, ``∂bias = Σ dy``,
    ``∂x = (dx̂ − mean(dx̂) − x̂ · mean(dx̂·x̂)) / √(σ² + eps)``, means over the last axes, sums over the others.

    Shape:
        x ``(…, *normalized_shape)`` → y of the same; weight and bias ``normalized_shape``.

    Raises:
        ShapeError: x does not end in `normalized_shape`.

    Source: Ba, Kiros and Hinton, "Layer normalization", 2016.

    >>> LayerNorm(2)([[1.0, 3.0], [-10.0, 10.0]]).round(3)
    array([[-1.,  1.],
           [-1.,  1.]], dtype=float32)
    """

    normalized_shape: Shape | None = field(
        default=None,
        converter=sizes,
        validator=_axes_or_none,
        metadata=doc("sizes of the last axes; left out, the last axis alone, inferred from the first input"),
    )
    eps: float = field(
        default=1e-5, converter=number, validator=positive_number, metadata=doc("added to the variance under the root")
    )
    elementwise_affine: bool = field(
        default=True, validator=boolean, metadata=doc("whether to scale by weight, and shift by bias")
    )
    use_bias: bool = field(
        default=True, alias="bias", validator=boolean, metadata=doc("whether to shift where there is a scale")
    )
    weight: Parameter | None = field(init=False, default=None)
    bias: Parameter | None = field(init=False, default=None)

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        super().build(input_shape, rng)
        if self.weight is not None and self.use_bias:
            self.bias = Parameter(np.zeros(self.weight.shape, default_dtype()), decay=False)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        axes, shape = self.last_axes(x)
        x_hat, back_to_x = normalized(x, axes, self.eps)
        y, back_to_x_hat = scaled_and_shifted(x_hat, self.weight, self.bias, shape)
        return y, lambda dy: back_to_x(back_to_x_hat(dy))


@define(eq=False, slots=False, repr=False)
class RMSNorm(OverLastAxes):
    """Divide by the root mean square over the last axes: ``y = x / r · weight`` with ``r = √(mean(x²) + eps)``.

    The scale is exempt from weight decay.

    Gradients, with ``x̂ = x / r`` and ``dx̂ = dy · weight``: ``∂weight = Σ dy·x̂``,
    ``∂x = (dx̂ − x̂ · mean(dx̂·x̂)) / r``, means over the last axes, the sum over the others.

    Shape:
        x ``(…, *normalized_shape)`` → y of the same; weight ``normalized_shape``.

    Raises:
        ShapeError: x does not end in `normalized_shape`.

    Source: Zhang and Sennrich, "Root mean square layer normalization", 2019.

    >>> RMSNorm(2)([[3.0, 3.0], [-1.0, 7.0]]).round(3)
    array([[ 1. ,  1. ],
           [-0.2,  1.4]], dtype=float32)
    """

    normalized_shape: Shape | None = field(
        default=None,
        converter=sizes,
        validator=_axes_or_none,
        metadata=doc("sizes of the last axes; left out, the last axis alone, inferred from the first input"),
    )
    eps: float | None = field(
        default=None,
        converter=number,
        validator=validators.optional(positive_number),
        metadata=doc("added to the mean square; left out, the distance from 1 to the next number of x's dtype"),
    )
    elementwise_affine: bool = field(default=True, validator=boolean, metadata=doc("whether to scale by weight"))
    weight: Parameter | None = field(init=False, default=None)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        axes, shape = self.last_axes(x)
        eps = float(np.finfo(x.dtype).eps) if self.eps is None else self.eps
        x_hat, back_to_x = normalized(x, axes, eps, center=False)
        y, back_to_x_hat = scaled_and_shifted(x_hat, self.weight, None, shape)
        return y, lambda dy: back_to_x(back_to_x_hat(dy))


@define(eq=False, slots=False, repr=False)
class GroupNorm(Layer):
    """Normalize each sample over groups of channels: ``y = (x − μ) / √(σ² + eps) · weight + bias``.

    A group is C / num_groups neighboring channels with all their places; μ and σ² (biased) are its own. Scale and
    shift, one per channel, are exempt from weight decay.

    Gradients, with x̂ the normalized x and ``dx̂ = dy · weight``: ``∂weight = Σ dy·x̂``, ``∂bias = Σ dy``,
    ``∂x = (dx̂ − mean(dx̂) − x̂ · mean(dx̂·x̂)) / √(σ² + eps)``, means over the group, sums over all but the channels.

    Shape:
        x ``(N, C, …)`` → y of the same; weight and bias ``(C,)``.

    Raises:
        ShapeError: x has other axes or channels, or no places.

    Source: Wu and He, "Group normalization", 2018.

    >>> GroupNorm(2, 4)([[1.0, 3.0, -10.0, 10.0]]).round(3)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    num_groups: int = field(default=REQUIRED, validator=positive, metadata=doc("groups that the channels form"))
    num_channels: int | None = field(
        default=None, validator=optional_positive, metadata=doc("channels C; inferred from the first input if left out")
    )
    eps: float = field(
        default=1e-5, converter=number, validator=positive_number, metadata=doc("added to the variance under the root")
    )
    affine: bool = field(default=True, validator=boolean, metadata=doc("whether to scale and shift by weight, bias"))
    weight: Parameter | None = field(init=False, default=None)
    bias: Parameter | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.num_channels is not None:
            if self.num_channels % self.num_groups:
                raise ConfigError(
                    f"num_channels of GroupNorm must be a multiple of num_groups, "
                    f"got {self.num_channels} channels for {self.num_groups} groups."
                )
            self.build((1, self.num_channels))

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        self.output_shape(input_shape)  # raises where x does not fit
        self.num_channels = input_shape[1]
        if self.affine:
            self.weight = Parameter(np.ones(self.num_channels, default_dtype()), decay=False)
            self.bias = Parameter(np.zeros(self.num_channels, default_dtype()), decay=False)

    def output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) < 2 or 0 in input_shape[1:]:
            raise self.shape_error(f"expected an input of shape (N, C, …), got {input_shape}")
        self.check_channels(input_shape, "num_channels")
        channels = input_shape[1]
        if channels % self.num_groups:
            raise self.shape_error(f"cannot form {self.num_groups} groups of {channels} channels")
        return input_shape

    def forward(self, x: Array) -> tuple[Array, Backward]:
        samples, channels, *places = self.output_shape(x.shape)
        grouped = (samples, self.num_groups, channels // self.num_groups, *places)
        x_hat, back_to_x = normalized(x.reshape(grouped), tuple(range(2, len(grouped))), self.eps)
        per_channel = (channels, *[1] * len(places))  # the shape in which a vector of C numbers meets x
        y, back_to_x_hat = scaled_and_shifted(x_hat.reshape(x.shape), self.weight, self.bias, per_channel)

        def backward(dy: Array) -> Array:
            dx: Array = back_to_x(back_to_x_hat(dy).reshape(grouped)).reshape(x.shape)
            return dx

        return y, backward
