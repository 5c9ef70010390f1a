"""Lion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule, average


class Lion(Rule):
    """Lion: ``θ ← θ − lr · sign(β₁ m + (1 − β₁) g)``, then ``m ← β₂ m + (1 − β₂) g``.

    Decay is decoupled: ``θ ← (1 − lr · weight_decay) θ`` before the step, except for parameters that are marked
    ``decay=False``. Each step is of length lr in every element, so that lr is three to ten times smaller than Adam's,
    and weight_decay as many times larger.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate, the change of each element per step.
        betas: how much of m counts in the step, and is kept.
        weight_decay: share of the parameter, times lr, that is lost at each step.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Chen et al., "Symbolic discovery of optimization algorithms", 2023, Algorithm 2.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> Lion([p], lr=0.1).step(); p.data
    array([0.9])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            betas=betas,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        (beta1, beta2), xp = options["betas"], part.xp
        self.shrink(part, options)
        gradient = self.gradient(part, options, decayed=False)
        if not state:
            state.update(exp_avg=xp.zeros_like(part.data))
        mean = state["exp_avg"]
        step = xp.subtract(mean, gradient, out=part.scratch)
        step *= beta1
        step += gradient
        xp.sign(step, out=step)
        step *= options["lr"]
        part.data -= step
        average(part, mean, gradient, beta2)
