"""The base class of learning-rate schedulers; a subclass adds the rate as a function of the steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from nn_core.errors import ConfigError, ModelFileError


class Scheduler:
    """Sets the learning rate of every parameter group: ``lr = rate(base, t)`` after t steps, from the start on.

    A subclass passes its arguments on and defines ``rate(base, t)``, where base is the group's learning rate when the
    scheduler was made. The constructor here calls `rate` already, so that attributes of one's own are set before
    ``super().__init__(optimizer)``. What it needs beyond t it lists in `kept`, the names of attributes that
    `state_dict` holds.

    Args:
        optimizer: whose groups have ``"lr"``.
        per: when `fit` calls `step`: after each ``"epoch"`` or after each ``"batch"`` that changed the parameters.

    Raises:
        ConfigError: the optimizer has no groups with learning rates, or `per` is another word.

    >>> class Halved(Scheduler):
    ...     def rate(self, base, t):
    ...         return base / 2**t
    >>> import types
    >>> optimizer = types.SimpleNamespace(param_groups=[{"lr": 0.4}])
    >>> halved = Halved(optimizer)
    >>> halved.step(); optimizer.param_groups
    [{'lr': 0.2}]
    """

    kept: ClassVar[tuple[str, ...]] = ()
    """Attributes beside t and base that change from step to step."""

    needs_metric: ClassVar[bool] = False
    """Whether `step` takes a value to watch, that of the column `monitor` in `fit`."""

    planned: int | None = None
    """How many steps `fit` will take, if it can tell."""

    def __init__(self, optimizer: Any, *, per: str = "epoch") -> None:
        groups = getattr(optimizer, "param_groups", None)
        if not groups or not all("lr" in group for group in groups):
            raise ConfigError(
                f"{type(self).__name__} takes an optimizer whose parameter groups have a learning rate, got "
                f"{optimizer!r:.60}."
            )
        if per not in ("epoch", "batch"):
            raise ConfigError(f"per of {type(self).__name__} must be 'epoch' or 'batch', got {per!r}.")
        self.optimizer = optimizer
        self.per = per
        self.base: list[float] = [float(group["lr"]) for group in groups]
        self.t = 0
        self.apply()

    def rate(self, base: float, t: int) -> float:
        raise TypeError(f"{type(self).__name__} must define rate(base, t).")

    def apply(self) -> None:
        """Set the learning rates of step t."""
        for group, base in zip(self.optimizer.param_groups, self.base, strict=True):
            group["lr"] = self.rate(base, self.t)

    def step(self, metric: float | None = None) -> None:
        """Go on by one step."""
        self.t += 1
        self.apply()

    def plan(self, steps: int | None) -> None:
        """Take note of how many steps there will be, for a length that was left out; `fit` calls this at its start."""
        self.planned = steps
        self.apply()

    def length(self, given: int | None, option: str) -> int:
        """Return a length that was given, or else the planned one.

        Raises:
            ConfigError: there is neither.
        """
        steps = given if given is not None else self.planned
        if steps is None:
            raise ConfigError(
                f"{option} of {type(self).__name__} is missing: give it the number of steps; fit fills it in where "
                f"the data tell how many batches there are."
            )
        return steps

    @property
    def lr(self) -> list[float]:
        """The learning rates of the groups."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Return what is needed to go on: t, the base rates and what the subclass keeps."""
        return {"t": self.t, "base": list(self.base), **{name: getattr(self, name) for name in self.kept}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another scheduler of this kind stood, and set its learning rates.

        Raises:
            ModelFileError: the state is that of another kind, or for another number of groups.
        """
        wanted = {"t", "base", *self.kept}
        if set(state) != wanted or len(state["base"]) != len(self.base):
            raise ModelFileError(
                f"The scheduler's state has {', '.join(sorted(state))} for {len(state.get('base', ()))} groups; "
                f"{type(self).__name__} takes {', '.join(sorted(wanted))} for {len(self.base)}."
            )
        self.t, self.base = int(state["t"]), [float(base) for base in state["base"]]
        for name in self.kept:
            setattr(self, name, state[name])
        self.apply()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(step {self.t}, lr {', '.join(f'{lr:.4g}' for lr in self.lr)})"
