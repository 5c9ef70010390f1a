"""Schedulers that raise the learning rate and lower it again, and the momentum the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, floor, pi
from typing import Any, ClassVar

from nn_core import ConfigError, Scheduler
from nn_optim.checks import above_zero, flag, one_of, share, whole


class Cycle(Scheduler):
    """A scheduler that sets a momentum, too: that of SGD, or the first of Adam's betas."""

    cycle_momentum: bool

    def momentum(self, t: int) -> float:
        raise TypeError(f"{type(self).__name__} must define momentum(t).")

    def apply(self) -> None:
        super().apply()
        if self.cycle_momentum:
            for group in self.optimizer.param_groups:
                if "betas" in group:
                    group["betas"] = (self.momentum(self.t), *group["betas"][1:])
                else:
                    group["momentum"] = self.momentum(self.t)

    def check_momentum(self, optimizer: Any) -> None:
        """Refuse an optimizer without momentum."""
        groups = getattr(optimizer, "param_groups", [])
        if self.cycle_momentum and not all("betas" in group or group.get("momentum") for group in groups):
            raise ConfigError(
                f"{type(self).__name__} cycles the momentum, and {type(optimizer).__name__} has none: give the "
                f"optimizer momentum, or the scheduler cycle_momentum=False."
            )


class OneCycleLR(Cycle):
    """From ``max_lr / div_factor`` up to max_lr and down to ``max_lr / (div_factor · final_div_factor)``.

    Meanwhile the momentum goes from `max_momentum` down to `base_momentum` and back.

    Args:
        optimizer: whose learning rates are set; what they were does not matter.
        max_lr: the highest rate, or one for each parameter group.
        total_steps: steps of the whole cycle; as many as `fit` takes if left out.
        pct_start: share of the steps in which the rate rises.
        anneal_strategy: ``"cos"`` or ``"linear"``.
        cycle_momentum: whether the momentum moves, too.
        base_momentum: the lowest momentum.
        max_momentum: the highest momentum.
        div_factor: the highest rate over the first.
        final_div_factor: the first rate over the last.
        three_phase: whether the rate falls to the first one as long as it rose, and only then to the last.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range, or the optimizer has no momentum to cycle.

    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2018; the two phases are fastai's.

    >>> from nn_core import Parameter
    >>> from nn_optim import Adam
    >>> scheduler = OneCycleLR(Adam([Parameter([1.0])]), max_lr=1.0, total_steps=10, anneal_strategy="linear")
    >>> [scheduler.step() or round(scheduler.lr[0], 3) for _ in range(9)]
    [0.52, 1.0, 0.857, 0.714, 0.571, 0.429, 0.286, 0.143, 0.0]
    """

    def __init__(
        self,
        optimizer: Any,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float = 0.85,
        max_momentum: float = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        *,
        per: str = "batch",
    ) -> None:
        peaks = _for_each_group(self, "max_lr", max_lr, optimizer)
        if total_steps is not None:
            whole("OneCycleLR", 1, total_steps=total_steps)
        share("OneCycleLR", pct_start=pct_start, base_momentum=base_momentum, max_momentum=max_momentum)
        one_of("OneCycleLR", ("cos", "linear"), anneal_strategy=anneal_strategy)
        flag("OneCycleLR", cycle_momentum=cycle_momentum, three_phase=three_phase)
        above_zero("OneCycleLR", div_factor=div_factor, final_div_factor=final_div_factor)
        self.total_steps, self.pct_start, self.anneal_strategy = total_steps, pct_start, anneal_strategy
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        self.div_factor, self.final_div_factor, self.three_phase = div_factor, final_div_factor, three_phase
        self.check_momentum(optimizer)
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak  # which is then the base
        super().__init__(optimizer, per=per)

    def rate(self, base: float, t: int) -> float:
        first = base / self.div_factor
        return self._between(t, first, base, first, first / self.final_div_factor)

    def momentum(self, t: int) -> float:
        high, low = self.max_momentum, self.base_momentum
        return self._between(t, high, low, high, high)

    def _between(self, t: int, first: float, peak: float, third: float, last: float) -> float:
        """Return the value at step t of a course from first over peak, in three phases also third, to last."""
        if t == 0:
            return first
        steps = self.length(self.total_steps, "total_steps")
        if t >= steps:
            return last
        turn = self.pct_start * steps - 1
        if self.three_phase:
            course = [(turn, first, peak), (2 * turn, peak, third), (steps - 1, third, last)]
        else:
            course = [(turn, first, peak), (steps - 1, peak, last)]
        end, low, high = next(phase for phase in course if t <= phase[0])
        begin = max(0.0, *(phase[0] for phase in course if phase[0] < t), 0.0)
        done = (t - begin) / (end - begin)
        if self.anneal_strategy == "linear":
            return low + (high - low) * done
        return high + (low - high) / 2 * (1 + cos(pi * done))


class CyclicLR(Cycle):
    """From `base_lr` up to `max_lr` and down again, over and over, in lines.

    With ``mode="triangular2"`` each cycle is half as high as the one before, with ``"exp_range"`` it is ``gammaᵗ`` as
    high. Meanwhile the momentum goes from `max_momentum` down to `base_momentum` and back.

    Args:
        optimizer: whose learning rates are set; what they were does not matter.
        base_lr: the lowest rate, or one for each parameter group.
        max_lr: the highest rate, or one for each parameter group.
        step_size_up: steps up.
        step_size_down: steps down; as many as up if left out.
        mode: how the height changes: ``"triangular"``, ``"triangular2"`` or ``"exp_range"``.
        gamma: see above.
        cycle_momentum: whether the momentum moves, too.
        base_momentum: the lowest momentum.
        max_momentum: the highest momentum.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range, or the optimizer has no momentum to cycle.

    Source: Smith, "Cyclical learning rates for training neural networks", 2017.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = CyclicLR(SGD([Parameter([1.0])], momentum=0.9), base_lr=1.0, max_lr=3.0, step_size_up=2)
    >>> [scheduler.step() or scheduler.lr[0] for _ in range(6)]
    [2.0, 3.0, 2.0, 1.0, 2.0, 3.0]
    """

    modes: ClassVar[tuple[str, ...]] = ("triangular", "triangular2", "exp_range")

    def __init__(
        self,
        optimizer: Any,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        *,
        per: str = "batch",
    ) -> None:
        lows = _for_each_group(self, "base_lr", base_lr, optimizer)
        self.peaks = dict(zip(range(len(lows)), _for_each_group(self, "max_lr", max_lr, optimizer), strict=True))
        down = step_size_up if step_size_down is None else step_size_down
        whole("CyclicLR", 1, step_size_up=step_size_up, step_size_down=down)
        one_of("CyclicLR", self.modes, mode=mode)
        above_zero("CyclicLR", gamma=gamma)
        flag("CyclicLR", cycle_momentum=cycle_momentum)
        share("CyclicLR", base_momentum=base_momentum, max_momentum=max_momentum)
        self.step_size_up, self.step_size_down, self.mode, self.gamma = step_size_up, down, mode, gamma
        self.cycle_momentum, self.base_momentum, self.max_momentum = cycle_momentum, base_momentum, max_momentum
        self.check_momentum(optimizer)
        for group, low in zip(optimizer.param_groups, lows, strict=True):
            group["lr"] = low
        super().__init__(optimizer, per=per)

    def apply(self) -> None:
        super().apply()
        for i, (group, base) in enumerate(zip(self.optimizer.param_groups, self.base, strict=True)):
            group["lr"] = base + (self.peaks[i] - base) * self._height(self.t)

    def rate(self, base: float, t: int) -> float:
        return base  # the height of the cycle is that of the group, in `apply`

    def momentum(self, t: int) -> float:
        return self.max_momentum - (self.max_momentum - self.base_momentum) * self._height(t)

    def _height(self, t: int) -> float:
        """Return where step t is between the lowest rate, 0, and the highest, 1 in the first cycle."""
        total = self.step_size_up + self.step_size_down
        turn = self.step_size_up / total
        cycle = floor(1 + t / total)
        place = 1 + t / total - cycle
        height = place / turn if place <= turn else (place - 1) / (turn - 1)
        scale = {"triangular": 1.0, "triangular2": 0.5 ** (cycle - 1), "exp_range": self.gamma**t}[self.mode]
        return height * scale


def _for_each_group(scheduler: Scheduler, option: str, value: Any, optimizer: Any) -> list[float]:
    """Return a rate for each parameter group."""
    count = len(getattr(optimizer, "param_groups", []))
    rates = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(rates) != count:
        raise ConfigError(
            f"{option} of {type(scheduler).__name__} must be a number or one for each of {count} groups, got {value!r}."
        )
    for rate in rates:
        above_zero(type(scheduler).__name__, **{option: rate})
    return [float(rate) for rate in rates]
