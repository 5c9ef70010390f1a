"""The checks of a plugin distribution: how it is installed, what it announces, and what discovery costs."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Any

from nn_core.discovery import CORE, Component, PluginRecord, normalize
from nn_core.errors import PluginError, UnknownComponentError, did_you_mean
from nn_core.plugins import ENTRY_POINT_GROUP
from nn_core.protocols import EVENTS
from nn_core.registry import registry

HEAVY = ("numpy", "pandas", "pyarrow", "scipy", "torch", "matplotlib", "h5py", "PIL")
"""What discovery, and so `nn-cli --help`, is not to import."""

METHODS = {
    "layer": ("forward", "infer", "parameters", "state_dict", "config"),
    "loss": ("value_and_grad",),
    "optimizer": ("step", "zero_grad", "state_dict", "load_state_dict"),
    "scheduler": ("step", "state_dict", "load_state_dict"),
    "metric": ("update", "compute", "reset"),
    "format": ("encode", "decode"),
}
"""What a class of each kind must have (`nn_core.protocols`)."""


def record_of(distribution: str) -> PluginRecord:
    """Return the record of a distribution.

    Raises:
        UnknownComponentError: it is not installed, or is no plugin.
    """
    records = {record.distribution: record for record in registry().records}
    name = normalize(distribution)
    if name not in records:
        raise UnknownComponentError(
            f"No plugin distribution {distribution!r} is installed.{did_you_mean(name, records)} "
            f"A plugin has an entry point in the group {ENTRY_POINT_GROUP!r}."
        )
    return records[name]


def check_status(record: PluginRecord) -> None:
    """It loads, and no other distribution provides a component of the same name."""
    assert record.status == "ok", f"its status is {record.status}: {record.reason}"


def check_announces(record: PluginRecord) -> None:
    """It announces one component at least; where it was refused, its status says why there is none."""
    assert record.components or record.status != "ok", (
        "it announces no component: no hook of its plugin module yields a spec"
    )


def check_loading(record: PluginRecord) -> None:
    """Every component can be imported."""
    for component in record.components:
        try:
            component.load()
        except PluginError as error:
            raise AssertionError(str(error)) from error


def check_laziness(record: PluginRecord) -> None:
    """Discovery imports none of the large libraries, so that ``nn-cli --help`` stays quick."""
    modules = sorted(
        entry.value.partition(":")[0]
        for entry in metadata.entry_points(group=ENTRY_POINT_GROUP)
        if entry.dist is not None and normalize(entry.dist.name) == record.distribution
    )
    program = (
        f"import sys, json, importlib; [importlib.import_module(name) for name in {modules!r}]; "
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    paths = os.pathsep.join(folder for folder in sys.path if folder)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"{', '.join(modules)} cannot be imported alone: {done.stderr.strip().splitlines()[-1:]}"
    )
    heavy = json.loads(done.stdout.splitlines()[-1])
    assert not heavy, (
        f"importing {', '.join(modules)} imports {', '.join(heavy)}: a plugin module only announces, by the names of "
        f"module and class, and imports none of the code"
    )


def check_summaries(record: PluginRecord) -> None:
    """Every component has a one-line summary, a sentence, for the lists."""
    for part in record.components:
        summary = part.summary
        fine = summary and "\n" not in summary and summary.endswith((".", "?", "!")) and len(summary) <= 120
        assert fine, f"{part.kind} {part.name}: expected a summary of one sentence with a full stop, got {summary!r}"


def check_documentation(record: PluginRecord) -> None:
    """Every component has a docstring, which ``nn-cli info`` shows."""
    for part in record.components:
        target = part.load()
        text = inspect.getdoc(target) or ""
        own = not inspect.isclass(target) or bool(vars(target).get("__doc__")) or part.kind == "backend"
        if part.kind == "command":
            text, own = getattr(target, "help", "") or text, True
        written = bool(text.strip()) and own
        assert written, f"{part.kind} {part.name}: {part.target} has no docstring"


def check_contracts(record: PluginRecord) -> None:
    """Every component has the methods of its kind."""
    for part in record.components:
        _check_contract(part, part.load())


def _check_contract(part: Component, target: Any) -> None:
    place = f"{part.kind} {part.name}"
    assert callable(target) or part.kind in ("backend", "kernel"), f"{place}: {part.target} cannot be called"
    if part.kind == "callback":
        events = [name for name in dir(target) if name.startswith("on_")]
        wrong = [name for name in events if name not in EVENTS]
        assert not wrong, f"{place}: {wrong[0]} is no event.{did_you_mean(wrong[0], EVENTS)}" if wrong else ""
        assert events, f"{place}: it has none of the methods {', '.join(EVENTS)}"
    if part.kind == "command":  # of click, which nn-core does not need
        command = not inspect.isclass(target) and hasattr(target, "params") and hasattr(target, "invoke")
        assert command, f"{place}: {part.target} is not a click command: decorate a function with @click.command()"
    if inspect.isclass(target):
        for method in METHODS.get(part.kind, ()):
            assert hasattr(target, method), f"{place}: {part.target} has no method {method}"
    elif part.kind in METHODS and part.kind != "loss":
        raise AssertionError(f"{place}: expected a class, got {type(target).__name__}")


def check_requirements(record: PluginRecord) -> None:
    """The distribution declares that it needs nn-core."""
    if record.distribution == CORE:
        return
    requirements = metadata.requires(record.distribution) or []
    needed = {normalize(found[0]) for line in requirements if (found := re.match(r"[\w.-]+", line))}
    assert CORE in needed, (
        f"its metadata do not require {CORE}: add it to the dependencies in pyproject.toml, such as 'nn-core>=0.1,<0.2'"
    )


PLUGIN_CHECKS: dict[str, Callable[[PluginRecord], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}


def check_plugin(distribution: str) -> int:
    """Run all checks on an installed distribution, and return how many there were, counting components.

    Raises:
        UnknownComponentError: it is not installed, or is no plugin.
        AssertionError: a check failed; the message says which, what was expected and what was seen.
    """
    record = record_of(distribution)
    for name, check in PLUGIN_CHECKS.items():
        try:
            check(record)
        except AssertionError as error:
            raise AssertionError(f"{record.distribution}, {name}: {error}") from error
    return len(PLUGIN_CHECKS) * max(len(record.components), 1)
