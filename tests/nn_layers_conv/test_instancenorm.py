"""Normalization of each channel of each image: the checks of all layers, and what is special to it."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import ConfigError, ShapeError, use_collective
from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import InstanceNorm2d

CASES = [
    LayerCase("instance_norm2d", lambda: InstanceNorm2d(3), (4, 3, 2, 3)),
    LayerCase("instance_norm2d, affine", lambda: InstanceNorm2d(3, affine=True), (2, 3, 4, 1)),
    LayerCase("instance_norm2d, inferred", lambda: InstanceNorm2d(affine=True, eps=0.1), (2, 3, 4, 5)),
    LayerCase(
        "instance_norm2d, running statistics",
        lambda: InstanceNorm2d(affine=True, track_running_stats=True),
        (2, 3, 4, 5),
    ),
    LayerCase("instance_norm2d, not affine", lambda: InstanceNorm2d(track_running_stats=True), (2, 3, 2, 2)),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


def images(*shape, seed=0):
    return np.random.default_rng(seed).normal(3, 2, shape)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_every_channel_of_every_image_is_normalized_by_itself(mode):
    x = images(4, 3, 5, 6)
    layer = getattr(InstanceNorm2d(3, eps=1e-12), mode)()
    y = layer(x)
    np.testing.assert_allclose(y.mean((2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var((2, 3)), 1, rtol=1e-10)  # ddof 0: the variance is the biased one
    for i, channel in np.ndindex(4, 3):
        np.testing.assert_allclose(layer(x[i : i + 1])[:, channel], y[i : i + 1, channel], rtol=1e-12)


def test_scale_and_shift_are_per_channel():
    layer = InstanceNorm2d(2, affine=True).astype("float64")
    x = images(3, 2, 4, 4)
    plain = layer(x)
    layer.weight.data[...], layer.bias.data[...] = [2, -1], [0.5, 3]
    scaled = layer(x)
    np.testing.assert_allclose(scaled[:, 0], 2 * plain[:, 0] + 0.5, rtol=1e-12)
    np.testing.assert_allclose(scaled[:, 1], -plain[:, 1] + 3, rtol=1e-12)


def test_scale_and_shift_are_exempt_from_weight_decay():
    assert [parameter.decay for parameter in InstanceNorm2d(3, affine=True).parameters()] == [False, False]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, []),
        ({"affine": True}, ["bias", "weight"]),
        ({"track_running_stats": True}, ["num_batches_tracked", "running_mean", "running_var"]),
    ],
)
def test_the_state_has_the_names_of_pytorch(options, names):
    assert sorted(InstanceNorm2d(3, **options).state_dict()) == names


def test_running_statistics_are_means_over_the_images_and_of_the_unbiased_variance():
    layer = InstanceNorm2d(2, momentum=0.25, track_running_stats=True).astype("float64")
    x = images(3, 2, 4, 5)
    layer(x)
    np.testing.assert_allclose(layer.running_mean.data, 0.25 * x.mean((2, 3)).mean(0), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.data, 0.75 + 0.25 * x.var((2, 3), ddof=1).mean(0), rtol=1e-12)
    assert layer.num_batches_tracked.data == 0, "as in PyTorch"


def test_evaluation_uses_the_running_statistics_where_there_are_any():
    layer = InstanceNorm2d(1, eps=1e-12, track_running_stats=True).astype("float64").eval()
    layer.running_mean.data[...], layer.running_var.data[...] = 10, 4
    y, backward = layer.forward(np.array([[[[10.0, 12.0]]], [[[6.0, 10.0]]]]))
    np.testing.assert_allclose(y, [[[[0, 1]]], [[[-2, 0]]]], rtol=1e-10)
    np.testing.assert_allclose(backward(np.ones_like(y)), np.full_like(y, 0.5), rtol=1e-10)


def test_an_empty_batch_leaves_the_running_statistics_as_they_are():
    layer = InstanceNorm2d(2, track_running_stats=True)
    before = layer.state_dict()
    layer(np.zeros((0, 2, 4, 4), np.float32))
    assert all((array == before[name]).all() for name, array in layer.state_dict().items())


class Half:
    """A member that holds a part of the batch; what the other one sends is known."""

    size = 2

    def __init__(self, rank, others=None):
        self.rank, self.others, self.sent = rank, others, None

    def all_reduce(self, x):
        self.sent = x
        return x if self.others is None else x + self.others


def test_running_statistics_of_a_shared_batch_are_those_of_the_whole_and_the_first_member_keeps_them():
    x = images(5, 2, 3, 4)
    whole, first, second = (InstanceNorm2d(2, track_running_stats=True).astype("float64") for _ in range(3))
    whole(x)
    there = Half(1)
    with use_collective(there):
        second(x[:1])
    with use_collective(Half(0, there.sent)):
        first(x[1:])
    for name, array in whole.state_dict().items():
        np.testing.assert_allclose(first.state_dict()[name], array, rtol=1e-12)
    assert (second.running_mean.data == 0).all()
    assert (second.running_var.data == 1).all()


def test_large_images_far_from_zero_are_normalized_to_float32_accuracy_in_the_memory_order_of_convolutions():
    x = np.random.default_rng(0).uniform(28, 32, (3, 100, 100, 8)).astype(np.float32).transpose(3, 0, 1, 2)
    expected = InstanceNorm2d(3)(x.astype(np.float64))
    np.testing.assert_allclose(InstanceNorm2d(3)(x), expected, atol=3e-5)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (3, 5, 5),
            "instance_norm2d: expected images of shape (N, C, H, W), got (3, 5, 5)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (
            (2, 4, 5, 5),
            "instance_norm2d: expected 3 channels on axis 1, got 4. "
            "Leave num_features out to have it inferred, or set it to 4.",
        ),
        (
            (2, 3, 0, 5),
            "instance_norm2d: cannot normalize images without a single element, got an input of shape (2, 3, 0, 5)",
        ),
        (
            (2, 3, 1, 1),
            "instance_norm2d: expected more than one value per image and channel, got an input of shape (2, 3, 1, 1). "
            "Reduce the size less in the layers before, or normalize over more than one image or channel, with "
            "BatchNorm2d or GroupNorm.",
        ),
    ],
)
def test_an_input_that_does_not_fit_is_refused_by_name(shape, message):
    layer, x = InstanceNorm2d(3), np.zeros(shape, np.float32)
    for method in (layer.forward, layer.infer):
        with pytest.raises(ShapeError) as caught:
            method(x)
        assert str(caught.value) == message


def test_images_of_one_value_are_no_error_where_running_statistics_are_used():
    layer = InstanceNorm2d(3, track_running_stats=True)
    x = np.ones((2, 3, 1, 1), np.float32)
    with pytest.raises(ShapeError, match="more than one value per image and channel"):
        layer(x)
    np.testing.assert_allclose(layer.infer(x), x, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_features": 0}, "num_features of InstanceNorm2d must be a positive integer, got 0."),
        ({"eps": 0}, "eps of InstanceNorm2d must be a number above 0, got 0."),
        ({"momentum": 1.5}, "momentum of InstanceNorm2d must be a number from 0 to 1, got 1.5."),
        ({"affine": "yes"}, "affine of InstanceNorm2d must be true or false, got 'yes'."),
        ({"track_running_stats": None}, "track_running_stats of InstanceNorm2d is missing: give it true or false."),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ConfigError) as caught:
        InstanceNorm2d(**options)
    assert str(caught.value) == message


def test_options_stand_in_the_order_of_pytorch():
    layer = InstanceNorm2d(3, 1e-3, 0.5, True, True)
    assert layer.config() == {
        "num_features": 3,
        "eps": 1e-3,
        "momentum": 0.5,
        "affine": True,
        "track_running_stats": True,
    }
