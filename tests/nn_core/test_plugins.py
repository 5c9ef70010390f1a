"""Specs say what is announced; kinds, hooks and hookspecs are three views of one list."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from textwrap import dedent
from typing import Any, get_args, get_origin, get_type_hints

import pluggy
import pytest
from attrs.exceptions import FrozenInstanceError

from nn_core import hookspecs, plugins
from nn_core.plugins import HOOKS, KINDS, SPECS, BackendSpec, FormatSpec, KernelSpec, LayerSpec, Spec

KINDS_PROMISED = [
    ("layer", "nn_layers"),
    ("loss", "nn_losses"),
    ("optimizer", "nn_optimizers"),
    ("scheduler", "nn_schedulers"),
    ("metric", "nn_metrics"),
    ("initializer", "nn_initializers"),
    ("callback", "nn_callbacks"),
    ("dataset", "nn_datasets"),
    ("format", "nn_formats"),
    ("backend", "nn_backends"),
    ("kernel", "nn_kernels"),
    ("command", "nn_commands"),
]


def make(spec: type[Spec], **options: Any) -> Spec:
    required = {"array": "numpy:ndarray"} if spec is BackendSpec else {}
    return spec(**{"name": "gate", "target": "nn_acme.gate:Gate", **required, **options})


def hook_functions() -> dict[str, Callable[[], Iterable[Spec]]]:
    functions = inspect.getmembers(hookspecs, inspect.isfunction)
    return {name: function for name, function in functions if function.__module__ == hookspecs.__name__}


def example_in(docstring: str | None) -> str:
    _, _, block = inspect.cleandoc(docstring or "").partition("::\n")
    return dedent(block)


# One spec


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_holds_name_target_and_summary(spec):
    made = make(spec, summary="Gated linear unit.")
    assert (made.name, made.target, made.summary) == ("gate", "nn_acme.gate:Gate", "Gated linear unit.")
    assert make(spec).summary == ""


@pytest.mark.parametrize("spec", SPECS)
def test_a_spec_cannot_be_changed(spec):
    made = make(spec)
    with pytest.raises(FrozenInstanceError):
        made.name = "other"


def test_specs_of_equal_content_are_equal_and_hash_alike():
    assert len({make(LayerSpec), make(LayerSpec), make(LayerSpec, name="other")}) == 2


def test_specs_of_different_kinds_differ():
    assert make(LayerSpec) != make(KernelSpec)


def test_a_spec_takes_keywords_only():
    with pytest.raises(TypeError, match="positional"):
        LayerSpec("gate", "nn_acme.gate:Gate")


@pytest.mark.parametrize("name", ["a", "gate", "batch_norm2d", "l1_2", "conv2d"])
def test_a_snake_case_name_is_accepted(name):
    assert make(LayerSpec, name=name).name == name


@pytest.mark.parametrize(
    "name",
    ["", "Gate", "maxPool", "2d", "_gate", "gate_", "max__pool", "max-pool", "max pool", "gate\n", "gate@nn", "gäte"],
)
def test_a_name_that_is_not_snake_case_is_refused(name):
    with pytest.raises(ValueError) as caught:
        make(LayerSpec, name=name)
    assert str(caught.value) == f"layer name {name!r} is not snake_case (such as 'batch_norm2d')"


@pytest.mark.parametrize("name", [None, 3, b"gate"])
def test_a_name_that_is_not_text_is_refused(name):
    with pytest.raises(ValueError, match="is not snake_case"):
        make(LayerSpec, name=name)


@pytest.mark.parametrize("target", ["m:f", "nn_acme.gate:Gate", "nn_acme:Outer.inner", "_nn._m:_f"])
def test_a_target_names_a_module_and_an_attribute(target):
    assert make(LayerSpec, target=target).target == target


BAD_PATHS = [
    "",
    "nn_acme.gate",
    "nn_acme.gate.Gate",
    "nn_acme.gate:",
    ":Gate",
    "nn_acme..gate:Gate",
    ".gate:Gate",
    "nn_acme.gate:Gate()",
    "nn_acme.gate:Gate:x",
    "nn_acme.gate: Gate",
    "nn-acme.gate:Gate",
    "nn_acme.2d:Gate",
    "nn_acme.gate:2d",
    None,
    3,
]


@pytest.mark.parametrize("target", BAD_PATHS)
def test_a_target_of_another_form_is_refused(target):
    with pytest.raises(ValueError) as caught:
        make(LayerSpec, target=target)
    assert str(caught.value) == f"target {target!r} of layer 'gate' is not of the form 'module:Name'"


@pytest.mark.parametrize("spec", [BackendSpec, KernelSpec])
@pytest.mark.parametrize("array", BAD_PATHS)
def test_an_array_type_of_another_form_is_refused(spec, array):
    with pytest.raises(ValueError) as caught:
        make(spec, array=array)
    assert str(caught.value) == f"array {array!r} of {spec.kind} 'gate' is not of the form 'module:Name'"


def test_a_summary_is_text():
    with pytest.raises(TypeError, match="'summary' must be <class 'str'>"):
        make(LayerSpec, summary=None)


def test_a_backend_must_say_which_array_type_it_serves():
    with pytest.raises(TypeError, match="array"):
        BackendSpec(name="cupy", target="nn_cupy.backend:xp")


@pytest.mark.parametrize("suffixes", [".npz", ("npz",), (".NPZ",), (".tar.gz",), (1,), None])
def test_the_endings_of_a_format_are_a_tuple_of_endings(suffixes):
    with pytest.raises(ValueError, match="suffixes of format 'gate' must be a tuple such as"):
        make(FormatSpec, suffixes=suffixes)


def test_a_kernel_is_for_numpy_and_as_good_as_the_plain_version_unless_it_says_otherwise():
    made = KernelSpec(name="im2col", target="nn_fast.conv:im2col")
    assert (made.array, made.priority) == ("numpy:ndarray", 0)


@pytest.mark.parametrize("priority", ["10", 1.5, None])
def test_a_priority_is_an_integer(priority):
    with pytest.raises(TypeError, match="'priority' must be <class 'int'>"):
        make(KernelSpec, priority=priority)


# All kinds


def test_the_kinds_and_their_hooks_are_those_promised():
    assert [(spec.kind, f"nn_{spec.plural}") for spec in SPECS] == KINDS_PROMISED
    assert [(kind, hook) for kind, hook in zip(KINDS, HOOKS, strict=True)] == KINDS_PROMISED


def test_kinds_and_hooks_lead_to_the_same_specs():
    assert list(KINDS.values()) == list(HOOKS.values()) == list(SPECS)


def test_every_spec_has_a_kind_of_its_own():
    own = [value for value in vars(plugins).values() if isinstance(value, type) and issubclass(value, Spec)]
    assert [spec for spec in own if spec is not Spec] == list(SPECS)


def test_there_is_one_hookspec_per_hook():
    assert set(hook_functions()) == set(HOOKS)


def test_pluggy_sees_every_hookspec():
    manager = pluggy.PluginManager("nn")
    manager.add_hookspecs(hookspecs)
    assert {name for name in vars(manager.hook) if not name.startswith("_")} == set(HOOKS)


@pytest.mark.parametrize("name", HOOKS)
def test_a_hookspec_takes_nothing_and_returns_an_iterable_of_its_spec(name):
    hook = hook_functions()[name]
    returned = get_type_hints(hook)["return"]
    assert not inspect.signature(hook).parameters
    assert get_origin(returned) is Iterable
    assert get_args(returned) == (HOOKS[name],)
    assert list(hook()) == []


@pytest.mark.parametrize("name", HOOKS)
def test_the_example_of_a_hookspec_runs_and_yields_its_spec(name):
    namespace = dict(vars(plugins))
    exec(example_in(hook_functions()[name].__doc__), namespace)
    (spec,) = namespace[name]()
    assert type(spec) is HOOKS[name]
    assert spec.summary.endswith(".")


def test_the_example_of_the_plugins_module_runs():
    namespace: dict[str, Any] = {}
    exec(example_in(plugins.__doc__), namespace)
    assert namespace["NN_API"] == plugins.NN_API
    assert list(namespace["nn_layers"]()) == [
        LayerSpec(name="gate", target="nn_acme.gate:Gate", summary="Gated linear unit.")
    ]
