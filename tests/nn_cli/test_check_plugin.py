"""`nn-cli check-plugin` holds a distribution to what every plugin must do, and names what is wrong."""

from __future__ import annotations

import json

import pytest

from nn_core import UnknownComponentError
from nn_core.testing import PLUGIN_CHECKS, check_plugin

SPEC = 'LayerSpec(name="gate", target="nn_acme.parts:Gate", summary="A gate.")'
LAYER = f"@hookimpl\ndef nn_layers():\n    yield {SPEC}\n"
GATE = '''
from nn_core import Layer


class Gate(Layer):
    """Passes on what comes in."""

    def forward(self, x):
        return x, lambda dy: dy
'''
WATCHER = """
@hookimpl
def nn_callbacks():
    yield CallbackSpec(name="watcher", target="nn_acme.parts:Watcher", summary="Watches.")
"""

# The plugin module, the other module, and what is said; each is wrong in one thing.
MISNAMED = """
class Watcher:
    'Watches.'

    def on_epoch_ends(self, state):
        pass
"""
FAULTY = {
    "status": (f"{LAYER}\nraise RuntimeError('the pump is dry')", GATE, "its status is broken: .*the pump is dry"),
    "announces": ("@hookimpl\ndef nn_layers():\n    return []\n", GATE, "it announces no component"),
    "loading": (LAYER, f"{GATE}\nimport no_such_library", "layer gate@nn-acme cannot be loaded .*no_such_library"),
    "laziness": (f"import numpy\n{LAYER}", GATE, "importing nn_acme.nn_plugin imports numpy: a plugin module only"),
    "summaries": (LAYER.replace("A gate.", "a gate"), GATE, "expected a summary of one sentence .*, got 'a gate'"),
    "documentation": (LAYER, GATE.replace('"""Passes on what comes in."""', "size = 1"), "Gate has no docstring"),
    "contracts": (WATCHER, MISNAMED, "callback watcher: on_epoch_ends is no event.* Did you mean 'on_epoch_end'"),
    "requirements": (LAYER, GATE, "its metadata do not require nn-core: add it to the dependencies"),
}


@pytest.fixture
def acme(fake_plugins):
    """Install nn-acme, which declares that it needs nn-core unless that is what is wrong."""

    def acme(body, parts, requires="nn-core>=0.1,<0.2"):
        source = f"from nn_core.plugins import *\n\nNN_API = 1\n\n{body}\n"
        info = fake_plugins.install("nn-acme", {"nn_acme/nn_plugin.py": source, "nn_acme/parts.py": parts})
        with open(info / "METADATA", "a", encoding="utf-8") as file:
            file.write(f"Requires-Dist: {requires}\n" if requires else "")

    return acme


def test_a_right_plugin_passes_every_check(acme, run):
    acme(LAYER, GATE)
    result = run("check-plugin", "nn-acme")
    assert (result.code, len(result.lines)) == (0, 1 + len(PLUGIN_CHECKS))
    assert all(line.split()[1] == "ok" for line in result.lines[1:])
    assert f"{len(PLUGIN_CHECKS)} of {len(PLUGIN_CHECKS)} checks passed for nn-acme 1.0 with 1 component" in result.err
    assert check_plugin("nn-acme") == len(PLUGIN_CHECKS)


@pytest.mark.parametrize("name", PLUGIN_CHECKS)
def test_a_faulty_plugin_fails_the_check_meant_for_it_and_that_one_first(acme, run, name):
    body, parts, said = FAULTY[name]
    acme(body, parts, requires="" if name == "requirements" else "nn-core>=0.1,<0.2")
    with pytest.raises(AssertionError, match=rf"^nn-acme, {name}: .*{said}"):
        check_plugin("nn-acme")
    result = run("check-plugin", "nn-acme", "--json")
    assert result.code == 1
    checks = {check["check"]: check for check in json.loads(result.out)["checks"]}
    assert checks[name]["result"] == "failed"


@pytest.mark.parametrize(
    ("hook", "parts", "said"),
    [
        ("nn_losses Loss", "class A:\n    'A.'\n", "has no method value_and_grad"),
        ("nn_metrics Metric", "class A:\n    'A.'\n", "has no method update"),
        ("nn_layers Layer", "def A():\n    'A.'\n", "expected a class, got function"),
        ("nn_datasets Dataset", "A = 3\n", "cannot be called"),
        ("nn_callbacks Callback", "class A:\n    'A.'\n", "none of the methods on_"),
    ],
)
def test_a_component_without_the_methods_of_its_kind_is_named(acme, hook, parts, said):
    hook, kind = hook.split()
    spec = f'{kind}Spec(name="a", target="nn_acme.parts:A", summary="A.")'
    acme(f"@hookimpl\ndef {hook}():\n    yield {spec}\n", parts)
    with pytest.raises(AssertionError, match=f"nn-acme, contracts: .* a: .*{said}"):
        check_plugin("nn-acme")


def test_what_is_no_plugin_is_refused_with_the_close_match(run, acme):
    acme(LAYER, GATE)
    result = run("check-plugin", "nn-acne")
    assert result.code == 2
    assert "No plugin distribution 'nn-acne' is installed. Did you mean 'nn-acme'" in result.err
    with pytest.raises(UnknownComponentError):
        check_plugin("pytest")


@pytest.mark.parametrize("distribution", ["nn-core", "nn-cli"])
def test_our_own_distributions_pass(distribution):
    assert check_plugin(distribution) >= 8


def test_commands_are_called_with_hyphens(run):
    assert "check-plugin" in run("--help").out
    assert "check_plugin" not in run("--help").out
    assert run("check-plugin", "--help").code == 0


def test_a_command_that_is_none_of_click_is_named(acme, run):
    command = """
@hookimpl
def nn_commands():
    yield CommandSpec(name="say", target="nn_acme.parts:Gate", summary="Says.")
"""
    acme(command, GATE)
    with pytest.raises(AssertionError, match=r"contracts: command say: nn_acme.parts:Gate is not a click command"):
        check_plugin("nn-acme")


def test_a_plugin_that_is_refused_is_not_said_to_announce_nothing(acme, run):
    acme(f"{LAYER}\nraise RuntimeError('the pump is dry')", GATE)
    lines = {line.split()[0]: line for line in run("check-plugin", "nn-acme").lines}
    assert lines["status"].split()[1] == "failed"
    assert lines["announces"].split()[1] == "ok"
