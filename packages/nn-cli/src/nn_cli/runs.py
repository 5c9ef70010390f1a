"""Run folders: the resolved configuration, the history, and the models of the last and the best epoch."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import tomli_w
from attrs import evolve

import nn_core
from nn_cli.experiment import Experiment, read_experiment
from nn_core.errors import ConfigError, NNError
from nn_core.files import write_atomically
from nn_core.training_state import TrainingState

_CHANGEABLE = ("train.epochs", "data.path")
"""What may differ when a run goes on: how far, and where its data are by now."""

CONFIG, HISTORY, WEIGHTS = "config.toml", "history.csv", "{}.safetensors"


class RunFolder:
    """A callback that keeps a run in a folder: after every epoch the history, a checkpoint, and the best model so far.

    Best is the lowest validation loss, or the lowest training loss where nothing is set aside for validation. Ctrl-C
    takes effect after the batch, with a checkpoint; a second one at once. Of a run that is `resumed`, the configuration
    is written when it does go on. What is `extra` is saved with the best model.
    """

    kept = ("_best",)
    runs_last = True

    def __init__(self, path: Path, resumed: Experiment | None = None, extra: dict[str, Any] | None = None) -> None:
        self.path = path
        self.resumed = resumed
        self.extra = extra
        self._best = float("inf")
        self._interrupted = False
        self._handler: Any = None

    def on_fit_start(self, state: TrainingState) -> None:
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._interrupt)

    def _interrupt(self, number: int, frame: Any) -> None:
        self._interrupted = True
        self._give_back()

    def _give_back(self) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            self._handler = None

    def on_batch_end(self, state: TrainingState) -> None:
        self._goes_on()
        if self._interrupted:
            nn_core.save_checkpoint(state, self.path / WEIGHTS.format("last"))
            raise KeyboardInterrupt

    def on_fit_end(self, state: TrainingState) -> None:
        self._give_back()

    def on_exception(self, state: TrainingState, error: BaseException) -> None:
        self._give_back()

    def _goes_on(self) -> None:
        """Write what a run was told otherwise, now that it is known to fit."""
        if self.resumed is not None:
            write_atomically(self.path / CONFIG, tomli_w.dumps(self.resumed.table).encode())
            self.resumed = None

    def on_epoch_end(self, state: TrainingState) -> None:
        self._goes_on()
        monitored = state.logs.get("val_loss", state.logs["loss"])
        if monitored < self._best or not (self.path / WEIGHTS.format("best")).exists():
            self._best = min(self._best, monitored)  # never NaN, which nothing is below
            nn_core.save(state.model, self.path / WEIGHTS.format("best"), extra=self.extra)
        nn_core.save_checkpoint(state, self.path / WEIGHTS.format("last"))
        state.history.to_csv(self.path / HISTORY)  # last: an epoch that it lists has its models
        if self._interrupted:
            raise KeyboardInterrupt


def create_run(experiment: Experiment, name: str, out: Path | None) -> Path:
    """Make the folder of a new run and write its configuration: `out`, or the next free ``runs/name-N``.

    Raises:
        ConfigError: `out` is in use.
        NNError: the folder cannot be made or written to.
    """
    path = out or next(path for i in count(1) if not (path := Path("runs") / f"{name}-{i}").exists())
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise ConfigError(f"{path} is in use; --out must name a new or an empty folder.")
        path.mkdir(parents=True, exist_ok=True)
        (path / CONFIG).write_text(tomli_w.dumps(experiment.table), encoding="utf-8")
    except OSError as error:
        raise NNError(
            f"The run cannot be written to {path}: {error.strerror}. Choose another folder with --out."
        ) from None
    return path


def resumed_run(path: Path, overrides: tuple[str, ...]) -> tuple[Experiment, Path]:
    """Return the experiment of a run folder, with overrides, and the checkpoint to go on from.

    Raises:
        ConfigError: it is no run folder, or has no checkpoint, or something is to be overridden that a run is to keep.
    """
    for override in overrides:
        if override.partition("=")[0].strip() not in _CHANGEABLE:
            raise ConfigError(
                f"--set {override}: a run that is resumed keeps its settings; only {' and '.join(_CHANGEABLE)} can be "
                f"set. Start a new run for others."
            )
    if not (path / CONFIG).is_file():
        raise ConfigError(f"{path} is not a run folder: it holds no {CONFIG}. nn-cli train prints the folder it made.")
    last = path / WEIGHTS.format("last")
    if not last.is_file():
        raise ConfigError(f"{path} holds no {last.name} to go on from: the run was not trained. Start it anew.")
    return evolve(read_experiment(path / CONFIG, overrides), preprocessing=_learned(path)), last


def discard_unless_trained(path: Path) -> None:
    """Remove the folder of a run that finished no epoch, if it holds nothing but the configuration."""
    if [entry.name for entry in path.iterdir()] == [CONFIG]:
        (path / CONFIG).unlink()
        with suppress(OSError):  # the working directory, say, cannot be removed
            path.rmdir()


def open_run(path: Path, overrides: tuple[str, ...], weights: str) -> tuple[Experiment, Any]:
    """Return the experiment and the trained model of a run folder.

    Raises:
        ConfigError: it is no run folder.
        ModelFileError: the model is missing or damaged.
    """
    if not (path / CONFIG).is_file():
        raise ConfigError(f"{path} is not a run folder: it holds no {CONFIG}. nn-cli train prints the folder it made.")
    for override in overrides:
        if override.startswith(("model", "optimizer", "seed", "train.epochs")):
            raise ConfigError(f"--set {override} has no effect on a model that is trained; data and loss can be set.")
    experiment = evolve(read_experiment(path / CONFIG, overrides, trains=False), preprocessing=_learned(path))
    return experiment, nn_core.load(path / WEIGHTS.format(weights))


def _learned(path: Path) -> dict[str, Any] | None:
    """Return what a run learned about the columns of its table, which its best model carries; None if there is none."""
    best = path / WEIGHTS.format("best")
    return nn_core.load_extra(best).get("preprocessing") if best.exists() else None
