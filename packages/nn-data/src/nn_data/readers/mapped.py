"""Arrays in files that the operating system reads as they are used: no copy is made, and memory is shared."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np

from nn_core import DataError
from nn_core.typing import Array

# What NumPy's reader of headers, which has Python parse them, can raise.
_NO_NPY = (
    ValueError,
    EOFError,
    SyntaxError,
    TokenError,
    TypeError,
    KeyError,
    OverflowError,
    MemoryError,
    RecursionError,
)


def open_npy(path: str | Path) -> Array:
    """Return the array in a ``.npy`` file, memory-mapped and read-only.

    ::

        train = ArrayDataset(open_npy("x.npy"), open_npy("y.npy"))

    Raises:
        DataError: the file is missing, damaged, shorter than its header says, or holds objects.
    """
    path = Path(path).expanduser()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except _NO_NPY as error:
        raise DataError(f"{path} is no .npy file that can be mapped: {str(error).splitlines()[0][:200]}.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not isinstance(array, np.memmap):
        raise DataError(f"{path} is an archive of several arrays (.npz), which cannot be mapped; store each as .npy.")
    return array.view(np.ndarray)


class ArrowDataset:
    """Rows of an Arrow (Feather) file as samples, memory-mapped: nothing is read before it is asked for.

    Columns must hold numbers, or lists of a fixed size of them, without missing values, and be uncompressed (written
    with ``pyarrow.feather.write_feather(table, path, compression="uncompressed")``, say).

    Args:
        path: the file.
        target: column to predict, by name, pattern or position; integers are labels.
        features: columns to predict it from; all others if left out.
        weight: column with the weight of each row.

    Shape:
        x ``(N, features)`` float32; y ``(N,)`` int64, or ``(N, targets)`` float32.

    Raises:
        DataError: the file is missing, damaged, compressed, or lacks a value.
        ConfigError: a column is not there, or is not of numbers.
    """

    def __init__(self, path: str | Path, target: Any, features: Any = None, weight: Any = None) -> None:
        from nn_data.tables.plain import PlainColumns
        from nn_data.tables.reading import read_ipc, told

        self.path = Path(path).expanduser()
        if not self.path.is_file():
            raise DataError(f"There is no file {self.path}.")
        with told(str(self.path)):
            table = read_ipc(self.path)
        self.plain = PlainColumns(table.schema, target, features, weight)
        self.columns = [[_view(chunk) for chunk in table[name].chunks] for name in self.plain.names]
        for name in self.plain.names:
            if table[name].null_count:
                raise DataError(f"{self.path}: column {name!r} has missing values; read it with TableDataset.")
        lengths = [len(chunk) for chunk in table.columns[0].chunks]
        self.starts = np.cumsum([0, *lengths])

    def __len__(self) -> int:
        return int(self.starts[-1])

    def take(self, indices: Any) -> tuple[Array, ...]:
        """Return (x, y) or (x, y, weight) of the rows at `indices`."""
        indices = np.asarray(indices, np.int64)
        if indices.size and not -len(self) <= indices.min() <= indices.max() < len(self):
            raise IndexError(f"The dataset has {len(self)} rows; there are none at {indices.min()} to {indices.max()}.")
        indices = np.where(indices < 0, indices + len(self), indices)
        homes = np.searchsorted(self.starts, indices, side="right") - 1
        out = self.plain.allocate(len(indices))
        self.plain.assemble([self._gather(column, indices, homes) for column in self.columns], out)
        return out

    def _gather(self, chunks: list[Array], indices: Array, homes: Array) -> Array:
        if len(chunks) == 1:
            return chunks[0].take(indices, axis=0)
        out = np.empty((len(indices), *chunks[0].shape[1:]), chunks[0].dtype)
        for home in np.unique(homes):
            rows = homes == home
            out[rows] = chunks[home].take(indices[rows] - self.starts[home], axis=0)
        return out


def _view(chunk: Any) -> Array:
    """Return a column of Arrow as an array that shares its memory, lists as rows; truth values are copied."""
    if hasattr(chunk.type, "list_size"):
        return np.asarray(chunk.flatten().to_numpy(zero_copy_only=False)).reshape(-1, chunk.type.list_size)
    view: Array = chunk.to_numpy(zero_copy_only=False)
    return view
