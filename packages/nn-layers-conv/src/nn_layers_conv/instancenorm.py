"""Normalization of each channel of each image."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from attrs import define, field

from nn_core import Layer
from nn_core.backends import backend
from nn_core.collectives import collective
from nn_core.dtypes import default_dtype
from nn_core.fields import boolean, doc, number, optional_positive, positive_number, probability
from nn_core.layers.normalization import mean_over
from nn_core.parameter import Buffer, Parameter
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.geometry import check_axes


@define(eq=False, slots=False, repr=False)
class InstanceNorm2d(Layer):
    """Normalize each channel of each image: ``y = (x − μ) / √(σ² + eps) · weight + bias``.

    μ and σ² (biased) are those of the channel in this image alone, in training and in evaluation. Only with
    `track_running_stats` there are running statistics, which take their place in evaluation:
    ``running ← (1 − momentum) · running + momentum · batch``, where batch is the mean over the images of μ or of the
    unbiased variance. `num_batches_tracked` is kept for exchange with PyTorch, and stays 0 as there. Scale and shift
    are exempt from weight decay.

    Gradients, with x̂ the normalized x, sums over N, H and W, and means over H and W: ``∂weight = Σ dy·x̂``,
    ``∂bias = Σ dy``, ``∂x = weight / √(σ² + eps) · (dy − mean(dy) − x̂ · mean(dy·x̂))``; without the means where running
    statistics are used.

    Shape:
        x ``(N, C, H, W)`` → y of the same; weight and bias ``(C,)``.

    Raises:
        ShapeError: x has other axes or channels, or empty images, or without running statistics one value per channel.

    Source: Ulyanov, Vedaldi and Lempitsky, "Instance normalization: the missing ingredient for fast stylization", 2016.

    >>> import numpy as np
    >>> InstanceNorm2d()(np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)).round(2)
    array([[[[-1.34, -0.45],
             [ 0.45,  1.34]]]], dtype=float32)
    """

    rank: ClassVar[int] = 2

    num_features: int | None = field(
        default=None, validator=optional_positive, metadata=doc("channels C; inferred from the first input if left out")
    )
    eps: float = field(
        default=1e-5, converter=number, validator=positive_number, metadata=doc("added to the variance under the root")
    )
    momentum: float = field(
        default=0.1,
        converter=number,
        validator=probability,
        metadata=doc("share of the batch in the running statistics", rare=True),
    )
    affine: bool = field(default=False, validator=boolean, metadata=doc("whether to scale and shift by weight, bias"))
    track_running_stats: bool = field(
        default=False,
        validator=boolean,
        metadata=doc("whether evaluation uses running statistics instead of the image's own"),
    )
    weight: Parameter | None = field(init=False, default=None)
    bias: Parameter | None = field(init=False, default=None)
    running_mean: Buffer = field(init=False, default=None)
    running_var: Buffer = field(init=False, default=None)
    num_batches_tracked: Buffer = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.num_features is not None:
            self.build((1, self.num_features))

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        if self.num_features is None:
            check_axes(self, input_shape)
            self.num_features = input_shape[1]
        ones, zeros = np.ones(self.num_features, default_dtype()), np.zeros(self.num_features, default_dtype())
        if self.affine:
            self.weight = Parameter(ones, decay=False)
            self.bias = Parameter(zeros, decay=False)
        if self.track_running_stats:
            self.running_mean = Buffer(zeros.copy())
            self.running_var = Buffer(ones.copy())
            self.num_batches_tracked = Buffer(np.zeros((), np.int64))

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes(self, input_shape)
        self.check_channels(input_shape, "num_features")
        if 0 in input_shape[2:]:
            raise self.shape_error(
                f"cannot normalize images without a single element, got an input of shape {input_shape}"
            )
        return input_shape

    def forward(self, x: Array) -> tuple[Array, Backward]:
        column = (self.output_shape(x.shape)[1], 1, 1)  # the shape in which a vector of C numbers meets x
        own = self.training or not self.track_running_stats
        if own:
            self._check_values(x.shape)
            mean = mean_over(x, (2, 3))
            x_hat = x - mean
            var = mean_over(x_hat * x_hat, (2, 3))
            if self.training and self.track_running_stats:
                self._track(mean, var, x.shape[2] * x.shape[3])
        else:
            x_hat = x - self.running_mean.data.reshape(column)
            var = self.running_var.data.reshape(column)
        inv_std = 1 / backend(x).sqrt(var + self.eps)
        x_hat *= inv_std
        weight, bias = self.weight, self.bias
        scale = inv_std if weight is None else inv_std * weight.data.reshape(column)

        def backward(dy: Array) -> Array:
            dbias, dweight = mean_over(dy, (2, 3)), mean_over(dy * x_hat, (2, 3))  # of each image, per place
            if weight is not None and bias is not None:
                places = dy.shape[2] * dy.shape[3]
                weight.accumulate(dweight.sum(0).reshape(-1) * places)
                bias.accumulate(dbias.sum(0).reshape(-1) * places)
            dx: Array
            if own:
                dx = dy - x_hat * dweight
                dx -= dbias
                dx *= scale
            else:
                dx = dy * scale
            return dx

        if weight is None or bias is None:
            return x_hat, backward
        y = x_hat * weight.data.reshape(column)
        y += bias.data.reshape(column)
        return y, backward

    def _check_values(self, shape: Shape) -> None:
        if shape[2] * shape[3] == 1:
            raise self.shape_error(
                f"expected more than one value per image and channel, got an input of shape {shape}",
                "Reduce the size less in the layers before, or normalize over more than one image or channel, "
                "with BatchNorm2d or GroupNorm.",
            )

    def _track(self, mean: Array, var: Array, places: int) -> None:
        """Move the running statistics towards the means of those of all images, if the batch holds any."""
        members, xp = collective(), backend(mean)
        images = xp.full(mean.shape[1:], len(mean), mean.dtype)
        unbiased = var * (places / (places - 1))
        *sums, count = members.all_reduce(xp.stack([mean.sum(0), unbiased.sum(0), images]).reshape(3, -1))
        if members.rank == 0 and count.any():
            for running, total in zip((self.running_mean, self.running_var), sums, strict=True):
                running.data *= 1 - self.momentum
                running.data += self.momentum * total / count
