"""What callbacks that watch a figure have in common: which one it is, and when it is better than the best so far."""

from __future__ import annotations

from math import inf, isnan
from typing import Any, ClassVar

from attrs import Attribute, define, field

from nn_core.errors import ConfigError, did_you_mean
from nn_core.fields import doc, not_negative_number, one_of
from nn_core.training_state import TrainingState


def _column(owner: object, option: Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"monitor of {type(owner).__name__} must be the name of a column, got {value!r}.")


@define(eq=False)
class Monitor:
    """A callback that watches a column of the history, and keeps the best value of it."""

    kept: ClassVar[tuple[str, ...]] = ("best", "best_epoch")

    monitor: str | None = field(
        default=None,
        validator=_column,
        metadata=doc("the column to watch; val_loss, or loss without validation, if left out"),
    )
    mode: str = field(
        default="min", validator=one_of("min", "max"), metadata=doc("min if lower values are better, else max")
    )
    min_delta: float = field(
        default=0.0, validator=not_negative_number, metadata=doc("by how much a value must be better to count")
    )
    best: float = field(init=False)
    best_epoch: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.best = inf if self.mode == "min" else -inf

    def improved(self, state: TrainingState) -> bool:
        """Take in the value of an epoch and return whether it is the best one so far.

        Raises:
            ConfigError: there is no such column.
        """
        row = state.history.rows[-1]
        column = self.monitor or ("val_loss" if "val_loss" in row else "loss")
        if column not in row:
            raise ConfigError(
                f"{type(self).__name__} is to watch {column!r}, and the epoch has {', '.join(row)}."
                f"{did_you_mean(column, row)}"
            )
        value = float(row[column])
        better = value < self.best - self.min_delta if self.mode == "min" else value > self.best + self.min_delta
        if isnan(value) or not better:
            return False
        self.best, self.best_epoch = value, state.epoch
        return True
