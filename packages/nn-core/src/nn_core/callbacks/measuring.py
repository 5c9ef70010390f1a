"""Further columns for the history: learning rate, gradients, weights and speed."""

from __future__ import annotations

from math import hypot
from time import perf_counter
from typing import ClassVar

from attrs import define, field

from nn_core.errors import ConfigError
from nn_core.fields import boolean, doc
from nn_core.gradients import gradient_norms, norm
from nn_core.training_state import TrainingState


@define(eq=False)
class LearningRateMonitor:
    """Add the learning rate of each epoch's last update: the column ``lr``, or ``lr_0``, ``lr_1`` … of several groups.

    Raises:
        ConfigError: the optimizer has no parameter groups with learning rates.
    """

    def on_fit_start(self, state: TrainingState) -> None:
        groups = getattr(state.optimizer, "param_groups", None)
        if not groups or not all("lr" in group for group in groups):
            raise ConfigError(
                f"LearningRateMonitor needs an optimizer whose parameter groups have a learning rate, got "
                f"{state.optimizer!r:.60}."
            )

    def on_batch_start(self, state: TrainingState) -> None:
        groups = state.optimizer.param_groups
        names = ["lr"] if len(groups) == 1 else [f"lr_{i}" for i in range(len(groups))]
        state.columns |= {name: float(group["lr"]) for name, group in zip(names, groups, strict=True)}


@define(eq=False)
class GradientStatistics:
    """Add ``grad_norm``, the norm of all gradients together, a mean over the epoch, and ``weight_norm`` at its end.

    They are the gradients of the updates, after clipping.
    """

    each: bool = field(
        default=False, validator=boolean, metadata=doc("whether there are columns for each parameter, too")
    )
    kept: ClassVar[tuple[str, ...]] = ("_totals", "_updates", "_step")

    _totals: dict[str, float] = field(init=False, factory=dict)
    _updates: int = field(init=False, default=0)
    _step: int = field(init=False, default=0)

    def on_epoch_start(self, state: TrainingState) -> None:
        self._totals, self._updates, self._step = {}, 0, state.step

    def on_batch_end(self, state: TrainingState) -> None:
        if state.step == self._step:  # the gradients wait for more batches
            return
        self._step, self._updates = state.step, self._updates + 1
        norms = gradient_norms(state.model)
        figures = {"grad_norm": hypot(*norms.values())}
        if self.each:
            figures |= {f"grad_norm.{name}": value for name, value in norms.items()}
        for name, value in figures.items():
            self._totals[name] = self._totals.get(name, 0.0) + value
            state.columns[name] = self._totals[name] / self._updates
        weights = {name: norm(array) for name, array in state.model.params.items()}
        state.columns["weight_norm"] = hypot(*weights.values())
        if self.each:
            state.columns |= {f"weight_norm.{name}": value for name, value in weights.items()}


@define(eq=False)
class Timing:
    """Add ``samples_per_second``, of training alone; the time of the whole epoch is in ``seconds`` anyway."""

    kept: ClassVar[tuple[str, ...]] = ("_spent",)

    _start: float = field(init=False, default=0.0)
    _spent: float = field(init=False, default=0.0)

    def on_epoch_start(self, state: TrainingState) -> None:
        self._spent = 0.0

    def on_batch_start(self, state: TrainingState) -> None:
        self._start = perf_counter()

    def on_batch_end(self, state: TrainingState) -> None:
        self._spent += perf_counter() - self._start
        state.columns["samples_per_second"] = state.samples / max(self._spent, 1e-9)
