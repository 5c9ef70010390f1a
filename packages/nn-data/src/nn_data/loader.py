"""Batches of a dataset, epoch after epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice, repeat
from typing import Any

import numpy as np

from nn_core import ConfigError, DataError
from nn_core.batching import ArrayDataset, Batch
from nn_core.random import epoch_order
from nn_data.places import place_of
from nn_data.prefetching import ahead
from nn_data.sampling import Sampler
from nn_data.transforms.base import composed

_END: Any = object()


class DataLoader:
    """Yields batches (x, y) or (x, y, weight) of a dataset, each gathered in one go.

    Every pass is an epoch. Its order follows from (seed, epoch) alone, and what random transforms draw for a batch from
    (seed, epoch, batch), so it can be repeated, or gone on with in the middle, without repeating what was before, and
    does not depend on the number of threads.

    Args:
        dataset: anything with ``len()`` and ``take(indices)``, or a tuple of arrays ``(x, y)`` or ``(x, y, weight)``;
            or an iterable of batches, such as `TableStream`, whose size and order are then its own.
        batch_size: samples per batch.
        shuffle: whether each epoch has a new order.
        seed: see above.
        drop_last: whether a smaller last batch is left out.
        sampler: chooses the samples of an epoch and their order, such as `WeightedSampler` or `StratifiedSampler`.
        transform: what is done to every batch: a transform of `nn_data.transforms`, a function of x, or a list of them.
        prefetch: number of batches that threads make ready ahead; 0 makes each when it is asked for.
        threads: number of those threads; one reads an iterable of batches.

    Raises:
        ConfigError: an option has a wrong value, or the dataset is none.

    >>> loader = DataLoader((np.arange(5), np.arange(5)), batch_size=2)
    >>> [x.tolist() for x, y in loader]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        *,
        sampler: Sampler | None = None,
        transform: Any = None,
        prefetch: int = 0,
        threads: int = 1,
    ) -> None:
        are_arrays = isinstance(dataset, tuple) and len(dataset) in (2, 3)
        self.dataset: Any = ArrayDataset(*dataset) if are_arrays else dataset
        is_one = hasattr(self.dataset, "take") and hasattr(self.dataset, "__len__")
        self._streams = not is_one and hasattr(dataset, "__iter__") and not isinstance(dataset, (tuple, list, str))
        # take() of an array, or of a table of pandas, does something else
        if not (is_one or self._streams) or hasattr(self.dataset, "dtype") or hasattr(self.dataset, "iloc"):
            raise ConfigError(
                f"DataLoader needs a dataset with len() and take(indices), arrays (x, y), or an iterable of batches, "
                f"got {type(dataset).__name__}{f' of {len(dataset)}' if isinstance(dataset, tuple) else ''}."
            )
        if self._streams and (batch_size is not None or shuffle or drop_last or sampler is not None):
            raise ConfigError(
                f"{type(dataset).__name__} yields batches of its own: batch_size, shuffle, drop_last and sampler of "
                f"DataLoader are for datasets with len() and take(indices)."
            )
        self.batch_size = 32 if batch_size is None else batch_size
        _check_count("batch_size", self.batch_size, 1)
        _check_count("prefetch", prefetch, 0)
        _check_count("threads", threads, 1)
        if sampler is not None and shuffle:
            raise ConfigError("A sampler decides the order by itself; leave shuffle out.")
        if sampler is not None and not (hasattr(sampler, "order") and hasattr(sampler, "__len__")):
            raise ConfigError(f"A sampler has len() and order(seed, epoch), got {sampler!r}.")
        expected = getattr(sampler, "samples", None)  # which one of somebody else may not say
        if expected is not None and expected != len(self.dataset):
            raise ConfigError(
                f"{type(sampler).__name__} is for {expected} samples, and the dataset has {len(self.dataset)}."
            )
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.sampler = sampler
        self.transform = None if transform is None else composed(transform)
        self.prefetch = prefetch
        self.threads = threads
        self.epoch = 0  # of the next pass
        self._begin = self._position = {"epoch": 0, "batch": 0}

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass the one of this epoch, counted from 0."""
        self.load_state_dict({"epoch": epoch, "batch": 0})

    def state_dict(self) -> dict[str, Any]:
        """Return the place after the batch that was taken last: its epoch, and the number of batches taken from it.

        Batches that were only made ready do not count. After the last batch of an epoch the place is the beginning of
        the next one, where the number of batches is known.
        """
        return {**self._position, "settings": self._settings()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Have the next pass begin at the place that `state_dict` returned.

        Raises:
            ConfigError: `state` is of something else, or of a loader with other settings.
        """
        self._begin = self._position = place_of(state, self._settings(), "DataLoader")
        self.epoch = self._begin["epoch"]

    def _settings(self) -> dict[str, Any]:
        """Return what decides about the order of the samples, beside the dataset and the sampler."""
        if self._streams:
            return {}
        names = ("batch_size", "shuffle", "seed", "drop_last")
        return {name: getattr(self, name) for name in names} | {"samples": len(self.dataset)}

    def __len__(self) -> int:
        """Return the number of batches per epoch, or raise TypeError where an iterable of batches cannot tell."""
        if self._streams:
            return len(self.dataset)
        n = len(self.dataset if self.sampler is None else self.sampler)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        begin, self._begin = self._begin, {"epoch": self.epoch + 1, "batch": 0}
        self._position = begin
        self.epoch += 1
        return self._pass(begin)

    def _pass(self, begin: dict[str, Any]) -> Iterator[Batch]:
        epoch, first = begin["epoch"], begin["batch"]
        tasks = self._from_stream(begin) if self._streams else self._from_dataset(epoch, first)
        threads = 1 if self._streams else self.threads
        made = ahead(tasks, self.prefetch, threads) if self.prefetch else (task() for task in tasks)
        try:
            last: int | None = len(self)
        except TypeError:
            last = None  # is known when it was the last
        with closing(made):  # ends the threads, whatever ends the pass
            for done, (batch, place) in enumerate(made, first + 1):
                if batch is _END:
                    self._position = {"epoch": epoch + 1, "batch": 0}
                    break
                over = done == last
                self._position = {"epoch": epoch + 1, "batch": 0} if over else {"epoch": epoch, "batch": done} | place
                yield batch

    def _from_dataset(self, epoch: int, first: int) -> Iterator[Callable[[], Any]]:
        if self.sampler is not None:
            order, n = np.asarray(self.sampler.order(self.seed, epoch)), len(self.dataset)
            if order.size and not 0 <= order.min() <= order.max() < n:
                wrong = order[(order < 0) | (order >= n)][0]
                raise DataError(f"{type(self.sampler).__name__} chose sample {wrong} of a dataset of {n}.")
        else:
            n = len(self.dataset)
            order = epoch_order(n, self.seed, epoch) if self.shuffle else np.arange(n)
        for i in range(first, len(self)):
            yield partial(self._gather, order[i * self.batch_size : (i + 1) * self.batch_size], epoch, i)

    def _gather(self, indices: Any, epoch: int, i: int) -> tuple[Batch, dict[str, Any]]:
        return self._transformed(self.dataset.take(indices), epoch, i), {}

    def _from_stream(self, begin: dict[str, Any]) -> Iterator[Callable[[], Any]]:
        epoch, first = begin["epoch"], begin["batch"]
        stream = self.dataset
        if "source" in begin:
            stream.load_state_dict(begin["source"])
        elif hasattr(stream, "set_epoch"):
            stream.set_epoch(epoch)
        batches = iter(stream) if "source" in begin else islice(stream, first, None)
        numbered = enumerate(batches, first)

        def advance() -> tuple[Any, dict[str, Any]]:
            i, batch = next(numbered, (0, _END))
            if batch is _END:
                return _END, {}
            place = {"source": stream.state_dict()} if hasattr(stream, "load_state_dict") else {}
            return self._transformed(batch, epoch, i), place

        return repeat(advance)

    def _transformed(self, batch: Batch, epoch: int, i: int) -> Batch:
        if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
            raise DataError(f"A batch is (x, y) or (x, y, weight), got {type(batch).__name__}.")
        if self.transform is None:
            return batch
        return self.transform.batch(tuple(batch), np.random.default_rng([self.seed % 2**64, epoch, i]))


def _check_count(option: str, value: Any, least: int) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{option} of DataLoader must be an integer of at least {least}, got {value!r}.")
