"""Datasets by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core import ArrayDataset, build
from nn_core.batching import Subset
from nn_core.registry import takes
from nn_data.splits import split_indices


def load_dataset(name: str, *, validation: float | int = 0, **options: Any) -> tuple[Any, ...]:
    """Return (train, test) of a registered dataset, or (train, validation, test) on request.

    >>> train, test = load_dataset("digits")
    >>> len(train), len(test), train.info.licence
    (1437, 360, 'CC BY 4.0')
    >>> [len(part) for part in load_dataset("digits", validation=0.1)]
    [1293, 144, 360]

    Args:
        name: as ``nn-cli list datasets`` shows it.
        validation: share of the training samples that is set aside, or their number; every class keeps its share. The
            option `seed` says which ones, 0 if it is left out.
        options: of the dataset, as ``nn-cli info NAME`` explains them.

    Raises:
        UnknownComponentError: no plugin provides it; close matches are named.
        ConfigError: it does not take one of the options.
        DataError: its files are missing or damaged, or `validation` is out of range.
    """
    table = {"type": name, **options}
    if not validation:
        train, test = build("dataset", table)
        return train, test
    if takes("dataset", name, "validation"):  # it computes statistics of the rest
        parts: tuple[Any, ...] = build("dataset", table | {"validation": validation})
        return parts
    train, test = build("dataset", table)
    y = getattr(train, "y", None)
    labels = y if isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "iu" else None
    rest, held_out = split_indices(len(train), test_size=validation, labels=labels, seed=options.get("seed", 0))
    return Subset(train, rest), Subset(train, held_out), test


__all__ = ["ArrayDataset", "Subset", "load_dataset"]
