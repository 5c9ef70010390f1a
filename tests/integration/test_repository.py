"""What the repository says about itself: metadata, declared dependencies, documents, examples."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from nn_cli.experiment import apply_override, check_experiment
from nn_cli.nn_plugin import COMMANDS
from nn_core.plugins import LayerSpec

ROOT = Path(__file__).parents[2]
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
DOCUMENTS = sorted(
    path for place in ("*.md", "docs/**/*.md", "packages/**/*.md", "examples/**/*.md") for path in ROOT.glob(place)
)
each_package = pytest.mark.parametrize("folder", PACKAGES, ids=lambda path: path.name)
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


def project(folder: Path) -> dict:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def source(folder: Path) -> Path:
    return folder / "src" / folder.name.replace("-", "_")


def named(requirement: str) -> str:
    """Return the normalized name of the distribution that a requirement is about."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=!~; ]", requirement)[0]).lower()


def blocks(path: Path, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [block for word, block in found if word == language]


README = blocks(ROOT / "README.md", "python")


# Metadata


def test_there_are_five_packages():
    assert [path.name for path in PACKAGES] == ["nn-cli", "nn-core", "nn-data", "nn-layers-conv", "nn-optim"]


@each_package
def test_the_metadata_of_a_package_is_complete(folder):
    document = project(folder)
    about = document["project"]
    assert document["build-system"]["build-backend"] == "hatchling.build"
    assert about["name"] == folder.name
    assert about["version"] == "0.1.0"
    assert about["license"] == "MIT"
    assert about["requires-python"] == ">=3.11"
    assert re.fullmatch(r"[A-Z].{20,}\.", about["description"])
    assert (folder / about["readme"]).is_file()
    assert about["authors"]
    assert about["keywords"]
    assert "Typing :: Typed" in about["classifiers"]
    assert not [line for line in about["classifiers"] if line.startswith("License ::")]  # the expression says it


@each_package
def test_the_version_in_the_code_and_that_of_the_installed_package_are_the_declared_one(folder):
    declared = project(folder)["project"]["version"]
    init = ast.parse((source(folder) / "__init__.py").read_text(encoding="utf-8"))
    [said] = [node.value for node in init.body if isinstance(node, ast.Assign) and node.targets[0].id == "__version__"]
    assert ast.literal_eval(said) == declared
    assert metadata.version(folder.name) == declared


@each_package
def test_a_package_announces_a_plugin_module_that_exists(folder):
    points = project(folder)["project"]["entry-points"]["nn.plugins"]
    assert points == {folder.name: f"{source(folder).name}.nn_plugin"}
    assert (source(folder) / "nn_plugin.py").is_file()


@each_package
def test_a_package_carries_licence_readme_and_type_information(folder):
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (source(folder) / "py.typed").is_file()
    assert len((folder / "README.md").read_text(encoding="utf-8").splitlines()) >= 10


@each_package
def test_siblings_are_pinned_to_a_compatible_range_and_others_have_a_lower_bound(folder):
    for requirement in project(folder)["project"]["dependencies"]:
        if named(requirement).startswith("nn-"):
            assert requirement.endswith(">=0.1,<0.2")
        else:
            assert re.fullmatch(r"[\w-]+>=[\d.]+", requirement)


def test_nothing_depends_on_more_siblings_than_the_core():
    for folder in PACKAGES:
        siblings = {named(r) for r in project(folder)["project"]["dependencies"] if named(r).startswith("nn-")}
        assert siblings == (set() if folder.name == "nn-core" else {"nn-core"})


def test_the_constraints_are_names_and_versions_only():
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line)


# Imports


@cache
def providers() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())


def imports(tree: ast.AST, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the top-level name of every import, and whether it stands inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield str(node.module).partition(".")[0], inside
        yield from imports(node, inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))


def undeclared(folder: Path) -> list[str]:
    """Return what the source of a package imports without declaring it; extras may be imported inside functions."""
    about = project(folder)["project"]
    hard = {named(requirement) for requirement in about["dependencies"]} | {folder.name}
    soft = {named(r) for extra in about.get("optional-dependencies", {}).values() for r in extra}
    soft |= {"pytest"} if folder.name == "nn-core" else set()  # nn_core.testing is for use under pytest
    found = []
    for path in sorted(source(folder).rglob("*.py")):
        for name, inside in imports(ast.parse(path.read_text(encoding="utf-8"))):
            if name in sys.stdlib_module_names:
                continue
            homes = {named(home) for home in providers().get(name, [name])}
            if homes.isdisjoint(hard | soft if inside else hard):
                found.append(f"{path.relative_to(ROOT)} imports {name}")
    return found


@each_package
def test_a_package_imports_nothing_that_it_does_not_declare(folder):
    assert undeclared(folder) == []


def test_an_import_that_is_not_declared_is_found():
    tree = ast.parse("import a.b, c\nfrom d.e import f\nfrom . import g\nif 1:\n    import h\ndef i():\n    import j\n")
    assert list(imports(tree)) == [("a", False), ("c", False), ("d", False), ("h", False), ("j", True)]


# Documents


@each_document
def test_relative_links_lead_somewhere(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [target for target in re.findall(r"\]\(([^)\s#]+)", text) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).exists()] == []
    inside = re.findall(r"`((?:src|examples|tests|packages|docs)/[\w./-]*[\w/])`", text)
    assert [target for target in inside if not (path.parent / target).exists() and "<" not in target] == []


@each_document
def test_python_in_a_document_is_python_and_toml_is_toml(path):
    for block in blocks(path, "python"):
        ast.parse(block)
    for block in blocks(path, "toml"):
        tomllib.loads(block)


@each_document
def test_every_command_in_a_document_exists(path):
    known = {spec.name.replace("_", "-") for spec in COMMANDS} | {"mistakes"}  # of examples/plugins/nn-classroom
    mentioned = re.findall(r"(?:^|`|&& )nn-cli ([a-z][\w-]*)", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(mentioned) <= known


def test_every_nox_session_in_a_document_exists():
    tree = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef) and node.decorator_list}
    for path in DOCUMENTS:
        assert set(re.findall(r"nox -s \"?(\w+)", path.read_text(encoding="utf-8"))) <= sessions


def test_the_first_command_installs_every_package_by_its_path_and_trains_an_example():
    [command] = [line for line in blocks(ROOT / "README.md", "")[0].splitlines() if line]
    install, train = command.split(" && ")
    words = install.split()
    assert words[:4] == ["python", "-m", "pip", "install"]
    assert sorted(words[4:]) == [f"./packages/{folder.name}" for folder in PACKAGES]
    *call, example = train.split()
    assert call == ["nn-cli", "train"]
    assert (ROOT / example).is_file()


def test_ci_runs_the_test_command_of_the_readme():
    [command] = [block.strip() for block in blocks(ROOT / "README.md", "") if "nox" in block]
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command in script.replace(" --quiet", "")


# Python of the README


@pytest.fixture(scope="module")
def example(tmp_path_factory) -> dict:
    """Run the first example of the README for one epoch and return its names."""
    code, count = re.subn(r"epochs=\d+", "epochs=1", README[0])
    assert count == 1
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("readme")
        patch.chdir(folder)
        exec(compile(code, "<README>", "exec"), names)
    names["folder"] = folder
    return names


def test_the_first_example_of_the_readme_trains_and_saves(example):
    import nn_core

    assert len([line for line in README[0].splitlines() if line]) <= 10
    [accuracy] = example["history"]["val_accuracy"]
    assert accuracy > 0.5
    x = example["test"].x
    [path] = example["folder"].iterdir()
    np.testing.assert_array_equal(nn_core.load(path)(x), example["model"](x))


def test_the_second_example_of_the_readme_trains_the_model_of_the_first(example):
    import nn_core
    import nn_data
    import nn_optim

    modules = (nn_core, nn_data, nn_optim)
    names = {name: getattr(module, name) for module in modules for name in module.__all__ if name in README[1]}
    before = nn_core.evaluate(example["model"], example["train"], loss="cross_entropy")["loss"]
    example["model"].train()  # as a new model is; fit leaves it in evaluation mode
    exec(compile(README[1], "<README>", "exec"), names | example)
    after = nn_core.evaluate(example["model"], example["train"], loss="cross_entropy")["loss"]
    assert after < 0.9 * before


def test_the_tensors_of_the_readme_get_the_gradient_of_the_formula(capsys):
    names: dict = {}
    exec(compile(README[2], "<README>", "exec"), names)
    value = np.tanh(-0.5)  # each column of x @ w adds up x
    assert names["y"].item() == pytest.approx(2 * value)
    np.testing.assert_allclose(names["w"].grad, np.outer([1, -2, 0.5], [1 - value**2] * 2), rtol=1e-6)
    exec(compile(README[5], "<README>", "exec"), names)
    assert "agree with finite differences" in capsys.readouterr().out


def test_the_long_run_of_the_readme_goes_on_from_its_checkpoint(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, count = re.subn(r"epochs=\d+", "epochs=2", README[3])
    assert count == 1
    names = dict(example)
    exec(compile(code, "<README>", "exec"), names)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"last.safetensors", "best.safetensors"}
    [call] = re.findall(r"`(fit\(.*resume=.*\))`", (ROOT / "README.md").read_text(encoding="utf-8"))
    call = re.sub(r"epochs=\d+", "epochs=3", call)
    setup = code.partition("fit(model")[0]
    exec(compile(f"{setup}\nhistory = {call}", "<README>", "exec"), names)
    assert names["history"]["epoch"] == [1, 2, 3]
    assert "lr" in names["history"].columns


def test_the_layer_of_the_readme_computes_what_linear_does():
    from nn_core import Linear

    names: dict = {}
    exec(compile(README[4], "<README>", "exec"), names)
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal((5, 3)).astype(np.float32), rng.standard_normal((5, 2)).astype(np.float32)
    layer = Linear(3, 2)
    results = []
    for forward in (names["forward"], Linear.forward):
        for parameter in layer.parameters():
            parameter.zero_grad()
        y, backward = forward(layer, x)
        dx = backward(dy)
        results.append([y, dx, *(parameter.grad.copy() for parameter in layer.parameters())])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_the_plugin_of_the_readme_announces_a_layer_in_the_module_of_its_entry_point():
    names: dict = {}
    exec(compile(README[6], "<README>", "exec"), names)
    assert list(names["nn_layers"]()) == [
        LayerSpec(name="gate", target="nn_acme.gate:Gate", summary="Gated linear unit.")
    ]
    [entry_points] = [tomllib.loads(block) for block in blocks(ROOT / "README.md", "toml")]
    [module] = entry_points["project"]["entry-points"]["nn.plugins"].values()
    assert README[6].startswith(f"# {module.replace('.', '/')}.py")


# Examples


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_every_example_is_a_right_experiment(path):
    text = path.read_text(encoding="utf-8")
    table = tomllib.loads(text)
    for override in re.findall(r"^#.* --set (\S+)", text, re.MULTILINE):  # what its comment asks the user to add
        apply_override(table, override)
    assert [str(problem) for problem in check_experiment(table)] == []
    assert text.startswith("# ")


# What must not be committed


def committed() -> list[Path]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    words = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).is_file()]


LEAKS = {
    "a path of one machine": re.compile(r"(?<![\w.$}~/-])/(?:work|tmp|opt|home|root)/\w"),
    "the address of an index": re.compile(r"https?://[^\s)>\"']*(?:/simple\b|pypi|pythonhosted)"),
    "an option for an index": re.compile(r"--(?:extra-)?index-[u]rl|--find-[l]inks|(?:PIP|UV)_(?:EXTRA_)?INDEX"),
}


def leaks(text: str) -> list[str]:
    return [what for what, pattern in LEAKS.items() if pattern.search(text)]


def test_no_file_holds_a_path_of_one_machine_or_the_address_of_an_index():
    found = []
    for path in committed():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {what}" for what in leaks(text)]
    assert found == []


def test_a_path_of_one_machine_and_the_address_of_an_index_are_found():
    slash = "/"
    assert leaks(f"see {slash}tmp{slash}x") == ["a path of one machine"]
    assert leaks(f"https:{slash}{slash}example.org{slash}simple{slash}") == ["the address of an index"]
    assert leaks("pip install --index" + "-url x") == ["an option for an index"]
    assert leaks("../shared/data/mnist, tests/tmp/x, https://doi.org/10.24432/C50P49, and/or, a / work") == []
