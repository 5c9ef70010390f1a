"""With nn-core alone beside it, nn-cli says plainly what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import nn_core
from nn_core import Linear, Sequential

DIGITS = """
[data]
type = "digits"
[model]
layers = [{ type = "conv2d", out_channels = 4, kernel_size = 3 }, { type = "flatten" },
          { type = "linear", out_features = 10 }]
[loss]
type = "cross_entropy"
[optimizer]
type = "adam"
[train]
epochs = 1
"""
MISSING = [
    "data.type cannot be 'digits': No installed plugin provides the dataset 'digits'. "
    "nn-data (datasets) is not installed.",
    "model.layers[0].type cannot be 'conv2d': No installed plugin provides the layer 'conv2d'. "
    "nn-layers-conv (convolution, pooling and 2-D normalization) is not installed.",
    "optimizer.type cannot be 'adam': No installed plugin provides the optimizer 'adam'. "
    "nn-optim (optimizers) is not installed.",
]


@pytest.fixture
def folder(fake_plugins, tmp_path, monkeypatch) -> Path:
    """A folder with an experiment and a run that need the other distributions."""
    monkeypatch.chdir(tmp_path)
    Path("digits.toml").write_text(DIGITS, encoding="utf-8")
    Path("run").mkdir()
    Path("run/config.toml").write_text(DIGITS, encoding="utf-8")
    nn_core.save(Sequential(Linear(4, 10)), "run/last.safetensors")
    return tmp_path


def test_everything_that_is_missing_is_named_with_the_distribution_that_has_it(run, folder):
    result = run("train", "digits.toml")
    assert (result.code, result.out) == (2, "")
    heading, *lines = result.err.splitlines()
    assert heading.startswith("nn-cli: ")
    assert heading.endswith(".toml:")
    assert [line.strip() for line in lines] == MISSING
    assert not Path("runs").exists()


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_trained_model_needs_no_more_than_its_data(run, folder, command):
    result = run(command, "run")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"nn-cli: {Path('run/config.toml')}: {MISSING[0]}\n"


def test_what_is_missing_is_named_once_however_often_it_is_used(run, lab):
    layers = "[{type='conv2d', out_channels=1, kernel_size=1}, {type='conv2d', out_channels=1, kernel_size=1}]"
    result = run("train", "lab.toml", "--set", f"model={{layers={layers}}}")
    assert result.code == 2
    assert result.err.count("conv2d'") == 2  # in one line: what it cannot be, and what no plugin provides
    assert "model.layers[0].type cannot be 'conv2d'" in result.err


def test_one_missing_component_is_told_in_one_line(run, lab):
    result = run("train", "lab.toml", "--set", "optimizer={type='adam'}")
    assert result.code == 2
    assert result.err == f"nn-cli: lab.toml: {MISSING[2]}\n"


def test_a_blocked_distribution_is_called_blocked(run, lab, fake_plugins, monkeypatch):
    fake_plugins.install_layers("nn-layers-conv", "conv2d")
    monkeypatch.setenv("NN_BLOCK_PLUGINS", "nn-layers-conv")
    result = run("train", "lab.toml", "--set", "model.layers.0={type='conv2d'}")
    assert result.code == 2
    assert "nn-layers-conv is blocked: named in NN_BLOCK_PLUGINS." in result.err
    assert "not installed" not in result.err


def test_a_model_that_needs_another_distribution_is_an_error_that_names_it(run, lab):
    from safetensors.numpy import save_file

    assert run("train", "lab.toml", "--out", "run").code == 0
    about = {
        "version": 1,
        "dtype": "float32",
        "model": {"type": "conv2d@nn-layers-conv", "out_channels": 2},
        "plugins": {"nn-layers-conv": "0.1.0"},
    }
    save_file({"weight": np.zeros(3, np.float32)}, "run/last.safetensors", {"nn": json.dumps(about)})
    for command in ("evaluate", "predict"):
        result = run(command, "run")
        assert (result.code, result.out) == (1, "")
        assert "saved with nn-layers-conv 0.1.0, and cannot be loaded without" in result.err


def test_what_is_there_is_listed(run, fake_plugins):
    result = run("list")
    assert (result.code, result.err) == (0, "")
    assert {line.split()[2] for line in result.lines[1:]} == {"nn-cli", "nn-core"}
    assert "No installed plugin provides datasets." in run("list", "datasets").err
    assert "No installed plugin provides optimizers." in run("list", "optimizers").err
