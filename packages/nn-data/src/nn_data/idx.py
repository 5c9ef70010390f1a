"""The IDX format of the MNIST files: a magic number, the sizes of the axes, then the values."""

from __future__ import annotations

import gzip
import zlib
from math import prod
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nn_core import DataError
from nn_core.typing import Array

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CHUNK = 1 << 20


def read_idx(path: str | Path) -> Array:
    """Return the array in an IDX file, gzipped or not, in the machine's byte order.

    No more is read than is there, whatever sizes the header claims.

    Raises:
        DataError: the file is missing, is no IDX file, or holds fewer or more values than its header says.

    Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", file formats.
    """
    path = Path(path)
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if zipped:
                with gzip.open(raw) as file:
                    return _read(file, path)
            return _read(raw, path)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is a damaged or truncated gzip file: {error}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error


def _read(file: BinaryIO | gzip.GzipFile, path: Path) -> Array:
    magic = file.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise DataError(f"{path} is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}.")
    axes = magic[3]
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(f"{path} ends inside its header: {len(sizes)} of {4 * axes} bytes of sizes are there.")
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    dtype = np.dtype(_DTYPES[magic[2]])
    expected = prod(shape) * dtype.itemsize
    chunks: list[bytes] = []
    length = 0
    while length <= expected and (chunk := file.read(min(_CHUNK, expected - length + 1))):
        chunks.append(chunk)
        length += len(chunk)
    if length != expected:
        seen = f"only {length} are there" if length < expected else "there are more"
        raise DataError(f"{path} should hold {expected} bytes of values for the shape {shape} in its header; {seen}.")
    try:
        return np.frombuffer(b"".join(chunks), dtype).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:  # too many axes, or no values between axes of impossible sizes
        raise DataError(f"{path} cannot be an array: {str(error).rstrip('.')}.") from None
