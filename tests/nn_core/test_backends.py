"""The array library that an array belongs to."""

from __future__ import annotations

import sys
from importlib import import_module

import numpy as np
import pytest

import nn_core
from nn_core import backends
from nn_core.backends import backend, serves
from nn_core.errors import PluginError

LIBRARY = {
    "nn_toy/core.py": "class Array:\n    pass\n\n\nclass Sub(Array):\n    pass\n",
    "nn_toy/array.py": "from nn_toy.core import Array as ndarray\n",
    "nn_toy/xp.py": "class namespace:\n    pass\n",
}


@pytest.fixture
def announce(fake_plugins):
    """Install a distribution with a toy array library and an announced backend."""

    def install(array, target="nn_toy.xp:namespace", distribution="nn-toy", modules=LIBRARY):
        package = distribution.replace("-", "_")
        spec = f"BackendSpec(name={package!r}, target={target!r}, array={array!r})"
        header = "from nn_core.plugins import BackendSpec, hookimpl\n\nNN_API = 1\n\n\n"
        plugin = f"{header}@hookimpl\ndef nn_backends():\n    yield {spec}\n"
        fake_plugins.install(distribution, {f"{package}/nn_plugin.py": plugin, **modules})

    return install


def test_numpy_serves_its_arrays():
    assert backend(np.zeros(3)) is np


def test_numpy_is_also_a_component():
    assert nn_core.get("backend", "numpy") is np


def test_numpy_serves_subclasses_of_its_arrays():
    class Tagged(np.ndarray):
        pass

    assert backend(np.zeros(3).view(Tagged)) is np


def test_a_plugin_serves_its_arrays(announce):
    announce("nn_toy.core:Array")
    array = import_module("nn_toy.core").Array()
    assert backend(array) is import_module("nn_toy.xp").namespace


def test_a_plugin_serves_subclasses_of_its_arrays(announce):
    announce("nn_toy.core:Array")
    array = import_module("nn_toy.core").Sub()
    assert backend(array) is import_module("nn_toy.xp").namespace


def test_an_array_type_may_be_written_under_another_module_than_the_one_that_defines_it(announce):
    announce("nn_toy.array:ndarray")
    array = import_module("nn_toy.array").ndarray()
    assert type(array).__module__ == "nn_toy.core"
    assert backend(array) is import_module("nn_toy.xp").namespace


def test_a_backend_is_looked_up_once_per_type(announce, monkeypatch):
    announce("nn_toy.core:Array")
    cls = import_module("nn_toy.core").Array
    first = backend(cls())
    monkeypatch.setattr(backends, "components", None)
    assert backend(cls()) is first


def test_an_array_without_a_backend_is_an_error_that_says_what_there_is(announce):
    announce("nn_toy.core:Array")
    with pytest.raises(PluginError) as caught:
        backend([1.0])
    assert str(caught.value) == (
        "No installed backend computes with builtins.list; there is one for nn_toy.core:Array, numpy:ndarray. "
        "Convert the input with numpy.asarray."
    )


def test_an_array_library_is_not_imported_for_the_arrays_of_others(announce):
    announce("nn_toy.core:Array")
    with pytest.raises(PluginError):
        backend([1.0])
    assert "nn_toy.core" not in sys.modules


@pytest.mark.parametrize("array", ["nn_toy.core:Missing", "nn_toy:core", "nn_void:Array", "nn_toy.core:Array.Missing"])
def test_a_backend_for_an_array_type_that_does_not_exist_is_no_obstacle_to_others(announce, array):
    announce(array, distribution="nn-bad", target="nn_bad.nn_plugin:NN_API", modules={})
    announce("nn_toy.core:Array")
    cls = import_module("nn_toy.core").Array
    assert backend(cls()) is import_module("nn_toy.xp").namespace


def test_a_backend_that_cannot_be_imported_is_an_error_that_names_it(announce):
    announce("nn_toy.core:Array", target="math:absent")
    cls = import_module("nn_toy.core").Array
    with pytest.raises(PluginError, match="backend nn_toy@nn-toy cannot be loaded from math:absent"):
        backend(cls())


class Outer:
    class Inner:
        pass


@pytest.mark.parametrize(
    ("array", "kind", "answer"),
    [
        ("numpy:ndarray", np.ndarray, True),
        ("numpy:ndarray", np.ma.MaskedArray, True),
        ("numpy:ndarray", np.float32, False),
        ("numpy:ndarray", list, False),
        ("builtins:list", list, True),
        ("builtins:object", list, True),
        ("builtins:len", list, False),
        ("numpy.no_such:ndarray", np.ndarray, False),
    ],
)
def test_an_array_type_serves_itself_and_its_subclasses(array, kind, answer):
    assert serves(array, kind) is answer


def test_an_array_type_may_lie_inside_a_class(monkeypatch):
    monkeypatch.setitem(sys.modules, "nn_here", type(sys)("nn_here"))
    sys.modules["nn_here"].Outer = Outer
    assert serves("nn_here:Outer.Inner", Outer.Inner)
