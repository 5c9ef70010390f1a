"""Adam with a rectified variance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule, average, average_square, root


class RAdam(Rule):
    """Adam that waits until it knows the variance: ``θ ← θ − lr · rₜ m̂ / (√v̂ + eps)``.

    While ``ρₜ ≤ 5`` it is ``θ ← θ − lr · m̂``. ``rₜ = √((ρₜ − 4)(ρₜ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρₜ))`` with
    ``ρ∞ = 2 / (1 − β₂) − 1`` and ``ρₜ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ)``; the rest as in Adam. With weight decay,
    ``g + weight_decay · θ`` takes the place of g (L2 regularization), except for parameters that are marked
    ``decay=False``; with `decoupled_weight_decay` it is instead ``θ ← (1 − lr · weight_decay) θ`` before the step.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate.
        betas: how much of m and of v is kept at each step.
        eps: added to the denominator, √v.
        weight_decay: strength of the L2 regularization.
        decoupled_weight_decay: whether decay is decoupled, as in AdamW.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Liu et al., "On the variance of the adaptive learning rate and beyond", 2020, Algorithm 2.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> RAdam([p], lr=0.1).step(); p.data
    array([0.95])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        (beta1, beta2), xp, decoupled = options["betas"], part.xp, options["decoupled_weight_decay"]
        if decoupled:
            self.shrink(part, options)
        gradient = self.gradient(part, options, decayed=not decoupled)
        if not state:
            state.update(step=0, exp_avg=xp.zeros_like(part.data), exp_avg_sq=xp.zeros_like(part.data))
        state["step"] += 1
        t, mean, square = state["step"], state["exp_avg"], state["exp_avg_sq"]
        average(part, mean, gradient, beta1)
        average_square(part, square, gradient, beta2)
        rate = options["lr"] / (1 - beta1**t)
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * t * beta2**t / (1 - beta2**t)  # of the average that v is, in samples
        if length > 5:
            rectified = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
            # As PyTorch has it, eps is added before the correction: √v / √(1 − β₂ᵗ) + eps would be Adam's.
            step = xp.divide(mean, root(part, square, 1.0, options["eps"]), out=part.scratch)
            step *= rate * sqrt(rectified * (1 - beta2**t))
        else:
            step = xp.multiply(mean, rate, out=part.scratch)
        part.data -= step
