"""Tables in text files: CSV, TSV and their like."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
from attrs import Attribute, field, frozen

from nn_core import ConfigError, DataError
from nn_data.tables.columns import matching

_MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-NaN", "NULL", "null", "None", "<NA>")


def _one_character(form: Any, attribute: Attribute[Any], value: Any) -> None:
    if value is not None and not (isinstance(value, str) and len(value) == 1):
        raise ConfigError(f"{attribute.name} of a text file must be one character, got {value!r}.")


@frozen
class TextForm:
    """How a text file is to be read; see `read_table` for the meaning of the options."""

    header: bool | None = None
    missing_values: list[str] = field(factory=list)
    separator: str | None = field(default=None, validator=_one_character)
    decimal: str = field(default=".", validator=_one_character)
    encoding: str = "utf-8"
    text: list[str | int] = field(factory=list)

    def read(self, path: Path) -> pa.Table:
        """Return the table in a file.

        Raises:
            DataError: a row does not fit, or the file is no text of this encoding; errors of Arrow go through.
        """
        options, names = self.options(path)
        try:
            with pa.input_stream(str(path), compression="detect") as file:
                table = pyarrow.csv.read_csv(file, **options)
        except pa.ArrowInvalid:  # again without threads, which know no row numbers
            options["read_options"].use_threads = False
            try:
                with pa.input_stream(str(path), compression="detect") as file:
                    table = pyarrow.csv.read_csv(file, **options)
            except pa.ArrowInvalid as error:
                first = 1 if options["read_options"].column_names else 2  # as Arrow counts, from the first line
                said = re.sub(r"Row #(\d+)", lambda found: f"row {int(found[1]) - first}", str(error))
                raise pa.ArrowInvalid(said) from None
        for column in table.schema:
            if pa.types.is_binary(column.type):
                raise DataError(_not_encoded(path, f"Column {column.name!r}", self.encoding))
        if table.num_columns == 1 and (likely := next((mark for mark in ";\t|," if mark in names[0]), None)):
            raise DataError(
                f"{path} has one column alone, {names[0][:60]!r}: say separator={likely!r} if that separates them."
            )
        return table

    def options(self, path: Path) -> tuple[dict[str, Any], list[str]]:
        """Return the options with which Arrow reads a file (read, parse and convert), and the names of its columns."""
        separator = self.separator or ("," if Path(path.name.removesuffix(".gz")).suffix.lower() == ".csv" else "\t")
        first = self._first_line(path, separator)
        named = _has_names(path, first) if self.header is None else self.header
        doubled = {name for name in first if first.count(name) > 1} if named else set()
        if doubled:
            raise DataError(f"{path} names several columns {min(doubled)!r}; every column needs a name of its own.")
        names = first if named else [str(i) for i in range(len(first))]
        options = {
            "read_options": pyarrow.csv.ReadOptions(column_names=None if named else names, encoding=self.encoding),
            # Without it Arrow takes a line break within quotes, where a block of the file ends, for the end of a row.
            "parse_options": pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            "convert_options": pyarrow.csv.ConvertOptions(
                null_values=[*_MISSING, *self.missing_values],
                strings_can_be_null=True,
                decimal_point=self.decimal,
                column_types={name: pa.string() for choice in self.text for name in matching(choice, names)},
            ),
        }
        return options, names

    def _first_line(self, path: Path, separator: str) -> list[str]:
        with pa.input_stream(str(path), compression="detect") as stream, io.BufferedReader(stream) as file:
            line = file.readline()
        try:
            text = line.decode("utf-8-sig" if self.encoding == "utf-8" else self.encoding)
        except UnicodeDecodeError:
            raise DataError(_not_encoded(path, "The first line", self.encoding)) from None
        except LookupError:
            raise ConfigError(f"There is no encoding {self.encoding!r}; utf-8 and latin-1 are some.") from None
        if text.count('"') % 2:
            raise DataError(f"The first line of {path} has a quote that is not closed.")
        words = next(csv.reader([text], delimiter=separator), [])
        if not words:
            raise DataError(f"{path} is empty: there is no line of columns.")
        return words


def _not_encoded(path: Path, place: str, encoding: str) -> str:
    return (
        f"{place} of {path} has bytes that are no {encoding}. read_table and TableDataset take encoding='latin-1', or "
        f"what it is; for TableStream the file has to be converted."
    )


def _has_names(path: Path, first: list[str]) -> bool:
    """Return whether a line names columns, which are no numbers."""
    numbers = [word for word in first if reads_as_number(word)]
    if numbers and not all(reads_as_number(word) or word in _MISSING for word in first):
        raise DataError(
            f"The first line of {path} has numbers ({numbers[0]}) and words in it: say header=True if it names the "
            f"columns, header=False if it is data."
        )
    return not numbers


def reads_as_number(word: str) -> bool:
    """Return whether a word is a number written out."""
    try:
        float(word)
    except ValueError:
        return False
    return True
