"""The error function, which NumPy does not have, and what the normal distribution needs of it."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from nn_core.backends import backend
from nn_core.operations import float_operation
from nn_core.typing import Array, Backward

Polynomial = tuple[float, ...]

# Cody's quotients of polynomials, the highest power first. The number that divides the three ranges is his, too.
_SMALL = 0.46875
_CENTER: tuple[Polynomial, Polynomial] = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)  # erf(x) / x by x², up to 0.46875
_MIDDLE: tuple[Polynomial, Polynomial] = (
    (
        2.15311535474403846e-8,
        5.64188496988670089e-1,
        8.88314979438837594,
        6.61191906371416295e1,
        2.98635138197400131e2,
        8.81952221241769090e2,
        1.71204761263407058e3,
        2.05107837782607147e3,
        1.23033935479799725e3,
    ),
    (
        1.0,
        1.57449261107098347e1,
        1.17693950891312499e2,
        5.37181101862009858e2,
        1.62138957456669019e3,
        3.29079923573345963e3,
        4.36261909014324716e3,
        3.43936767414372164e3,
        1.23033935480374942e3,
    ),
)  # erfc(x) / exp(−x²) by x, up to 4
_TAIL: tuple[Polynomial, Polynomial] = (
    (
        1.63153871373020978e-2,
        3.05326634961232344e-1,
        3.60344899949804439e-1,
        1.25781726111229246e-1,
        1.60837851487422766e-2,
        6.58749161529837803e-4,
    ),
    (
        1.0,
        2.56852019228982242,
        1.87295284992346047,
        5.27905102951428412e-1,
        6.05183413124413191e-2,
        2.33520497626869185e-3,
    ),
)  # (1/√π − x erfc(x) / exp(−x²)) x² by 1/x², beyond 4
_BEYOND = 28.0
"""erfc is zero from here on, in float64, too."""


@float_operation
def erf(x: Array, /) -> tuple[Array, Backward]:
    """Return the error function, ``2/√π ∫₀ˣ exp(−t²) dt``, to a few units in the last place; ``∂x = dy 2/√π exp(−x²)``.

    Source: Cody, "Rational Chebyshev approximations for the error function", 1969.

    >>> erf([0.0, 0.5, -3.0]).round(6)
    array([ 0.      ,  0.5205  , -0.999978], dtype=float32)
    """
    xp = backend(x)
    size = xp.abs(x)
    y = xp.empty(x.shape, xp.result_type(x, 0.0))
    small = size <= _SMALL
    y[small] = _erf_near_zero(x[small])
    far = ~small
    y[far] = xp.sign(x[far]) * (1 - _erfc(size[far]))

    def backward(dy: Array) -> Array:
        dx: Array = dy * (2 / sqrt(pi)) * xp.exp(-(xp.minimum(xp.abs(x), _BEYOND) ** 2))
        return dx

    return y, backward


def normal_cdf(x: Array) -> Array:
    """Return ``Φ(x) = ½ erfc(−x/√2)``, the standard normal distribution's, to all digits in the lower tail, too.

    >>> import numpy as np
    >>> normal_cdf(np.array([-10.0, 0.0, 1.0]))
    array([7.61985302e-24, 5.00000000e-01, 8.41344746e-01])
    """
    xp = backend(x)
    z = x * sqrt(1 / 2)
    size = xp.abs(z)
    y: Array = xp.empty(z.shape, z.dtype)
    small = size <= _SMALL
    y[small] = 0.5 + 0.5 * _erf_near_zero(z[small])
    far = ~small
    tail = 0.5 * _erfc(size[far])
    y[far] = xp.where(z[far] > 0, 1 - tail, tail)
    return y


def _erf_near_zero(x: Array) -> Array:
    y: Array = x * _quotient(x * x, _CENTER)
    return y


def _erfc(x: Array) -> Array:
    """Return ``1 − erf(x)`` for a vector of x beyond 0.46875, or NaN."""
    xp = backend(x)
    x = xp.minimum(x, _BEYOND)
    y: Array = xp.empty(x.shape, x.dtype)
    middle = x <= 4
    y[middle] = _quotient(x[middle], _MIDDLE)
    beyond = x[~middle]
    y[~middle] = (sqrt(1 / pi) - _quotient(1 / beyond**2, _TAIL) / beyond**2) / beyond
    # exp(−x²) in two factors, of which the first has an exact argument: rounding x² would cost digits.
    rounded = xp.trunc(16 * x) / 16
    y *= xp.exp(-rounded * rounded) * xp.exp(-(x - rounded) * (x + rounded))
    return y


def _quotient(x: Array, polynomials: tuple[Polynomial, Polynomial]) -> Any:
    """Return the quotient of two polynomials by Horner's rule."""
    above, below = polynomials
    p: Any = above[0]
    q: Any = below[0]
    for a, b in zip(above[1:], below[1:], strict=True):
        p, q = p * x + a, q * x + b
    return p / q
