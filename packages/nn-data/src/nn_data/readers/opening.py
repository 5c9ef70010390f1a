"""Opening files that may be compressed, or members of an archive, with errors that name them."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from nn_core import DataError
from nn_core.typing import Array

_CHUNK = 1 << 20
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, tarfile.TarError)


@contextmanager
def opened(path: str | Path, member: str = "") -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file to read its bytes, or the `member` of the zip or tar archive that it is; gzip is undone.

    Raises:
        DataError: there is no such file or member, or it is damaged; also while it is read inside.
    """
    path = Path(path)
    place = f"{member} in {path}" if member else str(path)
    try:
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(open(path, "rb"))
            if member:
                file = stack.enter_context(_member(path, file, member, stack))
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield stack.enter_context(gzip.GzipFile(fileobj=file)) if zipped else file
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a folder, where a file is expected.") from None
    except KeyError:
        raise DataError(f"{path} holds no {member}.") from None
    except _DAMAGED as error:
        raise DataError(f"{place} is damaged or truncated: {str(error).rstrip('.')}.") from error
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror or error}.") from error


def _member(path: Path, file: IO[bytes], member: str, stack: ExitStack) -> IO[bytes]:
    if path.suffix == ".zip":
        return stack.enter_context(zipfile.ZipFile(file)).open(member)
    archive = tarfile.open(fileobj=file)  # noqa: SIM115 - the stack closes it
    inner = stack.enter_context(archive).extractfile(member)
    if inner is None:
        raise KeyError(member)
    return inner


def read_at_most(file: IO[bytes] | gzip.GzipFile, size: int) -> bytes:
    """Return the bytes that are there, `size` and one more at most; memory follows what is read, not what is asked."""
    chunks: list[bytes] = []
    length = 0
    while length <= size and (chunk := file.read(min(_CHUNK, size - length + 1))):
        chunks.append(chunk)
        length += len(chunk)
    return b"".join(chunks)


def check_labels(labels: Array, classes: int, place: str, offset: int, stride: int, first: int = 0) -> None:
    """Refuse labels that are not of one of the classes.

    Args:
        labels: integers, ``(N,)``.
        classes: how many there are.
        place: what to call the file.
        offset: of the first label in it, in bytes.
        stride: from one label to the next, in bytes.
        first: the smallest label there is.

    Raises:
        DataError: a label is out of range; the first one is named with its record and its offset in the file.
    """
    wrong = (labels < first) | (labels >= first + classes)
    if wrong.any():
        record = int(wrong.argmax())
        raise DataError(
            f"{place} is mislabelled: record {record} (byte {offset + record * stride}) has the label "
            f"{labels[record]}, and there are {classes} classes, from {first} to {first + classes - 1}."
        )
