"""Gradients against finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nn_core.typing import Array


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
    originals = [array.copy() for array in arrays]
    values = []
    for sign in (1, -1):
        for array, original, direction in zip(arrays, originals, directions, strict=True):
            array[...] = original + sign * step * direction
        values.append(value())
    for array, original in zip(arrays, originals, strict=True):
        array[...] = original
    numeric = (values[0] - values[1]) / (2 * step)
    claimed = float(sum((g * d).sum() for g, d in zip(gradients, directions, strict=True)))
    # Rounding leaves about 1e-9 in the difference, which must not count as an error of a derivative that is zero.
    return abs(numeric - claimed) / max(abs(numeric), abs(claimed), 1e-3), numeric, claimed
