"""Saving a run so that it can be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from attrs import define, field

from nn_core.callbacks.monitoring import Monitor
from nn_core.checkpoints import save_checkpoint
from nn_core.errors import ConfigError
from nn_core.fields import boolean, doc, file_path, optional_positive
from nn_core.training_state import TrainingState


@define(eq=False)
class Checkpoint(Monitor):
    """Keep the run in a folder: ``last.safetensors`` after every epoch, and ``best.safetensors``.

    Each is one file with weights, optimizer, scheduler, metrics, callbacks, generators, history and position, from
    which ``fit(…, resume=path)`` goes on to the bit, and from which `nn_core.load` reads the model. Best is the epoch
    with the lowest, or with ``mode="max"`` the highest, value of the column `monitor`.

    Raises:
        ConfigError: an option is out of its range, or the column does not exist.
        ModelFileError: a file cannot be written.
    """

    runs_last: ClassVar[bool] = True

    folder: Path = field(
        default=Path("checkpoints"), kw_only=True, converter=file_path, metadata=doc("made if it is not there")
    )
    every_batches: int | None = field(
        default=None,
        kw_only=True,
        validator=optional_positive,
        metadata=doc("save the last one after so many batches, too"),
    )
    keep_every: int | None = field(
        default=None,
        kw_only=True,
        validator=optional_positive,
        metadata=doc("keep the file of every so many epochs, as epoch-0010.safetensors"),
    )
    best_too: bool = field(
        default=True, kw_only=True, validator=boolean, metadata=doc("whether the best epoch has a file")
    )

    def on_fit_start(self, state: TrainingState) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"folder of Checkpoint is {str(self.folder)!r}, which cannot be made: {error.strerror}."
            ) from None
        for unfinished in self.folder.glob(".*.safetensors.*"):  # of a run that was killed while it wrote
            unfinished.unlink(missing_ok=True)

    def on_batch_end(self, state: TrainingState) -> None:
        if self.every_batches and state.trained % self.every_batches == 0:
            save_checkpoint(state, self.folder / "last.safetensors")

    def on_epoch_end(self, state: TrainingState) -> None:
        better = self.improved(state)
        save_checkpoint(state, self.folder / "last.safetensors")
        if better and self.best_too:
            save_checkpoint(state, self.folder / "best.safetensors")
        if self.keep_every and state.epoch % self.keep_every == 0:
            save_checkpoint(state, self.folder / f"epoch-{state.epoch:04}.safetensors")
