"""The choice of first weights by the activations next to them, and what it leaves alone."""

from __future__ import annotations

import copy
import logging
import pickle

import numpy as np
import pytest

from nn_core import (
    DEFAULT_NORMAL_INIT_MAP,
    DEFAULT_UNIFORM_INIT_MAP,
    SELU,
    BatchNorm1d,
    ConfigError,
    Dropout,
    Flatten,
    Layer,
    Linear,
    Sequential,
    UnknownComponentError,
    build,
    initialize,
    load,
    save,
    seed,
)
from nn_core.initializers import draw, torch_linear
from nn_core.layers.weighted import Weighted
from nn_core.serialization import describe


class Pass(Layer):
    """Stands in for an activation."""

    affect_init = True

    def __init__(self, init_key, **attributes):
        self.init_key = init_key
        vars(self).update(attributes)

    def forward(self, x):
        return x, lambda dy: dy


def relu():
    return Pass("relu")


class Around(Layer):
    """A container that is no Sequential."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, x):
        return self.inner.forward(x)


class Fused(Weighted):
    """A layer that brings its own activation."""

    init, use_bias = None, False

    def __init__(self, size, activation):
        self.activation = activation
        self.size = size

    def build(self, input_shape, rng=None):
        self.draw_parameters((self.size, input_shape[-1]), rng)

    def forward(self, x):
        return x @ self.weight.data.T, lambda dy: dy


MARKS = {key: {"type": "constant", "value": i} for i, key in enumerate(["relu", "leakyrelu", "tanh", "default"], 1)}
RELU, LEAKY, TANH, DEFAULT = 1, 2, 3, 4


def marks(model, choices=MARKS):
    """Return, for each layer with a weight, which entry it got; None where it kept PyTorch's values."""
    initialize(model, choices)
    return [mark(layer) for _, layer in model.named_layers() if isinstance(layer, Weighted)]


def mark(layer):
    values = np.unique(layer.weight.data)
    return values.item() if len(values) == 1 else None


def linear():
    return Linear(2, 2)


# Which entry


def test_the_next_activation_decides_and_after_the_last_one_the_previous():
    model = Sequential(linear(), relu(), linear(), Pass("tanh"), linear(), linear())
    assert marks(model) == [RELU, TANH, TANH, TANH]


def test_layers_that_are_no_activation_are_skipped():
    assert marks(Sequential(linear(), BatchNorm1d(2), Dropout(), Flatten(), Pass("tanh"), linear())) == [TANH, TANH]
    assert marks(Sequential(linear(), linear(), relu())) == [RELU, RELU]


def test_an_activation_that_does_not_affect_the_choice_is_skipped():
    softmax = Pass("softmax", affect_init=False)
    assert marks(Sequential(linear(), softmax, relu(), linear(), softmax)) == [RELU, RELU]
    assert marks(Sequential(linear(), softmax)) == [DEFAULT]


def test_without_an_activation_the_default_is_taken():
    assert marks(linear()) == [DEFAULT]
    assert marks(Sequential(linear())) == [DEFAULT]
    assert marks(Sequential(Sequential(linear()))) == [DEFAULT]
    assert marks(Sequential()) == []
    assert marks(Sequential(linear(), Pass("gelu"))) == [DEFAULT]


def test_without_a_default_layers_without_an_entry_keep_their_values():
    assert marks(Sequential(linear(), Pass("gelu"), linear(), relu()), {"relu": MARKS["relu"]}) == [None, RELU]


def test_sequentials_in_sequentials_are_one_chain():
    inner = Sequential(linear(), Sequential(linear(), Pass("tanh")), linear())
    assert marks(Sequential(linear(), inner, relu(), Sequential(linear()))) == [TANH, TANH, TANH, RELU, RELU]


def test_parts_of_other_layers_are_chains_of_their_own():
    model = Sequential(linear(), Around(Sequential(linear(), Pass("tanh"))), Around(linear()), relu())
    assert marks(model) == [RELU, TANH, DEFAULT]


def test_a_layers_own_activation_comes_next():
    model = Sequential(Fused(2, Pass("tanh")), relu(), Fused(2, None))
    model.build((1, 2))
    assert marks(model) == [TANH, RELU]


def test_a_layer_used_twice_goes_by_its_first_place():
    shared = linear()
    model = Sequential(shared, Pass("tanh"), shared, relu())
    initialize(model, MARKS)
    assert mark(shared) == TANH


@pytest.mark.parametrize("attribute", ["negative_slope", "activation_param"])
def test_the_slope_of_the_leaky_relu_at_hand_is_passed_on(attribute):
    model = Sequential(Linear(100, 400), Pass("leakyrelu", **{attribute: 3.0}), Linear(400, 9), relu())
    initialize(model)
    assert model[0].weight.data.std() == pytest.approx(np.sqrt(2 / 10 / 100), rel=0.03)
    assert model[2].weight.data.std() == pytest.approx(np.sqrt(2 / 400), rel=0.05)
    assert DEFAULT_NORMAL_INIT_MAP["leakyrelu"]["a"] == 0.01
    assert marks(Sequential(linear(), Pass("leakyrelu", negative_slope=3.0))) == [LEAKY]


@pytest.mark.parametrize(
    ("choices", "uniform"),
    [(DEFAULT_NORMAL_INIT_MAP, False), (DEFAULT_UNIFORM_INIT_MAP, True), ("auto", False), ("auto_uniform", True)],
)
@pytest.mark.parametrize(
    ("key", "std"),
    [
        ("relu", np.sqrt(2 / 300)),
        ("leakyrelu", np.sqrt(2 / 1.0001 / 300)),
        ("tanh", 5 / 3 * np.sqrt(2 / 500)),
        ("sigmoid", np.sqrt(2 / 500)),
        ("softplus", 0.001),
    ],
)
def test_the_default_maps_draw_as_suits_the_activation(choices, uniform, key, std):
    model = Sequential(Linear(300, 200), Pass(key))
    initialize(model, choices, np.random.default_rng(0))
    weight = model[0].weight.data
    assert weight.std() == pytest.approx(std, rel=0.01)
    within = np.abs(weight).max() <= np.sqrt(3) * std * (1 + 1e-6)
    assert within == (uniform and key != "softplus")


def test_biases_become_zero():
    model = Sequential(linear(), relu(), Linear(2, 3, bias=False))
    initialize(model)
    assert model[0].bias.data.tolist() == [0, 0]
    assert model[2].bias is None


def test_one_scale_for_all_weights_is_a_map_with_a_default_alone():
    model = Sequential(Linear(200, 100), relu(), Linear(100, 90))
    initialize(model, {"default": {"type": "normal", "std": 1e-2}}, np.random.default_rng(0))
    for layer in model.layers[::2]:
        assert layer.weight.data.std() == pytest.approx(0.01, rel=0.03)
        assert not layer.bias.data.any()


def test_an_entry_may_be_a_name_or_a_function():
    choices = {"relu": "identity", "default": lambda shape: np.full(shape, 7)}
    model = Sequential(linear(), relu())
    initialize(model, choices)
    assert model[0].weight.data.tolist() == [[1, 0], [0, 1]]
    assert marks(linear(), choices) == [7]


def test_values_come_from_the_generator_given():
    model = Sequential(linear(), relu())
    initialize(model, rng=np.random.default_rng(3))
    expected = draw(DEFAULT_NORMAL_INIT_MAP["relu"], (2, 2), np.random.default_rng(3))
    assert (model[0].weight.data == expected).all()


def test_the_dtype_stays():
    model = Sequential(linear(), relu()).astype("float64")
    assert marks(model) == [RELU]
    assert model.dtype == np.float64


def test_what_was_chosen_is_logged_for_debugging(caplog):
    with caplog.at_level(logging.DEBUG, "nn_core"):
        initialize(Sequential(linear(), relu(), Linear(2, 2, init="zeros")), MARKS)
    messages = [record.getMessage() for record in caplog.records]
    chosen, kept = (message for message in messages if "initialized" in message or "keeps" in message)
    assert "is initialized by {'type': 'constant', 'value': 1}" in chosen
    assert "keeps its own first values" in kept


# What is left alone


@pytest.mark.parametrize("init", ["torch_linear", torch_linear, "normal", {"type": "normal"}, lambda shape: np.eye(2)])
def test_an_init_of_the_layers_own_wins(init):
    seed(0)
    model = Sequential(Linear(2, 2, init=init), relu())
    before = model.state_dict()
    initialize(model, MARKS)
    assert all((before[name] == array).all() for name, array in model.state_dict().items())


def by_hand(layer):
    layer.weight.data[0, 1] += 0.5


def with_another_array(layer):
    layer.weight.data = np.eye(2, dtype=np.float32)


def with_another_bias(layer):
    layer.bias.data[...] = 3


def loaded(layer):
    layer.load_state_dict(Linear(2, 2).state_dict())


def drawn_again_otherwise(layer):
    layer.reset_parameters("identity")


CHANGES = [by_hand, with_another_array, with_another_bias, loaded, drawn_again_otherwise]


@pytest.mark.parametrize("change", CHANGES)
def test_values_that_were_changed_stay(change):
    model = Sequential(linear(), relu(), linear())
    change(model[0])
    before = model[0].state_dict()
    assert marks(model)[1] == RELU
    assert all((before[name] == array).all() for name, array in model[0].state_dict().items())


@pytest.mark.parametrize("change", CHANGES)
def test_values_that_were_changed_before_the_model_was_made_stay(change):
    layer = linear()
    change(layer)
    before = layer.state_dict()
    Sequential(layer, relu(), init=MARKS)
    assert all((before[name] == array).all() for name, array in layer.state_dict().items())


def test_values_that_were_changed_after_a_choice_stay():
    model = Sequential(linear(), relu(), init=MARKS)
    by_hand(model[0])
    before = model.state_dict()
    initialize(model, "auto_uniform")
    assert all((before[name] == array).all() for name, array in model.state_dict().items())


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_remembers_what_it_drew(twin):
    model = twin(Sequential(linear(), linear(), init="auto"))
    by_hand(model[0])
    assert marks(model) == [None, DEFAULT]


def test_the_choice_can_be_made_again():
    model = Sequential(linear(), relu())
    assert marks(model) == [RELU]
    assert marks(model, {"relu": MARKS["tanh"]}) == [TANH]
    model[0].weight.data[...] = 9
    model[0].reset_parameters()
    assert mark(model[0]) == TANH
    assert not model[0].bias.data.any()


# The option of Sequential


def test_without_the_option_weights_are_pytorchs():
    seed(0)
    model = Sequential(linear(), relu())
    seed(0)
    assert (model[0].weight.data == torch_linear((2, 2))).all()
    assert model[0].bias.data.any()
    assert "init" not in model.config()


def test_layers_with_sizes_are_drawn_at_construction_and_others_when_they_are_built():
    model = Sequential(linear(), relu(), Linear(out_features=3), Pass("tanh"), Linear(out_features=4), init=MARKS)
    assert mark(model[0]) == RELU
    for twin in (model, copy.deepcopy(model)):
        twin.build((5, 2)) if twin is model else twin(np.zeros((5, 2), np.float32))
        assert [mark(layer) for layer in twin.layers[::2]] == [RELU, TANH, TANH]
        assert not twin[4].bias.data.any()


def test_a_late_layer_draws_from_the_generator_of_build():
    model = Sequential(Linear(out_features=2), relu(), init="auto")
    model.build((1, 2), np.random.default_rng(3))
    expected = draw(DEFAULT_NORMAL_INIT_MAP["relu"], (2, 2), np.random.default_rng(3))
    assert (model[0].weight.data == expected).all()


def test_a_late_layer_with_an_init_of_its_own_keeps_it():
    model = Sequential(Linear(out_features=2, init="identity"), relu(), init=MARKS)
    model.build((1, 2))
    assert model[0].weight.data.tolist() == [[1, 0], [0, 1]]


def test_layers_that_are_appended_are_part_of_the_choice():
    model = Sequential(init=MARKS)
    for layer in (linear(), relu(), linear(), Pass("tanh")):
        model.append(layer)
    assert [mark(model[0]), mark(model[2])] == [RELU, TANH]


def test_appending_draws_only_what_is_chosen_otherwise_now():
    model = Sequential(linear(), relu(), linear(), init="auto")
    first, last = model[0].weight.data.copy(), model[2].weight.data.copy()
    model.append(Pass("tanh"))
    assert (model[0].weight.data == first).all()
    assert (model[2].weight.data != last).all()


def test_the_outermost_option_decides():
    inner = Sequential(linear(), init={"default": MARKS["default"]})
    assert mark(inner[0]) == DEFAULT
    Sequential(inner, relu())
    assert mark(inner[0]) == DEFAULT
    Sequential(inner, relu(), init=MARKS)
    assert mark(inner[0]) == RELU


@pytest.mark.parametrize("init", ["auto", "auto_uniform", DEFAULT_UNIFORM_INIT_MAP, {"relu": "zeros"}])
def test_the_option_is_part_of_the_configuration(init):
    model = Sequential(linear(), init=init)
    assert model.config() == {"layers": model.layers, "init": init}
    assert Sequential.from_config(model.config()).config()["init"] == init
    assert describe(model)["init"] == init
    assert build("layer", describe(model)).config()["init"] == init


def test_a_loaded_model_has_its_weights_and_not_those_of_the_choice(tmp_path):
    choices = {"relu": lambda shape: np.ones(shape), "default": torch_linear}
    model = Sequential(Linear(out_features=2), relu(), Linear(out_features=3), init=choices)
    del model.layers[1]  # a stand-in that no plugin registers
    model.build((1, 2))
    save(model, tmp_path / "model.safetensors")
    twin = load(tmp_path / "model.safetensors")
    assert twin.config()["init"] == {"default": "torch_linear@nn-core"}
    before = model.state_dict()
    initialize(twin, MARKS)
    assert all((before[name] == array).all() for name, array in twin.state_dict().items())


# Errors


@pytest.mark.parametrize(
    ("choices", "error", "message"),
    [
        ("aut", ConfigError, "a map or the name of one, got 'aut'. Did you mean 'auto'"),
        (3, ConfigError, "a map or the name of one, got 3. Known are auto, auto_uniform"),
        ({"relu": 3}, ConfigError, "got 3"),
        ({"relu": {"type": "normal", "sd": 3}}, ConfigError, "'normal' has no option 'sd'"),
        ({"relu": "norml"}, UnknownComponentError, "Did you mean 'normal'"),
    ],
)
def test_a_choice_that_is_none_is_refused(choices, error, message):
    with pytest.raises(error, match=message):
        initialize(linear(), choices)
    with pytest.raises(error, match=message):
        Sequential(init=choices)


def test_the_automatic_choice_keeps_the_size_of_what_goes_through_selu():
    seed(0)
    model = Sequential(*[part for _ in range(4) for part in (Linear(64, 64), SELU())], init="auto")
    x = np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32)
    assert 0.5 < model.infer(x).std() < 2
