"""Arithmetic of two arrays, which are broadcast against each other as in NumPy."""

from __future__ import annotations

from numbers import Real
from typing import Any

from nn_core.backends import backend
from nn_core.dtypes import default_dtype
from nn_core.operations import float_operation, operation, unbroadcast
from nn_core.typing import Array, Backward

Needed = tuple[bool, ...]
BOTH = (True, True)
Gradients = tuple[Array | None, Array | None]


@operation
def add(a: Array, b: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return ``a + b``; ``∂a = dy``, ``∂b = dy``."""

    def backward(dy: Array) -> Gradients:
        return unbroadcast(dy, a.shape) if needed[0] else None, unbroadcast(dy, b.shape) if needed[1] else None

    return a + b, backward


@operation
def subtract(a: Array, b: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return ``a − b``; ``∂a = dy``, ``∂b = −dy``."""

    def backward(dy: Array) -> Gradients:
        return unbroadcast(dy, a.shape) if needed[0] else None, unbroadcast(-dy, b.shape) if needed[1] else None

    return a - b, backward


@operation
def multiply(a: Array, b: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return ``a b``; ``∂a = dy b``, ``∂b = dy a``."""

    def backward(dy: Array) -> Gradients:
        return unbroadcast(dy * b, a.shape) if needed[0] else None, unbroadcast(dy * a, b.shape) if needed[1] else None

    return a * b, backward


@float_operation
def divide(a: Array, b: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return ``a / b``; ``∂a = dy / b``, ``∂b = −dy a / b²``."""

    def backward(dy: Array) -> Gradients:
        da = dy / b
        return unbroadcast(da, a.shape) if needed[0] else None, unbroadcast(-da * y, b.shape) if needed[1] else None

    y = a / b
    return y, backward


def power(a: Any, b: Any) -> Any:
    """Return ``aᵇ``; ``∂a = dy b aᵇ⁻¹``, ``∂b = dy aᵇ log a`` (0 where a = 0)."""
    if not isinstance(b, Real):
        return power_pair(a, b)
    exponent = float(b)
    whole = exponent.is_integer() and abs(exponent) < 2**31  # what int64 has room for
    return power_of(a, int(exponent) if whole else exponent)


@operation
def power_of(a: Array, /, exponent: float) -> tuple[Array, Backward]:
    """Return ``aᵖ`` for a number p; ``∂a = dy p aᵖ⁻¹``, and 0 for p = 0."""
    if isinstance(exponent, float) and a.dtype.kind != "f":
        a = a.astype(default_dtype())
    xp = backend(a)
    return a**exponent, lambda dy: dy * (exponent * a ** (exponent - 1)) if exponent else xp.zeros_like(dy)


@operation
def power_pair(a: Array, b: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return ``aᵇ`` for arrays."""
    xp = backend(a)
    y = a**b

    def backward(dy: Array) -> Gradients:
        da = db = None
        if needed[0]:
            da = unbroadcast(xp.where(b == 0, 0, dy) * b * a ** xp.where(b == 0, xp.ones_like(b), b - 1), a.shape)
        if needed[1]:
            db = unbroadcast(dy * y * xp.log(xp.where(a == 0, xp.ones_like(a), a)), b.shape)
        return da, db

    return y, backward


@operation
def maximum(a: Array, b: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return the larger of a and b; dy goes to it, half to each where they are equal, all to both where one is NaN."""
    return backend(a).maximum(a, b), _to_the_chosen(a, b, needed, a < b, a > b)


@operation
def minimum(a: Array, b: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return the smaller of a and b; dy goes to it, half to each where they are equal, all to both where one is NaN."""
    return backend(a).minimum(a, b), _to_the_chosen(a, b, needed, a > b, a < b)


def _to_the_chosen(a: Array, b: Array, needed: Needed, not_a: Array, not_b: Array) -> Backward:
    xp = backend(a)

    def backward(dy: Array) -> Gradients:
        shared = xp.where(a == b, dy / 2, dy)
        da = unbroadcast(xp.where(not_a, 0, shared), a.shape) if needed[0] else None
        db = unbroadcast(xp.where(not_b, 0, shared), b.shape) if needed[1] else None
        return da, db

    return backward


@operation
def where(condition: Array, a: Array, b: Array, /, *, needed: Needed = (False, True, True)) -> tuple[Array, Backward]:
    """Return a where `condition` is true and b elsewhere; dy goes to the one that was taken."""
    xp = backend(condition)

    def backward(dy: Array) -> tuple[None, Array | None, Array | None]:
        da = unbroadcast(xp.where(condition, dy, 0), a.shape) if needed[1] else None
        db = unbroadcast(xp.where(condition, 0, dy), b.shape) if needed[2] else None
        return None, da, db

    return xp.where(condition, a, b), backward


@operation
def negative(a: Array, /) -> tuple[Array, Backward]:
    """Return ``−a``; ``∂a = −dy``."""
    return -a, lambda dy: -dy


def comparison(compare: str) -> Any:
    """Return an operation that compares element by element; truth values have no gradient."""

    def forward(a: Array, b: Array, /) -> tuple[Array, Backward]:
        return getattr(backend(a), compare)(a, b), lambda dy: (None, None)

    forward.__name__ = forward.__qualname__ = compare
    forward.__doc__ = f"Return whether elements of a are {compare.replace('_', ' or ')} than or to those of b."
    return operation(forward)


equal = comparison("equal")
not_equal = comparison("not_equal")
less = comparison("less")
less_equal = comparison("less_equal")
greater = comparison("greater")
greater_equal = comparison("greater_equal")
