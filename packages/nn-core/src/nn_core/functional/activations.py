"""Nonlinearities. Where one has a kink, the gradient there is PyTorch's choice."""

from __future__ import annotations

from math import pi, prod, sqrt
from operator import index as whole

from nn_core.backends import backend
from nn_core.errors import ConfigError, ShapeError
from nn_core.functional.arithmetic import BOTH, Needed
from nn_core.functional.special import normal_cdf
from nn_core.operations import float_operation, in_float32, operation, unbroadcast
from nn_core.typing import Array, Backward

SELU_ALPHA = 1.6732632423543772848
SELU_SCALE = 1.0507009873554804934
_SATURATED = 40.0
"""Beyond it the normal density, and 1 − tanh as GELU uses it, are zero; squares of such numbers stay finite."""

# Rectifiers


@operation
def relu(x: Array, /) -> tuple[Array, Backward]:
    """Return ``max(x, 0)``; ``∂x = dy`` where x > 0, else 0."""
    y = backend(x).maximum(x, 0)
    passes = y != 0  # NaN does, too
    return y, lambda dy: dy * passes  # a product: where() would take several times as long


@float_operation
def leaky_relu(x: Array, /, negative_slope: float = 0.01) -> tuple[Array, Backward]:
    """Return x where x > 0, else ``negative_slope · x``; ``∂x = dy`` where x > 0, else ``negative_slope · dy``."""
    xp, slope = backend(x), float(negative_slope)
    positive = x > 0
    return xp.where(positive, x, slope * x), lambda dy: xp.where(positive, dy, slope * dy)


@float_operation
def prelu(x: Array, weight: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return x where x > 0, else ``a x``, with one slope a for all or one for each channel (axis 1).

    Gradients: ``∂x = dy`` where x > 0, else ``a dy``; ``∂a = Σ x dy`` where x ≤ 0.

    Shape:
        x ``(…)``, weight ``(1,)``, or x ``(N, C, …)``, weight ``(C,)`` → y like x.

    Raises:
        ShapeError: there are neither one slope nor as many as channels.
    """
    xp = backend(x)
    size = prod(weight.shape)
    if size != 1 and (x.ndim < 2 or x.shape[1] != size):
        raise ShapeError(f"prelu got {size} slopes for an input of shape {x.shape}: pass one, or one for each channel")
    slope = weight.reshape((-1, *[1] * (x.ndim - 2)) if size != 1 else (1,) * x.ndim)
    positive = x > 0

    def backward(dy: Array) -> tuple[Array | None, Array | None]:
        dx = xp.where(positive, dy, slope * dy) if needed[0] else None
        da = unbroadcast(xp.where(positive, 0, x * dy), slope.shape).reshape(weight.shape) if needed[1] else None
        return dx, da

    return xp.where(positive, x, slope * x), backward


@float_operation
def elu(x: Array, /, alpha: float = 1.0) -> tuple[Array, Backward]:
    """Return x where x > 0, else ``α (eˣ − 1)``; ``∂x = dy`` where x > 0, else ``dy α eˣ``."""
    return _elu(x, float(alpha), 1.0)


@float_operation
def selu(x: Array, /) -> tuple[Array, Backward]:
    """Return ``λ · elu(x, α)`` with λ = 1.0507… and α = 1.6733…, which keep mean 0 and variance 1."""
    return _elu(x, SELU_ALPHA, SELU_SCALE)


def _elu(x: Array, alpha: float, scale: float) -> tuple[Array, Backward]:
    xp = backend(x)
    y = xp.where(x > 0, scale * x, scale * alpha * xp.expm1(xp.minimum(x, 0)))
    return y, lambda dy: dy * xp.where(x > 0, scale, scale * alpha * xp.exp(xp.minimum(x, 0)))


@float_operation
def softplus(x: Array, /, beta: float = 1.0, threshold: float = 20.0) -> tuple[Array, Backward]:
    """Return ``log(1 + exp(β x)) / β``, and x itself where β x > `threshold`; ``∂x = dy σ(β x)``, and dy there."""
    xp, beta = backend(x), float(beta)
    scaled = beta * x
    linear = scaled > threshold
    y = xp.where(linear, x, xp.logaddexp(scaled, 0) / beta)
    return y, lambda dy: dy * xp.where(linear, 1, _logistic(scaled))


# Gates: x times a share that grows from 0 to 1


@float_operation
def gelu(x: Array, /, approximate: str = "none") -> tuple[Array, Backward]:
    """Return ``x Φ(x)``, Φ being the standard normal distribution's; ``∂x = dy (Φ(x) + x φ(x))`` with its density φ.

    With ``approximate="tanh"`` ``½ + ½ tanh(√(2/π) (x + 0.044715 x³))`` takes the place of Φ.

    Raises:
        ConfigError: `approximate` is neither ``none`` nor ``tanh``.
    """
    if approximate == "tanh":
        return _gelu_tanh(x)
    if approximate != "none":
        raise ConfigError(f"approximate of gelu must be one of none, tanh, got {approximate!r}.")
    xp = backend(x)
    share = normal_cdf(x)

    def backward(dy: Array) -> Array:
        z = xp.clip(x, -_SATURATED, _SATURATED)
        dx: Array = dy * (share + z * xp.exp(-0.5 * z * z) * sqrt(0.5 / pi))
        return dx

    return x * share, backward


def _gelu_tanh(x: Array) -> tuple[Array, Backward]:
    """Return gelu with the share ``½ + ½ tanh(u / 2) = σ(u)``."""
    xp = backend(x)
    scale, cubic = 2 * sqrt(2 / pi), 0.044715
    z = xp.clip(x, -_SATURATED, _SATURATED)
    share = _logistic(scale * (z + cubic * z * z * z))

    def backward(dy: Array) -> Array:
        z = xp.clip(x, -_SATURATED, _SATURATED)
        dx: Array = dy * share * (1 + z * (1 - share) * scale * (1 + 3 * cubic * z * z))
        return dx

    return x * share, backward


@float_operation
def silu(x: Array, /) -> tuple[Array, Backward]:
    """Return ``x σ(x)``; ``∂x = dy σ(x) (1 + x (1 − σ(x)))``."""
    share = _logistic(x)
    return x * share, lambda dy: dy * share * (1 + x * (1 - share))


# Sigmoids


@float_operation
def sigmoid(x: Array, /) -> tuple[Array, Backward]:
    """Return ``σ(x) = 1 / (1 + e⁻ˣ)``; ``∂x = dy y (1 − y)``."""
    y = _logistic(x)
    return y, lambda dy: dy * y * (1 - y)


def _logistic(x: Array) -> Array:
    """Return σ(x), computed from ``exp(−|x|)``: nothing overflows, and small values keep all their digits."""
    xp = backend(x)
    decay = xp.exp(-xp.abs(x))
    y: Array = xp.where(x >= 0, 1, decay) / (1 + decay)
    return y


@float_operation
def hard_sigmoid(x: Array, /) -> tuple[Array, Backward]:
    """Return ``x/6 + ½`` limited to [0, 1]; ``∂x = dy / 6`` where |x| < 3, else 0."""
    xp = backend(x)
    sloping = xp.abs(x) < 3
    return xp.clip(x + 3, 0, 6) / 6, lambda dy: xp.where(sloping, dy, 0) / 6


@float_operation
def tanh(x: Array, /) -> tuple[Array, Backward]:
    """Return the hyperbolic tangent; ``∂x = dy (1 − y²)``."""
    y = backend(x).tanh(x)
    return y, lambda dy: dy * (1 - y * y)


# Probabilities


@float_operation
@in_float32
def softmax(x: Array, /, axis: int = -1) -> tuple[Array, Backward]:
    """Return ``yᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)`` along `axis`; ``∂xᵢ = yᵢ (dyᵢ − Σⱼ dyⱼ yⱼ)``.

    Raises:
        ShapeError: x has no such axis.

    >>> softmax([[1000.0, 1000.0], [-1000.0, 1000.0]])
    array([[0.5, 0.5],
           [0. , 1. ]], dtype=float32)
    """
    y = backend(x).exp(_below_its_maximum(x, axis))
    y = y / y.sum(axis, keepdims=True)
    return y, lambda dy: y * (dy - (dy * y).sum(axis, keepdims=True))


@float_operation
@in_float32
def log_softmax(x: Array, /, axis: int = -1) -> tuple[Array, Backward]:
    """Return ``yᵢ = xᵢ − log Σⱼ exp(xⱼ)`` along `axis`; ``∂xᵢ = dyᵢ − exp(yᵢ) Σⱼ dyⱼ``.

    Raises:
        ShapeError: x has no such axis.

    >>> log_softmax([0.0, 1000.0])
    array([-1000.,     0.], dtype=float32)
    """
    xp = backend(x)
    shifted = _below_its_maximum(x, axis)
    y = shifted - xp.log(xp.exp(shifted).sum(axis, keepdims=True)) if x.size else shifted
    return y, lambda dy: dy - xp.exp(y) * dy.sum(axis, keepdims=True)


def _below_its_maximum(x: Array, axis: int) -> Array:
    """Return x less its maximum along `axis`, which changes no softmax and keeps exp from overflowing."""
    if not -max(x.ndim, 1) <= whole(axis) < max(x.ndim, 1):
        raise ShapeError(f"softmax along axis {axis} needs that axis, and got an input of shape {x.shape}")
    shifted: Array = x - x.max(axis, keepdims=True) if x.size else x
    return shifted
