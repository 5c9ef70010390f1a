"""What a training run measured, epoch by epoch."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from nn_core.errors import PluginError
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

    def to_json(self, path: str | Path) -> None:
        """Write the columns as one JSON object of lists; what is not finite or missing in a row is null."""
        columns = {name: [_or_null(value) for value in self[name]] for name in self.columns}
        write_atomically(Path(path), json.dumps(columns, indent=1).encode())

    def to_jsonl(self, path: str | Path) -> None:
        """Write a JSON object per row and line; what is not finite is null."""
        lines = (json.dumps({name: _or_null(value) for name, value in row.items()}) for row in self.rows)
        write_atomically(Path(path), "".join(f"{line}\n" for line in lines).encode())

    def to_pandas(self) -> Any:
        """Return the table as a ``pandas.DataFrame``.

        Raises:
            PluginError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise PluginError("to_pandas needs pandas: install the extra nn-core[pandas].") from None
        return pd.DataFrame(self.rows, columns=self.columns)

    def plot(self, *columns: str) -> Any:
        """Return a matplotlib figure with the columns over the epochs, those of validation dashed.

        Args:
            *columns: which ones; all but the epoch and the time if left out. Each one has its own axes, which
                ``val_loss`` shares with ``loss``, and so on.

        Raises:
            PluginError: matplotlib is not installed.
            KeyError: there is no such column.
        """
        try:
            from matplotlib.figure import Figure
            from matplotlib.ticker import MaxNLocator
        except ImportError:
            raise PluginError("plot needs matplotlib: install the extra nn-core[plot].") from None
        shown = list(columns) or [name for name in self.columns if name not in ("epoch", "seconds")]
        panels = list(dict.fromkeys(name.removeprefix("val_") for name in shown))
        figure = Figure(figsize=(5 * max(len(panels), 1), 3.6), layout="constrained")
        epochs = [row.get("epoch", i) for i, row in enumerate(self.rows, 1)]
        for i, panel in enumerate(panels, 1):
            axes = figure.add_subplot(1, len(panels), i, xlabel="epoch", ylabel=panel)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            for name, style, label in ((panel, "-", "training"), (f"val_{panel}", "--", "validation")):
                if name in shown:
                    axes.plot(epochs, self[name], style, marker=".", label=label)
            if f"val_{panel}" in shown:
                axes.legend()
        return figure

    def __repr__(self) -> str:
        last = ", ".join(f"{name}={value:.4g}" for name, value in (self.rows[-1] if self.rows else {}).items())
        return f"History({len(self.rows)} epochs{', last: ' + last if last else ''})"


def _or_null(value: float) -> float | None:
    return value if isfinite(value) else None
