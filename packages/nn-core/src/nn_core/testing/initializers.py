"""The checks of an initializer. Each takes a case and raises AssertionError with what was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen

from nn_core import random
from nn_core.dtypes import default_dtype, set_default_dtype
from nn_core.typing import Shape


@frozen
class InitializerCase:
    """An initializer.

    Args:
        name: shown in the test's ID.
        function: ``(shape, rng) → array``.
        shapes: that it must be able to fill.
    """

    name: str
    function: Callable[..., Any]
    shapes: tuple[Shape, ...] = ((4, 3), (6, 2, 3, 3), (5, 5))


def check_shape(case: InitializerCase) -> None:
    """The array has the shape that was asked for, finite numbers, and may be written to."""
    for shape in case.shapes:
        array = case.function(shape, np.random.default_rng(0))
        assert array.shape == shape, f"expected an array of shape {shape}, got {array.shape}"
        assert np.isfinite(array).all(), f"the array of shape {shape} has numbers that are not finite"
        assert array.flags.writeable, "the array cannot be written to, and a parameter has to be"


def check_dtype(case: InitializerCase) -> None:
    """The array has the default dtype."""
    before = default_dtype()
    try:
        for dtype in ("float32", "float64"):
            set_default_dtype(dtype)
            seen = case.function(case.shapes[0], np.random.default_rng(0)).dtype
            assert seen == dtype, f"expected an array of the default dtype {dtype}, got {seen}"
    finally:
        set_default_dtype(before)


def check_generator(case: InitializerCase) -> None:
    """All that is random comes from the generator that is given, and from the default one if none is."""
    for shape in case.shapes:
        one, two = (case.function(shape, np.random.default_rng(1)) for _ in range(2))
        assert np.array_equal(one, two), "the same generator gives other numbers (is another one used?)"
        arrays = []
        for _ in range(2):
            random.seed(3)
            arrays.append(case.function(shape, None))
        assert np.array_equal(*arrays), "without a generator the numbers do not follow from nn_core.seed"


def check_independence(case: InitializerCase) -> None:
    """Every call returns an array of its own."""
    one, two = (case.function(case.shapes[0], np.random.default_rng(1)) for _ in range(2))
    assert not np.shares_memory(one, two), "two calls returned the same memory, so that two parameters would be one"


INITIALIZER_CHECKS: dict[str, Callable[[InitializerCase], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
