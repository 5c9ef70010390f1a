"""Accuracies: the share of samples whose class is found."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import ConfigError
from nn_core.fields import doc, number, positive
from nn_core.metrics.base import NAN, Metric, check_columns, class_indices, largest
from nn_core.metrics.labels import LabelMetric
from nn_core.typing import Array


@define(eq=False, slots=False)
class HitShare(Metric):
    """The share of samples, by weight, that are hits: ``Σ wₙ hitₙ / Σ wₙ``."""

    def reset(self) -> None:
        self._correct = 0.0
        self._total = 0.0

    def compute(self) -> float:
        """Return the accuracy so far, NaN before the first sample."""
        return self._correct / self._total if self._total else NAN

    def _add(self, pred: Array, target: Array, weights: Array) -> None:
        self._correct += float((self._hits(pred, target) * weights).sum())
        self._total += float(weights.sum())

    def _hits(self, pred: Array, target: Array) -> Array:
        hits: Array = pred == target
        return hits


@define(eq=False, slots=False)
class Accuracy(HitShare):
    """Share of samples whose largest output is at the target class (of equal outputs, the first counts).

    A sample with a NaN among its outputs is a miss.

    Shape:
        pred ``(N, C)``; target ``(N,)`` class indices or ``(N, C)`` one-hot rows; weight ``(N,)``.

    Raises:
        ShapeError: pred is not ``(N, C)`` with C ≥ 2, or target or weight does not go with it.
        DataError: a target is not a class.

    >>> import numpy as np
    >>> metric = Accuracy()
    >>> metric.update(np.eye(3), np.array([0, 1, 0]))
    >>> round(metric.compute(), 4)
    0.6667
    """

    name: ClassVar[str] = "accuracy"

    def _prepare(self, pred: Array, target: Array) -> tuple[Array, Array]:
        check_columns(self.name, pred, target)
        return largest(pred), class_indices(self.name, target, pred.shape[1])


@define(eq=False, slots=False)
class BinaryAccuracy(HitShare, LabelMetric):
    """Share of samples on the right side of the threshold; a sample with a NaN among its outputs is a miss.

    Shape:
        pred ``(N,)`` or ``(N, 1)`` probabilities, or ``(N, 2)``, of which the larger one counts; target ``(N,)``,
        ``(N, 1)`` or one-hot rows ``(N, 2)``, of classes 0 and 1.

    Raises:
        ShapeError: pred, target or weight has another shape.
        DataError: a score is no probability (logits need ``from_logits=True``), or a target is neither 0 nor 1.

    >>> import numpy as np
    >>> metric = BinaryAccuracy()
    >>> metric.update(np.array([0.2, 0.9, 0.6, 0.4]), np.array([0, 1, 1, 1]))
    >>> metric.compute()
    0.75
    """

    name: ClassVar[str] = "binary_accuracy"
    remedy: ClassVar[str] = "For more than two classes there is accuracy."

    def _most_classes(self) -> int | None:
        return 2


@define(eq=False, slots=False)
class TopKAccuracy(HitShare):
    """Share of samples whose target class is among the k largest outputs (of equal outputs, the first counts).

    A sample with a NaN among its outputs is a miss.

    Shape:
        pred ``(N, C)``; target ``(N,)`` class indices or ``(N, C)`` one-hot rows; weight ``(N,)``.

    Raises:
        ConfigError: there are fewer than k classes.
        ShapeError: pred is not ``(N, C)`` with C ≥ 2, or target or weight does not go with it.
        DataError: a target is not a class.

    >>> import numpy as np
    >>> metric = TopKAccuracy(k=2)
    >>> metric.update(np.array([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]]), np.array([1, 2]))
    >>> metric.compute()
    0.5
    """

    name: ClassVar[str] = "top_k_accuracy"

    k: int = field(default=5, converter=number, validator=positive, metadata=doc("how many guesses each sample has"))

    def _prepare(self, pred: Array, target: Array) -> tuple[Array, Array]:
        check_columns(self.name, pred, target)
        if self.k > pred.shape[1]:
            raise ConfigError(f"{self.name}: k={self.k} is more than the {pred.shape[1]} classes; choose a smaller k.")
        return pred, class_indices(self.name, target, pred.shape[1])

    def _hits(self, pred: Array, target: Array) -> Array:
        xp = backend(pred)
        own = xp.take_along_axis(pred, target[:, None], axis=1)
        tied = (pred == own) & (xp.arange(pred.shape[1]) < target[:, None])
        hits: Array = (((pred > own) | tied).sum(axis=1) < self.k) & ~xp.isnan(pred).any(axis=1)
        return hits


def accuracy(pred: Any, target: Any, weight: Any = None) -> float:
    """Return the share of rows of `pred` whose largest entry is at the target class (see `Accuracy`).

    >>> import numpy as np
    >>> accuracy(np.eye(3), np.array([0, 1, 2]))
    1.0
    """
    metric = Accuracy()
    metric.update(pred, target, weight)
    return metric.compute()


def binary_accuracy(
    pred: Any, target: Any, weight: Any = None, *, threshold: float = 0.5, from_logits: bool = False
) -> float:
    """Return the share of scores on the right side of the threshold (see `BinaryAccuracy`).

    >>> binary_accuracy([2.0, -1.0], [1, 1], from_logits=True)
    0.5
    """
    metric = BinaryAccuracy(threshold=threshold, from_logits=from_logits)
    metric.update(pred, target, weight)
    return metric.compute()


def top_k_accuracy(pred: Any, target: Any, weight: Any = None, *, k: int = 5) -> float:
    """Return the share of rows of `pred` whose k largest entries include the target class (see `TopKAccuracy`).

    >>> top_k_accuracy([[0.5, 0.3, 0.2], [0.5, 0.3, 0.2]], [1, 2], k=2)
    0.5
    """
    metric = TopKAccuracy(k)
    metric.update(pred, target, weight)
    return metric.compute()
