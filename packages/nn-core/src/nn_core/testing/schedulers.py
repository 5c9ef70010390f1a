"""The checks of a learning-rate scheduler. Each takes a case and raises AssertionError with what was seen."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from math import isclose, isfinite
from types import SimpleNamespace
from typing import Any

from attrs import frozen


@frozen
class SchedulerCase:
    """A scheduler in one configuration.

    Args:
        name: shown in the test's ID.
        make: returns a new scheduler of the optimizer that it is given.
        steps: how many steps are looked at.
        metric: the figure that `step` is given, for a scheduler that watches one, by the number of the step.
    """

    name: str
    make: Callable[[Any], Any]
    steps: int = 12
    metric: Callable[[int], float] | None = None

    def begin(self, rates: Sequence[float] = (0.1,)) -> tuple[Any, Any]:
        """Return an optimizer with a group for each rate, and its scheduler."""
        optimizer = SimpleNamespace(param_groups=[{"lr": rate, "weight_decay": 0.25, "params": []} for rate in rates])
        scheduler = self.make(optimizer)
        if hasattr(scheduler, "plan"):
            scheduler.plan(self.steps)
        return optimizer, scheduler

    def go(self, optimizer: Any, scheduler: Any, first: int, last: int) -> list[list[float]]:
        """Take the steps from `first` to below `last`, and return the rates of the groups after each."""
        rates = []
        for t in range(first, last):
            scheduler.step(*([] if self.metric is None else [self.metric(t)]))
            rates.append([group["lr"] for group in optimizer.param_groups])
        return rates


def check_rates(case: SchedulerCase) -> None:
    """Rates are finite Python numbers of at least 0."""
    optimizer, scheduler = case.begin()
    start = [[group["lr"] for group in optimizer.param_groups]]
    for t, rates in enumerate(start + case.go(optimizer, scheduler, 0, case.steps)):
        for rate in rates:
            fine = type(rate) is float and isfinite(rate) and rate >= 0
            assert fine, f"expected a finite rate of at least 0 after {t} steps, got {rate!r} ({type(rate).__name__})"


def check_determinism(case: SchedulerCase) -> None:
    """The same steps give the same rates."""
    one, two = (case.go(*case.begin(), 0, case.steps) for _ in range(2))
    assert one == two, "two schedulers made alike give other rates"


def check_groups(case: SchedulerCase) -> None:
    """Every group has the rates that it would have alone."""
    together = case.go(*case.begin((0.1, 0.03)), 0, case.steps)
    for i, rate in enumerate((0.1, 0.03)):
        alone = case.go(*case.begin((rate,)), 0, case.steps)
        for t, (all_rates, (own,)) in enumerate(zip(together, alone, strict=True)):
            assert isclose(all_rates[i], own, rel_tol=1e-12), (
                f"after {t + 1} steps group {i} has the rate {all_rates[i]!r} among two groups, {own!r} alone"
            )


def check_options(case: SchedulerCase) -> None:
    """Weight decay and what else a group has stays as it is."""
    optimizer, scheduler = case.begin()
    case.go(optimizer, scheduler, 0, case.steps)
    left = {name: value for name, value in optimizer.param_groups[0].items() if name != "lr"}
    assert left == {"weight_decay": 0.25, "params": []}, f"expected the other options as they were, got {left}"


def check_state(case: SchedulerCase) -> None:
    """What `state_dict` holds, which JSON can write, is enough to go on, and sets the rate at once."""
    half = case.steps // 2
    optimizer, scheduler = case.begin()
    case.go(optimizer, scheduler, 0, half)
    try:
        state = json.loads(json.dumps(scheduler.state_dict()))
    except TypeError as error:
        raise AssertionError(f"state_dict() holds what JSON cannot write: {error}") from error
    here = [group["lr"] for group in optimizer.param_groups]
    expected = case.go(optimizer, scheduler, half, case.steps)
    other_optimizer, other = case.begin()
    other.load_state_dict(state)
    seen = [group["lr"] for group in other_optimizer.param_groups]
    assert seen == here, f"load_state_dict left the rate at {seen}, where the other scheduler had {here}"
    rates = case.go(other_optimizer, other, half, case.steps)
    assert rates == expected, f"after load_state_dict the rates are {rates}, without a break {expected}"


SCHEDULER_CHECKS: dict[str, Callable[[SchedulerCase], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
