"""Stopping where numbers are no longer finite."""

from __future__ import annotations

from contextlib import ExitStack
from math import isfinite
from typing import Any

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import NonFiniteError
from nn_core.observation import Observation, observe
from nn_core.training_state import TrainingState


@define(eq=False)
class FiniteGuard:
    """Stop the run with an error at the first NaN or infinity, and name the layer that it comes from.

    Outputs and gradients of every layer are looked at, which takes about as long again as the cheaper layers do.

    Raises:
        NonFiniteError: a layer returned a number that is not finite, from finite ones or from the data; or the loss,
            that of validation, or a parameter is none.
    """

    _watching: ExitStack = field(init=False, factory=ExitStack)
    _place: str = field(init=False, default="")
    _first: bool = field(init=False, default=True)

    def on_batch_start(self, state: TrainingState) -> None:
        self._place = f"in batch {state.batch} of epoch {state.epoch}"
        self._first = True
        self._watching.enter_context(observe(self._look))

    def on_batch_end(self, state: TrainingState) -> None:
        self._watching.close()
        loss = state.logs["loss"]
        if not isfinite(loss):
            raise NonFiniteError(f"The loss is {loss} {self._place}. Lower the learning rate, or look at the targets.")
        for name, array in state.model.params.items():
            if not _finite(array):
                raise NonFiniteError(
                    f"The update {self._place} made {name} no longer finite. Lower the learning rate, or clip the "
                    f"gradients with clip_norm."
                )

    def on_validation_end(self, state: TrainingState) -> None:
        loss = state.logs["val_loss"]
        if not isfinite(loss):
            raise NonFiniteError(
                f"The validation loss of epoch {state.epoch} is {loss}, and that of training {state.logs['loss']:.4g}: "
                f"look at the validation data."
            )

    def on_exception(self, state: TrainingState, error: BaseException) -> None:
        self._watching.close()

    def _look(self, seen: Observation) -> None:
        given, made = map(_finite, (seen.inputs, seen.output))
        if self._first and not given and not made:
            raise NonFiniteError(f"The input {self._place} holds numbers that are not finite: look at the data.")
        self._first = False
        if given and not made:
            what = "the gradient of its input" if seen.phase == "backward" else "its output"
            name = f"{seen.name} ({seen.layer.label()})" if seen.name else seen.layer.label()
            raise NonFiniteError(
                f"{name} made {what} no longer finite {self._place}, from finite numbers. Look at what it got, or "
                f"lower the learning rate."
            )


def _finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_finite, value))
    if getattr(getattr(value, "dtype", None), "kind", "") != "f":
        return True
    return bool(backend(value).isfinite(value).all())
