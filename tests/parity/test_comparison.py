"""The comparison of whole runs with PyTorch's: both histories as JSON, and one figure of both."""

from __future__ import annotations

import gzip
import json
import struct
import sys
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest

pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")
pytest.importorskip("matplotlib", reason="the comparison draws a figure")

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "mnist.py"


def write_idx(path, array):
    header = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


@pytest.fixture
def images(tmp_path):
    """Digits in the four files of MNIST: a bright column for each class, in noise."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, n in (("train", 300), ("t10k", 100)):
        y = np.arange(n) % 10
        x = rng.integers(0, 120, (n, 28, 28))
        x[np.arange(n), :, 2 * y + 3] = 250
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", x)
        write_idx(folder / f"{name}-labels-idx1-ubyte.gz", y)
    return folder


def test_both_histories_are_saved_as_json_and_drawn_in_one_figure(images, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    monkeypatch.setattr(
        sys, "argv", ["mnist.py", "--data", str(images), "--out", str(out), "--seeds", "3", "4", "--epochs", "2"]
    )
    run_path(str(SCRIPT), run_name="__main__")
    names = {f"{side}-{seed}.json" for side in ("ours", "torch") for seed in (3, 4)}
    assert {path.name for path in out.iterdir()} == {*names, "histories.svg"}
    for seed in (3, 4):
        ours, theirs = (json.loads((out / f"{side}-{seed}.json").read_text()) for side in ("ours", "torch"))
        assert list(ours) == list(theirs) == [
            "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds",
        ]  # fmt: skip
        for column in ("loss", "val_loss"):
            np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-3)
        for column in ("accuracy", "val_accuracy"):
            np.testing.assert_allclose(ours[column], theirs[column], atol=0.011)
        assert ours["loss"][1] < 0.7 * ours["loss"][0]
    figure = (out / "histories.svg").read_text(encoding="utf-8")
    assert figure.startswith("<?xml")
    assert "over 2 seeds" in capsys.readouterr().out
