"""Whatever a plugin does wrong, `nn-cli list` and `nn-cli plugins` work and say what it is."""

from __future__ import annotations

import json

import pytest

LAYER = (
    '@hookimpl\ndef nn_layers():\n    yield LayerSpec(name="gate", target="nn_acme.parts:Gate", summary="A gate.")\n'
)
PARTS = {"parts.py": "class Gate:\n    pass\n"}
ERROR = "raise RuntimeError('the pump is dry')"

# What the plugin module of nn-acme says, its other modules, its status, and what is said about it.
CASES = {
    "working": (LAYER, PARTS, "ok", []),
    "ImportError at load": ("import no_such_library", {}, "broken", ["cannot be imported", "no_such_library"]),
    "error in the hook": (
        f"@hookimpl\ndef nn_layers():\n    {ERROR}",
        {},
        "broken",
        ["nn_acme.nn_plugin.nn_layers() failed", "RuntimeError: the pump is dry"],
    ),
    "generator that raises halfway": (
        f"{LAYER}    {ERROR}",
        PARTS,
        "broken",
        ["nn_layers() failed", "RuntimeError: the pump is dry"],
    ),
    "SystemExit at load": ("raise SystemExit('no licence')", {}, "broken", ["SystemExit: no licence"]),
    "SystemExit in the hook": (
        "@hookimpl\ndef nn_layers():\n    raise SystemExit(3)",
        {},
        "broken",
        ["nn_layers() failed", "SystemExit: 3"],
    ),
    "wrong API number": (f"{LAYER}\nNN_API = 99", PARTS, "incompatible", ["plugin API 99", "speaks API 1"]),
    "no API number": (f"{LAYER}\ndel NN_API", PARTS, "incompatible", ["declares no NN_API", "speaks API 1"]),
    "unknown hook name": (
        "@hookimpl\ndef nn_layer():\n    return []",
        {},
        "broken",
        ["nn_acme.nn_plugin.nn_layer is not a hook", "Did you mean 'nn_layers'"],
    ),
    "target module that does not exist": (
        LAYER,
        {},
        "broken",
        ["layer 'gate'", "module 'nn_acme.parts'", "does not exist"],
    ),
    "target that does not exist": (
        LAYER,
        {"parts.py": "class Hatch:\n    pass\n"},
        "broken",
        ["layer 'gate'", "no 'Gate' in nn_acme.parts"],
    ),
    "wrong name": (LAYER.replace("gate", "Gate Valve"), PARTS, "broken", ["'Gate Valve' is not snake_case"]),
    "nothing announced": ("", {}, "broken", ["no @hookimpl function"]),
}
WRONG = [name for name, (_, _, status, _) in CASES.items() if status != "ok"]


@pytest.fixture
def bystander(fake_plugins):
    fake_plugins.install_layers("nn-bystander", "stander")


def rows(result) -> dict[str, str]:
    """Return the lines of a table by their first word."""
    return {line.split()[0]: line for line in result.lines[1:]}


def records(run, *options) -> dict[str, dict]:
    result = run("plugins", "--json", *options)
    assert result.code == (0 if "--check" not in options else result.code)
    return {record["distribution"]: record for record in json.loads(result.out)}


# One plugin


@pytest.mark.parametrize("case", CASES)
def test_list_works_and_says_what_is_wrong(run, plugin, bystander, case):
    body, modules, status, said = CASES[case]
    plugin("nn-acme", body, modules)
    result = run("list")
    assert result.code == 0
    names = [line.split()[1] for line in result.lines]
    assert {"linear", "stander"} <= set(names)
    assert ("gate" in names) == (status == "ok")
    if status == "ok":
        assert result.err == ""
    else:
        [complaint] = result.err.splitlines()
        assert complaint.startswith(f"nn-acme 1.0 is {status}: ")
        assert complaint.endswith((".", "?"))
        assert not complaint.endswith(("..", "?."))
        assert all(phrase in complaint for phrase in said)


@pytest.mark.parametrize("case", CASES)
def test_plugins_works_and_says_what_is_wrong(run, plugin, bystander, case):
    body, modules, status, said = CASES[case]
    plugin("nn-acme", body, modules)
    result = run("plugins")
    assert result.code == 0
    found = rows(result)
    assert list(found) == ["nn-acme", "nn-bystander", "nn-cli", "nn-core"]
    assert f" {status} " in f"{found['nn-acme']} "
    assert all(phrase in found["nn-acme"] for phrase in said)
    assert all(" ok " in f"{found[name]} " for name in list(found)[1:])


@pytest.mark.parametrize("case", CASES)
def test_plugins_as_json_has_the_same_content(run, plugin, bystander, case):
    body, modules, status, said = CASES[case]
    plugin("nn-acme", body, modules)
    table, [acme, other, *_] = rows(run("plugins")), records(run).values()
    assert list(acme) == ["distribution", "version", "api", "status", "reason", "components"]
    assert (acme["distribution"], acme["version"], acme["status"]) == ("nn-acme", "1.0", status)
    assert all(phrase in acme["reason"] for phrase in said)
    assert acme["reason"] in table["nn-acme"]
    assert f" {len(acme['components'])} " in f"{table['nn-acme']} "
    assert bool(acme["components"]) == (status == "ok")
    assert other["components"] == [
        {"kind": "layer", "name": "stander", "target": "nn_bystander.parts:Layer", "summary": ""}
    ]


def test_the_api_number_is_shown_as_declared_even_if_it_is_another(run, plugin):
    plugin("nn-acme", CASES["wrong API number"][0], PARTS)
    plugin("nn-broken", "import no_such_library")
    found = records(run)
    assert (found["nn-acme"]["api"], found["nn-core"]["api"], found["nn-broken"]["api"]) == (99, 1, None)
    assert rows(run("plugins"))["nn-acme"].split()[:4] == ["nn-acme", "1.0", "99", "incompatible"]


@pytest.mark.parametrize("case", WRONG)
def test_check_exits_1_unless_all_plugins_are_ok(run, plugin, bystander, case):
    assert run("plugins", "--check").code == 0
    plugin("nn-acme", *CASES[case][:2])
    assert run("plugins", "--check").code == 1
    assert run("plugins", "--check", "--json").code == 1


def test_the_other_commands_work_beside_a_broken_plugin(run, plugin):
    plugin("nn-acme", "import no_such_library")
    assert run("--help").code == 0
    assert run("--version").code == 0
    assert run("info", "linear").code == 0


def test_an_unknown_component_is_answered_with_the_plugins_that_did_not_load(run, plugin, monkeypatch):
    plugin("nn-acme", "import no_such_library")
    plugin("nn-old", f"{LAYER}\nNN_API = 0")
    plugin("nn-shut", LAYER)
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-shut")
    result = run("info", "gate")
    assert result.code == 2
    assert "nn-acme is broken: " in result.err
    assert "nn-old is incompatible: " in result.err
    assert "nn-shut is blocked: named in NN_BLOCK_PLUGINS." in result.err


# Two plugins


def test_two_distributions_may_use_one_entry_point_name(run, fake_plugins):
    for letter in "ab":
        fake_plugins.install(
            f"nn-{letter}",
            {
                f"nn_{letter}/nn_plugin.py": "from nn_core.plugins import LayerSpec, hookimpl\n\nNN_API = 1\n\n\n"
                f'@hookimpl\ndef nn_layers():\n    yield LayerSpec(name="layer_{letter}", target="nn_{letter}.x:L")\n',
                f"nn_{letter}/x.py": "class L:\n    pass\n",
            },
            entry_points={"same": f"nn_{letter}.nn_plugin"},
        )
    listed = run("list", "layers")
    assert {"layer_a", "layer_b"} <= {line.split()[1] for line in listed.lines}
    assert listed.err == ""
    found = records(run)
    assert (found["nn-a"]["status"], found["nn-b"]["status"]) == ("ok", "ok")
    assert run("plugins", "--check").code == 0


def test_two_distributions_with_one_component_name_are_listed_as_a_conflict(run, fake_plugins):
    fake_plugins.install_layers("nn-a", "gate", "other")
    fake_plugins.install_layers("nn-b", "gate")
    listed = run("list", "layers")
    assert listed.code == 0
    assert [line.split()[2] for line in listed.lines if line.split()[1] == "gate"] == ["nn-a", "nn-b"]
    complaints = listed.err.splitlines()
    assert [line.split(":")[0] for line in complaints] == ["nn-a 1.0 is in conflict", "nn-b 1.0 is in conflict"]
    found = records(run)
    for name, other in (("nn-a", "nn-b"), ("nn-b", "nn-a")):
        assert found[name]["status"] == "conflict"
        assert f"layer 'gate' is also provided by {other}" in found[name]["reason"]
        assert "NN_BLOCK_PLUGINS" in found[name]["reason"]
    assert len(found["nn-a"]["components"]) == 2
    assert run("plugins", "--check").code == 1


# Blocking


def test_a_blocked_plugin_is_shown_as_blocked_and_not_imported(run, plugin, monkeypatch):
    plugin("nn-acme", "raise RuntimeError('imported')")
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn_acme")
    found = records(run)["nn-acme"]
    assert (found["status"], found["reason"], found["components"]) == ("blocked", "named in NN_BLOCK_PLUGINS", [])
    assert "blocked" in rows(run("plugins"))["nn-acme"]
    listed = run("list")
    assert (listed.code, listed.err) == (0, "")  # what one blocks on purpose needs no warning
    assert run("plugins", "--check").code == 1


def test_nothing_but_the_core_is_left_when_no_plugin_is_admitted(run, fake_plugins, monkeypatch):
    fake_plugins.install_layers("nn-acme", "gate")
    monkeypatch.setenv("NN_PLUGINS", "")
    found = records(run)
    assert {name: record["status"] for name, record in found.items()} == {
        "nn-acme": "blocked",
        "nn-cli": "blocked",
        "nn-core": "ok",
    }
    listed = run("list")
    assert {line.split()[2] for line in listed.lines[1:]} == {"nn-core"}


def test_the_commands_of_nn_cli_cannot_be_blocked(run, fake_plugins, monkeypatch):
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-cli")
    assert run("plugins").code == 0
    assert "  plugins " in run("--help").out


# More than discovery sees


TRAP = {"parts.py": "import no_such_library\n\n\nclass Gate:\n    pass\n"}


def test_check_imports_every_component(run, plugin):
    plugin("nn-acme", LAYER, TRAP)
    assert records(run)["nn-acme"]["status"] == "ok"
    found = records(run, "--check")["nn-acme"]
    assert found["status"] == "broken"
    assert "layer gate@nn-acme cannot be loaded from nn_acme.parts:Gate" in found["reason"]
    assert "no_such_library" in found["reason"]
    assert run("plugins", "--check").code == 1


def test_check_keeps_the_reason_that_discovery_gave(run, plugin, fake_plugins):
    plugin("nn-acme", LAYER, TRAP)
    fake_plugins.install_layers("nn-b", "gate")
    reason = records(run, "--check")["nn-acme"]["reason"]
    assert "also provided by nn-b" in reason
    assert "no_such_library" in reason


def test_check_imports_what_is_here(run, fake_plugins):
    result = run("plugins", "--check")
    assert result.code == 0
    assert {line.split()[0] for line in result.lines[1:]} == {"nn-cli", "nn-core"}


def test_verbose_shows_every_component_with_its_target(run, fake_plugins):
    fake_plugins.install_layers("nn-acme", "gate", "hatch")
    short, long = run("plugins"), run("plugins", "--verbose")
    assert "gate" not in short.out
    for name in ("gate", "hatch"):
        assert f"layer {name} → nn_acme.parts:Layer" in long.out
    assert "layer linear → nn_core.layers.linear:Linear" in long.out


# Strict mode


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("words", [("list",), ("plugins",), ("info", "linear")])
def test_in_strict_mode_a_plugin_that_is_not_ok_is_an_error_that_names_it(run, plugin, monkeypatch, case, words):
    body, modules, status, said = CASES[case]
    plugin("nn-acme", body, modules)
    monkeypatch.setenv("NN_STRICT_PLUGINS", "1")
    result = run(*words)
    assert result.code == 1
    assert result.out == ""
    assert result.err.startswith(f"nn-cli: NN_STRICT_PLUGINS is set and nn-acme 1.0 is {status}: ")
    assert all(phrase in result.err for phrase in said)


def test_in_strict_mode_good_plugins_are_good(run, plugin, monkeypatch):
    plugin("nn-acme", LAYER, PARTS)
    monkeypatch.setenv("NN_STRICT_PLUGINS", "1")
    assert run("list").code == run("plugins").code == 0


def test_the_version_is_told_in_strict_mode_too(run, plugin, monkeypatch):
    plugin("nn-acme", "import no_such_library")
    monkeypatch.setenv("NN_STRICT_PLUGINS", "1")
    assert run("--version").code == 0
