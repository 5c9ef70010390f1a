"""A layer that learns how much of its input to pass on, written in Tensors: the tape knows the gradient."""

import numpy as np
from attrs import define, field

from nn_core import Layer, Parameter, ShapeError, autograd, default_rng


@define(eq=False, slots=False, repr=False)
class Highway(Layer):
    """Highway layer: ``y = t · relu(x Wᵀ + b) + (1 − t) · x`` with ``t = σ(x Vᵀ + c)`` (Srivastava et al. 2015).

    It has as many outputs as inputs, which the first input decides. ``gate`` is what ``c`` begins with: the lower, the
    more of x is passed on at first, which is what lets very deep networks learn.

    Shape:
        x ``(…, features)`` → y of the same; W and V ``(features, features)``, b and c ``(features,)``.

    Raises:
        ShapeError: x has other features than the first input.
    """

    gate: float = -1.0
    weight: Parameter = field(init=False, default=None)
    bias: Parameter = field(init=False, default=None)
    gate_weight: Parameter = field(init=False, default=None)
    gate_bias: Parameter = field(init=False, default=None)

    def build(self, input_shape, rng=None):
        rng = rng or default_rng()
        features = input_shape[-1]
        scale = np.sqrt(1 / features)

        def draw():
            return Parameter(rng.uniform(-scale, scale, (features, features)).astype(np.float32))

        self.weight, self.gate_weight = draw(), draw()
        self.bias = Parameter(np.zeros(features, np.float32))
        self.gate_bias = Parameter(np.full(features, self.gate, np.float32))

    def output_shape(self, input_shape):
        if self.weight is not None and input_shape[-1:] != self.bias.shape:
            raise ShapeError(f"Highway: expected {self.bias.size} features on the last axis, got x of {input_shape}.")
        return input_shape

    @autograd
    def forward(self, x):
        self.output_shape(x.shape)
        transformed = (x @ self.weight.T + self.bias).relu()
        share = (x @ self.gate_weight.T + self.gate_bias).sigmoid()
        return share * transformed + (1 - share) * x
