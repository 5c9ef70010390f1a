"""Transforms that change targets, too."""

from __future__ import annotations

import numpy as np
from attrs import define, field

from nn_core import DataError
from nn_core.batching import Batch
from nn_core.fields import positive, positive_number
from nn_data.classes import one_hot
from nn_data.transforms.base import Transform


@define(eq=False)
class OneHot(Transform):
    """Turns labels into one-hot rows: y ``(N,)`` integers → ``(N, num_classes)`` float32."""

    num_classes: int = field(validator=positive)

    def batch(self, batch: Batch, rng: np.random.Generator) -> Batch:
        x, y, *weight = batch
        return (x, one_hot(y, self.num_classes), *weight)


@define(eq=False)
class MixUp(Transform):
    """Mixes every sample with another one of the batch, and their targets likewise: ``λ a + (1 − λ) b``.

    λ is drawn for each sample from the distribution Beta(α, α). Targets, and weights where there are some, are mixed as
    the inputs are, so labels have to be one-hot rows, which `OneHot` makes.

    Args:
        alpha: near 0 most samples stay nearly themselves; 1 mixes uniformly.

    Raises:
        DataError: later, inputs or targets are no floating numbers.

    Source: Zhang et al., "mixup: beyond empirical risk minimization", 2018.
    """

    alpha: float = field(default=0.2, validator=positive_number)

    def batch(self, batch: Batch, rng: np.random.Generator) -> Batch:
        for part in batch:
            if not hasattr(part, "dtype") or part.dtype.kind != "f":
                kind = part.dtype if hasattr(part, "dtype") else type(part).__name__
                raise DataError(
                    f"MixUp mixes floating numbers, got {kind}: put ToFloat() before it for bytes, "
                    f"OneHot(num_classes) for labels."
                )
        count = len(batch[0])
        share, partner = rng.beta(self.alpha, self.alpha, count), rng.permutation(count)
        mixed = []
        for part in batch:
            shares = share.astype(part.dtype).reshape(-1, *(1,) * (part.ndim - 1))
            mixed.append(shares * part + (1 - shares) * part[partner])
        return tuple(mixed)
