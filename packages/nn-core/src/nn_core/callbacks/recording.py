"""Writing down what happens: the history in a file, events as lines of a log."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import Attribute, define, field

from nn_core.errors import ConfigError
from nn_core.fields import doc, file_path
from nn_core.training_state import TrainingState


def _csv_or_json(owner: object, option: Attribute[Any], value: Path) -> None:
    if value.suffix not in (".csv", ".json", ".jsonl"):
        raise ConfigError(
            f"path of {type(owner).__name__} must end in .csv, .json or .jsonl, which says what is written; got "
            f"{str(value)!r}."
        )


@define(eq=False)
class HistoryFile:
    """Write the history to a file after every epoch, as the ending of its name says; a crash never harms what is there.

    Raises:
        ConfigError: the ending is none of ``.csv``, ``.json`` (columns) and ``.jsonl`` (a line per epoch).
    """

    path: Path = field(converter=file_path, validator=_csv_or_json, metadata=doc("the file, in a folder that exists"))

    def on_fit_start(self, state: TrainingState) -> None:
        if not self.path.parent.is_dir():
            raise ConfigError(f"path of HistoryFile is {str(self.path)!r}, and there is no folder {self.path.parent}.")

    def on_epoch_end(self, state: TrainingState) -> None:
        write = {".csv": state.history.to_csv, ".json": state.history.to_json, ".jsonl": state.history.to_jsonl}
        write[self.path.suffix](self.path)


@define(eq=False)
class EventLog:
    """Make every event a line of the log ``nn_core.training``, in JSON: batches at level DEBUG, the others at INFO.

    >>> import logging
    >>> logging.getLogger("nn_core.training").name
    'nn_core.training'
    """

    logger: str = field(default="nn_core.training", metadata=doc("the name of the log"))

    def on_fit_start(self, state: TrainingState) -> None:
        self._write(state, "fit_start", more={"epochs": state.epochs, "batches": state.batches})

    def on_epoch_start(self, state: TrainingState) -> None:
        self._write(state, "epoch_start")

    def on_batch_end(self, state: TrainingState) -> None:
        self._write(state, "batch_end", logging.DEBUG, more=state.logs)

    def on_validation_end(self, state: TrainingState) -> None:
        self._write(state, "validation_end", more=state.logs)

    def on_epoch_end(self, state: TrainingState) -> None:
        self._write(state, "epoch_end", more=state.history.rows[-1])

    def on_fit_end(self, state: TrainingState) -> None:
        self._write(state, "fit_end")

    def on_exception(self, state: TrainingState, error: BaseException) -> None:
        self._write(state, "exception", logging.ERROR, more={"error": type(error).__name__, "message": str(error)})

    def _write(
        self,
        state: TrainingState,
        event: str,
        level: int = logging.INFO,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        log = logging.getLogger(self.logger)
        if log.isEnabledFor(level):
            place = {"event": event, "epoch": state.epoch, "batch": state.batch, "step": state.step}
            log.log(level, json.dumps({**place, **more}))
