"""Layers that only rearrange their input."""

from __future__ import annotations

from math import prod

from attrs import define, field

from nn_core.fields import doc
from nn_core.layer import Layer
from nn_core.typing import Array, Backward, Shape


@define(eq=False, slots=False, repr=False)
class Flatten(Layer):
    """Join the axes from `start_dim` to `end_dim` into one: ``yₙ = vec(xₙ)``.

    Gradient: dy in the shape of x.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C·H·W)`` with the defaults.

    Raises:
        ShapeError: x has no such axes.

    >>> import numpy as np
    >>> Flatten()(np.zeros((5, 2, 3, 4), np.float32)).shape
    (5, 24)
    """

    start_dim: int = field(default=1, metadata=doc("first axis to join"))
    end_dim: int = field(default=-1, metadata=doc("last axis to join; negative counts from the end"))

    def __repr__(self) -> str:
        return super().__repr__() if (self.start_dim, self.end_dim) != (1, -1) else "Flatten()"

    def output_shape(self, input_shape: Shape) -> Shape:
        axes = len(input_shape)
        start, end = (dim + axes if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        if end == start - 1 == axes - 1:  # (N,) with the defaults: one feature per sample
            return (*input_shape, 1)
        if not 0 <= start <= end < axes:
            raise self.shape_error(
                f"cannot join axes {self.start_dim} to {self.end_dim} of an input of shape {input_shape}"
            )
        return (*input_shape[:start], prod(input_shape[start : end + 1]), *input_shape[end + 1 :])

    def forward(self, x: Array) -> tuple[Array, Backward]:
        shape = x.shape

        def backward(dy: Array) -> Array:
            return dy.reshape(shape)

        return x.reshape(self.output_shape(shape)), backward
