"""Progress of a training run in the terminal or a notebook."""

from __future__ import annotations

import sys
from typing import Any

from attrs import define, field

from nn_core.errors import PluginError
from nn_core.training_state import TrainingState


@define(eq=False)
class ProgressBar:
    """One bar per epoch with the averages so far, on standard error.

    Bars are drawn in a terminal and in a notebook; in a log file, where a line cannot be drawn again, every epoch is
    one plain line.

    Raises:
        PluginError: tqdm is not installed.
    """

    _bar: Any = field(default=None, init=False)

    def on_fit_start(self, state: TrainingState) -> None:
        try:
            import tqdm  # noqa: F401 - the question is whether it is there
        except ImportError:
            raise PluginError("The progress bar needs tqdm: install the extra nn-core[progress].") from None

    def on_epoch_start(self, state: TrainingState) -> None:
        from tqdm import tqdm

        if _draws_bars():
            self._bar = tqdm(
                total=state.batches,
                desc=_label(state),
                bar_format="{desc}  {bar:12} {n_fmt}/{total_fmt}",  # figures first: what is too long is cut at the end
                file=sys.stderr,
            )

    def on_batch_end(self, state: TrainingState) -> None:
        if self._bar is not None:
            self._bar.set_description_str(_label(state), refresh=False)
            self._bar.update()

    def on_epoch_end(self, state: TrainingState) -> None:
        if self._bar is None:
            print(_label(state), file=sys.stderr)
        else:
            self._bar.set_description_str(_label(state))
        self._close()

    def on_exception(self, state: TrainingState, error: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _draws_bars() -> bool:
    """Return whether a line of standard error can be drawn again: in a terminal, and below a notebook's cell."""
    return sys.stderr.isatty() or type(sys.stderr).__module__.partition(".")[0] == "ipykernel"


def _label(state: TrainingState) -> str:
    place = f"epoch {state.epoch:{len(str(state.epochs))}}/{state.epochs}"
    return "  ".join([place, *(f"{name} {value:.4f}" for name, value in state.logs.items())])
