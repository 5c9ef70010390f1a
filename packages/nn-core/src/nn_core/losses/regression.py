"""Losses of regression, a term per element."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from nn_core.backends import backend
from nn_core.fields import doc, not_negative_number, number, positive_number
from nn_core.losses.checks import ElementwiseLoss, same_shape
from nn_core.typing import Array, Backward


@define(eq=False, slots=False)
class MSELoss(ElementwiseLoss):
    """Squared error: ``terms = (x − t)²``.

    Gradient: ``∂x = 2 (x − t)``.

    Shape:
        pred and target ``(N, …)``.

    Raises:
        ShapeError: the target does not have the shape of pred.

    >>> import numpy as np
    >>> MSELoss()(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    (2.0, array([ 0., -2.]))
    """

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        error = pred - same_shape(self, pred, target)
        return error * error, lambda scale: 2 * error * scale


@define(eq=False, slots=False)
class L1Loss(ElementwiseLoss):
    """Absolute error: ``terms = |x − t|``.

    Gradient: ``∂x = sign(x − t)``, which is 0 where they are equal.

    Shape:
        pred and target ``(N, …)``.

    Raises:
        ShapeError: the target does not have the shape of pred.

    >>> import numpy as np
    >>> L1Loss()(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    (1.0, array([ 0. , -0.5]))
    """

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        error = pred - same_shape(self, pred, target)
        return xp.abs(error), lambda scale: xp.sign(error) * scale


@define(eq=False, slots=False)
class HuberLoss(ElementwiseLoss):
    """Squared error near the target, absolute error away from it: ``terms = ½ (x − t)²`` up to an error of δ.

    Beyond, ``terms = δ (|x − t| − ½ δ)``. Gradient: ``∂x = clip(x − t, −δ, δ)``.

    Shape:
        pred and target ``(N, …)``.

    Raises:
        ShapeError: the target does not have the shape of pred.

    Source: Huber, "Robust Estimation of a Location Parameter", 1964.

    >>> import numpy as np
    >>> HuberLoss(delta=1.0, reduction="none")(np.array([0.5, 4.0]), np.zeros(2))
    (array([0.125, 3.5  ]), array([0.5, 1. ]))
    """

    delta: float = field(
        default=1.0,
        converter=number,
        validator=positive_number,
        metadata=doc("δ, the error from which on the loss grows linearly"),
    )

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        error = pred - same_shape(self, pred, target)
        return _huber(error, self.delta), lambda scale: error.clip(-self.delta, self.delta) * scale


@define(eq=False, slots=False)
class SmoothL1Loss(ElementwiseLoss):
    """Absolute error that is rounded off within β of the target: the Huber loss with δ = β, divided by β.

    ``terms = ½ (x − t)² / β`` up to β and ``|x − t| − ½ β`` beyond; with β = 0 it is `L1Loss`. Gradient:
    ``∂x = clip((x − t) / β, −1, 1)``.

    Shape:
        pred and target ``(N, …)``.

    Raises:
        ShapeError: the target does not have the shape of pred.

    Source: Girshick, "Fast R-CNN", 2015.

    >>> import numpy as np
    >>> SmoothL1Loss(beta=2.0, reduction="none")(np.array([1.0, 4.0]), np.zeros(2))
    (array([0.25, 3.  ]), array([0.5, 1. ]))
    """

    beta: float = field(
        default=1.0,
        converter=number,
        validator=not_negative_number,
        metadata=doc("β, the error from which on the loss grows linearly"),
    )

    def forward(self, pred: Array, target: Any) -> tuple[Array, Backward]:
        xp = backend(pred)
        error = pred - same_shape(self, pred, target)
        if self.beta == 0:
            return xp.abs(error), lambda scale: xp.sign(error) * scale
        return _huber(error, self.beta) / self.beta, lambda scale: error.clip(-self.beta, self.beta) / self.beta * scale


def _huber(error: Array, delta: float) -> Array:
    """Return the Huber loss of errors, in a form that squares none of the large ones."""
    size = abs(error)
    inner = size.clip(None, delta)
    terms: Array = inner * (size - inner / 2)
    return terms
