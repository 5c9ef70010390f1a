"""The table of a model, its figures against ones computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import (
    BatchNorm1d,
    ConfigError,
    Dense,
    Dropout,
    Embedding,
    Layer,
    Linear,
    Model,
    NotBuiltError,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    ShapeError,
    autograd,
    default_rng,
    summary,
)


def rows(text: str) -> dict[str, list[str]]:
    """Return the table by the layers' names: the columns after them, without spaces around."""
    header, *lines = text.splitlines()
    starts = [header.index(title) for title in ("layer", "output shape")]
    return {
        line[: starts[1]].strip(): [cell.strip() for cell in line[starts[1] :].split("  ") if cell.strip()]
        for line in lines
    }


def kept(text: str, name: str = "total") -> str:
    return rows(text)[name][-1]


# Figures


def test_shapes_parameters_and_bytes_are_those_of_the_formula():
    table = rows(summary(Sequential(Linear(4, 8), ReLU(), Linear(8, 2, bias=False)), (16, 4)))
    assert table == {
        "input": ["(16, 4)"],
        "0 linear": ["(16, 8)", "40", "256 B"],  # x: 16 · 4 numbers of 4 bytes
        "1 relu": ["(16, 8)", "0", "128 B"],  # where x > 0: 16 · 8 bytes
        "2 linear": ["(16, 2)", "16", "512 B"],  # x: 16 · 8
        "total": ["56", "896 B"],
    }


def test_a_layer_by_itself_has_one_row():
    table = rows(summary(Linear(4, 3), (2, 5, 4)))
    assert table == {"input": ["(2, 5, 4)"], "linear": ["(2, 5, 3)", "15", "160 B"], "total": ["15", "160 B"]}


def test_float64_takes_twice_the_bytes():
    model = Linear(4, 3)
    assert kept(summary(model, (2, 4))) == "32 B"
    assert kept(summary(model.astype("float64"), (2, 4))) == "64 B"


def test_nothing_is_kept_of_what_does_not_need_it():
    assert kept(summary(Sequential(Linear(4, 3)), (1, 4))) == "16 B"
    assert rows(summary(Sequential(Linear(4, 3), Sequential()), (1, 4)))["1 sequential"] == ["(1, 3)", "0", "0 B"]


def test_an_array_is_counted_once_and_a_view_as_the_whole():
    class Views(Layer):
        def forward(self, x):
            y = np.zeros((10, 100), np.float32)
            return y[:2, :4], lambda dy: (dy, y[0], y.T, [y], {"y": (y,)})[0]

    assert kept(summary(Sequential(Views(), Views()), (2, 4))) == "8 kB"


def test_a_closure_that_is_thrown_away_still_counts_for_its_layer():
    class Wasteful(Layer):
        def __init__(self):
            self.inner = Linear(4, 4)

        def forward(self, x):
            for _ in range(3):
                self.inner.forward(x.copy())
            return x, lambda dy: dy

    assert kept(summary(Wasteful(), (2, 4))) == "96 B"


@pytest.mark.parametrize(
    ("features", "text"), [(1, "4 B"), (249, "996 B"), (250, "1 kB"), (300, "1.2 kB"), (250_000, "1 MB")]
)
def test_bytes_are_given_in_a_unit_that_suits_them(features, text):
    assert kept(summary(Linear(features, 1), (1, features))) == text


def test_thousands_of_parameters_are_grouped():
    assert rows(summary(Linear(1000, 30), (1, 1000)))["linear"][1] == "30,030"


def test_shared_parameters_count_once():
    layer = Linear(4, 4)
    table = rows(summary(Sequential(layer, ReLU(), layer), (1, 4)))
    assert table["0 linear"][1] == "20"
    assert table["0 linear (shared)"][1] == "0"  # the row of the second use
    assert table["total"][0] == "20"


def test_frozen_parameters_are_told_apart():
    model = Sequential(Linear(4, 3), Linear(3, 2))
    assert "frozen" not in summary(model, (1, 4))
    model.layers[0].weight.requires_grad = False
    assert summary(model, (1, 4)).splitlines()[-1] == "12 of the parameters are frozen"


def test_containers_have_rows_only_for_what_is_their_own():
    table = rows(summary(Sequential(Residual(Linear(4, 4), ReLU()), Dense(4, 2, activation="relu")), (2, 4)))
    assert [name.split()[-1] for name in table] == ["input", "linear", "relu", "relu", "dense", "total"]
    assert table["1 dense"][:2] == ["(2, 2)", "10"]
    assert table["total"][0] == "30"


def test_several_inputs_and_outputs_are_listed():
    class Swap(Layer):
        def forward(self, a, b):
            return (b, a), lambda dys: (dys[1], dys[0])

    table = rows(summary(Swap(), [(2, 3), (4, 5)]))
    assert table["input"] == ["(2, 3), (4, 5)"]
    assert table["swap" if "swap" in table else "Swap"] == ["(4, 5), (2, 3)", "0", "0 B"]


def test_a_layer_written_in_tensors_keeps_its_graph():
    class Gate(Layer):
        def __init__(self):
            self.weight = Parameter(np.ones((4, 4), np.float32))

        @autograd
        def forward(self, x):
            return x * (x @ self.weight)

    table = rows(summary(Gate(), (2, 4)))
    assert table["Gate"] == ["(2, 4)", "16", "96 B"]  # x, x @ W and y; the weight is no part of it


def test_indices_go_into_a_layer_that_takes_them():
    assert rows(summary(Sequential(Embedding(10, 4)), (2, 3)))["0 embedding"][:2] == ["(2, 3, 4)", "40"]


# The input


def test_the_input_is_what_the_model_was_built_for():
    model = Sequential(Linear(out_features=3), BatchNorm1d())
    model.build((7, 4))
    assert rows(summary(model))["input"] == ["(7, 4)"]


def test_batch_norm_gets_the_two_samples_that_it_needs():
    model = Model([Linear(out_features=3), BatchNorm1d()])
    model.build((1, 4))
    assert rows(model.summary())["input"] == ["(2, 4)"]


def test_a_first_layer_with_sizes_tells_the_input_too():
    assert rows(summary(Sequential(Sequential(Linear(4, 3)), ReLU())))["1 relu"][0] == "(2, 3)"


@pytest.mark.parametrize("model", [Linear(out_features=3), Sequential(ReLU(), Linear(4, 3)), Sequential()])
def test_a_model_that_does_not_tell_its_input_asks_for_the_shape(model):
    with pytest.raises(NotBuiltError, match=r"summary\(model, \(32, 784\)\)"):
        summary(model)


def test_a_guess_that_does_not_fit_asks_for_the_shape():
    class Image(Layer):
        def build(self, input_shape, rng=None):
            pass

        def forward(self, x):
            if x.shape[1:] != (28, 28):
                raise ShapeError("no image")
            return x, lambda dy: dy

    layer = Image()
    layer.build((1, 3, 3))
    with pytest.raises(NotBuiltError, match="shape of an input") as caught:
        summary(layer)
    assert caught.value.__suppress_context__, "the guess is no news"


def test_a_shape_that_does_not_fit_is_the_models_error():
    with pytest.raises(ShapeError, match="expected 4 features"):
        summary(Sequential(Linear(4, 3)), (2, 5))


def test_sizes_are_inferred_from_the_given_shape_in_the_copy_alone():
    model = Sequential(Linear(out_features=3), ReLU(), Linear(out_features=2))
    assert rows(summary(model, (5, 4)))["total"][0] == "23"
    assert not model.layers[0].built
    with pytest.raises(NotBuiltError):
        model.parameters()


# What stays as it is


def test_the_model_and_the_default_generator_are_left_alone():
    model = Sequential(Linear(4, 3), BatchNorm1d(3), Dropout(0.5), Linear(out_features=2)).eval()
    part = model[:3]
    before, generator = part.state_dict(), default_rng().bit_generator.state
    summary(model, (8, 4))
    assert default_rng().bit_generator.state == generator
    assert all(np.array_equal(before[name], array) for name, array in part.state_dict().items())
    assert not any(layer.training for _, layer in model.named_layers())
    assert all(parameter.grad is None for parameter in part.parameters())


def test_an_error_leaves_the_default_generator_alone_too():
    model = Sequential(Linear(out_features=3), Linear(4, 2))
    generator = default_rng().bit_generator.state
    with pytest.raises(ShapeError):
        summary(model, (2, 5))
    assert default_rng().bit_generator.state == generator


@pytest.mark.parametrize("shape", [4, (), (-1, 2), (2.0, 2), "ab", ((2, 3), 4), [[]], (True, 2)])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(ConfigError, match="input_shape must be the sizes of an input, batch axis included"):
        summary(Linear(2, 2), shape)
