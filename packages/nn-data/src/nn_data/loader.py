"""Batches of a dataset, epoch after epoch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nn_core import ConfigError
from nn_core.batching import ArrayDataset, Batch
from nn_core.random import epoch_order


class DataLoader:
    """Yields batches (x, y) or (x, y, weight) of a dataset, each gathered in one go.

    Every pass is an epoch. Its order follows from (seed, epoch) alone, so it can be repeated without repeating the
    epochs before it.

    Args:
        dataset: anything with ``len()`` and ``take(indices)``, or a tuple of arrays ``(x, y)`` or ``(x, y, weight)``.
        batch_size: samples per batch.
        shuffle: whether each epoch has a new order.
        seed: see above.
        drop_last: whether a smaller last batch is left out.

    Raises:
        ConfigError: `batch_size` is not a positive integer, or the dataset is none.

    >>> loader = DataLoader((np.arange(5), np.arange(5)), batch_size=2)
    >>> [x.tolist() for x, y in loader]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, dataset: Any, batch_size: int = 32, shuffle: bool = False, seed: int = 0, drop_last: bool = False
    ) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size < 1:
            raise ConfigError(f"batch_size of DataLoader must be a positive integer, got {batch_size!r}.")
        are_arrays = isinstance(dataset, tuple) and len(dataset) in (2, 3)
        self.dataset = ArrayDataset(*dataset) if are_arrays else dataset
        is_one = hasattr(self.dataset, "take") and hasattr(self.dataset, "__len__")
        if not is_one or isinstance(self.dataset, np.ndarray):  # whose take() does something else
            raise ConfigError(
                f"DataLoader needs a dataset with len() and take(indices) or arrays (x, y), "
                f"got {type(dataset).__name__}{f' of {len(dataset)}' if isinstance(dataset, tuple) else ''}."
            )
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass the one of this epoch, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        n = len(self.dataset)
        order = epoch_order(n, self.seed, self.epoch) if self.shuffle else np.arange(n)
        self.epoch += 1
        return (self.dataset.take(order[i * self.batch_size : (i + 1) * self.batch_size]) for i in range(len(self)))
