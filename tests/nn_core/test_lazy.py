"""Importing the package and discovering plugins is light; names are imported on first use."""

from __future__ import annotations

import ast
import importlib
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import nn_core
from nn_core.lazy import lazy_exports

LIGHT = {"discovery", "errors", "hookspecs", "lazy", "nn_plugin", "plugins", "registry"}


def fresh_process(*lines: str) -> list[str]:
    """Run statements in a process of their own and return the names of all modules that it imported for them."""
    report = "imported = sorted(set(sys.modules) - before); import json; print(json.dumps(imported))"
    program = "\n".join(["import sys", "before = set(sys.modules)", *lines, report])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NN_")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    modules: list[str] = json.loads(done.stdout)
    return modules


@pytest.fixture(scope="module")
def imported_by_discovery() -> list[str]:
    return fresh_process(
        "import nn_core, nn_core.registry",
        "assert [c.name for c in nn_core.components('layer') if c.name == 'linear']",
        "assert nn_core.plugin_records()",
        "dir(nn_core)",
    )


# Discovery in a fresh process


@pytest.mark.parametrize("heavy", ["numpy", "pandas", "pyarrow", "safetensors", "tqdm", "scipy", "matplotlib"])
def test_discovery_imports_no_heavy_library(imported_by_discovery, heavy):
    assert heavy not in {name.partition(".")[0] for name in imported_by_discovery}


def test_discovery_imports_no_component(imported_by_discovery):
    ours = {name for name in imported_by_discovery if name.startswith("nn_core.")}
    assert ours == {f"nn_core.{name}" for name in LIGHT}


def test_discovery_imports_few_modules(imported_by_discovery):
    assert len(imported_by_discovery) < 300  # 170 on Python 3.11, nearly all of them for attrs and pluggy


def test_importing_the_package_imports_itself_and_the_lazy_module_only():
    modules = fresh_process("import nn_core")
    assert [name for name in modules if name.startswith("nn_core")] == ["nn_core", "nn_core.lazy"]


# lazy_exports


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with lazy exports; importing its submodule leaves a mark in `marks`."""
    folder = tmp_path / "nn_lazy_package"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "from nn_core.lazy import lazy_exports\n"
        "eager = 1\n"
        "__getattr__, __dir__, __all__ = lazy_exports(__name__, {'parts': ['b', 'a'], 'gone': ['lost']})\n"
    )
    (folder / "parts.py").write_text("a, b, hidden = object(), object(), object()\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("nn_lazy_package")
    for name in [name for name in sys.modules if name.partition(".")[0] == "nn_lazy_package"]:
        del sys.modules[name]


def test_a_name_is_imported_when_it_is_first_used(package):
    assert "nn_lazy_package.parts" not in sys.modules
    assert package.a is sys.modules["nn_lazy_package.parts"].a


def test_a_name_that_was_used_is_an_ordinary_attribute(package):
    assert "a" not in vars(package)
    first = package.a
    assert vars(package)["a"] is first
    assert "b" not in vars(package)


def test_exported_names_are_sorted(package):
    assert package.__all__ == ["a", "b", "lost"]


def test_exported_names_are_listed_before_they_are_imported(package):
    listed = dir(package)
    assert {"a", "b", "lost", "eager", "__name__"} <= set(listed)
    assert listed == sorted(set(listed))
    assert "nn_lazy_package.parts" not in sys.modules


@pytest.mark.parametrize("name", ["hidden", "no_such_name", "__wrapped__"])
def test_other_names_are_missing_in_the_usual_words(package, name):
    with pytest.raises(AttributeError) as caught:
        getattr(package, name)
    assert str(caught.value) == f"module 'nn_lazy_package' has no attribute {name!r}"
    assert "nn_lazy_package.parts" not in sys.modules


def test_an_export_whose_module_is_missing_raises_the_import_error(package):
    with pytest.raises(ModuleNotFoundError, match=r"nn_lazy_package\.gone"):
        _ = package.lost


def test_names_of_nested_modules_are_exported():
    get, _, names = lazy_exports("nn_core", {"layers.linear": ["Linear"], "errors": ["NNError"]})
    assert names == ["Linear", "NNError"]
    assert get("Linear") is nn_core.Linear


# The names of nn_core


def exports_for_type_checkers(source: ast.Module) -> dict[str, str]:
    (block,) = [
        node
        for node in source.body
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    ]
    imports = [statement for statement in block.body if isinstance(statement, ast.ImportFrom)]
    assert len(imports) == len(block.body)
    return {alias.asname or "": f"{node.module}:{alias.name}" for node in imports for alias in node.names}


def exports_at_run_time(source: ast.Module) -> dict[str, str]:
    (call,) = [
        node
        for node in ast.walk(source)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "lazy_exports"
    ]
    modules = ast.literal_eval(call.args[1])
    return {name: f"nn_core.{module}:{name}" for module, names in modules.items() for name in names}


def test_type_checkers_and_the_interpreter_see_the_same_names():
    source = ast.parse(Path(nn_core.__file__).read_text(encoding="utf-8"))
    checked = exports_for_type_checkers(source)
    assert checked == exports_at_run_time(source)
    assert sorted(checked) == nn_core.__all__


def test_no_name_is_exported_from_two_modules():
    source = ast.parse(Path(nn_core.__file__).read_text(encoding="utf-8"))
    (call,) = [
        node for node in ast.walk(source) if isinstance(node, ast.Call) and ast.unparse(node.func) == "lazy_exports"
    ]
    names = [name for exported in ast.literal_eval(call.args[1]).values() for name in exported]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", nn_core.__all__)
def test_an_exported_name_can_be_imported(name):
    exported = getattr(nn_core, name)
    assert not isinstance(exported, ModuleType)
    assert getattr(exported, "__name__", name) == name


def packages_of(package: ModuleType) -> list[ModuleType]:
    infos = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [package, *(importlib.import_module(info.name) for info in infos if info.ispkg)]


@pytest.mark.parametrize("package", packages_of(nn_core), ids=lambda package: package.__name__)
def test_no_submodule_shares_the_name_of_something_public(package):
    submodules = {info.name for info in pkgutil.iter_modules(package.__path__)}
    public = set(getattr(package, "__all__", ())) | {
        name for name, value in vars(package).items() if not name.startswith("_") and not isinstance(value, ModuleType)
    }
    assert not submodules & public
