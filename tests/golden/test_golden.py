"""Ours against arrays that PyTorch computed in float64 (`make.py`), so parity is checked where it is not installed."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from safetensors.numpy import load_file

HERE = Path(__file__).parent
cases, compare = (SimpleNamespace(**run_path(str(HERE / name))) for name in ("cases.py", "compare.py"))
GOLDEN = {kind: load_file(HERE / f"{kind}.safetensors") for kind in cases.TABLES}
ROWS = [pytest.param(kind, case, id=case.name) for kind, table in cases.TABLES.items() for case in table]


def golden(kind, case, dtype):
    """Return the arrays of one case as a record in a dtype."""
    prefix = f"{case.name}/"
    found = {name.removeprefix(prefix): array for name, array in GOLDEN[kind].items() if name.startswith(prefix)}
    return {name: array.astype(dtype) if array.dtype.kind == "f" else array for name, array in found.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "case"), ROWS)
def test_results_are_those_that_pytorch_gave(kind, case, dtype):
    ours = compare.RECORDS[kind](compare.Ours(), case, dtype)
    compare.assert_close(ours, golden(kind, case, dtype), compare.TOLERANCES[kind][dtype])


@pytest.mark.parametrize("kind", cases.TABLES)
def test_every_row_of_the_table_has_golden_arrays_and_a_name_of_its_own(kind):
    names = [case.name for case in cases.TABLES[kind]]
    assert len(set(names)) == len(names)
    assert {name.partition("/")[0] for name in GOLDEN[kind]} == set(names)


def test_the_golden_files_stay_small():
    assert sum(path.stat().st_size for path in HERE.glob("*.safetensors")) < 500_000
