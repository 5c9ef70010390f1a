"""Components are looked up by kind and name, and built from configurations; errors say what to do."""

from __future__ import annotations

import importlib
import os
import sys

import pytest

import nn_core
from nn_core import registry
from nn_core.discovery import Component, PluginRecord
from nn_core.errors import ConfigError, ConflictError, NNError, PluginError, UnknownComponentError
from nn_core.plugins import KINDS, SPECS, KernelSpec, LayerSpec, LossSpec
from nn_core.registry import Registry, check_options, kind_named

HOME_MISSING = "nn-layers-conv (convolution, pooling and 2-D normalization) is not installed."
PARTS = """
from nn_core.plugins import InitializerSpec, LayerSpec, OptimizerSpec, hookimpl

NN_API = 1


@hookimpl
def nn_layers():
    yield LayerSpec(name="gate", target="nn_acme.parts:Gate")
    yield LayerSpec(name="configured", target="nn_acme.parts:Configured")


@hookimpl
def nn_optimizers():
    yield OptimizerSpec(name="yogi", target="nn_acme.parts:Yogi")


@hookimpl
def nn_initializers():
    yield InitializerSpec(name="anything", target="nn_acme.parts:anything")
"""
CLASSES = """
class Gate:
    def __init__(self, units, activation="sigmoid", *, bias=True):
        self.options = (units, activation, bias)


class Configured:
    def __init__(self, *parts):
        self.parts = parts

    @classmethod
    def from_config(cls, config):
        return cls("from_config", config)


class Yogi:
    def __init__(self, parameters, lr=0.01):
        self.options = (parameters, lr)


def anything(**options):
    return options
"""


@pytest.fixture
def acme(fake_plugins):
    fake_plugins.install("nn-acme", {"nn_acme/nn_plugin.py": PARTS, "nn_acme/parts.py": CLASSES})


def said_by(error, function, *args):
    with pytest.raises(error) as caught:
        function(*args)
    return str(caught.value)


# Kinds


@pytest.mark.parametrize("spec", SPECS)
def test_a_kind_may_be_named_in_the_singular_and_in_the_plural(spec):
    assert kind_named(spec.kind) == kind_named(spec.plural) == spec.kind


def test_an_unknown_kind_is_an_error_that_lists_the_kinds():
    assert said_by(UnknownComponentError, kind_named, "layr") == (
        "There is no kind 'layr'. Kinds are layer, loss, optimizer, scheduler, metric, initializer, callback, "
        "dataset, format, backend, kernel, command."
    )


@pytest.mark.parametrize("call", [nn_core.components, lambda kind: nn_core.get(kind, "linear")])
def test_an_unknown_kind_is_refused_wherever_a_kind_is_asked_for(call):
    assert said_by(UnknownComponentError, call, "layr").startswith("There is no kind 'layr'.")


# Listing


def test_components_are_sorted_by_kind_name_and_distribution():
    def record(distribution, *specs):
        return PluginRecord(
            distribution, "1.0", components=tuple(Component(spec, distribution, "1.0") for spec in specs)
        )

    b = LayerSpec(name="b", target="m:f")
    a = LayerSpec(name="a", target="m:f")
    loss = LossSpec(name="a", target="m:f")
    found = Registry((record("nn-z", loss, b, a), record("nn-a", b))).components()
    assert [(part.kind, part.qualified_name) for part in found] == [
        ("layer", "a@nn-z"),
        ("layer", "b@nn-a"),
        ("layer", "b@nn-z"),
        ("loss", "a@nn-z"),
    ]


def test_components_of_one_kind_are_listed_by_either_name_of_the_kind(acme):
    assert [part.name for part in nn_core.components("optimizer")] == ["yogi"]
    assert nn_core.components("optimizers") == nn_core.components("optimizer")


def test_all_components_are_those_of_all_kinds(acme):
    assert nn_core.components() == [part for kind in KINDS for part in nn_core.components(kind)]


# Finding


@pytest.mark.parametrize("kind", ["layer", "layers"])
@pytest.mark.parametrize("name", ["gate", "gate@nn-acme", "gate@Nn_Acme"])
def test_a_component_is_found_by_its_bare_and_by_its_qualified_name(acme, kind, name):
    assert nn_core.get(kind, name).__qualname__ == "Gate"


def test_an_unknown_name_gives_the_close_match(acme):
    assert said_by(UnknownComponentError, nn_core.get, "layer", "gat") == (
        f"No installed plugin provides the layer 'gat'. Did you mean 'gate'? {HOME_MISSING}"
    )


def test_an_error_names_the_kind_in_the_singular(acme):
    message = said_by(UnknownComponentError, nn_core.get, "metrics", "zzzz")
    assert message == said_by(UnknownComponentError, nn_core.get, "metric", "zzzz")


def test_an_unknown_name_without_a_close_match_is_answered_with_those_that_are_known(acme):
    assert said_by(UnknownComponentError, nn_core.get, "metric", "zzzz") == (
        "No installed plugin provides the metric 'zzzz'. Known are accuracy, binary_accuracy, confusion_matrix, f1, "
        "mae, mse, precision, r2, recall, rmse, roc_auc, top_k_accuracy."
    )


def test_a_close_match_that_two_distributions_provide_is_suggested_once(fake_plugins):
    fake_plugins.install_layers("nn-acme", "gate")
    fake_plugins.install_layers("nn-other", "gate")
    assert " Did you mean 'gate'? " in said_by(UnknownComponentError, nn_core.get, "layer", "gat")


def test_a_known_name_under_the_wrong_kind_is_unknown(acme):
    assert said_by(UnknownComponentError, nn_core.get, "loss", "gate") == (
        "No installed plugin provides the loss 'gate'. Known are bce, bce_with_logits, binary_crossentropy, "
        "categorical_crossentropy, cce, cosine_embedding, cross_entropy, hinge, hinge_embedding, huber, kl_div, l1, …."
    )


@pytest.mark.parametrize(
    ("kind", "home"),
    [
        ("layer", "nn-layers-conv (convolution, pooling and 2-D normalization)"),
        ("optimizer", "nn-optim (optimizers)"),
        ("dataset", "nn-data (datasets)"),
        ("command", "nn-cli (the command line)"),
    ],
)
def test_an_unknown_name_says_which_first_party_distribution_is_missing(fake_plugins, kind, home):
    assert said_by(UnknownComponentError, nn_core.get, kind, "zzzz") == (
        f"No installed plugin provides the {kind} 'zzzz'. {home} is not installed."
    )


def test_a_first_party_distribution_that_is_installed_is_not_called_missing(fake_plugins):
    fake_plugins.install_layers("nn-layers-conv", "gate", version="9.0")
    assert "not installed" not in said_by(UnknownComponentError, nn_core.get, "layer", "zzzz")


def test_an_unknown_name_lists_the_plugins_that_did_not_load(fake_plugins, monkeypatch):
    fake_plugins.install_layers("nn-blocked", "gate")
    fake_plugins.install("nn-broken", {"nn_broken/nn_plugin.py": "import numpy_from_the_future"})
    fake_plugins.install("nn-newer", {"nn_newer/nn_plugin.py": "NN_API = 2"})
    misspelled = PARTS.replace("nn_layers", "nn_layer")
    fake_plugins.install("nn-typo", {"nn_typo/nn_plugin.py": misspelled})
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-blocked")
    assert said_by(UnknownComponentError, nn_core.get, "loss", "gate") == (
        "No installed plugin provides the loss 'gate'. "
        "nn-blocked is blocked: named in NN_BLOCK_PLUGINS. "
        "nn-broken is broken: its plugin module cannot be imported: "
        "ModuleNotFoundError: No module named 'numpy_from_the_future'. "
        "nn-newer is incompatible: nn_newer.nn_plugin is written for plugin API 2; this nn-core speaks API 1. "
        "nn-typo is broken: nn_typo.nn_plugin.nn_layer is not a hook. Did you mean 'nn_layers'?"
    )


def test_an_unknown_name_is_explained_without_importing_any_component(acme):
    said_by(UnknownComponentError, nn_core.get, "layer", "gat")
    assert "nn_acme.parts" not in sys.modules


def test_an_unknown_name_of_a_named_distribution_gives_the_close_match_there(acme, fake_plugins):
    fake_plugins.install_layers("nn-other", "gait")
    assert said_by(UnknownComponentError, nn_core.get, "layer", "gat@Nn_Acme") == (
        "No installed nn-acme provides the layer 'gat'. Did you mean 'gate'?"
    )


def test_a_name_of_another_distribution_than_the_one_asked_is_pointed_out(acme, fake_plugins):
    fake_plugins.install_layers("nn-other", "stile")
    assert said_by(UnknownComponentError, nn_core.get, "layer", "stile@nn-acme") == (
        "No installed nn-acme provides the layer 'stile'. There is 'stile@nn-other'."
    )


def test_a_qualified_name_says_when_its_distribution_is_missing(fake_plugins):
    assert said_by(UnknownComponentError, nn_core.get, "layer", "gate@nn-acme") == (
        "No installed nn-acme provides the layer 'gate'. nn-acme is not installed."
    )


def test_a_qualified_name_says_what_is_wrong_with_its_distribution_only(fake_plugins):
    fake_plugins.install("nn-acme", {"nn_acme/nn_plugin.py": "NN_API = 2"})
    fake_plugins.install("nn-other", {"nn_other/nn_plugin.py": "NN_API = 3"})
    assert said_by(UnknownComponentError, nn_core.get, "layer", "gate@nn-acme") == (
        "No installed nn-acme provides the layer 'gate'. "
        "nn-acme is incompatible: nn_acme.nn_plugin is written for plugin API 2; this nn-core speaks API 1."
    )


# Conflicts


def test_a_name_that_two_distributions_provide_raises_with_the_ways_out(fake_plugins):
    fake_plugins.install_layers("nn-acme", "gate")
    fake_plugins.install_layers("nn-other", "gate")
    assert said_by(ConflictError, nn_core.get, "layer", "gate") == (
        "layer 'gate' is provided by nn-acme and nn-other. "
        "Write 'gate@nn-acme' or 'gate@nn-other', or block one of them, as in NN_BLOCK_PLUGINS=nn-other."
    )


def test_a_name_that_two_distributions_provide_can_be_used_qualified(fake_plugins):
    fake_plugins.install_layers("nn-acme", "gate")
    fake_plugins.install_layers("nn-other", "gate")
    assert nn_core.get("layer", "gate@nn-acme").__module__ == "nn_acme.parts"
    assert nn_core.get("layer", "gate@nn-other").__module__ == "nn_other.parts"


def test_the_advice_on_a_conflict_works(fake_plugins, monkeypatch):
    fake_plugins.install_layers("nn-acme", "gate")
    fake_plugins.install_layers("nn-other", "gate")
    advice = said_by(ConflictError, nn_core.get, "layer", "gate").rpartition(" ")[2].rstrip(".")
    monkeypatch.setenv(*advice.split("="))
    registry.refresh()
    assert nn_core.get("layer", "gate").__module__ == "nn_acme.parts"


def test_the_advice_on_a_conflict_with_nn_core_is_not_to_block_nn_core(fake_plugins):
    fake_plugins.install_layers("nn-acme", "linear")
    assert said_by(ConflictError, nn_core.get, "layer", "linear").endswith("as in NN_BLOCK_PLUGINS=nn-acme.")


def test_a_conflict_about_one_name_leaves_the_other_names_alone(fake_plugins):
    fake_plugins.install_layers("nn-acme", "gate", "stile")
    fake_plugins.install_layers("nn-other", "gate")
    assert nn_core.get("layer", "stile").__module__ == "nn_acme.parts"


def test_of_several_offers_for_a_kernel_the_one_with_the_highest_priority_is_found():
    offers = [KernelSpec(name="im2col", target="m:f", priority=priority) for priority in (0, 20, 10)]
    records = [
        PluginRecord(f"nn-{i}", "1.0", components=(Component(offer, f"nn-{i}", "1.0"),))
        for i, offer in enumerate(offers)
    ]
    assert Registry(tuple(records)).find("kernel", "im2col").distribution == "nn-1"


# What something is registered as


def test_a_class_knows_the_component_it_is_registered_as(acme):
    gate = nn_core.get("layer", "gate")
    assert registry.registry().component_of(gate, "layer").qualified_name == "gate@nn-acme"
    assert registry.registry().component_of(gate, "loss") is None


def test_a_class_registered_under_another_path_is_recognized(fake_plugins):
    plugin = PARTS.replace("nn_acme.parts:", "nn_acme:")
    reexport = "from nn_acme.parts import *"
    modules = {"nn_acme/nn_plugin.py": plugin, "nn_acme/parts.py": CLASSES, "nn_acme/__init__.py": reexport}
    fake_plugins.install("nn-acme", modules)
    gate = importlib.import_module("nn_acme.parts").Gate
    assert registry.registry().component_of(gate, "layer").name == "gate"


def test_components_of_other_class_names_are_not_imported_to_recognize_a_class(acme):
    assert registry.registry().component_of(PluginRecord, "layer") is None
    assert "nn_acme.parts" not in sys.modules


def test_an_unregistered_class_is_not_recognized_by_its_name_alone(acme):
    class Gate:
        pass

    Gate.__qualname__ = "Gate"
    assert registry.registry().component_of(Gate, "layer") is None


def test_a_component_of_the_same_class_name_that_cannot_be_imported_is_no_obstacle(fake_plugins):
    fake_plugins.install_layers("nn-acme", "gate")
    info = fake_plugins.install_layers("nn-other", "stile")
    (info.parent / "nn_other" / "parts.py").write_text("raise RuntimeError\nLayer = 1\n")

    class Layer:
        pass

    Layer.__qualname__ = "Layer"
    assert registry.registry().component_of(Layer, "layer") is None


# Building


@pytest.mark.parametrize("kind", ["layer", "layers"])
def test_a_component_is_built_from_its_type_and_options(acme, kind):
    gate = nn_core.build(kind, {"type": "gate", "units": 3, "bias": False})
    assert (type(gate).__name__, gate.options) == ("Gate", (3, "sigmoid", False))


def test_a_component_may_be_built_under_its_qualified_name(acme):
    assert nn_core.build("layer", {"type": "gate@nn-acme", "units": 3}).options == (3, "sigmoid", True)


def test_arguments_come_before_the_options(acme):
    assert nn_core.build("optimizer", {"type": "yogi", "lr": 0.1}, ["w", "b"]).options == (["w", "b"], 0.1)


def test_building_leaves_the_configuration_as_it_was(acme):
    config = {"type": "gate", "units": 3}
    nn_core.build("layer", config)
    assert config == {"type": "gate", "units": 3}


def test_a_class_may_build_itself_from_the_configuration(acme):
    built = nn_core.build("layer", {"type": "configured", "layers": [1, 2]})
    assert built.parts == ("from_config", {"layers": [1, 2]})


def test_arguments_reach_a_class_that_could_build_itself_from_a_configuration(acme):
    assert nn_core.build("layer", {"type": "configured"}, 1, 2).parts == (1, 2)


def test_a_function_may_take_any_options(acme):
    assert nn_core.build("initializer", {"type": "anything", "whatever": 1}) == {"whatever": 1}


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("layer", {}, "The layer needs a 'type' key naming it, got {}."),
        ("optimizers", {"lr": 0.1}, "The optimizer needs a 'type' key naming it, got {'lr': 0.1}."),
        ("layer", {"type": 3}, "The 'type' of the layer must be a name, got 3."),
        ("layer", {"type": None}, "The 'type' of the layer must be a name, got None."),
        (
            "layer",
            {"type": "gate", "units": 1, "activatoin": "relu"},
            "layer 'gate' has no option 'activatoin'. Did you mean 'activation'?",
        ),
        (
            "layer",
            {"type": "gate", "units": 1, "zzzz": 2},
            "layer 'gate' has no option 'zzzz'. It takes units, activation, bias.",
        ),
        ("layer", {"type": "gate"}, "layer 'gate' needs 'units'."),
        ("optimizer", {"type": "yogi"}, "optimizer 'yogi' needs 'parameters'."),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(acme, kind, config, message):
    assert said_by(ConfigError, nn_core.build, kind, config) == message


def test_an_argument_given_in_place_is_not_also_an_option(acme):
    message = said_by(ConfigError, nn_core.build, "optimizer", {"type": "yogi", "parameters": []}, [])
    assert message == "optimizer 'yogi' has no option 'parameters'. It takes lr."


def test_all_missing_options_are_named():
    def blend(first, second, third=0): ...

    assert said_by(ConfigError, check_options, "The blend", blend, {}) == "The blend needs 'first' and 'second'."


def test_positional_parameters_are_neither_options_nor_missing():
    def blend(first, /, *others, third=0): ...

    check_options("The blend", blend, {"third": 1})
    assert said_by(ConfigError, check_options, "The blend", blend, {"first": 1}) == (
        "The blend has no option 'first'. It takes third."
    )


def test_a_component_without_options_says_so():
    assert said_by(ConfigError, check_options, "relu", lambda: None, {"slope": 1}) == (
        "relu has no option 'slope'. It takes no options."
    )


def test_an_unknown_type_is_reported_as_by_get(acme):
    message = said_by(UnknownComponentError, nn_core.build, "layer", {"type": "gat"})
    assert message == said_by(UnknownComponentError, nn_core.get, "layer", "gat")


# The registry of the process


def test_plugins_are_discovered_once(fake_plugins, monkeypatch):
    fake_plugins.install_layers("nn-acme", "gate")
    assert nn_core.plugin_records() is nn_core.plugin_records()
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-acme")
    assert fake_plugins.record("nn-acme").status == "ok"


def test_refreshing_reads_the_environment_again(fake_plugins, monkeypatch):
    fake_plugins.install_layers("nn-acme", "gate")
    assert nn_core.get("layer", "gate")
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-acme")
    assert registry.refresh() is registry.registry()
    assert fake_plugins.record("nn-acme").status == "blocked"


def test_refreshing_finds_modules_installed_in_the_same_moment(fake_plugins):
    info = fake_plugins.install("nn-acme", {}, entry_points={"acme": "nn_acme.nn_plugin"})
    site = info.parent
    before = site.stat()
    assert fake_plugins.record("nn-acme").status == "broken"
    for path, source in {"__init__.py": "", "nn_plugin.py": PARTS, "parts.py": CLASSES}.items():
        (site / "nn_acme").mkdir(exist_ok=True)
        (site / "nn_acme" / path).write_text(source)
    os.utime(site, ns=(before.st_atime_ns, before.st_mtime_ns))  # as with a coarse clock
    registry.refresh()
    assert fake_plugins.record("nn-acme").status == "ok"


def test_a_failure_in_strict_mode_does_not_last(fake_plugins, monkeypatch):
    fake_plugins.install("nn-acme", {"nn_acme/nn_plugin.py": "NN_API = 2"})
    monkeypatch.setenv("NN_STRICT_PLUGINS", "1")
    said_by(PluginError, nn_core.components)
    monkeypatch.setenv("NN_STRICT_PLUGINS", "0")
    assert nn_core.get("layer", "linear") is nn_core.Linear


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (ConfigError, ValueError),
        (ConflictError, LookupError),
        (PluginError, ImportError),
        (UnknownComponentError, LookupError),
    ],
)
def test_errors_are_caught_as_ours_and_as_the_language_has_them(error, builtin):
    assert issubclass(error, NNError)
    assert issubclass(error, builtin)
