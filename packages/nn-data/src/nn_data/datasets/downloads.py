"""Files of datasets: downloaded once, checked, kept in a cache, or read from a folder where they already are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from nn_core import DataError

_ATTEMPTS = 3
_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 14


@frozen
class RemoteFile:
    """A file to download.

    Args:
        name: of the file in the cache.
        url: where it is.
        checksum: the published one, such as ``md5:…`` or ``sha256:…``.
    """

    name: str
    url: str
    checksum: str


def cache_folder(dataset: str) -> Path:
    """Return the folder of a dataset in ``NN_DATA_DIR``, or in the user's cache folder where that is not set."""
    import pooch

    root = os.environ.get("NN_DATA_DIR") or pooch.os_cache("nn-data")
    return Path(root).expanduser() / dataset


def fetch(dataset: str, remote: Sequence[RemoteFile]) -> list[Path]:
    """Return the paths of a dataset's files in the cache, after downloading what is missing or damaged there.

    A download is checked before it gets its name. One that breaks off is tried again, and goes on where it stopped if
    the server allows; what there is stays for the next time. Of several processes one downloads while the others wait.

    Raises:
        DataError: the files cannot be had; the message lists them, so that they can be fetched by hand.
    """
    import pooch

    folder = cache_folder(dataset)
    paths = [folder / file.name for file in remote]
    wanting = [path for path, file in zip(paths, remote, strict=True) if not _is_good(path, file)]
    if not wanting:  # also where the cache cannot be written to
        return paths
    odd = next((path for path in wanting if path.is_file()), None)
    try:
        with _alone_in(folder):
            for path, file in zip(paths, remote, strict=True):
                logger = pooch.get_logger()
                level = logger.level
                logger.setLevel("ERROR")  # the bar tells
                try:
                    pooch.retrieve(file.url, file.checksum, file.name, folder, downloader=_resumable(path))
                finally:
                    logger.setLevel(level)
    except Exception as error:
        files = ", ".join(file.url for file in remote)
        own = "" if odd is None else f" {odd.name} there is not the published file; path={str(folder)!r} takes it."
        raise DataError(
            f"{dataset} cannot be downloaded to {folder}: {_reason(error)}. Fetch its files in "
            f"another way ({files}), and name their folder with path=, or put them into {folder}."
            f"{own}"
        ) from error
    return paths


def _is_good(path: Path, file: RemoteFile) -> bool:
    import pooch

    algorithm, _, digest = file.checksum.partition(":")
    return path.is_file() and pooch.file_hash(str(path), alg=algorithm) == digest


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process downloads to a folder, which is made."""
    import filelock

    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".lock"):
        yield


def _resumable(path: Path) -> Callable[[str, Any, Any], None]:
    """Return a downloader for pooch that keeps what it has in ``path.part`` until it is complete."""
    part = path.with_name(f"{path.name}.part")

    def download(url: str, target: str, _: Any) -> None:
        import requests

        for attempt in range(_ATTEMPTS):
            try:
                _append(url, part)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if attempt == _ATTEMPTS - 1:
                    raise
        os.replace(part, target)

    return download


def _append(url: str, part: Path) -> None:
    """Download what is missing of a file, all of it where the server cannot send a part."""
    import requests

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:  # complete, or of another file
            part.unlink()
            raise requests.ConnectionError("the server has no more of it than there is")
        answer.raise_for_status()
        goes_on = answer.status_code == requests.codes.partial_content and have > 0
        length = int(answer.headers.get("Content-Length", 0))
        total = length + have if goes_on else length
        with open(part, "ab" if goes_on else "wb") as file, _bar(part.stem, total, have if goes_on else 0) as bar:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                bar(len(chunk))
        if part.stat().st_size < total:
            raise requests.ConnectionError(f"the connection ended after {part.stat().st_size} of {total} bytes")


@contextmanager
def _bar(name: str, total: int, start: int) -> Iterator[Callable[[int], Any]]:
    """Yield what to call with every number of bytes: a progress bar, in a terminal and where tqdm is installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda count: None
        return
    shown = sys.stderr.isatty()
    with tqdm(total=total or None, initial=start, desc=name, unit="B", unit_scale=True, disable=not shown) as bar:
        yield bar.update


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} ({error.response.reason}) for {error.response.url}"
    if isinstance(error, requests.Timeout):
        return f"the server was silent for {_TIMEOUT:.0f} seconds"
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        request = getattr(error, "request", None)
        if request is None:
            return "the connection was interrupted, again and again; what is there is kept"
        return f"there is no connection to {urlsplit(str(request.url)).netloc}, or it breaks off; what is there is kept"
    if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
        return f"{error.strerror or error} ({error.filename}); NN_DATA_DIR chooses another cache"
    return str(error).rstrip(".")
