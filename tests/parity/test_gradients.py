"""Clipping of gradients against PyTorch's, live."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import Parameter, clip_grad_norm, clip_grad_value

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch")

SHAPES = [(4, 3), (3,), (), (2, 1, 5)]
TOLERANCES = {"float32": 1e-6, "float64": 1e-14}


def both(dtype, scale):
    """Return the same gradients as our parameters and as PyTorch's, one parameter without."""
    rng = np.random.default_rng(0)
    ours, theirs = [Parameter(np.zeros(2, dtype))], [torch.nn.Parameter(torch.zeros(2))]
    for shape in SHAPES:
        gradient = (scale * rng.normal(size=shape)).astype(dtype)
        ours.append(Parameter(np.zeros(shape, dtype)))
        ours[-1].accumulate(gradient)
        theirs.append(torch.nn.Parameter(torch.zeros(shape, dtype=getattr(torch, dtype))))
        theirs[-1].grad = torch.tensor(gradient)
    return ours, theirs


def assert_same(ours, theirs, dtype):
    assert ours[0].grad is None
    for parameter, tensor in zip(ours[1:], theirs[1:], strict=True):
        assert parameter.grad.dtype == dtype
        np.testing.assert_allclose(parameter.grad, tensor.grad.numpy(), rtol=TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("max_norm", [0.0, 1e-6, 0.5, 3.0, float("inf")])
def test_the_norm_is_clipped_as_pytorch_does(dtype, scale, max_norm):
    ours, theirs = both(dtype, scale)
    total = clip_grad_norm(ours, max_norm)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm)
    assert total == pytest.approx(float(expected), rel=TOLERANCES[dtype])
    assert_same(ours, theirs, dtype)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("clip_value", [0.0, 0.3, 10.0, float("inf")])
def test_values_are_clipped_as_pytorch_does(dtype, clip_value):
    ours, theirs = both(dtype, 1.0)
    clip_grad_value(ours, clip_value)
    torch.nn.utils.clip_grad_value_(theirs, clip_value)
    assert_same(ours, theirs, dtype)
