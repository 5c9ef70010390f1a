"""Containers, sharing and freezing against the same network in PyTorch: values, gradients, names and files."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
import pytest

import nn_core
from nn_core import Linear, Parallel, ReLU, Residual, Sequential

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")
safetensors_torch = pytest.importorskip("safetensors.torch")

both_dtypes = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])


class Theirs(torch.nn.Module):
    """A named stem, a residual block with a shortcut, branches side by side, and a head tied to the stem."""

    def __init__(self):
        super().__init__()
        nn = torch.nn
        self.stem = nn.Linear(4, 6)
        self.block = nn.ModuleDict(
            {"layers": nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4)), "shortcut": nn.Linear(6, 4)}
        )
        self.arms = nn.ModuleList([nn.Linear(4, 2), nn.Linear(4, 2)])
        self.head = nn.Linear(4, 6)
        self.head.weight = self.stem.weight

    def forward(self, x):
        x = torch.relu(self.stem(x))
        x = self.block["layers"](x) + self.block["shortcut"](x)
        return self.head(torch.cat([arm(x) for arm in self.arms], 1))


def ours():
    model = Sequential(
        OrderedDict(
            stem=Linear(4, 6),
            act=ReLU(),
            block=Residual(Linear(6, 5), ReLU(), Linear(5, 4), shortcut=Linear(6, 4)),
            arms=Parallel(Linear(4, 2), Linear(4, 2), merge="concat"),
            head=Linear(4, 6),
        )
    )
    model.head.weight = model.stem.weight
    return model


def pair(dtype):
    torch.manual_seed(0)
    theirs, model = Theirs().to(getattr(torch, dtype)), ours().astype(dtype)
    model.load_state_dict({name: value.detach().numpy() for name, value in theirs.state_dict().items()})
    return model, theirs


@both_dtypes
@pytest.mark.parametrize("frozen", [(), ("stem.weight", "stem.bias"), ("block.shortcut.weight", "arms.1.bias")])
def test_values_and_gradients_of_a_network_of_containers_with_a_tied_weight(dtype, tolerance, frozen):
    model, theirs = pair(dtype)
    for parameters in (dict(model.named_parameters()), dict(theirs.named_parameters())):
        for name in frozen:
            parameters[name].requires_grad = False
    random = np.random.default_rng(1)
    x, dy = random.normal(size=(7, 4)).astype(dtype), random.normal(size=(7, 6)).astype(dtype)
    leaf = torch.tensor(x, requires_grad=True)
    expected = theirs(leaf)
    expected.backward(torch.tensor(dy))
    np.testing.assert_allclose(model(x), expected.detach().numpy(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(model.backward(dy), leaf.grad.numpy(), rtol=tolerance, atol=tolerance)
    gradients = {name: p.grad for name, p in theirs.named_parameters()}
    assert set(model.grads) == set(gradients)
    for name, gradient in model.grads.items():
        if gradients[name] is None:
            assert gradient is None, name
        else:
            np.testing.assert_allclose(gradient, gradients[name].numpy(), rtol=tolerance, atol=tolerance, err_msg=name)


def test_a_file_with_a_tied_weight_loads_into_pytorch_unchanged_and_back(tmp_path):
    model, theirs = pair("float32")
    path = tmp_path / "model.safetensors"
    model.stem.weight.data += 1
    nn_core.save(model, path)
    state = safetensors_torch.load_file(path)
    assert sorted(state) == sorted(theirs.state_dict())
    theirs.load_state_dict(state, strict=True)
    x = np.random.default_rng(1).normal(size=(7, 4)).astype("float32")
    y = theirs(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(nn_core.load(path)(x), y, rtol=1e-5, atol=1e-5)
