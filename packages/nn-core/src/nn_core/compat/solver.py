"""A solver, which trains a model that computes its own loss by a rule that is a function."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from nn_core.batching import check_batch_size
from nn_core.compat.containers import Sequential
from nn_core.compat.one_logger import logger
from nn_core.compat.rules import OPTIONS, RULES, Config, Rule
from nn_core.errors import ConfigError, DataError, did_you_mean
from nn_core.evaluation import evaluate
from nn_core.random import epoch_order, keyed
from nn_core.typing import Array

_KEYS = ("X_train", "y_train", "X_val", "y_val")


class Solver:
    """Train a model on arrays, keep track of how it goes, and leave it with its best weights.

    Args:
        model: a `Sequential` of this package, which has ``params`` and ``compute_loss``.
        data: the arrays ``X_train``, ``y_train``, ``X_val`` and ``y_val``.
        task_type: what is measured: accuracy for ``"classification"``, root mean squared error for ``"regression"``.
        update_rule: ``"sgd"``, ``"sgd_momentum"``, ``"rmsprop"``, ``"adam"``, or a function
            ``(w, dw, config) → (next w, config)``.
        optim_config: the options of the rule, such as ``learning_rate``; each parameter has a copy of its own.
        lr_decay: what the learning rate is multiplied by after each epoch.
        batch_size: samples per update; the last of an epoch may have fewer.
        num_epochs: passes over the training data.
        num_train_samples: on how many of the training samples the metric is measured; None for all.
        num_val_samples: on how many of the validation samples; None for all.
        checkpoint_name: if given, the model is saved after each epoch, as ``<name>_epoch_<number>.safetensors``.
        print_every: updates between two lines about the loss.
        verbose: whether anything is logged.
        seed: the order of the samples and dropout masks follow from it.

    Attributes:
        loss_history: the loss of each update, the penalty on the weights included.
        train_metric_history: the metric on training samples, before the first and after each epoch.
        val_metric_history: the same on validation samples.
        best_val_metric: the best of them.
        best_params: parameters and statistics of that time by name, which the model has at the end.

    Raises:
        ConfigError: an option is not one of these, or the rule has no ``learning_rate`` that could decay.
        DataError: an array is missing, or inputs and targets do not have the same length.

    >>> import numpy as np
    >>> from nn_core import Linear
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> data = {"X_train": x, "y_train": 3 * x, "X_val": x, "y_val": 3 * x}
    >>> solver = Solver(
    ...     Sequential([Linear(1, 1)], "mse"), data, "regression", "sgd_momentum", {"learning_rate": 0.1},
    ...     batch_size=10, num_epochs=20, verbose=False,
    ... )
    >>> solver.train()
    >>> solver.best_val_metric < 0.05, len(solver.loss_history)
    (True, 80)
    """

    def __init__(
        self,
        model: Sequential,
        data: Mapping[str, Array],
        task_type: Literal["classification", "regression"] = "classification",
        update_rule: str | Rule = "sgd",
        optim_config: Config | None = None,
        lr_decay: float = 1.0,
        batch_size: int = 100,
        num_epochs: int = 10,
        num_train_samples: int | None = 1000,
        num_val_samples: int | None = None,
        checkpoint_name: str | Path | None = None,
        print_every: int = 10,
        verbose: bool = True,
        *,
        seed: int = 0,
    ) -> None:
        if not isinstance(model, Sequential):
            raise ConfigError(f"Solver trains a Sequential of nn_core.compat, which computes its loss; got {model!r}.")
        if task_type not in ("classification", "regression"):
            raise ConfigError(f"task_type must be 'classification' or 'regression', got {task_type!r}.")
        if isinstance(update_rule, str) and update_rule not in RULES:
            raise ConfigError(
                f"update_rule must be one of {', '.join(RULES)} or a function (w, dw, config) → (w, config), got "
                f"{update_rule!r}.{did_you_mean(update_rule, RULES)}"
            )
        for option in optim_config or {} if isinstance(update_rule, str) else {}:
            known = OPTIONS[str(update_rule)]
            if option not in known:
                raise ConfigError(
                    f"The rule {update_rule!r} has no option {option!r}; it takes {', '.join(known)}."
                    f"{did_you_mean(option, known)}"
                )
        check_batch_size(batch_size)
        self.model, self.task_type = model, task_type
        self.X_train, self.y_train, self.X_val, self.y_val = _arrays(data)
        self.update_rule: Rule = RULES[update_rule] if isinstance(update_rule, str) else update_rule
        self.optim_config: Config = dict(optim_config or {})
        self.lr_decay, self.batch_size, self.num_epochs = lr_decay, batch_size, num_epochs
        self.num_train_samples, self.num_val_samples = num_train_samples, num_val_samples
        self.checkpoint_name, self.print_every, self.verbose = checkpoint_name, print_every, verbose
        self.seed = seed
        self.reset()

    def reset(self) -> None:
        """Forget what was tracked, and the states of the rule; the model stays as it is."""
        self.epoch = 0
        self.loss_history: list[float] = []
        self.train_metric_history: list[float] = []
        self.val_metric_history: list[float] = []
        self.best_params: dict[str, Array] = {}
        self.best_val_metric = float("-inf") if self.task_type == "classification" else float("inf")
        self.optim_configs: dict[str, Config] = {}

    def train(self) -> None:
        """Train for `num_epochs`, and leave the model with the weights that were best on the validation data."""
        n = len(self.X_train)
        self.model.model.build(self.X_train[: self.batch_size].shape)
        updates = self.num_epochs * -(-n // self.batch_size)
        self._measure()
        for _ in range(self.num_epochs):
            order = epoch_order(n, self.seed, self.epoch)
            for start in range(0, n, self.batch_size):
                self._update(order[start : start + self.batch_size])
                if self.verbose and self.print_every and (len(self.loss_history) - 1) % self.print_every == 0:
                    logger.info(f"(Iteration {len(self.loss_history)} / {updates}) loss: {self.loss_history[-1]:.6f}")
            self.epoch += 1
            for config in self.optim_configs.values():
                if self.lr_decay != 1:
                    config["learning_rate"] = self._rate(config) * self.lr_decay
            self._measure()
            if self.checkpoint_name is not None:
                self.model.model.save(f"{self.checkpoint_name}_epoch_{self.epoch}.safetensors")
        if self.best_params:
            self.model.model.load_state_dict(self.best_params)

    def check_metric(self, X: Array, y: Array, num_samples: int | None = None, batch_size: int = 100) -> float:
        """Return the accuracy or the root mean squared error on samples, or on a random choice of so many of them."""
        if num_samples is not None and num_samples < len(X):
            chosen = epoch_order(len(X), self.seed, self.epoch)[:num_samples]
            X, y = X[chosen], y[chosen]
        metric = "accuracy" if self.task_type == "classification" else "rmse"
        return evaluate(self.model.model, (X, y), metrics=[metric], batch_size=batch_size)[metric]

    def _update(self, rows: Array) -> None:
        with keyed(self.seed, len(self.loss_history)):
            loss, grads = self.model.compute_loss(self.X_train[rows], self.y_train[rows])
        self.loss_history.append(loss)
        for name, w in self.model.params.items():
            dw = grads[name]
            if dw is not None:
                config = self.optim_configs.get(name) or dict(self.optim_config)
                w[...], self.optim_configs[name] = self.update_rule(w, dw, config)

    def _rate(self, config: Config) -> float:
        if "learning_rate" not in config:
            raise ConfigError(
                f"lr_decay multiplies config['learning_rate'], and that of {self.update_rule!r} has "
                f"{', '.join(config) or 'nothing'}: give optim_config={{'learning_rate': …}}."
            )
        return float(config["learning_rate"])

    def _measure(self) -> None:
        """Measure on both kinds of samples, and keep the weights if they are the best so far."""
        on_train = self.check_metric(self.X_train, self.y_train, self.num_train_samples)
        on_val = self.check_metric(self.X_val, self.y_val, self.num_val_samples)
        self.train_metric_history.append(on_train)
        self.val_metric_history.append(on_val)
        higher = self.task_type == "classification"
        if on_val > self.best_val_metric if higher else on_val < self.best_val_metric:
            self.best_val_metric, self.best_params = on_val, self.model.model.state_dict()
        if self.verbose:
            what = "accuracy" if higher else "RMSE"
            logger.info(f"(Epoch {self.epoch} / {self.num_epochs}) {what}: train {on_train:.4f}, val {on_val:.4f}")


def _arrays(data: Mapping[str, Array]) -> list[Array]:
    missing = [key for key in _KEYS if key not in data]
    if missing:
        raise DataError(
            f"The data need {', '.join(_KEYS)}; {', '.join(missing)} is missing. They have {', '.join(data)}."
        )
    for x, y in (_KEYS[:2], _KEYS[2:]):
        if len(data[x]) != len(data[y]) or not len(data[x]):
            raise DataError(f"{x} and {y} must have one row per sample, got {len(data[x])} and {len(data[y])}.")
    return [data[key] for key in _KEYS]
