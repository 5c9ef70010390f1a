"""LAMB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule, average, average_square, root


class LAMB(Rule):
    """LAMB: Adam's step, scaled for each parameter to the parameter's size: ``θ ← θ − lr · ‖θ‖ / ‖u‖ · u``.

    ``u = m̂ / (√v̂ + eps) + weight_decay · θ`` with the moments of Adam. The ratio of the norms is 1 where one of them
    is 0. Parameters that are marked ``decay=False`` do not decay.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate, the change of a parameter relative to its norm.
        betas: how much of m and of v is kept at each step.
        eps: added to the denominator.
        weight_decay: how much of the parameter is in u.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2020, Algorithm 2.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> LAMB([p], lr=0.1).step(); p.data.round(6)
    array([0.9])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
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
        gradient = self.gradient(part, options, decayed=False)
        if not state:
            state.update(step=0, exp_avg=xp.zeros_like(part.data), exp_avg_sq=xp.zeros_like(part.data))
        state["step"] += 1
        t, mean, square = state["step"], state["exp_avg"], state["exp_avg_sq"]
        average(part, mean, gradient, beta1)
        average_square(part, square, gradient, beta2)
        step = xp.divide(mean, root(part, square, 1 - beta2**t, options["eps"]), out=gradient)
        step /= 1 - beta1**t
        if options["weight_decay"] and part.decay:
            step += xp.multiply(part.data, options["weight_decay"], out=part.scratch)
        sizes, lengths = self._norms(part, part.data), self._norms(part, step)
        known = (sizes > 0) & (lengths > 0)
        ratios = xp.where(known, sizes, 1) / xp.where(known, lengths, 1)
        step *= xp.repeat(ratios, part.sizes).astype(step.dtype)
        step *= options["lr"]
        part.data -= step

    def _norms(self, part: Segment, values: Any) -> Any:
        """Return the 2-norm of each parameter's part."""
        squares = part.xp.multiply(values, values, out=part.scratch)
        return part.xp.sqrt(part.xp.add.reduceat(squares, part.starts))
