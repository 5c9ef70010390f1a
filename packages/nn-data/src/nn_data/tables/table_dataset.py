"""Samples in the rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nn_core import ArrayDataset, ConfigError
from nn_data.datasets.info import DatasetInfo
from nn_data.splits import split
from nn_data.tables.columns import chosen
from nn_data.tables.preprocessing import Preprocessing


class TableDataset(ArrayDataset):
    """The rows of a table as samples: a file (CSV, TSV, Parquet, Feather, Arrow, JSON lines), or one in memory.

    What the preparation of the columns needs to know is learned from this table, the training part; other parts are
    given the `preprocessing` of it::

        train = TableDataset("train.csv", target="price", missing="median")
        test = TableDataset("test.csv", preprocessing=train.preprocessing)

    Args:
        source: what `read_table` reads.
        target: column to predict, by name, pattern or position.
        preprocessing: of the training part; the other options are then its own.
        options: see `TableOptions`.

    Shape:
        x ``(N, features)`` float32; y ``(N,)`` int64 labels, or ``(N, targets)`` float32.

    Raises:
        DataError: the table cannot be read, or a value does not fit its column; it is named with its row.
        ConfigError: an option is wrong, or names a column that is not there.

    >>> data = TableDataset({"age": [20, 40], "city": ["Rome", "Oslo"], "rent": [500.0, 900.0]}, target="rent")
    >>> data.preprocessing.feature_names
    ('age', 'city=Oslo', 'city=Rome')
    >>> data.x.tolist(), data.y.tolist()
    ([[-1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], [[500.0], [900.0]])
    """

    def __init__(
        self, source: Any, target: Any = None, *, preprocessing: Preprocessing | None = None, **options: Any
    ) -> None:
        if preprocessing is not None and (options or target is not None):
            given = [*(["target"] if target is not None else []), *options]
            raise ConfigError(f"The preprocessing has its options already; leave {', '.join(given)} out.")
        if preprocessing is None:
            if target is None:
                raise ConfigError("TableDataset needs target=, the column to predict, or preprocessing=.")
            preprocessing = Preprocessing(target, **options)
        table = preprocessing.read(source)
        if not preprocessing.fitted:
            preprocessing.fit(table)
        data = preprocessing(table)
        self.preprocessing = preprocessing
        assert preprocessing.target is not None  # or the call would have failed
        is_class = preprocessing.target.classes is not None
        info = DatasetInfo(
            name=Path(source).stem if isinstance(source, (str, Path)) else "table",
            shape=data.x.shape[1:],
            feature_names=preprocessing.feature_names,
            target_names=() if is_class else tuple(preprocessing.target.names),
            class_names=preprocessing.class_names,
        )
        super().__init__(data.x, data.y, data.weight, info)


def table(
    path: str,
    target: Any,
    test_size: float | int = 0.2,
    test_path: str | None = None,
    validation: float | int = 0,
    stratify: bool = False,
    seed: int = 0,
    preprocessing: Any = None,
    **options: Any,
) -> tuple[TableDataset, ...]:
    """Return (train, test) of a table in a file, or (train, validation, test).

    The preparation of the columns is learned from the training part alone.

    Args:
        path: the file; see `read_table`.
        target: column to predict.
        test_size: share of the rows in the test set, or their number.
        test_path: file of the test set, where it has one of its own; `test_size` then does not count.
        validation: share of the training rows that is set aside for validation, or their number; 0 for none.
        stratify: whether every class keeps its share in every part.
        seed: which rows are in which part.
        preprocessing: one that has learned from another table, or its ``config()``; nothing is learned then, and the
            other options are its own.
        options: features, ignore, weight, task, classes, numeric, categorical, categories, missing, indicator, unknown,
            scale_target, header, missing_values, separator, decimal, encoding; see `nn_data.TableOptions`.

    Raises:
        DataError: the table cannot be read, or a value does not fit its column; it is named with its row.
        ConfigError: an option is wrong, or names a column that is not there.
    """
    if preprocessing is None:
        preprocessing = Preprocessing(target, **options)
    elif isinstance(preprocessing, dict):
        preprocessing = Preprocessing.from_config(preprocessing)
    whole = preprocessing.read(path)
    return divided(whole, preprocessing, test_size, test_path, validation, stratify, seed)


def divided(
    whole: Any,
    preprocessing: Preprocessing,
    test_size: float | int,
    test_path: str | None,
    validation: float | int,
    stratify: bool,
    seed: int,
) -> tuple[TableDataset, ...]:
    """Return the parts of a table as datasets, after the preprocessing has learned from the first of them."""

    def parted(rows: Any, size: float | int) -> tuple[Any, ...]:
        labels = None
        if stratify:
            labels = rows[chosen(preprocessing.options.target, rows.column_names, "target")[0]].to_pandas()
        return split(rows, test_size=size, labels=labels, seed=seed)

    if test_path is None:
        train, test = parted(whole, test_size)
    else:
        train, test = whole, preprocessing.read(test_path)
    train, *held_out = parted(train, validation) if validation else (train,)
    if not preprocessing.fitted:
        preprocessing.fit(train)
    return tuple(TableDataset(part, preprocessing=preprocessing) for part in (train, *held_out, test))
