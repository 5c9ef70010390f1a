"""NumPy's own format for several arrays, which needs nothing but NumPy to read."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from nn_core.errors import ModelFileError
from nn_core.typing import Array

_WORDS = "@metadata"


class Npz:
    """A zip archive of ``.npy`` files, as ``numpy.load`` opens it; the words are JSON in the bytes of ``@metadata``.

    Arrays of objects, which NumPy would unpickle and so run code from the file, are neither written nor read.
    """

    def encode(self, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
        words = np.frombuffer(json.dumps(dict(metadata)).encode(), np.uint8)
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:  # numpy.savez does not take an array with the name "file"
            for name, array in {**arrays, _WORDS: words}.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, np.asarray(array, order="C"), allow_pickle=False)
        return data.getvalue()

    def decode(self, path: Path) -> tuple[dict[str, str], dict[str, Array]]:
        try:
            with zipfile.ZipFile(path) as archive:
                arrays = {name.removesuffix(".npy"): _array(archive, name) for name in archive.namelist()}
            words = json.loads(arrays.pop(_WORDS).tobytes()) if _WORDS in arrays else {}
        except (OSError, ValueError, EOFError, KeyError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
            raise ModelFileError(f"{path} is not a complete .npz file of plain arrays: {error}") from error
        return words, arrays


def _array(archive: zipfile.ZipFile, name: str) -> Array:
    with archive.open(name) as member:
        array: Array = np.lib.format.read_array(member, allow_pickle=False)
        return array
