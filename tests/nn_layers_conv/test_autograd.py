"""Convolution, batch norm and dropout on the tape of Tensors."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import CrossEntropyLoss, Flatten, Linear, ReLU, Sequential, Tensor, seed
from nn_core.random import keyed
from nn_layers_conv import AvgPool2d, BatchNorm2d, Conv2d, Dropout2d, MaxPool2d, ResidualBlock2d


def network():
    seed(0)
    return Sequential(
        Conv2d(2, 4, 3, padding=1, padding_mode="reflect"),
        BatchNorm2d(4),
        ReLU(),
        MaxPool2d(2),
        Dropout2d(0.3),
        ResidualBlock2d(4, 6),
        AvgPool2d(2),
        Flatten(),
        Linear(6 * 2 * 2, 3),
    )


def test_gradients_are_those_of_the_explicit_style_to_the_bit():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 2, 8, 8)).astype("float32"), rng.integers(0, 3, 5)
    explicit, taped, parts = network(), network(), network()
    with keyed(0, 0):
        loss, grad = CrossEntropyLoss()(explicit(x), y)
    dx = explicit.backward(grad)

    leaf = Tensor(x, requires_grad=True)
    with keyed(0, 0):
        CrossEntropyLoss()(taped(leaf), y).backward()

    h = first = Tensor(x, requires_grad=True)
    with keyed(0, 0):
        for layer in parts:  # a node for each layer
            h = layer(h)
        total = CrossEntropyLoss()(h, y)
    total.backward()
    assert total.item() == pytest.approx(loss, rel=1e-7)  # of a Tensor it is in float32
    for model, reached in ((taped, leaf), (parts, first)):
        np.testing.assert_array_equal(reached.grad, dx)
        for one, other in zip(model.parameters(), explicit.parameters(), strict=True):
            np.testing.assert_array_equal(one.grad, other.grad)
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, explicit.state_dict()[name])


def test_batch_norm_is_what_it_is_in_operations_on_tensors():
    rng = np.random.default_rng(0)
    values, dy = rng.normal(2, 3, size=(2, 4, 3, 5, 2))
    layer = BatchNorm2d(3).astype("float64")
    layer.weight.data[...], layer.bias.data[...] = rng.normal(size=(2, 3))
    x, weight, bias = (Tensor(a, requires_grad=True) for a in (values, layer.weight.data, layer.bias.data))
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    std = (x.var(axis=(0, 2, 3), keepdims=True) + layer.eps).sqrt()
    y = (x - mean) / std * weight.reshape(1, 3, 1, 1) + bias.reshape(1, 3, 1, 1)
    y.backward(dy)
    leaf = Tensor(values, requires_grad=True)
    made = layer(leaf)
    made.backward(dy)
    np.testing.assert_allclose(made.data, y.data, rtol=1e-12, atol=1e-12)
    for one, other in ((leaf, x), (layer.weight, weight), (layer.bias, bias)):
        np.testing.assert_allclose(one.grad, other.grad, rtol=1e-10, atol=1e-12)
