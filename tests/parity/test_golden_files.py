"""The golden files against what PyTorch computes today."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import pytest
from safetensors.numpy import load_file

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")

GOLDEN = Path(__file__).parents[1] / "golden"
cases, compare = (SimpleNamespace(**run_path(str(GOLDEN / name))) for name in ("cases.py", "compare.py"))


@pytest.mark.parametrize("kind", cases.TABLES)
def test_golden_files_hold_what_pytorch_computes(kind):
    today = {
        f"{case.name}/{name}": array
        for case in cases.TABLES[kind]
        for name, array in compare.RECORDS[kind](compare.Torch(), case, "float64").items()
    }
    compare.assert_close(load_file(GOLDEN / f"{kind}.safetensors"), today, compare.TOLERANCES[kind]["float64"])
