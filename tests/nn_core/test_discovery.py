"""What one plugin does wrong is written down in its record and costs the others nothing."""

from __future__ import annotations

import logging
import sys
import zipfile
from importlib import import_module
from types import ModuleType

import pytest

import nn_core
from nn_core.discovery import Selection, discover, normalize
from nn_core.errors import PluginError
from nn_core.plugins import NN_API

HEADER = """
from nn_core.plugins import KernelSpec, LayerSpec, LossSpec, hookimpl

NN_API = 1
"""
GATE = """
@hookimpl
def nn_layers():
    yield LayerSpec(name="gate", target="nn_acme.gate:Gate", summary="Gated linear unit.")
"""


def acme(plugin: str, **modules: str) -> dict[str, str]:
    """Return the modules of a distribution with this plugin module and a layer ``Gate``."""
    others = {f"nn_acme/{name}.py": source for name, source in modules.items()}
    return {"nn_acme/nn_plugin.py": plugin, "nn_acme/gate.py": "class Gate:\n    pass\n", **others}


def names(record):
    return [component.name for component in record.components]


@pytest.fixture
def bystander(fake_plugins):
    """A plugin that does everything right, and the check that it did not suffer."""
    fake_plugins.install_layers("nn-bystander", "bystander")

    def check():
        record = fake_plugins.record("nn-bystander")
        assert (record.status, record.reason, names(record)) == ("ok", "", ["bystander"])
        assert nn_core.get("layer", "bystander").__module__ == "nn_bystander.parts"

    return check


@pytest.fixture
def reason_when_broken(fake_plugins, bystander):
    """Install ``nn-acme`` with a plugin module and return why it is broken."""

    def reason(plugin: str, **modules: str) -> str:
        fake_plugins.install("nn-acme", acme(plugin, **modules))
        record = fake_plugins.record("nn-acme")
        assert (record.status, record.version, record.components) == ("broken", "1.0", ())
        bystander()
        return record.reason

    return reason


# A plugin that works


def test_a_working_plugin_is_recorded_with_what_it_announces(fake_plugins):
    fake_plugins.install("nn-acme", acme(HEADER + GATE), version="1.2.3")
    record = fake_plugins.record("nn-acme")
    assert (record.distribution, record.version, record.api) == ("nn-acme", "1.2.3", NN_API)
    assert (record.status, record.reason) == ("ok", "")
    (gate,) = record.components
    assert (gate.kind, gate.name, gate.target) == ("layer", "gate", "nn_acme.gate:Gate")
    assert (gate.summary, gate.version, gate.qualified_name) == ("Gated linear unit.", "1.2.3", "gate@nn-acme")


def test_a_component_is_imported_when_it_is_asked_for(fake_plugins):
    fake_plugins.install("nn-acme", acme(HEADER + GATE))
    assert names(fake_plugins.record("nn-acme")) == ["gate"]
    assert "nn_acme.gate" not in sys.modules
    assert nn_core.get("layer", "gate") is import_module("nn_acme.gate").Gate


def test_a_hook_may_return_a_list(fake_plugins):
    hook = '@hookimpl\ndef nn_layers():\n    return [LayerSpec(name="gate", target="nn_acme.gate:Gate")]\n'
    fake_plugins.install("nn-acme", acme(HEADER + hook))
    assert names(fake_plugins.record("nn-acme")) == ["gate"]


def test_a_plugin_may_implement_several_hooks(fake_plugins):
    loss = '@hookimpl\ndef nn_losses():\n    yield LossSpec(name="gate", target="nn_acme.gate:Gate")\n'
    fake_plugins.install("nn-acme", acme(HEADER + GATE + loss))
    record = fake_plugins.record("nn-acme")
    assert record.status == "ok"
    assert {component.kind for component in record.components} == {"layer", "loss"}


def test_a_distribution_may_have_several_plugin_modules(fake_plugins):
    loss = '@hookimpl\ndef nn_losses():\n    yield LossSpec(name="focal", target="nn_acme.gate:Gate")\n'
    fake_plugins.install(
        "nn-acme",
        acme(HEADER + GATE, more=HEADER + loss),
        entry_points={"b": "nn_acme.nn_plugin", "a": "nn_acme.more"},
    )
    assert sorted(names(fake_plugins.record("nn-acme"))) == ["focal", "gate"]


def test_the_plugin_modules_of_a_distribution_are_imported_in_order(fake_plugins):
    modules = {f"nn_acme/{name}.py": f"raise RuntimeError({name!r})" for name in "dbca"}
    fake_plugins.install("nn-acme", modules, entry_points={name: f"nn_acme.{name}" for name in "dbca"})
    assert fake_plugins.record("nn-acme").reason == "its plugin module cannot be imported: RuntimeError: a"


def test_two_entry_points_to_one_module_count_once(fake_plugins):
    fake_plugins.install(
        "nn-acme", acme(HEADER + GATE), entry_points={"a": "nn_acme.nn_plugin", "b": "nn_acme.nn_plugin"}
    )
    assert names(fake_plugins.record("nn-acme")) == ["gate"]


def test_two_distributions_may_use_the_same_entry_point_name(fake_plugins):
    for package in ("nn_first", "nn_second"):
        hook = f'@hookimpl\ndef nn_layers():\n    yield LayerSpec(name="{package}", target="{package}.part:f")\n'
        fake_plugins.install(
            package.replace("_", "-"),
            {f"{package}/nn_plugin.py": HEADER + hook, f"{package}/part.py": "def f(): ...\n"},
            entry_points={"extras": f"{package}.nn_plugin"},
        )
    assert names(fake_plugins.record("nn-first")) == ["nn_first"]
    assert names(fake_plugins.record("nn-second")) == ["nn_second"]


def test_records_are_sorted_by_distribution_whatever_the_path(fake_plugins):
    for distribution in ("nn-b", "nn-a", "nn-z"):
        fake_plugins.install_layers(distribution, distribution.replace("-", "_"))
    records = nn_core.plugin_records()
    assert [record.distribution for record in records] == ["nn-a", "nn-b", "nn-core", "nn-z"]


def test_nn_core_comes_in_by_the_same_door(fake_plugins):
    record = fake_plugins.record("nn-core")
    assert (record.status, record.version, record.api) == ("ok", nn_core.__version__, NN_API)
    assert "linear" in names(record)


def test_distribution_names_are_recorded_in_one_spelling(fake_plugins):
    fake_plugins.install_layers("Nn_Acme", "gate")
    assert fake_plugins.record("nn-acme").components[0].qualified_name == "gate@nn-acme"


@pytest.mark.parametrize("spelling", ["nn-acme", "Nn_Acme", "NN.acme", "nn--acme", "nn_-.acme"])
def test_spellings_of_one_distribution_name_compare_equal(spelling):
    assert normalize(spelling) == "nn-acme"


# Import


def test_a_plugin_that_cannot_be_imported_is_broken(reason_when_broken):
    reason = reason_when_broken("import numpy_from_the_future\n")
    assert reason == (
        "its plugin module cannot be imported: ModuleNotFoundError: No module named 'numpy_from_the_future'"
    )


def test_a_plugin_module_that_does_not_exist_is_broken(fake_plugins, bystander):
    fake_plugins.install("nn-acme", {}, entry_points={"acme": "nn_acme.nn_plugin"})
    record = fake_plugins.record("nn-acme")
    assert record.status == "broken"
    assert record.reason == "its plugin module cannot be imported: ModuleNotFoundError: No module named 'nn_acme'"
    bystander()


def test_a_plugin_that_exits_on_import_is_broken(reason_when_broken):
    assert reason_when_broken("import sys\nsys.exit(3)\n") == "its plugin module cannot be imported: SystemExit: 3"


def test_a_syntax_error_is_broken(reason_when_broken):
    assert reason_when_broken("def nn_layers(:\n").startswith("its plugin module cannot be imported: SyntaxError: ")


def test_a_reason_is_one_line(reason_when_broken):
    reason = reason_when_broken("raise RuntimeError('first\\n    second')\n")
    assert reason == "its plugin module cannot be imported: RuntimeError: first second"


def test_an_error_without_words_is_named(reason_when_broken):
    reason = reason_when_broken("raise NotImplementedError\n")
    assert reason == "its plugin module cannot be imported: NotImplementedError"


@pytest.mark.parametrize(
    "plugin", ["raise KeyboardInterrupt", HEADER + "@hookimpl\ndef nn_layers():\n    raise KeyboardInterrupt"]
)
def test_the_user_can_interrupt_discovery(fake_plugins, plugin):
    fake_plugins.install("nn-acme", acme(plugin))
    with pytest.raises(KeyboardInterrupt):
        nn_core.plugin_records()


# API number


@pytest.mark.parametrize(
    ("declared", "api", "said"),
    [
        ("NN_API = 2", 2, "is written for plugin API 2"),
        ("NN_API = '1'", "1", "is written for plugin API '1'"),
        ("del NN_API", None, "declares no NN_API"),
    ],
)
def test_a_plugin_for_another_api_is_incompatible_and_its_hooks_do_not_run(
    fake_plugins, bystander, declared, api, said
):
    marker = fake_plugins.root / "hook-ran"
    hook = f"@hookimpl\ndef nn_layers():\n    open({str(marker)!r}, 'w').close()\n    return []\n"
    fake_plugins.install("nn-acme", acme(f"{HEADER}{declared}\n{hook}"))
    record = fake_plugins.record("nn-acme")
    assert (record.status, record.api, record.components) == ("incompatible", api, ())
    assert record.reason == f"nn_acme.nn_plugin {said}; this nn-core speaks API 1"
    assert not marker.exists()
    bystander()


def test_no_hook_runs_if_any_plugin_module_of_a_distribution_is_for_another_api(fake_plugins):
    fake_plugins.install(
        "nn-acme",
        acme(HEADER + GATE, newer="NN_API = 99\n"),
        entry_points={"a": "nn_acme.nn_plugin", "b": "nn_acme.newer"},
    )
    record = fake_plugins.record("nn-acme")
    assert (record.status, record.components) == ("incompatible", ())
    assert record.reason == "nn_acme.newer is written for plugin API 99; this nn-core speaks API 1"


def test_an_api_number_that_cannot_even_be_read_is_broken(reason_when_broken):
    reason = reason_when_broken("def __getattr__(name):\n    raise ValueError(name)\n")
    assert reason == "ValueError: NN_API"


# Hooks


def test_a_hook_that_raises_is_broken(reason_when_broken):
    reason = reason_when_broken(HEADER + "@hookimpl\ndef nn_layers():\n    return 1 / 0\n")
    assert reason == "nn_acme.nn_plugin.nn_layers() failed: ZeroDivisionError: division by zero"


def test_a_hook_that_raises_halfway_contributes_nothing(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE + "    raise OSError('no disk')\n")
    assert reason == "nn_acme.nn_plugin.nn_layers() failed: OSError: no disk"


def test_a_hook_that_exits_is_broken(reason_when_broken):
    reason = reason_when_broken(HEADER + "@hookimpl\ndef nn_layers():\n    raise SystemExit('good-bye')\n")
    assert reason == "nn_acme.nn_plugin.nn_layers() failed: SystemExit: good-bye"


def test_a_hook_that_returns_nothing_is_broken(reason_when_broken):
    reason = reason_when_broken(HEADER + "@hookimpl\ndef nn_layers():\n    pass\n")
    assert reason == "nn_acme.nn_plugin.nn_layers() failed: TypeError: 'NoneType' object is not iterable"


def test_an_unknown_hook_is_reported_with_the_close_match(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE.replace("nn_layers", "nn_layer"))
    assert reason == "nn_acme.nn_plugin.nn_layer is not a hook. Did you mean 'nn_layers'?"


def test_an_unknown_hook_is_reported_beside_good_ones(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE + "@hookimpl\ndef on_zebra():\n    return []\n")
    assert reason == "nn_acme.nn_plugin.on_zebra is not a hook"


def test_a_hook_without_the_marker_is_reported(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE.replace("@hookimpl", ""))
    assert reason == "nn_acme.nn_plugin.nn_layers is not marked with @hookimpl"


def test_a_hook_without_the_marker_is_reported_beside_good_ones(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE + "def nn_losses():\n    return []\n")
    assert reason == "nn_acme.nn_plugin.nn_losses is not marked with @hookimpl"


def test_a_plugin_without_hooks_is_reported(reason_when_broken):
    reason = reason_when_broken("NN_API = 1\n")
    assert reason == "nn_acme.nn_plugin has no @hookimpl function, so it announces nothing"


def test_a_hook_with_an_argument_that_the_hookspec_lacks_is_reported(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE.replace("nn_layers()", "nn_layers(registry)"))
    assert "hook 'nn_layers'" in reason
    assert "Argument(s) {'registry'} are declared in the hookimpl but can not be found in the hookspec" in reason


def test_right_hooks_before_one_with_a_wrong_signature_are_not_taken_for_those_of_the_next_plugin(reason_when_broken):
    reason = reason_when_broken(f"{HEADER}{GATE}\n\n@hookimpl\ndef nn_losses(registry):\n    return []\n")
    assert "hook 'nn_losses'" in reason


def test_a_function_may_implement_a_hook_under_another_name(fake_plugins):
    plugin = GATE.replace("@hookimpl", '@hookimpl(specname="nn_layers")').replace("def nn_layers", "def gates")
    fake_plugins.install("nn-acme", acme(HEADER + plugin))
    assert names(fake_plugins.record("nn-acme")) == ["gate"]


def test_a_hook_that_yields_the_spec_of_another_kind_is_reported(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE.replace("LayerSpec", "LossSpec"))
    assert reason == (
        "nn_acme.nn_plugin.nn_layers() must yield LayerSpec, "
        "not LossSpec(name='gate', target='nn_acme.gate:Gate', summary='Gated linear unit.')"
    )


def test_a_hook_that_yields_the_component_itself_is_reported(reason_when_broken):
    reason = reason_when_broken(HEADER + "@hookimpl\ndef nn_layers():\n    yield 'gate'\n")
    assert reason == "nn_acme.nn_plugin.nn_layers() must yield LayerSpec, not 'gate'"


def test_an_invalid_name_in_a_spec_is_reported(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE.replace('"gate"', '"Gate"'))
    assert reason == (
        "nn_acme.nn_plugin.nn_layers() failed: ValueError: layer name 'Gate' is not snake_case (such as 'batch_norm2d')"
    )


def test_an_invalid_target_in_a_spec_is_reported(reason_when_broken):
    reason = reason_when_broken(HEADER + GATE.replace("gate:Gate", "gate.Gate"))
    assert reason == (
        "nn_acme.nn_plugin.nn_layers() failed: "
        "ValueError: target 'nn_acme.gate.Gate' of layer 'gate' is not of the form 'module:Name'"
    )


def test_a_component_announced_twice_by_one_distribution_is_reported(reason_when_broken):
    again = '    yield LayerSpec(name="gate", target="nn_acme.other:Gate")\n'
    assert reason_when_broken(HEADER + GATE + again) == "layer 'gate' is announced twice"


def test_a_component_announced_by_two_modules_of_one_distribution_is_reported(fake_plugins):
    fake_plugins.install(
        "nn-acme",
        acme(HEADER + GATE, more=HEADER + GATE),
        entry_points={"a": "nn_acme.nn_plugin", "b": "nn_acme.more"},
    )
    record = fake_plugins.record("nn-acme")
    assert (record.status, record.reason) == ("broken", "layer 'gate' is announced twice")


def test_kernels_of_one_name_differ_by_their_array_type(fake_plugins):
    hook = """
@hookimpl
def nn_kernels():
    yield KernelSpec(name="im2col", target="nn_acme.gate:Gate")
    yield KernelSpec(name="im2col", target="nn_acme.gate:Gate", array="cupy:ndarray")
"""
    fake_plugins.install("nn-acme", acme(HEADER + hook))
    record = fake_plugins.record("nn-acme")
    assert (record.status, names(record)) == ("ok", ["im2col", "im2col"])


def test_two_kernels_of_one_name_and_array_type_are_reported(reason_when_broken):
    hook = """
@hookimpl
def nn_kernels():
    yield KernelSpec(name="im2col", target="nn_acme.gate:Gate")
    yield KernelSpec(name="im2col", target="nn_acme.gate:Gate", priority=10)
"""
    assert reason_when_broken(HEADER + hook) == "kernel 'im2col' is announced twice"


# Targets


def announcing(target: str) -> str:
    return (
        f"{HEADER}{GATE}    yield LayerSpec(name='lost', target={target!r})\n"
        "    yield LayerSpec(name='third', target='nn_acme.gate:Gate')\n"
    )


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("nn_void.gate:Gate", "layer 'lost': module 'nn_void' of its target 'nn_void.gate:Gate' does not exist"),
        ("nn_acme.lost:Gate", "layer 'lost': module 'nn_acme.lost' of its target 'nn_acme.lost:Gate' does not exist"),
        ("nn_acme.loud.x:Gate", "layer 'lost': 'nn_acme.loud' in its target 'nn_acme.loud.x:Gate' is not a package"),
        ("nn_acme.loud:Gate", "layer 'lost': its target 'nn_acme.loud:Gate' does not exist: no 'Gate' in nn_acme.loud"),
        ("nn_acme:Gate", "layer 'lost': its target 'nn_acme:Gate' does not exist: no 'Gate' in nn_acme"),
    ],
)
def test_a_target_that_does_not_exist_is_reported_without_importing_and_spares_the_others(
    fake_plugins, bystander, target, reason
):
    fake_plugins.install("nn-acme", acme(announcing(target), loud="raise RuntimeError('imported')\n"))
    record = fake_plugins.record("nn-acme")
    assert (record.status, record.reason) == ("broken", reason)
    assert names(record) == ["gate", "third"]
    assert nn_core.get("layer", "gate").__name__ == "Gate"
    assert "nn_acme.loud" not in sys.modules
    bystander()


def test_every_missing_target_is_named(fake_plugins):
    plugin = announcing("nn_acme.lost:Gate") + "    yield LayerSpec(name='fourth', target='nn_acme.gate:Gat')\n"
    fake_plugins.install("nn-acme", acme(plugin))
    assert fake_plugins.record("nn-acme").reason == (
        "layer 'lost': module 'nn_acme.lost' of its target 'nn_acme.lost:Gate' does not exist; "
        "layer 'fourth': its target 'nn_acme.gate:Gat' does not exist: no 'Gat' in nn_acme.gate"
    )


@pytest.mark.parametrize(
    "source",
    [
        "Gate = object()\n",
        "from nn_acme.gate import Gate\n",
        "from nn_acme.gate import *\n",
        "def __getattr__(name):\n    return object()\n",
        "globals()['Ga' + 'te'] = object()\n",
        "# coding: latin-1\nGate = 'é'\n",
    ],
)
def test_a_target_may_come_into_its_module_in_any_way(fake_plugins, source):
    fake_plugins.install("nn-acme", acme(announcing("nn_acme.made:Gate"), made=source))
    assert fake_plugins.record("nn-acme").status == "ok"
    assert nn_core.get("layer", "lost") is not None


def test_a_target_in_a_compiled_module_is_taken_on_trust(fake_plugins):
    fake_plugins.install("nn-acme", acme(announcing("math:no_such_function")))
    assert fake_plugins.record("nn-acme").status == "ok"


def test_a_target_in_a_module_made_at_run_time_is_taken_on_trust(fake_plugins, monkeypatch, bystander):
    made = ModuleType("nn_made")
    made.Gate = object()
    monkeypatch.setitem(sys.modules, "nn_made", made)  # its __spec__ is None
    fake_plugins.install("nn-acme", acme(announcing("nn_made:Gate")))
    assert fake_plugins.record("nn-acme").status == "ok"
    assert nn_core.get("layer", "lost") is made.Gate
    bystander()


def test_a_source_file_that_cannot_be_read_as_text_is_taken_on_trust(fake_plugins, bystander):
    info = fake_plugins.install("nn-acme", acme(announcing("nn_acme.noise:Gate"), noise=""))
    (info.parent / "nn_acme" / "noise.py").write_bytes(b"\xff\xfe\x00")
    assert fake_plugins.record("nn-acme").status == "ok"
    with pytest.raises(PluginError, match=r"layer lost@nn-acme cannot be loaded from nn_acme\.noise:Gate: SyntaxError"):
        nn_core.get("layer", "lost")
    bystander()


def test_a_plugin_may_live_in_a_zip_file(fake_plugins, monkeypatch):
    archive = fake_plugins.root / "acme.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path, source in acme(announcing("nn_acme.gate:Gat")).items():
            file.writestr(path, source)
        file.writestr("nn_acme/__init__.py", "")
    fake_plugins.install("nn-acme", {}, entry_points={"acme": "nn_acme.nn_plugin"})
    monkeypatch.syspath_prepend(archive)
    record = fake_plugins.record("nn-acme")
    assert names(record) == ["gate", "third"]
    assert record.reason == "layer 'lost': its target 'nn_acme.gate:Gat' does not exist: no 'Gat' in nn_acme.gate"
    assert nn_core.get("layer", "gate").__name__ == "Gate"


def test_a_target_that_fails_on_import_raises_when_it_is_asked_for(fake_plugins):
    fake_plugins.install("nn-acme", acme(HEADER + GATE, gate="import numpy_from_the_future as Gate\n"))
    assert fake_plugins.record("nn-acme").status == "ok"
    with pytest.raises(PluginError) as caught:
        nn_core.get("layer", "gate")
    assert str(caught.value) == (
        "layer gate@nn-acme cannot be loaded from nn_acme.gate:Gate: "
        "ModuleNotFoundError: No module named 'numpy_from_the_future'"
    )
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_a_target_that_exits_on_import_raises_when_it_is_asked_for(fake_plugins):
    fake_plugins.install("nn-acme", acme(HEADER + GATE, gate="Gate = exit(2)\n"))
    with pytest.raises(PluginError, match=r"cannot be loaded from nn_acme\.gate:Gate: SystemExit: 2"):
        nn_core.get("layer", "gate")


def test_a_target_may_lie_inside_a_class(fake_plugins):
    source = "class Outer:\n    class Inner:\n        pass\n"
    fake_plugins.install("nn-acme", acme(announcing("nn_acme.nested:Outer.Inner"), nested=source))
    assert nn_core.get("layer", "lost").__qualname__ == "Outer.Inner"


# Two distributions, one name


def test_two_providers_of_one_name_are_both_listed_as_a_conflict(fake_plugins, bystander):
    fake_plugins.install_layers("nn-acme", "gate", "acme_only")
    fake_plugins.install_layers("nn-other", "gate")
    one, other = fake_plugins.record("nn-acme"), fake_plugins.record("nn-other")
    assert (one.status, other.status) == ("conflict", "conflict")
    assert one.reason == (
        "layer 'gate' is also provided by nn-other; use the qualified name or block one of them with NN_BLOCK_PLUGINS"
    )
    assert other.reason.startswith("layer 'gate' is also provided by nn-acme; ")
    assert (names(one), names(other)) == (["gate", "acme_only"], ["gate"])
    bystander()


def test_a_conflict_names_all_other_providers_and_all_names(fake_plugins):
    fake_plugins.install_layers("nn-a", "gate", "stile")
    fake_plugins.install_layers("nn-b", "gate", "stile")
    fake_plugins.install_layers("nn-c", "gate")
    assert fake_plugins.record("nn-a").reason.startswith(
        "layer 'gate' is also provided by nn-b, nn-c; layer 'stile' is also provided by nn-b; use "
    )


def test_one_name_for_two_kinds_is_no_conflict(fake_plugins):
    fake_plugins.install("nn-acme", acme(HEADER + GATE.replace("layers", "losses").replace("LayerSpec", "LossSpec")))
    fake_plugins.install_layers("nn-other", "gate")
    assert fake_plugins.record("nn-acme").status == fake_plugins.record("nn-other").status == "ok"


def test_offers_for_one_kernel_are_no_conflict(fake_plugins):
    for package in ("nn_first", "nn_second"):
        hook = f'@hookimpl\ndef nn_kernels():\n    yield KernelSpec(name="im2col", target="{package}.part:f")\n'
        modules = {f"{package}/nn_plugin.py": HEADER + hook, f"{package}/part.py": "def f(): ...\n"}
        fake_plugins.install(package.replace("_", "-"), modules)
    assert fake_plugins.record("nn-first").status == fake_plugins.record("nn-second").status == "ok"


def test_a_broken_plugin_stays_broken_when_its_remaining_components_conflict(fake_plugins):
    fake_plugins.install("nn-acme", acme(announcing("nn_void:Gate")))
    fake_plugins.install_layers("nn-other", "gate")
    assert fake_plugins.record("nn-acme").status == "broken"
    assert fake_plugins.record("nn-other").status == "conflict"


# One distribution, twice on the path


def test_of_two_copies_of_a_distribution_the_first_on_the_path_wins(fake_plugins):
    fake_plugins.install_layers("nn-acme", "old", version="1.0")
    fake_plugins.install_layers("Nn.Acme", "new", version="2.0")
    record = fake_plugins.record("nn-acme")
    assert (record.version, names(record)) == ("2.0", ["new"])


def test_a_first_copy_without_plugins_hides_a_second_one_with_them(fake_plugins):
    fake_plugins.install_layers("nn-acme", "gate")
    fake_plugins.install("nn-acme", {}, version="2.0")
    assert "nn-acme" not in [record.distribution for record in nn_core.plugin_records()]


# Damaged metadata


DAMAGE = [
    ("entry_points.txt", b"\xff\xfe[nn.plugins]"),
    ("entry_points.txt", b"[nn.plugins"),
    ("entry_points.txt", b"[console_scripts]\nno equals sign\n"),
    ("entry_points.txt", b"no section = x\n"),
    ("entry_points.txt", b"[other.nn.plugins]\na = b\n"),
    ("entry_points.txt", b"# [nn.plugins]\n"),
    ("METADATA", b"\xff\xfe\x00"),
    ("METADATA", b"Version: 1.0\n"),
    ("METADATA", b""),
    ("METADATA", None),
]


@pytest.mark.parametrize("with_plugins", [False, True])
@pytest.mark.parametrize(("file", "content"), DAMAGE)
def test_damaged_metadata_of_one_distribution_costs_the_others_nothing(
    fake_plugins, bystander, file, content, with_plugins
):
    entry_points = {"damaged": "nn_damaged.nn_plugin"} if with_plugins else {}
    info = fake_plugins.install("nn-damaged", {}, entry_points=entry_points)
    if content is None:
        (info / file).unlink()
    else:
        (info / file).write_bytes(content)
    bystander()
    assert [record.distribution for record in nn_core.plugin_records()] == ["nn-bystander", "nn-core"]


def test_a_plugin_whose_metadata_cannot_be_read_is_logged(fake_plugins, caplog):
    info = fake_plugins.install_layers("nn-damaged", "gate")
    (info / "METADATA").write_bytes(b"\xff")
    with caplog.at_level(logging.WARNING, "nn_core"):
        nn_core.plugin_records()
    (line,) = caplog.messages
    assert line.startswith(f"{info} is passed over, for its metadata cannot be read: UnicodeDecodeError: ")


@pytest.mark.parametrize("line", ["acme nn_acme.nn_plugin", "acme = !"])
def test_a_plugin_with_malformed_entry_points_is_broken(fake_plugins, bystander, line):
    info = fake_plugins.install("nn-acme", acme(HEADER + GATE))
    (info / "entry_points.txt").write_text(f"[nn.plugins]\n{line}\n")
    record = fake_plugins.record("nn-acme")
    assert (record.status, record.components) == ("broken", ())
    assert record.reason == "its entry_points.txt is malformed"
    bystander()


# Selection by environment variables


@pytest.fixture
def with_markers(fake_plugins):
    """Install ``nn-acme`` and ``nn-other``; return the function that names those whose module was imported."""

    def install(distribution):
        package = distribution.replace("-", "_")
        marker = fake_plugins.root / package
        hook = f'@hookimpl\ndef nn_layers():\n    yield LayerSpec(name="{package}", target="{package}.part:f")\n'
        loud = f"open({str(marker)!r}, 'w').close()\n"
        fake_plugins.install(
            distribution,
            {
                f"{package}/__init__.py": loud,
                f"{package}/nn_plugin.py": HEADER + loud + hook,
                f"{package}/part.py": "def f(): ...\n",
            },
        )
        return marker

    markers = {name: install(name) for name in ("nn-acme", "nn-other")}

    def imported():
        statuses = {record.distribution: record.status for record in nn_core.plugin_records()}
        assert statuses.pop("nn-core") == "ok"
        seen = {name for name, marker in markers.items() if marker.exists()}
        assert {name for name, status in statuses.items() if status == "ok"} == seen
        assert {name for name, status in statuses.items() if status == "blocked"} == set(markers) - seen
        return sorted(seen)

    return imported


def test_all_plugins_load_by_default(with_markers):
    assert with_markers() == ["nn-acme", "nn-other"]


@pytest.mark.parametrize("value", ["nn-acme", "Nn_Acme", " nn.acme ,", "nn-acme,nn-acme"])
def test_a_blocked_plugin_is_recorded_and_not_imported(with_markers, fake_plugins, monkeypatch, value):
    monkeypatch.setenv("NN_BLOCK_PLUGINS", value)
    assert with_markers() == ["nn-other"]
    record = fake_plugins.record("nn-acme")
    assert (record.version, record.reason, record.components) == ("1.0", "named in NN_BLOCK_PLUGINS", ())
    assert record.api is None


@pytest.mark.parametrize(
    ("value", "loaded"),
    [
        ("", []),
        (" , ", []),
        ("nn-acme", ["nn-acme"]),
        ("NN_ACME", ["nn-acme"]),
        ("nn-other, nn-acme", ["nn-acme", "nn-other"]),
        ("nn-core", []),
    ],
)
def test_only_the_plugins_in_nn_plugins_are_imported(with_markers, monkeypatch, value, loaded):
    monkeypatch.setenv("NN_PLUGINS", value)
    assert with_markers() == loaded


def test_a_plugin_left_out_of_nn_plugins_says_so(with_markers, fake_plugins, monkeypatch):
    monkeypatch.setenv("NN_PLUGINS", "nn-other")
    assert fake_plugins.record("nn-acme").reason == "not named in NN_PLUGINS"


def test_blocking_wins_over_naming(with_markers, monkeypatch):
    monkeypatch.setenv("NN_PLUGINS", "nn-acme,nn-other")
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-acme")
    assert with_markers() == ["nn-other"]


@pytest.mark.parametrize("variable", ["NN_PLUGINS", "NN_BLOCK_PLUGINS"])
@pytest.mark.parametrize("value", ["", "nn-core", "nn_core"])
def test_nn_core_cannot_be_blocked(fake_plugins, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    assert fake_plugins.record("nn-core").status == "ok"


def test_blocking_resolves_a_conflict(fake_plugins, monkeypatch):
    fake_plugins.install_layers("nn-acme", "gate")
    fake_plugins.install_layers("nn-other", "gate")
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-other")
    assert fake_plugins.record("nn-acme").status == "ok"
    assert nn_core.get("layer", "gate").__module__ == "nn_acme.parts"


@pytest.mark.parametrize("variable", ["NN_PLUGINS", "NN_BLOCK_PLUGINS"])
def test_a_name_that_is_not_installed_is_logged(fake_plugins, monkeypatch, caplog, variable):
    monkeypatch.setenv(variable, "nn-typo")
    with caplog.at_level(logging.WARNING, "nn_core"):
        nn_core.plugin_records()
    assert caplog.messages == ["NN_PLUGINS or NN_BLOCK_PLUGINS names nn-typo, which is not an installed plugin."]


def test_names_that_are_not_installed_are_listed_in_order(fake_plugins, monkeypatch):
    monkeypatch.setenv("NN_PLUGINS", "nn-d,nn-b")
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-c,nn-a")
    monkeypatch.setenv("NN_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError) as caught:
        nn_core.components()
    absent = "nn-a is not installed; nn-b is not installed; nn-c is not installed; nn-d is not installed"
    assert str(caught.value) == f"NN_STRICT_PLUGINS is set and {absent}."


def test_an_unset_selection_admits_all():
    assert Selection.from_environment({}) == Selection(only=None, blocked=frozenset(), strict=False)


# Strict mode


@pytest.mark.parametrize(("value", "strict"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_strict_mode_is_on_unless_the_variable_is_empty_or_zero(value, strict):
    assert Selection.from_environment({"NN_STRICT_PLUGINS": value}).strict is strict


@pytest.mark.parametrize(
    ("plugin", "complaint"),
    [
        (
            "import numpy_from_the_future",
            "nn-acme 1.0 is broken: its plugin module cannot be imported: "
            "ModuleNotFoundError: No module named 'numpy_from_the_future'.",
        ),
        (
            HEADER + GATE.replace("nn_layers", "nn_layer"),
            "nn-acme 1.0 is broken: nn_acme.nn_plugin.nn_layer is not a hook. Did you mean 'nn_layers'?",
        ),
        (
            "NN_API = 7",
            "nn-acme 1.0 is incompatible: nn_acme.nn_plugin is written for plugin API 7; this nn-core speaks API 1.",
        ),
    ],
)
def test_strict_mode_raises_and_names_the_culprit(fake_plugins, monkeypatch, plugin, complaint):
    fake_plugins.install("nn-acme", acme(plugin))
    monkeypatch.setenv("NN_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError) as caught:
        nn_core.components()
    assert str(caught.value) == f"NN_STRICT_PLUGINS is set and {complaint}"


def test_strict_mode_raises_on_a_conflict_and_names_all_culprits(fake_plugins, monkeypatch):
    fake_plugins.install_layers("nn-acme", "gate")
    fake_plugins.install_layers("nn-other", "gate")
    monkeypatch.setenv("NN_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=r"nn-acme 1\.0 is conflict: .*; nn-other 1\.0 is conflict: "):
        nn_core.components()


@pytest.mark.parametrize("variable", ["NN_PLUGINS", "NN_BLOCK_PLUGINS"])
def test_strict_mode_raises_on_a_name_that_is_not_installed(fake_plugins, monkeypatch, variable):
    monkeypatch.setenv(variable, "nn-typo")
    monkeypatch.setenv("NN_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=r"^NN_STRICT_PLUGINS is set and nn-typo is not installed\.$"):
        nn_core.components()


def test_strict_mode_is_content_with_good_and_blocked_plugins(fake_plugins):
    fake_plugins.install_layers("nn-good", "gate")
    fake_plugins.install("nn-acme", acme("import numpy_from_the_future"))
    records = discover(Selection(only=None, blocked=frozenset({"nn-acme"}), strict=True))
    statuses = {record.distribution: record.status for record in records}
    assert statuses == {"nn-acme": "blocked", "nn-core": "ok", "nn-good": "ok"}
