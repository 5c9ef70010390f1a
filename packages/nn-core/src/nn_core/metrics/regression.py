"""How far numbers are from what they should be."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

from attrs import define

from nn_core.backends import backend
from nn_core.errors import ShapeError
from nn_core.metrics.base import NAN, Metric, without_last_axis
from nn_core.typing import Array


@define(eq=False, slots=False)
class RegressionMetric(Metric):
    """A metric of numbers, computed in float64 for each output of the model and averaged over the outputs."""

    def reset(self) -> None:
        self._outputs: int | None = None
        self._total = 0.0

    def _prepare(self, pred: Array, target: Array) -> tuple[Array, Array]:
        values, wanted = without_last_axis(pred), without_last_axis(target)
        if values.ndim == 0 or values.shape != wanted.shape or 0 in values.shape[1:]:
            raise ShapeError(
                f"{self.name}: expected outputs and targets of one shape, (N,) or (N, D), got {pred.shape} and "
                f"{target.shape}"
            )
        outputs = math.prod(values.shape[1:])
        if self._outputs not in (None, outputs):
            raise ShapeError(
                f"{self.name}: expected {self._outputs} outputs per sample as before, got {outputs}",
                "Call reset() before data of another kind.",
            )
        self._outputs = outputs
        shape = (len(values), outputs)
        return values.reshape(shape).astype("float64"), wanted.reshape(shape).astype("float64")


@define(eq=False, slots=False)
class MeanError(RegressionMetric):
    """The mean of some error over the samples, by weight: ``Σ wₙ errorₙ / Σ wₙ``."""

    def reset(self) -> None:
        super().reset()
        self._sums: Any = 0.0

    def compute(self) -> float:
        """Return the mean so far, NaN before the first sample."""
        return float(self._of_means(self._sums / self._total).mean()) if self._total else NAN

    def _add(self, pred: Array, target: Array, weights: Array) -> None:
        self._sums = self._sums + weights @ self._errors(pred - target)
        self._total += float(weights.sum())

    @abstractmethod
    def _errors(self, difference: Array) -> Array: ...

    def _of_means(self, means: Array) -> Array:
        return means


@define(eq=False, slots=False)
class MeanAbsoluteError(MeanError):
    """Mean of ``|predₙ − targetₙ|``, over the samples by weight and over the outputs.

    Shape:
        pred and target ``(N,)``, ``(N, 1)`` or ``(N, …)``; weight ``(N,)``.

    Raises:
        ShapeError: the shapes differ (but for a last axis of length 1), or not all batches have as many outputs.

    >>> import numpy as np
    >>> metric = MeanAbsoluteError()
    >>> metric.update(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    >>> metric.compute()
    1.5
    """

    name: ClassVar[str] = "mae"

    def _errors(self, difference: Array) -> Array:
        return abs(difference)


@define(eq=False, slots=False)
class MeanSquaredError(MeanError):
    """Mean of ``(predₙ − targetₙ)²``, over the samples by weight and over the outputs.

    Shape:
        pred and target ``(N,)``, ``(N, 1)`` or ``(N, …)``; weight ``(N,)``.

    Raises:
        ShapeError: the shapes differ (but for a last axis of length 1), or not all batches have as many outputs.

    >>> import numpy as np
    >>> metric = MeanSquaredError()
    >>> metric.update(np.array([1.0, 2.0]), np.array([0.0, 4.0]))
    >>> metric.compute()
    2.5
    """

    name: ClassVar[str] = "mse"

    def _errors(self, difference: Array) -> Array:
        return difference * difference


@define(eq=False, slots=False)
class RootMeanSquaredError(MeanSquaredError):
    """Root of the mean squared error of each output, ``√(Σ wₙ (predₙ − targetₙ)² / Σ wₙ)``, averaged over the outputs.

    Shape:
        pred and target ``(N,)``, ``(N, 1)`` or ``(N, …)``; weight ``(N,)``.

    Raises:
        ShapeError: the shapes differ (but for a last axis of length 1), or not all batches have as many outputs.

    >>> import numpy as np
    >>> metric = RootMeanSquaredError()
    >>> metric.update(np.array([1.0, 7.0]), np.array([0.0, 0.0]))
    >>> metric.compute()
    5.0
    """

    name: ClassVar[str] = "rmse"

    def _of_means(self, means: Array) -> Array:
        roots: Array = backend(means).sqrt(means)
        return roots


@define(eq=False, slots=False)
class R2Score(RegressionMetric):
    """Share of the targets' variance that the model explains: ``1 − Σ wₙ (tₙ − pₙ)² / Σ wₙ (tₙ − t̄)²``.

    It is averaged over the outputs. Where the targets do not vary it is 1 for a perfect prediction and 0 for another.
    Mean and spread of the batches are combined without subtracting large sums, so targets far from zero lose no digits.

    Shape:
        pred and target ``(N,)``, ``(N, 1)`` or ``(N, …)``; weight ``(N,)``.

    Raises:
        ShapeError: the shapes differ (but for a last axis of length 1), or not all batches have as many outputs.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.

    >>> import numpy as np
    >>> metric = R2Score()
    >>> metric.update(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 3.0]))
    >>> metric.compute()
    0.5
    """

    name: ClassVar[str] = "r2"

    def reset(self) -> None:
        super().reset()
        self._samples = 0
        self._mean: Any = 0.0  # of the targets so far, for each output
        self._spread: Any = 0.0  # Σ wₙ (tₙ − mean)²
        self._residual: Any = 0.0  # Σ wₙ (tₙ − pₙ)²

    def compute(self) -> float:
        """Return the score so far, NaN before the second sample."""
        if self._samples < 2 or not self._total:
            return NAN
        xp = backend(self._spread)
        constant = self._spread == 0
        unexplained = xp.where(constant, 1.0, self._residual / xp.where(constant, 1.0, self._spread))
        return float((1 - xp.where(self._residual == 0, 0.0, unexplained)).mean())

    def _add(self, pred: Array, target: Array, weights: Array) -> None:
        self._samples += len(target)
        size = float(weights.sum())
        if not size:
            return
        from_first = target - target[0]  # small numbers for targets far from zero, and exactly 0 for constant ones
        offset = weights @ from_first / size
        step = target[0] + offset - self._mean
        total = self._total + size
        self._spread = self._spread + weights @ (from_first - offset) ** 2 + step**2 * (self._total * size / total)
        self._mean = self._mean + step * (size / total)
        self._residual = self._residual + weights @ (target - pred) ** 2
        self._total = total


def mean_absolute_error(pred: Any, target: Any, weight: Any = None) -> float:
    """Return the mean absolute error (see `MeanAbsoluteError`).

    >>> mean_absolute_error([1.0, 2.0], [0.0, 4.0])
    1.5
    """
    metric = MeanAbsoluteError()
    metric.update(pred, target, weight)
    return metric.compute()


def mean_squared_error(pred: Any, target: Any, weight: Any = None) -> float:
    """Return the mean squared error (see `MeanSquaredError`).

    >>> mean_squared_error([1.0, 2.0], [0.0, 4.0])
    2.5
    """
    metric = MeanSquaredError()
    metric.update(pred, target, weight)
    return metric.compute()


def root_mean_squared_error(pred: Any, target: Any, weight: Any = None) -> float:
    """Return the root of the mean squared error (see `RootMeanSquaredError`).

    >>> root_mean_squared_error([1.0, 7.0], [0.0, 0.0])
    5.0
    """
    metric = RootMeanSquaredError()
    metric.update(pred, target, weight)
    return metric.compute()


def r2_score(pred: Any, target: Any, weight: Any = None) -> float:
    """Return the share of the targets' variance that is explained (see `R2Score`).

    >>> r2_score([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    0.5
    """
    metric = R2Score()
    metric.update(pred, target, weight)
    return metric.compute()
