"""Which classes are taken for which: the confusion matrix and what follows from it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np
from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import DataError
from nn_core.fields import doc, one_of, optional_positive
from nn_core.metrics.base import NAN
from nn_core.metrics.labels import LabelMetric
from nn_core.typing import Array

_MOST = 10_000
"""Classes that a matrix grows to by itself, which is then one of 800 MB."""

Average: TypeAlias = Literal["binary", "macro", "micro", "weighted"]


@define(eq=False, slots=False)
class ConfusionMatrix(LabelMetric):
    """How often class i (row) was taken for class j (column), by weight: ``Mᵢⱼ = Σ wₙ [targetₙ = i] [predₙ = j]``.

    It is an array, not a number, so `fit` and `evaluate` do not take it; feed it the outputs of `predict`.

    Shape:
        pred ``(N, C)``, scores ``(N,)`` or ``(N, 1)``, or integer class indices ``(N,)``; target class indices ``(N,)``
        or of pred's shape; the matrix ``(num_classes, num_classes)``, of integers unless weights were given.

    Raises:
        ShapeError: pred, target or weight has another shape, or pred more columns than there are classes.
        DataError: a target is not a class, a score is no probability (logits need ``from_logits=True``), an output is
            NaN, or there are more than 10,000 classes and ``num_classes`` does not allow it.

    >>> import numpy as np
    >>> metric = ConfusionMatrix()
    >>> metric.update(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]))
    >>> metric.compute()
    array([[2, 1],
           [0, 1]])
    """

    name: ClassVar[str] = "confusion_matrix"
    scalar: ClassVar[bool] = False
    remedy: ClassVar[str] = "Set num_classes to the number of classes."

    num_classes: int | None = field(
        default=None,
        validator=optional_positive,
        metadata=doc("rows and columns of the matrix; left out, it grows with the classes it sees"),
    )

    def reset(self) -> None:
        self._classes = self.num_classes or 0
        self._matrix: Array = np.zeros((self._classes, self._classes))
        self._weighted = False

    def update(self, pred: Any, target: Any, weight: Any = None) -> None:
        super().update(pred, target, weight)
        self._weighted |= weight is not None

    def compute(self) -> Array:
        """Return the matrix so far, zero before the first sample."""
        matrix: Array = self._matrix.astype("float64" if self._weighted else "int64")
        return matrix

    def _most_classes(self) -> int | None:
        return self.num_classes or _MOST

    def _decided(self, predicted: Array, actual: Array, undecided: Array, classes: int) -> Array:
        raise DataError(
            f"{self.name}: the outputs of sample {int(undecided.argmax())} have a NaN, so it is taken for no class."
        )

    def _add(self, pred: Array, target: Array, weights: Array) -> None:
        xp = backend(pred)
        size = self._classes
        grown = xp.bincount(target * size + pred, weights, minlength=size * size).reshape(size, size)
        grown[: len(self._matrix), : len(self._matrix)] += xp.asarray(self._matrix)
        self._matrix = grown


@define(eq=False, slots=False)
class ClassRatio(LabelMetric):
    """A ratio of counts for each class, ``num / den`` or 0 where den is 0, averaged over the classes.

    Of the classes' counts that `_fraction` gets, `hits` are the samples of the class that were found, `predicted` those
    that were taken for it and `actual` those that are of it, all by weight.
    """

    remedy: ClassVar[str] = "For more than two classes set average to macro, micro or weighted."

    average: Average = field(
        default="binary",
        validator=one_of("binary", "macro", "micro", "weighted"),
        metadata=doc("class 1 alone, the mean over the classes, all samples together, or the mean by class frequency"),
    )

    def reset(self) -> None:
        self._classes = 2
        self._counts: Array = np.zeros((4, 2))  # for each class: hits, predicted, actual, and how often it came up

    def compute(self) -> float:
        """Return the value so far, NaN before the first sample."""
        hits, predicted, actual, times = self._counts
        total = float(actual.sum())
        if not total:
            return NAN
        xp = backend(hits)
        if self.average == "micro":
            hits, predicted, actual = (part.sum(keepdims=True) for part in (hits, predicted, actual))
        numerators, denominators = self._fraction(hits, predicted, actual)
        ratios = numerators / xp.where(denominators == 0, 1.0, denominators)
        if self.average == "binary":
            return float(ratios[1])
        if self.average == "macro":
            return float(ratios[times > 0].mean())  # as in scikit-learn, a class that never came up does not count
        return float((ratios * actual).sum() / total)

    @abstractmethod
    def _fraction(self, hits: Array, predicted: Array, actual: Array) -> tuple[Array, Array]: ...

    def _most_classes(self) -> int | None:
        return 2 if self.average == "binary" else None

    def _add(self, pred: Array, target: Array, weights: Array) -> None:
        xp = backend(pred)
        size = self._classes
        right = pred == target
        grown = xp.stack(
            [
                xp.bincount(target, weights * right, minlength=size),
                xp.bincount(pred, weights, minlength=size),
                xp.bincount(target, weights, minlength=size),
                xp.bincount(pred, minlength=size) + xp.bincount(target, minlength=size),
            ]
        )
        grown[:, : self._counts.shape[1]] += xp.asarray(self._counts)
        self._counts = grown


@define(eq=False, slots=False)
class Precision(ClassRatio):
    """Share of the samples taken for a class that are of it: ``hits / predicted``, 0 where none was.

    Shape:
        pred ``(N, C)``, scores ``(N,)`` or ``(N, 1)``, or integer class indices ``(N,)``; target class indices ``(N,)``
        or of pred's shape.

    Raises:
        ConfigError: `average` is none of these words.
        ShapeError: pred, target or weight has another shape, or more than two classes with ``average="binary"``.
        DataError: a target is not a class, or a score is no probability (logits need ``from_logits=True``).

    >>> import numpy as np
    >>> metric = Precision()
    >>> metric.update(np.array([0.9, 0.8, 0.3, 0.7]), np.array([1, 0, 1, 1]))
    >>> round(metric.compute(), 4)
    0.6667
    """

    name: ClassVar[str] = "precision"

    def _fraction(self, hits: Array, predicted: Array, actual: Array) -> tuple[Array, Array]:
        return hits, predicted


@define(eq=False, slots=False)
class Recall(ClassRatio):
    """Share of the samples of a class that were found: ``hits / actual``, 0 where there are none.

    Shape:
        pred ``(N, C)``, scores ``(N,)`` or ``(N, 1)``, or integer class indices ``(N,)``; target class indices ``(N,)``
        or of pred's shape.

    Raises:
        ConfigError: `average` is none of these words.
        ShapeError: pred, target or weight has another shape, or more than two classes with ``average="binary"``.
        DataError: a target is not a class, or a score is no probability (logits need ``from_logits=True``).

    >>> import numpy as np
    >>> metric = Recall()
    >>> metric.update(np.array([0.9, 0.8, 0.3, 0.7]), np.array([1, 0, 1, 1]))
    >>> round(metric.compute(), 4)
    0.6667
    """

    name: ClassVar[str] = "recall"

    def _fraction(self, hits: Array, predicted: Array, actual: Array) -> tuple[Array, Array]:
        return hits, actual


@define(eq=False, slots=False)
class F1Score(ClassRatio):
    """Harmonic mean of precision and recall: ``2 hits / (predicted + actual)``, 0 where that is 0/0.

    Shape:
        pred ``(N, C)``, scores ``(N,)`` or ``(N, 1)``, or integer class indices ``(N,)``; target class indices ``(N,)``
        or of pred's shape.

    Raises:
        ConfigError: `average` is none of these words.
        ShapeError: pred, target or weight has another shape, or more than two classes with ``average="binary"``.
        DataError: a target is not a class, or a score is no probability (logits need ``from_logits=True``).

    >>> import numpy as np
    >>> metric = F1Score()
    >>> metric.update(np.array([0.9, 0.8, 0.3, 0.7]), np.array([1, 0, 1, 1]))
    >>> round(metric.compute(), 4)
    0.6667
    """

    name: ClassVar[str] = "f1"

    def _fraction(self, hits: Array, predicted: Array, actual: Array) -> tuple[Array, Array]:
        return 2 * hits, predicted + actual


def confusion_matrix(
    pred: Any,
    target: Any,
    weight: Any = None,
    *,
    num_classes: int | None = None,
    threshold: float = 0.5,
    from_logits: bool = False,
) -> Array:
    """Return how often class i (row) was taken for class j (column) (see `ConfusionMatrix`).

    >>> confusion_matrix([0, 2, 1], [0, 2, 2])
    array([[1, 0, 0],
           [0, 0, 0],
           [0, 1, 1]])
    """
    metric = ConfusionMatrix(num_classes, threshold=threshold, from_logits=from_logits)
    metric.update(pred, target, weight)
    return metric.compute()


def precision(
    pred: Any,
    target: Any,
    weight: Any = None,
    *,
    average: Average = "binary",
    threshold: float = 0.5,
    from_logits: bool = False,
) -> float:
    """Return the share of the samples taken for a class that are of it (see `Precision`).

    >>> precision([1, 1, 0], [1, 0, 0])
    0.5
    """
    metric = Precision(average, threshold=threshold, from_logits=from_logits)
    metric.update(pred, target, weight)
    return metric.compute()


def recall(
    pred: Any,
    target: Any,
    weight: Any = None,
    *,
    average: Average = "binary",
    threshold: float = 0.5,
    from_logits: bool = False,
) -> float:
    """Return the share of the samples of a class that were found (see `Recall`).

    >>> recall([1, 1, 0], [1, 0, 0])
    1.0
    """
    metric = Recall(average, threshold=threshold, from_logits=from_logits)
    metric.update(pred, target, weight)
    return metric.compute()


def f1_score(
    pred: Any,
    target: Any,
    weight: Any = None,
    *,
    average: Average = "binary",
    threshold: float = 0.5,
    from_logits: bool = False,
) -> float:
    """Return the harmonic mean of precision and recall (see `F1Score`).

    >>> f1_score([1, 1, 1], [1, 0, 1])
    0.8
    """
    metric = F1Score(average, threshold=threshold, from_logits=from_logits)
    metric.update(pred, target, weight)
    return metric.compute()
