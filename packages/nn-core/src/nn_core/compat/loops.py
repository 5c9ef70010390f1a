"""Training as one function, with loaders."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from nn_core.compat.one_logger import logger
from nn_core.compat.two_methods import loss_of_either_kind
from nn_core.errors import ConfigError
from nn_core.evaluation import evaluate
from nn_core.logs import chronometer
from nn_core.training import fit
from nn_core.training_state import TrainingState


@chronometer
def train(
    train_loader: Iterable[Any],
    eval_loader: Iterable[Any] | None,
    net: Any,
    optimizer: Any,
    loss_fn: Any,
    epochs: int,
    show_logs_every: int = 0,
    metric: Callable[[Any, Iterable[Any]], float] | str | None = None,
    verbose: bool = True,
    get_model: bool = True,
) -> Any:
    """Train a model on the batches of a loader, as `nn_core.fit` does, and return it in evaluation mode.

    Args:
        train_loader: batches (x, y) to train on.
        eval_loader: batches to measure on, or None.
        net: the model.
        optimizer: an optimizer over its parameters.
        loss_fn: a loss, in two methods, too.
        epochs: passes over the loader.
        show_logs_every: epochs between two lines of the log, each with a measurement; 0 for a line after the last.
        metric: a function of (model, loader), such as `accuracy` of this package, or the name of a metric; None to
            measure the loss alone.
        verbose: whether anything is logged.
        get_model: False returns the `History` instead, in which the columns ``eval_loss`` and ``eval_metric`` have what
            was measured, and NaN in the epochs between.

    Raises:
        ConfigError: `show_logs_every` is no integer of at least 0, or as for `fit`.

    >>> import numpy as np
    >>> from nn_core import Linear, Optimizer
    >>> class Descent(Optimizer):
    ...     def update(self, parameter, state):
    ...         parameter.data -= 0.5 * parameter.grad
    >>> x = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
    >>> loader, model = [(x, 2 * x)], Linear(1, 1)
    >>> from nn_core import MSELoss
    >>> _ = train(loader, loader, model, Descent(model.parameters()), MSELoss(), epochs=50, verbose=False)
    >>> model.infer(np.ones((1, 1), np.float32)).round(1)
    array([[2.]], dtype=float32)
    """
    if not isinstance(show_logs_every, int) or isinstance(show_logs_every, bool) or show_logs_every < 0:
        raise ConfigError(f"show_logs_every must be an integer of at least 0, got {show_logs_every!r}.")
    loss = loss_of_either_kind(loss_fn)
    measuring = _Measuring(eval_loader, loss, show_logs_every or epochs, metric, verbose)
    history = fit(net, train_loader, loss=loss, optimizer=optimizer, epochs=epochs, callbacks=[measuring])
    return net if get_model else history


class _Measuring:
    """Measure on a loader every so many epochs, and after the last."""

    def __init__(self, loader: Any, loss: Any, every: int, metric: Any, verbose: bool) -> None:
        self.loader, self.loss, self.every, self.metric, self.verbose = loader, loss, every, metric, verbose

    def on_epoch_end(self, state: TrainingState) -> None:
        if state.epoch % self.every and state.epoch != state.epochs:
            return
        measured: dict[str, float] = {}
        if self.loader is not None:
            state.model.eval()
            named = [self.metric] if isinstance(self.metric, str) else []
            scores = evaluate(state.model, self.loader, loss=self.loss, metrics=named)
            measured["eval_loss"] = scores["loss"]
            if self.metric is not None:
                measured["eval_metric"] = scores[named[0]] if named else float(self.metric(state.model, self.loader))
        state.columns |= measured
        if self.verbose:
            shown = {name: f"{value:.4f}" for name, value in {"loss": state.logs["loss"], **measured}.items()}
            logger.info(f"epoch {state.epoch}/{state.epochs}", **shown)
