"""Adam."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Any

from nn_core import ConfigError, Optimizer, Tensor
from nn_core.backends import backend
from nn_optim.checks import at_least_zero, share


class Adam(Optimizer):
    """Adam: ``θ ← θ − lr · m̂ / (√v̂ + eps)`` with running moments m of g and v of g².

    ``m ← β₁ m + (1 − β₁) g``, ``v ← β₂ v + (1 − β₂) g²``, ``m̂ = m / (1 − β₁ᵗ)``, ``v̂ = v / (1 − β₂ᵗ)`` at step t.
    With weight decay, ``g + weight_decay · θ`` takes the place of g (L2 regularization), except for parameters that are
    marked ``decay=False``.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate, about the largest change of a parameter per step.
        betas: how much of m and of v is kept at each step.
        eps: added to the denominator.
        weight_decay: strength of the L2 regularization.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, Algorithm 1.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> Adam([p], lr=0.1).step(); p.data.round(6)
    array([0.9])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)
        for group in self.param_groups:
            at_least_zero("Adam", **{name: group[name] for name in ("lr", "eps", "weight_decay")})
            if not isinstance(group["betas"], (tuple, list)) or len(group["betas"]) != 2:
                raise ConfigError(f"betas of Adam must be a pair of numbers, got {group['betas']!r}.")
            share("Adam", **{f"betas[{i}]": beta for i, beta in enumerate(group["betas"])})

    def update(self, parameter: Tensor, state: dict[str, Any], **options: Any) -> None:
        xp = backend(parameter.data)
        (beta1, beta2), gradient = options["betas"], parameter.grad
        if options["weight_decay"] and parameter.decay:
            gradient = gradient + options["weight_decay"] * parameter.data
        if not state:
            state.update(step=0, exp_avg=xp.zeros_like(parameter.data), exp_avg_sq=xp.zeros_like(parameter.data))
        state["step"] += 1
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean *= beta1
        mean += (1 - beta1) * gradient
        square *= beta2
        square += (1 - beta2) * gradient * gradient

        correction1, correction2 = 1 - beta1 ** state["step"], 1 - beta2 ** state["step"]
        denominator = xp.sqrt(square)
        denominator /= sqrt(correction2)
        denominator += options["eps"]
        parameter.data -= options["lr"] / correction1 * mean / denominator
