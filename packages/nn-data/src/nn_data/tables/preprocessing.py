"""What turns rows of a table into numbers for a model, learned from the training part and saved with the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from attrs import asdict, fields_dict

from nn_core import ArrayDataset, ConfigError, DataError, load_extra, predict
from nn_core.errors import did_you_mean
from nn_core.typing import Array
from nn_data.tables.columns import chosen
from nn_data.tables.encoding import ENCODERS, numbers_of
from nn_data.tables.learning import kept, learn
from nn_data.tables.options import TableOptions
from nn_data.tables.reading import read_table
from nn_data.tables.targets import Target

_VERSION = 1


class Preprocessing:
    """Prepares the columns of tables: numbers are scaled, categories become columns, missing values are dealt with.

    What it needs to know of the data (means, deviations, categories) it learns by `fit` from the training part alone,
    and does the same to whatever rows come later. It is saved with a model, so that raw rows are all it takes to
    predict::

        preprocessing = Preprocessing(target="price", missing="median").fit("train.csv")
        fit(model, preprocessing("train.csv"), …)
        save(model, "prices.safetensors", extra={"preprocessing": preprocessing})
        …
        Preprocessing.load("prices.safetensors").predict(load("prices.safetensors"), "new.csv")

    The options are those of `TableOptions`; wherever a table is asked for, all that `read_table` reads will do.
    """

    def __init__(self, target: Any = None, features: Any = None, **options: Any) -> None:
        known = fields_dict(TableOptions)
        for name in options:
            if name not in known:
                raise ConfigError(f"A table has no option {name!r}.{did_you_mean(name, known)}")
        self.options = TableOptions(target=target, features=features, **options)
        self.encoders: list[Any] = []
        self.target: Target | None = None
        self.weight: str | None = None
        self.features: list[str] = []

    def __repr__(self) -> str:
        learned = (
            f"{len(self.feature_names)} features from {len(self.features)} columns" if self.fitted else "not fitted"
        )
        return f"Preprocessing(target={self.options.target!r}, {learned})"

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The columns of x, such as ``age`` or ``city=Paris``."""
        return tuple(name for encoder in self.encoders for name in encoder.names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the labels 0, 1, … mean; nothing for regression."""
        return tuple(map(str, self.target.classes or ())) if self.target is not None else ()

    @property
    def fitted(self) -> bool:
        """Whether `fit` was called."""
        return bool(self.encoders)

    def fit(self, source: Any) -> Preprocessing:
        """Learn what there is to know from the training part, a table or a `TableStream`, and return the object.

        Raises:
            DataError: the table cannot be read, or a value does not fit its column; it is named with its row.
            ConfigError: an option names a column that is not there, or does not fit what is in one.
        """
        options = self.options
        tables = source.tables() if hasattr(source, "tables") else iter([self.read(source)])
        first = next(tables, None)
        if first is None or not first.num_rows:
            raise DataError("There are no rows in the table to learn from.")
        names = first.column_names
        targets = [] if options.target is None else chosen(options.target, names, "target")
        weights = [] if options.weight in (None, "balanced") else chosen(options.weight, names, "weight")
        ignored = [] if options.ignore is None else chosen(options.ignore, names, "ignore")
        rest = [name for name in names if name not in (*targets, *weights, *ignored)]
        features = rest if options.features is None else chosen(options.features, names, "features")
        doubled = [name for name in features if name in targets]
        if doubled or not features:
            raise ConfigError(
                f"{doubled[0]!r} cannot be both feature and target." if doubled else "No column is left for a feature."
            )
        self.encoders, self.target = learn(options, features, targets, chain([first], tables))
        self.features, self.weight = features, weights[0] if weights else None
        return self

    def __call__(self, source: Any) -> ArrayDataset:
        """Return the samples of a table with its targets; rows that are to be dropped are left out.

        Shape:
            x ``(N, len(feature_names))`` float32; y ``(N,)`` int64 labels, or ``(N, targets)`` float32.

        Raises:
            DataError: a column is missing, or a value does not fit it.
            ConfigError: there is no target, or nothing was learned yet.
        """
        self._check_fitted()
        return self.samples(self.read(source))

    def samples(self, table: pa.Table, first_row: int = 0) -> ArrayDataset:
        """Return the samples of a table of Arrow, whose rows are numbered from `first_row` in errors."""
        if self.target is None:
            raise ConfigError("There is no target: name the column with target=, or ask for inputs(…) alone.")
        table, rows = self._rows(table, first_row)
        x = self._encoded(table, rows)
        y = self.target.encode(table, rows)
        weight = None
        if self.weight is not None:
            weight = numbers_of(table[self.weight], self.weight, rows).astype(np.float32)
            if not (weight >= 0).all():
                wrong = int((~(weight >= 0)).argmax())
                raise DataError(f"The weight in row {rows[wrong]} is {weight[wrong]}, which is not at least 0.")
        elif self.options.weight == "balanced":
            weight = np.array(self.target.weights, np.float32)[y.astype(np.int64).reshape(-1)]
        return ArrayDataset(x, y, weight)

    def inputs(self, source: Any) -> Array:
        """Return the inputs for the rows of a table, which needs no targets.

        Shape:
            ``(N, len(feature_names))`` float32, a row for each.

        Raises:
            DataError: a column is missing, or a value does not fit it.
        """
        self._check_fitted()
        table = self.read(source)
        self._check_columns(table, self.features)
        return self._encoded(table, np.arange(table.num_rows))

    def decode(self, outputs: Any) -> Array:
        """Return what outputs of a model mean: ``(N, classes)`` → classes ``(N,)``, or numbers in the target's units.

        A single output for two classes is a logit: the second one above 0.

        Raises:
            DataError: the outputs do not fit the target.
        """
        self._check_fitted()
        if self.target is None:
            raise ConfigError("Nothing was learned about a target, so that outputs mean nothing.")
        return self.target.decode(np.asarray(outputs))

    def predict(self, model: Any, source: Any, batch_size: int = 256) -> Array:
        """Return what a model predicts for the rows of a table: `decode` of its outputs for `inputs`."""
        return self.decode(predict(model, self.inputs(source), batch_size=batch_size))

    def config(self) -> dict[str, Any]:
        """Return all that is to know as plain values, for `from_config`."""
        self._check_fitted()
        return {
            "version": _VERSION,
            "options": self.options.config(),
            "features": self.features,
            "weight": self.weight,
            "encoders": [{"kind": encoder.kind, **asdict(encoder)} for encoder in self.encoders],
            "target": None if self.target is None else self.target.config(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Preprocessing:
        """Return what `config` described.

        Raises:
            DataError: the description is damaged, or of another version.
        """
        try:
            if config["version"] != _VERSION:
                raise DataError(f"The preprocessing has version {config['version']!r}; this nn-data reads {_VERSION}.")
            made = cls(**config["options"])
            made.features, made.weight = list(config["features"]), config["weight"]
            parts = [dict(part) for part in config["encoders"]]
            made.encoders = [ENCODERS[part.pop("kind")](**part) for part in parts]
            made.target = None if config["target"] is None else Target.from_config(config["target"])
        except (KeyError, TypeError, AttributeError, ConfigError) as error:
            raise DataError(f"The description of a preprocessing is damaged: {error!r}.") from error
        return made

    @classmethod
    def load(cls, path: str | Path) -> Preprocessing:
        """Return the preprocessing that was saved with a model as ``save(…, extra={"preprocessing": …})``.

        Raises:
            DataError: there is none in the file.
            ModelFileError: the file is missing or damaged.
        """
        extra = load_extra(path)
        if not isinstance(extra.get("preprocessing"), dict):
            raise DataError(
                f"{path} holds no preprocessing; save it with the model: "
                f"save(model, path, extra={{'preprocessing': preprocessing}})."
            )
        return cls.from_config(extra["preprocessing"])

    def read(self, source: Any) -> pa.Table:
        """Return a table, with what were words in training as words, also where they look like numbers."""
        reading = self.options.reading
        words = [encoder.name for encoder in self.encoders if encoder.kind == "category"]
        return read_table(source, **(reading | {"text": words or reading["text"]}))

    def _check_fitted(self) -> None:
        if not self.fitted:
            raise ConfigError("The preprocessing has learned nothing yet: call fit(…) with the training part.")

    def _check_columns(self, table: pa.Table, needed: Sequence[str]) -> None:
        absent = [name for name in needed if name not in table.column_names]
        if absent:
            shown = ", ".join(map(repr, absent[:8])) + (f" and {len(absent) - 8} more" if len(absent) > 8 else "")
            raise DataError(
                f"The table lacks {shown}, which the training part had; it has {', '.join(table.column_names[:12])}"
                f"{', …' if table.num_columns > 12 else ''}."
            )

    def _encoded(self, table: pa.Table, rows: Array) -> Array:
        x = np.empty((table.num_rows, len(self.feature_names)), np.float32)
        start = 0
        for encoder in self.encoders:
            end = start + len(encoder.names)
            encoder.encode(table[encoder.name], rows, x[:, start:end])
            start = end
        return x

    def _rows(self, table: pa.Table, first_row: int) -> tuple[pa.Table, Array]:
        """Return the rows of a table that are not to be left out, and their numbers."""
        targets = self.target.names if self.target is not None else []
        names = [*self.features, *targets]
        self._check_columns(table, [*names, *([self.weight] if self.weight else [])])
        return kept(table, np.arange(first_row, first_row + table.num_rows), self.options.dropped(names), self.target)
