"""Tables that do not fit in memory, read in record batches as they are needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nn_core import ConfigError, DataError
from nn_core.batching import Batch
from nn_core.random import epoch_order
from nn_data.places import place_of
from nn_data.prefetching import ahead
from nn_data.tables.columns import chosen, matching
from nn_data.tables.plain import Place, PlainColumns
from nn_data.tables.preprocessing import Preprocessing
from nn_data.tables.reading import format_of, told
from nn_data.tables.scanning import Unit, columns_needed, expression, open_files, table_files, units_of, widened
from nn_data.tables.windows import Window, arrays_like, write_columns

_ROWS = 1 << 15  # that are read and converted at a time
_AHEAD = 8  # as many of these, read while others are converted
_END: Any = object()


class TableStream:
    """Yields batches (x, y) or (x, y, weight) from files that need not fit in memory.

    Every pass is an epoch. `fit` takes a stream where it takes a loader; `DataLoader` adds transforms and prefetching.
    Memory does not grow with the data: it takes the buffer and some record batches; with `where`, also the row group of
    Parquet that is being read.

    Args:
        source: a file, a folder with files of one format in it and below, or a list of files: Parquet, Feather or
            Arrow, CSV, TSV, JSON lines.
        target: column to predict, by name, pattern or position; integers are labels, other numbers targets of a
            regression. Several are targets of a regression.
        features: columns to predict it from, all others if left out; only what is used is read.
        weight: column with the weight of each row.
        batch_size: rows per batch.
        shuffle: rows in the buffer, which are yielded in random order, after files (row groups of Parquet) were put in
            random order; 0 keeps the order.
        seed: the order follows from (seed, epoch).
        drop_last: whether a smaller last batch is left out.
        shard: ``(i, n)`` yields the i-th of n parts, counted from 0, for as many processes: every n-th file or row
            group, or every n-th row where there are fewer of these than parts.
        where: which rows to read: an expression of ``pyarrow.dataset``, or a list such as ``[("year", ">", 2000)]``.
            Parts of Parquet files that cannot hold such rows are not read.
        preprocessing: prepares the columns, where they are not all numbers or lack values; if it has learned nothing
            yet, it learns from all rows first. `target`, `features` and `weight` are then its own.
        header: see `read_table`; for text files.
        missing_values: likewise.

    Shape:
        x ``(batch_size, features)`` float32; y ``(batch_size,)`` int64, or ``(batch_size, targets)`` float32.

    Raises:
        DataError: a file is missing or damaged, or lacks a value; also later, while it is read.
        ConfigError: an option is wrong, or names a column that is not there.
    """

    def __init__(
        self,
        source: Any,
        target: Any = None,
        features: Any = None,
        *,
        weight: Any = None,
        batch_size: int = 32,
        shuffle: int = 0,
        seed: int = 0,
        drop_last: bool = False,
        shard: tuple[int, int] = (0, 1),
        where: Any = None,
        preprocessing: Preprocessing | None = None,
        header: bool | None = None,
        missing_values: Sequence[str] = (),
    ) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("shuffle", shuffle, 0)):
            if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
                raise ConfigError(f"{name} of TableStream must be an integer of at least {least}, got {value!r}.")
        if not (len(shard) == 2 and all(isinstance(part, int) for part in shard) and 0 <= shard[0] < shard[1]):
            raise ConfigError(f"shard of TableStream must be (i, n) with i from 0 to below n, got {shard!r}.")
        if preprocessing is not None and not (target is None and features is None and weight is None):
            raise ConfigError("The preprocessing has target, features and weight; leave them out of TableStream.")
        if preprocessing is None and target is None:
            raise ConfigError("TableStream needs target=, the column to predict, or preprocessing=.")
        self.files = table_files(source)
        self.batch_size, self.shuffle, self.seed, self.drop_last = int(batch_size), int(shuffle), seed, drop_last
        self.shard = shard
        reading: dict[str, Any] = {"header": header, "missing_values": missing_values}
        if preprocessing is not None:
            reading = preprocessing.options.reading
        if reading.get("encoding", "utf-8") != "utf-8":
            raise ConfigError(
                "TableStream reads text in utf-8 alone: convert the files, or read them with TableDataset."
            )
        self._dataset = open_files(self.files, reading)
        self.where = expression(where, self._dataset.schema.names)
        if format_of(Path(self.files[0])) in ("csv", "json"):
            names = self._dataset.schema.names
            wanted = target if preprocessing is None else preprocessing.options.target
            kept = [] if wanted is None else chosen(wanted, names, "target")
            words = [name for choice in reading.get("text", ()) for name in matching(choice, names)]
            self._dataset = open_files(self.files, reading, widened(self._dataset.schema, kept, words))
        self._units = units_of(self._dataset, self.where)
        self.preprocessing = preprocessing
        self._plain: PlainColumns | None = None
        if preprocessing is None:
            self._plain = PlainColumns(self._dataset.schema, target, features, weight)
            self._columns = self._plain.names
        else:
            self._columns = columns_needed(preprocessing, self._dataset.schema.names)
            if not preprocessing.fitted:
                preprocessing.fit(self)
        self.epoch = 0  # of the next pass
        self._begin = self._position = {"epoch": 0, "batch": 0}

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of x; one name for a column of lists."""
        if self._plain is not None:
            return tuple(self._plain.features)
        assert self.preprocessing is not None
        return self.preprocessing.feature_names

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass the one of this epoch, counted from 0."""
        self.load_state_dict({"epoch": epoch, "batch": 0})

    def state_dict(self) -> dict[str, Any]:
        """Return the place after the batch that was taken last: its epoch, and the number of batches taken from it."""
        return {**self._position, "settings": self._settings()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Have the next pass begin at the place that `state_dict` returned; what lies before is skipped.

        Raises:
            ConfigError: the place is that of a stream with other settings.
        """
        self._begin = self._position = place_of(state, self._settings(), "TableStream")
        self.epoch = self._begin["epoch"]

    def _settings(self) -> dict[str, Any]:
        """Return what decides about the order of the rows, beside the files."""
        return {
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "seed": self.seed,
            "drop_last": self.drop_last,
            "shard": list(self.shard),
        }

    def __len__(self) -> int:
        """Return the number of batches per epoch; TypeError where it takes reading the data to know it."""
        rows = self._count()
        if rows is None:
            raise TypeError("The number of rows of this TableStream is known only when they have been read.")
        return rows // self.batch_size if self.drop_last else -(-rows // self.batch_size)

    def tables(self) -> Iterator[pa.Table]:
        """Yield all rows of the shard in order, with the columns that are used, in tables of moderate size."""
        for batch, _ in self._record_batches(self._shard(), 0):
            yield pa.Table.from_batches([batch])

    def __iter__(self) -> Iterator[Batch]:
        begin, self._begin = self._begin, {"epoch": self.epoch + 1, "batch": 0}
        self._position = begin
        self.epoch += 1
        return self._pass(begin["epoch"], begin["batch"])

    def _pass(self, epoch: int, first: int) -> Iterator[Batch]:
        batches = -(-max(self.shuffle, min(_ROWS, 64 * self.batch_size)) // self.batch_size)  # in a window
        size = batches * self.batch_size
        number, skip = divmod(first, batches)
        total = None if self._count() is None else len(self)
        done = first
        for rows, window in self._windows(epoch, size, number * size):
            if self.shuffle:
                window.shuffle(np.random.default_rng([self.seed % 2**64, epoch, number]).permutation(rows))
            for start in range(skip * self.batch_size, rows, self.batch_size):
                if self.drop_last and start + self.batch_size > rows:
                    break
                done += 1
                over = done == total
                self._position = {"epoch": epoch + over, "batch": 0 if over else done}
                yield window.batch(start, min(start + self.batch_size, rows))
            number, skip = number + 1, 0
        if not done:
            files = self.files[0] if len(self.files) == 1 else f"these {len(self.files)} files"
            raise DataError(f"There are no rows in {files}{'' if self.where is None else f' where {self.where}'}.")
        self._position = {"epoch": epoch + 1, "batch": 0}

    def _windows(self, epoch: int, size: int, skip: int) -> Iterator[tuple[int, Window]]:
        """Yield (number of rows, window) for one full window after another, the same one again and again."""
        filled, window = 0, None
        for rows, arrays, write in self._converted(epoch, skip):
            window = Window(arrays(size)) if window is None else window
            taken = 0
            while taken < rows:
                count = min(rows - taken, size - filled)
                write(taken, taken + count, window.part(filled, filled + count))
                filled, taken = filled + count, taken + count
                if filled == size:
                    yield filled, window
                    filled = 0
        if filled and window is not None:
            yield filled, window

    def _converted(self, epoch: int, skip: int) -> Iterator[tuple[int, Any, Any]]:
        """Yield (rows, arrays, write) for record batches.

        ``arrays(n)`` returns arrays for n rows, and ``write(start, stop, out)`` writes some of the rows to such.
        """
        units = self._shard()
        if self.shuffle:
            units = [units[i] for i in epoch_order(len(units), self.seed, epoch)]
        drops = self.preprocessing is not None and self._count() is None
        left = skip
        for batch, place in self._record_batches(units, 0 if drops else skip):
            if self._plain is not None:
                yield batch.num_rows, self._plain.allocate, partial(self._plain.write, batch, place)
                continue
            assert self.preprocessing is not None
            try:
                columns = self.preprocessing.samples(pa.Table.from_batches([batch]), place.first_row or 0).columns
            except DataError as error:
                raise DataError(f"{place.path}: {error}") from None
            if drops and left:
                gone = min(left, len(columns[0]))
                columns, left = tuple(column[gone:] for column in columns), left - gone
            yield len(columns[0]), partial(arrays_like, columns), partial(write_columns, columns)

    def _record_batches(self, units: list[Unit], skip: int) -> Iterator[tuple[Any, Place]]:
        """Yield (record batch, its place) of files or row groups, one after another, read ahead by a thread."""
        batches = self._read(units, skip)
        with closing(ahead(repeat(partial(next, batches, _END)), _AHEAD, threads=1)) as made:
            for item in made:
                if item is _END:
                    return
                yield item

    def _read(self, units: list[Unit], skip: int) -> Iterator[tuple[Any, Place]]:
        i, n = self.shard
        by_row = self._by_row()
        for unit in units:
            rows = None if self.where is not None or by_row else unit.rows
            if rows is not None and rows <= skip:  # without reading it
                skip -= rows
                continue
            seen = unit.first_row
            with told(unit.path):
                for batch in unit.batches(self._dataset.schema, self._columns, self.where, _ROWS):
                    first, seen = seen, seen + batch.num_rows
                    if by_row:
                        start = (i - first + unit.first_row) % n
                        batch, first = batch.take(pa.array(np.arange(start, batch.num_rows, n))), first + start
                    if skip:
                        gone = min(skip, batch.num_rows)
                        batch, skip = batch.slice(gone), skip - gone
                        first += gone * (n if by_row else 1)
                    if batch.num_rows:
                        yield batch, Place(unit.path, first if self.where is None else None, n if by_row else 1)

    def _by_row(self) -> bool:
        """Return whether the shards are rows, as there are too few files or row groups."""
        return len(self._units) < self.shard[1]

    def _shard(self) -> list[Unit]:
        i, n = self.shard
        return list(self._units) if self._by_row() else self._units[i::n]

    def _count(self) -> int | None:
        """Return the number of rows of an epoch, where files say it and none are left out."""
        drops = False
        if self.preprocessing is not None:
            options = self.preprocessing.options
            target = self.preprocessing.target
            named = [*self.preprocessing.features, *(target.names if target is not None else [])]
            drops = bool(options.classes) or bool(options.dropped(named))
        counts = [unit.rows for unit in self._shard()]
        if self.where is not None or drops or None in counts:
            return None
        i, n = self.shard
        return sum(len(range(i, count, n)) if self._by_row() else count for count in counts if count is not None)
