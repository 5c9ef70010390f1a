"""The IDX format of the MNIST files: a magic number, the sizes of the axes, then the values."""

from __future__ import annotations

import gzip
from math import prod
from pathlib import Path
from typing import IO

import numpy as np

from nn_core import DataError
from nn_core.typing import Array
from nn_data.readers.opening import opened, read_at_most

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path, member: str = "") -> Array:
    """Return the array in an IDX file, gzipped or not, in the machine's byte order.

    No more is read than is there, whatever sizes the header claims.

    Args:
        path: the file, or a zip or tar archive.
        member: name of the file in the archive.

    Raises:
        DataError: the file is missing, is no IDX file, or holds fewer or more values than its header says.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats.
    """
    with opened(path, member) as file:
        return _read(file, f"{member} in {path}" if member else str(path))


def _read(file: IO[bytes] | gzip.GzipFile, place: str) -> Array:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise DataError(f"{place} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}.")
    axes = magic[3]
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(f"{place} ends inside its header: {len(sizes)} of {4 * axes} bytes of sizes are there.")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    dtype = np.dtype(_DTYPES[magic[2]])
    expected = prod(shape) * dtype.itemsize
    data = read_at_most(file, expected)
    if len(data) != expected:
        seen = f"it ends after {len(data)}" if len(data) < expected else "there are more"
        raise DataError(
            f"{place} should hold {expected} bytes of values after byte {4 + 4 * axes}, for the shape {shape} in its "
            f"header; {seen}."
        )
    try:
        return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:  # too many axes, or no values between axes of impossible sizes
        raise DataError(f"{place} cannot be an array: {str(error).rstrip('.')}.") from None
