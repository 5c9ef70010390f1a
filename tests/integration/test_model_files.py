"""Models of several distributions, saved in one process and loaded in another, in every format."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import nn_core
from nn_core import Dropout, Flatten, Linear, ReLU, Sequential, fit, save
from nn_layers_conv import BatchNorm2d, Conv2d, GlobalAvgPool2d, MaxPool2d, ResidualBlock2d

needs_h5py = pytest.mark.skipif(not find_spec("h5py"), reason="HDF5 needs h5py, the extra nn-core[hdf5]")
HDF5 = [pytest.param(ending, marks=needs_h5py) for ending in (".h5", ".hdf5")]

LOAD = """
import sys, numpy, nn_core
model = nn_core.load(sys.argv[1])
numpy.save("y.npy", model(numpy.load("x.npy")))
assert not any(name.startswith("torch") for name in sys.modules)
"""


@pytest.fixture(scope="module")
def trained():
    """A model whose running statistics have moved, and images."""
    nn_core.seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(1, 2, size=(32, 2, 12, 12)).astype(np.float32), rng.integers(0, 3, 32)
    model = Sequential(
        Conv2d(out_channels=4, kernel_size=3, padding="same", bias=False),
        BatchNorm2d(),
        ReLU(),
        MaxPool2d(2),
        ResidualBlock2d(4, 6),
        GlobalAvgPool2d(),
        Flatten(),
        Dropout(0.2),
        Linear(out_features=3),
    )
    fit(model, (x, y), loss="cross_entropy", optimizer="adam", epochs=2, batch_size=8)
    return model, x


@pytest.mark.parametrize("ending", [".safetensors", ".npz", *HDF5])
def test_predictions_in_another_process_are_the_same_to_the_bit(trained, tmp_path, ending):
    model, x = trained
    save(model, tmp_path / f"model{ending}")
    np.save(tmp_path / "x.npy", x)
    subprocess.run([sys.executable, "-c", LOAD, f"model{ending}"], cwd=tmp_path, check=True)
    y = np.load(tmp_path / "y.npy")
    np.testing.assert_array_equal(y, model.infer(x))
    assert np.abs(y - model.train()(x)).max() > 0.01, "with the batch's statistics it would be something else"
    model.eval()
