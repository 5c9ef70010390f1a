"""How the columns of a table are to be prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import Attribute, asdict, field, frozen

from nn_core import ConfigError
from nn_core.errors import did_you_mean
from nn_data.tables.columns import per_column
from nn_data.tables.text_files import TextForm

NUMERIC = ("standardize", "min_max", "none")
CATEGORICAL = ("one_hot", "ordinal")
MISSING = ("error", "drop", "mean", "median", "most_frequent")


def _one_of(words: Sequence[str]) -> Any:
    """Return a validator for one of some words, or a mapping from columns to them."""

    def validate(options: Any, attribute: Attribute[Any], value: Any) -> None:
        for word in value.values() if isinstance(value, Mapping) else [value]:
            if not isinstance(word, str) or word not in words:
                raise ConfigError(
                    f"{attribute.name} of a table must be one of {', '.join(words)}, got {word!r}."
                    f"{did_you_mean(word, words) if isinstance(word, str) else ''}"
                )

    return validate


def _fillings(options: Any, attribute: Attribute[Any], value: Any) -> None:
    for choice in value.values() if isinstance(value, Mapping) else [value]:
        if isinstance(choice, (list, tuple)) and len(choice) == 2 and choice[0] == "constant":
            if isinstance(choice[1], (int, float, str)):
                continue
        elif choice in MISSING:
            continue
        raise ConfigError(
            f"missing of a table must be one of {', '.join(MISSING)} or ('constant', value), or a mapping from columns "
            f"to these, got {choice!r}.{did_you_mean(choice, MISSING) if isinstance(choice, str) else ''}"
        )


def _flag(options: Any, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, bool):
        raise ConfigError(f"{attribute.name} of a table must be true or false, got {value!r}.")


def _optional_flag(options: Any, attribute: Attribute[Any], value: Any) -> None:
    if value is not None:
        _flag(options, attribute, value)


def _optional_list(value: Any) -> list[Any] | None:
    return None if value is None else list(value)


@frozen
class TableOptions:
    """The options of `Preprocessing` and of `TableDataset`. Columns are named, or given by pattern or position.

    `numeric`, `categorical` and `missing` are one word for all columns, or a mapping from names and patterns to words,
    such as ``{"age": "median", "*": "drop"}``.

    Args:
        target: column to predict; several for regression.
        features: columns to predict it from; all others if left out.
        ignore: columns that are no features although `features` is left out, such as an identifier.
        weight: column with the weight of each row, or ``balanced`` for weights that give all classes the same
            influence.
        task: ``classification``; ``binary``, for a loss of one logit per row, such as `BCEWithLogitsLoss`: y is then
            ``(N, 1)`` float32, 0 or 1; or ``regression``. If left out, words, truth values, and integers of which there
            are at most 100 different ones are classes, unless `scale_target` says that they are amounts.
        classes: the classes to keep, in the order of their labels 0, 1, …; all, sorted, if left out. Rows of others are
            left out.
        numeric: ``standardize`` (mean 0, deviation 1), ``min_max`` (from 0 to 1) or ``none``.
        categorical: ``one_hot`` or ``ordinal`` (the number of the category).
        categories: columns of numbers that are categories all the same.
        missing: ``error``; ``drop`` leaves the row out; ``mean``, ``median``, ``most_frequent`` or
            ``("constant", value)`` takes the place of the value.
        indicator: whether columns that lack values in training get a further one that says where; a category is then
            all zeros.
        unknown: what happens to a category that was not there in training: ``error``, or ``ignore`` for zeros.
        scale_target: like `numeric`, for the target of a regression; `Preprocessing.decode` undoes it.
        header: of text files; see `read_table`, as for the following.
        missing_values: words that stand for a missing value.
        separator: between fields.
        decimal: point of numbers.
        encoding: of the text.

    Raises:
        ConfigError: an option has none of these values.
    """

    target: Any = None
    features: Any = None
    ignore: Any = None
    weight: Any = None
    task: str | None = None
    classes: list[Any] | None = field(default=None, converter=_optional_list)
    numeric: Any = field(default="standardize", validator=_one_of(NUMERIC))
    categorical: Any = field(default="one_hot", validator=_one_of(CATEGORICAL))
    categories: Any = ()
    missing: Any = field(default="error", validator=_fillings)
    indicator: bool = field(default=False, validator=_flag)
    unknown: str = field(default="error", validator=_one_of(("error", "ignore")))
    scale_target: str = field(default="none", validator=_one_of(NUMERIC))
    header: bool | None = field(default=None, validator=_optional_flag)
    missing_values: list[str] = field(factory=list, converter=list)
    separator: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"

    def __attrs_post_init__(self) -> None:
        if self.task not in (None, "classification", "binary", "regression"):
            raise ConfigError(f"task of a table must be classification, binary or regression, got {self.task!r}.")
        kinds = {type(value) for value in self.classes or []}
        if self.classes is not None and (
            len(kinds) != 1 or not kinds <= {int, str, bool} or len(set(self.classes)) < len(self.classes)
        ):
            raise ConfigError(f"classes of a table must be different words, or integers, got {self.classes!r}.")
        TextForm(**self.reading)  # which has checks of its own
        if self.task != "regression" and self.task is not None and self.scale_target != "none":
            raise ConfigError(f"scale_target={self.scale_target!r} is for amounts, and the task is {self.task}.")
        if self.task == "regression" and (self.classes is not None or self.weight == "balanced"):
            raise ConfigError("A regression has no classes: leave classes and weight='balanced' out.")

    @property
    def reading(self) -> dict[str, Any]:
        """The options that `read_table` takes."""
        categories = [self.categories] if isinstance(self.categories, (str, int)) else list(self.categories)
        return {
            "header": self.header,
            "missing_values": self.missing_values,
            "separator": self.separator,
            "decimal": self.decimal,
            "encoding": self.encoding,
            "text": categories,
        }

    def fillings(self, names: Sequence[str]) -> dict[str, Any]:
        """Return for each column what takes the place of a missing value."""
        return per_column(self.missing, names, "error", "missing")

    def dropped(self, names: Sequence[str]) -> list[str]:
        """Return the columns whose missing values have their row left out."""
        return [name for name, filling in self.fillings(names).items() if filling == "drop"]

    def config(self) -> dict[str, Any]:
        """Return the options as plain values."""
        plain: dict[str, Any] = asdict(self)
        return plain
