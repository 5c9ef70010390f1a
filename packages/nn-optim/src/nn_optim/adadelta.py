"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule, average_square


class Adadelta(Rule):
    """Adadelta: ``θ ← θ − lr · Δ`` with ``Δ = √(u + eps) / √(v + eps) · g``, which has the unit of θ.

    ``v ← rho · v + (1 − rho) g²`` before the step, ``u ← rho · u + (1 − rho) Δ²`` after it. With weight decay,
    ``g + weight_decay · θ`` takes the place of g (L2 regularization), except for parameters that are marked
    ``decay=False``.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: factor of the step.
        rho: how much of u and v is kept at each step.
        eps: added under both roots.
        weight_decay: strength of the L2 regularization.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> Adadelta([p], lr=1.0).step(); p.data.round(5)
    array([0.99684])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            rho=rho,
            eps=eps,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        xp, rho, eps = part.xp, options["rho"], options["eps"]
        gradient = self.gradient(part, options)
        if not state:
            state.update(step=0, square_avg=xp.zeros_like(part.data), acc_delta=xp.zeros_like(part.data))
        state["step"] += 1
        square, moved = state["square_avg"], state["acc_delta"]
        average_square(part, square, gradient, rho)
        for mean, apply in ((moved, xp.multiply), (square, xp.divide)):
            size = xp.add(mean, eps, out=part.scratch)
            apply(gradient, xp.sqrt(size, out=size), out=gradient)
        average_square(part, moved, gradient, rho)
        gradient *= options["lr"]
        part.data -= gradient
