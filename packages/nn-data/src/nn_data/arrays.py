"""Samples in arrays, and datasets by name."""

from __future__ import annotations

from typing import Any

from nn_core import ArrayDataset, build


def load_dataset(name: str, **options: Any) -> tuple[Any, Any]:
    """Return (train, test) of a registered dataset.

    >>> train, test = load_dataset("digits")
    >>> len(train), len(test)
    (1437, 360)

    Raises:
        UnknownComponentError: no plugin provides it; close matches are named.
        ConfigError: it does not take one of the options.
        DataError: its files are missing or damaged.
    """
    train, test = build("dataset", {"type": name, **options})
    return train, test


__all__ = ["ArrayDataset", "load_dataset"]
