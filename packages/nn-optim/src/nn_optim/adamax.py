"""Adam with the largest gradient in the place of the second moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule, average


class Adamax(Rule):
    """Adam with the infinity norm: ``θ ← θ − lr / (1 − β₁ᵗ) · m / u``.

    ``m ← β₁ m + (1 − β₁) g``, ``u ← max(β₂ u, |g| + eps)``. With weight decay, ``g + weight_decay · θ`` takes the place
    of g (L2 regularization), except for parameters that are marked ``decay=False``.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate.
        betas: how much of m and of u is kept at each step.
        eps: added to |g|.
        weight_decay: strength of the L2 regularization.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, Algorithm 2.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> Adamax([p], lr=0.1).step(); p.data.round(6)
    array([0.9])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        (beta1, beta2), xp = options["betas"], part.xp
        gradient = self.gradient(part, options)
        if not state:
            state.update(step=0, exp_avg=xp.zeros_like(part.data), exp_inf=xp.zeros_like(part.data))
        state["step"] += 1
        mean, largest = state["exp_avg"], state["exp_inf"]
        average(part, mean, gradient, beta1)
        size = xp.abs(gradient, out=part.scratch)
        size += options["eps"]
        largest *= beta2
        xp.maximum(largest, size, out=largest)
        step = xp.divide(mean, largest, out=part.scratch)
        step *= options["lr"] / (1 - beta1 ** state["step"])
        part.data -= step
