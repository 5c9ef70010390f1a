"""Datasets, tables and batch loading for nn-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_core import ArrayDataset as ArrayDataset
    from nn_core.batching import Subset as Subset
    from nn_data.classes import class_weights as class_weights, keep_classes as keep_classes, one_hot as one_hot
    from nn_data.datasets.cifar import cifar10 as cifar10, cifar100 as cifar100
    from nn_data.datasets.downloads import RemoteFile as RemoteFile, cache_folder as cache_folder, fetch as fetch
    from nn_data.datasets.images import (
        digits as digits,
        emnist_letters as emnist_letters,
        fashion_mnist as fashion_mnist,
        kmnist as kmnist,
        mnist as mnist,
    )
    from nn_data.datasets.info import DatasetInfo as DatasetInfo
    from nn_data.datasets.named import load_dataset as load_dataset
    from nn_data.datasets.synthetic import (
        blobs as blobs,
        circles as circles,
        linear_regression as linear_regression,
        moons as moons,
        sine_waves as sine_waves,
        spirals as spirals,
        xor as xor,
    )
    from nn_data.datasets.tabular import (
        auto_mpg as auto_mpg,
        california_housing as california_housing,
        penguins as penguins,
    )
    from nn_data.loader import DataLoader as DataLoader
    from nn_data.readers.cifar_records import read_cifar as read_cifar
    from nn_data.readers.idx import read_idx as read_idx
    from nn_data.readers.image_folders import ImageFolder as ImageFolder, image_folder as image_folder
    from nn_data.readers.mapped import ArrowDataset as ArrowDataset, open_npy as open_npy
    from nn_data.sampling import StratifiedSampler as StratifiedSampler, WeightedSampler as WeightedSampler
    from nn_data.splits import (
        k_fold as k_fold,
        split as split,
        split_indices as split_indices,
        stratified_split as stratified_split,
    )
    from nn_data.tables.options import TableOptions as TableOptions
    from nn_data.tables.preprocessing import Preprocessing as Preprocessing
    from nn_data.tables.reading import read_table as read_table
    from nn_data.tables.streaming import TableStream as TableStream
    from nn_data.tables.table_dataset import TableDataset as TableDataset, table as table
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "classes": ["class_weights", "keep_classes", "one_hot"],
            "datasets.cifar": ["cifar10", "cifar100"],
            "datasets.downloads": ["RemoteFile", "cache_folder", "fetch"],
            "datasets.images": ["digits", "emnist_letters", "fashion_mnist", "kmnist", "mnist"],
            "datasets.info": ["DatasetInfo"],
            "datasets.named": ["ArrayDataset", "Subset", "load_dataset"],
            "datasets.synthetic": [
                "blobs",
                "circles",
                "linear_regression",
                "moons",
                "sine_waves",
                "spirals",
                "xor",
            ],
            "datasets.tabular": ["auto_mpg", "california_housing", "penguins"],
            "loader": ["DataLoader"],
            "readers.cifar_records": ["read_cifar"],
            "readers.idx": ["read_idx"],
            "readers.image_folders": ["ImageFolder", "image_folder"],
            "readers.mapped": ["ArrowDataset", "open_npy"],
            "sampling": ["StratifiedSampler", "WeightedSampler"],
            "splits": ["k_fold", "split", "split_indices", "stratified_split"],
            "tables.options": ["TableOptions"],
            "tables.preprocessing": ["Preprocessing"],
            "tables.reading": ["read_table"],
            "tables.streaming": ["TableStream"],
            "tables.table_dataset": ["TableDataset", "table"],
            "transforms.base": ["Transform"],
        },
    )
