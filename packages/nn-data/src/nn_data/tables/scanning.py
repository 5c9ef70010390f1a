"""Files of tables as what Arrow scans: a dataset, and the units of it that can be read by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from attrs import frozen

from nn_core import ConfigError, DataError
from nn_data.tables.columns import chosen
from nn_data.tables.preprocessing import Preprocessing
from nn_data.tables.reading import FORMATS, format_of, text_options, told


def table_files(source: Any) -> list[str]:
    """Return the paths of all files, sorted within a folder."""
    found: list[Path] = []
    for part in [source] if isinstance(source, (str, Path)) else list(source):
        path = Path(part).expanduser()
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))
            inside = [file for file in inside if Path(file.name.removesuffix(".gz")).suffix.lower() in FORMATS]
            if not inside:
                raise DataError(f"There are no tables in the folder {path}; known endings are {', '.join(FORMATS)}.")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise DataError(f"There is no file or folder {path}.")
    kinds = {format_of(path) for path in found}
    if len(kinds) != 1:
        raise DataError(f"A stream is of files of one format, got {', '.join(sorted(kinds)) or 'no files'}.")
    return [str(path) for path in found]


def open_files(files: list[str], reading: dict[str, Any], schema: pa.Schema | None = None) -> Any:
    """Return the files as a dataset of Arrow, whose columns are those of the first file unless a schema is given."""
    kind = format_of(Path(files[0]))
    form: Any
    with told(files[0]):
        if kind == "parquet":
            options = ds.ParquetFragmentScanOptions(pre_buffer=False, page_checksum_verification=True)
            form = ds.ParquetFileFormat(default_fragment_scan_options=options)
        elif kind == "csv":
            form = ds.CsvFileFormat(**text_options(Path(files[0]), **reading))
        else:
            form = ds.JsonFileFormat() if kind == "json" else ds.IpcFileFormat()
        return ds.dataset(files, schema, form)


def widened(schema: pa.Schema, kept: Sequence[str]) -> pa.Schema:
    """Return the columns of text files with all numbers floating, but in those to be `kept`.

    Their types were guessed from the first rows: where these are integers, or nothing, later ones need not be.
    """
    fields = [
        pa.field(column.name, pa.float64())
        if column.name not in kept and (pa.types.is_null(column.type) or pa.types.is_integer(column.type))
        else column
        for column in schema
    ]
    return pa.schema(fields)


_BUFFER = 1 << 16  # bytes that are read of a column at a time


@frozen
class Unit:
    """What can be read by itself: a row group of Parquet, a file of another format.

    Args:
        fragment: of Arrow.
        rows: how many there are; None if it takes reading them to know.
    """

    fragment: Any
    rows: int | None

    @property
    def path(self) -> str:
        path: str = self.fragment.path
        return path

    def batches(self, schema: pa.Schema, columns: list[str], where: Any, size: int) -> Iterator[pa.RecordBatch]:
        """Yield record batches of at most `size` rows, with the columns in the types of the schema."""
        if where is not None or not hasattr(self.fragment, "row_groups"):
            scanner = self.fragment.scanner(
                schema=schema, columns=columns, filter=where, batch_size=size, batch_readahead=4, fragment_readahead=1
            )
            yield from scanner.to_batches()
            return
        # The scanner decodes a row group as a whole, which may be all of a file; this reads its pages as they are due.
        file = pq.ParquetFile(self.path, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True)
        absent = [name for name in columns if name not in file.schema_arrow.names]
        if absent:
            raise pa.ArrowInvalid(f"it has no column {absent[0]!r}")
        target = pa.schema([schema.field(name) for name in columns])
        for batch in file.iter_batches(size, [group.id for group in self.fragment.row_groups], columns):
            yield batch if batch.schema.equals(target) else batch.select(columns).cast(target)


def units_of(dataset: Any, where: Any) -> list[Unit]:
    """Return what can be read by itself, but row groups that, by their statistics, cannot hold rows that are wanted.

    Raises:
        DataError: a file is damaged, as far as that shows at its end, where Parquet and Arrow say what is in it.
    """
    units: list[Unit] = []
    for fragment in dataset.get_fragments():
        with told(fragment.path):
            if hasattr(fragment, "split_by_row_group"):
                groups = fragment.split_by_row_group(where)
                units += [Unit(group, sum(part.num_rows for part in group.row_groups)) for group in groups]
            else:
                known = isinstance(fragment.format, ds.IpcFileFormat)
                units.append(Unit(fragment, fragment.count_rows() if known else None))
    return units


def columns_needed(preprocessing: Preprocessing, names: list[str]) -> list[str]:
    """Return the columns that a preprocessing uses."""
    if preprocessing.fitted:
        targets = preprocessing.target.names if preprocessing.target is not None else []
        weight = [preprocessing.weight] if preprocessing.weight else []
        return [*preprocessing.features, *targets, *weight]
    options = preprocessing.options
    parts = [options.target, *([] if options.weight == "balanced" else [options.weight])]
    used = [chosen(part, names, "target") for part in parts if part is not None]
    ignored = [] if options.ignore is None else chosen(options.ignore, names, "ignore")
    features = names if options.features is None else chosen(options.features, names, "features")
    wanted = {name for part in used for name in part} | {name for name in features if name not in ignored}
    return [name for name in names if name in wanted]


def expression(where: Any) -> Any:
    """Return a filter as an expression of Arrow."""
    if where is None or isinstance(where, ds.Expression):
        return where
    try:
        return pq.filters_to_expression(where)
    except (ValueError, TypeError, IndexError) as error:
        raise ConfigError(f"where must be like [('year', '>', 2000)], got {where!r}: {error}.") from None
