"""An exponential moving average of the weights."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import Attribute, define, field

from nn_core import TrainingState
from nn_core.fields import boolean, doc
from nn_core.typing import Array
from nn_optim.checks import share


def _share(owner: object, option: Attribute[Any], value: Any) -> None:
    share(type(owner).__name__, **{str(option.alias): value})


@define(eq=False)
class EMA:
    """Average the weights as they are trained: ``a ← decay · a + (1 − decay) · θ`` after each update.

    A callback of `fit`. Validation is done with the average, and the model has it at the end, or that of the best epoch
    with ``EarlyStopping(restore_best=True)``. Running statistics, such as those of batch norm, are not averaged. A
    checkpoint holds both, and `nn_core.load` reads the average from it.

    Raises:
        ConfigError: an option is out of its range.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992, with the exponential
    weights of Tarvainen and Valpola, "Mean teachers are better role models", 2017.

    >>> EMA(decay=0.99)
    EMA(decay=0.99, keep=True)
    """

    kept: ClassVar[tuple[str, ...]] = ("average", "updates")
    section: ClassVar[str] = "ema"
    runs_first: ClassVar[bool] = True

    decay: float = field(
        default=0.999, validator=_share, metadata=doc("how much of the average is kept at each update")
    )
    keep: bool = field(default=True, validator=boolean, metadata=doc("whether the model ends with the average"))
    average: dict[str, Array] = field(init=False, repr=False, factory=dict)
    updates: int = field(init=False, repr=False, default=0)
    _aside: dict[str, Array] = field(init=False, repr=False, factory=dict)

    def on_fit_start(self, state: TrainingState) -> None:
        if not self.average:
            self.average = {name: array.copy() for name, array in state.model.params.items()}
            self.updates = state.step

    def on_batch_end(self, state: TrainingState) -> None:
        if state.step == self.updates:  # the gradients wait for more batches
            return
        self._move(state)

    def _move(self, state: TrainingState) -> None:
        self.updates = state.step
        for name, array in state.model.params.items():
            mean = self.average[name]
            mean *= self.decay
            mean += (1 - self.decay) * array

    def on_validation_start(self, state: TrainingState) -> None:
        if state.step != self.updates:  # an update of what was left over at the end of the epoch
            self._move(state)
        self._aside = {name: array.copy() for name, array in state.model.params.items()}
        self._put(state, self.average)
        state.validated = self.average

    def on_validation_end(self, state: TrainingState) -> None:
        self._put(state, self._aside)
        self._aside = {}

    def on_epoch_end(self, state: TrainingState) -> None:
        if state.step != self.updates:
            self._move(state)

    def on_fit_end(self, state: TrainingState) -> None:
        if self.keep:
            self._put(state, self.average)

    def on_exception(self, state: TrainingState, error: BaseException) -> None:
        if self._aside:
            self.on_validation_end(state)

    def _put(self, state: TrainingState, weights: dict[str, Array]) -> None:
        for name, array in state.model.params.items():
            array[...] = weights[name]
