"""Activation layers: the checks of all layers, what they say of themselves, and how one is chosen."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nn_core
from nn_core import (
    ELU,
    GELU,
    SELU,
    Activation,
    ConfigError,
    Dropout,
    Hardsigmoid,
    Lambda,
    LeakyReLU,
    LogSoftmax,
    ModelFileError,
    Nonlinearity,
    PReLU,
    ReLU,
    Sequential,
    ShapeError,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Tensor,
    UnknownComponentError,
    build,
    functional,
    load,
    save,
)
from nn_core.layers.activations import activation
from nn_core.serialization import describe
from nn_core.testing import LayerCase, parametrize_layer_checks

CASES = [
    LayerCase("relu", ReLU, (3, 2, 5)),
    LayerCase("leaky_relu", LeakyReLU, (4, 5)),
    LayerCase("leaky_relu, falling", lambda: LeakyReLU(-0.3), (4, 5)),
    LayerCase("prelu", PReLU, (4, 5)),
    LayerCase("prelu, channels", lambda: PReLU(3, init=0.5), (4, 3, 2, 5)),
    LayerCase("elu", lambda: ELU(1.5), (4, 5)),
    LayerCase("elu, falling", lambda: ELU(-0.5), (4, 5)),
    LayerCase("selu", SELU, (4, 5)),
    LayerCase("gelu", GELU, (4, 5)),
    LayerCase("gelu, tanh", lambda: GELU("tanh"), (4, 5)),
    LayerCase("silu", SiLU, (4, 5)),
    LayerCase("softplus", Softplus, (4, 5)),
    LayerCase("softplus, partly linear", lambda: Softplus(2.0, threshold=1.0), (4, 5)),
    LayerCase("sigmoid", Sigmoid, (3, 2, 5)),
    LayerCase("hard_sigmoid", Hardsigmoid, (4, 5), lambda rng, shape: 3 * rng.normal(size=shape)),
    LayerCase("tanh", Tanh, (4, 5)),
    LayerCase("softmax", Softmax, (4, 5)),
    LayerCase("softmax, images", lambda: Softmax(dim=1), (3, 2, 4, 5)),
    LayerCase("log_softmax", LogSoftmax, (4, 5)),
    LayerCase("log_softmax, images", lambda: LogSoftmax(dim=1), (3, 2, 4, 5)),
    LayerCase("activation", lambda: Activation("leaky_relu", negative_slope=0.2), (4, 5)),
    LayerCase("activation, trained", lambda: Activation("prelu", num_parameters=5), (4, 5)),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


@pytest.mark.parametrize("layer", [Softmax(dim=1), LogSoftmax(dim=-2)])
def test_a_softmax_layer_says_that_it_misses_its_axis(layer):
    with pytest.raises(
        ShapeError, match=rf"softmax: expected an input with an axis {layer.dim}, got one of shape \(3,\)"
    ):
        layer(np.ones(3))


# PReLU


def test_prelu_has_one_slope_for_all_or_one_for_each_channel():
    layer = PReLU(2).astype("float64")
    layer.weight.data[:] = [0.5, -1.0]
    x = np.array([[[-2.0, 4.0], [-2.0, 4.0]]])
    y, backward = layer.forward(x)
    assert y.tolist() == [[[-1, 4], [2, 4]]]
    assert backward(np.array([[[1.0, 2.0], [3.0, 4.0]]])).tolist() == [[[0.5, 2], [-3, 4]]]
    assert layer.weight.grad.tolist() == [-2, -6]
    assert PReLU(init=0.5)([-2.0, 4.0]).tolist() == [-1, 4]


def test_the_slopes_of_prelu_are_trained_without_weight_decay():
    [weight] = PReLU(3).parameters()
    assert (weight.shape, weight.dtype, weight.decay, weight.data.tolist()) == ((3,), np.float32, False, [0.25] * 3)


def test_prelu_goes_back_to_its_slopes_as_an_operation_too():
    x, slope = Tensor([[-2.0, 4.0], [-3.0, -1.0]], requires_grad=True), Tensor([0.5, 0.1], requires_grad=True)
    functional.prelu(x, slope).sum().backward()
    np.testing.assert_allclose(x.grad, [[0.5, 1], [0.5, 0.1]])
    np.testing.assert_allclose(slope.grad, [-5, -1])


@pytest.mark.parametrize("shape", [(2,), (2, 4), (2, 4, 3)])
def test_prelu_refuses_other_channels_than_it_has_slopes_for(shape):
    with pytest.raises(ShapeError, match=r"prelu: expected 3 channels on axis 1, got an input of shape"):
        PReLU(3)(np.ones(shape, np.float32))
    with pytest.raises(ShapeError, match="prelu got 3 slopes for an input of shape"):
        functional.prelu(np.ones(shape), np.ones(3))


# What activations say of themselves


def test_leaky_relu_gives_its_slope_to_those_who_draw_weights():
    layer = LeakyReLU(0.2)
    assert (layer.a, layer.activation_param, layer.negative_slope) == (0.2, 0.2, 0.2)


def test_an_activation_knows_its_name_and_whose_weights_suit_it():
    layers = [ReLU(), LeakyReLU(), Tanh(), Sigmoid(), GELU(), Hardsigmoid(), SELU()]
    assert [layer.name for layer in layers] == ["relu", "leakyrelu", "tanh", "sigmoid", "gelu", "hardsigmoid", "selu"]
    assert [layer.init_key for layer in layers] == [
        "relu",
        "leakyrelu",
        "tanh",
        "sigmoid",
        "relu",
        "sigmoid",
        "sigmoid",
    ]
    assert [layer.get_init_key() for layer in layers] == [layer.init_key for layer in layers]
    assert all(layer.affect_init for layer in layers)


@pytest.mark.parametrize("layer", [Softmax(), LogSoftmax()])
def test_what_makes_probabilities_does_not_matter_to_the_weights(layer):
    assert (layer.affect_init, layer.init_key) == (False, None)


def test_an_activation_of_ones_own_has_its_class_as_its_key():
    class Bend(Nonlinearity):
        def forward(self, x):
            return x, lambda dy: dy

    assert (Bend().name, Bend().init_key, Bend().activation_param) == ("bend", "bend", None)


def test_weights_next_to_an_activation_by_name_are_drawn_for_it():
    named, direct = (Sequential(nn_core.Linear(4, 3), layer) for layer in (Activation("tanh"), Tanh()))
    for model in (named, direct):
        nn_core.initialize(model, rng=np.random.default_rng(0))
    assert (named[0].weight.data == direct[0].weight.data).all()


# The choice by name, function or layer


def test_an_activation_stands_for_the_layer_of_its_name():
    layer = Activation("leaky_relu", negative_slope=0.5)
    assert layer([-2.0, 2.0]).tolist() == [-1, 2]
    assert layer.backward(np.ones(2, np.float32)).tolist() == [0.5, 1]
    assert (layer.name, layer.init_key, layer.activation_param) == ("leakyrelu", "leakyrelu", 0.5)
    assert Activation("softmax").affect_init is False
    assert repr(layer) == "Activation(LeakyReLU(negative_slope=0.5))"


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "softmax"])
def test_activations_by_name_compute_what_the_functions_compute(name):
    x = np.random.default_rng(0).normal(size=(3, 4))
    dy = np.random.default_rng(1).normal(size=(3, 4))
    y, backward = Activation(name).forward(x)
    expected, closure = getattr(functional, name).forward(x)
    assert (y == expected).all()
    assert (backward(dy) == closure(dy)).all()


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("relu", ReLU()),
        ("relu@nn-core", ReLU()),
        ({"type": "elu", "alpha": 2.0}, ELU(2.0)),
        (functional.relu, ReLU()),
        (functional.leaky_relu, LeakyReLU()),
        (functional.elu, ELU()),
        (functional.selu, SELU()),
        (functional.gelu, GELU()),
        (functional.silu, SiLU()),
        (functional.softplus, Softplus()),
        (functional.sigmoid, Sigmoid()),
        (functional.hard_sigmoid, Hardsigmoid()),
        (functional.tanh, Tanh()),
        (functional.softmax, Softmax()),
        (functional.log_softmax, LogSoftmax()),
    ],
)
def test_a_choice_becomes_the_registered_layer_with_the_numbers_of_the_function(choice, expected):
    layer = activation(choice)
    assert repr(layer) == repr(expected)
    assert describe(layer)["type"].endswith("@nn-core")
    if callable(choice):
        x = np.random.default_rng(0).normal(size=(2, 3, 4))
        assert (layer.infer(x) == choice(x)).all()


def test_a_layer_is_its_own_choice_and_none_is_none():
    layer = Dropout(0.5)
    assert activation(layer) is layer
    assert activation(None) is None


@pytest.mark.parametrize("function", [functional.exp, lambda x: x * x.sigmoid()])
def test_any_other_function_becomes_a_lambda(function):
    layer = activation(function)
    assert isinstance(layer, Lambda)
    x = np.array([0.5, 1.0])
    np.testing.assert_allclose(layer.infer(x), function(Tensor(x)).data)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Activation("rellu"), UnknownComponentError, "Did you mean 'relu'"),
        (lambda: Activation("relu", alpha=1.0), ConfigError, "relu has no option 'alpha'"),
        (lambda: Activation("elu", alpha="big"), ConfigError, "alpha of ELU must be a finite number, got 'big'"),
        (lambda: Activation(), ConfigError, "Activation needs 'name'"),
        (lambda: Activation(ReLU), ConfigError, r"got <class .*ReLU'>: write ReLU\(\)"),
        (lambda: Activation(ReLU(), alpha=1.0), ConfigError, "given by its name takes options"),
        (lambda: activation(3), ConfigError, "An activation is a registered name, a function or a layer, got 3"),
        (lambda: build("layer", {"type": "activation"}), ConfigError, "Activation needs 'name'"),
    ],
)
def test_a_wrong_choice_is_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_configuration_names_the_activation_and_its_options():
    layer = build("layer", {"type": "activation", "name": "leaky_relu", "negative_slope": 0.5})
    assert describe(layer) == {
        "type": "activation@nn-core",
        "name": {"type": "leaky_relu@nn-core", "negative_slope": 0.5},
    }


def test_a_model_with_activations_of_all_kinds_is_saved_and_loaded(tmp_path):
    model = Sequential(
        *(Activation(choice) for choice in ("gelu", functional.softmax, PReLU(4), {"type": "softplus", "beta": 2.0}))
    )
    model[2].layer.weight.data[:] = [0.1, 0.2, 0.3, 0.4]
    save(model, tmp_path / "model.safetensors")
    twin = load(tmp_path / "model.safetensors")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    assert repr(twin) == repr(model)
    assert (twin(x) == model.eval()(x)).all()


def test_a_model_with_a_function_of_ones_own_is_not_saved(tmp_path):
    with pytest.raises(ModelFileError):
        save(Sequential(Activation(lambda x: x * x)), tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LeakyReLU("steep"), "negative_slope of LeakyReLU must be a finite number, got 'steep'"),
        (lambda: LeakyReLU(math.nan), "negative_slope of LeakyReLU must be a finite number, got nan"),
        (lambda: PReLU(0), "num_parameters of PReLU must be a positive integer, got 0"),
        (lambda: PReLU(init=True), "init of PReLU must be a finite number, got True"),
        (lambda: ELU(math.inf), "alpha of ELU must be a finite number, got inf"),
        (lambda: GELU("erf"), "approximate of GELU must be one of none, tanh, got 'erf'"),
        (lambda: Softplus(0.0), "beta of Softplus must be a number above 0, got 0.0"),
        (lambda: Softplus(threshold=None), "threshold of Softplus is missing: give it a finite number"),
        (lambda: Softmax("1"), "dim of Softmax must be an integer, got '1'"),
        (lambda: LogSoftmax(1.0), "dim of LogSoftmax must be an integer, got 1.0"),
    ],
)
def test_wrong_options_are_refused_by_name(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_options_that_are_numpy_numbers_promote_nothing():
    x = np.linspace(-2, 2, 5, dtype=np.float32)
    for layer in (LeakyReLU(np.float64(0.1)), ELU(np.float64(2)), Softplus(np.float64(2), np.float64(3))):
        y, backward = layer.forward(x)
        assert (y.dtype, backward(x).dtype) == (np.float32, np.float32)
