"""A layer to check, and what the checks of it share: a pass there and back, and how results are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import field, frozen

from nn_core import random
from nn_core.typing import Array, Shape


@frozen
class LayerCase:
    """A layer in one configuration.

    Args:
        name: shown in the test's ID.
        make: returns a new layer.
        input_shape: the shape of one input, batch axis first.
        draw: returns an input of the shape; the default is normal. Integers stay integers, and get no gradient.
        min_batch: the smallest batch the layer can train on (batch norm of vectors: 2).
    """

    name: str
    make: Callable[[], Any]
    input_shape: Shape
    draw: Callable[[np.random.Generator, Shape], Array] = field(default=lambda rng, shape: rng.normal(size=shape))
    min_batch: int = 0

    def layer(self, dtype: str = "float64") -> Any:
        """Return the layer, built, in a dtype, with random parameters so that none is at a special value."""
        random.seed(0)
        layer = self.make()
        layer.build(self.input_shape)
        layer.astype(dtype)
        rng = np.random.default_rng(1)
        for parameter in layer.parameters():
            parameter.data += 0.1 * rng.normal(size=parameter.shape).astype(dtype)
        return layer

    def input(self, dtype: str = "float64", shape: Shape | None = None, seed: int = 2) -> Array:
        """Return an input that cannot be written to."""
        drawn = self.draw(np.random.default_rng(seed), self.input_shape if shape is None else shape)
        x = drawn.astype(dtype) if drawn.dtype.kind == "f" else drawn
        x.flags.writeable = False
        return x


def run(layer: Any, x: Array, dy: Array | None = None) -> tuple[Array, Array, Array | None]:
    """Return (y, dy, dx) of one forward and backward pass, always with the same random masks."""
    with random.keyed(0, 0):
        y, backward = layer.forward(x)
    if dy is None:
        dy = gradient_like(y)
    try:
        dx = backward(dy)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise AssertionError("backward writes to dy, which others may hold: expected a new array") from error
    seen = "None" if dx is None else "an array"
    assert (dx is None) == (x.dtype.kind != "f"), f"the gradient of a {x.dtype} input must not be {seen}"
    return y, dy, dx


def gradient_like(y: Array) -> Array:
    """Return a random dy that cannot be written to."""
    dy = np.random.default_rng(3).normal(size=y.shape).astype(y.dtype)
    dy.flags.writeable = False
    return dy


def assert_close(seen: Array | None, expected: Array | None, what: str, tolerance: float = 1e-10) -> None:
    """Compare arrays, or two times None; the error is relative to the largest number that is expected."""
    if seen is None or expected is None:
        assert seen is expected, f"{what}: expected {expected}, got {seen}"
        return
    assert seen.shape == expected.shape, f"{what}: expected shape {expected.shape}, got {seen.shape}"
    scale = float(np.abs(expected).max(initial=0.0)) or 1.0
    error = float(np.abs(seen - expected).max(initial=0.0)) / scale
    assert error <= tolerance, f"{what}: relative error {error:.1e}, at most {tolerance:.0e} expected"
