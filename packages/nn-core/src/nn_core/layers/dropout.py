"""Layers that silence a random part of their input in training."""

from __future__ import annotations

from attrs import define, field

from nn_core.backends import backend
from nn_core.fields import doc, number, probability
from nn_core.layer import Layer
from nn_core.random import keep_mask
from nn_core.typing import Array, Backward


@define(eq=False, slots=False, repr=False)
class Dropout(Layer):
    """Zero each element with probability p, scale the rest: ``y = x · m / (1 − p)`` with ``m ~ Bernoulli(1 − p)``.

    Gradient: ``∂x = dy · m / (1 − p)``. In evaluation y is x.

    Inside `fit` the mask is keyed by (seed, step, call, row), so that it depends neither on threads nor on resuming;
    elsewhere it is drawn from nn-core's default generator (`nn_core.seed`), so copies of a model draw different masks.

    Shape:
        x of any shape → y of the same.

    Source: Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    >>> Dropout(0.5).eval()([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """

    p: float = field(
        default=0.5, converter=number, validator=probability, metadata=doc("probability of an element to be zeroed")
    )

    def forward(self, x: Array) -> tuple[Array, Backward]:
        if not self.training or self.p == 0:
            return x, _unchanged
        scale = 1 / (1 - self.p) if self.p < 1 else 0.0
        mask = backend(x).asarray(keep_mask(x.shape, self.p), x.dtype) * scale

        def backward(dy: Array) -> Array:
            dx: Array = dy * mask
            return dx

        return x * mask, backward


def _unchanged(dy: Array) -> Array:
    return dy
