"""Every value of a configuration is checked against its declared type, and nothing is converted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Optional, Union

import attrs
import numpy as np
import pytest

from nn_cli.checking import Problem, check_component, check_section, check_value, in_words, option_types
from nn_core.errors import PluginError
from nn_core.typing import Initializer, IntOrPair

ADAM = """
class Base:
    def __init__(self, parameters, lr: float = 0.1, betas: "tuple[float, float]" = (0.9, 0.99)):
        pass


class Rule(Base):
    pass


def data(path: str, *, names: list[str] = (), seed: int = 0, **others: int):
    pass


def anything(*rest, **others):
    pass


def open_typed(size: "NoSuchType" = 3):
    pass


class Blank:
    pass
"""
PLUGIN = """
from nn_core.plugins import *

NN_API = 1


@hookimpl
def nn_optimizers():
    yield OptimizerSpec(name="rule", target="nn_acme.parts:Rule")


@hookimpl
def nn_datasets():
    for name in ("data", "anything", "open_typed", "Blank"):
        yield DatasetSpec(name=name.lower(), target=f"nn_acme.parts:{name}")


@hookimpl
def nn_metrics():
    yield MetricSpec(name="blank", target="nn_acme.parts:Blank")
    yield MetricSpec(name="trap", target="nn_acme.trap:Trap")
"""


@pytest.fixture
def acme(fake_plugins):
    trap = "import no_such_library\n\n\nclass Trap:\n    pass\n"
    fake_plugins.install("nn-acme", {"nn_acme/nn_plugin.py": PLUGIN, "nn_acme/parts.py": ADAM, "nn_acme/trap.py": trap})


def said(problems: list[Problem]) -> list[str]:
    return [str(problem) for problem in problems]


# Values


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (True, bool),
        (3, int),
        (-3, int),
        (2**70, int),
        (3, float),
        (3.5, float),
        (float("inf"), float),
        ("3", str),
        ("", str),
        (None, int | None),
        (3, int | None),
        (3, Optional[int]),  # noqa: UP045 - the older spelling is what is tested
        ("a", Union[int, str]),  # noqa: UP007 - likewise
        ("mean", Literal["mean", "sum"]),
        ([3, 4], tuple[int, int]),
        ((3, 4), tuple[int, int]),
        ([3, 4.5], tuple[float, float]),
        ([], tuple[int, ...]),
        ([1, 2, 3], tuple[int, ...]),
        (["a"], list[str]),
        ([], list[str]),
        ([1, 2], list),
        ([1, 2], Sequence[int]),
        ([[1, 2], [3, 4]], list[tuple[int, int]]),
        (3, IntOrPair),
        ([3, 4], IntOrPair),
        ({"a": 1}, dict[str, int]),
        ({"a": "x"}, dict),
        ("torch_linear", str | Initializer),
        (max, Callable[..., Any]),
        (object(), Any),
        ("anything", np.random.Generator),
        (["anything"], list[np.random.Generator]),
    ],
)
def test_a_value_of_the_declared_type_is_accepted(value, annotation):
    assert check_value("place", value, annotation) == []


@pytest.mark.parametrize(
    ("value", "annotation", "wanted"),
    [
        (1, bool, "true or false"),
        ("true", bool, "true or false"),
        (True, int, "an integer"),
        ("3", int, "an integer"),
        (3.0, int, "an integer"),
        (None, int, "an integer"),
        ([3], int, "an integer"),
        (True, float, "a number"),
        ("3", float, "a number"),
        (3, str, "a string"),
        (True, str, "a string"),
        ("3", int | None, "an integer"),
        (True, int | None, "an integer"),
        (True, float | int, "a number"),
        ([], int | str, "an integer or a string"),
        ("max", Literal["mean", "sum"], "one of 'mean', 'sum'"),
        ([3], tuple[int, int], "a list of 2 integers"),
        ([3, 4, 5], tuple[int, int], "a list of 2 integers"),
        ([3, "4"], tuple[int, int], "a list of 2 integers"),
        ([3, True], tuple[int, int], "a list of 2 integers"),
        ("34", tuple[int, int], "a list of 2 integers"),
        (3, tuple[int, ...], "a list of integers"),
        ("accuracy", list[str], "a list of strings"),
        ({"accuracy": 1}, list[str], "a list of strings"),
        (["accuracy", 1], list[str], "a list of strings"),
        ("ab", tuple[str, str], "a list of 2 strings"),
        ("ab", Sequence[str], "a list of strings"),
        ("ab", list, "a list of values"),
        ([[1, 2], 3], list[list[int]], "a list of lists of integers"),
        ([1], list[bool], "a list of true or false"),
        ("3", IntOrPair, "an integer or a list of 2 integers"),
        ([1, 2, 3], IntOrPair, "an integer or a list of 2 integers"),
        (3, str | Initializer, "a string"),
        ([1], dict[str, int], "a table"),
        ("a", dict[str, int], "a table"),
        ({"a": "1"}, dict[str, int], "a table"),
    ],
)
def test_a_value_of_another_type_is_a_problem_that_says_what_it_should_be(value, annotation, wanted):
    assert said(check_value("a.b", value, annotation)) == [f"a.b must be {wanted}, got {value!r}"]


def test_a_type_of_ones_own_is_called_by_its_name():
    assert in_words(np.ndarray) == "ndarray"


# Sections


@attrs.frozen
class Section:
    epochs: int
    rate: float = 0.1
    names: list[str] = attrs.field(factory=list)
    secret: int = attrs.field(init=False, default=1)


def test_a_section_is_checked_key_by_key():
    assert check_section("train", {"epochs": 3, "names": ["a"]}, Section) == []
    assert said(check_section("train", {"rate": "x", "epoch": 3, "secret": 2}, Section)) == [
        "train.rate must be a number, got 'x'",
        "train.epoch is unknown. Did you mean 'epochs'?",
        "train.secret is unknown. Known here: epochs, rate, names",
        "train.epochs is missing: give it an integer",
    ]


@pytest.mark.parametrize("table", [3, "x", [1], None])
def test_a_section_must_be_a_table(table):
    assert said(check_section("train", table, Section)) == [f"train must be a table, got {table!r}"]


# Components


def test_a_right_component_is_no_problem(acme):
    for layer in (
        {"type": "linear", "out_features": 3},
        {"type": "linear@nn-core", "in_features": 2, "out_features": 3, "bias": False, "init": "torch_linear"},
        {"type": "relu"},
        {"type": "flatten"},
        {"type": "dropout", "p": 1},
        {"type": "sequential", "layers": [{"type": "relu"}]},
    ):
        assert check_component("model", "layer", layer) == []
    assert check_component("loss", "loss", {"type": "cross_entropy", "reduction": "sum"}) == []
    assert check_component("optimizer", "optimizer", {"type": "rule", "lr": 1, "betas": [0, 0.5]}, positional=1) == []
    assert check_component("data", "dataset", {"type": "data", "path": "x", "names": ["a"]}) == []


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"type": "liner"}, "p.type cannot be 'liner': No installed plugin provides the layer 'liner'. Did you mean"),
        ({"type": "linear@nn-other"}, "p.type cannot be 'linear@nn-other': No installed nn-other provides the layer"),
        ({"type": 3}, "p.type is 3, but must name the layer"),
        ({"type": ["relu"]}, "p.type is ['relu'], but must name the layer"),
        ({}, "p.type is missing: it names the layer"),
        ({"p": 3}, "p.type is missing: it names the layer"),
        ("relu", "p must be a table such as { type = '…' }, got 'relu'"),
        ([], "p must be a table such as { type = '…' }, got []"),
        ({"type": "relu", "slope": 1}, "p.slope is no option of the layer 'relu'. Known here: nothing"),
        ({"type": "dropout", "P": 1}, "p.P is no option of the layer 'dropout'. Known here: p"),
        (
            {"type": "linear", "out_features": 2, "baus": True},
            "p.baus is no option of the layer 'linear'. Did you mean 'bias'?",
        ),
        (
            {"type": "linear", "out_features": 2, "weight": 1},
            "p.weight is no option of the layer 'linear'. Known here: in_features, out_features, bias, init",
        ),
        ({"type": "linear", "out_features": "3"}, "p.out_features must be an integer, got '3'"),
        ({"type": "linear", "out_features": True}, "p.out_features must be an integer, got True"),
        ({"type": "linear", "out_features": 2, "bias": 1}, "p.bias must be true or false, got 1"),
        ({"type": "linear"}, "p.out_features is missing: the layer 'linear' needs it"),
    ],
)
def test_a_wrong_component_is_a_problem_at_its_place(table, problem, fake_plugins):
    [found] = said(check_component("p", "layer", table))
    assert found.startswith(problem)


def test_every_option_of_a_component_is_checked(acme):
    table = {"type": "rule", "lr": "0.1", "betas": [1], "momentum": 3}
    assert said(check_component("optimizer", "optimizer", table, positional=1)) == [
        "optimizer.lr must be a number, got '0.1'",
        "optimizer.betas must be a list of 2 numbers, got [1]",
        "optimizer.momentum is no option of the optimizer 'rule'. Known here: lr, betas",
    ]


def test_what_the_framework_supplies_is_no_option(acme):
    [problem] = said(check_component("optimizer", "optimizer", {"type": "rule", "parameters": []}, positional=1))
    assert problem.startswith("optimizer.parameters is no option of the optimizer 'rule'.")


def test_keys_that_are_checked_elsewhere_are_let_pass_and_suggested(fake_plugins):
    table = {"type": "dropout", "p": 0.5, "batch_size": "x", "batch_sise": 3}
    assert said(check_component("data", "layer", table, elsewhere=["batch_size"])) == [
        "data.batch_sise is no option of the layer 'dropout'. Did you mean 'batch_size'?"
    ]


def test_a_function_that_takes_any_option_is_checked_for_those_it_names(acme):
    assert check_component("data", "dataset", {"type": "anything", "x": 1}) == []
    assert said(check_component("data", "dataset", {"type": "data", "seed": "x", "colour": "red"})) == [
        "data.seed must be an integer, got 'x'",
        "data.path is missing: the dataset 'data' needs it",
    ]


def test_a_class_without_a_constructor_takes_nothing(acme):
    assert check_component("m", "metric", {"type": "blank"}) == []
    assert said(check_component("m", "metric", {"type": "blank", "k": 1})) == [
        "m.k is no option of the metric 'blank'. Known here: nothing"
    ]


def test_types_that_cannot_be_resolved_are_let_pass(acme):
    assert check_component("data", "dataset", {"type": "open_typed", "size": "x"}) == []


def test_a_name_with_two_providers_is_a_problem_with_the_ways_out(fake_plugins):
    fake_plugins.install_layers("nn-a", "gate")
    fake_plugins.install_layers("nn-b", "gate")
    [problem] = said(check_component("model.layers[2]", "layer", {"type": "gate"}))
    assert problem.startswith("model.layers[2].type cannot be 'gate': layer 'gate' is provided by nn-a and nn-b")
    assert "'gate@nn-a' or 'gate@nn-b'" in problem
    assert check_component("model.layers[2]", "layer", {"type": "gate@nn-b", "size": 3}) == []


def test_a_component_that_cannot_be_imported_raises(acme):
    with pytest.raises(PluginError, match="no_such_library"):
        check_component("m", "metric", {"type": "trap"})


def test_the_places_of_nested_layers_are_paths(fake_plugins):
    inner = {"type": "sequential", "layers": [{"type": "relu"}, {"type": "liner"}, {"type": "dropout", "p": 0, "q": 1}]}
    problems = said(check_component("model", "layer", {"type": "sequential", "layers": [inner, 3], "size": 3}))
    assert [problem.split(" ", 1)[0] for problem in problems] == [
        "model.size",
        "model.layers[0].layers[1].type",
        "model.layers[0].layers[2].q",
        "model.layers[1]",
    ]
    assert "Known here: layers" in problems[0]


@pytest.mark.parametrize(
    ("layers", "text"),
    [([], "must be a list of layers, got []"), ({"type": "relu"}, "must be a list of layers, got {'type': 'relu'}")],
)
def test_layers_must_be_a_list_with_something_in_it(layers, text, fake_plugins):
    table = {"type": "sequential", "layers": layers}
    assert said(check_component("model", "layer", table)) == [f"model.layers {text}"]
    assert said(check_component("model", "layer", {"type": "sequential"})) == [
        "model.layers is missing: give it a list of layers"
    ]


# Where types come from


def test_types_are_found_whether_written_as_text_or_as_objects():
    def written(a: int, b: str = "") -> Iterator[int]: ...

    def given(a, b=""): ...

    given.__annotations__ = {"a": int, "b": str}
    for function in (written, given):
        found = option_types(function)
        assert (found["a"], found["b"]) == (int, str)


def test_the_types_of_an_inherited_constructor_count(acme):
    [problem] = said(check_component("optimizer", "optimizer", {"type": "rule", "lr": "x"}, positional=1))
    assert problem == "optimizer.lr must be a number, got 'x'"


@pytest.mark.parametrize("value", ["gleu", {"type": "gleu"}])
@pytest.mark.parametrize(("option", "kind"), [("activation", "layer"), ("init", "initializer")])
def test_a_component_that_an_option_chooses_is_looked_up_at_its_place(option, kind, value):
    table = {"type": "dense", "out_features": 2, option: value}
    (problem,) = check_component("model.layers[1]", "layer", table)
    assert str(problem).startswith(
        f"model.layers[1].{option} cannot be 'gleu': No installed plugin provides the {kind}"
    )
    good = "relu" if kind == "layer" else "ones"
    assert check_component("model.layers[1]", "layer", table | {option: good}) == []
