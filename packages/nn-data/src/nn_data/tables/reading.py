"""Tables from files, pandas and Arrow, as tables of Arrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from nn_core import ConfigError, DataError

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".feather": "ipc",
    ".arrow": "ipc",
    ".ipc": "ipc",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
}
"""The format that the ending of a file's name stands for; ``.gz`` may follow it."""

_MISSING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-NaN", "NULL", "null", "None", "<NA>")


def read_table(
    source: Any, *, header: bool | None = None, missing_values: Sequence[str] = (), encoding: str = "utf-8"
) -> pa.Table:
    """Return a table of Arrow for a file or a table of pandas or Arrow.

    The ending of the name tells the format: ``.csv``, ``.tsv`` or ``.txt`` (separated by tabs), ``.parquet``,
    ``.feather`` or ``.arrow``, and ``.jsonl`` (one JSON object per line); text files may be gzipped. Uncompressed files
    of Arrow are memory-mapped.

    Args:
        source: a path, a table of pandas or Arrow, or a dictionary of columns.
        header: whether the first line of a text file names the columns; if left out, it does unless its fields are
            numbers. Columns without names are called ``"0"``, ``"1"``, …
        missing_values: what stands for a missing value in a text file, beside nothing, ``NA``, ``NaN``, ``NULL`` and
            their like, such as ``["?"]``.
        encoding: of a text file that is not JSON, such as ``"latin-1"``.

    Raises:
        DataError: the file is missing, damaged, or a row does not fit; the row is named where it is known.
        ConfigError: `source` is no table, or the ending is unknown.
    """
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, pa.RecordBatch):
        return pa.Table.from_batches([source])
    if isinstance(source, dict):
        with told(f"the columns {', '.join(map(str, source))}"):
            return pa.table({str(name): values for name, values in source.items()})
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        with told("the table of pandas"):
            return pa.Table.from_pandas(source.rename(columns=str), preserve_index=False)
    if not isinstance(source, (str, Path)):
        raise ConfigError(
            f"A table is a path, a table of pandas or Arrow, or a dictionary of columns, got {type(source).__name__}."
        )
    path = Path(source).expanduser()
    kind = format_of(path)
    if not path.is_file():
        raise DataError(f"{path} is a folder; TableStream reads it." if path.is_dir() else f"There is no file {path}.")
    with told(str(path)):
        if kind == "csv":
            return _read_text(path, header, missing_values, encoding)
        if kind == "json":
            import pyarrow.json

            with pa.input_stream(str(path), compression="detect") as file:
                return pyarrow.json.read_json(file)
        if kind == "parquet":
            import pyarrow.parquet

            return pyarrow.parquet.read_table(path, page_checksum_verification=True, partitioning=None)
        return read_ipc(path)


def read_ipc(path: Path) -> pa.Table:
    """Return the table in a memory-mapped file of Arrow; its columns are not copied unless they are compressed."""
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    table.validate(full=True)
    return table


def format_of(path: Path) -> str:
    """Return the format that the ending of a path stands for.

    Raises:
        ConfigError: none is known.
    """
    ending = Path(path.name.removesuffix(".gz")).suffix.lower()
    if ending not in FORMATS:
        raise ConfigError(f"{path} has no ending of a table; known are {', '.join(FORMATS)}.")
    return FORMATS[ending]


@contextmanager
def told(place: str) -> Iterator[None]:
    """Raise errors of Arrow and of the file system as those of the data at a place."""
    try:
        yield
    except (pa.ArrowException, EOFError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"{place} cannot be read: {lines[0].rstrip('.')[:400]}.") from error
    except (csv.Error, UnicodeDecodeError) as error:  # the latter for names of columns in damaged files
        raise DataError(f"{place} cannot be read: {error}.") from error
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror or str(error).strip()[:400]}.") from error


def text_options(
    path: Path, header: bool | None, missing_values: Sequence[str], encoding: str = "utf-8"
) -> dict[str, Any]:
    """Return the options with which Arrow reads a text file: read, parse and convert."""
    import pyarrow.csv

    delimiter = "," if Path(path.name.removesuffix(".gz")).suffix.lower() == ".csv" else "\t"
    first = _first_line(path, delimiter, encoding)
    named = _has_names(path, first) if header is None else header
    doubled = {name for name in first if first.count(name) > 1} if named else set()
    if doubled:
        raise DataError(f"{path} names several columns {sorted(doubled)[0]!r}; every column needs a name of its own.")
    names = None if named else [str(i) for i in range(len(first))]
    return {
        "read_options": pyarrow.csv.ReadOptions(column_names=names, encoding=encoding),
        # Without it Arrow takes a line break within quotes, where a block of the file ends, for the end of a row.
        "parse_options": pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        "convert_options": pyarrow.csv.ConvertOptions(
            null_values=[*_MISSING, *missing_values], strings_can_be_null=True
        ),
    }


def _read_text(path: Path, header: bool | None, missing_values: Sequence[str], encoding: str) -> pa.Table:
    import pyarrow.csv

    options = text_options(path, header, missing_values, encoding)
    try:
        with pa.input_stream(str(path), compression="detect") as file:
            table = pyarrow.csv.read_csv(file, **options)
    except pa.ArrowInvalid:  # again without threads, which know no row numbers
        options["read_options"].use_threads = False
        with pa.input_stream(str(path), compression="detect") as file:
            table = pyarrow.csv.read_csv(file, **options)
    for column in table.schema:
        if pa.types.is_binary(column.type):
            raise DataError(_not_encoded(path, f"Column {column.name!r}", encoding))
    return table


def _first_line(path: Path, delimiter: str, encoding: str) -> list[str]:
    with pa.input_stream(str(path), compression="detect") as stream, io.BufferedReader(stream) as file:
        line = file.readline()
    try:
        text = line.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError:
        raise DataError(_not_encoded(path, "The first line", encoding)) from None
    except LookupError:
        raise ConfigError(f"There is no encoding {encoding!r}; utf-8 and latin-1 are some.") from None
    if text.count('"') % 2:
        raise DataError(f"The first line of {path} has a quote that is not closed.")
    words = next(csv.reader([text], delimiter=delimiter), [])
    if not words:
        raise DataError(f"{path} is empty: there is no line of columns.")
    return words


def _not_encoded(path: Path, place: str, encoding: str) -> str:
    return f"{place} of {path} has bytes that are no {encoding}: say encoding='latin-1', or what it is encoded in."


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
