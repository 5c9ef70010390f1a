"""Which samples an epoch visits, and in which order, where it is not each of them once."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from nn_core import ConfigError
from nn_core.typing import Array


class Sampler(Protocol):
    """Chooses the samples of an epoch. `DataLoader` takes anything that has these methods.

    One that has the attribute `samples`, the number of samples that it chooses from, is refused for a dataset of
    another size.
    """

    def __len__(self) -> int:
        """Return the number of samples per epoch."""

    def order(self, seed: int, epoch: int) -> Array:
        """Return the indices of an epoch's samples, which follow from seed and epoch alone."""


class WeightedSampler:
    """Draws samples with probabilities that are proportional to their weights.

    With equal weights these are random minibatches with replacement; with ``class_weights(y)[y]`` every class comes up
    equally often.

    Args:
        weights: per sample, ``(N,)``, none below 0.
        size: samples per epoch; N if left out.
        replacement: whether a sample can come up several times in an epoch.

    Raises:
        ConfigError: a weight is negative or not finite, all are 0, or too few are above 0 to draw without replacement.

    >>> WeightedSampler([0, 1, 0], size=2).order(seed=0, epoch=0)
    array([1, 1])
    """

    def __init__(self, weights: Any, size: int | None = None, replacement: bool = True) -> None:
        self.weights = np.asarray(weights, np.float64)
        if self.weights.ndim != 1 or not (np.isfinite(self.weights) & (self.weights >= 0)).all():
            raise ConfigError("weights of WeightedSampler must be one finite number of at least 0 per sample.")
        if not self.weights.any():
            raise ConfigError("weights of WeightedSampler are all 0, so that nothing can be drawn.")
        self.size = len(self.weights) if size is None else size
        if not isinstance(self.size, (int, np.integer)) or isinstance(self.size, bool) or self.size < 1:
            raise ConfigError(f"size of WeightedSampler must be an integer of at least 1, got {size!r}.")
        possible = int(np.count_nonzero(self.weights))
        if not replacement and self.size > possible:
            raise ConfigError(
                f"{self.size} samples cannot be drawn without replacement from the {possible} whose weight is not 0."
            )
        self.replacement = replacement

    @property
    def samples(self) -> int:
        """The number of samples to choose from."""
        return len(self.weights)

    def __len__(self) -> int:
        return int(self.size)

    def order(self, seed: int, epoch: int) -> Array:
        """Return the indices of an epoch's samples."""
        rng = np.random.default_rng([seed % 2**64, epoch])
        shares = self.weights / self.weights.sum()
        return rng.choice(len(self.weights), self.size, self.replacement, shares)


class StratifiedSampler:
    """Visits every sample once, each class spread evenly over the epoch, so that all batches have nearly its share.

    Args:
        labels: class of every sample, ``(N,)``.

    >>> order = StratifiedSampler([0, 0, 0, 0, 1, 1]).order(seed=0, epoch=0)
    >>> int((order[:3] >= 4).sum()), int((order[3:] >= 4).sum())
    (1, 1)
    """

    def __init__(self, labels: Any) -> None:
        labels = np.asarray(labels)
        if labels.ndim != 1:
            raise ConfigError(f"labels of StratifiedSampler must be one per sample, got the shape {labels.shape}.")
        self.members = np.unique(labels, return_inverse=True)[1]

    @property
    def samples(self) -> int:
        """The number of samples to choose from."""
        return len(self.members)

    def __len__(self) -> int:
        return len(self.members)

    def order(self, seed: int, epoch: int) -> Array:
        """Return the indices of an epoch's samples."""
        rng = np.random.default_rng([seed % 2**64, epoch])
        shuffled = rng.permutation(len(self.members))
        by_class = shuffled[np.argsort(self.members[shuffled], kind="stable")]
        counts = np.bincount(self.members)
        # Of n samples of a class, one comes in each of n equal stretches of the epoch, which begin where chance will.
        rank = np.arange(len(by_class)) - np.repeat(np.cumsum(counts) - counts, counts)
        place = (rank + np.repeat(rng.random(len(counts)), counts)) / np.repeat(counts, counts)
        return by_class[np.argsort(place, kind="stable")]
