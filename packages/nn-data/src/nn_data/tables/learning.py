"""Learning from a table, batch by batch, what its preparation needs to know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nn_core import ConfigError, DataError
from nn_core.typing import Array
from nn_data.tables.columns import chosen, per_column
from nn_data.tables.encoding import (
    CategoryEncoder,
    CategoryStatistics,
    NumberEncoder,
    NumberStatistics,
    is_number,
    is_text,
)
from nn_data.tables.options import TableOptions
from nn_data.tables.targets import Target
from nn_data.tables.text_files import reads_as_number

_MOST_CLASSES = 100  # among integers, that are not said to be classes
_MOST_CATEGORIES = 1000  # of a column in one-hot form
_MANY = 20  # words, where they are not to be as many as half the rows


def kept(table: pa.Table, rows: Array, dropped: Sequence[str], target: Target | None) -> tuple[pa.Table, Array]:
    """Return a table and the numbers of its rows without those to be left out.

    Args:
        table: any.
        rows: ``(N,)``, their numbers in the source.
        dropped: columns in which no value may be missing.
        target: says which classes are wanted.
    """
    keep = np.ones(len(rows), bool)
    for name in dropped:
        keep &= ~np.asarray(pc.is_null(table[name], nan_is_null=True))
    if target is not None:
        keep &= target.wanted(table)
    return (table, rows) if keep.all() else (table.filter(pa.array(keep)), rows[keep])


def learn(
    options: TableOptions, features: Sequence[str], targets: Sequence[str], tables: Iterator[pa.Table]
) -> tuple[list[Any], Target | None]:
    """Return the encoders of the features, and the target, from one pass over the tables that make up a source.

    Raises:
        DataError: a value does not fit its column.
        ConfigError: an option does not fit what is in a column.
    """
    filter_ = Target(list(targets), options.classes, some=True) if options.classes is not None and targets else None
    seen: dict[str, Any] = {}
    every = options.task in ("classification", "binary") or options.classes is not None
    labels = _Labels(targets[0], every) if len(targets) == 1 else None
    start = 0
    for table in tables:
        rows = np.arange(start, start + table.num_rows)
        start += table.num_rows
        if not seen:
            seen = _statistics(options, features, targets, table.schema)
        table, rows = kept(table, rows, options.dropped([*features, *targets]), filter_)
        for name, statistics in seen.items():
            statistics.update(table[name], rows)
        if labels is not None:
            labels.update(table[targets[0]])
    numeric = per_column(options.numeric, features, "standardize", "numeric")
    categorical = per_column(options.categorical, features, "one_hot", "categorical")
    fillings = options.fillings([*features, *targets])
    declared = chosen(options.categories, [*features], "categories") if options.categories else []
    encoders: list[Any] = []
    for name in features:
        if isinstance(seen[name], NumberStatistics):
            encoders.append(_number(seen[name], numeric[name], fillings[name], options.indicator))
        else:
            _check_words(seen[name], declared)
            encoders.append(_category(seen[name], categorical[name], fillings[name], options))
    return encoders, _target(options, targets, seen, labels)


def _statistics(
    options: TableOptions, features: Sequence[str], targets: Sequence[str], schema: pa.Schema
) -> dict[str, Any]:
    """Return for each feature, and each target of numbers, what gathers its statistics."""
    declared = chosen(options.categories, list(features), "categories") if options.categories else []
    fillings = options.fillings([*features, *targets])
    seen: dict[str, Any] = {}
    for name in [*features, *targets]:
        kind = schema.field(name).type
        if is_number(kind) and name not in declared:
            seen[name] = NumberStatistics(name, keeps=fillings[name] == "median")
        elif name in targets:
            continue
        elif is_text(kind) or is_number(kind):
            seen[name] = CategoryStatistics(name)
        elif pa.types.is_null(kind):
            raise DataError(f"Column {name!r} has no values at all; leave it out with ignore={name!r}.")
        else:
            raise ConfigError(
                f"Column {name!r} is of type {kind}, which is neither number nor category; leave it out with "
                f"ignore={name!r}, or turn it into one of them."
            )
    return seen


def _number(seen: NumberStatistics, style: str, filling: Any, indicator: bool) -> NumberEncoder:
    if not seen.count:
        raise DataError(f"Column {seen.name!r} has no values at all; leave it out with ignore={seen.name!r}.")
    center, scale = _scaling(seen, style)
    _check_missing(seen, filling, "'mean', 'median'")
    fill = None
    if isinstance(filling, (list, tuple)):
        if isinstance(filling[1], str):
            raise ConfigError(f"missing={filling!r} is for words, and {seen.name!r} is a column of numbers.")
        fill = float(filling[1])
    elif filling == "mean":
        fill = float(seen.mean)
    elif filling == "median":
        fill = seen.median()
    elif filling == "most_frequent":
        raise ConfigError(
            f"missing='most_frequent' is for categories, and {seen.name!r} is a column of numbers; "
            f"categories=[{seen.name!r}] makes it one of categories."
        )
    return NumberEncoder(seen.name, center, scale, fill, _tells(indicator, fill is not None, seen.missing))


def _scaling(seen: NumberStatistics, style: str) -> tuple[float, float]:
    """Return what is subtracted, and by what is divided; a constant column becomes 0."""
    if style == "standardize":
        return float(seen.mean), seen.deviation or 1.0
    if style == "min_max":
        return float(seen.least), float(seen.most - seen.least) or 1.0
    return 0.0, 1.0


def _category(seen: CategoryStatistics, style: str, filling: Any, options: TableOptions) -> CategoryEncoder:
    if not seen.counts:
        raise DataError(f"Column {seen.name!r} has no values at all; leave it out with ignore={seen.name!r}.")
    _check_missing(seen, filling, "'most_frequent'")
    different, total = len(seen.counts), sum(seen.counts.values())
    if style == "one_hot" and (different > _MOST_CATEGORIES or _hardly_classes(different, total)):
        raise ConfigError(
            f"Column {seen.name!r} has {different} different values in {total} rows, such as "
            f"{next(iter(seen.counts))!r}, which are too many for a column each: leave it out with "
            f"ignore={seen.name!r}, turn it into numbers, or say categorical={{{seen.name!r}: 'ordinal'}}."
        )
    fill = None
    if isinstance(filling, (list, tuple)):
        fill = str(filling[1])
    elif filling == "most_frequent":
        fill = seen.most_frequent()
    elif filling in ("mean", "median") and seen.missing and not options.indicator:
        raise ConfigError(
            f"Column {seen.name!r} is of categories, which have no {filling}, and lacks {seen.missing} values: say "
            f"what to do with them, such as missing={{{seen.name!r}: 'most_frequent', '*': {filling!r}}}."
        )
    categories = seen.categories()
    if fill is not None and fill not in categories:
        categories = sorted([*categories, fill]) if seen.order is None else [*categories, fill]
    indicator = _tells(options.indicator, filling not in ("error", "drop"), seen.missing)
    return CategoryEncoder(seen.name, categories, style, None if indicator else fill, indicator, options.unknown)


def _check_missing(seen: NumberStatistics | CategoryStatistics, filling: Any, ways: str) -> None:
    """Refuse missing values of which nothing was said."""
    if filling == "error" and seen.missing:
        raise DataError(
            f"Column {seen.name!r} has a missing value in row {seen.first_missing} ({seen.missing} in all). Say what "
            f"to do about them with missing= or missing={{{seen.name!r}: …}}: {ways}, 'drop' or ('constant', value)."
        )


def _hardly_classes(different: int, total: int) -> bool:
    """Return whether words are so many that they are names, dates or misread numbers rather than classes."""
    return different > _MANY and 2 * different > total


def _tells(indicator: bool, filled: bool, missing: int) -> bool:
    """Return whether a column gets another that tells where values are missing."""
    return indicator and filled and missing > 0


def _check_words(seen: CategoryStatistics, declared: Sequence[str]) -> None:
    """Refuse a column of numbers in which a few words stand, which made it one of words."""
    if seen.name in declared:
        return
    words = [word for word in seen.counts if not reads_as_number(word)]
    total, others = sum(seen.counts.values()), sum(seen.counts[word] for word in words)
    if words and others * 2 < total:
        first = min(words, key=lambda word: seen.first[word])
        raise DataError(
            f"Column {seen.name!r} has {total - others} numbers, but {first!r} in row {seen.first[first]} is none: "
            f"mend it, say missing_values=[{first!r}] if it stands for a missing value, or "
            f"categories=[{seen.name!r}] if the numbers are categories."
        )


class _Labels:
    """How often each value of a column was seen that may be one of classes; not if there are too many integers."""

    def __init__(self, name: str, all_of_them: bool) -> None:
        self.name = name
        self.all_of_them = all_of_them
        self.kind: Any = None
        self.counts: Counter[Any] = Counter()

    def update(self, column: Any) -> None:
        """Take in a column."""
        self.kind = column.type
        if self.all_of_them or is_text(self.kind) or len(self.counts) <= _MOST_CLASSES:
            for entry in column.value_counts().to_pylist():
                if entry["values"] is not None and entry["values"] == entry["values"]:
                    self.counts[entry["values"]] += entry["counts"]

    def classes(self) -> dict[Any, int]:
        """Return the classes, sorted, and how often each was seen."""
        counts = self.counts
        if pa.types.is_floating(self.kind):
            if not all(float(value).is_integer() for value in counts):
                raise ConfigError(f"{self.name!r} is to be classes, and has fractions. Say task='regression'.")
            counts = Counter({int(value): count for value, count in counts.items()})
        if not counts:
            raise DataError(f"Column {self.name!r}, the target, has no values at all.")
        return dict(sorted(counts.items()))


def _target(
    options: TableOptions, targets: Sequence[str], seen: dict[str, Any], labels: _Labels | None
) -> Target | None:
    if not targets:
        return None
    if labels is not None and (options.classes is not None or _are_classes(options, labels)):
        counts = labels.classes()
        wanted = options.classes or list(counts)
        absent = [value for value in wanted if value not in counts]
        if absent:
            raise DataError(f"There is no row whose {labels.name!r} is {absent[0]!r}.")
        total = sum(counts[value] for value in wanted)
        weights = [total / (len(wanted) * counts[value]) for value in wanted]
        if options.task is None and is_text(labels.kind) and _hardly_classes(len(wanted), total):
            raise ConfigError(
                f"The target {labels.name!r} has {len(wanted)} different words in {total} rows, such as {wanted[0]!r}: "
                f"turn them into numbers, or say task='classification' if they are classes."
            )
        if options.task == "binary" and len(wanted) != 2:
            raise ConfigError(f"A binary task is of two classes, and {labels.name!r} has {len(wanted)}.")
        return Target(list(targets), wanted, options.classes is not None, options.task == "binary", weights)
    for name in targets:
        if name not in seen:
            raise ConfigError(f"The target {name!r} is no column of numbers, as several targets have to be.")
    if options.weight == "balanced":
        raise ConfigError("weight='balanced' is for classes, and the target is a number.")
    encoders = [NumberEncoder(name, *_scaling(seen[name], options.scale_target)) for name in targets]
    return Target(list(targets), encoders=encoders)


def _are_classes(options: TableOptions, labels: _Labels) -> bool:
    if options.task is not None:
        if options.task == "regression" and not is_number(labels.kind):
            raise ConfigError(f"A regression is of numbers, and {labels.name!r} is of type {labels.kind}.")
        return options.task != "regression"
    if options.scale_target != "none" and pa.types.is_integer(labels.kind):
        return False
    if is_number(labels.kind) and not pa.types.is_integer(labels.kind):
        return bool(pa.types.is_boolean(labels.kind))
    if pa.types.is_integer(labels.kind) and len(labels.counts) > _MOST_CLASSES:
        raise ConfigError(
            f"The target {labels.name!r} has over {_MOST_CLASSES} different integers: say task='regression' if they "
            f"are amounts, task='classification' if they are classes."
        )
    return True
