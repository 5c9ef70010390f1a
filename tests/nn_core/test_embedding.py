"""Vectors for indices: what is looked up, what gets a gradient, and which indices are refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import DataError, DTypeError, Embedding, Flatten, Linear, Sequential, Tensor, fit, seed
from nn_core.optimizer import Optimizer


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def draw(*shape):
    return np.random.default_rng(1).normal(size=shape)


def test_each_index_becomes_its_row_of_the_weight():
    layer = Embedding(5, 3)
    x = np.array([[0, 4], [2, 2]])
    y = layer(x)
    assert y.shape == (2, 2, 3)
    for place in np.ndindex(2, 2):
        assert (y[place] == layer.weight.data[x[place]]).all()


def test_the_rows_of_a_repeated_index_add_up():
    layer = Embedding(5, 3).astype("float64")
    x, dy = np.array([[0, 4, 2], [2, 2, 0]]), draw(2, 3, 3)
    expected = np.zeros((5, 3))
    for place in np.ndindex(2, 3):
        expected[x[place]] += dy[place]
    assert layer.forward(x)[1](dy) is None
    np.testing.assert_allclose(layer.weight.grad, expected, rtol=1e-14)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "uint64"])
def test_indices_of_every_integer_type_do_the_same(dtype):
    layer = Embedding(300, 2).astype("float64")
    x, dy = np.array([0, 100, 127, 100]), draw(4, 2)
    y, backward = layer.forward(x)
    backward(dy)
    expected = layer.weight.grad
    layer.zero_grad()
    seen, backward = layer.forward(x.astype(dtype))
    backward(dy)
    assert (seen == y).all()
    assert (layer.weight.grad == expected).all()


def test_a_single_index_gives_a_vector():
    layer = Embedding(5, 3)
    assert (layer(3) == layer.weight.data[3]).all()
    layer.backward(np.ones(3, np.float32))
    assert layer.weight.grad.sum(1).tolist() == [0, 0, 0, 3, 0]


def test_the_output_is_no_view_of_the_weight():
    layer = Embedding(5, 3)
    for x in (np.array(2), np.arange(5), np.zeros(0, int)):
        assert not np.shares_memory(layer.forward(x)[0], layer.weight.data)


def test_the_weight_starts_from_the_standard_normal_distribution_or_as_init_says():
    weight = Embedding(400, 50).weight.data
    assert abs(weight.mean()) < 5 / np.sqrt(weight.size)
    assert abs(weight.std() - 1) < 0.03
    assert (Embedding(3, 2, init="zeros").weight.data == 0).all()
    assert (Embedding(3, 2, init=lambda shape: np.full(shape, 7.0)).weight.data == 7).all()


@pytest.mark.parametrize("index", [0, 2, -1])
def test_the_padding_row_starts_at_zero_and_gets_no_gradient(index):
    layer = Embedding(4, 3, padding_idx=index)
    row = index % 4
    assert layer.padding_idx == layer.config()["padding_idx"] == row
    assert (layer.weight.data[row] == 0).all()
    assert (layer.weight.data[(row + 1) % 4] != 0).all()
    layer(np.array([0, 1, 2, 3, row]))
    layer.backward(np.ones((5, 3), np.float32))
    assert layer.weight.grad[:, 0].tolist() == [float(i != row) for i in range(4)]


def test_a_padding_row_that_was_set_is_looked_up_like_any_other():
    layer = Embedding(4, 3, padding_idx=1)
    layer.weight.data[1] = 5
    assert (layer([1]) == 5).all()


def test_a_frozen_weight_gets_no_gradient():
    layer = Embedding(4, 3)
    layer.weight.requires_grad = False
    layer(np.array([0, 1]))
    assert layer.backward(np.ones((2, 3), np.float32)) is None
    assert layer.weight.grad is None


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            np.array([[0, 1, 2], [3, 5, 7]]),
            "Embedding got the index 5 at position (1, 1), but has 5 vectors: indices run from 0 to 4.",
        ),
        (np.array([2, -1]), "Embedding got the index -1 at position (1,), but has 5 vectors: indices run from 0 to 4."),
        (np.array(9), "Embedding got the index 9 at position (), but has 5 vectors"),
        (np.array([2**64 - 1], np.uint64), "Embedding got the index 18446744073709551615 at position (0,)"),
    ],
)
@pytest.mark.parametrize("method", ["forward", "infer", "__call__"])
def test_an_index_out_of_range_is_named_with_its_place(x, message, method):
    with pytest.raises(DataError, match=re.escape(message)):
        getattr(Embedding(5, 3), method)(x)


@pytest.mark.parametrize("x", [np.zeros(2), np.zeros(2, "float32"), np.zeros(2, bool), [0.0, 1.0]])
def test_what_is_no_integer_is_refused(x):
    with pytest.raises(DTypeError, match=r"Embedding looks vectors up by integers and got (float|bool)"):
        Embedding(5, 3)(x)


def test_a_tensor_of_indices_leads_to_the_weight():
    layer = Embedding(5, 3).astype("float64")
    x, dy = np.array([1, 1, 4]), draw(3, 3)
    layer(Tensor(x)).backward(dy)
    np.testing.assert_allclose(layer.weight.grad[[1, 4]], [dy[0] + dy[1], dy[2]], rtol=1e-14)


class Descent(Optimizer):
    def __init__(self, parameters, lr=0.5):
        super().__init__(parameters, lr=lr)

    def update(self, parameter, state, lr):
        parameter.data -= lr * parameter.grad


def test_fit_trains_a_model_of_indices():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, (200, 2))
    y = (x[:, 0] < x[:, 1]).astype(np.int64)
    model = Sequential(Embedding(6, 4), Flatten(), Linear(8, 2))
    first = model[0].weight.data.copy()
    history = fit(model, (x, y), loss="cross_entropy", optimizer=Descent(model.parameters()), epochs=30)
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert (model[0].weight.data != first).all()
