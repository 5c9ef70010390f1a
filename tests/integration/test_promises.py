"""`tests/promises.toml` accounts for every promise of the seed systems."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAMILIES = {
    "B": 13, "T": 9, "L": 19, "V": 20, "I": 9, "S": 14, "X": 12, "K": 5, "O": 19, "H": 7, "R": 8, "D": 15, "Z": 7,
    "G": 9, "U": 13, "Q": 4, "E": 4, "P": 15,
}  # fmt: skip
IDS = [f"{family}{number}" for family, count in FAMILIES.items() for number in range(1, count + 1)]


def problems(document: dict, root: Path) -> list[str]:
    found = [f"{name}: no entry" for name in IDS if name not in document["promises"]]
    found += [f"{name}: not in the inventory" for name in document["promises"] if name not in IDS]
    for name, entry in document["promises"].items():
        if issue := re.fullmatch(r"open: issue (\d+)", entry):
            if int(issue[1]) in document["done"]:
                found.append(f"{name}: open, and issue {issue[1]} is done")
        elif entry != "open" and not re.fullmatch(r"declined: .{10,}", entry) and not is_a_test(entry, root):
            found.append(f"{name}: there is no test {entry}")
    return found


def is_a_test(entry: str, root: Path) -> bool:
    path, _, name = entry.partition("::")
    if not (root / path).is_file():
        return False
    tree = ast.parse((root / path).read_text(encoding="utf-8"))
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    return name.partition("[")[0] in functions and name.startswith("test_")


def test_the_inventory_has_202_promises():
    assert len(set(IDS)) == 202


def test_every_promise_is_kept_by_a_test_open_or_declined():
    document = tomllib.loads((ROOT / "tests" / "promises.toml").read_text(encoding="utf-8"))
    assert problems(document, ROOT) == []


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("tests/nn_core/test_nothing.py::test_it", "there is no test"),
        ("tests/integration/test_promises.py::test_nothing", "there is no test"),
        ("tests/integration/test_promises.py::problems", "there is no test"),
        ("open: issue 7", "open, and issue 7 is done"),
        ("declined:", "there is no test"),
        ("", "there is no test"),
    ],
)
def test_an_entry_that_keeps_nothing_is_found(entry, complaint):
    good = dict.fromkeys(IDS, "open")
    assert problems({"done": [7], "promises": good}, ROOT) == []
    [found] = problems({"done": [7], "promises": good | {"B1": entry}}, ROOT)
    assert found.startswith("B1: ")
    assert complaint in found


def test_a_missing_and_an_unknown_id_are_found():
    entries = dict.fromkeys(IDS[1:], "open") | {"B99": "open"}
    assert problems({"done": [], "promises": entries}, ROOT) == ["B1: no entry", "B99: not in the inventory"]
