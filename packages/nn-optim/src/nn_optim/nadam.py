"""Adam with Nesterov momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule, average, average_square, root


class NAdam(Rule):
    """Adam that looks ahead along its momentum: ``θ ← θ − lr · m̄ / (√v̂ + eps)``.

    ``m̄ = (1 − μₜ) / (1 − Πμ) g + μₜ₊₁ / (1 − Πμ · μₜ₊₁) m``, with ``μₜ = β₁ (1 − ½ · 0.96^(t · momentum_decay))``,
    their product Πμ up to t, and the moments m and ``v̂ = v / (1 − β₂ᵗ)`` of Adam. With weight decay,
    ``g + weight_decay · θ`` takes the place of g (L2 regularization), except for parameters that are marked
    ``decay=False``; with `decoupled_weight_decay` it is instead ``θ ← (1 − lr · weight_decay) θ`` before the step.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate.
        betas: how much of m and of v is kept at each step.
        eps: added to the denominator.
        weight_decay: strength of the L2 regularization.
        momentum_decay: how fast the momentum approaches β₁.
        decoupled_weight_decay: whether decay is decoupled, as in AdamW.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> NAdam([p], lr=0.1).step(); p.data.round(4)
    array([0.8944])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
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
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        (beta1, beta2), xp, decoupled = options["betas"], part.xp, options["decoupled_weight_decay"]
        if decoupled:
            self.shrink(part, options)
        gradient = self.gradient(part, options, decayed=not decoupled)
        if not state:
            state.update(step=0, mu_product=1.0, exp_avg=xp.zeros_like(part.data), exp_avg_sq=xp.zeros_like(part.data))
        state["step"] += 1
        t, mean, square = state["step"], state["exp_avg"], state["exp_avg_sq"]
        mu, ahead = (beta1 * (1 - 0.5 * 0.96 ** (n * options["momentum_decay"])) for n in (t, t + 1))
        state["mu_product"] *= mu
        average(part, mean, gradient, beta1)
        average_square(part, square, gradient, beta2)
        gradient *= (1 - mu) / (1 - state["mu_product"])
        gradient += xp.multiply(mean, ahead / (1 - state["mu_product"] * ahead), out=part.scratch)
        gradient /= root(part, square, 1 - beta2**t, options["eps"])
        gradient *= options["lr"]
        part.data -= gradient
