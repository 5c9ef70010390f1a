"""Dropout of whole channels."""

from __future__ import annotations

from typing import ClassVar

from attrs import define, field

from nn_core import Layer
from nn_core.backends import backend
from nn_core.fields import doc, number, probability
from nn_core.random import keep_mask
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv.geometry import check_axes
from nn_layers_conv.memory import samples_last_in_memory


@define(eq=False, slots=False, repr=False)
class Dropout2d(Layer):
    """Zero each channel of each image with probability p, scale the rest: ``yₙ꜀ = xₙ꜀ · mₙ꜀ / (1 − p)``.

    m is drawn from ``Bernoulli(1 − p)``, one number per image and channel: neighboring pixels tell much the same, so
    that zeroing single ones would take little away. In evaluation y is x. Masks are keyed inside `fit` and drawn
    elsewhere as those of `nn_core.Dropout`.

    Gradient: ``∂xₙ꜀ = dyₙ꜀ · mₙ꜀ / (1 − p)``.

    Shape:
        x ``(N, C, H, W)`` → y of the same.

    Raises:
        ShapeError: x is not of that shape.

    Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.

    >>> import numpy as np
    >>> y = Dropout2d(0.5)(np.ones((8, 16, 3, 3)))
    >>> bool(((y == 0) | (y == 2)).all()), bool((y == y[:, :, :1, :1]).all())
    (True, True)
    """

    rank: ClassVar[int] = 2

    p: float = field(
        default=0.5, converter=number, validator=probability, metadata=doc("probability of a channel to be zeroed")
    )

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes(self, input_shape)
        return input_shape

    def forward(self, x: Array) -> tuple[Array, Backward]:
        n, c, *_ = self.output_shape(x.shape)
        if not self.training or self.p == 0:
            return x, lambda dy: dy
        scale = 1 / (1 - self.p) if self.p < 1 else 0.0
        kept = backend(x).asarray(keep_mask((n, c, 1, 1), self.p), x.dtype)
        mask = samples_last_in_memory(kept * scale)

        def backward(dy: Array) -> Array:
            dx: Array = dy * mask
            return dx

        return x * mask, backward
