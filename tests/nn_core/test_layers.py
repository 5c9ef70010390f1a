"""Every layer of nn-core against the checks that all layers are held to; below, what is special to one."""

from __future__ import annotations

import copy
import re

import numpy as np
import pytest

from nn_core import (
    BatchNorm1d,
    ConfigError,
    Dense,
    Dropout,
    DTypeError,
    Embedding,
    Flatten,
    GroupNorm,
    Identity,
    LayerNorm,
    Linear,
    NotBuiltError,
    ReLU,
    Reshape,
    RMSNorm,
    Sequential,
    ShapeError,
    Unflatten,
    UnknownComponentError,
    default_rng,
    seed,
)
from nn_core.random import keyed
from nn_core.testing import LayerCase, parametrize_layer_checks


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def indices(low, high):
    return lambda rng, shape: rng.integers(low, high, shape)


CASES = [
    LayerCase("linear", lambda: Linear(4, 3), (5, 4)),
    LayerCase("linear, no bias", lambda: Linear(4, 3, bias=False), (2, 7, 4)),
    LayerCase("linear, inferred", lambda: Linear(out_features=3), (1, 4)),
    LayerCase("dense", lambda: Dense(4, 3), (5, 4)),
    LayerCase("dense, relu", lambda: Dense(4, 3, activation="relu"), (2, 7, 4)),
    LayerCase("dense, inferred", lambda: Dense(3, use_bias=False, activation=ReLU()), (1, 4)),
    LayerCase("embedding", lambda: Embedding(5, 3), (4, 2), indices(0, 5)),
    LayerCase("embedding, padding", lambda: Embedding(5, 3, padding_idx=0), (7,), indices(1, 5)),
    LayerCase("relu", ReLU, (3, 2, 5)),
    LayerCase("identity", Identity, (3, 2)),
    LayerCase("flatten", Flatten, (3, 2, 4, 5)),
    LayerCase("flatten, middle axes", lambda: Flatten(1, 2), (3, 2, 4, 5)),
    LayerCase("unflatten", lambda: Unflatten(1, (3, -1)), (2, 12)),
    LayerCase("unflatten, last axis", lambda: Unflatten(-1, (2, 2)), (2, 3, 4)),
    LayerCase("reshape", lambda: Reshape((-1, 3)), (2, 4, 3)),
    LayerCase("dropout", lambda: Dropout(0.4), (6, 5)),
    LayerCase("dropout, nothing", lambda: Dropout(0.0), (3, 5)),
    LayerCase("dropout, everything", lambda: Dropout(1.0), (3, 5)),
    LayerCase("batch_norm1d", lambda: BatchNorm1d(4), (6, 4), min_batch=2),
    LayerCase("batch_norm1d, sequences", lambda: BatchNorm1d(), (3, 4, 5), min_batch=1),
    LayerCase("batch_norm1d, not affine", lambda: BatchNorm1d(4, affine=False, momentum=0.5), (6, 4), min_batch=2),
    LayerCase("layer_norm", lambda: LayerNorm(4), (6, 4)),
    LayerCase("layer_norm, two axes", lambda: LayerNorm((3, 4), bias=False), (2, 5, 3, 4)),
    LayerCase("layer_norm, inferred", lambda: LayerNorm(eps=0.1), (2, 3, 4)),
    LayerCase("layer_norm, not affine", lambda: LayerNorm(4, elementwise_affine=False), (2, 4)),
    LayerCase("rms_norm", lambda: RMSNorm(4), (6, 4)),
    LayerCase("rms_norm, two axes", lambda: RMSNorm((3, 4), eps=0.1), (2, 5, 3, 4)),
    LayerCase("rms_norm, inferred, not affine", lambda: RMSNorm(elementwise_affine=False), (2, 3, 4)),
    LayerCase("group_norm", lambda: GroupNorm(2, 6), (3, 6, 2, 3)),
    LayerCase("group_norm, vectors", lambda: GroupNorm(1), (3, 4)),
    LayerCase("group_norm, a channel each, not affine", lambda: GroupNorm(4, 4, affine=False), (3, 4, 5)),
    LayerCase(
        "sequential",
        lambda: Sequential(Linear(4, 6), Sequential(BatchNorm1d(), ReLU()), Dropout(0.3), Linear(out_features=2)),
        (6, 4),
        min_batch=2,
    ),
    LayerCase("sequential, empty", Sequential, (2, 3)),
    LayerCase(
        "sequential, of indices", lambda: Sequential(Embedding(5, 3), Flatten(), Dense(2)), (4, 2), indices(0, 5)
    ),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


# Every layer


def test_a_model_prints_one_line_per_layer():
    model = Sequential(
        Linear(4, 8, bias=False),
        BatchNorm1d(8),
        ReLU(),
        Dropout(0.25),
        Sequential(Flatten(), Linear(out_features=2)),
        Sequential(),
    )
    assert repr(model) == (
        "Sequential(\n"
        "  (0): Linear(in_features=4, out_features=8, bias=False)\n"
        "  (1): BatchNorm1d(num_features=8, momentum=0.1, eps=1e-05)\n"
        "  (2): ReLU()\n"
        "  (3): Dropout(p=0.25)\n"
        "  (4): Sequential(\n"
        "    (0): Flatten()\n"
        "    (1): Linear(in_features=None, out_features=2, bias=True)\n"
        "  )\n"
        "  (5): Sequential()\n"
        ")"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(4), "out_features of Linear is missing: give it a positive integer."),
        (lambda: Linear(4, 0), "out_features of Linear must be a positive integer, got 0."),
        (lambda: Linear(-1, 2), "in_features of Linear must be a positive integer, got -1."),
        (lambda: Linear(4.0, 2), "in_features of Linear must be a positive integer, got 4.0."),
        (lambda: Linear(True, 2), "in_features of Linear must be a positive integer, got True."),
        (lambda: Linear("4", 2), "in_features of Linear must be a positive integer, got '4'."),
        (lambda: Linear(4, 2, bias=1), "bias of Linear must be true or false, got 1."),
        (lambda: Dense(use_bias=False), "out_features of Dense is missing: give it a positive integer."),
        (lambda: Dense(4, 3, units=3), "out_features of Dense is given twice, as 3 and as 3."),
        (lambda: Dense(4, 3, in_features=5), "in_features of Dense is given twice, as 4 and as 5."),
        (lambda: Dense(4, 3, use_bias="no"), "use_bias of Dense must be true or false, got 'no'."),
        (lambda: Embedding(0, 3), "num_embeddings of Embedding must be a positive integer, got 0."),
        (lambda: Embedding(5), "embedding_dim of Embedding is missing: give it a positive integer."),
        (lambda: Embedding(5, 3, 5), "padding_idx of Embedding must be an integer from -5 to 4, got 5."),
        (lambda: Embedding(5, 3, 1.0), "padding_idx of Embedding must be an integer from -5 to 4, got 1.0."),
        (lambda: Embedding(5, 3, True), "padding_idx of Embedding must be an integer from -5 to 4, got True."),
        (lambda: LayerNorm(0), "normalized_shape of LayerNorm must be a positive integer, got (0,)."),
        (lambda: LayerNorm(()), "normalized_shape of LayerNorm must be a positive integer or more, got ()."),
        (lambda: LayerNorm(4, eps=0), "eps of LayerNorm must be a number above 0, got 0."),
        (lambda: LayerNorm(4, bias=1), "bias of LayerNorm must be true or false, got 1."),
        (lambda: RMSNorm((2, "3")), "normalized_shape of RMSNorm must be a positive integer, got (2, '3')."),
        (lambda: RMSNorm(4, eps=-1), "eps of RMSNorm must be a number above 0, got -1."),
        (lambda: GroupNorm(), "num_groups of GroupNorm is missing: give it a positive integer."),
        (lambda: GroupNorm(2, 4.0), "num_channels of GroupNorm must be a positive integer, got 4.0."),
        (
            lambda: GroupNorm(2, 5),
            "num_channels of GroupNorm must be a multiple of num_groups, got 5 channels for 2 groups.",
        ),
        (lambda: Unflatten(), "dim of Unflatten must be an integer, got None."),
        (lambda: Unflatten(1), "unflattened_size of Unflatten is missing: give it a tuple of integers."),
        (
            lambda: Unflatten(1, (2, 0)),
            "unflattened_size of Unflatten must be positive integers, one of which may be -1 for what is left, "
            "got (2, 0).",
        ),
        (lambda: Reshape((-1, 2, -1)), "shape of Reshape must be positive integers, one of which may be -1"),
        (lambda: Reshape("3"), "shape of Reshape must be positive integers, one of which may be -1"),
        (lambda: Dropout(1.5), "p of Dropout must be a number from 0 to 1, got 1.5."),
        (lambda: Dropout(float("nan")), "p of Dropout must be a number from 0 to 1, got nan."),
        (lambda: Dropout("0.5"), "p of Dropout must be a number from 0 to 1, got '0.5'."),
        (lambda: BatchNorm1d(0), "num_features of BatchNorm1d must be a positive integer, got 0."),
        (lambda: BatchNorm1d(4, momentum=2), "momentum of BatchNorm1d must be a number from 0 to 1, got 2."),
        (lambda: BatchNorm1d(4, eps=0), "eps of BatchNorm1d must be a number above 0, got 0."),
        (lambda: BatchNorm1d(4, eps=(1e-5, 1e-5)), "eps of BatchNorm1d must be a number above 0, got (1e-05, 1e-05)."),
        (lambda: Linear(3, (2, 2)), "out_features of Linear must be a positive integer, got (2, 2)."),
        (lambda: BatchNorm1d(4, affine=None), "affine of BatchNorm1d is missing: give it true or false."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(make, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Linear(4, 3),
            (2, 5),
            "linear: expected 4 features on the last axis, got 5. "
            "Leave in_features out to have it inferred, or set it to 5.",
        ),
        (
            Linear(18, 3),
            (2, 2, 3, 3),
            "linear: expected 18 features on the last axis, got 3. "
            "Put Flatten() before it, which makes one axis of these.",
        ),
        (
            BatchNorm1d(4),
            (2, 5, 4),
            "batch_norm1d: expected 4 channels on axis 1, got 5. "
            "The channels seem to come last: put them first with x.transpose(0, 2, 1).",
        ),
        (Linear(4, 3), (), "linear: expected 4 features on the last axis, got a single number"),
        (
            BatchNorm1d(4),
            (2, 5),
            "batch_norm1d: expected 4 channels on axis 1, got 5. "
            "Leave num_features out to have it inferred, or set it to 5.",
        ),
        (
            BatchNorm1d(4),
            (2, 4, 3, 3),
            "batch_norm1d: expected an input of shape (N, C) or (N, C, L), got (2, 4, 3, 3)",
        ),
        (BatchNorm1d(), (4,), "batch_norm1d: expected an input of shape (N, C) or (N, C, L), got (4,)"),
        (
            Dense(4, 3, activation="relu"),
            (2, 5),
            "dense: expected 4 features on the last axis, got 5. "
            "Leave in_features out to have it inferred, or set it to 5.",
        ),
        (
            LayerNorm((3, 4)),
            (2, 4),
            "layer_norm: expected an input that ends in (3, 4), got (2, 4). "
            "Set normalized_shape to the sizes of the last axes, those to normalize over.",
        ),
        (RMSNorm(), (), "rms_norm: expected an array with axes to normalize over, got a single number"),
        (
            GroupNorm(2, 4),
            (2, 6, 3),
            "group_norm: expected 4 channels on axis 1, got 6. "
            "Leave num_channels out to have it inferred, or set it to 6.",
        ),
        (GroupNorm(2), (3, 5), "group_norm: cannot form 2 groups of 5 channels"),
        (GroupNorm(2), (4,), "group_norm: expected an input of shape (N, C, …), got (4,)"),
        (GroupNorm(2, 4), (2, 4, 0), "group_norm: expected an input of shape (N, C, …), got (2, 4, 0)"),
        (Unflatten(1, (2, 3)), (5, 7), "unflatten: cannot arrange 7 elements of an input of shape (5, 7) as (2, 3)"),
        (Unflatten(-1, (2, -1)), (5, 7), "unflatten: cannot arrange 7 elements of an input of shape (5, 7) as (2, -1)"),
        (Unflatten(2, (2, 3)), (5, 6), "unflatten: there is no axis 2 to split in an input of shape (5, 6)"),
        (Reshape((2, 3)), (5, 7), "reshape: cannot arrange 7 elements of an input of shape (5, 7) as (2, 3)"),
        (Reshape(2), (), "reshape: expected a batch of samples, got a single number"),
        (Flatten(3), (2, 5), "flatten: cannot join axes 3 to -1 of an input of shape (2, 5)"),
        (Flatten(0, 3), (2, 5), "flatten: cannot join axes 0 to 3 of an input of shape (2, 5)"),
        (Flatten(2, 1), (2, 5, 4), "flatten: cannot join axes 2 to 1 of an input of shape (2, 5, 4)"),
    ],
)
@pytest.mark.parametrize("method", ["forward", "infer"])
def test_an_input_that_does_not_fit_is_answered_with_both_sizes_and_the_remedy(layer, shape, message, method):
    with pytest.raises(ShapeError) as caught:
        getattr(layer, method)(np.zeros(shape, np.float32))
    assert str(caught.value) == message


# Linear


def test_linear_multiplies_by_the_transposed_weight_and_adds_the_bias():
    layer = Linear(3, 2)
    layer.load_state_dict({"weight": np.array([[1, 2, 3], [-1, 0, 1]]), "bias": np.array([10, 20])})
    assert layer([[1, 1, 1], [2, 0, -1]]).tolist() == [[16, 20], [9, 17]]
    dx = layer.backward(np.array([[1, 0], [2, 1]], np.float32))
    assert dx.tolist() == [[1, 2, 3], [1, 4, 7]]
    assert layer.weight.grad.tolist() == [[5, 1, -1], [2, 0, -1]]
    assert layer.bias.grad.tolist() == [3, 1]


@pytest.mark.parametrize("x", [[[1, 2], [3, 4]], [[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0]])
def test_lists_become_arrays_of_the_layers_dtype(x):
    assert Linear(2, 3)(x).dtype == np.float32
    assert Linear(2, 3).astype("float64")(x).dtype == np.float64


def test_integer_arrays_are_refused_by_a_floating_point_layer():
    with pytest.raises(DTypeError) as caught:
        Linear(2, 3)(np.zeros((1, 2), np.uint8))
    assert str(caught.value) == (
        "Linear computes in float32 and got uint8. "
        "Convert the input first, for example x.astype('float32') / 255 for 8-bit images. "
        "(The class of a layer that is meant for integers says takes_integers = True.)"
    )


def test_float64_input_and_gradients_do_not_promote_a_float32_layer():
    for layer in (Linear(4, 3), Linear(out_features=3), BatchNorm1d(4), BatchNorm1d(4, affine=False)):
        x = np.random.default_rng(0).normal(size=(5, 4))
        assert layer(x).dtype == np.float32
        assert layer.backward(layer(x).astype("float64")).dtype == np.float32
        assert {p.grad.dtype for p in layer.parameters()} <= {np.dtype(np.float32)}
        assert layer.eval()(x).dtype == np.float32


def test_numpy_numbers_as_options_do_not_promote_float32():
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    for layer in (Dropout(np.float64(0.5)), BatchNorm1d(4, eps=np.float64(1e-5), momentum=np.float64(0.1))):
        y, backward = layer.forward(x)
        assert {y.dtype, backward(y).dtype, layer.infer(x).dtype} == {np.dtype(np.float32)}


def test_linear_without_bias_has_one_parameter():
    layer = Linear(2, 3, bias=False)
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer(np.zeros((1, 2), np.float32)).tolist() == [[0, 0, 0]]


def test_sizes_left_out_follow_from_the_first_input():
    layer = Linear(out_features=3)
    assert not layer.built
    layer(np.zeros((5, 7), np.float32))
    assert layer.built
    assert layer.weight.shape == (3, 7)
    assert layer.config()["in_features"] == 7


@pytest.mark.parametrize("layer", [Linear(out_features=3), BatchNorm1d()])
def test_parameters_of_an_unbuilt_layer_are_an_error(layer):
    for ask in (layer.parameters, layer.state_dict, lambda: layer.astype("float64"), lambda: layer.load_state_dict({})):
        with pytest.raises(NotBuiltError, match=f"{type(layer).__name__} infers its sizes from the first input"):
            ask()


def test_build_is_idempotent():
    layer = Linear(out_features=3)
    layer.build((5, 7))
    weight, values = layer.weight, layer.weight.data.copy()
    layer.build((5, 7))
    layer.build((5, 9))  # too late to matter
    assert layer.weight is weight
    assert (weight.data == values).all()


def test_build_draws_from_the_generator_it_is_given():
    one, two, other = (Linear(out_features=3) for _ in range(3))
    one.build((1, 4), np.random.default_rng(5))
    two.build((1, 4), np.random.default_rng(5))
    other.build((1, 4), np.random.default_rng(6))
    assert (one.weight.data == two.weight.data).all()
    assert (one.bias.data == two.bias.data).all()
    assert (one.weight.data != other.weight.data).all()


def test_the_weight_can_be_drawn_by_a_name_or_a_function():
    named, given = Linear(2, 3, init="torch_linear"), Linear(2, 3, init=lambda shape, rng: np.full(shape, 7.0))
    assert np.abs(named.weight.data).max() <= 1 / np.sqrt(2)
    assert (given.weight.data == 7).all()
    with pytest.raises(UnknownComponentError, match="Did you mean 'torch_linear'"):
        Linear(2, 3, init="torch_liner")


# ReLU and Flatten


def test_relu_passes_no_gradient_at_zero():
    layer = ReLU()
    assert layer([-1.0, 0.0, 2.0]).tolist() == [0, 0, 2]
    assert layer.backward(np.array([5.0, 6.0, 7.0])).tolist() == [0, 0, 7]


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (Flatten(), (2, 3, 4), (2, 12)),
        (Flatten(), (2, 3), (2, 3)),
        (Flatten(), (2,), (2, 1)),
        (Flatten(), (0, 3, 4), (0, 12)),
        (Flatten(0), (2, 3, 4), (24,)),
        (Flatten(1, 2), (2, 3, 4, 5), (2, 12, 5)),
        (Flatten(-2, -1), (2, 3, 4, 5), (2, 3, 20)),
    ],
)
def test_flatten_joins_axes_in_c_order_and_back(layer, shape, expected):
    x = np.asfortranarray(np.random.default_rng(0).normal(size=shape))
    y, backward = layer.forward(x)
    assert y.shape == layer.output_shape(shape) == expected
    assert (y.ravel() == x.ravel()).all()
    assert (backward(y) == x).all()


def test_flatten_prints_only_axes_that_are_not_the_usual_ones():
    assert repr(Flatten()) == "Flatten()"
    assert repr(Flatten(1, 2)) == "Flatten(start_dim=1, end_dim=2)"


# Dropout


def test_dropout_keeps_a_share_and_scales_it():
    x = np.random.default_rng(0).normal(size=(100, 400))
    y = Dropout(0.3).forward(x)[0]
    kept = y != 0
    assert abs(kept.mean() - 0.7) < 5 * np.sqrt(0.3 * 0.7 / x.size)
    np.testing.assert_allclose(y[kept], x[kept] / 0.7, rtol=1e-12)


def test_the_gradient_of_dropout_goes_through_the_mask_of_the_output():
    y, backward = Dropout(0.5).forward(np.ones((20, 30)))
    dy = np.random.default_rng(0).normal(size=y.shape)
    assert (backward(dy) == dy * y).all()


def test_dropout_is_the_identity_in_evaluation():
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    layer = Dropout(0.9)
    assert (layer.infer(x) == x).all()
    assert (layer.eval()(x) == x).all()
    y, backward = layer.forward(x)
    assert (y == x).all()
    assert (backward(x) == x).all()


@pytest.mark.parametrize("split", [0, 1, 4, 9])
def test_keyed_dropout_masks_do_not_depend_on_how_the_rows_are_split(split):
    layer, x = Dropout(0.5), np.ones((9, 2, 7))
    with keyed(3, step=5):
        whole = layer.forward(x)[0]
    with keyed(3, step=5):
        top = layer.forward(x[:split])[0]
    with keyed(3, step=5, first_row=split):
        bottom = layer.forward(x[split:])[0]
    assert (np.concatenate([top, bottom]) == whole).all()


def test_keyed_dropout_masks_do_not_depend_on_what_was_drawn_before():
    layer, x = Dropout(0.5), np.ones((9, 7))
    masks = []
    for _ in range(2):
        default_rng().random(3)
        with keyed(0, step=0):
            masks.append([layer.forward(x)[0] for _ in range(2)])
    assert (masks[0][0] == masks[1][0]).all()
    assert (masks[0][1] == masks[1][1]).all()
    assert (masks[0][0] != masks[0][1]).any(), "the second call in a step must draw another mask"


def test_deep_copies_of_a_model_draw_different_masks():
    model, x = Sequential(Dropout(0.5)), np.ones((9, 20))
    twin = copy.deepcopy(model)
    assert (model(x) != twin(x)).any()


# Batch norm


def _batches(shape, n=2):
    rng = np.random.default_rng(0)
    return [rng.normal(3, 2, size=shape) for _ in range(n)]


@pytest.mark.parametrize(("shape", "axes"), [((6, 4), (0,)), ((3, 4, 5), (0, 2))])
def test_batch_norm_normalizes_with_the_biased_variance_and_stores_the_unbiased_one(shape, axes):
    layer = BatchNorm1d(4, momentum=0.3, eps=0.01).astype("float64")
    layer.load_state_dict({"weight": np.arange(4) + 1.0, "bias": np.arange(4) - 1.0}, strict=False)
    mean, var = np.zeros(4), np.ones(4)
    channels = (4, *[1] * (len(shape) - 2))
    scale, shift = (np.arange(4) + 1.0).reshape(channels), (np.arange(4) - 1.0).reshape(channels)
    for x in _batches(shape):
        y = layer.forward(x)[0]
        mu, biased = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        np.testing.assert_allclose(y, (x - mu) / np.sqrt(biased + 0.01) * scale + shift, rtol=1e-12)
        mean = 0.7 * mean + 0.3 * x.mean(axes)
        var = 0.7 * var + 0.3 * x.var(axes, ddof=1)
        np.testing.assert_allclose(layer.running_mean.data, mean, rtol=1e-12)
        np.testing.assert_allclose(layer.running_var.data, var, rtol=1e-12)

    x = _batches(shape, 1)[0]
    y = (x - mean.reshape(channels)) / np.sqrt(var.reshape(channels) + 0.01) * scale + shift
    np.testing.assert_allclose(layer.infer(x), y, rtol=1e-12)
    np.testing.assert_allclose(layer.eval().forward(x)[0], y, rtol=1e-12)


def test_batch_norm_counts_the_batches_of_training_in_int64():
    layer = BatchNorm1d(4)
    for x in _batches((6, 4), 3):
        layer(x)
    layer.eval()(x)
    counter = layer.num_batches_tracked.data
    assert (counter.dtype, counter.shape, int(counter)) == (np.int64, (), 3)
    assert layer.astype("float64").num_batches_tracked.data.dtype == np.int64


@pytest.mark.parametrize("shape", [(1, 4), (1, 4, 1), (0, 4)])
def test_batch_norm_refuses_one_value_per_channel_in_training_only(shape):
    layer, x = BatchNorm1d(4), np.ones(shape, np.float32)
    before = layer.state_dict()
    with pytest.raises(ShapeError) as caught:
        layer(x)
    assert str(caught.value) == (
        f"batch_norm1d: expected more than one value per channel in training, got an input of shape {shape}. "
        "Choose the batch size so that no batch, the last one included, holds a single sample; or call eval()."
    )
    assert all((array == before[name]).all() for name, array in layer.state_dict().items())
    assert layer.eval()(x).shape == shape


def test_a_constant_channel_is_normalized_to_zero():
    y = BatchNorm1d(2)(np.array([[5.0, 1.0], [5.0, 3.0]]))
    np.testing.assert_allclose(y, [[0, -1], [0, 1]], atol=1e-4)


def test_scale_and_shift_of_batch_norm_are_exempt_from_weight_decay():
    assert [p.decay for p in BatchNorm1d(4).parameters()] == [False, False]
    assert [p.decay for p in Linear(4, 3).parameters()] == [True, True]


def test_batch_norm_that_is_not_affine_has_statistics_only():
    layer = BatchNorm1d(4, affine=False)
    assert layer.parameters() == []
    assert sorted(layer.state_dict()) == ["num_batches_tracked", "running_mean", "running_var"]


def test_sizes_may_be_numpy_integers_but_not_truth_values_or_fractions():
    assert Linear(np.int64(4), np.int32(3)).weight.shape == (3, 4)
    for wrong in (True, 3.0, np.float64(3), 0, np.int64(-1)):
        with pytest.raises(ConfigError, match="out_features of Linear must be a positive integer"):
            Linear(4, wrong)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
def test_batch_norm_of_a_few_channels_at_a_time_is_that_of_all_at_once(training, order, monkeypatch):
    rng = np.random.default_rng(0)
    x, dy = (np.asarray(rng.normal(2, 3, size=(4, 7, 5)), order=order) for _ in range(2))
    found = []
    for part_bytes in (1, 2 * 4 * 5 * 8, 1 << 20):  # one channel, two, all of them
        monkeypatch.setattr("nn_core.layers.batchnorm.PART_BYTES", part_bytes)
        layer = BatchNorm1d(7).astype("float64")
        layer = layer.train() if training else layer.eval()
        layer.running_mean.data += 1
        y, backward = layer.forward(x)
        found.append([y, backward(dy), *[p.grad for p in layer.parameters()], *layer.state_dict().values()])
    for some, others in zip(found[0] + found[1], found[2] + found[2], strict=True):
        np.testing.assert_allclose(some, others, rtol=1e-12, atol=1e-12)


def test_going_back_through_an_evaluation_uses_the_statistics_it_was_made_with():
    x = np.random.default_rng(0).normal(2, 3, size=(8, 3))
    gradients = []
    for trains_between in (False, True):
        layer = BatchNorm1d(3).astype("float64").eval()
        _, backward = layer.forward(x)
        if trains_between:
            layer.train()(x)
        backward(np.ones((8, 3)))
        gradients.append(layer.weight.grad)
    np.testing.assert_array_equal(*gradients)
