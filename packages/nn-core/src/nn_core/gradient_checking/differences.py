"""Derivatives by central differences: ``f′(x) ≈ (f(x + h) − f(x − h)) / 2h``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import isfinite
from typing import Any

import numpy as np

from nn_core.backends import backend
from nn_core.errors import ConfigError, ShapeError
from nn_core.tensor import Tensor
from nn_core.typing import Array

# Rounding leaves about 1e-9 in a difference, which must not count as an error of a derivative that is zero.
SMALLEST = 1e-3


def numeric_gradient(fn: Callable[[Any], Any], x: Any, dy: Any = None, eps: float = 1e-6) -> Array:
    """Return the gradient of ``Σ dy · fn(x)`` with respect to x, element by element.

    Args:
        fn: gets float64 copies of x and returns a number, an array, a Tensor, or a pair (y, backward).
        x: an array or list; it stays as it is.
        dy: what each element of fn(x) counts; it can be left out if that is a single number.
        eps: the step h to either side.

    Raises:
        ShapeError: fn returns an array and dy is left out.

    >>> numeric_gradient(lambda x: (x**2).sum(), [1.0, 2.0, 3.0]).round(6)
    array([2., 4., 6.])
    """
    gradient = _float64(x)
    for index, plus, minus in _differences(fn, gradient.copy(), eps):
        difference = plus - minus
        if dy is None and difference.size != 1:
            raise ShapeError(
                f"numeric_gradient differentiates a single number, and the function returned shape {difference.shape}",
                "Pass dy, what each of its elements counts.",
            )
        weights = 1.0 if dy is None else backend(difference).broadcast_to(dy, difference.shape)
        gradient[index] = (weights * difference).sum() / (2 * eps)
    return gradient


def numeric_grad_elementwise(act_forward: Callable[[Any], Any], x: Any, eps: float = 1e-6) -> Array:
    """Return ``∂f(x)ᵢ / ∂xᵢ`` for a function that works element by element, such as an activation.

    >>> numeric_grad_elementwise(np.square, [1.0, 2.0]).round(6)
    array([2., 4.])
    """
    gradient = _float64(x)
    for index, plus, minus in _differences(act_forward, gradient.copy(), eps):
        if plus.shape != gradient.shape:
            raise ShapeError(
                f"numeric_grad_elementwise got an output of shape {plus.shape} for an input of shape {gradient.shape}",
                "Use numeric_grad_scalar_wrt_x for functions that do not work element by element.",
            )
        gradient[index] = (plus[index] - minus[index]) / (2 * eps)
    return gradient


def numeric_grad_scalar_wrt_x(forward_fn: Callable[[Any], Any], x: Any, G: Any, eps: float = 1e-6) -> Array:
    """Return the gradient of ``S = Σ forward_fn(x) · G`` with respect to x.

    >>> numeric_grad_scalar_wrt_x(lambda x: 3 * x, [1.0, 2.0], [1.0, 10.0]).round(6)
    array([ 3., 30.])
    """
    return numeric_gradient(forward_fn, x, G, eps)


def numeric_grad_scalar_from_softmax(softmax_forward: Callable[[Any], Any], x: Any, G: Any, eps: float = 1e-6) -> Array:
    """Return the gradient of ``L = Σ softmax(x) · G`` with respect to x."""
    return numeric_gradient(softmax_forward, x, G, eps)


def numeric_grad_wrt_param(layer: Any, param_attr: str, x: Any, G: Any, eps: float = 1e-6) -> Array:
    """Return the gradient of ``S = Σ layer.forward(x) · G`` with respect to ``layer.<param_attr>.data``.

    The parameter gets its own array back, whatever happens.

    Raises:
        ConfigError: the layer has no such parameter (one that infers its sizes: call it or ``build`` it first).

    >>> from nn_core import Linear
    >>> numeric_grad_wrt_param(Linear(2, 1), "weight", np.array([[3.0, 4.0]]), np.array([[1.0]])).round(6)
    array([[3., 4.]])
    """
    parameter: Any = getattr(layer, param_attr, None)
    if not hasattr(getattr(parameter, "data", None), "dtype"):
        raise ConfigError(f"{type(layer).__name__} has no parameter {param_attr!r}, or has not made it yet.")
    original = parameter.data
    if getattr(x, "dtype", original.dtype).kind == "f":  # indices stay integers
        x = _float64(x)

    def forward(data: Array) -> Any:
        parameter.data = data
        return layer.forward(x)

    try:
        return numeric_gradient(forward, original, G, eps)
    finally:
        parameter.data = original


def directional_error(
    value: Callable[[], float],
    arrays: Sequence[Array],
    gradients: Sequence[Array],
    rng: np.random.Generator,
    step: float = 1e-6,
) -> tuple[float, float, float]:
    """Compare gradients with the central difference of `value` along a random direction through all arrays at once.

    Args:
        value: the scalar function of the arrays, which it reads anew at each call.
        arrays: float64 arrays, changed and restored.
        gradients: the claimed gradient of `value` with respect to each.
        rng: where the direction comes from.
        step: length of the difference, relative to a direction of unit norm per element.

    Returns:
        The relative error, the directional derivative by differences, and the one by the gradients.

    >>> x = np.array([1.0, 2.0])
    >>> error, *_ = directional_error(lambda: float((x**2).sum()), [x], [2 * x], np.random.default_rng(0))
    >>> error < 1e-8
    True
    """
    directions = [rng.normal(size=array.shape) for array in arrays]
    values = []
    for sign in (1, -1):
        with displaced(arrays, [sign * step * direction for direction in directions]):
            values.append(value())
    numeric = (values[0] - values[1]) / (2 * step)
    claimed = float(sum((g * d).sum() for g, d in zip(gradients, directions, strict=True)))
    return relative_error(numeric, claimed), numeric, claimed


def relative_error(numeric: float, claimed: float, smallest: float = SMALLEST) -> float:
    """Return the difference relative to the larger of two derivatives, infinite if one of them is not finite."""
    if not (isfinite(numeric) and isfinite(claimed)):
        return float("inf")
    return abs(numeric - claimed) / max(abs(numeric), abs(claimed), smallest)


@contextmanager
def displaced(arrays: Sequence[Array], displacements: Sequence[Array]) -> Iterator[None]:
    """Have displacements added to the arrays inside the block; afterwards they are as before, to the last bit."""
    originals = [array.copy() for array in arrays]
    try:
        for array, original, displacement in zip(arrays, originals, displacements, strict=True):
            array[...] = original + displacement
        yield
    finally:
        for array, original in zip(arrays, originals, strict=True):
            array[...] = original


def _differences(fn: Callable[[Any], Any], x: Array, eps: float) -> Iterator[tuple[Any, Array, Array]]:
    """Yield, for each element of x, its index and the outputs with the element a step up and a step down."""
    if not eps > 0:
        raise ConfigError(f"eps must be a number above 0, got {eps!r}.")
    for index in np.ndindex(x.shape):
        outputs = []
        for step in (eps, -eps):
            moved = x.copy()
            moved[index] += step
            outputs.append(_output(fn(moved)))
        yield index, outputs[0], outputs[1]


def _output(result: Any) -> Array:
    """Return the output of a function as an array: of a pair (y, backward) the y, of a Tensor its data."""
    y = result[0] if isinstance(result, tuple) else result
    y = y.data if isinstance(y, Tensor) else y
    return y if hasattr(y, "dtype") else np.asarray(y)


def _float64(x: Any) -> Array:
    """Return a copy in float64."""
    x = x.data if isinstance(x, Tensor) else x
    copy: Array = (x if hasattr(x, "dtype") else np.asarray(x)).astype("float64")
    return copy
