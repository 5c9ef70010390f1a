"""Element-wise nonlinearities."""

from __future__ import annotations

from attrs import define

from nn_core.backends import backend
from nn_core.layer import Layer
from nn_core.typing import Array, Backward


@define(eq=False, slots=False, repr=False)
class ReLU(Layer):
    """Rectified linear unit: ``y = max(x, 0)``.

    Gradient: ``∂x = dy`` where x > 0, else 0 (at 0, too).

    Shape:
        x of any shape → y of the same.

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.

    >>> ReLU()([-1.0, 0.0, 2.0])
    array([0., 0., 2.], dtype=float32)
    """

    def forward(self, x: Array) -> tuple[Array, Backward]:
        y = backend(x).maximum(x, 0)

        def backward(dy: Array) -> Array:
            dx: Array = dy * (y > 0)
            return dx

        return y, backward
