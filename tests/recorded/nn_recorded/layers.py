"""Layers in each of the styles."""

import numpy as np
from attrs import define, field

from nn_core import Buffer, Layer, Parameter, ShapeError, autograd, default_dtype, default_rng, keep_mask


@define(eq=False, slots=False, repr=False)
class Affine(Layer):
    """Affine map: ``y = x Wᵀ``."""

    in_features: int
    out_features: int
    weight: Parameter = field(init=False, default=None)

    def __attrs_post_init__(self):
        shape = (self.out_features, self.in_features)
        self.weight = Parameter(default_rng().standard_normal(shape).astype(default_dtype()))

    def output_shape(self, input_shape):
        if input_shape[-1] != self.in_features:
            raise ShapeError(f"Affine: expected {self.in_features} features, got x of {input_shape}.")
        return (*input_shape[:-1], self.out_features)

    def forward(self, x):
        weight = self.weight.data

        def backward(dy):
            self.weight.accumulate(dy.T @ x)
            return dy @ weight

        return x @ weight.T, backward


class Gate(Layer):
    """Gate: ``y = x · σ(v x)``; v has as many elements as x has features."""

    def __init__(self, start=0.5):
        self.start = start
        self.factor = None

    def build(self, input_shape, rng=None):
        self.factor = Parameter(np.full(input_shape[-1], self.start, default_dtype()))

    def output_shape(self, input_shape):
        return input_shape

    @autograd
    def forward(self, x):
        return x * (x * self.factor).sigmoid()


class Scale(Layer):
    """Multiplies: ``y = factor · x``."""

    def __init__(self, factor=2.0):
        self.factor = factor

    def forward(self, x):
        return self.factor * x, lambda dy: self.factor * dy


class Noise(Layer):
    """Silences a share of the elements in training, and in evaluation subtracts the buffer ``offset``."""

    def __init__(self, share=0.1, features=3):
        self.share = share
        self.features = features
        self.offset = Buffer(np.linspace(0, 1, features, dtype=default_dtype()))

    def forward(self, x):
        if not self.training:
            return x - self.offset.data, lambda dy: dy
        mask = keep_mask(x.shape, self.share).astype(x.dtype)
        return x * mask, lambda dy: dy * mask
