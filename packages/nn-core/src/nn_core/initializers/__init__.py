"""How parameters get their first values: functions ``(shape, rng=None, **options) -> array`` of the default dtype."""

from nn_core.initializers.choice import InitChoice, draw, initializer, known_initializer
from nn_core.initializers.distributions import (
    conservative,
    constant,
    normal,
    ones,
    truncated_normal,
    uniform,
    zeros,
)
from nn_core.initializers.gains import calculate_gain, fans
from nn_core.initializers.matrices import identity, orthogonal
from nn_core.initializers.scaled import (
    bias_like,
    kaiming_normal,
    kaiming_uniform,
    torch_linear,
    xavier_normal,
    xavier_uniform,
)

__all__ = [
    "InitChoice",
    "bias_like",
    "calculate_gain",
    "conservative",
    "constant",
    "draw",
    "fans",
    "identity",
    "initializer",
    "kaiming_normal",
    "kaiming_uniform",
    "known_initializer",
    "normal",
    "ones",
    "orthogonal",
    "torch_linear",
    "truncated_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
