"""The affine maps: frozen and shared parameters, and the activation that `Dense` has."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from nn_core import (
    Dense,
    Embedding,
    Linear,
    Parameter,
    ReLU,
    Sequential,
    ShapeError,
    Tensor,
    build,
    functional,
    seed,
)
from nn_core.testing import directional_error


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def draw(*shape):
    return np.random.default_rng(1).normal(size=shape)


# Linear


def test_small_normal_weights_are_an_option():
    weight = Linear(50, 400, init={"type": "normal", "std": 1e-2}).weight.data
    assert weight.shape == (400, 50)
    assert abs(weight.mean()) < 5 * 1e-2 / np.sqrt(weight.size)
    assert abs(weight.std() / 1e-2 - 1) < 0.03


@pytest.mark.parametrize("make", [lambda: Linear(3, 2), lambda: Dense(3, 2, activation="tanh")])
def test_a_single_vector_gives_what_a_batch_of_it_gives(make):
    layer = make().astype("float64")
    x, dy = draw(3), draw(2)
    y, backward = layer.forward(x)
    dx = backward(dy)
    alone = layer.grads
    layer.zero_grad()
    batch, backward = layer.forward(x[None])
    assert (y == batch[0]).all()
    assert (dx == backward(dy[None])[0]).all()
    for name, gradient in layer.grads.items():
        np.testing.assert_allclose(alone[name], gradient, rtol=1e-14)


@pytest.mark.parametrize("frozen", [("weight",), ("bias",), ("weight", "bias")])
@pytest.mark.parametrize("make", [Linear, Dense])
def test_a_frozen_parameter_gets_no_gradient_and_the_rest_does(make, frozen):
    layer, free = make(3, 2).astype("float64"), make(3, 2).astype("float64")
    free.load_state_dict(layer.state_dict())
    x, dy = draw(5, 3), draw(5, 2)
    for name in frozen:
        getattr(layer, name).requires_grad = False
    dx, expected = layer.forward(x)[1](dy), free.forward(x)[1](dy)
    assert (dx == expected).all()
    for name, parameter in layer.named_parameters():
        assert (parameter.grad is None) == (name in frozen)
        assert name in frozen or (parameter.grad == getattr(free, name).grad).all()


def test_a_frozen_weight_costs_no_product(monkeypatch):
    layer = Linear(3, 2)
    layer.weight.requires_grad = False
    given = []
    monkeypatch.setattr(
        type(layer.weight), "accumulate", lambda parameter, gradient, **options: given.append(gradient.shape)
    )
    layer.forward(draw(5, 3).astype("float32"))[1](draw(5, 2).astype("float32"))
    assert given == [(2,)], "the bias alone is given a gradient"


# Shared parameters


def tied():
    """Return a model whose last layer has the weight of its first."""
    model = Sequential(Embedding(7, 4), Linear(4, 4), Linear(4, 7, bias=False)).astype("float64")
    model[2].weight = model[0].weight
    return model


WORDS = np.array([[0, 3, 3], [6, 1, 0]])


def test_a_shared_parameter_is_listed_once_and_saved_under_both_names():
    model = tied()
    assert [name for name, _ in model.named_parameters()] == ["0.weight", "1.weight", "1.bias"]
    state = model.state_dict()
    assert sorted(state) == ["0.weight", "1.bias", "1.weight", "2.weight"]
    other = tied()
    other.load_state_dict(state)
    assert (other.infer(WORDS) == model.infer(WORDS)).all()


def test_a_shared_parameter_gets_the_sum_of_the_gradients_of_its_uses():
    model, separate = tied(), Sequential(Embedding(7, 4), Linear(4, 4), Linear(4, 7, bias=False)).astype("float64")
    separate.load_state_dict(model.state_dict())
    dy = draw(2, 3, 7)
    for one in (model, separate):
        one.forward(WORDS)[1](dy)
    total = separate[0].weight.grad + separate[2].weight.grad
    np.testing.assert_allclose(model[0].weight.grad, total, rtol=1e-12)
    weight = model[0].weight
    error, *_ = directional_error(
        lambda: float((model.forward(WORDS)[0] * dy).sum()), [weight.data], [weight.grad], np.random.default_rng(2)
    )
    assert error < 1e-7


def test_a_shared_parameter_gets_the_same_gradient_by_way_of_tensors():
    model, other = tied(), tied()
    other.load_state_dict(model.state_dict())
    dy = draw(2, 3, 7)
    model.forward(WORDS)[1](dy)
    y = Tensor(WORDS)
    for layer in other:
        y = layer(y)
    y.backward(dy)
    np.testing.assert_allclose(other[0].weight.grad, model[0].weight.grad, rtol=1e-12)


def test_descent_on_a_shared_parameter_lowers_the_loss():
    model, losses = tied(), []
    for _ in range(20):
        y, backward = model.forward(WORDS)
        losses.append(((y - 1) ** 2).sum())
        model.zero_grad()
        backward(2 * (y - 1))
        for parameter in model.parameters():
            parameter.data -= 0.005 * parameter.grad
    assert losses[-1] < 0.2 * losses[0]
    assert model[0].weight is model[2].weight


def test_deep_copies_share_among_themselves_what_the_original_shares():
    model = tied()
    twin = copy.deepcopy(model)
    assert twin[0].weight is twin[2].weight
    assert twin[0].weight is not model[0].weight
    before = model.infer(WORDS)
    twin[0].weight.data[...] = 0
    assert (twin.infer(WORDS) == 0).all()
    assert (model.infer(WORDS) == before).all()


# Dense


@pytest.mark.parametrize("choice", ["relu", functional.relu, ReLU(), {"type": "relu"}], ids=str)
def test_dense_is_a_linear_layer_and_an_activation(choice):
    dense, pair = Dense(4, 3, activation=choice).astype("float64"), Sequential(Linear(4, 3), ReLU()).astype("float64")
    pair[0].load_state_dict(dense.state_dict())
    x, dy = draw(5, 4), draw(5, 3)
    (y, backward), (expected, back) = dense.forward(x), pair.forward(x)
    assert (y == expected).all()
    assert (y == 0).any()
    assert (backward(dy) == back(dy)).all()
    for name, gradient in dense.grads.items():
        assert (gradient == pair[0].grads[name]).all()
    assert (dense.infer(x) == expected).all()


def test_dense_without_an_activation_is_linear():
    layer, linear = Dense(4, 3, activation=None), Linear(4, 3)
    linear.load_state_dict(layer.state_dict())
    x = draw(5, 4).astype("float32")
    assert (layer(x) == linear(x)).all()


@pytest.mark.parametrize(
    ("layer", "sizes"),
    [
        (Dense(64), (None, 64)),
        (Dense(784, 64), (784, 64)),
        (Dense(in_features=784, out_features=64), (784, 64)),
        (Dense(units=64), (None, 64)),
        (Dense(out_features=64), (None, 64)),
        (Dense(64, in_features=784), (784, 64)),
    ],
)
def test_dense_takes_one_size_alone_for_that_of_its_output(layer, sizes):
    assert (layer.in_features, layer.out_features) == sizes
    layer.build((5, 784))
    assert layer.weight.shape == (64, 784)


def test_dense_does_not_take_the_size_of_its_input_for_that_of_its_output():
    with pytest.raises(ValueError, match="out_features of Dense is missing"):
        Dense(in_features=784)


def test_the_parameters_of_an_activation_are_those_of_its_dense_layer():
    layer = Dense(4, 3, activation={"type": "prelu"})
    assert sorted(layer.state_dict()) == ["activation.weight", "bias", "weight"]
    layer(draw(5, 4).astype("float32"))
    layer.backward(draw(5, 3).astype("float32"))
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_dense_is_built_from_a_table():
    layer = build("layer", {"type": "dense", "units": 3, "use_bias": False, "activation": "tanh"})
    assert repr(layer) == "Dense(in_features=None, out_features=3, use_bias=False, activation=Tanh())"


# Parameters that were set before the sizes were known


def test_a_weight_that_was_tied_before_the_sizes_were_known_stays_tied():
    model = Sequential({"emb": Embedding(20, 8), "out": Linear(out_features=20, bias=False)}, init="auto")
    model.out.weight = model.emb.weight
    model(np.array([[1, 2], [3, 4]]))
    assert model.out.weight is model.emb.weight
    assert len(model.parameters()) == 1


def test_a_weight_of_a_shape_that_the_input_does_not_fit_is_refused():
    layer = Linear(out_features=4)
    layer.weight = Parameter(np.ones((4, 3), np.float32))
    with pytest.raises(ShapeError, match=r"weight was set to one of shape \(4, 3\).*one of shape \(4, 5\)"):
        layer(np.ones((2, 5), np.float32))
    layer = Linear(out_features=4, bias=False)
    layer.bias = Parameter(np.ones(4, np.float32))
    with pytest.raises(ShapeError, match=r"bias was set to one of shape .* has none"):
        layer(np.ones((2, 5), np.float32))
