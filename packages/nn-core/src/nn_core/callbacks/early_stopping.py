"""Ending a run that no longer becomes better."""

from __future__ import annotations

from typing import ClassVar

from attrs import define, field

from nn_core.callbacks.monitoring import Monitor
from nn_core.fields import boolean, doc, positive
from nn_core.training_state import TrainingState
from nn_core.typing import Array


@define(eq=False)
class EarlyStopping(Monitor):
    """End the run when a column of the history has not become better for `patience` epochs.

    Raises:
        ConfigError: an option is out of its range, or the column does not exist.

    Source: Prechelt, "Early stopping, but when?", 1998.

    >>> EarlyStopping(monitor="val_accuracy", mode="max", patience=3).patience
    3
    """

    kept: ClassVar[tuple[str, ...]] = (*Monitor.kept, "waited", "weights")

    patience: int = field(default=5, validator=positive, metadata=doc("epochs without improvement that end the run"))
    restore_best: bool = field(
        default=False,
        validator=boolean,
        metadata=doc("whether the model ends with the weights of the best epoch"),
    )
    waited: int = field(init=False, default=0)
    weights: dict[str, Array] = field(init=False, factory=dict)

    def on_fit_start(self, state: TrainingState) -> None:
        state.stop |= self.waited >= self.patience  # a run that had ended, and is resumed

    def on_epoch_end(self, state: TrainingState) -> None:
        if self.improved(state):
            self.waited = 0
            average = {name: array.copy() for name, array in (state.validated or {}).items()}
            self.weights = state.model.state_dict() | average if self.restore_best else {}
            return
        self.waited += 1
        if self.waited >= self.patience:
            state.stop = True

    def on_fit_end(self, state: TrainingState) -> None:
        if self.weights:
            state.model.load_state_dict(self.weights)
