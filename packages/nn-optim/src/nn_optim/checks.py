"""The checks that optimizers and schedulers make of their options."""

from __future__ import annotations

from math import inf, isfinite
from typing import Any

from nn_core import ConfigError

_FLAGS = ("nesterov", "amsgrad", "centered", "maximize", "decoupled_weight_decay")
_SHARES = ("alpha", "rho")
_NUMBERS = ("dampening",)


def check(owner: str, name: str, value: Any) -> None:
    """Refuse a value that an option of this name cannot have.

    Raises:
        ConfigError: the value is out of range or of another type; the message names the option.
    """
    if name == "params":
        return
    if name in _FLAGS:
        flag(owner, **{name: value})
    elif name in _SHARES:
        share(owner, **{name: value})
    elif name == "betas":
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ConfigError(f"betas of {owner} must be a pair of numbers, got {value!r}.")
        share(owner, **{f"betas[{i}]": beta for i, beta in enumerate(value)})
    elif name in _NUMBERS:
        finite(owner, **{name: value})
    else:
        at_least_zero(owner, **{name: value})


def at_least_zero(owner: str, **options: Any) -> None:
    """Refuse all but finite numbers of at least 0, naming the option.

    Raises:
        ConfigError: an option is negative, not finite or not a number.
    """
    _check(owner, "a number of at least 0", lambda value: 0 <= value < inf, options)


def above_zero(owner: str, **options: Any) -> None:
    """Refuse all but finite numbers above 0, naming the option.

    Raises:
        ConfigError: an option is not above 0, not finite or not a number.
    """
    _check(owner, "a number above 0", lambda value: 0 < value < inf, options)


def share(owner: str, **options: Any) -> None:
    """Refuse all but numbers from 0 up to but not including 1, naming the option.

    Raises:
        ConfigError: an option is out of that range or not a number.
    """
    _check(owner, "a number from 0 up to but not including 1", lambda value: 0 <= value < 1, options)


def finite(owner: str, **options: Any) -> None:
    """Refuse all but finite numbers, naming the option.

    Raises:
        ConfigError: an option is not finite or not a number.
    """
    _check(owner, "a finite number", isfinite, options)


def whole(owner: str, at_least: int, **options: Any) -> None:
    """Refuse all but integers from a first one on, naming the option.

    Raises:
        ConfigError: an option is smaller or no integer.
    """
    for name, value in options.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < at_least:
            raise ConfigError(f"{name} of {owner} must be an integer of at least {at_least}, got {value!r}.")


def flag(owner: str, **options: Any) -> None:
    """Refuse all but True and False, naming the option.

    Raises:
        ConfigError: an option is something else.
    """
    for name, value in options.items():
        if not isinstance(value, bool):
            raise ConfigError(f"{name} of {owner} must be true or false, got {value!r}.")


def one_of(owner: str, choices: tuple[str, ...], **options: Any) -> None:
    """Refuse all but some words, naming the option.

    Raises:
        ConfigError: an option is something else.
    """
    for name, value in options.items():
        if value not in choices:
            raise ConfigError(f"{name} of {owner} must be one of {', '.join(choices)}, got {value!r}.")


def _check(owner: str, wanted: str, accepts: Any, options: dict[str, Any]) -> None:
    for name, value in options.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not accepts(value):
            raise ConfigError(f"{name} of {owner} must be {wanted}, got {value!r}.")
