"""From the outputs of a network to one predicted class per sample."""

from __future__ import annotations

import math
from typing import ClassVar

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import DataError, ShapeError
from nn_core.fields import boolean, doc, number, probability
from nn_core.metrics.base import Metric, class_indices, largest, without_last_axis
from nn_core.typing import Array

_ROUNDING = 1e-6
"""By how much a probability that was computed in float32 may leave 0 to 1."""


@define(eq=False, slots=False)
class LabelMetric(Metric):
    """A metric of the predicted and the true class of each sample.

    One score per sample means class 1 where it is above the threshold; of several columns the largest counts; integers
    are class indices already. A sample with a NaN among its outputs is taken for a wrong class, the one after its own,
    so that a diverged model scores nothing and its training goes on.
    """

    remedy: ClassVar[str] = ""
    """What to do when there are more classes than the metric takes."""

    threshold: float = field(
        default=0.5,
        kw_only=True,
        converter=number,
        validator=probability,
        metadata=doc("probability above which a sample with one score is of class 1"),
    )
    from_logits: bool = field(
        default=False,
        kw_only=True,
        validator=boolean,
        metadata=doc("whether single scores are logits rather than probabilities"),
    )

    _classes = 0  # as many as there were columns, or as follow from the largest class index

    def _most_classes(self) -> int | None:
        """Return how many classes there may be, None for any number."""
        return None

    def _prepare(self, pred: Array, target: Array) -> tuple[Array, Array]:
        scores = without_last_axis(pred)
        single = scores.ndim == 1 and without_last_axis(target).shape == scores.shape
        if not single and not (scores.ndim == 2 and target.shape in (scores.shape[:1], scores.shape)):
            raise ShapeError(
                f"{self.name}: expected outputs (N, C) with targets (N,) or (N, C), or scores (N,) or (N, 1) with "
                f"targets (N,) or (N, 1), got {pred.shape} and {target.shape}"
            )
        most = self._most_classes()
        if not single:
            self._check_width(scores, most)
            classes = scores.shape[1]
            predicted, actual = largest(scores), class_indices(self.name, target, classes)
        elif scores.dtype.kind == "f":
            classes = 2
            predicted = self._above_threshold(scores)
            actual = class_indices(self.name, without_last_axis(target), classes, self.remedy)
        else:
            predicted, actual = (
                class_indices(self.name, without_last_axis(part), most, self.remedy) for part in (scores, target)
            )
            classes = int(max(predicted.max(initial=-1), actual.max(initial=-1))) + 1
        undecided = predicted < 0
        if undecided.any():
            predicted = self._decided(predicted, actual, undecided, classes)
        self._classes = max(self._classes, classes)
        return predicted, actual

    def _decided(self, predicted: Array, actual: Array, undecided: Array, classes: int) -> Array:
        """Return the predicted classes with a wrong one for the samples whose outputs have a NaN."""
        wrong: Array = backend(predicted).where(undecided, (actual + 1) % classes, predicted)
        return wrong

    def _check_width(self, pred: Array, most: int | None) -> None:
        if pred.shape[1] == 0 or (most is not None and pred.shape[1] > most):
            wanted = "at least 1" if most is None else f"at most {most}"
            raise ShapeError(f"{self.name}: expected outputs for {wanted} classes, got {pred.shape}", self.remedy)

    def _above_threshold(self, scores: Array) -> Array:
        """Return 1 where a score means class 1, −1 where it is NaN, else 0."""
        xp = backend(scores)
        cut = self.threshold
        if self.from_logits:
            cut = math.log(cut / (1 - cut)) if 0 < cut < 1 else math.copysign(math.inf, cut - 0.5)
        elif ((scores < -_ROUNDING) | (scores > 1 + _ROUNDING)).any():
            raise DataError(
                f"{self.name}: expected probabilities, got scores from {xp.nanmin(scores):g} to {xp.nanmax(scores):g}. "
                f"Pass from_logits=True if they are logits."
            )
        above: Array = xp.where(xp.isnan(scores), -1, scores > cut)
        return above
