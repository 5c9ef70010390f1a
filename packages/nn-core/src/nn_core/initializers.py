"""How parameters get their first values."""

from __future__ import annotations

from math import prod, sqrt

import numpy as np

from nn_core.dtypes import default_dtype
from nn_core.random import default_rng
from nn_core.registry import get
from nn_core.typing import Array, Initializer, Shape


def torch_linear(shape: Shape, rng: np.random.Generator | None = None) -> Array:
    """Draw from U(−b, b) with ``b = 1 / √fan_in``: what PyTorch gives the weights of linear and convolution layers.

    `fan_in` is the product of all axes of `shape` but the first. It equals the Kaiming uniform rule with a = √5
    (He et al., "Delving deep into rectifiers", 2015).

    Args:
        shape: of the parameter, ``(out, in, …)``.
        rng: where the numbers come from; nn-core's default generator if left out.
    """
    return _uniform(shape, fan_in=prod(shape[1:]), rng=rng)


def bias_like(weight: Array, rng: np.random.Generator | None = None) -> Array:
    """Draw the bias that goes with a `weight` (out, …) from the same U(−b, b) as `torch_linear`."""
    return _uniform(weight.shape[:1], fan_in=prod(weight.shape[1:]), rng=rng)


def initializer(choice: str | Initializer) -> Initializer:
    """Return the initializer registered under a name, or the callable itself."""
    if isinstance(choice, str):
        named: Initializer = get("initializer", choice)
        return named
    return choice


def _uniform(shape: Shape, fan_in: int, rng: np.random.Generator | None) -> Array:
    bound = 1 / sqrt(fan_in) if fan_in else 0.0
    return (rng or default_rng()).uniform(-bound, bound, shape).astype(default_dtype())
