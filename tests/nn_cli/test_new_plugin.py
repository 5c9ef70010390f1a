"""`nn-cli new-plugin` writes distributions that work as they are, with names that are checked."""

from __future__ import annotations

import ast
import os
import re
import sys
import tomllib

import pytest

from nn_cli.scaffolding import KINDS
from nn_core.plugins import SPECS


def test_there_is_a_template_of_every_kind_that_stands_by_itself(run):
    options = run("new-plugin", "--help").out
    assert set(KINDS) <= {spec.kind for spec in SPECS}
    for kind in KINDS:
        assert f"--{kind} NAME" in options


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_is_under_25_lines_and_every_file_is_valid(run, tmp_path, kind):
    result = run("new-plugin", "Acme.Lab", f"--{kind}", "my_part", "--into", tmp_path)
    assert result.code == 0
    paths = sorted(path for path in (tmp_path / "Acme.Lab").rglob("*") if path.is_file())
    assert sorted(result.lines) == [str(path) for path in paths]
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert text.endswith("\n") or not text
        assert "$" not in text.replace("${{", "")
        if path.suffix == ".py":
            ast.parse(text)
    about = tomllib.loads((tmp_path / "Acme.Lab" / "pyproject.toml").read_text(encoding="utf-8"))
    assert about["project"]["name"] == "acme-lab"
    assert about["project"]["entry-points"]["nn.plugins"] == {"acme-lab": "acme_lab.nn_plugin"}
    source = (tmp_path / "Acme.Lab" / "src" / "acme_lab" / f"my_part_{kind}.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) < 25


def test_the_tests_of_every_generated_distribution_pass(run, run_outside, tmp_path):
    # Installed by hand, as pip would: sources on the path, with what METADATA and the entry points say.
    # The session `plugins` of nox does the same with pip.
    for kind in KINDS:
        assert run("new-plugin", f"lab-{kind}", f"--{kind}", f"my_{kind}", "--into", tmp_path).code == 0
        about = tomllib.loads((tmp_path / f"lab-{kind}" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        info = tmp_path / f"lab-{kind}" / "src" / f"lab_{kind}-{about['version']}.dist-info"
        info.mkdir()
        needs = "".join(f"Requires-Dist: {need}\n" for need in about["dependencies"])
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n{needs}", encoding="utf-8"
        )
        lines = "".join(f"{name} = {module}\n" for name, module in about["entry-points"]["nn.plugins"].items())
        (info / "entry_points.txt").write_text(f"[nn.plugins]\n{lines}", encoding="utf-8")
    sources = [str(tmp_path / f"lab-{kind}" / "src") for kind in KINDS]
    tests = [tmp_path / f"lab-{kind}" / "tests" for kind in KINDS]
    options = ("--import-mode=importlib", "-q", "-p", "no:cacheprovider", f"--rootdir={tmp_path}")
    result = run_outside(
        "-m", "pytest", *options, *tests, PYTHONPATH=os.pathsep.join([*sources, *(path for path in sys.path if path)])
    )
    assert result.code == 0, result.out + result.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-lab", "--layer", "swish"], "No such option"),
        (
            ["swish lab", "--layer", "swish"],
            "'swish lab' is no name of a distribution: a letter, and then letters, digits",
        ),
        (["../swish", "--layer", "swish"], "'../swish' is no name of a distribution"),
        (["json", "--layer", "swish"], "'json' cannot be imported: Python itself has 'json'"),
        (["class", "--layer", "swish"], "'class' cannot be imported: Python itself has 'class'"),
        (["pluggy", "--layer", "swish"], "The distribution pluggy .* is installed already"),
        (["nn-core", "--layer", "swish"], "The distribution nn-core .* is installed already"),
        (["nn-core.testing", "--layer", "MySwish"], "'MySwish' is no name of a layer: .* Such as 'my_swish'"),
        (["lab", "--layer", "for"], "'for' is no name of a layer: it is a keyword of Python"),
        (["lab", "--layer", "layer_case"], "The class of 'layer_case' would hide 'LayerCase', which its files import"),
        (["lab", "--optimizer", "optimizer"], "The class of 'optimizer' would hide 'Optimizer'"),
        (["1lab", "--layer", "swish"], "'1lab' is no name of a distribution: a letter, and then letters"),
        (["lab", "--metric", "2nd"], "'2nd' is no name of a metric: names are snake_case"),
        (["lab", "--layer", "linear"], "nn-core provides the layer 'linear' already"),
        (["lab", "--command", "train"], "nn-cli provides the command 'train' already"),
        (["lab"], "Say which component to begin with, one of --layer NAME, --loss NAME, .*; got nothing"),
        (["lab", "--layer", "a", "--loss", "b"], "got --layer and --loss"),
    ],
)
def test_a_name_that_would_not_do_is_refused_with_the_reason(run, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    result = run("new-plugin", *words)
    assert result.code != 0
    assert re.search(said, " ".join(result.err.split()))
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_is_left_as_it_was(run, tmp_path):
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab" / "notes.txt").write_text("mine", encoding="utf-8")
    result = run("new-plugin", "lab", "--layer", "swish", "--into", tmp_path)
    assert result.code == 2
    assert "is there already, and nothing is overwritten" in result.err
    assert [path.name for path in (tmp_path / "lab").rglob("*")] == ["notes.txt"]


def test_a_place_that_cannot_be_written_is_named(run, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    result = run("new-plugin", "lab", "--layer", "swish", "--into", tmp_path / "file")
    assert result.code == 1
    assert f"{tmp_path / 'file' / 'lab'} cannot be written: Not a directory" in " ".join(result.err.split())


def test_a_name_like_an_imported_package_that_is_no_distribution_is_refused(run, tmp_path, monkeypatch):
    (tmp_path / "site" / "hidden_lab").mkdir(parents=True)
    (tmp_path / "site" / "hidden_lab" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "site")
    result = run("new-plugin", "hidden-lab", "--layer", "swish", "--into", tmp_path)
    assert result.code == 2
    assert "There is a package 'hidden_lab' already, which 'hidden-lab' would hide" in " ".join(result.err.split())
