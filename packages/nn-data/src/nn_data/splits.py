"""Dividing samples into parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core import DataError
from nn_core.typing import Array


def stratified_split(labels: Any, test_size: float | int, seed: int = 0) -> tuple[Array, Array]:
    """Return the sorted indices (train, test) of a split in which every class keeps its share to within one sample.

    Args:
        labels: class of every sample, ``(N,)``.
        test_size: share of the samples in the test part, or their number.
        seed: which samples those are.

    Raises:
        DataError: `test_size` is out of range, or one of the parts would be empty.

    >>> train, test = stratified_split([0, 0, 0, 0, 1, 1], test_size=3, seed=0)
    >>> len(train), len(test)
    (3, 3)
    """
    labels = np.asarray(labels)
    n = len(labels)
    wanted = test_size if isinstance(test_size, (int, np.integer)) else -(-test_size * n // 1)  # a share is rounded up
    if isinstance(test_size, bool) or not 0 < wanted < n:
        raise DataError(f"test_size must leave both parts of the {n} samples non-empty, got {test_size!r}.")
    classes, members = np.unique(labels, return_inverse=True)
    exact = np.bincount(members) * (wanted / n)
    counts = np.floor(exact).astype(np.int64)
    largest_remainders = np.argsort(counts - exact, kind="stable")
    counts[largest_remainders[: int(wanted) - counts.sum()]] += 1

    rng = np.random.default_rng(seed % 2**64)
    chosen = [rng.permutation(np.flatnonzero(members == i))[: counts[i]] for i in range(len(classes))]
    test = np.sort(np.concatenate(chosen))
    return np.setdiff1d(np.arange(n), test, assume_unique=True), test
