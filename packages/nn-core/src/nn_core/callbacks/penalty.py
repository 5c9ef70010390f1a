"""Keeping weights small in training."""

from __future__ import annotations

from typing import ClassVar

from attrs import define, field

from nn_core.errors import ConfigError
from nn_core.fields import doc, not_negative_number
from nn_core.gradients import penalize
from nn_core.training_state import TrainingState


@define(eq=False)
class Penalty:
    """Add ``l1 · Σ|θ| + l2 / 2 · Σθ²`` to what is minimized, over all parameters that decay (see `penalize`).

    Its gradient joins that of the loss before each update, and is clipped with it. The columns of the loss stay those
    of the loss alone; the column ``penalty`` is the mean over the epoch's updates.

    Raises:
        ConfigError: a strength is no number of at least 0, or the optimizer evaluates the loss several times per
            update, as L-BFGS does, and would not see the penalty in its value.

    >>> Penalty(l1=1e-4)
    Penalty(l1=0.0001, l2=0.0)
    """

    kept: ClassVar[tuple[str, ...]] = ("_total", "_updates")

    l1: float = field(default=0.0, validator=not_negative_number, metadata=doc("strength of the sum of magnitudes"))
    l2: float = field(default=0.0, validator=not_negative_number, metadata=doc("strength of half the sum of squares"))
    _total: float = field(init=False, repr=False, default=0.0)
    _updates: int = field(init=False, repr=False, default=0)

    def on_fit_start(self, state: TrainingState) -> None:
        if getattr(state.optimizer, "needs_closure", False):
            raise ConfigError(
                f"Penalty adds to the gradients alone, and {type(state.optimizer).__name__} compares values of the "
                f"loss, too: give it weight_decay where it has that, or a loss that includes the penalty."
            )

    def on_epoch_start(self, state: TrainingState) -> None:
        self._total, self._updates = 0.0, 0

    def on_update_start(self, state: TrainingState) -> None:
        self._total += penalize(state.model.parameters(), l1=self.l1, l2=self.l2)
        self._updates += 1
        state.columns["penalty"] = self._total / self._updates
