"""How large gradients are, and making them smaller before an optimizer's step."""

from __future__ import annotations

from collections.abc import Iterable
from math import hypot, isfinite, sqrt
from numbers import Real
from typing import Any

from nn_core.backends import backend
from nn_core.errors import ConfigError, DataError
from nn_core.tensor import Tensor
from nn_core.typing import Array


def gradient_norms(model: Any) -> dict[str, float]:
    """Return the 2-norm of every parameter's gradient by the parameter's dotted path.

    Parameters that got no gradient are left out.

    >>> import numpy as np
    >>> from nn_core import Linear
    >>> layer = Linear(2, 1)
    >>> _ = layer(np.array([[3.0, 4.0]])), layer.backward(np.ones((1, 1), np.float32))
    >>> gradient_norms(layer)
    {'weight': 5.0, 'bias': 1.0}
    """
    named = model.named_parameters()
    return {name: norm(parameter.grad) for name, parameter in named if parameter.grad is not None}


def clip_grad_norm(parameters: Iterable[Tensor] | Tensor, max_norm: float) -> float:
    """Scale all gradients by one factor, so that the norm over all of them together is at most `max_norm`.

    ``total = √(Σₚ ‖∂p‖²)``, ``∂p ← ∂p · min(1, max_norm / (total + 1e-6))``. Parameters without gradient count nothing.

    Returns:
        The norm before. A `max_norm` of infinity changes nothing and only measures.

    Raises:
        DataError: the norm is not finite; the gradients stay as they are.
        ConfigError: `max_norm` is no number of at least 0.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter([0.0, 0.0])
    >>> p.accumulate(np.array([3.0, 4.0], np.float32))
    >>> clip_grad_norm([p], 1.0), p.grad.round(5)
    (5.0, array([0.6, 0.8], dtype=float32))
    """
    check_norm("max_norm", max_norm)
    gradients = _gradients(parameters)
    norms = [norm(gradient) for gradient in gradients]
    total = hypot(*norms)
    if not isfinite(total):
        bad = [i for i, norm in enumerate(norms) if not isfinite(norm)]
        where = f", that of gradient {bad[0]} of {len(norms)} first" if bad else ""
        raise DataError(
            f"The norm of the gradients is {total}{where}, so clip_grad_norm left them as they are. "
            f"Skip this step, or look for what overflowed: the learning rate, the loss or the inputs."
        )
    coefficient = float(max_norm) / (total + 1e-6)
    if coefficient < 1:
        for gradient in gradients:
            gradient *= coefficient
    return total


def clip_grad_value(parameters: Iterable[Tensor] | Tensor, clip_value: float) -> None:
    """Move every element of every gradient into [−clip_value, clip_value].

    Raises:
        ConfigError: `clip_value` is no number of at least 0.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter([0.0, 0.0])
    >>> p.accumulate(np.array([3.0, -0.5], np.float32))
    >>> clip_grad_value([p], 1.0); p.grad
    array([ 1. , -0.5], dtype=float32)
    """
    check_norm("clip_value", clip_value)
    for gradient in _gradients(parameters):
        backend(gradient).clip(gradient, -float(clip_value), float(clip_value), out=gradient)


def penalize(parameters: Iterable[Tensor] | Tensor, *, l1: float = 0.0, l2: float = 0.0) -> float:
    """Add the gradient of ``l1 · Σ|θ| + l2 / 2 · Σθ²`` to those of the parameters, and return the penalty itself.

    ``∂θ ← ∂θ + l1 · sign(θ) + l2 · θ``, where sign(0) = 0. Parameters marked ``decay=False`` and frozen ones count
    nothing. Call it after ``backward`` and before the optimizer's step; in `fit` the callback `Penalty` does.

    Raises:
        ConfigError: a strength is no number of at least 0.

    Source: Tibshirani, "Regression shrinkage and selection via the lasso", 1996, for the sum of magnitudes; Hoerl and
    Kennard, "Ridge regression", 1970, for that of squares.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter([3.0, -4.0])
    >>> penalize([p], l1=1.0, l2=0.5), p.grad
    (13.25, array([ 2.5, -3. ], dtype=float32))
    """
    check_norm("l1", l1)
    check_norm("l2", l2)
    total = 0.0
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        if not parameter.decay or not parameter.requires_grad:
            continue
        data, xp = parameter.data, backend(parameter.data)
        if l1:
            total += float(l1) * float(abs(data).sum(dtype="float64"))
            parameter.accumulate(float(l1) * xp.sign(data))
        if l2:
            total += float(l2) / 2 * float((data * data).sum(dtype="float64"))
            parameter.accumulate(float(l2) * data)
    return total


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[Array]:
    listed = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in listed if parameter.grad is not None]


def norm(gradient: Array) -> float:
    """Return the 2-norm, taking out the largest number so that no square overflows."""
    largest = float(abs(gradient).max(initial=0))
    if largest == 0 or not isfinite(largest):
        return largest
    return largest * sqrt(float(((gradient / largest) ** 2).sum(dtype="float64")))


def check_norm(option: str, value: Any) -> None:
    """Refuse all but numbers of at least 0, infinity included."""
    if not isinstance(value, Real) or isinstance(value, bool) or not float(value) >= 0:
        raise ConfigError(f"{option} must be a number of at least 0, got {value!r}.")
