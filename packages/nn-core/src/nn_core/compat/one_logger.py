"""A logger that is the same object everywhere and takes data by name."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Self

from nn_core.logs import configure_logging


class Logger:
    """The one logger of the framework: ``Logger()`` is always the same object, and its messages go to ``nn_core``.

    The first message sets up the console at level INFO, if nothing has been set up by then; `nn_core.configure_logging`
    adds a file. Data by name follow the message.

    >>> Logger() is Logger()
    True
    """

    _only: ClassVar[Any] = None

    def __new__(cls) -> Self:
        if cls._only is None:
            cls._only = super().__new__(cls)
        only: Self = cls._only
        return only

    def set_level(self, level: str | int) -> None:
        """Change the least level that is written, as `nn_core.configure_logging` takes it."""
        log = self._log()
        log.setLevel(level.upper() if isinstance(level, str) else level)

    def debug(self, message: str, **data: Any) -> None:
        self._write(logging.DEBUG, message, data)

    def info(self, message: str, **data: Any) -> None:
        self._write(logging.INFO, message, data)

    def warning(self, message: str, **data: Any) -> None:
        self._write(logging.WARNING, message, data)

    def error(self, message: str, **data: Any) -> None:
        self._write(logging.ERROR, message, data)

    def _write(self, level: int, message: str, data: dict[str, Any]) -> None:
        words = " ".join(f"{name}={value}" for name, value in data.items())
        self._log().log(level, "%s", f"{message} | {words}" if words else message, stacklevel=3)

    @staticmethod
    def _log() -> logging.Logger:
        log = logging.getLogger("nn_core")
        return log if log.hasHandlers() else configure_logging()


logger = Logger()
"""The one there is."""
