"""Activations that let positive numbers through, more or less, and hold negative ones back."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from attrs import define, field

from nn_core import functional
from nn_core.backends import backend
from nn_core.dtypes import default_dtype
from nn_core.fields import doc, finite_number, number, one_of, positive, positive_number
from nn_core.layers.activations import Nonlinearity
from nn_core.parameter import Parameter
from nn_core.typing import Array, Backward, Shape


@define(eq=False, slots=False, repr=False)
class ReLU(Nonlinearity):
    """Rectified linear unit: ``y = max(x, 0)``.

    Gradient: ``∂x = dy`` where x > 0, else 0 (at 0, too).

    Shape:
        x of any shape → y of the same.

    Source: Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.

    >>> ReLU()([-1.0, 0.0, 2.0])
    array([0., 0., 2.], dtype=float32)
    """

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.relu.forward(x)

    def infer(self, x: Array) -> Array:
        y: Array = backend(x).maximum(x, 0)  # without a mask for the way back
        return y


@define(eq=False, slots=False, repr=False)
class LeakyReLU(Nonlinearity):
    """Rectified linear unit with a slope for negative numbers: ``y = x`` where x > 0, else ``a x``.

    Gradient: ``∂x = dy`` where x > 0, else ``a dy``: a at 0, as in PyTorch, where others take 1.

    Shape:
        x of any shape → y of the same.

    Source: Maas et al., "Rectifier nonlinearities improve neural network acoustic models", 2013.

    >>> LeakyReLU(0.5)([-2.0, 2.0])
    array([-1.,  2.], dtype=float32)
    """

    negative_slope: float = field(default=0.01, converter=number, validator=finite_number, metadata=doc("the slope a"))

    @property
    def a(self) -> float:
        """The slope."""
        return self.negative_slope

    @property
    def activation_param(self) -> float:
        return self.negative_slope

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.leaky_relu.forward(x, self.negative_slope)


@define(eq=False, slots=False, repr=False)
class PReLU(Nonlinearity):
    """Rectified linear unit whose slopes for negative numbers are trained: ``y = x`` where x > 0, else ``a x``.

    Gradients: ``∂x = dy`` where x > 0, else ``a dy``; ``∂a = Σ x dy`` where x ≤ 0. The slopes are exempt from weight
    decay, which would pull towards plain ReLU.

    Shape:
        x ``(N, C, …)``, or any for one slope → y of the same; weight ``(num_parameters,)``.

    Raises:
        ShapeError: there are several slopes, and axis 1 of x is not as long.

    Source: He et al., "Delving deep into rectifiers", 2015.

    >>> PReLU()([-4.0, 4.0])
    array([-1.,  4.], dtype=float32)
    """

    initialized_like: ClassVar[str] = "leakyrelu"

    num_parameters: int = field(
        default=1, validator=positive, metadata=doc("slopes: 1 for all, or one for each channel (axis 1)")
    )
    init: float = field(
        default=0.25, converter=number, validator=finite_number, metadata=doc("first value of the slopes")
    )
    weight: Parameter = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.weight = Parameter(np.full(self.num_parameters, self.init, default_dtype()), decay=False)

    @property
    def activation_param(self) -> float:
        return self.init

    def output_shape(self, input_shape: Shape) -> Shape:
        if self.num_parameters != 1 and (len(input_shape) < 2 or input_shape[1] != self.num_parameters):
            raise self.shape_error(
                f"expected {self.num_parameters} channels on axis 1, got an input of shape {input_shape}",
                "Set num_parameters to the number of channels, or to 1.",
            )
        return input_shape

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        y, closure = functional.prelu.forward(x, self.weight.data)

        def backward(dy: Array) -> Array:
            dx: Array
            dx, slopes = closure(dy)
            self.weight.accumulate(slopes)
            return dx

        return y, backward


@define(eq=False, slots=False, repr=False)
class ELU(Nonlinearity):
    """Exponential linear unit: ``y = x`` where x > 0, else ``α (eˣ − 1)``.

    Gradient: ``∂x = dy`` where x > 0, else ``dy α eˣ``.

    Shape:
        x of any shape → y of the same.

    Source: Clevert et al., "Fast and accurate deep network learning by exponential linear units", 2015.

    >>> ELU()([-1e4, 0.0, 2.0])
    array([-1.,  0.,  2.], dtype=float32)
    """

    initialized_like: ClassVar[str] = "relu"

    alpha: float = field(default=1.0, converter=number, validator=finite_number, metadata=doc("−y far below zero"))

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.elu.forward(x, self.alpha)


@define(eq=False, slots=False, repr=False)
class SELU(Nonlinearity):
    """Scaled exponential linear unit: ``y = λ x`` where x > 0, else ``λ α (eˣ − 1)``; λ = 1.0507…, α = 1.6733….

    With these numbers, activations of mean 0 and variance 1 stay so from layer to layer.

    Gradient: ``∂x = λ dy`` where x > 0, else ``dy λ α eˣ``.

    Shape:
        x of any shape → y of the same.

    Source: Klambauer et al., "Self-normalizing neural networks", 2017.

    >>> SELU()([-1e4, 0.0, 2.0]).round(4)
    array([-1.7581,  0.    ,  2.1014], dtype=float32)
    """

    initialized_like: ClassVar[str] = "sigmoid"  # with a gain of 1, which keeps the variance that SELU is made for

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.selu.forward(x)


@define(eq=False, slots=False, repr=False)
class GELU(Nonlinearity):
    """Gaussian error linear unit: ``y = x Φ(x)``, Φ being the standard normal distribution's.

    With ``approximate="tanh"`` ``½ + ½ tanh(√(2/π) (x + 0.044715 x³))`` takes the place of Φ.

    Gradient: ``∂x = dy (Φ(x) + x Φ′(x))``.

    Shape:
        x of any shape → y of the same.

    Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    >>> GELU()([-1.0, 0.0, 1.0]).round(4)
    array([-0.1587,  0.    ,  0.8413], dtype=float32)
    """

    initialized_like: ClassVar[str] = "relu"

    approximate: str = field(
        default="none", validator=one_of("none", "tanh"), metadata=doc("tanh for the approximation by it, else none")
    )

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.gelu.forward(x, self.approximate)


@define(eq=False, slots=False, repr=False)
class SiLU(Nonlinearity):
    """Sigmoid linear unit, also called swish: ``y = x σ(x)``.

    Gradient: ``∂x = dy σ(x) (1 + x (1 − σ(x)))``.

    Shape:
        x of any shape → y of the same.

    Source: Elfwing et al., "Sigmoid-weighted linear units for neural network function approximation", 2017.

    >>> SiLU()([-1.0, 0.0, 1.0]).round(4)
    array([-0.2689,  0.    ,  0.7311], dtype=float32)
    """

    initialized_like: ClassVar[str] = "relu"

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.silu.forward(x)


@define(eq=False, slots=False, repr=False)
class Softplus(Nonlinearity):
    """Smooth rectifier: ``y = log(1 + exp(β x)) / β``, and x itself where β x > threshold.

    Gradient: ``∂x = dy σ(β x)``, and dy where β x > threshold.

    Shape:
        x of any shape → y of the same.

    Source: Dugas et al., "Incorporating second-order functional knowledge for better option pricing", 2000.

    >>> Softplus()([-1e4, 0.0, 100.0]).round(4)
    array([  0.    ,   0.6931, 100.    ], dtype=float32)
    """

    initialized_like: ClassVar[str] = "relu"

    beta: float = field(default=1.0, converter=number, validator=positive_number, metadata=doc("how sharp the bend is"))
    threshold: float = field(
        default=20.0, converter=number, validator=finite_number, metadata=doc("value of β x beyond which y is x")
    )

    def forward(self, x: Array) -> tuple[Array, Backward]:
        return functional.softplus.forward(x, self.beta, self.threshold)
