"""Activations against PyTorch's, live: functions against torch.nn.functional, layers against torch.nn."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nn_core
from nn_core import Tensor, functional

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")

FUNCTIONS = [
    ("relu", {}, "relu", {}),
    ("leaky_relu", {}, "leaky_relu", {}),
    ("leaky_relu", {"negative_slope": -0.3}, "leaky_relu", {"negative_slope": -0.3}),
    ("elu", {}, "elu", {}),
    ("elu", {"alpha": 2.5}, "elu", {"alpha": 2.5}),
    ("selu", {}, "selu", {}),
    ("gelu", {}, "gelu", {}),
    ("gelu", {"approximate": "tanh"}, "gelu", {"approximate": "tanh"}),
    ("silu", {}, "silu", {}),
    ("softplus", {}, "softplus", {}),
    ("softplus", {"beta": 2.0, "threshold": 3.0}, "softplus", {"beta": 2.0, "threshold": 3.0}),
    ("sigmoid", {}, "sigmoid", {}),
    ("hard_sigmoid", {}, "hardsigmoid", {}),
    ("tanh", {}, "tanh", {}),
    ("softmax", {}, "softmax", {"dim": -1}),
    ("softmax", {"axis": 0}, "softmax", {"dim": 0}),
    ("softmax", {"dim": 1}, "softmax", {"dim": 1}),
    ("log_softmax", {}, "log_softmax", {"dim": -1}),
    ("log_softmax", {"axis": 0}, "log_softmax", {"dim": 0}),
]
LAYERS = [
    ("ReLU", {}),
    ("LeakyReLU", {}),
    ("LeakyReLU", {"negative_slope": 0.3}),
    ("PReLU", {}),
    ("PReLU", {"num_parameters": 4, "init": -0.5}),
    ("ELU", {}),
    ("ELU", {"alpha": 0.3}),
    ("SELU", {}),
    ("GELU", {}),
    ("GELU", {"approximate": "tanh"}),
    ("SiLU", {}),
    ("Softplus", {}),
    ("Softplus", {"beta": 3, "threshold": 2}),
    ("Sigmoid", {}),
    ("Hardsigmoid", {}),
    ("Tanh", {}),
    ("Softmax", {"dim": 1}),
    ("LogSoftmax", {"dim": -1}),
]
TOLERANCES = {"float32": (1e-5, 2e-6), "float64": (1e-12, 1e-14)}
"""Relative and absolute, element by element."""

INPUTS = {
    "ordinary": lambda rng: rng.normal(0, 2, (5, 4, 3)),
    "around zero": lambda rng: rng.normal(0, 1e-4, (5, 4)),
    "on the kinks": lambda rng: rng.integers(-4, 5, (7, 4)).astype(float),
    "tails": lambda rng: rng.uniform(-60, 60, (9, 4)),
    "huge": lambda rng: rng.choice([-1e4, 1e4, 0.0], (6, 4)),
    "images": lambda rng: rng.normal(0, 3, (2, 4, 3, 5)),
    "one row": lambda rng: rng.normal(size=(1, 4)),
    "empty": lambda rng: np.zeros((0, 4)),
}


def drawn(place, dtype):
    """Return an input and a gradient of the output, neither of which can be written to."""
    rng = np.random.default_rng(0)
    x = INPUTS[place](rng).astype(dtype)
    dy = rng.normal(size=x.shape).astype(dtype)
    for array in (x, dy):
        array.flags.writeable = False
    return x, dy


def theirs(function, x, dy):
    leaf = torch.tensor(x, requires_grad=True)
    y = function(leaf)
    y.backward(torch.tensor(dy))
    return y.detach().numpy(), leaf.grad.numpy()


def assert_equal(name, seen, expected, dtype):
    assert (seen.dtype, seen.shape) == (expected.dtype, expected.shape)
    # PyTorch multiplies by 1/6 rounded to float32 here, in float64, too.
    least = 1e-7 if name in ("hard_sigmoid", "Hardsigmoid") else 0
    rtol, atol = TOLERANCES[dtype]
    np.testing.assert_allclose(seen, expected, rtol=max(rtol, least), atol=atol)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("place", INPUTS)
@pytest.mark.parametrize(("name", "options", "torch_name", "torch_options"), FUNCTIONS)
def test_functions_and_their_gradients_are_pytorchs(name, options, torch_name, torch_options, place, dtype):
    x, dy = drawn(place, dtype)
    leaf = Tensor(x, requires_grad=True)
    y = getattr(functional, name)(leaf, **options)
    y.backward(dy)
    function = getattr(torch.nn.functional, torch_name)
    for seen, expected in zip((y.data, leaf.grad), theirs(lambda x: function(x, **torch_options), x, dy), strict=True):
        assert_equal(name, seen, expected, dtype)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("place", INPUTS)
def test_the_error_function_is_pytorchs(place, dtype):
    x, dy = drawn(place, dtype)
    leaf = Tensor(x, requires_grad=True)
    y = functional.erf(leaf)
    y.backward(dy)
    for seen, expected in zip((y.data, leaf.grad), theirs(torch.erf, x, dy), strict=True):
        assert_equal("erf", seen, expected, dtype)


@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("place", INPUTS)
@pytest.mark.parametrize(("name", "options"), LAYERS)
def test_layers_their_parameters_and_gradients_are_pytorchs(name, options, place, dtype):
    x, dy = drawn(place, dtype)
    layer = getattr(nn_core, name)(**options).astype(dtype)
    other = getattr(torch.nn, name)(**options).to(getattr(torch, dtype))
    y = layer(x)
    dx = layer.backward(dy)
    for seen, expected in zip((y, dx), theirs(other, x, dy), strict=True):
        assert_equal(name, seen, expected, dtype)
    parameters = dict(other.named_parameters())
    assert sorted(path for path, _ in layer.named_parameters()) == sorted(parameters)
    for path, parameter in layer.named_parameters():
        assert_equal(name, parameter.data, parameters[path].detach().numpy(), dtype)
        sums = parameters[path].grad.numpy()
        np.testing.assert_allclose(parameter.grad, sums, rtol=1e-5 if dtype == "float32" else 1e-11, atol=1e-6)


@pytest.mark.parametrize("name", sorted({name for name, _ in LAYERS} - {"Softmax", "LogSoftmax"}))
def test_options_have_pytorchs_names_order_and_defaults(name):
    ours = inspect.signature(getattr(nn_core, name)).parameters.values()
    theirs = inspect.signature(getattr(torch.nn, name)).parameters.values()
    dropped = ("inplace", "device", "dtype", "args", "kwargs")
    expected = [(p.name, p.default) for p in theirs if p.name not in dropped]
    assert [(p.name, p.default) for p in ours] == expected


def test_every_nonlinearity_that_pytorch_has_is_compared():
    classes = [component.load() for component in nn_core.components("layer")]
    names = {cls.__name__ for cls in classes if issubclass(cls, nn_core.Nonlinearity)}
    assert {name for name in names if hasattr(torch.nn, name)} == {name for name, _ in LAYERS}
