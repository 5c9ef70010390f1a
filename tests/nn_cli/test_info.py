"""`nn-cli info`: what a component computes, takes and returns."""

from __future__ import annotations

import re

import attrs
import pytest

import nn_cli
import nn_core
from nn_cli.arguments import arguments_of
from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED, doc, optional_positive, positive

HEADER = ["ARGUMENT", "TYPE", "DEFAULT", "MEANING"]
PLUGIN = """
from nn_core.plugins import *

NN_API = 1


@hookimpl
def nn_{plural}():
    yield {spec}(name="{name}", target="nn_acme.parts:{target}", summary="{summary}")
"""


@pytest.fixture
def install(fake_plugins):
    """Install a distribution that announces one part of a module."""

    def install(source: str, target: str, spec: str = "DatasetSpec", name: str = "part", plural: str = "datasets"):
        plugin = PLUGIN.format(plural=plural, spec=spec, name=name, target=target, summary="In one line.")
        fake_plugins.install("nn-acme", {"nn_acme/nn_plugin.py": plugin, "nn_acme/parts.py": source})

    return install


def arguments(result) -> dict[str, tuple[str, ...]]:
    """Return the rows of the table of arguments by the argument."""
    [i] = [i for i, line in enumerate(result.lines) if line.split() == HEADER]
    starts = [re.search(rf"\b{word}\b", result.lines[i]).start() for word in HEADER]
    rows = [
        [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)] for line in result.lines[i + 1 :]
    ]
    return {row[0]: tuple(row[1:]) for row in rows}


# A layer


def test_a_layer_is_explained_by_its_equation_its_shapes_and_its_arguments(run, fake_plugins):
    result = run("info", "linear")
    assert (result.code, result.err) == (0, "")
    assert result.lines[0] == f"linear – layer of nn-core {nn_core.__version__}, nn_core.layers.linear:Linear"
    assert "y = x Wᵀ + b" in result.out
    assert "∂W = dyᵀ x" in result.out
    assert "Shape:\n    x (…, in_features) → y (…, out_features)" in result.out
    assert "ShapeError: the last axis of x is not in_features" in result.out
    found = arguments(result)
    assert list(found) == ["in_features", "out_features", "bias", "init"]
    assert found["in_features"][:2] == ("int | None", "None")
    assert found["out_features"] == ("int", "required", "columns of y")
    assert found["bias"] == ("bool", "True", "whether b is added")
    assert found["init"][:2] == ("name | table | function", "None")
    assert all(meaning for _, _, meaning in found.values())


def test_markup_and_examples_for_the_interpreter_are_left_out(run, fake_plugins):
    for name in ("linear", "relu", "flatten", "dropout", "batch_norm1d", "sequential", "cross_entropy", "accuracy"):
        text = run("info", name).out
        assert ">>>" not in text
        assert "`" not in text
        assert "Args:" not in text
        assert "\n\n\n" not in text


@pytest.mark.parametrize("name", ["relu", "flatten", "dropout", "batch_norm1d", "sequential"])
def test_every_layer_tells_its_shapes_and_means_something_by_its_arguments(run, fake_plugins, name):
    result = run("info", name)
    assert "Shape:\n" in result.out
    if HEADER in [line.split() for line in result.lines]:
        assert all(meaning or argument.startswith("*") for argument, (*_, meaning) in arguments(result).items())


def test_a_name_may_be_qualified_in_any_spelling(run, fake_plugins):
    plain = run("info", "linear").out
    assert run("info", "linear@nn-core").out == plain
    assert run("info", "linear@NN_Core").out == plain


# Other kinds


FUNCTION = '''
def part(path: str, size: float | int = 0.2, *rest: int, names: list[str] = ["a"], **options: bool):
    """Return ``(train, test)``.

    Args:
        path: folder with ``a`` and
            ``b`` in it.
        size: share of the samples.

    Shape:
        x ``(N, 3)``; y ``(N,)``.

    >>> part("x")
    'a doctest'
    >>> part("y")

    Source: a book.
    """
'''


@pytest.mark.parametrize("future", ["", "from __future__ import annotations\n"], ids=["objects", "strings"])
def test_a_function_is_explained_by_its_docstring_and_signature(run, install, future):
    install(future + FUNCTION, "part")
    result = run("info", "part")
    assert result.code == 0
    assert result.lines[:2] == ["part – dataset of nn-acme 1.0, nn_acme.parts:part", ""]
    body = result.out.partition("ARGUMENT")[0].splitlines()[2:]
    assert body == ["Return (train, test).", "", "Shape:", "    x (N, 3); y (N,).", "", "Source: a book.", ""]
    assert arguments(result) == {
        "path": ("str", "required", "folder with a and b in it."),
        "size": ("float | int", "0.2", "share of the samples."),
        "*rest": ("int", "", ""),
        "names": ("list[str]", "['a']", ""),
        "**options": ("bool", "", ""),
    }


def test_the_argument_that_the_framework_supplies_is_left_out(run, install):
    install("class Rule:\n    def __init__(self, parameters, lr: float = 0.1):\n        pass\n", "Rule",
            "OptimizerSpec", "rule", "optimizers")  # fmt: skip
    assert list(arguments(run("info", "rule"))) == ["lr"]


def test_what_has_no_docstring_is_explained_by_its_summary(run, install):
    install("def part():\n    pass\n", "part")
    assert run("info", "part").lines == ["part – dataset of nn-acme 1.0, nn_acme.parts:part", "", "In one line."]


def test_what_cannot_be_called_is_explained_by_its_summary(run, install):
    install("import json as part\n", "part")
    assert run("info", "part").lines[2:] == ["In one line."]
    assert run("info", "numpy").lines[2:] == ["NumPy itself, on the CPU."]


def test_what_has_no_signature_is_explained_without_arguments(run, install):
    install("part = max\n", "part")
    result = run("info", "part")
    assert result.code == 0
    assert "ARGUMENT" not in result.out


def test_a_command_is_explained_by_its_own_help(run, fake_plugins):
    result = run("info", "train")
    assert result.lines[0] == f"train – command of nn-cli {nn_cli.__version__}, nn_cli.commands.train:command"
    assert "Usage: nn-cli train [OPTIONS] [CONFIG]" in result.out
    assert "--out PATH" in result.out
    assert "\b" not in result.out
    assert "ARGUMENT" not in result.out


def test_one_name_in_two_kinds_is_explained_twice(run, install):
    install("class Part:\n    '''A layer of that name.'''\n", "Part", "LayerSpec", "accuracy", "layers")
    result = run("info", "accuracy")
    heads = [line for line in result.lines if line.startswith("accuracy – ")]
    assert heads == [
        "accuracy – layer of nn-acme 1.0, nn_acme.parts:Part",
        f"accuracy – metric of nn-core {nn_core.__version__}, nn_core.metrics.classification:Accuracy",
    ]
    assert "A layer of that name." in result.out
    assert "Share of samples" in result.out
    assert run("info", "accuracy@nn-acme").lines[0] == heads[0]


def test_both_providers_of_one_name_are_explained(run, fake_plugins):
    fake_plugins.install_layers("nn-a", "gate")
    fake_plugins.install_layers("nn-b", "gate")
    heads = [line for line in run("info", "gate").lines if "–" in line]
    assert [head.split(" of ")[1].split(",")[0] for head in heads] == ["nn-a 1.0", "nn-b 1.0"]


# Errors


def test_an_unknown_name_gets_the_close_match(run, fake_plugins):
    result = run("info", "linaer")
    assert (result.code, result.out) == (2, "")
    assert result.err == "nn-cli: No installed plugin provides 'linaer'. Did you mean 'linear'?\n"


def test_an_unknown_name_without_a_close_match_gets_the_way_to_the_list(run, fake_plugins):
    result = run("info", "xyzzy")
    assert result.code == 2
    assert result.err == "nn-cli: No installed plugin provides 'xyzzy'. nn-cli list shows all there are.\n"


def test_a_name_of_another_distribution_is_unknown(run, fake_plugins):
    result = run("info", "linear@nn-acme")
    assert result.code == 2
    assert result.err == "nn-cli: No installed plugin provides 'linear@nn-acme'. There is 'linear@nn-core'.\n"


def test_a_component_that_cannot_be_imported_is_an_error_that_names_the_reason(run, install):
    install("import no_such_library\npart = 1\n", "part")
    result = run("info", "part")
    assert result.code == 1
    assert result.err.startswith("nn-cli: dataset part@nn-acme cannot be loaded from nn_acme.parts:part")
    assert "no_such_library" in result.err


# Which arguments are required


@attrs.define
class Fields:
    bare: int = attrs.field()
    sized: int = attrs.field(default=REQUIRED, validator=positive, metadata=doc("a size"))
    free: int | None = attrs.field(default=None, validator=optional_positive)
    loose: object = None
    made: list[int] = attrs.field(factory=list)
    hidden: int = attrs.field(default=3, alias="shown")
    inner: int = attrs.field(default=0, init=False)


def test_a_field_is_required_if_its_validator_refuses_what_stands_for_nothing():
    found = {argument.name: argument for argument in arguments_of(Fields)}
    assert {name for name, argument in found.items() if argument.required} == {"bare", "sized"}
    assert {name: argument.default for name, argument in found.items()} == {
        "bare": "required",
        "sized": "required",
        "free": "None",
        "loose": "None",
        "made": "(see meaning)",
        "shown": "3",
    }
    assert found["sized"].meaning == "a size"
    with pytest.raises(ConfigError, match="sized of Fields is missing"):
        Fields(bare=1)
