"""Batch normalization, for any number of axes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from attrs import define, field

from nn_core.backends import backend
from nn_core.collectives import collective
from nn_core.dtypes import default_dtype
from nn_core.fields import boolean, doc, number, optional_positive, positive_number, probability
from nn_core.layer import Layer
from nn_core.parameter import Buffer, Parameter
from nn_core.parts import is_trained
from nn_core.typing import Array, Backward, Shape

PART_BYTES = 1 << 20
"""How much of x is normalized at a time, about."""


@define(eq=False, slots=False, repr=False)
class BatchNorm(Layer):
    """The mathematics that batch normalization of every dimensionality shares; axis 1 holds the channels.

    Scale and shift are exempt from weight decay.
    """

    axes: ClassVar[tuple[str, ...]] = ()
    """Layouts of x that a subclass accepts, such as ``("NCHW",)``."""

    num_features: int | None = field(
        default=None, validator=optional_positive, metadata=doc("channels C; inferred from the first input if left out")
    )
    momentum: float = field(
        default=0.1,
        kw_only=True,
        converter=number,
        validator=probability,
        metadata=doc("share of the batch in the running statistics"),
    )
    eps: float = field(
        default=1e-5,
        kw_only=True,
        converter=number,
        validator=positive_number,
        metadata=doc("added to the variance under the root"),
    )
    affine: bool = field(
        default=True,
        kw_only=True,
        repr=False,
        validator=boolean,
        metadata=doc("whether to scale and shift by weight, bias"),
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
            self._check_axes(input_shape)
            self.num_features = input_shape[1]
        ones, zeros = np.ones(self.num_features, default_dtype()), np.zeros(self.num_features, default_dtype())
        if self.affine:
            self.weight = Parameter(ones, decay=False)
            self.bias = Parameter(zeros, decay=False)
        self.running_mean = Buffer(zeros.copy())
        self.running_var = Buffer(ones.copy())
        self.num_batches_tracked = Buffer(np.zeros((), np.int64))

    def output_shape(self, input_shape: Shape) -> Shape:
        self._check_axes(input_shape)
        self.check_channels(input_shape, "num_features")
        return input_shape

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        xp, training = backend(x), self.training
        reduced = (0, *range(2, x.ndim))
        column = (-1, *[1] * (x.ndim - 2))  # the shape in which a vector of C numbers meets x
        if training:
            mean, var, count = self._batch_statistics(x, reduced, column)
        else:
            mean, var, count = self.running_mean.data.copy(), self.running_var.data, 1
        inv_std = 1 / xp.sqrt(var + self.eps)
        scale = inv_std if self.weight is None else self.weight.data * inv_std
        y = xp.empty_like(x)
        for part in _parts(x):
            normalized = xp.subtract(x[:, part], mean[part].reshape(column), out=y[:, part])
            normalized *= scale[part].reshape(column)
            if self.bias is not None:
                normalized += self.bias.data[part].reshape(column)

        def backward(dy: Array) -> Array:
            if training or is_trained(self):
                dbias = dy.sum(reduced)
                products = []
                for part in _parts(x):
                    product = x[:, part] - mean[part].reshape(column)
                    product *= dy[:, part]
                    products.append(product.sum(reduced))
                dweight = xp.concatenate(products) * inv_std
            if self.weight is not None and self.bias is not None and is_trained(self):
                self.weight.accumulate(dweight)
                self.bias.accumulate(dbias)
            dx: Array
            if not training:
                dx = dy * scale.reshape(column)
                return dx
            dweight, dbias = collective().all_reduce(xp.stack([dweight, dbias]))
            shift, slope = dbias / count, dweight * inv_std / count
            dx = xp.empty_like(x)
            for part in _parts(x):
                centered = x[:, part] - mean[part].reshape(column)
                centered *= slope[part].reshape(column)
                of_part = xp.subtract(dy[:, part], centered, out=dx[:, part])
                of_part -= shift[part].reshape(column)
                of_part *= scale[part].reshape(column)
            return dx

        return y, backward

    def infer(self, x: Array) -> Array:
        self.output_shape(x.shape)
        column = (-1, *[1] * (x.ndim - 2))
        scale = 1 / backend(x).sqrt(self.running_var.data + self.eps)
        if self.weight is not None:
            scale = scale * self.weight.data
        y: Array = x - self.running_mean.data.reshape(column)
        y *= scale.reshape(column)
        if self.bias is not None:
            y += self.bias.data.reshape(column)
        return y

    def _batch_statistics(self, x: Array, reduced: Shape, column: Shape) -> tuple[Array, Array, int]:
        """Return mean, biased variance and count over the whole batch, and move the running statistics towards them."""
        members = collective()
        count = x.size // x.shape[1] if x.size else 0
        if members.size > 1:
            count = int(members.all_reduce(backend(x).array([count]))[0])
        if count < 2:
            raise self.shape_error(
                f"expected more than one value per channel in training, got an input of shape {x.shape}",
                "Choose the batch size so that no batch, the last one included, holds a single sample; or call eval().",
            )
        mean = members.all_reduce(x.sum(reduced)) / count
        squares = []
        for part in _parts(x):
            centered = x[:, part] - mean[part].reshape(column)
            centered *= centered
            squares.append(centered.sum(reduced))
        var = members.all_reduce(backend(x).concatenate(squares)) / count
        if members.rank == 0:
            self._move(self.running_mean, mean)
            self._move(self.running_var, var * (count / (count - 1)))
            self.num_batches_tracked.data += 1
        return mean, var, count

    def _move(self, running: Buffer, batch: Array) -> None:
        running.data *= 1 - self.momentum
        running.data += self.momentum * batch

    def _check_axes(self, shape: Shape) -> None:
        if len(shape) not in [len(axes) for axes in self.axes]:
            wanted = " or ".join(f"({', '.join(axes)})" for axes in self.axes)
            raise self.shape_error(f"expected an input of shape {wanted}, got {shape}")


def _parts(x: Array) -> Iterator[slice]:
    """Yield the channels of x a few at a time, so that what is computed of them stays in the processor's cache."""
    channels = x.shape[1]
    step = max(1, channels * PART_BYTES // max(1, x.nbytes))
    for first in range(0, channels, step):
        yield slice(first, first + step)


@define(eq=False, slots=False, repr=False)
class BatchNorm1d(BatchNorm):
    """Batch normalization of feature vectors or sequences: ``y = (x − μ) / √(σ² + eps) · weight + bias``.

    In training μ and σ² (biased) are the batch's per channel, and the running statistics move towards them:
    ``running ← (1 − momentum) · running + momentum · batch`` (unbiased variance). In evaluation they take their place.

    Gradients, over the m values of a channel, with x̂ the normalized x: ``∂weight = Σ dy·x̂``, ``∂bias = Σ dy``,
    ``∂x = weight / √(σ² + eps) · (dy − ∂bias / m − x̂ · ∂weight / m)``.

    Shape:
        x ``(N, C)`` or ``(N, C, L)`` → y of the same.

    Raises:
        ShapeError: x has other axes or channels, or in training one value per channel.

    Source: Ioffe and Szegedy, "Batch normalization", 2015.

    >>> BatchNorm1d(2)([[1.0, 10.0], [3.0, 30.0]]).round(3)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """

    axes: ClassVar[tuple[str, ...]] = ("NC", "NCL")
