"""The guide to plugins: its examples run, and its reference of hooks is what the hookspecs say."""

from __future__ import annotations

import re
from pathlib import Path
from runpy import run_path

import pytest

from nn_core.plugins import HOOKS, SPECS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(path for path in (DOCS / "plugins").glob("*.md") if path.stem != "hooks")


def examples(path):
    return re.findall(r"^```python\n(.*?)^```", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_every_kind_has_a_page_with_an_example():
    assert {path.stem for path in PAGES} - {"README"} == {spec.plural for spec in SPECS}
    assert all(examples(path) for path in PAGES)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_examples_of_a_page_run_one_after_the_other(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": f"guide_{path.stem}"}
    for number, block in enumerate(examples(path), 1):
        exec(compile(block, f"{path.name}, example {number}", "exec"), names)


@pytest.mark.parametrize("path", [path for path in PAGES if path.stem != "README"], ids=lambda path: path.stem)
def test_a_page_checks_what_its_example_computes(path):
    assert any("assert " in block for block in examples(path))


def test_the_reference_of_hooks_is_what_the_hookspecs_say():
    page = run_path(str(DOCS / "make_hooks.py"))["page"]()
    kept = (DOCS / "plugins" / "hooks.md").read_text(encoding="utf-8")
    assert kept == page, "run: python docs/make_hooks.py"
    assert re.findall(r"^## (\w+)$", kept, re.MULTILINE) == list(HOOKS)
