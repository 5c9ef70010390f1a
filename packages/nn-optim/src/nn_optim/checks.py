"""The checks that optimizers make of their options."""

from __future__ import annotations

from nn_core import ConfigError


def at_least_zero(owner: str, **options: float) -> None:
    """Refuse all but finite numbers of at least 0, naming the option.

    Raises:
        ConfigError: an option is negative, not finite or not a number.
    """
    _check(owner, "a number of at least 0", float("inf"), options)


def share(owner: str, **options: float) -> None:
    """Refuse all but numbers from 0 up to but not including 1, naming the option.

    Raises:
        ConfigError: an option is out of that range or not a number.
    """
    _check(owner, "a number from 0 up to but not including 1", 1.0, options)


def _check(owner: str, wanted: str, limit: float, options: dict[str, float]) -> None:
    for name, value in options.items():
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < limit:
            raise ConfigError(f"{name} of {owner} must be {wanted}, got {value!r}.")
