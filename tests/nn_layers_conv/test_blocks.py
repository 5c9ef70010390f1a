"""Layers made of others: the checks of all layers, and that each is what its parts make."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import ConfigError, NotBuiltError, ReLU, Residual, Sequential, ShapeError, seed
from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import BatchNorm2d, Conv2d, DepthwiseSeparableConv2d, ResidualBlock2d

CASES = [
    LayerCase("depthwise_separable_conv2d", lambda: DepthwiseSeparableConv2d(2, 3, 3, padding=1), (2, 2, 5, 4)),
    LayerCase(
        "depthwise_separable_conv2d, inferred",
        lambda: DepthwiseSeparableConv2d(
            out_channels=2, kernel_size=2, padding="same", stride=2, dilation=2, depth_multiplier=2, bias=False
        ),
        (2, 3, 5, 4),
    ),
    LayerCase(
        "depthwise_separable_conv2d, circular",
        lambda: DepthwiseSeparableConv2d(2, 2, 3, padding=1, padding_mode="circular"),
        (2, 2, 3, 4),
    ),
    LayerCase("residual_block2d", lambda: ResidualBlock2d(2), (3, 2, 4, 3), min_batch=1),
    LayerCase("residual_block2d, inferred", lambda: ResidualBlock2d(out_channels=3), (3, 2, 4, 3), min_batch=1),
    LayerCase("residual_block2d, stride", lambda: ResidualBlock2d(2, 2, stride=(1, 2)), (3, 2, 4, 3), min_batch=1),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


def test_filters_that_are_products_make_one_convolution():
    rng = np.random.default_rng(0)
    layer = DepthwiseSeparableConv2d(3, 4, (3, 2), stride=2, padding=1, depth_multiplier=2).astype("float64")
    whole = Conv2d(3, 4, (3, 2), stride=2, padding=1).astype("float64")
    depthwise, pointwise = layer.depthwise.weight.data, layer.pointwise.weight.data
    # Channel c of x has the filters 2c and 2c + 1.
    weight = np.einsum("ocm,cmij->ocij", pointwise.reshape(4, 3, 2), depthwise.reshape(3, 2, 3, 2))
    whole.load_state_dict({"weight": weight, "bias": layer.pointwise.bias.data})
    x = rng.normal(size=(2, 3, 7, 6))
    y, backward = layer.forward(x)
    expected, back = whole.forward(x)
    dy = rng.normal(size=y.shape)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(backward(dy), back(dy), rtol=1e-12, atol=1e-12)


def test_a_block_is_two_convolutions_with_a_connection_around_them():
    rng = np.random.default_rng(0)
    block = ResidualBlock2d(3, 5, stride=2).astype("float64")
    conv1 = Conv2d(3, 5, 3, stride=2, padding=1, bias=False)
    conv2 = Conv2d(5, 5, 3, padding=1, bias=False)
    shortcut = Sequential(Conv2d(3, 5, 1, stride=2, bias=False), BatchNorm2d(5))
    parts = Residual(conv1, BatchNorm2d(5), ReLU(), conv2, BatchNorm2d(5), shortcut=shortcut)
    whole = Sequential(parts, ReLU()).astype("float64")
    names = {"conv1": "layers.0", "bn1": "layers.1", "conv2": "layers.3", "bn2": "layers.4", "downsample": "shortcut"}
    state = {
        re.sub(r"^\w+", lambda found: f"0.{names[found[0]]}", name): array for name, array in block.state_dict().items()
    }
    whole.load_state_dict(state)
    x = rng.normal(size=(4, 3, 6, 5))
    for mode in ("train", "eval"):
        y, backward = getattr(block, mode)().forward(x)
        expected, back = getattr(whole, mode)().forward(x)
        dy = rng.normal(size=y.shape)
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(backward(dy), back(dy), rtol=1e-10, atol=1e-12)


def test_a_block_has_the_names_of_the_resnets_of_torchvision():
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    plain = ["conv1.weight", *(f"bn1.{n}" for n in norm), "conv2.weight", *(f"bn2.{n}" for n in norm)]
    assert list(ResidualBlock2d(4, 4).state_dict()) == plain
    around = ["downsample.0.weight", *(f"downsample.1.{n}" for n in norm)]
    assert list(ResidualBlock2d(4, 6).state_dict()) == plain + around
    assert list(ResidualBlock2d(4, 4, stride=2).state_dict()) == plain + around


def test_what_is_left_out_follows_from_the_first_input():
    layer, block = DepthwiseSeparableConv2d(out_channels=4, kernel_size=3), ResidualBlock2d(stride=2)
    for part in (layer, block):
        with pytest.raises(NotBuiltError, match="infers its sizes"):
            part.parameters()
    model = Sequential(layer, block)
    assert model(np.zeros((2, 5, 7, 8), np.float32)).shape == (2, 4, 3, 3)
    assert repr(block) == "ResidualBlock2d(in_channels=4, out_channels=4, stride=(2, 2))"
    assert [array.shape for array in layer.params.values()] == [(5, 1, 3, 3), (4, 5, 1, 1), (4,)]


@pytest.mark.parametrize("make", [lambda init: ResidualBlock2d(3, 4, init=init), lambda init: separable(init)])
def test_the_generator_and_the_initializer_are_those_that_are_given(make):
    def weights(layer):
        return [array for name, array in layer.params.items() if array.ndim == 4]

    assert all((weight == 0).all() for weight in weights(make("zeros")))
    layers = []
    for default in (0, 1):
        seed(default)
        layer = Sequential(make(None).from_config({**make(None).config(), "in_channels": None}))
        layer.build((1, 3, 5, 5), np.random.default_rng(7))
        layers.append(weights(layer))
    assert len(layers[0]) >= 2
    assert all((one == two).all() for one, two in zip(*layers, strict=True))


def separable(init):
    return DepthwiseSeparableConv2d(3, 4, 3, init=init)


def test_the_gradient_of_the_input_can_be_declined():
    x = np.random.default_rng(0).normal(size=(3, 2, 5, 4)).astype("float32")
    for layer in (ResidualBlock2d(2), ResidualBlock2d(2, 3), DepthwiseSeparableConv2d(2, 3, 3)):
        gradients = []
        for declined in (False, True):
            layer.zero_grad()
            y, backward = layer.forward(x, input_gradient=not declined)
            assert (backward(np.cos(y)) is None) == declined
            gradients.append([parameter.grad for parameter in layer.parameters()])
        assert all((one == two).all() for one, two in zip(*gradients, strict=True))


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (ResidualBlock2d(2), (2, 2, 5), "residual_block2d: expected images of shape (N, C, H, W), got (2, 2, 5)"),
        (
            ResidualBlock2d(2),
            (2, 3, 5, 5),
            "residual_block2d: expected 2 channels on axis 1, got 3. "
            "Leave in_channels out to have it inferred, or set it to 3.",
        ),
        (ResidualBlock2d(), (2, 3, 0, 5), "residual_block2d: expected images with at least one channel and pixel"),
        (
            DepthwiseSeparableConv2d(2, 4, 3),
            (2, 3, 5, 5),
            "depthwise_separable_conv2d: expected 2 channels on axis 1, got 3. "
            "Leave in_channels out to have it inferred, or set it to 3.",
        ),
        (
            DepthwiseSeparableConv2d(out_channels=4, kernel_size=3),
            (2, 3, 5, 2),
            "depthwise_separable_conv2d: kernel_size (3, 3) with padding (0, 0) does not fit into images of 5×2: "
            "the output would be 3×0",
        ),
    ],
)
def test_an_input_that_does_not_fit_is_refused_in_the_name_of_the_block(layer, shape, message):
    for method in ("forward", "infer"):
        with pytest.raises(ShapeError, match=re.escape(message)):
            getattr(layer, method)(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResidualBlock2d(0), "in_channels of ResidualBlock2d must be a positive integer, got 0."),
        (lambda: ResidualBlock2d(2, stride=0), "stride of ResidualBlock2d must be a positive integer, got (0, 0)."),
        (lambda: DepthwiseSeparableConv2d(2, 4), "kernel_size of DepthwiseSeparableConv2d is missing"),
        (
            lambda: DepthwiseSeparableConv2d(2, 4, 3, depth_multiplier=0),
            "depth_multiplier of DepthwiseSeparableConv2d must be a positive integer, got 0.",
        ),
        (
            lambda: DepthwiseSeparableConv2d(2, 4, 3, padding_mode="mirror"),
            "padding_mode of DepthwiseSeparableConv2d must be one of zeros, reflect, replicate, circular, got",
        ),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(make, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make()
