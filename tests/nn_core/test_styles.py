"""The three styles of training, explicit, autograd and `fit`, are one computation: their gradients agree to the bit."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import (
    CrossEntropyLoss,
    Dropout,
    LayerNorm,
    Linear,
    ReLU,
    Residual,
    Sequential,
    SiLU,
    Tanh,
    Tensor,
    fit,
    functional as F,
    seed,
)
from nn_core.random import keep_mask, keyed


def network(dtype):
    """Return ten layers, one of which stands in two places, the second time in a residual block."""
    seed(0)
    shared = Linear(8, 8)
    return Sequential(
        Linear(6, 8),
        LayerNorm(8),
        ReLU(),
        shared,
        Tanh(),
        Dropout(0.3),
        Residual(shared, SiLU()),
        Dropout(0.2),
        Linear(8, 5),
        Linear(5, 3),
    ).astype(dtype)


def batch(dtype):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(16, 6)).astype(dtype), rng.integers(0, 3, 16)
    x.flags.writeable = False
    return x, y


def gradients(model):
    return {name: parameter.grad.copy() for name, parameter in model.named_parameters()}


def explicit(dtype):
    model, (x, y) = network(dtype), batch(dtype)
    with keyed(0, 0):
        loss, grad = CrossEntropyLoss()(model(x), y)
    model.backward(grad)
    return loss, gradients(model)


def autograd(dtype):
    model, (x, y) = network(dtype), batch(dtype)
    with keyed(0, 0):
        loss = CrossEntropyLoss()(model(Tensor(x)), y)
    loss.backward()
    return loss.item(), gradients(model)


class Nothing:
    """An optimizer that leaves parameters and gradients as they are."""

    def step(self):
        pass

    def zero_grad(self):
        pass


def engine(dtype):
    model = network(dtype)
    options = {"epochs": 1, "batch_size": 16, "shuffle": False}
    history = fit(model, batch(dtype), loss="cross_entropy", optimizer=Nothing(), **options)
    return history["loss"][0], gradients(model)


def operations(dtype):
    model, (x, y) = network(dtype), batch(dtype)
    first, norm, _, shared, _, _, _, _, last_but_one, last = model
    h = Tensor(x) @ first.weight.T + first.bias
    h = (h - h.mean(axis=1, keepdims=True)) / (h.var(axis=1, keepdims=True) + norm.eps).sqrt() * norm.weight + norm.bias
    h = (F.relu(h) @ shared.weight.T + shared.bias).tanh()
    with keyed(0, 0):
        masks = [keep_mask(h.shape, p) for p in (0.3, 0.2)]
    h = h * masks[0] / 0.7
    block = h @ shared.weight.T + shared.bias
    h = h + block * block.sigmoid()
    h = h * masks[1] / 0.8
    logits = (h @ last_but_one.weight.T + last_but_one.bias) @ last.weight.T + last.bias
    loss = -F.log_softmax(logits, axis=1)[np.arange(16), y].mean()
    loss.backward()
    return loss.item(), gradients(model)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("style", [autograd, engine])
def test_gradients_agree_with_the_explicit_style_to_the_bit(style, dtype):
    loss, expected = explicit(dtype)
    value, seen = style(dtype)
    assert value == pytest.approx(loss, rel=1e-7)
    assert seen.keys() == expected.keys()
    assert len(seen) == 10  # weight and bias of five layers; the shared one counts once
    for name, gradient in expected.items():
        assert seen[name].dtype == dtype
        assert (seen[name] == gradient).all(), name
        assert gradient.any()


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-14)])
def test_the_network_in_plain_tensor_operations_agrees_to_rounding(dtype, tolerance):
    loss, expected = explicit(dtype)
    value, seen = operations(dtype)
    assert value == pytest.approx(loss, rel=1e-6)
    for name, gradient in expected.items():
        assert seen[name].dtype == dtype
        assert abs(seen[name] - gradient).max() <= tolerance * max(1, abs(gradient).max()), name
