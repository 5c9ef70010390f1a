"""An experiment: what a TOML file describes, checked whole, and the objects that it stands for."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import evolve, field, frozen

import nn_core
from nn_cli.checking import Problem, check_component, check_layers, check_section, check_value
from nn_core.batching import Subset
from nn_core.errors import ConfigError, did_you_mean
from nn_core.random import epoch_order
from nn_core.registry import build

SECTIONS = ("seed", "data", "model", "loss", "optimizer", "train")


@frozen
class DataSection:
    """``[data]``: the dataset and how it is read; the other keys are the dataset's own options."""

    type: str
    batch_size: int = 32
    validation: float = 0.0


@frozen
class TrainSection:
    """``[train]``."""

    epochs: int
    metrics: list[str] = field(factory=list)


@frozen
class Experiment:
    """A checked configuration: `table` is the file with all overrides, completed by the defaults of the sections."""

    table: dict[str, Any]

    @property
    def seed(self) -> int:
        seed: int = self.table["seed"]
        return seed

    @property
    def data(self) -> DataSection:
        known = {name: self.table["data"][name] for name in ("type", "batch_size", "validation")}
        return DataSection(**known)

    @property
    def train(self) -> TrainSection:
        return TrainSection(**self.table["train"])

    def load_data(self) -> tuple[Any, Any, Any]:
        """Return the datasets (train, validation, test); validation is None unless a share is set aside for it."""
        own = ("batch_size", "validation")
        train, test = build("dataset", {key: value for key, value in self.table["data"].items() if key not in own})
        count = round(self.data.validation * len(train))
        if not count:
            return train, None, test
        order = epoch_order(len(train), self.seed, 0)
        return Subset(train, np.sort(order[count:])), Subset(train, np.sort(order[:count])), test

    def build_model(self, sample_shape: Any) -> Any:
        """Return the model, built for batches of samples of this shape, with weights that follow from the seed."""
        nn_core.seed(self.seed)
        model = build_layer("model", self.table["model"])
        model.build(sample_shape, np.random.default_rng(self.seed))
        return model


def read_experiment(path: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment in a TOML file, with ``a.b=c`` overrides applied.

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
    problems = check_experiment(table)
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems) if len(problems) > 1 else f" {problems[0]}"
        raise ConfigError(f"{path}:{lines}" + ("" if lines.endswith((".", "?")) else "."))
    table.setdefault("seed", 0)
    table["data"] = {"batch_size": 32, "validation": 0.0} | table["data"]
    table["train"] = {"metrics": []} | table["train"]
    return Experiment(table)


def apply_override(table: dict[str, Any], override: str) -> None:
    """Set ``a.b=value`` in a table; the value is read as TOML, and as a string where it is none.

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
    *parents, last = path.strip().split(".")
    place: Any = table
    try:
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
        place[int(last) if isinstance(place, list) else last] = value
    except (TypeError, AttributeError, ValueError, IndexError):
        raise ConfigError(f"--set {override}: there is no table or list for {path.strip()!r}.") from None


def check_experiment(table: Mapping[str, Any]) -> list[Problem]:
    """Return everything that is wrong with an experiment's table."""
    problems = [
        Problem(key, f"is unknown.{did_you_mean(key, SECTIONS) or ' Known are ' + ', '.join(SECTIONS)}")
        for key in table
        if key not in SECTIONS
    ]
    problems += [
        Problem(f"[{section}]", "is missing: an experiment has " + ", ".join(f"[{name}]" for name in SECTIONS[1:]))
        for section in SECTIONS[1:]
        if section not in table
    ]
    problems += check_value("seed", table.get("seed", 0), int)
    if "train" in table:
        problems += check_section("train", table["train"], TrainSection)
        problems += _check_train(table["train"])
    if "data" in table:
        problems += _check_data(table["data"])
    if "model" in table:
        model = table["model"]
        nested = isinstance(model, Mapping) and "type" not in model
        problems += check_layers("model", model) if nested else check_component("model", "layer", model)
    if "loss" in table:
        problems += check_component("loss", "loss", table["loss"])
    if "optimizer" in table:
        problems += check_component("optimizer", "optimizer", table["optimizer"], positional=1)
    return problems


def build_layer(place: str, table: Mapping[str, Any]) -> Any:
    """Make a layer from its table, or a `Sequential` from one with ``layers`` alone; errors name the place."""
    if "layers" in table and table.get("type", "sequential").partition("@")[0] == "sequential":
        layers = [build_layer(f"{place}.layers[{i}]", layer) for i, layer in enumerate(table["layers"])]
        return nn_core.Sequential(*layers)
    try:
        return build("layer", table)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from None


def _check_train(train: Any) -> list[Problem]:
    if not isinstance(train, Mapping):
        return []
    problems = []
    epochs, metrics = train.get("epochs"), train.get("metrics", [])
    if isinstance(epochs, int) and epochs < 1:
        problems.append(Problem("train.epochs", f"must be at least 1, got {epochs}"))
    for i, name in enumerate(metrics if isinstance(metrics, list) else []):
        if isinstance(name, str):
            found = check_component(f"train.metrics[{i}]", "metric", {"type": name})
            problems += [evolve(problem, place=f"train.metrics[{i}]") for problem in found]
    return problems


def _check_data(data: Any) -> list[Problem]:
    problems = check_section("data", data, DataSection, open_ended=True)
    if problems:
        return problems
    if data.get("batch_size", 1) < 1:
        problems.append(Problem("data.batch_size", f"must be at least 1, got {data['batch_size']}"))
    if not 0 <= data.get("validation", 0) < 1:
        problems.append(Problem("data.validation", f"must be a share from 0 to below 1, got {data['validation']}"))
    own = {key: value for key, value in data.items() if key not in ("batch_size", "validation")}
    return problems + check_component("data", "dataset", own)
