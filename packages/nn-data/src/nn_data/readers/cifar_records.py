"""The binary version of CIFAR: records of one or two labels and 3,072 bytes, the planes red, green and blue."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nn_core import DataError
from nn_core.typing import Array
from nn_data.readers.opening import check_labels, opened

_PIXELS = 3 * 32 * 32


def read_cifar(path: str | Path, classes: tuple[int, ...] = (10,), member: str = "") -> tuple[Array, Array]:
    """Return (images, labels) of a file of CIFAR's binary version, gzipped or not.

    Args:
        path: the file, or a zip or tar archive.
        classes: number of classes of each label: ``(10,)`` for CIFAR-10, ``(20, 100)`` for CIFAR-100, whose records
            begin with the coarse and the fine label.
        member: name of the file in the archive.

    Shape:
        images ``(N, 3, 32, 32)`` uint8; labels ``(N, len(classes))`` uint8.

    Raises:
        DataError: the file is missing, holds no whole number of records, or a label is out of range.

    Source: A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009, and the page of the dataset.
    """
    place = f"{member} in {path}" if member else str(path)
    with opened(path, member) as file:
        data = file.read()
    size = len(classes) + _PIXELS
    if not data or len(data) % size:
        raise DataError(
            f"{place} holds {len(data)} bytes, which is no whole number of records of {size} bytes ({len(classes)} for "
            f"the label, {_PIXELS} for the pixels): the file is truncated after record {len(data) // size - 1}, or of "
            f"another kind."
            if data
            else f"{place} is empty."
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, size)
    labels = records[:, : len(classes)]
    for i, count in enumerate(classes):
        check_labels(labels[:, i], count, place, offset=i, stride=size)
    return records[:, len(classes) :].reshape(-1, 3, 32, 32), labels
