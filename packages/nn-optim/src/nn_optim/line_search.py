"""Line search: a step along a direction after which the value is lower and the slope flatter.

Source: Nocedal and Wright, "Numerical optimization", 2006, Algorithms 3.5 and 3.6, with the bounds on the steps of
Schmidt's minFunc, which PyTorch has taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, NamedTuple

ENOUGH_DECREASE, FLAT_ENOUGH = 1e-4, 0.9
"""c₁ and c₂ of the Wolfe conditions."""


class Point(NamedTuple):
    """A place along the direction: how far it is, and value, gradient and slope there."""

    t: float
    value: float
    gradient: Any
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, t: float, *, width: float, tolerance: float, most: int = 25
) -> tuple[Point, int]:
    """Return a point that meets the strong Wolfe conditions, or the best one found, and how often it was evaluated.

    ``f(t) ≤ f(0) + c₁ t f′(0)`` and ``|f′(t)| ≤ c₂ |f′(0)|``.

    Args:
        evaluate: returns the point at a distance.
        start: the point at 0, where the slope is negative.
        t: the first distance to try.
        width: the largest element of the direction.
        tolerance: the search ends where no element would change by more than this.
        most: evaluations at most, after the first one.
    """

    def too_high(point: Point) -> bool:
        return point.value > start.value + ENOUGH_DECREASE * point.t * start.slope

    def flat(point: Point) -> bool:
        return abs(point.slope) <= -FLAT_ENOUGH * start.slope

    before, here = start, evaluate(t)
    tried = 0
    while tried < most:  # go on until there is a minimum between two points
        if too_high(here) or (tried > 1 and here.value >= before.value):
            break
        if flat(here):
            return here, tried + 1
        if here.slope >= 0:
            break
        further = here.t + 0.01 * (here.t - before.t), here.t * 10
        before, here = here, evaluate(lowest(before, here, further))
        tried += 1
    else:
        before = start

    ends, stuck = [before, here], False
    while tried < most and abs(ends[1].t - ends[0].t) * width >= tolerance:  # draw the two points together
        low, high = (0, 1) if ends[0].value <= ends[1].value else (1, 0)
        left, right = sorted(end.t for end in ends)
        t = lowest(ends[0], ends[1], (left, right))
        margin = 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (stuck or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            close = False
        stuck = close
        here = evaluate(t)
        tried += 1
        if too_high(here) or here.value >= ends[low].value:
            ends[high] = here
            continue
        if flat(here):
            return here, tried + 1
        if here.slope * (ends[high].t - ends[low].t) >= 0:
            ends[high] = ends[low]
        ends[low] = here
    return min(ends, key=lambda end: end.value), tried + 1


def lowest(one: Point, other: Point, bounds: tuple[float, float]) -> float:
    """Return where the cubic through two points with their slopes is lowest, or the middle of the bounds.

    Source: Nocedal and Wright, equation 3.59.
    """
    left, right = (one, other) if one.t <= other.t else (other, one)
    bend = left.slope + right.slope - 3 * (left.value - right.value) / (left.t - right.t)
    square = bend**2 - left.slope * right.slope
    if square < 0:
        return (bounds[0] + bounds[1]) / 2
    root = sqrt(square)
    t = right.t - (right.t - left.t) * ((right.slope + root - bend) / (right.slope - left.slope + 2 * root))
    return min(max(t, bounds[0]), bounds[1])
