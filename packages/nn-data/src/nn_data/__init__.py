"""Datasets and batch loading for nn-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_data.arrays import ArrayDataset as ArrayDataset, load_dataset as load_dataset
    from nn_data.idx import read_idx as read_idx
    from nn_data.images import digits as digits, mnist as mnist
    from nn_data.loader import DataLoader as DataLoader
    from nn_data.splits import stratified_split as stratified_split
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "arrays": ["ArrayDataset", "load_dataset"],
            "idx": ["read_idx"],
            "images": ["digits", "mnist"],
            "loader": ["DataLoader"],
            "splits": ["stratified_split"],
        },
    )
