"""Activations that press their input between bounds, or into probabilities."""

from __future__ import annotations

from typing import ClassVar

from attrs import define, field

from nn_core import functional
from nn_core.fields import doc, integer
from nn_core.layers.activations import Nonlinearity
from nn_core.typing import Array, Backward, Shape


@define(eq=False, slots=False, repr=False)
class Sigmoid(Nonlinearity):
    """Logistic function: ``y = 1 / (1 + e⁻ˣ)``, computed so that nothing overflows.

    Gradient: ``∂x = dy y (1 − y)``.

    Shape:
        x of any shape → y of the same.

    >>> Sigmoid()([-1e4, 0.0, 1e4])
    array([0. , 0.5, 1. ], dtype=float32)
    """

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.sigmoid.forward(x)


@define(eq=False, slots=False, repr=False)
class Hardsigmoid(Nonlinearity):
    """Sigmoid made of three straight lines: ``y = x/6 + ½``, limited to [0, 1].

    Gradient: ``∂x = dy / 6`` where |x| < 3, else 0.

    Shape:
        x of any shape → y of the same.

    Source: Courbariaux et al., "BinaryConnect", 2015; the slope is PyTorch's.

    >>> Hardsigmoid()([-3.0, 0.0, 1.5])
    array([0.  , 0.5 , 0.75], dtype=float32)
    """

    initialized_like: ClassVar[str] = "sigmoid"

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.hard_sigmoid.forward(x)


@define(eq=False, slots=False, repr=False)
class Tanh(Nonlinearity):
    """Hyperbolic tangent: ``y = tanh x``.

    Gradient: ``∂x = dy (1 − y²)``.

    Shape:
        x of any shape → y of the same.

    >>> Tanh()([-1e4, 0.0, 1e4])
    array([-1.,  0.,  1.], dtype=float32)
    """

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.tanh.forward(x)


class _AlongAxis(Nonlinearity):
    """A nonlinearity that depends on all elements along the axis `dim`."""

    affect_init = False

    dim: int

    def output_shape(self, input_shape: Shape) -> Shape:
        if not -len(input_shape) <= self.dim < len(input_shape):
            raise self.shape_error(f"expected an input with an axis {self.dim}, got one of shape {input_shape}")
        return input_shape


@define(eq=False, slots=False, repr=False)
class Softmax(_AlongAxis):
    """Probabilities from logits: ``yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)`` along an axis.

    The axis is the last one if left out, which for ``(N, C)`` is that of the classes; images ``(N, C, H, W)`` want
    ``dim=1``. For training leave the layer out: `CrossEntropyLoss` takes logits.

    Gradient: ``∂xᵢ = yᵢ (dyᵢ − Σⱼ dyⱼ yⱼ)``.

    Shape:
        x of any shape with the axis → y of the same.

    Raises:
        ShapeError: x has no such axis.

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.

    >>> Softmax()([[1e4, 1e4], [-1e4, 1e4]])
    array([[0.5, 0.5],
           [0. , 1. ]], dtype=float32)
    """

    dim: int = field(default=-1, validator=integer, metadata=doc("axis along which y adds up to 1"))

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        return functional.softmax.forward(x, self.dim)


@define(eq=False, slots=False, repr=False)
class LogSoftmax(_AlongAxis):
    """Logarithms of probabilities from logits: ``yᵢ = xᵢ − log Σⱼ exp(xⱼ)`` along an axis, by default the last.

    Gradient: ``∂xᵢ = dyᵢ − exp(yᵢ) Σⱼ dyⱼ``.

    Shape:
        x of any shape with the axis → y of the same.

    Raises:
        ShapeError: x has no such axis.

    >>> LogSoftmax()([0.0, 1e4])
    array([-10000.,      0.], dtype=float32)
    """

    dim: int = field(default=-1, validator=integer, metadata=doc("axis along which the exponentials of y add up to 1"))

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        return functional.log_softmax.forward(x, self.dim)
