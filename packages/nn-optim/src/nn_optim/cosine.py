"""Schedulers that follow a cosine."""

from __future__ import annotations

from math import cos, pi
from typing import Any

from nn_core import Scheduler
from nn_optim.checks import at_least_zero, whole


class CosineAnnealingLR(Scheduler):
    """``lr = eta_min + ½ (base − eta_min) (1 + cos(π t / T_max))``.

    Args:
        optimizer: whose learning rates are set.
        T_max: steps until the rate is `eta_min`, after which it rises again; as many as `fit` takes if left out.
        eta_min: the lowest rate.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, without restarts.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = CosineAnnealingLR(SGD([Parameter([1.0])], lr=1.0), T_max=2)
    >>> [scheduler.step() or round(scheduler.lr[0], 6) for _ in range(2)]
    [0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Any,
        T_max: int | None = None,
        eta_min: float = 0.0,
        *,
        per: str = "epoch",
    ) -> None:
        if T_max is not None:
            whole("CosineAnnealingLR", 1, T_max=T_max)
        at_least_zero("CosineAnnealingLR", eta_min=eta_min)
        self.T_max, self.eta_min = T_max, eta_min
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        if t == 0:
            return base
        return self.eta_min + (base - self.eta_min) * (1 + cos(pi * t / self.length(self.T_max, "T_max"))) / 2


class CosineAnnealingWarmRestarts(Scheduler):
    """``lr = eta_min + ½ (base − eta_min) (1 + cos(π t′ / T))``, begun anew after T steps, with ``T ← T · T_mult``.

    Args:
        optimizer: whose learning rates are set.
        T_0: steps of the first cycle.
        T_mult: how many times longer each cycle is than the one before.
        eta_min: the lowest rate.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = CosineAnnealingWarmRestarts(SGD([Parameter([1.0])], lr=1.0), T_0=2)
    >>> [scheduler.step() or round(scheduler.lr[0], 6) for _ in range(4)]
    [0.5, 1.0, 0.5, 1.0]
    """

    def __init__(
        self,
        optimizer: Any,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        *,
        per: str = "epoch",
    ) -> None:
        whole("CosineAnnealingWarmRestarts", 1, T_0=T_0, T_mult=T_mult)
        at_least_zero("CosineAnnealingWarmRestarts", eta_min=eta_min)
        self.T_0, self.T_mult, self.eta_min = T_0, T_mult, eta_min
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        length = self.T_0
        while t >= length and self.T_mult > 1:
            t -= length
            length *= self.T_mult
        return self.eta_min + (base - self.eta_min) * (1 + cos(pi * (t % length) / length)) / 2
