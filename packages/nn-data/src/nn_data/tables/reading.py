"""Tables from files, pandas and Arrow, as tables of Arrow."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from nn_core import ConfigError, DataError
from nn_data.tables.text_files import TextForm

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


def read_table(
    source: Any,
    *,
    header: bool | None = None,
    missing_values: Sequence[str] = (),
    separator: str | None = None,
    decimal: str = ".",
    encoding: str = "utf-8",
    text: Sequence[str | int] = (),
) -> pa.Table:
    """Return a table of Arrow for a file or a table of pandas or Arrow.

    The ending of the name tells the format: ``.csv``, ``.tsv`` or ``.txt`` (separated by tabs), ``.parquet``,
    ``.feather`` or ``.arrow``, and ``.jsonl`` (one JSON object per line); text files may be gzipped. Uncompressed files
    of Arrow are memory-mapped.

    Args:
        source: a path, a table of pandas or Arrow, a dictionary of columns, or one row or several as dictionaries.
        header: whether the first line of a text file names the columns; if left out, it does unless its fields are
            numbers. Columns without names are called ``"0"``, ``"1"``, …
        missing_values: what stands for a missing value in a text file, beside nothing, ``NA``, ``NaN``, ``NULL`` and
            their like, such as ``["?"]``.
        separator: between the fields of a text file; a comma in ``.csv``, a tab in others, if left out.
        decimal: the decimal point of numbers in a text file.
        encoding: of a text file that is not JSON, such as ``"latin-1"``.
        text: columns of a text file that are words though they look like numbers, such as codes that begin with 0.

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
            is_row = source and all(isinstance(value, (str, int, float, type(None))) for value in source.values())
            return pa.table({str(name): [value] if is_row else value for name, value in source.items()})
    if isinstance(source, list) and all(isinstance(row, dict) for row in source):
        with told("the list of rows"):
            return pa.Table.from_pylist(source)
    if hasattr(source, "iloc") and hasattr(source, "columns"):
        return _from_pandas(source)
    if not isinstance(source, (str, Path)):
        raise ConfigError(
            f"A table is a path, a table of pandas or Arrow, a dictionary of columns, or rows as dictionaries, got "
            f"{type(source).__name__}."
        )
    path = Path(source).expanduser()
    kind = format_of(path)
    if not path.is_file():
        raise DataError(f"{path} is a folder; TableStream reads it." if path.is_dir() else f"There is no file {path}.")
    with told(str(path)):
        if kind == "csv":
            return TextForm(header, list(missing_values), separator, decimal, encoding, list(text)).read(path)
        if kind == "json":
            import pyarrow.json

            with pa.input_stream(str(path), compression="detect") as file:
                return pyarrow.json.read_json(file)
        if kind == "parquet":
            import pyarrow.parquet

            return pyarrow.parquet.read_table(path, page_checksum_verification=True, partitioning=None)
        return read_ipc(path)


def _from_pandas(frame: Any) -> pa.Table:
    """Return a table for one of pandas; columns of values of several kinds become words."""
    frame = frame.rename(columns=str)
    doubled = frame.columns[frame.columns.duplicated()]
    if len(doubled):
        raise DataError(f"The table has several columns {doubled[0]!r}; every column needs a name of its own.")
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        for name in frame.select_dtypes(object):
            try:
                pa.array(frame[name], from_pandas=True)
            except (pa.ArrowInvalid, pa.ArrowTypeError):
                frame[name] = frame[name].map(str, na_action="ignore")
    with told("the table of pandas"):
        return pa.Table.from_pandas(frame, preserve_index=False)


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
        raise DataError(f"{place} cannot be read: {_first_sentence(error)}.") from error
    except (csv.Error, UnicodeDecodeError) as error:  # the latter for names of columns in damaged files
        raise DataError(f"{place} cannot be read: {error}.") from error
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror or _first_sentence(error)}.") from error


def _first_sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:400].rstrip(".")
