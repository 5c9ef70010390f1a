"""Schedulers whose rate is the base rate times a factor of the step."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from nn_core import ConfigError, Scheduler
from nn_optim.checks import above_zero, at_least_zero, whole


class ConstantLR(Scheduler):
    """``lr = base · factor`` for `total_iters` steps, then ``lr = base``.

    Args:
        optimizer: whose learning rates are set.
        factor: of the first steps.
        total_iters: how many there are.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = ConstantLR(SGD([Parameter([1.0])], lr=0.4), factor=0.5, total_iters=1)
    >>> before = scheduler.lr; scheduler.step(); before, scheduler.lr
    ([0.2], [0.4])
    """

    def __init__(self, optimizer: Any, factor: float = 1 / 3, total_iters: int = 5, *, per: str = "epoch") -> None:
        at_least_zero("ConstantLR", factor=factor)
        whole("ConstantLR", 0, total_iters=total_iters)
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        return base * self.factor if t < self.total_iters else base


class LinearLR(Scheduler):
    """``lr = base · (start_factor + (end_factor − start_factor) · min(t / total_iters, 1))``: a linear warm-up.

    Args:
        optimizer: whose learning rates are set.
        start_factor: of the first step.
        end_factor: of step `total_iters` and all after it.
        total_iters: how many steps lie between them; as many as `fit` takes if it is None.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, for the warm-up.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = LinearLR(SGD([Parameter([1.0])], lr=0.4), start_factor=0.5, total_iters=2)
    >>> scheduler.step(); round(scheduler.lr[0], 6)
    0.3
    """

    def __init__(
        self,
        optimizer: Any,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int | None = 5,
        *,
        per: str = "epoch",
    ) -> None:
        above_zero("LinearLR", start_factor=start_factor)
        at_least_zero("LinearLR", end_factor=end_factor)
        if total_iters is not None:
            whole("LinearLR", 1, total_iters=total_iters)
        self.start_factor, self.end_factor, self.total_iters = start_factor, end_factor, total_iters
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        if t == 0:
            return base * self.start_factor
        share = min(t / self.length(self.total_iters, "total_iters"), 1)
        return base * (self.start_factor + (self.end_factor - self.start_factor) * share)


class StepLR(Scheduler):
    """``lr = base · gamma^⌊t / step_size⌋``.

    Args:
        optimizer: whose learning rates are set.
        step_size: steps from one change to the next.
        gamma: factor of each change.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = StepLR(SGD([Parameter([1.0])], lr=0.5), step_size=2, gamma=0.5)
    >>> [scheduler.step() or scheduler.lr[0] for _ in range(4)]
    [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(self, optimizer: Any, step_size: int, gamma: float = 0.1, *, per: str = "epoch") -> None:
        whole("StepLR", 1, step_size=step_size)
        above_zero("StepLR", gamma=gamma)
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        return base * self.gamma ** (t // self.step_size)


class MultiStepLR(Scheduler):
    """``lr = base · gammaⁿ``, n the number of milestones up to t.

    Args:
        optimizer: whose learning rates are set.
        milestones: the steps at which the rate changes; one that stands there twice counts twice.
        gamma: factor of each change.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = MultiStepLR(SGD([Parameter([1.0])], lr=0.5), milestones=[1, 3], gamma=0.5)
    >>> [scheduler.step() or scheduler.lr[0] for _ in range(4)]
    [0.25, 0.25, 0.125, 0.125]
    """

    def __init__(self, optimizer: Any, milestones: Sequence[int], gamma: float = 0.1, *, per: str = "epoch") -> None:
        if not isinstance(milestones, (list, tuple)):
            raise ConfigError(f"milestones of MultiStepLR must be a list of steps, got {milestones!r}.")
        for milestone in milestones:
            whole("MultiStepLR", 0, milestones=milestone)
        above_zero("MultiStepLR", gamma=gamma)
        self.milestones, self.gamma = sorted(milestones), gamma
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        return base * self.gamma ** bisect_right(self.milestones, t)


class ExponentialLR(Scheduler):
    """``lr = base · gammaᵗ``: a decay by the same factor after each epoch.

    Args:
        optimizer: whose learning rates are set.
        gamma: factor of each step.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = ExponentialLR(SGD([Parameter([1.0])], lr=1.0), gamma=0.5)
    >>> [scheduler.step() or scheduler.lr[0] for _ in range(3)]
    [0.5, 0.25, 0.125]
    """

    def __init__(self, optimizer: Any, gamma: float, *, per: str = "epoch") -> None:
        above_zero("ExponentialLR", gamma=gamma)
        self.gamma = gamma
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        return float(base * self.gamma**t)


class PolynomialLR(Scheduler):
    """``lr = base · (1 − min(t / total_iters, 1))^power``.

    Args:
        optimizer: whose learning rates are set.
        total_iters: steps until the rate is 0; as many as `fit` takes if it is None.
        power: 1 for a line.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = PolynomialLR(SGD([Parameter([1.0])], lr=1.0), total_iters=4, power=2)
    >>> [scheduler.step() or scheduler.lr[0] for _ in range(5)]
    [0.5625, 0.25, 0.0625, 0.0, 0.0]
    """

    def __init__(self, optimizer: Any, total_iters: int | None = 5, power: float = 1.0, *, per: str = "epoch") -> None:
        if total_iters is not None:
            whole("PolynomialLR", 1, total_iters=total_iters)
        at_least_zero("PolynomialLR", power=power)
        self.total_iters, self.power = total_iters, power
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        if t == 0:
            return base
        return float(base * (1 - min(t / self.length(self.total_iters, "total_iters"), 1)) ** self.power)


class LambdaLR(Scheduler):
    """``lr = base · f(t)`` with a function of one's own.

    Args:
        optimizer: whose learning rates are set.
        lr_lambda: the function f of the number of steps.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: `lr_lambda` is no function.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = LambdaLR(SGD([Parameter([1.0])], lr=1.0), lambda t: 1 / (1 + t))
    >>> scheduler.step(); scheduler.lr
    [0.5]
    """

    def __init__(self, optimizer: Any, lr_lambda: Callable[[int], float], *, per: str = "epoch") -> None:
        if not callable(lr_lambda):
            raise ConfigError(f"lr_lambda of LambdaLR must be a function of the step, got {lr_lambda!r}.")
        self.lr_lambda = lr_lambda
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        return base * float(self.lr_lambda(t))
