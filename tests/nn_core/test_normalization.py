"""Layer, RMS and group norm: their formulas, which axes they take, and independence of the batch."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import BatchNorm1d, GroupNorm, LayerNorm, Parameter, RMSNorm, Sequential, seed


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def draw(*shape):
    return np.random.default_rng(1).normal(3, 2, size=shape)


def with_random_parameters(layer, shape):
    layer.build(shape)
    layer.astype("float64")
    for parameter in layer.parameters():
        parameter.data = np.random.default_rng(2).normal(size=parameter.shape)
    return layer


@pytest.mark.parametrize(
    ("sizes", "axes"), [((5,), (-1,)), (5, (-1,)), ([4, 5], (-2, -1)), ((3, 4, 5), (-3, -2, -1)), (None, (-1,))]
)
def test_layer_norm_centers_and_scales_the_last_axes(sizes, axes):
    x = draw(2, 3, 4, 5)
    layer = with_random_parameters(LayerNorm(sizes, eps=0.01), x.shape)
    assert layer.normalized_shape == layer.weight.shape == layer.bias.shape == x.shape[-len(axes) :]
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    expected = (x - mean) / np.sqrt(var + 0.01) * layer.weight.data + layer.bias.data
    np.testing.assert_allclose(layer.forward(x)[0], expected, rtol=1e-12)


@pytest.mark.parametrize(("sizes", "axes"), [(5, (-1,)), ((4, 5), (-2, -1)), (None, (-1,))])
def test_rms_norm_divides_by_the_root_mean_square_and_does_not_center(sizes, axes):
    x = draw(2, 4, 5)
    layer = with_random_parameters(RMSNorm(sizes, eps=0.01), x.shape)
    expected = x / np.sqrt((x**2).mean(axes, keepdims=True) + 0.01) * layer.weight.data
    np.testing.assert_allclose(layer.forward(x)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_eps_of_rms_norm_is_that_of_the_dtype_if_left_out(dtype):
    x = np.full((1, 4), 1e-4, dtype)
    expected = 1e-4 / np.sqrt(1e-8 + np.finfo(dtype).eps)
    np.testing.assert_allclose(RMSNorm(4).astype(dtype)(x), np.full((1, 4), expected), rtol=1e-6)


@pytest.mark.parametrize("places", [(), (7,), (3, 2)])
@pytest.mark.parametrize("groups", [1, 2, 3, 6])
def test_group_norm_centers_and_scales_each_group_of_channels(groups, places):
    x = draw(2, 6, *places)
    layer = with_random_parameters(GroupNorm(groups, 6, eps=0.01), x.shape)
    y = layer.forward(x)[0]
    size = 6 // groups
    for n in range(2):
        for c in range(6):
            group = x[n, c // size * size : c // size * size + size]
            expected = (x[n, c] - group.mean()) / np.sqrt(group.var() + 0.01)
            np.testing.assert_allclose(y[n, c], expected * layer.weight.data[c] + layer.bias.data[c], rtol=1e-10)


@pytest.mark.parametrize("layer", [LayerNorm(6), GroupNorm(2, 6), RMSNorm(6)])
def test_training_and_evaluation_are_the_same(layer):
    x = draw(3, 6).astype("float32")
    assert (layer.train()(x) == layer.eval()(x)).all()
    assert (layer.train()(x)[1:2] == layer(x[1:2])).all()


@pytest.mark.parametrize("layer", [LayerNorm(5), GroupNorm(1, 5)])
def test_values_far_from_zero_are_centered_exactly(layer):
    x = (draw(4, 5) + 1e4).astype("float32")
    wide = x.astype("float64")
    expected = (wide - wide.mean(1, keepdims=True)) / np.sqrt(wide.var(1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(layer(x), expected, atol=2e-3)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (LayerNorm(4), ["weight", "bias"]),
        (LayerNorm(4, bias=False), ["weight"]),
        (LayerNorm(4, elementwise_affine=False), []),
        (RMSNorm(4), ["weight"]),
        (RMSNorm(4, elementwise_affine=False), []),
        (GroupNorm(2, 4), ["weight", "bias"]),
        (GroupNorm(2, 4, affine=False), []),
    ],
)
def test_scales_start_at_one_shifts_at_zero_and_neither_decays(layer, names):
    assert list(layer.state_dict()) == names
    for name, parameter in layer.named_parameters():
        assert not parameter.decay
        assert (parameter.data == (name == "weight")).all()


@pytest.mark.parametrize("layer", [LayerNorm(), RMSNorm(), GroupNorm(2)])
def test_sizes_left_out_follow_from_the_first_input(layer):
    assert not layer.built
    model = Sequential(layer)
    model.build((2, 4, 6))
    assert layer.weight.shape == ((4,) if isinstance(layer, GroupNorm) else (6,))
    assert model.infer(np.ones((1, 4, 6), np.float32)).shape == (1, 4, 6)


@pytest.mark.parametrize("name", ["weight", "bias"])
@pytest.mark.parametrize("make", [lambda: LayerNorm(6), lambda: GroupNorm(2, 6), lambda: BatchNorm1d(6).eval()])
def test_a_frozen_parameter_gets_no_gradient_and_changes_no_other(make, name):
    layer, free = make().astype("float64"), make().astype("float64")
    getattr(layer, name).requires_grad = False
    x, dy = draw(3, 6), np.random.default_rng(3).normal(size=(3, 6))
    assert (layer.forward(x)[1](dy) == free.forward(x)[1](dy)).all()
    other = "bias" if name == "weight" else "weight"
    assert getattr(layer, name).grad is None
    assert (getattr(layer, other).grad == getattr(free, other).grad).all()


@pytest.mark.parametrize("layer", [LayerNorm(1), GroupNorm(3, 3)])
def test_a_single_value_becomes_zero_and_gets_no_gradient(layer):
    x = draw(4, layer.weight.size).astype("float32")
    y, backward = layer.forward(x)
    assert (y == 0).all()
    assert (backward(x) == 0).all()


def test_nothing_is_summed_for_frozen_batch_norm_in_evaluation(monkeypatch):
    layer = BatchNorm1d(6).eval()
    layer.weight.requires_grad = layer.bias.requires_grad = False
    x = draw(3, 6).astype("float32")
    expected = BatchNorm1d(6).eval().forward(x)[1](x)
    given = []
    monkeypatch.setattr(Parameter, "accumulate", lambda parameter, gradient: given.append(gradient))
    assert (layer.forward(x)[1](x) == expected).all()
    assert given == []


def test_the_mode_can_be_chosen_call_by_call():
    layer, x = BatchNorm1d(2).astype("float64"), np.array([[1.0, 10.0], [3.0, 30.0]])
    trained, seen = layer.forward(x)[0], layer.infer(x)
    np.testing.assert_allclose(trained, [[-1, -1], [1, 1]], rtol=1e-5)
    mean, var = layer.running_mean.data, layer.running_var.data
    np.testing.assert_allclose(seen, (x - mean) / np.sqrt(var + 1e-5), rtol=1e-12)
    assert layer.training, "choosing evaluation for one call leaves the mode as it was"


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0)], ids=["samples first", "samples last"])
def test_large_images_are_normalized_as_exactly_whatever_their_order_in_memory(order):
    x = np.random.default_rng(0).normal(3, 2, size=(2, 8, 90, 90)).astype("float32")
    laid = np.ascontiguousarray(x.transpose(order)).transpose(np.argsort(order))
    groups = x.astype("float64").reshape(2, 2, -1)
    expected = (groups - groups.mean(2, keepdims=True)) / np.sqrt(groups.var(2, keepdims=True) + 1e-5)
    np.testing.assert_allclose(GroupNorm(2, 8)(laid), expected.reshape(x.shape), atol=3e-6)
