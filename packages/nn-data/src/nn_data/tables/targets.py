"""What a table is to be asked for: classes, or numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from attrs import asdict, define, field

from nn_core import DataError
from nn_core.typing import Array
from nn_data.tables.encoding import NumberEncoder, codes_of, nan_as_null


@define
class Target:
    """The target of a table: the column of classes, or columns of numbers.

    Args:
        names: of the columns.
        classes: what the labels 0, 1, … stand for, integers, words or truth values; None for numbers.
        some: whether there are other classes, whose rows are left out.
        binary: whether labels are floating numbers in a column, for a loss of one logit per row.
        weights: of the classes, that give each the same influence by its frequency in training.
        encoders: of the numbers.
    """

    names: list[str]
    classes: list[Any] | None = None
    some: bool = False
    binary: bool = False
    weights: list[float] = field(factory=list)
    encoders: list[NumberEncoder] = field(factory=list)

    def wanted(self, table: pa.Table) -> Array:
        """Return which rows of a table are not of another class than those that are wanted."""
        if not self.some:
            return np.ones(table.num_rows, bool)
        codes = self._codes(table)
        wanted: Array = (codes >= 0) | np.asarray(table[self.names[0]].is_null(nan_is_null=True))
        return wanted

    def encode(self, table: pa.Table, rows: Array) -> Array:
        """Return labels ``(N,)`` int64, or ``(N, 1)`` float32 if they are binary, or numbers ``(N, targets)`` float32.

        Raises:
            DataError: a class is unknown, or a value missing.
        """
        if self.classes is None:
            y = np.empty((table.num_rows, len(self.names)), np.float32)
            for i, encoder in enumerate(self.encoders):
                encoder.encode(table[encoder.name], rows, y[:, i : i + 1])
            return y
        column = table[self.names[0]]
        missing = np.asarray(column.is_null(nan_is_null=True))
        if missing.any():
            raise DataError(
                f"The target {self.names[0]!r} is missing in row {rows[missing][0]} ({missing.sum()} in all): fill it, "
                f"or leave such rows out with missing={{{self.names[0]!r}: 'drop'}}."
            )
        codes = self._codes(table)
        if (codes < 0).any():
            wrong = int((codes < 0).argmax())
            raise DataError(
                f"{self.names[0]!r} in row {rows[wrong]} is {column[wrong].as_py()!r}, which is none of the classes "
                f"{', '.join(map(repr, self.classes[:10]))}{', …' if len(self.classes) > 10 else ''}."
            )
        return codes[:, None].astype(np.float32) if self.binary else codes

    def decode(self, outputs: Array) -> Array:
        """Return what outputs of a model mean."""
        if self.classes is None:
            if outputs.ndim != 2 or outputs.shape[1] != len(self.encoders):
                raise DataError(f"Outputs must be (N, {len(self.encoders)}), got the shape {outputs.shape}.")
            columns = [encoder.decode(outputs[:, i]) for i, encoder in enumerate(self.encoders)]
            return np.stack(columns, axis=1)
        names = np.asarray(self.classes)
        if outputs.ndim == 2 and outputs.shape[1] == len(names):
            chosen: Array = names[outputs.argmax(axis=1)]
            return chosen
        if len(names) == 2 and outputs.shape[1:] in ((), (1,)):
            return names[(outputs.reshape(-1) > 0).astype(np.int64)]
        raise DataError(f"Outputs must be (N, {len(names)}), one column per class, got the shape {outputs.shape}.")

    def config(self) -> dict[str, Any]:
        """Return the target as plain values."""
        plain: dict[str, Any] = asdict(self)
        return plain

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Target:
        """Return what `config` described."""
        return cls(**{**config, "encoders": [NumberEncoder(**part) for part in config["encoders"]]})

    def _codes(self, table: pa.Table) -> Array:
        column = table[self.names[0]]
        try:
            plain = nan_as_null(column).cast(pa.array(self.classes).type)
        except pa.ArrowInvalid:
            raise DataError(
                f"The classes in {self.names[0]!r} should be like {self.classes[0]!r}, and are of type {column.type}."
                if self.classes
                else f"There are no classes in {self.names[0]!r}."
            ) from None
        return codes_of(plain, self.classes or [])
