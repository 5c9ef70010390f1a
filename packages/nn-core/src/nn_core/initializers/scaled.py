"""First weights whose spread follows from the layer's size, so that signals neither fade nor explode with depth."""

from __future__ import annotations

from math import prod, sqrt

import numpy as np

from nn_core.errors import ConfigError
from nn_core.initializers.distributions import normal, uniform
from nn_core.initializers.gains import calculate_gain, fans, number
from nn_core.typing import Array, Shape


def torch_linear(shape: Shape, rng: np.random.Generator | None = None) -> Array:
    """Draw from U(−b, b) with ``b = 1 / √fan_in``: what PyTorch gives the weights of linear and convolution layers.

    `fan_in` is the product of all axes of `shape` but the first. It equals the Kaiming uniform rule with a = √5
    (He et al., "Delving deep into rectifiers", 2015).

    Args:
        shape: of the parameter, ``(out, in, …)``.
        rng: where the numbers come from; nn-core's default generator if left out.
    """
    return _within_one_over_root(shape, fan_in=prod(shape[1:]), rng=rng)


def bias_like(weight: Array, rng: np.random.Generator | None = None, outputs: int | None = None) -> Array:
    """Draw the bias that goes with a `weight` (out, …) from the same U(−b, b) as `torch_linear`.

    Of a transposed convolution, whose weight is (in, out, …), give the number of `outputs`.
    """
    return _within_one_over_root((outputs or len(weight),), fan_in=prod(weight.shape[1:]), rng=rng)


def _within_one_over_root(shape: Shape, fan_in: int, rng: np.random.Generator | None) -> Array:
    bound = 1 / sqrt(fan_in) if fan_in else 0.0
    return uniform(shape, rng, low=-bound, high=bound)


def xavier_uniform(shape: Shape, rng: np.random.Generator | None = None, *, gain: float = 1.0) -> Array:
    """Draw from U(−b, b) with ``b = gain · √(6 / (fan_in + fan_out))``, also known as Glorot's rule.

    Raises:
        ConfigError: `gain` is not a finite number.
        ShapeError: `shape` is not (out, in, …).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    >>> bool(abs(xavier_uniform((4, 2))).max() <= 1)
    True
    """
    return _uniform_of_std(shape, rng, _xavier_std("xavier_uniform", shape, gain))


def xavier_normal(shape: Shape, rng: np.random.Generator | None = None, *, gain: float = 1.0) -> Array:
    """Draw from N(0, s²) with ``s = gain · √(2 / (fan_in + fan_out))``, also known as Glorot's rule.

    Raises:
        ConfigError: `gain` is not a finite number.
        ShapeError: `shape` is not (out, in, …).

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    >>> xavier_normal((16, 3, 5, 5)).shape
    (16, 3, 5, 5)
    """
    return normal(shape, rng, std=abs(_xavier_std("xavier_normal", shape, gain)))


def kaiming_uniform(
    shape: Shape,
    rng: np.random.Generator | None = None,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> Array:
    """Draw from U(−b, b) with ``b = gain · √(3 / fan)``, also known as He's rule.

    Args:
        shape: of the parameter, ``(out, in, …)``.
        rng: where the numbers come from; nn-core's default generator if left out.
        a: slope of a leaky ReLU.
        mode: ``fan_in`` keeps the variance of the activations, ``fan_out`` that of the gradients, ``both`` takes the
            mean of the two fans.
        nonlinearity: what comes after the weight; `calculate_gain` lists the names.

    Raises:
        ConfigError: an option has a value that is not listed here.
        ShapeError: `shape` is not (out, in, …).

    Source: He et al., "Delving deep into rectifiers", 2015.

    >>> bool(abs(kaiming_uniform((50, 6), nonlinearity="relu")).max() <= 1)
    True
    """
    return _uniform_of_std(shape, rng, _kaiming_std("kaiming_uniform", shape, a, mode, nonlinearity))


def kaiming_normal(
    shape: Shape,
    rng: np.random.Generator | None = None,
    *,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
) -> Array:
    """Draw from N(0, s²) with ``s = gain / √fan``, also known as He's rule.

    Args:
        shape: of the parameter, ``(out, in, …)``.
        rng: where the numbers come from; nn-core's default generator if left out.
        a: slope of a leaky ReLU.
        mode: ``fan_in`` keeps the variance of the activations, ``fan_out`` that of the gradients, ``both`` takes the
            mean of the two fans.
        nonlinearity: what comes after the weight; `calculate_gain` lists the names.

    Raises:
        ConfigError: an option has a value that is not listed here.
        ShapeError: `shape` is not (out, in, …).

    Source: He et al., "Delving deep into rectifiers", 2015.

    >>> kaiming_normal((16, 3, 5, 5), nonlinearity="relu").shape
    (16, 3, 5, 5)
    """
    return normal(shape, rng, std=_kaiming_std("kaiming_normal", shape, a, mode, nonlinearity))


def _uniform_of_std(shape: Shape, rng: np.random.Generator | None, std: float) -> Array:
    bound = sqrt(3) * abs(std)
    return uniform(shape, rng, low=-bound, high=bound)


def _xavier_std(name: str, shape: Shape, gain: float) -> float:
    # An empty weight has fans of 0, and nothing to draw.
    return number(f"gain of {name}", gain) * sqrt(2 / (sum(fans(shape)) or 1))


def _kaiming_std(name: str, shape: Shape, a: float, mode: str, nonlinearity: str) -> float:
    fan_in, fan_out = fans(shape)
    modes = {"fan_in": fan_in, "fan_out": fan_out, "both": (fan_in + fan_out) / 2}
    if mode not in modes:
        raise ConfigError(f"mode of {name} must be one of {', '.join(modes)}, got {mode!r}.")
    return calculate_gain(nonlinearity, number(f"a of {name}", a)) / sqrt(modes[mode] or 1)
