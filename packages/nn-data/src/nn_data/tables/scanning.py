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
from nn_data.tables.reading import FORMATS, format_of, told
from nn_data.tables.text_files import TextForm


def table_files(source: Any) -> list[str]:
    """Return the paths of all files, sorted within a folder; there ``.txt`` counts only if there is nothing else."""
    found: list[Path] = []
    parts = list(source) if isinstance(source, (list, tuple)) else [source]
    if not all(isinstance(part, (str, Path)) for part in parts):
        raise ConfigError(
            f"TableStream reads files and folders, got {type(source).__name__}; TableDataset takes tables."
        )
    for part in parts:
        path = Path(part).expanduser()
        if "*" in path.name and not path.exists():
            found += sorted(file for file in path.parent.glob(path.name) if file.is_file())
        elif path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith((".", "_")))
            inside = [file for file in inside if _ending(file) in FORMATS]
            inside = [file for file in inside if _ending(file) != ".txt"] or inside
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


def _ending(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def open_files(files: list[str], reading: dict[str, Any], schema: pa.Schema | None = None) -> Any:
    """Return the files as a dataset of Arrow, whose columns are those of the first file unless a schema is given."""
    kind = format_of(Path(files[0]))
    form: Any
    with told(files[0]):
        if kind == "parquet":
            options = ds.ParquetFragmentScanOptions(pre_buffer=False, page_checksum_verification=True)
            form = ds.ParquetFileFormat(default_fragment_scan_options=options)
        elif kind == "csv":
            form = ds.CsvFileFormat(**TextForm(**reading).options(Path(files[0]))[0])
        else:
            form = ds.JsonFileFormat() if kind == "json" else ds.IpcFileFormat()
        # Folders named key=value, as pandas and Spark write them, are columns.
        hive = "hive" if any("=" in part for part in Path(files[0]).parts[:-1]) else None
        return ds.dataset(files, schema, form, partitioning=hive)


def widened(schema: pa.Schema, kept: Sequence[str], words: Sequence[str]) -> pa.Schema:
    """Return the columns of text files with all numbers floating, but in those to be `kept`, and some as `words`.

    Their types were guessed from the first rows: where these are integers, or nothing, later ones need not be.
    """

    def wide(column: pa.Field) -> pa.Field:
        if column.name in words:
            return pa.field(column.name, pa.string())
        narrow = pa.types.is_null(column.type) or pa.types.is_integer(column.type)
        return pa.field(column.name, pa.float64()) if narrow and column.name not in kept else column

    return pa.schema([wide(column) for column in schema])


_BUFFER = 1 << 16  # bytes that are read of a column at a time


@frozen
class Unit:
    """What can be read by itself: a row group of Parquet, a file of another format.

    Args:
        fragment: of Arrow.
        rows: how many there are; None if it takes reading them to know.
        first_row: number of the first one in its file.
    """

    fragment: Any
    rows: int | None
    first_row: int = 0

    @property
    def path(self) -> str:
        path: str = self.fragment.path
        return path

    def batches(self, schema: pa.Schema, columns: list[str], where: Any, size: int) -> Iterator[pa.RecordBatch]:
        """Yield record batches of at most `size` rows, with the columns in the types of the schema."""
        partitioned = not self.fragment.partition_expression.equals(ds.scalar(True))
        if where is not None or partitioned or not hasattr(self.fragment, "row_groups"):
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
    for fragment in dataset.get_fragments(where):
        with told(fragment.path):
            if hasattr(fragment, "split_by_row_group"):
                wanted = {group.row_groups[0].id for group in fragment.split_by_row_group(where, dataset.schema)}
                start = 0
                for group in fragment.split_by_row_group():
                    (part,) = group.row_groups
                    if part.id in wanted:
                        units.append(Unit(group, part.num_rows, start))
                    start += part.num_rows
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


def expression(where: Any, names: Sequence[str]) -> Any:
    """Return a filter as an expression of Arrow.

    Raises:
        ConfigError: it is none, or a list names a column that is not there.
    """
    if where is None or isinstance(where, ds.Expression):
        return where
    try:
        if isinstance(where, str):
            raise TypeError("it is a word")
        for clause in where:
            for part in clause if isinstance(clause, list) else [clause]:
                chosen(part[0], names, "where")
        return pq.filters_to_expression(where)
    except (ValueError, TypeError, IndexError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"where must be like [('year', '>', 2000)], got {where!r}: {error}.") from None
