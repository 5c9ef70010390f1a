"""The largest of every few features, with its gradient as a closure."""

import numpy as np
from attrs import define, field, validators

from nn_core import Layer, ShapeError


@define(eq=False, slots=False, repr=False)
class Maxout(Layer):
    """Maxout: ``yⱼ = max(xⱼₖ, …, xⱼₖ₊ₖ₋₁)`` over groups of ``k = pieces`` features (Goodfellow et al. 2013).

    Gradient: ∂x is dy where x was the largest of its group (the first one, if several were), and 0 elsewhere.

    Shape:
        x ``(…, features)`` → y ``(…, features / pieces)``.

    Raises:
        ShapeError: the features of x cannot be divided into groups of ``pieces``.
    """

    pieces: int = field(default=2, validator=[validators.instance_of(int), validators.ge(1)])

    def output_shape(self, input_shape):
        if not input_shape or input_shape[-1] % self.pieces:
            raise ShapeError(
                f"Maxout: expected a multiple of {self.pieces} features on the last axis, got x of {input_shape}. "
                f"Give the layer before it {self.pieces} outputs for each one that you want."
            )
        return (*input_shape[:-1], input_shape[-1] // self.pieces)

    def forward(self, x):
        groups = x.reshape(*self.output_shape(x.shape), self.pieces)
        best = groups.argmax(axis=-1)[..., None]

        def backward(dy):
            dx = np.zeros_like(groups)
            np.put_along_axis(dx, best, dy[..., None], axis=-1)
            return dx.reshape(x.shape)

        return np.take_along_axis(groups, best, axis=-1)[..., 0], backward
