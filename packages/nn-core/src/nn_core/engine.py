"""What `fit` drives: a training run that stands still after every batch."""

from __future__ import annotations

import logging
from collections.abc import Generator, Iterable
from time import perf_counter
from typing import Any

import numpy as np

from nn_core.batching import Batch, Batches, rows
from nn_core.checkpoints import resume_run
from nn_core.errors import ConfigError, did_you_mean
from nn_core.evaluation import component, evaluate, listed, loss_step, named_metrics
from nn_core.gradients import check_norm, clip_grad_norm
from nn_core.history import History
from nn_core.layer import Layer
from nn_core.parameter import Parameter
from nn_core.preparation import (
    blas_threads,
    build_from,
    check_count,
    check_trains,
    checked_callback,
    first_options,
    planned_scheduler,
)
from nn_core.protocols import EVENTS
from nn_core.random import keyed
from nn_core.training_state import TrainingState

logger = logging.getLogger("nn_core")


class Run:
    """A run of `nn_core.training_steps`, whose arguments these are; all are checked before anything is trained."""

    def __init__(
        self,
        model: Any,
        train: Any,
        *,
        loss: Any,
        optimizer: Any,
        epochs: int,
        batch_size: int,
        validation: Any,
        metrics: Iterable[Any],
        callbacks: Iterable[Any],
        scheduler: Any,
        clip_norm: float | None,
        accumulate: int,
        threads: int | None,
        shuffle: bool,
        seed: int,
        resume: Any,
    ) -> None:
        check_count("epochs", epochs, 0)
        check_count("accumulate", accumulate, 1)
        if threads is not None:
            check_count("threads", threads, 1)
        if isinstance(model, type):
            raise ConfigError(f"The model is given as the class {model.__name__}: write {model.__name__}(…).")
        if not hasattr(model, "backward"):
            raise ConfigError(f"fit trains a layer, such as Sequential(…), got {type(model).__name__}.")
        self.loss = component("loss", loss)
        self.metrics = named_metrics(metrics, self.loss)
        if clip_norm is not None:
            check_norm("clip_norm", clip_norm)
        chosen = [checked_callback(component("callback", choice)) for choice in listed("callbacks", callbacks)]
        self.callbacks = sorted(chosen, key=_turn)
        self.listeners = {
            event: [getattr(callback, event) for callback in self.callbacks if hasattr(callback, event)]
            for event in EVENTS
        }
        self.source = Batches(train, batch_size, shuffle, seed)
        self.batch_size = batch_size
        # Refused now if it is no data.
        self.held_out = None if validation is None else Batches(validation, batch_size).data
        build_from(model, self.source, seed)
        self.model = model
        self.parameters: list[Parameter] = model.parameters()
        self.optimizer = component("optimizer", optimizer, self.parameters)
        check_trains(self.optimizer, self.parameters)
        self.options = first_options(self.optimizer)
        self.needs_closure = getattr(self.optimizer, "needs_closure", False)
        if self.needs_closure and accumulate > 1:
            raise ConfigError(
                f"{type(self.optimizer).__name__} evaluates the loss of a batch several times, so that gradients of "
                f"several batches cannot be accumulated: leave accumulate out, or choose a larger batch_size."
            )
        self.clip_norm, self.accumulate, self.threads, self.seed = clip_norm, accumulate, threads, seed
        self.averages = getattr(self.loss, "reduction", "mean") not in ("sum", "none")
        # What __call__ does beyond it, keeping the closure for `backward`, takes longer than a small layer.
        self.calls_forward = isinstance(model, Layer) and type(model).__call__ is Layer.__call__
        self.dtype = getattr(model, "dtype", None)
        self.declines = {"input_gradient": False} if getattr(model, "declines_input_gradient", False) else {}
        batches = self.source.count()
        updates = None if batches is None else -(-batches // self.accumulate)
        self.scheduler = planned_scheduler(scheduler, self.optimizer, epochs, updates)
        self.masks = keyed(seed, 0)
        self.state = TrainingState(model, self.optimizer, int(epochs), batches, self.scheduler, run=self)
        self.total = self.count = 0.0  # of the epoch's loss
        self.waiting, self.weight = 0, 0.0  # batches whose gradients wait for the update, and what they count
        self._start, self._within = 0.0, False  # when the epoch began, and whether the run was resumed in the middle
        if resume is not None:
            resume_run(self, resume)

    def tell(self, event: str, *details: Any) -> None:
        """Call the callbacks that have a method for an event."""
        for method in self.listeners[event]:
            method(self.state, *details)

    def elapsed(self) -> float:
        """Return the seconds since the epoch began."""
        return perf_counter() - self._start

    def resume_at(self, elapsed: float) -> None:
        """Go on in the epoch of the state, so many seconds into it, or after it if the history has its row."""
        rows = self.state.history.rows
        self._within = not rows or rows[-1]["epoch"] != self.state.epoch
        self._start = perf_counter() - elapsed

    def steps(self) -> Generator[TrainingState, None, History]:
        """Train, yielding the state after every batch; the generator's value is the history."""
        state = self.state
        logger.debug(
            "fit: epochs %d to %d of %s batches, %r, %r",
            state.epoch + 1,
            state.epochs,
            state.batches,
            self.loss,
            self.optimizer,
        )
        with blas_threads(self.threads):
            self.tell("on_fit_start")
            try:
                while (state.epoch < state.epochs or self._within) and not state.stop:
                    yield from self._epoch()
            except GeneratorExit:
                raise
            except BaseException as error:
                self.tell("on_exception", error)
                raise
            finally:
                self.model.eval()
            self.tell("on_fit_end")
        return state.history

    def _epoch(self) -> Generator[TrainingState, None, None]:
        state = self.state
        self.model.train()
        if not self._within:
            self._start = perf_counter()
            for metric in self.metrics.values():
                metric.reset()
            self.total = self.count = 0.0
            state.epoch, state.batch, state.samples, state.logs, state.columns = state.epoch + 1, 0, 0, {}, {}
            state.validated = None
            self.tell("on_epoch_start")
        self._within = False
        for batch in self.source.epoch(state.epoch - 1, skip=state.batch):
            state.batch += 1
            self.tell("on_batch_start")
            self._train_on(batch)
            self.tell("on_batch_end")
            yield state
            if state.stop:
                break
        if self.waiting:
            self._update()
        state.logs |= {name: float(metric.compute()) for name, metric in self.metrics.items()}
        if self.held_out is not None:
            self.model.eval()
            self.tell("on_validation_start")
            scores = evaluate(
                self.model,
                self.held_out,
                loss=self.loss,
                metrics=self.metrics.values(),
                batch_size=self.batch_size,
            )
            state.logs |= {f"val_{name}": score for name, score in scores.items()}
            self.tell("on_validation_end")
        if getattr(self.scheduler, "per", "epoch") == "epoch":
            self._step_scheduler()
        row = {"epoch": state.epoch, **state.logs, **state.columns, "seconds": self.elapsed()}
        state.history.append(row)
        logger.debug("fit: %s", row)
        for method in self.listeners["on_epoch_end"]:
            method(state)
            row |= state.columns  # what it added is there for the next one

    def _train_on(self, batch: Batch) -> None:
        """Go forward and back on a batch, and update the parameters if it is time."""
        state, (x, y, *weight) = self.state, batch
        if not self.waiting:
            self.optimizer.zero_grad()
        if self.needs_closure:
            first: list[Any] = []

            def closure() -> float:
                self.optimizer.zero_grad()
                result = self._there_and_back(x, y, *weight)
                self._finish_gradients()
                first.append(result) if not first else None
                return _total(result[1])

            self.optimizer.step(closure)
            self._after_update()
            self._count(*first[0], y, *weight)
        else:
            pred, value, size = self._there_and_back(x, y, *weight)
            self._count(pred, value, size, y, *weight)
            self.waiting, self.weight = self.waiting + 1, self.weight + size
            if self.waiting == self.accumulate or state.batch == state.batches:
                self._update()

    def _count(self, pred: Any, value: Any, size: float, y: Any, *weight: Any) -> None:
        """Take a batch into the averages of the epoch."""
        state = self.state
        state.trained += 1
        state.samples += rows(y)
        if size:  # a batch in which nothing counts has no mean
            self.total += _total(value) * (size if self.averages else 1.0)
        self.count += size
        for metric in self.metrics.values():
            metric.update(pred, y, *weight)
        state.logs = {"loss": self.total / self.count if self.count else float("nan")}
        for name, metric in self.metrics.items():
            if getattr(metric, "running", True):
                state.logs[name] = float(metric.compute())

    def _there_and_back(self, x: Any, y: Any, *weight: Any) -> tuple[Any, Any, float]:
        """Return output, loss and what the batch counts, with its gradients added to those of the parameters."""
        model, inputs = self.model, x if isinstance(x, tuple) else (x,)
        self.masks.step = self.state.trained
        with self.masks:
            if not self.calls_forward:
                pred, backward = model(*inputs, **self.declines), model.backward
            elif type(x) is np.ndarray and x.dtype == self.dtype:
                pred, backward = model.forward(x, **self.declines)
            else:
                pred, backward = model.forward(*map(model.accept, inputs), **self.declines)
        value, gradient, size = loss_step(self.loss, pred, y, *weight)
        if self.accumulate > 1 and self.averages:  # a mean over a batch counts in the mean over several by its size
            gradient = tuple(part * size for part in gradient) if isinstance(gradient, tuple) else gradient * size
        backward(gradient)
        return pred, value, size

    def _update(self) -> None:
        """Change the parameters by the gradients of the batches since the last time."""
        if self.accumulate > 1 and self.averages and self.weight:
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad *= 1 / self.weight
        self._finish_gradients()
        self.optimizer.step()
        self._after_update()

    def _after_update(self) -> None:
        self.waiting, self.weight = 0, 0.0
        self.state.step += 1
        if getattr(self.scheduler, "per", "epoch") == "batch":
            self._step_scheduler()

    def _finish_gradients(self) -> None:
        """Do to the gradients of an update what was asked for."""
        self.tell("on_update_start")
        if self.clip_norm is not None:
            clip_grad_norm(self.parameters, self.clip_norm)

    def _step_scheduler(self) -> None:
        """Have the scheduler take a step, with the figure that it watches."""
        if self.scheduler is None:
            return
        if not getattr(self.scheduler, "needs_metric", False):
            self.scheduler.step()
            return
        logs = self.state.logs
        column = getattr(self.scheduler, "monitor", None) or ("val_loss" if "val_loss" in logs else "loss")
        if column not in logs:
            raise ConfigError(
                f"{type(self.scheduler).__name__} is to watch {column!r}, and there is {', '.join(logs) or 'nothing'} "
                f"to watch.{did_you_mean(column, logs)}"
            )
        self.scheduler.step(logs[column])


def _turn(callback: Any) -> int:
    """Return the place of a callback among the others: it may say that it runs first, or last."""
    return int(getattr(callback, "runs_last", False)) - int(getattr(callback, "runs_first", False))


def _total(value: Any) -> float:
    """Return a loss as one number, the sum of its terms if it is not reduced."""
    return value if isinstance(value, float) else float(np.sum(value))
