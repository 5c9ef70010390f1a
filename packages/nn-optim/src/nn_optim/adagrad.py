"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule, root


class Adagrad(Rule):
    """Adagrad: ``θ ← θ − lr / (1 + (t − 1) lr_decay) · g / (√s + eps)`` with the sum s of all g² so far.

    With weight decay, ``g + weight_decay · θ`` takes the place of g (L2 regularization), except for parameters that are
    marked ``decay=False``.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate.
        lr_decay: how fast the learning rate falls.
        weight_decay: strength of the L2 regularization.
        initial_accumulator_value: first value of s.
        eps: added to the root.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    2011.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> Adagrad([p], lr=0.1).step(); p.data.round(6)
    array([0.9])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        xp = part.xp
        gradient = self.gradient(part, options)
        if not state:
            state.update(step=0, sum=xp.full_like(part.data, options["initial_accumulator_value"]))
        state["step"] += 1
        state["sum"] += xp.multiply(gradient, gradient, out=part.scratch)
        gradient /= root(part, state["sum"], 1.0, options["eps"])
        gradient *= options["lr"] / (1 + (state["step"] - 1) * options["lr_decay"])
        part.data -= gradient
