"""The words in which layer classes declare their options: documentation, checks and conversions of attrs fields."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import Attribute, Converter

from nn_core.errors import ConfigError
from nn_core.typing import IntOrPair, PerAxis, Shape

REQUIRED: Any = None
"""Default of an option that has none; its validator names it when it is left out."""


def doc(text: str, rare: bool = False) -> dict[str, Any]:
    """Return the metadata that documents an option, shown by ``nn-cli info``.

    A `rare` one is left out of the layer's repr while it is at its default.
    """
    return {"doc": text, "rare": rare}


def positive(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but positive integers; tuples of them where the option is a pair or several sizes."""
    _check(owner, option, value, "a positive integer", lambda number: _whole(number) and number > 0)


def optional_positive(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but positive integers and None."""
    if value is not None:
        positive(owner, option, value)


def not_negative(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but integers of at least 0; tuples of them where the option is a pair or several sizes."""
    _check(owner, option, value, "an integer of at least 0", lambda number: _whole(number) and number >= 0)


def probability(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but numbers from 0 to 1."""
    _check(owner, option, value, "a number from 0 to 1", lambda number: _real(number) and 0 <= number <= 1)


def positive_number(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but finite numbers above 0."""
    _check(owner, option, value, "a number above 0", lambda number: _real(number) and 0 < number < float("inf"))


def not_negative_number(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but finite numbers of at least 0."""
    _check(owner, option, value, "a number of at least 0", lambda number: _real(number) and 0 <= number < float("inf"))


def finite_number(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but finite numbers."""
    _check(owner, option, value, "a finite number", lambda number: _real(number) and abs(number) < float("inf"))


def integer(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but integers."""
    _check(owner, option, value, "an integer", _whole)


def boolean(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but True and False."""
    _check(owner, option, value, "true or false", lambda flag: isinstance(flag, bool))


def one_of(*choices: str) -> Any:
    """Return a validator that refuses all but these words."""

    def validate(owner: object, option: Attribute[Any], value: Any) -> None:
        if value not in choices:
            raise ConfigError(f"{_place(owner, option)} must be one of {', '.join(choices)}, got {value!r}.")

    return validate


def number(value: float) -> float:
    """Return a NumPy number as Python's own, which promotes no array; leave the rest to the validator."""
    return value.item() if isinstance(value, np.generic) else value


def file_path(value: str | Path) -> Path:
    """Return a text as a path."""
    return Path(value)


def pair(value: IntOrPair) -> tuple[int, int]:
    """Return ``(n, n)`` for a number n, and a tuple for a list; leave the rest to the validator."""
    converted = _plain(value)
    return (converted, converted) if _whole(converted) else converted


def sizes(value: int | Sequence[int]) -> tuple[int, ...]:
    """Return ``(n,)`` for a number n, and a tuple for a list; leave the rest to the validator."""
    converted = _plain(value)
    return (converted,) if _whole(converted) else converted


def per_axis(value: PerAxis, owner: Any = None) -> Shape:
    """Return as many of a number as the layer's `rank`, its spatial axes, in a tuple, and a tuple for a list.

    What is neither is left to the validator, `each_axis`.
    """
    converted = _plain(value)
    axes: Shape = (converted,) * owner.rank if _whole(converted) else converted
    return axes


def per_axis_or_word(value: PerAxis | str, owner: Any = None) -> Shape | str:
    """Return what `per_axis` does, and a word such as "same" as it is."""
    return value if isinstance(value, str) else _per_axis(value, owner)


_per_axis = per_axis
if not TYPE_CHECKING:  # mypy knows only functions of the value as converters
    per_axis = Converter(per_axis, takes_self=True)
    per_axis_or_word = Converter(per_axis_or_word, takes_self=True)


def each_axis(check: Any) -> Any:
    """Return a validator for tuples of as many members as the layer has spatial axes (`rank`), which pass `check`."""

    def validate(owner: Any, option: Attribute[Any], value: Any) -> None:
        if value is not REQUIRED and not (isinstance(value, tuple) and len(value) == owner.rank):
            several = {1: "", 2: " or a pair of them"}.get(owner.rank, f" or {owner.rank} of them")
            raise ConfigError(f"{_place(owner, option)} must be an integer{several}, got {value!r}.")
        check(owner, option, value)

    return validate


def a_pair_of(check: Any) -> Any:
    """Return a validator for pairs whose two members pass `check`."""

    def validate(owner: object, option: Attribute[Any], value: Any) -> None:
        if value is not REQUIRED and not (isinstance(value, tuple) and len(value) == 2):
            raise ConfigError(f"{_place(owner, option)} must be an integer or a pair of them, got {value!r}.")
        check(owner, option, value)

    return validate


def _check(owner: object, option: Attribute[Any], value: Any, wanted: str, accepts: Any) -> None:
    if value is None:
        raise ConfigError(f"{_place(owner, option)} is missing: give it {wanted}.")
    converter: Any = option.converter
    members = value if isinstance(value, tuple) and converter in (pair, sizes, per_axis, per_axis_or_word) else (value,)
    if not all(accepts(number) for number in members):
        raise ConfigError(f"{_place(owner, option)} must be {wanted}, got {value!r}.")


def _place(owner: object, option: Attribute[Any]) -> str:
    return f"{option.alias} of {type(owner).__name__}"


def _plain(value: Any) -> Any:
    """Return a list as a tuple, and NumPy's integers, whose sums can overflow, as Python's."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    return int(value) if isinstance(value, np.integer) else value


def _whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)  # NumPy's integers, too


def _real(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
