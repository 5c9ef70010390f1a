"""Where a training run stands, as its callbacks see it."""

from __future__ import annotations

from typing import Any

from attrs import Factory, define, field

from nn_core.history import History


@define(eq=False)
class TrainingState:
    """Where a training run stands; every callback method gets it.

    Attributes:
        model: the model.
        optimizer: the optimizer.
        epochs: how many epochs were asked for.
        batches: batches per epoch, None where the data cannot tell.
        scheduler: the learning-rate scheduler, or None.
        history: one row per finished epoch.
        epoch: the current epoch, from 1.
        batch: the current batch in the epoch, from 1.
        step: updates done so far in the run.
        trained: batches trained on so far in the run; more than updates where gradients are accumulated.
        samples: samples trained on so far in the epoch.
        logs: the epoch's averages so far: ``loss`` and the metrics (those that are slow to compute only at its end);
            after validation also ``val_…``.
        columns: what else is to stand in the epoch's row of the history, set at any event from the start of the epoch
            to its end; empty at the start of each epoch.
        validated: the weights by name that validation was done with, if they are not the model's own but an average;
            None at the start of each epoch.
        stop: set it to True to end the run after the current batch.
        run: the engine, for `nn_core.save_checkpoint`.
    """

    model: Any
    optimizer: Any
    epochs: int
    batches: int | None
    scheduler: Any = None
    history: History = Factory(History)
    epoch: int = 0
    batch: int = 0
    step: int = 0
    trained: int = 0
    samples: int = 0
    logs: dict[str, float] = Factory(dict)
    columns: dict[str, float] = Factory(dict)
    validated: dict[str, Any] | None = field(default=None, repr=False)
    stop: bool = False
    run: Any = field(default=None, repr=False)
