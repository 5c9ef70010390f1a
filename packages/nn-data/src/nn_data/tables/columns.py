"""Columns of a table, chosen by name, position or pattern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from nn_core import ConfigError
from nn_core.errors import did_you_mean

Choice = str | int | Sequence[str | int]
"""Columns: a name, a pattern such as ``"pixel*"``, a position (negative from the end), or several of them."""


def chosen(choice: Any, names: Sequence[str], what: str) -> list[str]:
    """Return the names of the columns that a choice stands for, each once, in its order.

    Args:
        choice: see `Choice`.
        names: of all columns.
        what: they are chosen as, for errors.

    Raises:
        ConfigError: there is no such column.
    """
    parts = [choice] if isinstance(choice, (str, int)) else list(choice)
    found: list[str] = []
    for part in parts:
        found += _matching(part, names, what)
    return list(dict.fromkeys(found))


def matching(part: str | int, names: Sequence[str]) -> list[str]:
    """Return the names of the columns that a name, pattern or position stands for, none if there are none."""
    if isinstance(part, int):
        return [names[part]] if -len(names) <= part < len(names) else []
    return [part] if part in names else [name for name in names if fnmatchcase(name, part)]


def _matching(part: Any, names: Sequence[str], what: str) -> list[str]:
    if isinstance(part, bool) or not isinstance(part, (str, int)):
        raise ConfigError(f"{what} must be names, patterns or positions of columns, got {part!r}.")
    matches = matching(part, names)
    if not matches and isinstance(part, int):
        raise ConfigError(f"{what}: there is no column {part}, the table has {len(names)}, counted from 0.")
    if not matches:
        shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        raise ConfigError(
            f"{what}: there is no column {part!r}.{did_you_mean(str(part), names) or f' There are {shown}.'}"
        )
    return matches


def per_column(setting: Any, names: Iterable[str], default: Any, what: str) -> dict[str, Any]:
    """Return for each column what a setting says: one value for all, or a mapping from names and patterns.

    >>> per_column({"a": 1, "b*": 2}, ["a", "b1", "c"], default=0, what="missing")
    {'a': 1, 'b1': 2, 'c': 0}

    Raises:
        ConfigError: a name or pattern of the mapping fits no column.
    """
    names = list(names)
    if not isinstance(setting, Mapping):
        return dict.fromkeys(names, setting)
    for key in setting:
        chosen(key, names, what)
    values = {}
    for name in names:
        keys = [name] if name in setting else [key for key in setting if fnmatchcase(name, key)]
        values[name] = setting[keys[0]] if keys else default
    return values
