"""What a training run measured, epoch by epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from nn_core.files import write_atomically


class History:
    """A table with one row per epoch; a column is read by its name.

    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.5}); history.append({"epoch": 2, "loss": 0.25})
    >>> history["loss"]
    [0.5, 0.25]
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    @property
    def columns(self) -> list[str]:
        """The names of the columns, in the order in which they first appeared."""
        return list(dict.fromkeys(name for row in self.rows for name in row))

    def append(self, row: dict[str, float]) -> None:
        self.rows.append(row)

    def __getitem__(self, column: str) -> list[float]:
        if column not in self.columns:
            raise KeyError(f"The history has no column {column!r}; it has {', '.join(self.columns) or 'none yet'}.")
        return [row.get(column, float("nan")) for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, float]]:
        return iter(self.rows)

    def to_csv(self, path: str | Path) -> None:
        """Write the table with a header line; numbers keep all their digits. A crash never harms an older file."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns)
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(Path(path), text.getvalue().encode())

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={value:.4g}" for name, value in (self.rows[-1] if self.rows else {}).items())
        return f"History({len(self.rows)} epochs{', last: ' + last if last else ''})"
