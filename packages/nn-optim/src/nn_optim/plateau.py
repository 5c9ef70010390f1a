"""A scheduler that watches a figure."""

from __future__ import annotations

from math import inf, isnan
from typing import Any, ClassVar

from nn_core import ConfigError, Scheduler
from nn_optim.checks import at_least_zero, one_of, share, whole


class ReduceLROnPlateau(Scheduler):
    """``lr ← max(lr · factor, min_lr)`` whenever a figure has not become better for more than `patience` steps.

    Args:
        optimizer: whose learning rates are set.
        mode: ``"min"`` if a lower figure is better, else ``"max"``.
        factor: of each reduction.
        patience: steps without improvement that are borne.
        threshold: by how much a figure must be better to count.
        threshold_mode: whether that is a share of the best one, ``"rel"``, or absolute, ``"abs"``.
        cooldown: steps after a reduction in which nothing is counted.
        min_lr: the lowest rate.
        eps: a reduction by less is left out.
        monitor: the column that `fit` passes on; ``val_loss``, or ``loss`` without validation, if left out.
        per: whether a step is an epoch or a batch.

    Raises:
        ConfigError: an option is out of its range.

    >>> from nn_core import Parameter
    >>> from nn_optim import SGD
    >>> scheduler = ReduceLROnPlateau(SGD([Parameter([1.0])], lr=1.0), factor=0.5, patience=1)
    >>> [scheduler.step(loss) or scheduler.lr[0] for loss in (3.0, 2.0, 2.0, 2.0, 1.0)]
    [1.0, 1.0, 1.0, 0.5, 0.5]
    """

    kept: ClassVar[tuple[str, ...]] = ("best", "bad", "cooling", "rates")
    needs_metric: ClassVar[bool] = True

    def __init__(
        self,
        optimizer: Any,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float = 0.0,
        eps: float = 1e-8,
        monitor: str | None = None,
        *,
        per: str = "epoch",
    ) -> None:
        name = "ReduceLROnPlateau"
        one_of(name, ("min", "max"), mode=mode)
        one_of(name, ("rel", "abs"), threshold_mode=threshold_mode)
        share(name, factor=factor)
        whole(name, 0, patience=patience, cooldown=cooldown)
        at_least_zero(name, threshold=threshold, min_lr=min_lr, eps=eps)
        self.mode, self.factor, self.patience, self.threshold = mode, factor, patience, threshold
        self.threshold_mode, self.cooldown, self.min_lr, self.eps = threshold_mode, cooldown, min_lr, eps
        self.monitor = monitor
        self.best, self.bad, self.cooling = inf if mode == "min" else -inf, 0, 0
        self.rates: list[float] = [float(group["lr"]) for group in getattr(optimizer, "param_groups", [])]
        super().__init__(optimizer, per=per)

    def apply(self) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate

    def step(self, metric: float | None = None) -> None:
        """Take in the figure of one step.

        Raises:
            ConfigError: there is none.
        """
        if metric is None:
            raise ConfigError("ReduceLROnPlateau watches a figure: call step(value), the validation loss for example.")
        if self._is_better(float(metric)):
            self.best, self.bad = float(metric), 0
        else:
            self.bad += 1
        if self.cooling > 0:
            self.cooling -= 1
            self.bad = 0
        self.rates = self.lr  # what somebody set by hand counts
        if self.bad > self.patience:
            lower = [max(rate * self.factor, self.min_lr) for rate in self.rates]
            self.rates = [new if old - new > self.eps else old for old, new in zip(self.rates, lower, strict=True)]
            self.cooling, self.bad = self.cooldown, 0
        super().step()

    def _is_better(self, figure: float) -> bool:
        if isnan(figure):
            return False
        sign = -1 if self.mode == "min" else 1
        if self.threshold_mode == "rel":
            return sign * figure > sign * self.best * (1 + sign * self.threshold)
        return sign * figure > sign * self.best + self.threshold
