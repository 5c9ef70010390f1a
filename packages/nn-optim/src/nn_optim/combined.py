"""Schedulers made of others."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from nn_core import ConfigError, Scheduler, build
from nn_core.errors import ModelFileError
from nn_optim.checks import whole


class Combined(Scheduler):
    """Several schedulers over one optimizer, whose rates follow from the base rate that they share.

    Args:
        optimizer: whose learning rates are set.
        schedulers: schedulers over this optimizer, or their names or configurations.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: there are none, one is over another optimizer, or one is not a function of the step alone.
    """

    def __init__(self, optimizer: Any, schedulers: Sequence[Any], *, per: str = "epoch") -> None:
        name = type(self).__name__
        groups = getattr(optimizer, "param_groups", [])
        first = [group.get("lr") for group in groups]
        if isinstance(schedulers, (str, Mapping)) or not isinstance(schedulers, Sequence) or not schedulers:
            raise ConfigError(f"schedulers of {name} must be a list of schedulers, got {schedulers!r}.")
        self.schedulers: list[Scheduler] = []
        for choice in schedulers:
            for group, rate in zip(groups, first, strict=True):
                group["lr"] = rate
            is_name = isinstance(choice, (str, Mapping))
            self.schedulers.append(build("scheduler", choice, optimizer) if is_name else choice)
        for scheduler in self.schedulers:
            if not isinstance(scheduler, Scheduler) or type(scheduler).apply is not Scheduler.apply:
                raise ConfigError(
                    f"{name} takes schedulers whose rate is a function of the step alone, got {scheduler!r}."
                )
            if scheduler.optimizer is not optimizer:
                raise ConfigError(f"A scheduler of {name} is over another optimizer than the one it was given.")
        for group, base in zip(groups, self.schedulers[0].base, strict=True):
            group["lr"] = base
        super().__init__(optimizer, per=per)

    def plan(self, steps: int | None) -> None:
        for scheduler in self.schedulers:
            scheduler.planned = steps
        super().plan(steps)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping) or "t" not in state:
            raise ModelFileError(f"A state of {type(self).__name__} has 't' and 'base', got {state!r:.60}.")
        super().load_state_dict(state)


class ChainedScheduler(Combined):
    """All at once: each takes the rate that the one before it gives for its base rate.

    Args:
        optimizer: whose learning rates are set.
        schedulers: schedulers over this optimizer, or their names or configurations.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: there are none, one is over another optimizer, or one is not a function of the step alone.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD, ExponentialLR, LinearLR
    >>> optimizer = SGD([Parameter([1.0])], lr=1.0)
    >>> parts = [{"type": "linear_lr", "start_factor": 0.5, "total_iters": 2}, {"type": "exponential_lr", "gamma": 0.5}]
    >>> scheduler = ChainedScheduler(optimizer, parts)
    >>> [scheduler.step() or scheduler.lr[0] for _ in range(3)]
    [0.375, 0.25, 0.125]
    """

    def rate(self, base: float, t: int) -> float:
        for scheduler in self.schedulers:
            base = scheduler.rate(base, t)
        return base


class SequentialLR(Combined):
    """One after the other: each from its milestone on, where its steps begin with 0.

    Args:
        optimizer: whose learning rates are set.
        schedulers: schedulers over this optimizer, or their names or configurations.
        milestones: the steps at which the second and those after it take over.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: as for all that are made of others, or the milestones do not grow or are too few or too many.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> optimizer = SGD([Parameter([1.0])], lr=1.0)
    >>> parts = [{"type": "constant_lr", "factor": 0.1}, {"type": "exponential_lr", "gamma": 0.5}]
    >>> scheduler = SequentialLR(optimizer, parts, milestones=[2])
    >>> [scheduler.step() or scheduler.lr[0] for _ in range(4)]
    [0.1, 1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Any, schedulers: Sequence[Any], milestones: Sequence[int], *, per: str = "epoch"
    ) -> None:
        if not isinstance(milestones, (list, tuple)) or len(milestones) != len(schedulers) - 1:
            raise ConfigError(
                f"milestones of SequentialLR must be a list of {len(schedulers) - 1} steps, one for each scheduler "
                f"but the first, got {milestones!r}."
            )
        for milestone in milestones:
            whole("SequentialLR", 1, milestones=milestone)
        if sorted({*milestones}) != list(milestones):
            raise ConfigError(f"milestones of SequentialLR must grow from one to the next, got {milestones!r}.")
        self.milestones = list(milestones)
        super().__init__(optimizer, schedulers, per=per)

    def rate(self, base: float, t: int) -> float:
        i = bisect_right(self.milestones, t)
        return self.schedulers[i].rate(base, t - (self.milestones[i - 1] if i else 0))
