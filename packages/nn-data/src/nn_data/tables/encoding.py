"""From the columns of a table to numbers: what was learned about a column, and how its values are encoded."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from attrs import define, field

from nn_core import DataError
from nn_core.typing import Array


@define
class NumberEncoder:
    """``(value − center) / scale``; a missing value is replaced by `fill`, and told by a further column.

    Args:
        name: of the column.
        center: see above.
        scale: likewise.
        fill: what stands for a missing value; None refuses it.
        indicator: whether there is a further column, 1 where the value was missing.
    """

    kind: ClassVar[str] = "number"
    name: str
    center: float = 0.0
    scale: float = 1.0
    fill: float | None = None
    indicator: bool = False

    @property
    def names(self) -> list[str]:
        return [self.name, f"{self.name}=missing"] if self.indicator else [self.name]

    def encode(self, column: Any, rows: Array, out: Array) -> None:
        """Write the numbers of a column, in these rows of the source, into ``(N, len(names))``.

        Raises:
            DataError: a value is no finite number, or missing though that is refused.
        """
        values = numbers_of(column, self.name, rows)
        missing = np.isnan(values)
        if missing.any():
            if self.fill is None:
                raise missing_value(self.name, rows[missing])
            values = np.where(missing, self.fill, values)
        out[:, 0] = (values - self.center) / self.scale
        if self.indicator:
            out[:, 1] = missing

    def decode(self, values: Array) -> Array:
        """Return numbers in the units of the column."""
        return values.astype(np.float64) * self.scale + self.center


@define
class CategoryEncoder:
    """A column per category that is 1 in the rows that have it (``one_hot``), or one with the category's number.

    Args:
        name: of the column.
        categories: in their order.
        style: ``one_hot`` or ``ordinal``.
        fill: the category that stands for a missing value; None refuses it, unless there is an indicator.
        indicator: whether there is a further column, 1 where the value was missing.
        unknown: ``error`` refuses a category that was not there in training; ``ignore`` gives it zeros, or, for
            ``ordinal``, the number after the last.
    """

    kind: ClassVar[str] = "category"
    name: str
    categories: list[str] = field(factory=list)
    style: str = "one_hot"
    fill: str | None = None
    indicator: bool = False
    unknown: str = "error"

    @property
    def names(self) -> list[str]:
        names = [f"{self.name}={word}" for word in self.categories] if self.style == "one_hot" else [self.name]
        return [*names, f"{self.name}=missing"] if self.indicator else names

    def encode(self, column: Any, rows: Array, out: Array) -> None:
        """Write the categories of a column, in these rows of the source, into ``(N, len(names))``.

        Raises:
            DataError: a category is unknown, or missing though that is refused.
        """
        words = words_of(column)
        missing = np.asarray(words.is_null())
        if missing.any() and self.fill is None and not self.indicator:
            raise missing_value(self.name, rows[missing])
        if self.fill is not None:
            words = pc.fill_null(words, self.fill)
        codes = codes_of(words, self.categories)
        absent = (codes < 0) & ~(missing if self.fill is None else np.zeros_like(missing))
        if absent.any() and self.unknown == "error":
            row = int(absent.argmax())
            known = ", ".join(map(repr, self.categories[:10])) + (", …" if len(self.categories) > 10 else "")
            raise DataError(
                f"Column {self.name!r} has the unknown category {words[row].as_py()!r} in row {rows[row]}; in training "
                f"there were {known}. Trained with unknown='ignore' it would get zeros."
            )
        width = len(self.names) - self.indicator
        if self.style == "one_hot":
            out[:, :width] = 0
            found = np.flatnonzero(codes >= 0)
            out[found, codes[found]] = 1
        else:
            out[:, 0] = np.where(codes < 0, len(self.categories), codes)
        if self.indicator:
            out[:, width] = missing


ENCODERS: dict[str, Any] = {encoder.kind: encoder for encoder in (NumberEncoder, CategoryEncoder)}


@define
class NumberStatistics:
    """What was seen of a column of numbers, batch by batch; values themselves are kept only for the median.

    Mean and deviation of batches are put together as by Chan, Golub and LeVeque, "Updating formulae and a pairwise
    algorithm for computing sample variances", 1979.
    """

    name: str
    keeps: bool = False
    count: int = 0
    missing: int = 0
    first_missing: int = -1
    mean: float = 0.0
    squares: float = 0.0
    least: float = np.inf
    most: float = -np.inf
    values: list[Array] = field(factory=list)

    def update(self, column: Any, rows: Array) -> None:
        """Take in a column, in these rows of the source."""
        values = numbers_of(column, self.name, rows)
        missing = np.isnan(values)
        present = values[~missing]
        note_missing(self, missing, rows)
        if not len(present):
            return
        count, mean = len(present), present.mean()
        total, shift = self.count + count, mean - self.mean
        self.squares += ((present - mean) ** 2).sum() + shift**2 * self.count * count / total
        self.mean += shift * count / total
        self.count = total
        self.least, self.most = min(self.least, present.min()), max(self.most, present.max())
        if self.keeps:
            self.values.append(present)

    @property
    def deviation(self) -> float:
        """Return the deviation, with N for its divisor."""
        return float(np.sqrt(self.squares / self.count)) if self.count else 0.0

    def median(self) -> float:
        """Return the median of the values, which were kept."""
        return float(np.median(np.concatenate(self.values)))


@define
class CategoryStatistics:
    """How often each category of a column was seen, and in which row first."""

    name: str
    missing: int = 0
    first_missing: int = -1
    order: list[str] | None = None
    counts: dict[str, int] = field(factory=dict)
    first: dict[str, int] = field(factory=dict)

    def update(self, column: Any, rows: Array) -> None:
        """Take in a column, in these rows of the source."""
        if pa.types.is_dictionary(column.type) and column.type.ordered and len(column):
            self.order = words_of(column.chunk(0).dictionary).to_pylist()  # as an ordered column of pandas says
        words = words_of(column)
        note_missing(self, np.asarray(words.is_null()), rows)
        for entry in words.value_counts().to_pylist():
            if entry["values"] is not None:
                self.counts[entry["values"]] = self.counts.get(entry["values"], 0) + entry["counts"]
        new = [word for word in self.counts if word not in self.first]
        if new:
            places = pc.index_in(pa.array(new, pa.string()), value_set=words.combine_chunks())
            self.first |= {word: int(rows[row]) for word, row in zip(new, places.to_pylist(), strict=True)}

    def categories(self) -> list[str]:
        """Return the categories in the order that the column says, else that of the alphabet."""
        return sorted(self.counts) if self.order is None else [word for word in self.order if word in self.counts]

    def most_frequent(self) -> str:
        """Return the category that was seen most often, the first in the alphabet of several."""
        return min(self.counts, key=lambda word: (-self.counts[word], word))


def note_missing(seen: NumberStatistics | CategoryStatistics, missing: Array, rows: Array) -> None:
    """Count missing values, and keep the row of the first."""
    if missing.any() and seen.first_missing < 0:
        seen.first_missing = int(rows[missing.argmax()])
    seen.missing += int(missing.sum())


def is_number(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds numbers."""
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    )


def is_text(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds words."""
    if pa.types.is_dictionary(kind):
        return is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def numbers_of(column: Any, name: str, rows: Array) -> Array:
    """Return the numbers of a column, in these rows of the source, as ``(N,)`` float64, NaN where one is missing.

    Raises:
        DataError: a value is no number, or infinite; it is named with its row.
    """
    try:
        plain = column.cast(pa.float64(), safe=False)  # integers beyond 2⁵³ lose their last digits
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # a text is no number, or its type has no such cast
        raise DataError(_not_a_number(column, name, rows)) from None
    values = np.asarray(plain.to_numpy(), np.float64)
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise DataError(f"Column {name!r} has the value {values[row]} in row {rows[row]}, which is not finite.")
    return values


def _not_a_number(column: Any, name: str, rows: Array) -> str:
    if is_text(column.type):
        for row, word in enumerate(column.cast(pa.string()).to_pylist()):
            try:
                float(word or 0)
            except ValueError:
                return f"Column {name!r} should hold numbers, and has {word!r} in row {rows[row]}."
    return f"Column {name!r} should hold numbers, and is of type {column.type}."


def words_of(column: Any) -> Any:
    """Return a column as words of Arrow; numbers are written out, whole ones without a fraction."""
    column = nan_as_null(column)
    if pa.types.is_floating(column.type):  # as pandas makes them of integers of which one is missing
        with suppress(pa.ArrowInvalid):
            column = column.cast(pa.int64())
    return column.cast(pa.string())


def nan_as_null(column: Any) -> Any:
    """Return a column in which values are missing that are NaN."""
    return pc.if_else(pc.is_nan(column), None, column) if pa.types.is_floating(column.type) else column


def codes_of(column: Any, values: list[Any]) -> Array:
    """Return the place of each value of a column among `values`, −1 for those that are not there."""
    places = pc.index_in(column, value_set=pa.array(values, column.type))
    return np.asarray(pc.fill_null(places, -1).to_numpy(), np.int64)


def missing_value(name: str, rows: Array) -> DataError:
    """Return the error that names the first of the rows in which a value is missing, as none was in training."""
    return DataError(
        f"Column {name!r} has a missing value in row {rows[0]} ({len(rows)} in all), and nothing was said in training "
        f"about values that are missing in it. Fill it, or train with missing={{{name!r}: …}}."
    )
