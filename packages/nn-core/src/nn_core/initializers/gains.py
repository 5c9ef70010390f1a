"""What the rules of Xavier and Kaiming depend on: the gain of a nonlinearity and the fans of a weight."""

from __future__ import annotations

from math import isfinite, prod, sqrt
from numbers import Real
from typing import Any

from nn_core.errors import ConfigError, ShapeError, did_you_mean
from nn_core.typing import Shape

_CONVOLUTIONS = [f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3)]
_GAINS = {
    "linear": 1.0,
    **dict.fromkeys(_CONVOLUTIONS, 1.0),
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": sqrt(2),
    "selu": 3 / 4,
}
_LEAKY = ("leaky_relu", "leakyrelu")
_LARGEST = 1e37
"""Of an option; float32 holds ten standard deviations of it."""


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor by which weights make up for what a nonlinearity takes from the standard deviation.

    ====================================  =================
    ``linear``, ``conv2d``, ``sigmoid``   1
    ``tanh``                              5/3
    ``relu``                              √2
    ``leaky_relu``, also ``leakyrelu``    √(2 / (1 + a²))
    ``selu``                              3/4
    ====================================  =================

    Args:
        nonlinearity: its name.
        param: the slope a of the leaky one, 0.01 if left out.

    Raises:
        ConfigError: the nonlinearity is not in the table, or its slope is no number.

    Source: He et al., "Delving deep into rectifiers", 2015; the numbers for tanh and selu are PyTorch's.

    >>> calculate_gain("relu"), calculate_gain("leaky_relu", 1.0)
    (1.4142135623730951, 1.0)
    """
    if nonlinearity in _LEAKY:
        slope = 0.01 if param is None else number("the slope of leaky_relu", param)
        return sqrt(2 / (1 + slope**2))
    if not isinstance(nonlinearity, str) or nonlinearity not in _GAINS:
        known = [*_GAINS, *_LEAKY]
        remedy = did_you_mean(str(nonlinearity), known) or f" Known are {', '.join(known)}."
        raise ConfigError(f"There is no gain for the nonlinearity {nonlinearity!r}.{remedy}")
    return _GAINS[nonlinearity]


def fans(shape: Shape) -> tuple[int, int]:
    """Return how many inputs one output of a weight (out, in, …) sums over, and how many outputs one input reaches.

    A convolution's kernel counts with its area.

    >>> fans((16, 3, 5, 5))
    (75, 400)

    Raises:
        ShapeError: the shape has fewer than two axes.
    """
    outputs, inputs, *kernel = of_a_weight(shape)
    return inputs * prod(kernel), outputs * prod(kernel)


def of_a_weight(shape: Shape) -> Shape:
    """Return a shape, refusing all that are not (out, in, …)."""
    if len(shape) < 2:
        raise ShapeError(f"the initializer draws weights of shape (out, in, …), got {shape}")
    return shape


def number(option: str, value: Any, least: float = -float("inf")) -> float:
    """Return an option's value as Python's float, refusing all but numbers of at least `least` that float32 has."""
    real = isinstance(value, Real) and not isinstance(value, bool)
    if real and _LARGEST < abs(value) < float("inf"):
        raise ConfigError(f"{option} must be at most {_LARGEST:g} in size, got a larger number.")
    if not real or not isfinite(value) or value < least:
        wanted = f" of at least {least:g}" if isfinite(least) else ""
        raise ConfigError(f"{option} must be a finite number{wanted}, got {value!r}.")
    return float(value)
