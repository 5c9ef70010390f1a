"""Weights as safetensors: files of either side load on the other, unchanged and with the same outputs."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest
import safetensors.numpy

import nn_core

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")
safetensors_torch = pytest.importorskip("safetensors.torch")

GOLDEN = Path(__file__).parents[1] / "golden"
cases, compare = (SimpleNamespace(**run_path(str(GOLDEN / name))) for name in ("cases.py", "compare.py"))
OURS, TORCH = compare.Ours(), compare.Torch()

both_dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])
layers_with_state = pytest.mark.parametrize(
    "case", [case for case in cases.LAYERS if OURS.layer(case.spec, "float32").state_dict()], ids=lambda case: case.name
)


def used(side, case, dtype):
    """Return a layer with random weights that has seen a few batches, so that its statistics are its own."""
    random = compare.seeded(case.name)
    layer = side.layer(case.spec, dtype)
    side.load(layer, compare.draw_state(random, side.state(layer), dtype))
    for _ in range(3):
        side.forward(layer, compare.read_only(compare.DRAWS[case.draw](random, case.shape), dtype))
    return layer.eval()


def assert_same(ours, theirs, case, dtype):
    """Compare the states bit by bit, and the outputs in evaluation."""
    compare.assert_close(OURS.state(ours), TORCH.state(theirs), 0)
    x = compare.read_only(compare.DRAWS[case.draw](compare.seeded("input"), case.shape), dtype)
    y = {"y": OURS.infer(ours, x)}, {"y": TORCH.infer(theirs, x)}
    compare.assert_close(*y, compare.TOLERANCES["layers"][dtype])


@both_dtypes
@layers_with_state
def test_weights_that_pytorch_saved_load_here(case, dtype, tmp_path):
    module = used(TORCH, case, dtype)
    safetensors_torch.save_file(module.state_dict(), tmp_path / "torch.safetensors")
    layer = OURS.layer(case.spec, dtype).eval()
    layer.load_state_dict(safetensors.numpy.load_file(tmp_path / "torch.safetensors"))
    assert_same(layer, module, case, dtype)


@both_dtypes
@layers_with_state
def test_a_model_saved_here_loads_into_pytorch(case, dtype, tmp_path):
    layer = used(OURS, case, dtype)
    nn_core.save(layer, tmp_path / "ours.safetensors")
    module = TORCH.layer(case.spec, dtype).eval()
    module.load_state_dict(safetensors_torch.load_file(tmp_path / "ours.safetensors"), strict=True)
    assert_same(layer, module, case, dtype)
    assert_same(nn_core.load(tmp_path / "ours.safetensors"), module, case, dtype)


@both_dtypes
def test_the_state_of_a_module_in_memory_loads_as_it_is(dtype):
    case = cases.Layer("network", cases.CNN, (3, 2, 4, 5))
    module, layer = used(TORCH, case, dtype), OURS.layer(case.spec, dtype).eval()
    layer.load_state_dict(module.state_dict())
    assert_same(layer, module, case, dtype)


def test_names_and_dtypes_of_a_fresh_state_are_pytorchs():
    ours, theirs = OURS.layer(cases.CNN, "float32").state_dict(), TORCH.layer(cases.CNN, "float32").state_dict()
    assert [(name, str(array.dtype), array.shape) for name, array in ours.items()] == [
        (name, str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape)) for name, tensor in theirs.items()
    ]


def test_a_weight_in_another_memory_order_arrives_in_pytorch_as_it_is(tmp_path):
    layer = nn_core.Linear(3, 5)
    layer.weight.data = np.asfortranarray(layer.weight.data)
    nn_core.save(layer, tmp_path / "ours.safetensors")
    arrived = safetensors_torch.load_file(tmp_path / "ours.safetensors")["weight"].numpy()
    np.testing.assert_array_equal(arrived, layer.weight.data)
