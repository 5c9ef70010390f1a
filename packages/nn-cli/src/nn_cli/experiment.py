"""An experiment: what a TOML file describes, checked whole, and the objects that it stands for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from attrs import evolve, field, frozen

import nn_core
from nn_cli.checking import Problem, check_component, check_layers, check_section, check_value
from nn_core.batching import Subset
from nn_core.errors import ConfigError, did_you_mean
from nn_core.random import epoch_order
from nn_core.registry import build, takes

SECTIONS = {"data": "type", "model": "layers", "loss": "type", "optimizer": "type", "train": "epochs"}
"""The tables of an experiment, each with the key that it cannot do without."""

OPTIONAL = ("scheduler",)
"""Tables that an experiment may have."""


@frozen
class DataSection:
    """``[data]``: how the dataset is used; the other keys are its ``type`` and its own options."""

    batch_size: int = 32
    validation: float = 0.0


_USE = tuple(attrs.fields_dict(DataSection))


@frozen
class TrainSection:
    """``[train]``."""

    epochs: int
    metrics: list[Any] = field(factory=list)
    accumulate: int = 1
    clip_norm: float | None = None


@frozen
class Experiment:
    """A checked configuration: `table` is the file with all overrides, completed by the defaults of the sections.

    Of a run that has begun, `preprocessing` is what it learned about the columns of its table, which other data are
    prepared by, too.
    """

    table: dict[str, Any]
    preprocessing: dict[str, Any] | None = None

    @property
    def seed(self) -> int:
        seed: int = self.table["seed"]
        return seed

    @property
    def data(self) -> DataSection:
        return DataSection(**{key: self.table["data"][key] for key in _USE})

    @property
    def train(self) -> TrainSection:
        return TrainSection(**self.table["train"])

    def load_data(self) -> tuple[Any, Any, Any]:
        """Return the datasets (train, validation, test); validation is None unless a share is set aside for it."""
        table = {key: value for key, value in self.table["data"].items() if key not in _USE}
        if self.preprocessing is not None and takes("dataset", table["type"], "preprocessing"):
            table["preprocessing"] = self.preprocessing
        if not self.data.validation:
            train, test = build("dataset", table)
            return train, None, test
        if takes("dataset", table["type"], "validation"):  # it learns from the rest alone
            parts: tuple[Any, Any, Any] = build("dataset", table | {"validation": self.data.validation})
            return parts
        train, test = build("dataset", table)
        count = min(max(round(self.data.validation * len(train)), 1), len(train) - 1)
        order = epoch_order(len(train), self.seed, 0)
        return Subset(train, np.sort(order[count:])), Subset(train, np.sort(order[:count])), test

    def build(self, section: str, *args: Any) -> Any:
        """Return the component that a section configures; an error names the section."""
        try:
            return build(section, self.table[section], *args)
        except ConfigError as error:
            raise ConfigError(f"[{section}] {error}") from None

    def build_model(self, sample_shape: Any) -> Any:
        """Return the model, built for batches of samples of this shape, with weights that follow from the seed."""
        nn_core.seed(self.seed)
        model = build_layer("model", self.table["model"])
        model.build(sample_shape, np.random.default_rng(self.seed))
        return model


def read_experiment(path: Path, overrides: Sequence[str] = (), trains: bool = True) -> Experiment:
    """Return the experiment in a TOML file, with ``a.b=c`` overrides applied.

    Args:
        path: the file.
        overrides: see `apply_override`.
        trains: False leaves model and optimizer unchecked, for a model that is trained already.

    Raises:
        ConfigError: the file is missing or malformed, or anything in it is wrong; all problems are named.
    """
    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError:
        raise ConfigError(f"There is no configuration file {path}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    for override in overrides:
        apply_override(table, override)
    problems = check_experiment(table, trains)
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems) if len(problems) > 1 else f" {problems[0]}"
        raise ConfigError(f"{path}:{lines}" + ("" if lines.endswith((".", "?")) else "."))
    table.setdefault("seed", 0)
    table["data"] = {"batch_size": 32, "validation": 0.0} | table["data"]
    table["train"] = {"metrics": []} | table["train"]
    return Experiment(table)


def apply_override(table: dict[str, Any], override: str) -> None:
    """Set ``a.b=value`` or ``a[0].b=value`` in a table; the value is read as TOML, and as a string where it is none.

    >>> table = {"train": {"epochs": 3}}
    >>> apply_override(table, "train.epochs=5"); apply_override(table, "data.path=../mnist")
    >>> table
    {'train': {'epochs': 5}, 'data': {'path': '../mnist'}}

    Raises:
        ConfigError: the override has no ``=``, or its path leads through something that is no table or list.
    """
    path, equals, text = override.partition("=")
    if not equals or not path.strip():
        raise ConfigError(f"--set takes key=value, such as train.epochs=3, got {override!r}.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *parents, last = re.sub(r"\[(\d+)\]", r".\1", path.strip()).split(".")
    place: Any = table
    try:
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
        place[int(last) if isinstance(place, list) else last] = value
    except IndexError:
        raise ConfigError(f"--set {override}: the list is shorter; its last entry is {len(place) - 1}.") from None
    except (TypeError, AttributeError, ValueError):
        raise ConfigError(f"--set {override}: there is no table or list for {path.strip()!r}.") from None


def check_experiment(table: Mapping[str, Any], trains: bool = True) -> list[Problem]:
    """Return everything that is wrong with an experiment's table; what is absent is named once, at its first place."""
    known = ("seed", *SECTIONS, *OPTIONAL)
    problems = [
        Problem(key, f"is unknown.{did_you_mean(key, known) or ' Known are ' + ', '.join(known)}")
        for key in table
        if key not in known
    ]
    problems += [
        Problem(f"[{section}]", f"is missing: add the table with its key {key!r}")
        for section, key in SECTIONS.items()
        if section not in table
    ]
    seed = table.get("seed", 0)
    problems += check_value("seed", seed, int) + _check_least("seed", seed, 0)
    if "train" in table:
        problems += check_section("train", table["train"], TrainSection)
        problems += _check_train(table["train"])
    if "data" in table:
        problems += _check_data(table["data"])
    if "model" in table and trains:
        model = table["model"]
        nested = isinstance(model, Mapping) and "type" not in model
        problems += (
            check_layers("model", model, nn_core.Sequential) if nested else check_component("model", "layer", model)
        )
    if "loss" in table:
        problems += check_component("loss", "loss", table["loss"])
    if "optimizer" in table and trains:
        problems += check_component("optimizer", "optimizer", table["optimizer"], positional=1)
    if "scheduler" in table and trains:
        problems += check_component("scheduler", "scheduler", table["scheduler"], positional=1)
    first = {problem.text: problem for problem in reversed(problems)}
    return [problem for problem in problems if not problem.absent or first[problem.text] is problem]


def build_layer(place: str, table: Mapping[str, Any]) -> Any:
    """Make a layer from its table, a `Sequential` from one with ``layers`` and no type; errors name the place."""
    if "layers" in table and table.get("type", "sequential").partition("@")[0] == "sequential":
        layers = [build_layer(f"{place}.layers[{i}]", layer) for i, layer in enumerate(table["layers"])]
        table = {"type": "sequential"} | dict(table) | {"layers": layers}
    try:
        return build("layer", table)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def _check_train(train: Any) -> list[Problem]:
    if not isinstance(train, Mapping):
        return []
    problems = _check_least("train.epochs", train.get("epochs"), 1)
    problems += _check_least("train.accumulate", train.get("accumulate"), 1)
    if isinstance(train.get("clip_norm"), (int, float)) and not train["clip_norm"] >= 0:
        problems.append(Problem("train.clip_norm", f"must be at least 0, got {train['clip_norm']}"))
    metrics = train.get("metrics", [])
    for i, choice in enumerate(metrics if isinstance(metrics, list) else []):
        place = f"train.metrics[{i}]"
        if isinstance(choice, str):
            found = check_component(place, "metric", {"type": choice})
            problems += [evolve(problem, place=place) for problem in found]
        elif isinstance(choice, Mapping):
            problems += check_component(place, "metric", choice)
        else:
            problems.append(Problem(place, f"must be the name of a metric or a table with its type, got {choice!r}"))
    return problems


def _check_least(place: str, value: Any, least: int) -> list[Problem]:
    """Check the range of a value that should be an integer, which is checked elsewhere."""
    too_small = isinstance(value, int) and not isinstance(value, bool) and value < least
    return [Problem(place, f"must be at least {least}, got {value}")] if too_small else []


def _check_data(data: Any) -> list[Problem]:
    if not isinstance(data, Mapping):
        return check_component("data", "dataset", data)
    problems = check_section("data", {key: value for key, value in data.items() if key in _USE}, DataSection)
    problems += _check_least("data.batch_size", data.get("batch_size"), 1)
    validation = data.get("validation", 0)
    if not problems and not 0 <= validation < 1:
        problems.append(Problem("data.validation", f"must be a share from 0 to below 1, got {validation}"))
    return problems + check_component("data", "dataset", data, elsewhere=_USE)
