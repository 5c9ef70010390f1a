"""`nn-cli list`: every component with kind, name, distribution, version and summary."""

from __future__ import annotations

import json
import os
import re

import click
import pytest

import nn_core
from nn_core.plugins import KINDS, SPECS

HEADER = ["KIND", "NAME", "DISTRIBUTION", "VERSION", "SUMMARY"]


def table(result) -> list[dict[str, str]]:
    """Return the rows of a table, cut where the header's columns begin."""
    header, *lines = result.lines
    assert header.split() == HEADER
    starts = [re.search(rf"\b{word}\b", header).start() for word in HEADER]
    ends = [*starts[1:], None]
    return [
        {word.lower(): line[start:end].strip() for word, start, end in zip(HEADER, starts, ends, strict=True)}
        for line in lines
    ]


@pytest.fixture
def acme(fake_plugins):
    """A distribution with one component of every kind."""
    header = "from nn_core.plugins import *\n\nNN_API = 1\n"
    hooks = "".join(
        f"\n\n@hookimpl\ndef nn_{spec.plural}():\n"
        f'    yield {spec.__name__}(name="acme_{spec.kind}", target="nn_acme.parts:Part", summary="A {spec.kind}."'
        f"{', array=' + repr('nn_acme.parts:Array') if spec.kind == 'backend' else ''})\n"
        for spec in SPECS
    )
    parts = "class Part:\n    pass\n\n\nclass Array:\n    pass\n"
    fake_plugins.install("nn-acme", {"nn_acme/nn_plugin.py": header + hooks, "nn_acme/parts.py": parts}, version="2.5")


def test_every_component_is_listed_with_all_that_is_known_of_it(run, acme):
    result = run("list")
    assert (result.code, result.err) == (0, "")
    rows = table(result)
    for kind in KINDS:
        assert {
            "kind": kind,
            "name": f"acme_{kind}",
            "distribution": "nn-acme",
            "version": "2.5",
            "summary": f"A {kind}.",
        } in rows
    assert {row["distribution"] for row in rows} == {"nn-acme", "nn-cli", "nn-core"}
    assert len(rows) == len(nn_core.components())


def test_the_list_is_sorted_by_kind_and_name(run, acme):
    order = list(KINDS)
    keys = [(order.index(row["kind"]), row["name"]) for row in table(run("list"))]
    assert keys == sorted(keys)


def test_every_component_of_the_first_party_has_a_summary(run, fake_plugins):
    for row in table(run("list")):
        assert re.fullmatch(r"[A-Z].*\.", row["summary"]), row


def test_json_says_the_same_as_the_table(run, acme):
    rows, components = table(run("list")), json.loads(run("list", "--json").out)
    assert [list(component) for component in components] == [
        ["kind", "name", "distribution", "version", "summary", "target"]
    ] * len(rows)
    assert [{**row, "target": component["target"]} for row, component in zip(rows, components, strict=True)] == [
        {**component} for component in components
    ]
    assert components[[row["name"] for row in rows].index("acme_layer")]["target"] == "nn_acme.parts:Part"


def test_json_stays_alone_on_standard_output_when_there_is_something_to_complain_about(run, fake_plugins):
    fake_plugins.install("nn-bad", {"nn_bad/nn_plugin.py": "import no_such_library"})
    result = run("list", "--json")
    assert json.loads(result.out)
    assert "nn-bad 1.0 is broken" in result.err


@pytest.mark.parametrize("spec", SPECS)
def test_one_kind_is_listed_by_either_of_its_names(run, acme, spec):
    for word in (spec.kind, spec.plural):
        rows = table(run("list", word))
        assert {row["kind"] for row in rows} == {spec.kind}
        assert f"acme_{spec.kind}" in [row["name"] for row in rows]
        assert json.loads(run("list", word, "--json").out) == [
            part for part in json.loads(run("list", "--json").out) if part["kind"] == spec.kind
        ]


def test_an_unknown_kind_is_an_error_that_lists_the_kinds(run):
    result = run("list", "layerz")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("nn-cli: There is no kind 'layerz'. Kinds are layer, loss, optimizer, ")


def test_a_kind_of_which_there_is_nothing_is_said_to_be_so(run, fake_plugins):
    result = run("list", "backend")
    assert len(result.lines) == 2
    result = run("list", "scheduler")
    assert (result.code, result.out) == (0, "")
    assert result.err == "No installed plugin provides schedulers.\n"
    assert json.loads(run("list", "scheduler", "--json").out) == []


def test_columns_are_as_wide_as_their_longest_cell(run, fake_plugins):
    fake_plugins.install_layers("nn-a-very-long-name-of-a-distribution", "a_very_long_name_of_a_layer")
    lines = run("list").lines
    [row] = [line for line in lines if "a_very_long" in line]
    assert row.startswith("layer        a_very_long_name_of_a_layer  nn-a-very-long-name-of-a-distribution  1.0")
    start = lines[0].index("DISTRIBUTION")
    assert all(line[start - 1] == " " and line[start] != " " for line in lines)


def test_without_a_terminal_no_line_is_wrapped_or_colored(run, fake_plugins, monkeypatch):
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((40, 24)))
    result = run("list")
    assert len(result.lines) == 1 + len(nn_core.components())
    assert "\x1b" not in result.out


def test_on_a_terminal_the_summary_is_wrapped_in_its_column(run, fake_plugins, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("nn_cli.tables.sys.stdout.isatty", lambda: True, raising=False)
    lines = [click.unstyle(line) for line in run("list", "initializer").lines]
    assert len(lines) > 2
    assert all(len(line) <= 80 for line in lines)
    start = lines[0].index("SUMMARY")
    words = " ".join(line[start:].strip() for line in lines[1:])
    assert words == " ".join(component.summary for component in nn_core.components("initializer"))
