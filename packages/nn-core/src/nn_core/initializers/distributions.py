"""First values that do not depend on the layer's size."""

from __future__ import annotations

from math import erfc, sqrt
from statistics import NormalDist

import numpy as np

from nn_core.dtypes import default_dtype
from nn_core.errors import ConfigError
from nn_core.initializers.gains import number
from nn_core.random import chosen_rng
from nn_core.typing import Array, Shape


def constant(shape: Shape, rng: np.random.Generator | None = None, *, value: float) -> Array:
    """Return an array of one value.

    Raises:
        ConfigError: `value` is not a finite number.

    >>> constant((2, 2), value=0.5)
    array([[0.5, 0.5],
           [0.5, 0.5]], dtype=float32)
    """
    return np.full(shape, number("value of constant", value), default_dtype())


def zeros(shape: Shape, rng: np.random.Generator | None = None) -> Array:
    """Return zeros. Units of one layer that all start so stay alike; it is meant for biases and last layers.

    >>> zeros((3,))
    array([0., 0., 0.], dtype=float32)
    """
    return constant(shape, value=0.0)


def ones(shape: Shape, rng: np.random.Generator | None = None) -> Array:
    """Return ones.

    >>> ones((3,))
    array([1., 1., 1.], dtype=float32)
    """
    return constant(shape, value=1.0)


def uniform(shape: Shape, rng: np.random.Generator | None = None, *, low: float = 0.0, high: float = 1.0) -> Array:
    """Draw from U(low, high).

    Raises:
        ConfigError: a bound is not a finite number, or `low` is above `high`.

    >>> bool(abs(uniform((3, 2), low=-0.1, high=0.1)).max() <= np.float32(0.1))
    True
    """
    low, high = number("low of uniform", low), number("high of uniform", high)
    if low > high:
        raise ConfigError(f"low of uniform must be at most its high, got {low} and {high}.")
    return chosen_rng(rng).uniform(low, high, shape).astype(default_dtype())


def normal(shape: Shape, rng: np.random.Generator | None = None, *, mean: float = 0.0, std: float = 1.0) -> Array:
    """Draw from the normal distribution N(mean, std²).

    Raises:
        ConfigError: `mean` is not a finite number, or `std` not one of at least 0.

    >>> normal((2, 3), mean=5, std=0)
    array([[5., 5., 5.],
           [5., 5., 5.]], dtype=float32)
    """
    mean, std = number("mean of normal", mean), number("std of normal", std, least=0)
    return chosen_rng(rng).normal(mean, std, shape).astype(default_dtype())


def conservative(shape: Shape, rng: np.random.Generator | None = None, *, gain: float = 0.001) -> Array:
    """Draw standard normal numbers and multiply them by a small `gain`, so that a layer starts close to zero.

    Raises:
        ConfigError: `gain` is not a finite number.

    >>> bool(abs(conservative((10, 10))).max() < 0.01)
    True
    """
    gain = number("gain of conservative", gain)
    return (gain * chosen_rng(rng).standard_normal(shape)).astype(default_dtype())


def truncated_normal(
    shape: Shape,
    rng: np.random.Generator | None = None,
    *,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
) -> Array:
    """Draw from N(mean, std²) under the condition that the value lies between `a` and `b`, which are values themselves.

    A probability p, uniform between Φ(a) and Φ(b), becomes the value Φ⁻¹(p).

    Raises:
        ConfigError: an option is not a finite number, `std` is 0 or less, or `a` is not below `b`.

    >>> bool(abs(truncated_normal((10, 10), std=0.02, a=-0.04, b=0.04)).max() <= np.float32(0.04))
    True
    """
    mean, a, b = (number(f"{name} of truncated_normal", x) for name, x in (("mean", mean), ("a", a), ("b", b)))
    std = number("std of truncated_normal", std, least=0)
    if std == 0 or a >= b:
        raise ConfigError(f"truncated_normal needs a std above 0 and an a below b, got std={std}, a={a} and b={b}.")
    # In standard deviations, and mirrored if need be: far right of the mean Φ rounds to 1, far left it keeps digits.
    side = -1 if a + b > 2 * mean else 1
    low, high = sorted((side * (a - mean) / std, side * (b - mean) / std))
    p = chosen_rng(rng).uniform(_probability_below(low), _probability_below(high), shape)
    p = p.clip(5e-324, 1 - 2**-53)  # Φ⁻¹ has no value at 0 and 1
    quantiles = np.fromiter(map(NormalDist().inv_cdf, p.ravel()), float, p.size).reshape(shape)
    return (mean + side * std * quantiles).clip(a, b).astype(default_dtype())


def _probability_below(z: float) -> float:
    """Return Φ(z), the probability that a standard normal number is below `z`."""
    return erfc(-z / sqrt(2)) / 2
