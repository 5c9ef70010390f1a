"""Where batches come from: arrays, datasets, loaders, or anything that yields batches."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from itertools import islice, tee
from typing import Any, TypeAlias

import numpy as np

from nn_core.backends import backend
from nn_core.errors import ConfigError, DataError, PluginError
from nn_core.random import epoch_order
from nn_core.tensor import Tensor

Batch: TypeAlias = tuple[Any, ...]
"""(x, y) or (x, y, weight); x and y are arrays or tuples of them."""


class ArrayDataset:
    """Samples in arrays whose first axes agree.

    Args:
        x: inputs, an array or a tuple of them.
        y: targets, likewise.
        weight: per sample, ``(N,)``.
        info: what is known about the data, such as `nn_data.DatasetInfo`.

    Raises:
        DataError: the numbers of samples differ, or an array does not hold numbers.

    >>> data = ArrayDataset(np.arange(6).reshape(3, 2), np.array([0, 1, 0]))
    >>> len(data), data.take(np.array([2]))
    (3, (array([[4, 5]]), array([0])))
    """

    def __init__(self, x: Any, y: Any, weight: Any = None, info: Any = None) -> None:
        self.columns: Batch = tuple(as_arrays(part) for part in ((x, y) if weight is None else (x, y, weight)))
        lengths = [rows(array) for part in self.columns for array in (part if isinstance(part, tuple) else (part,))]
        if len(set(lengths)) > 1:
            raise DataError(f"The arrays of a dataset must have one row per sample; their lengths are {lengths}.")
        self.info = info

    @property
    def x(self) -> Any:
        return self.columns[0]

    @property
    def y(self) -> Any:
        return self.columns[1]

    @property
    def weight(self) -> Any:
        return self.columns[2] if len(self.columns) > 2 else None

    def __len__(self) -> int:
        return rows(self.x)

    def take(self, indices: Any) -> Batch:
        """Return (x, y) or (x, y, weight) of the samples at `indices`."""
        x, y, *weight = self.columns
        if type(x) is type(y) is type(indices) is np.ndarray and indices.dtype.kind == "i" and not weight:
            return x.take(indices, axis=0), y.take(indices, axis=0)  # the rule, and quicker than []
        return tuple(
            [
                tuple([array[indices] for array in part]) if isinstance(part, tuple) else part[indices]
                for part in self.columns
            ]
        )

    def __repr__(self) -> str:
        shapes = [
            tuple(array.shape for array in part) if isinstance(part, tuple) else part.shape for part in self.columns
        ]
        names = ("x", "y", "weight")
        return (
            f"{type(self).__name__}({', '.join(f'{name}={shape}' for name, shape in zip(names, shapes, strict=False))})"
        )


class Subset:
    """Some of the samples of a dataset, in a given order, or those that a mask tells.

    Raises:
        DataError: there is no such sample.

    >>> part = Subset(ArrayDataset(np.arange(5), np.arange(5)), [3, 1])
    >>> part.take(np.array([0, 1]))
    (array([3, 1]), array([3, 1]))
    """

    def __init__(self, dataset: Any, indices: Any) -> None:
        self.dataset = dataset
        self.indices = np.asarray(indices)
        n = len(dataset)
        if self.indices.dtype == bool and self.indices.shape == (n,):
            self.indices = np.flatnonzero(self.indices)
        if self.indices.ndim != 1 or (self.indices.size and self.indices.dtype.kind not in "iu"):
            raise DataError(
                f"The samples of a Subset are chosen by their numbers, or by a mask of {n}, got {self.indices.dtype} "
                f"of shape {self.indices.shape}."
            )
        if self.indices.size and not -n <= self.indices.min() <= self.indices.max() < n:
            raise DataError(f"A Subset of {n} samples has no {self.indices.min()} to {self.indices.max()}.")

    @property
    def info(self) -> Any:
        return getattr(self.dataset, "info", None)

    def __len__(self) -> int:
        return len(self.indices)

    def __repr__(self) -> str:
        return f"Subset({len(self)} of {self.dataset!r})"

    def take(self, indices: Any) -> Batch:
        """Return the samples at these positions of the subset."""
        batch: Batch = self.dataset.take(self.indices[indices])
        return batch


class Batches:
    """One pass after another over some data.

    Args:
        data: a ``(x, y)`` or ``(x, y, weight)`` tuple of arrays, a dataset (`nn_core.protocols.Dataset`), a loader, or
            any iterable of batches; the last two are iterated as they are, after ``set_epoch(epoch)`` if they have it.
            Those that have ``state_dict()`` and ``load_state_dict(state)`` go on where a run was resumed, with what is
            left of the epoch; others are read from its beginning. The arrays of Tensors among them are taken.
        batch_size: samples per batch for arrays and datasets; the last batch may be smaller.
        shuffle: whether each epoch visits arrays and datasets in a new order, keyed by (seed, epoch).
        seed: see `shuffle`.

    Raises:
        DataError: `data` is none of these, or `batch_size` no positive integer.
        ConfigError: `shuffle` is not true or false, or `seed` no integer.
    """

    def __init__(self, data: Any, batch_size: int = 32, shuffle: bool = False, seed: int = 0) -> None:
        if isinstance(data, tuple) and len(data) in (2, 3) and all(hasattr(part, "__getitem__") for part in data):
            data = ArrayDataset(*data)
        if hasattr(data, "dtype") or not (hasattr(data, "take") or hasattr(data, "__iter__")):
            raise DataError(
                f"Expected arrays (x, y), a dataset with len() and take(), or an iterable of batches, "
                f"got {type(data).__name__ if hasattr(data, 'dtype') else repr(data)}."
            )
        check_batch_size(batch_size)
        if not isinstance(shuffle, (bool, np.bool_)):
            raise ConfigError(f"shuffle must be true or false, got {shuffle!r}.")
        if not isinstance(seed, (int, np.integer)) or isinstance(seed, bool):
            raise ConfigError(f"seed must be an integer, got {seed!r}.")
        self.data = data
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self._position: Any = None  # of the data, where a run is to be resumed

    def __len__(self) -> int:
        """Return the number of batches per epoch, or raise TypeError where the data cannot tell."""
        if hasattr(self.data, "take"):
            return -(-len(self.data) // self.batch_size)
        return len(self.data)

    def count(self) -> int | None:
        """Return the number of batches per epoch, None where the data cannot tell."""
        try:
            return len(self) if isinstance(self.data, Sized) else None
        except TypeError:  # of a loader over something that cannot tell
            return None

    def state_dict(self) -> Any:
        """Return the position that the data keep themselves, None if they keep none."""
        return self.data.state_dict() if hasattr(self.data, "load_state_dict") else None

    def load_state_dict(self, position: Any) -> None:
        """Have the next `epoch` go on from the position that `state_dict` returned."""
        self._position = position

    def first(self) -> Batch:
        """Return the first batch, which the first epoch yields all the same, even if it can be read only once.

        Raises:
            DataError: as for `epoch`.
        """
        if isinstance(self.data, Iterator) and not isinstance(self.data, Sized):
            self.data, ahead = tee(self.data)
            return next(Batches(ahead).epoch(0))
        return next(self.epoch(0))

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Batch]:
        """Yield the batches of one epoch but the first few.

        Raises:
            DataError: there are none, or one is not (x, y) or (x, y, weight).
        """
        if type(self.data) is ArrayDataset and len(self.data):  # which has the right form, and holds arrays alone
            yield from self._raw(epoch, skip)
            return
        batch = None
        for batch in self._raw(epoch, skip):
            if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
                raise DataError(
                    f"A batch is (x, y) or (x, y, weight), got {type(batch).__name__}. Arrays go in a tuple (x, y)."
                )
            yield tuple(map(_without_tape, batch))
        if batch is None and skip:
            return
        if batch is None and self.count() == 0:
            raise DataError("There are no samples in the data.")
        if batch is None:
            raise DataError(
                f"The data yielded no batches in epoch {epoch + 1}. A generator can be read only once: pass a list, "
                f"a dataset or a loader."
            )

    def _raw(self, epoch: int, skip: int) -> Iterator[Any]:
        if not hasattr(self.data, "take"):
            position, self._position = self._position, None
            if position is not None:
                self.data.load_state_dict(position)
                if not skip or skip != self.count():  # else nothing is left of the epoch
                    yield from self.data
                return
            if hasattr(self.data, "set_epoch"):
                self.data.set_epoch(epoch)
            yield from islice(self.data, skip, None)
            return
        n = len(self.data)
        order = epoch_order(n, self.seed, epoch) if self.shuffle else np.arange(n)
        for start in range(skip * self.batch_size, n, self.batch_size):
            yield self.data.take(order[start : start + self.batch_size])


def check_batch_size(batch_size: Any) -> None:
    """Refuse all but positive integers.

    Raises:
        DataError: it is none.
    """
    if not isinstance(batch_size, (int, np.integer)) or isinstance(batch_size, bool) or batch_size < 1:
        raise DataError(f"batch_size must be an integer of at least 1, got {batch_size!r}.")


def rows(part: Any) -> int:
    """Return the number of samples in x or y, an array or a tuple of them.

    Raises:
        DataError: there is no axis of samples.
    """
    first = part[0] if isinstance(part, tuple) else part
    if first.ndim == 0:
        raise DataError("Samples stand along the first axis of an array; a single number was given.")
    return len(first)


def _without_tape(part: Any) -> Any:
    """Return the arrays of Tensors, alone or in a tuple, and everything else as it is."""
    if isinstance(part, tuple):
        return tuple(map(_without_tape, part))
    return part.data if isinstance(part, Tensor) else part


def as_arrays(part: Any) -> Any:
    """Return an array for an array, a list or a table, and a tuple of them for a tuple."""
    if isinstance(part, tuple):
        return tuple(as_arrays(array) for array in part)
    if isinstance(part, Tensor):
        return part.data
    try:
        backend(part)  # an array already
        array = part
    except PluginError:  # a list, or a table of pandas, whose [] would look rows up by label
        array = np.asarray(part)
    if array.dtype.kind not in "fiub":
        raise DataError(f"A dataset consists of numbers; an array of {array.dtype} was given. Convert it first.")
    return array
