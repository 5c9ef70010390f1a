"""Data for code that was written for the frameworks that this one takes the place of, under the names it knows."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn_core import ArrayDataset, DataError, PluginError
from nn_core.typing import Array, TrainTestEvalSets
from nn_data import loader
from nn_data.classes import keep_classes, one_hot
from nn_data.datasets import images
from nn_data.datasets.tabular import california_housing
from nn_data.readers.idx import read_idx
from nn_data.splits import split
from nn_data.tables.reading import read_table

logger = logging.getLogger("nn_data")

Sets = tuple[Array, Array, Array, Array, Array, Array]
"""x and y for training, validation and test."""


class DataLoader(loader.DataLoader):
    """`nn_data.DataLoader` of arrays x and y that are given one after the other.

    >>> [len(x) for x, y in DataLoader(np.zeros((5, 2)), np.zeros(5), batch_size=2)]
    [2, 2, 1]
    """

    def __init__(self, x: Any, y: Any, batch_size: int = 32, shuffle: bool = False, **options: Any) -> None:
        super().__init__((x, y), batch_size, shuffle, **options)


class Dataset:
    """Images and labels, which `batches` goes through.

    Args:
        images: ``(N, height, width, channels)``, bytes.
        labels: ``(N,)``.
    """

    def __init__(self, images: Array, labels: Array) -> None:
        self.images, self.labels = images, labels
        self._epoch = 0

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Dataset(images={self.images.shape}, labels={self.labels.shape})"

    def batches(
        self,
        batch_size: int,
        shuffle: bool = True,
        preprocess: Callable[[Array], Array] | None = None,
        num_threads: int | None = None,
        seed: int = 0,
    ) -> Iterator[tuple[Array, Array]]:
        """Return an epoch of batches of images, from 0 to 1 in float32 or as `preprocess` makes them, and labels.

        Args:
            batch_size: images per batch.
            shuffle: whether each epoch has a new order.
            preprocess: function of the images of a batch.
            num_threads: that make batches ready ahead; at most 8, one per processor, if left out.
            seed: of the order.
        """
        threads = min(8, os.cpu_count() or 1) if num_threads is None else num_threads
        batches = loader.DataLoader(
            (self.images, self.labels),
            batch_size,
            shuffle,
            seed,
            transform=preprocess or (lambda x: x.astype(np.float32) / 255),
            prefetch=2 * threads,
            threads=max(threads, 1),
        )
        batches.set_epoch(self._epoch)
        self._epoch += 1
        return iter(batches)


def load_mnist_gz(folder: str | Path) -> tuple[Dataset, Dataset]:
    """Return (train, test) of the four IDX files of MNIST in a folder, with images ``(N, 28, 28, 1)``.

    Raises:
        DataError: a file is missing or damaged.
    """
    arrays = [read_idx(images.find(Path(folder).expanduser(), part, images.PARTS)) for part in images.PARTS]
    return Dataset(arrays[0][..., None], arrays[1]), Dataset(arrays[2][..., None], arrays[3])


def normalize(x: Any, mean: Any, std: Any) -> Array:
    """Return ``(x − mean) / std``; where `std` is 0, it only subtracts the mean."""
    std = np.asarray(std)
    x = np.asarray(x)
    result: Array = (x - mean) / np.where(std == 0, np.ones_like(std), std)
    return result


def split_features_and_labels(df: Any) -> tuple[Array, Array]:
    """Return (x, y) of a table of pandas: y is the column ``label`` or, if there is none, the first one.

    Shape:
        x ``(N, columns − 1)`` float32; y ``(N,)`` int64.
    """
    label = "label" if "label" in df.columns else df.columns[0]
    return df.drop(columns=label).to_numpy(np.float32), df[label].to_numpy(np.int64)


def load_fashion_mnist_data(tensor4d: bool = False, do_normalize: bool = True) -> TrainTestEvalSets:
    """Return (train, test, validation), each (x, y), of Fashion-MNIST in CSV files, in this order.

    The paths are the environment variables ``EXPORTATION_FASHION_TRAIN_DATA_PATH``, ``FASHION_TEST_DATA_PATH`` and
    ``FASHION_VALIDATION_DATA_PATH``, which may stand in a file ``.env``. The label is the column ``label`` or the first
    one; without a first line of names it is the first one.

    Args:
        tensor4d: whether x is ``(N, 1, 28, 28)`` rather than ``(N, 784)``.
        do_normalize: whether the mean of all training pixels is subtracted, and divided by their deviation.

    Raises:
        DataError: a variable is not set, or its file is missing or damaged; it is logged, too.
    """
    return _csv_sets("FASHION", tensor4d, do_normalize)


def load_mnist_data(tensor4d: bool = False, do_normalize: bool = True) -> TrainTestEvalSets:
    """Return the same as `load_fashion_mnist_data` for ``EXPORTATION_MNIST_TRAIN_DATA_PATH`` and its like."""
    return _csv_sets("MNIST", tensor4d, do_normalize)


def separate_validation(
    source: str | Path, train: str | Path, validation: str | Path, share: float = 0.1, seed: int = 0
) -> None:
    """Write two CSV files, for training and for validation, from one; every class keeps its share.

    The label is the column ``label`` or, if there is none, the first one; a file without names makes such files.

    Raises:
        DataError: the file is missing or damaged, or one of the two cannot be written.
    """
    import pyarrow.csv

    whole = read_table(source)
    label = "label" if "label" in whole.column_names else whole.column_names[0]
    parts = split(whole, test_size=share, labels=whole[label].to_numpy(), seed=seed)
    for path, part in zip((train, validation), parts, strict=True):
        try:
            pyarrow.csv.write_csv(part, str(path), pyarrow.csv.WriteOptions(include_header=label != "0"))
        except OSError as error:
            raise DataError(f"{path} cannot be written: {error}.") from error


def load_mnist(validation: float | int = 0.1, path: str | None = None, signed: bool = False, seed: int = 0) -> Sets:
    """Return (x_train, y_train, x_val, y_val, x_test, y_test) of MNIST.

    Args:
        validation: share of the training images, or their number.
        path: see `nn_data.mnist`.
        signed: whether pixels are from −1 to 1 rather than from 0 to 1.
        seed: which images are for validation.

    Shape:
        x ``(N, 784)`` float32; y ``(N,)`` int64.
    """
    return _image_sets(images.mnist(path), None, validation, signed, seed)


def load_fashion_mnist(
    filter_classes: Sequence[int] | None = None,
    validation: float | int = 0.1,
    path: str | None = None,
    signed: bool = False,
    seed: int = 0,
) -> Sets:
    """Return the same as `load_mnist` for Fashion-MNIST, of some classes alone, which are then numbered from 0."""
    return _image_sets(images.fashion_mnist(path), filter_classes, validation, signed, seed)


def load_california_housing(
    validation: float | int = 0.1, test: float | int = 0.2, path: str | None = None, seed: int = 0
) -> Sets:
    """Return (x_train, y_train, x_val, y_val, x_test, y_test) of the California housing data.

    Shape:
        x ``(N, 8)`` float32, standardized by the training part; y ``(N, 1)`` float32.
    """
    parts = california_housing(path, test_size=test, validation=validation, seed=seed)
    return _flat(parts)


def load_env(path: str | Path = ".env") -> dict[str, str]:
    """Return the variables in a file of lines ``NAME=value``, and set those that are not in the environment yet.

    Raises:
        DataError: there is no such file.
        PluginError: python-dotenv is not installed (the extra ``nn-data[env]``).
    """
    try:
        import dotenv
    except ImportError:
        raise PluginError("Reading .env needs python-dotenv: install the extra nn-data[env].") from None
    if not Path(path).is_file():
        raise DataError(f"There is no file {path}.")
    values = {name: value or "" for name, value in dotenv.dotenv_values(path).items()}
    for name, value in values.items():
        os.environ.setdefault(name, value)
    return values


def _csv_sets(name: str, tensor4d: bool, do_normalize: bool) -> TrainTestEvalSets:
    names = [f"EXPORTATION_{name}_TRAIN_DATA_PATH", f"{name}_TEST_DATA_PATH", f"{name}_VALIDATION_DATA_PATH"]
    try:
        if Path(".env").is_file() and any(variable not in os.environ for variable in names):
            load_env()
        absent = [variable for variable in names if not os.environ.get(variable)]
        if absent:
            raise DataError(f"{absent[0]} is not set: name the CSV file in the environment or in a file .env.")
        parts = [split_features_and_labels(read_table(os.environ[variable]).to_pandas()) for variable in names]
    except (DataError, PluginError) as error:
        logger.error("%s", error)
        raise
    if do_normalize:
        mean, std = parts[0][0].mean(), parts[0][0].std()
        parts = [(normalize(x, mean, std), y) for x, y in parts]
    if tensor4d:
        parts = [(x.reshape(-1, 1, 28, 28), y) for x, y in parts]
    return parts[0], parts[1], parts[2]


def _image_sets(
    sets: tuple[ArrayDataset, ArrayDataset],
    classes: Sequence[int] | None,
    validation: float | int,
    signed: bool,
    seed: int,
) -> Sets:
    train, test = sets if classes is None else (keep_classes(part, classes) for part in sets)
    rest, held_out = split(train, test_size=validation, labels=train.y, seed=seed)
    flat = _flat((rest, held_out, test))
    if not signed:
        return flat
    return 2 * flat[0] - 1, flat[1], 2 * flat[2] - 1, flat[3], 2 * flat[4] - 1, flat[5]


def _flat(parts: Sequence[ArrayDataset]) -> Sets:
    train, validation, test = ((part.x.reshape(len(part), -1), part.y) for part in parts)
    return (*train, *validation, *test)


__all__ = [
    "DataLoader",
    "Dataset",
    "load_california_housing",
    "load_env",
    "load_fashion_mnist",
    "load_fashion_mnist_data",
    "load_mnist",
    "load_mnist_data",
    "load_mnist_gz",
    "normalize",
    "one_hot",
    "separate_validation",
    "split_features_and_labels",
]
