"""Columns that are numbers already, as the arrays of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from attrs import evolve, frozen

from nn_core import ConfigError, DataError
from nn_core.typing import Array
from nn_data.tables.columns import chosen


@frozen
class Place:
    """Where the rows of a record batch are: every `step`-th of a file from a first one, None if some are left out."""

    path: str
    first_row: int | None = 0
    step: int = 1

    def row(self, i: int) -> str:
        """Return in words which row of the file is the i-th of the batch."""
        return "a row" if self.first_row is None else f"row {self.first_row + i * self.step}"


class PlainColumns:
    """Which columns of a table make up x, y and the weights, as they are.

    Columns of lists of a fixed size, such as the pixels of an image, are as many columns of x.

    Args:
        schema: of the table.
        target: integers are labels, other numbers targets of a regression.
        features: all others if left out.
        weight: column of the rows' weights.

    Raises:
        ConfigError: a column is not there, or is not of numbers.
    """

    def __init__(self, schema: pa.Schema, target: Any, features: Any = None, weight: Any = None) -> None:
        names = schema.names
        self.targets = chosen(target, names, "target")
        self.weights = [] if weight is None else chosen(weight, names, "weight")
        used = {*self.targets, *self.weights}
        rest = [name for name in names if name not in used]
        self.features = rest if features is None else chosen(features, names, "features")
        if not self.features:
            raise ConfigError("No column is left for a feature.")
        self.names = list(dict.fromkeys([*self.features, *self.targets, *self.weights]))
        self.widths = [_width(schema.field(name)) for name in self.features]
        kinds = [schema.field(name).type for name in self.targets]
        if any(_width(schema.field(name)) > 1 for name in [*self.targets, *self.weights]):
            raise ConfigError("Lists of numbers can be features, not targets or weights.")
        self.are_labels = len(kinds) == 1 and bool(pa.types.is_integer(kinds[0]) or pa.types.is_boolean(kinds[0]))

    def allocate(self, n: int) -> tuple[Array, ...]:
        """Return arrays x, y and, where there are some, weights for `n` rows, to be written to.

        Where every column is one of the table, the columns of x are contiguous, as they are in the table: to write
        them row by row would take longer than to read the file.
        """
        width = sum(self.widths)
        x = np.empty((width, n), np.float32).T if max(self.widths) == 1 else np.empty((n, width), np.float32)
        y = np.empty(n, np.int64) if self.are_labels else np.empty((n, len(self.targets)), np.float32)
        return (x, y, np.empty(n, np.float32)) if self.weights else (x, y)

    def write(self, batch: Any, place: Place, start: int, stop: int, out: tuple[Array, ...]) -> None:
        """Write some rows of a record batch, whose columns are those of `names`, to arrays of as many rows.

        Raises:
            DataError: a value is missing, or not finite; it is named with its column and row.
        """
        if start and place.first_row is not None:
            place = evolve(place, first_row=place.first_row + start * place.step)
        columns = zip(batch.slice(start, stop - start).columns, self.names, strict=True)
        self.assemble([_numbers(column, name, place) for column, name in columns], out)

    def assemble(self, columns: list[Array], out: tuple[Array, ...]) -> None:
        """Write columns in the order of `names`, ``(N,)`` or ``(N, size)``, to arrays of as many rows."""
        values = dict(zip(self.names, columns, strict=True))
        start = 0
        for name, width in zip(self.features, self.widths, strict=True):
            out[0][:, start : start + width] = values[name].reshape(-1, width)
            start += width
        if self.are_labels:
            out[1][:] = values[self.targets[0]]
        else:
            for i, name in enumerate(self.targets):
                out[1][:, i] = values[name]
        if self.weights:
            out[2][:] = values[self.weights[0]]


def _width(column: pa.Field) -> int:
    """Return how many numbers a column holds per row."""
    kind = column.type
    inner = kind.value_type if pa.types.is_fixed_size_list(kind) else kind
    if not (pa.types.is_integer(inner) or pa.types.is_floating(inner) or pa.types.is_boolean(inner)):
        raise ConfigError(
            f"Column {column.name!r} is of type {kind}, where numbers are expected. Choose the features without it, or "
            f"give preprocessing=Preprocessing(…), which makes numbers of words and of missing values."
        )
    return int(kind.list_size) if pa.types.is_fixed_size_list(kind) else 1


def _numbers(column: Any, name: str, place: Place) -> Array:
    """Return a column without missing values as ``(N,)``, one of lists as ``(N, size)``."""
    width = column.type.list_size if pa.types.is_fixed_size_list(column.type) else 1
    values = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
    if column.null_count or values.null_count:
        missing = np.asarray((column if column.null_count else values).is_null(), bool)
        row = int(missing.argmax()) // (1 if column.null_count else width)
        raise DataError(
            f"{place.path}: column {name!r} has a missing value in {place.row(row)}. Give "
            f"preprocessing=Preprocessing(…, missing=…), which says what to do about it."
        )
    numbers: Array = values.to_numpy(zero_copy_only=False)
    if numbers.dtype.kind == "f":
        with np.errstate(all="ignore"):
            total = numbers.sum()
        if not np.isfinite(total) and not (finite := np.isfinite(numbers)).all():
            wrong = int(finite.argmin())
            raise DataError(f"{place.path}: column {name!r} has {numbers[wrong]} in {place.row(wrong // width)}.")
    return numbers if values is column else numbers.reshape(-1, width)
