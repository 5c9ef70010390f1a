"""Datasets of images."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np

from nn_core import DataError
from nn_core.typing import Array
from nn_data.arrays import ArrayDataset
from nn_data.idx import read_idx
from nn_data.splits import stratified_split

_MNIST_PARTS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def digits(test_size: float | int = 0.2, seed: int = 0) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of 1,797 handwritten digits, which are shipped inside the package.

    Args:
        test_size: share of the images in the test set, or their number.
        seed: which images those are; every class is in both sets in the same proportion.

    Shape:
        x ``(N, 1, 8, 8)`` float32 from 0 to 1; y ``(N,)`` int64 from 0 to 9.

    Source: Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998,
    CC BY 4.0.

    >>> train, test = digits()
    >>> train.x.shape, test.x.shape
    ((1437, 1, 8, 8), (360, 1, 8, 8))
    """
    with (files("nn_data") / "files" / "digits.npz").open("rb") as file, np.load(file) as archive:
        x = archive["images"][:, None].astype(np.float32) / 16
        y = archive["labels"].astype(np.int64)
    train, test = stratified_split(y, test_size, seed)
    return ArrayDataset(x[train], y[train]), ArrayDataset(x[test], y[test])


def mnist(path: str) -> tuple[ArrayDataset, ArrayDataset]:
    """Return (train, test) of MNIST from a folder with its four IDX files, gzipped or not.

    Args:
        path: folder with ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
            ``t10k-labels-idx1-ubyte``, each with or without ``.gz``.

    Shape:
        x ``(N, 1, 28, 28)`` float32 from 0 to 1; y ``(N,)`` int64 from 0 to 9; N is 60,000 and 10,000.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not go together.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """
    folder = Path(path).expanduser()
    arrays = [read_idx(_find(folder, part)) for part in _MNIST_PARTS]
    return _images(folder, *arrays[:2]), _images(folder, *arrays[2:])


def _find(folder: Path, part: str) -> Path:
    for name in (f"{part}.gz", part, part.replace("-idx", ".idx")):
        if (folder / name).is_file():
            return folder / name
    if not folder.is_dir():
        raise DataError(f"There is no folder {folder}; data.path must name the one with the MNIST files.")
    raise DataError(
        f"{folder} holds no {part}.gz, nor the same without .gz; MNIST consists of {', '.join(_MNIST_PARTS)}."
    )


def _images(folder: Path, images: Array, labels: Array) -> ArrayDataset:
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DataError(
            f"The files in {folder} do not go together: images of shape {images.shape}, labels of {labels.shape}."
        )
    return ArrayDataset(images[:, None].astype(np.float32) / 255, labels.astype(np.int64))
