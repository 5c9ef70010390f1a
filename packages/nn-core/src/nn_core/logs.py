"""Where the messages of the framework go, and how long things took."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import wraps
from logging.handlers import RotatingFileHandler
from pathlib import Path
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from nn_core.errors import ConfigError

P = ParamSpec("P")
R = TypeVar("R")

FORMAT = "%(asctime)s | %(levelname)-8s | %(name)s:%(funcName)s - %(message)s"
DATE_FORMAT = "%Y-%m-%d %H:%M:%S"
FILE_SIZE = 5_000_000
"""Bytes after which a log file is renamed to ``….1`` and a new one begun; three old ones are kept."""

logger = logging.getLogger("nn_core")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def debugging() -> bool:
    """Return whether ``NN_DEBUG`` asks for all messages."""
    return os.environ.get("NN_DEBUG", "") not in ("", "0")


class _Console(logging.StreamHandler[Any]):
    """Writes to what standard error is at the time, which notebooks and tests exchange."""

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, value: Any) -> None:
        """Nothing to keep; the base class sets it once."""


def configure_logging(
    level: str | int = "INFO", *, console: bool = True, file: str | Path | None = None
) -> logging.Logger:
    """Send the framework's messages, those of the logger ``nn_core`` and the ones below it, to the console or a file.

    What an earlier call set up is replaced. The root logger's handlers no longer get the messages, so that none is
    written twice. Without any call, warnings and errors appear on standard error, as `logging` has it by default; with
    ``NN_DEBUG=1`` in the environment all messages do, and whatever is set up gets them all.

    Args:
        level: the least of ``DEBUG``, ``INFO``, ``WARNING``, ``ERROR``, ``CRITICAL`` that is written, or its number.
        console: whether messages go to standard error.
        file: the file that messages are appended to; its folder is made. At 5 MB it is renamed to ``….1`` and a new
            one begun; three old ones are kept.

    Returns:
        The logger ``nn_core``, for further handlers.

    Raises:
        ConfigError: there is no such level, or the file cannot be written.

    >>> log = configure_logging("WARNING")
    >>> log.level == logging.WARNING, len(log.handlers)
    (True, 1)
    >>> configure_logging(console=False).handlers
    []
    """
    name = level.upper() if isinstance(level, str) else level
    if name not in _LEVELS and (isinstance(level, bool) or not isinstance(level, int)):
        raise ConfigError(f"level must be one of {', '.join(_LEVELS)} or a number, got {level!r}.")
    handlers: list[logging.Handler] = [_Console()] if console else []
    if file is not None:
        try:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
            handlers.append(RotatingFileHandler(file, maxBytes=FILE_SIZE, backupCount=3, encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"The log file {file} cannot be written: {error.strerror or error}.") from error
    for old in [handler for handler in logger.handlers if isinstance(handler, (_Console, RotatingFileHandler))]:
        logger.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(logging.Formatter(FORMAT, DATE_FORMAT))
        logger.addHandler(handler)
    logger.setLevel("DEBUG" if debugging() else name)
    logger.propagate = not handlers
    return logger


def chronometer(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function log how long each call took, at level INFO of the logger ``nn_core``, also if it raises.

    >>> @chronometer
    ... def double(x):
    ...     return 2 * x
    >>> double(4)
    8
    """

    @wraps(function)
    def timed(*args: P.args, **kw: P.kwargs) -> R:
        start = perf_counter()
        try:
            return function(*args, **kw)
        finally:
            name = getattr(function, "__qualname__", type(function).__name__)
            logger.info("%s took %s", name, format_duration(perf_counter() - start))

    return timed


def format_duration(seconds: float) -> str:
    """Return a time in the unit that suits it.

    >>> [format_duration(s) for s in (2e-8, 3.14e-5, 0.0025, 12.346, 75.4, 3725)]
    ['20 ns', '31.4 µs', '2.5 ms', '12.35 s', '1 m 15 s', '1 h 2 m 5 s']
    """
    for limit, scale, unit in ((1e-6, 1e9, "ns"), (1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{seconds * scale:.4g} {unit}"
    if round(seconds, 2) < 60:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} m {rest} s" if hours else f"{minutes} m {rest} s"
