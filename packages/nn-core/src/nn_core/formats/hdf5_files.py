"""HDF5, the format of Keras and of many other scientific tools."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nn_core.errors import ModelFileError, PluginError
from nn_core.typing import Array


class HDF5:
    """One dataset per array, under its name, and one of text per word, under its name after an ``@``.

    Only what stands in the file itself is read: links and datasets that lead to other files are refused.

    Raises:
        PluginError: h5py is not installed.
    """

    def encode(self, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
        data = io.BytesIO()
        with _h5py().File(data, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=np.asarray(array, order="C"))
            for name, text in metadata.items():  # an attribute would have to be shorter than 64 KiB
                file.create_dataset(f"@{name}", data=text)
        return data.getvalue()

    def decode(self, path: Path) -> tuple[dict[str, str], dict[str, Array]]:
        h5py = _h5py()
        metadata, arrays = {}, {}
        try:
            with h5py.File(path, "r") as file:
                for name in file:
                    dataset = _own_dataset(file, name)
                    if h5py.check_string_dtype(dataset.dtype) is not None:
                        metadata[name.removeprefix("@")] = dataset.asstr()[()]
                    else:
                        arrays[name] = dataset[()]
        except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
            raise ModelFileError(f"{path} is not a complete HDF5 file of plain arrays: {error}") from error
        return metadata, arrays


def _own_dataset(file: Any, name: str) -> Any:
    """Return a dataset that stands in the file itself."""
    h5py = _h5py()
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name!r} leads to another place")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{name!r} is a group, and arrays are expected")
    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{name!r} has its numbers in another file")
    return dataset


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise PluginError("HDF5 files need h5py: install the extra nn-core[hdf5].") from None
    return h5py
