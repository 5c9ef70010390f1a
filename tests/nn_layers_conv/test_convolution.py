"""Convolution against loops that do what the formula says, and the two kernels under it."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, DTypeError, NotBuiltError, Sequential, ShapeError, seed
from nn_layers_conv import BatchNorm2d, Conv2d, MaxPool2d
from nn_layers_conv.windows import col2im, grid, im2col

quickly = settings(max_examples=40, deadline=None, derandomize=True, database=None)


@st.composite
def geometries(draw, max_padding=None):
    """Return (input shape, kernel size, stride, padding) that leave room for a window."""
    pairs = [tuple(draw(st.integers(1, 3)) for _ in range(2)) for _ in range(2)]
    kernel_size, stride = pairs
    limits = [size // 2 if max_padding == "half" else 2 for size in kernel_size]
    padding = tuple(draw(st.integers(0, limit)) for limit in limits)
    least = [max(1, size - 2 * margin) for size, margin in zip(kernel_size, padding, strict=True)]
    image = tuple(draw(st.integers(low, low + 4)) for low in least)
    return (draw(st.integers(1, 3)), draw(st.integers(1, 3)), *image), kernel_size, stride, padding


def by_loops(x, weight, bias, stride, padding):
    """Return the convolution of x, one product of a window and a filter at a time."""
    x = np.pad(x, [(0, 0), (0, 0), *((margin, margin) for margin in padding)])
    (n, _, height, width), (o, _, rows, columns) = x.shape, weight.shape
    y = np.zeros((n, o, (height - rows) // stride[0] + 1, (width - columns) // stride[1] + 1))
    for image, channel, i, j in np.ndindex(*y.shape):
        top, left = i * stride[0], j * stride[1]
        window = x[image, :, top : top + rows, left : left + columns]
        y[image, channel, i, j] = (window * weight[channel]).sum() + bias[channel]
    return y


def test_a_convolution_worked_by_hand():
    layer = Conv2d(1, 1, 2, padding=(0, 1))
    layer.load_state_dict({"weight": np.array([[[[1, 2], [3, 4]]]]), "bias": np.array([10])})
    x = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    # Columns of zeros left and right; the filter is not turned around: (0 1 2 0) over (0 3 4 0).
    expected = [[2 * 1 + 4 * 3, 1 * 1 + 2 * 2 + 3 * 3 + 4 * 4, 1 * 2 + 3 * 4]]
    assert (layer(x)[0, 0] - 10).tolist() == expected
    dx = layer.backward(np.array([[[[1.0, 10.0, 100.0]]]]))
    assert dx.tolist() == [[[[2 + 10, 20 + 100], [4 + 30, 40 + 300]]]]
    assert layer.weight.grad.tolist() == [[[[10 * 1 + 100 * 2, 1 * 1 + 10 * 2], [10 * 3 + 100 * 4, 1 * 3 + 10 * 4]]]]
    assert layer.bias.grad.tolist() == [111]


@quickly
@given(geometry=geometries(), out_channels=st.integers(1, 3), bias=st.booleans(), data=st.integers(0, 1000))
def test_a_convolution_is_what_the_loops_give(geometry, out_channels, bias, data):
    shape, kernel_size, stride, padding = geometry
    rng = np.random.default_rng(data)
    x = rng.normal(size=shape)
    layer = Conv2d(shape[1], out_channels, kernel_size, stride=stride, padding=padding, bias=bias).astype("float64")
    for parameter in layer.parameters():
        parameter.data[...] = rng.normal(size=parameter.shape)
    shift = layer.bias.data if bias else np.zeros(out_channels)
    y, backward = layer.forward(x)
    np.testing.assert_allclose(y, by_loops(x, layer.weight.data, shift, stride, padding), rtol=1e-10, atol=1e-12)
    assert y.shape == layer.output_shape(shape)

    # y is linear in x and in the weight, so each gradient is fixed by ⟨gradient, anything⟩ = ⟨dy, what it adds to y⟩.
    dy, other = rng.normal(size=y.shape), rng.normal(size=shape)
    weights = rng.normal(size=layer.weight.shape)
    dx = backward(dy)
    zero = np.zeros(out_channels)
    assert (dx * other).sum() == pytest.approx((dy * by_loops(other, layer.weight.data, zero, stride, padding)).sum())
    assert (layer.weight.grad * weights).sum() == pytest.approx(
        (dy * by_loops(x, weights, zero, stride, padding)).sum()
    )
    if bias:
        np.testing.assert_allclose(layer.bias.grad, dy.sum((0, 2, 3)), rtol=1e-10, atol=1e-12)


@quickly
@given(geometry=geometries(), data=st.integers(0, 1000))
def test_col2im_is_the_adjoint_of_im2col(geometry, data):
    shape, *window = geometry
    rng = np.random.default_rng(data)
    x = rng.normal(size=shape)
    columns = im2col(x, *window)
    c = rng.normal(size=columns.shape)
    back = col2im(c, shape, *window)
    assert back.shape == shape
    assert (columns * c).sum() == pytest.approx((x * back).sum())


@quickly
@given(geometry=geometries())
def test_the_columns_are_the_windows(geometry):
    shape, kernel_size, stride, padding = geometry
    n, c, height, width = shape
    x = np.arange(1.0, n * c * height * width + 1).reshape(shape)
    out = grid(shape, kernel_size, stride, padding)
    columns = im2col(x, kernel_size, stride, padding).reshape(c, *kernel_size, n, *out)
    for channel, i, j, image, row, column in np.ndindex(*columns.shape):
        y, z = row * stride[0] + i - padding[0], column * stride[1] + j - padding[1]
        expected = x[image, channel, y, z] if 0 <= y < height and 0 <= z < width else 0
        assert columns[channel, i, j, image, row, column] == expected


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_keep_the_dtype(dtype):
    x = np.ones((2, 3, 5, 4), dtype)
    columns = im2col(x, (3, 2), (1, 1), (1, 1))
    assert columns.dtype == col2im(columns, x.shape, (3, 2), (1, 1), (1, 1)).dtype == dtype


def test_sizes_may_be_numbers_pairs_or_lists():
    seed(0)
    layers = [
        Conv2d(2, 3, 3, stride=2, padding=1),
        Conv2d(2, 3, (3, 3), stride=(2, 2), padding=(1, 1)),
        Conv2d(2, 3, [3, 3], stride=[2, 2], padding=[1, 1]),
    ]
    assert len({repr(layer) for layer in layers}) == 1
    assert layers[2].config()["kernel_size"] == (3, 3)


def test_the_bias_and_the_weights_are_drawn_within_one_over_the_root_of_the_window():
    seed(0)
    layer = Conv2d(5, 200, (3, 2))
    bound = 1 / np.sqrt(5 * 3 * 2)
    for parameter in layer.parameters():
        assert 0.98 * bound < np.abs(parameter.data).max() <= bound
    assert [name for name, _ in Conv2d(5, 2, 3, bias=False).named_parameters()] == ["weight"]


def test_channels_left_out_follow_from_the_first_input():
    layer = Conv2d(out_channels=4, kernel_size=3)
    with pytest.raises(NotBuiltError, match="Conv2d infers its sizes"):
        layer.parameters()
    assert layer(np.zeros((2, 5, 6, 6), np.float32)).shape == (2, 4, 4, 4)
    assert layer.weight.shape == (4, 5, 3, 3)
    weight = layer.weight
    layer.build((2, 5, 9, 9))
    assert layer.weight is weight


def test_the_gradient_of_the_input_can_be_declined():
    seed(0)
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 5)).astype("float32")
    model = Sequential(Conv2d(3, 4, 3), BatchNorm2d(4))
    gradients = []
    for declined in (False, True):
        model.zero_grad()
        y, backward = model.forward(x, input_gradient=not declined)
        assert (backward(np.ones_like(y) + x[:, :1, 1:4, 1:4]) is None) == declined
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert all((one == two).all() for one, two in zip(*gradients, strict=True))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 5), "conv2d: expected images of shape (N, C, H, W), got (2, 3, 5)"),
        ((2, 3, 5, 5, 5), "conv2d: expected images of shape (N, C, H, W), got (2, 3, 5, 5, 5)"),
        (
            (2, 1, 5, 5),
            "conv2d: expected 3 channels on axis 1, got 1. Leave in_channels out to have it inferred, or set it to 1.",
        ),
        (
            (2, 3, 4, 1),
            "conv2d: kernel_size (4, 4) with padding (1, 0) does not fit into images of 4×1: the output would be 3×-2",
        ),
    ],
)
@pytest.mark.parametrize("method", ["forward", "infer"])
def test_an_input_that_does_not_fit_is_answered_with_both_sizes(shape, message, method):
    with pytest.raises(ShapeError) as caught:
        getattr(Conv2d(3, 4, 4, padding=(1, 0)), method)(np.zeros(shape, np.float32))
    assert str(caught.value) == message


def test_images_in_a_model_are_refused_with_the_place():
    model = Sequential(Conv2d(1, 4, 3), MaxPool2d(2), Conv2d(8, 4, 3))
    with pytest.raises(ShapeError) as caught:
        model(np.zeros((2, 1, 12, 12), np.float32))
    assert str(caught.value) == (
        "model.layers[2] (conv2d): expected 8 channels on axis 1, got 4 from max_pool2d (4, 5, 5). "
        "Leave in_channels out to have it inferred, or set it to 4."
    )


def test_bytes_are_refused_with_the_way_out():
    with pytest.raises(DTypeError, match=re.escape("x.astype('float32') / 255 for 8-bit images")):
        Conv2d(1, 2, 3)(np.zeros((1, 1, 5, 5), np.uint8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"out_channels": None}, "out_channels of Conv2d is missing: give it a positive integer."),
        ({"out_channels": 0}, "out_channels of Conv2d must be a positive integer, got 0."),
        ({"in_channels": 1.5}, "in_channels of Conv2d must be a positive integer, got 1.5."),
        ({"kernel_size": None}, "kernel_size of Conv2d is missing: give it a positive integer."),
        ({"kernel_size": 0}, "kernel_size of Conv2d must be a positive integer, got (0, 0)."),
        ({"kernel_size": "3"}, "kernel_size of Conv2d must be an integer or a pair of them, got '3'."),
        ({"kernel_size": 2.0}, "kernel_size of Conv2d must be an integer or a pair of them, got 2.0."),
        ({"kernel_size": (3, 3, 3)}, "kernel_size of Conv2d must be an integer or a pair of them, got (3, 3, 3)."),
        ({"kernel_size": (3, 0.5)}, "kernel_size of Conv2d must be a positive integer, got (3, 0.5)."),
        ({"stride": 0}, "stride of Conv2d must be a positive integer, got (0, 0)."),
        ({"padding": -1}, "padding of Conv2d must be an integer of at least 0, got (-1, -1)."),
        ({"padding": (1, True)}, "padding of Conv2d must be an integer of at least 0, got (1, True)."),
        ({"bias": "no"}, "bias of Conv2d must be true or false, got 'no'."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        Conv2d(**({"in_channels": 3, "out_channels": 4, "kernel_size": 3} | options))


# Batch norm of images


def test_statistics_of_images_are_taken_per_channel_over_all_places():
    x = np.random.default_rng(0).normal(2, 3, size=(4, 3, 2, 5))
    layer = BatchNorm2d(3).astype("float64")
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    np.testing.assert_allclose(layer(x), (x - mean) / np.sqrt(var + 1e-5), rtol=1e-12)
    np.testing.assert_allclose(layer.running_mean.data, 0.1 * mean.ravel(), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.data, 0.9 + 0.1 * x.var((0, 2, 3), ddof=1), rtol=1e-12)


def test_batch_norm_of_images_takes_images_only():
    with pytest.raises(
        ShapeError, match=re.escape("batch_norm2d: expected an input of shape (N, C, H, W), got (4, 3)")
    ):
        BatchNorm2d(3)(np.zeros((4, 3), np.float32))
    with pytest.raises(ShapeError, match="expected more than one value per channel in training"):
        BatchNorm2d(3)(np.zeros((1, 3, 1, 1), np.float32))


def test_a_frozen_filter_is_no_work_and_leaves_the_other_gradients_as_they_are():
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 3, 5, 5)), rng.normal(size=(2, 4, 3, 3))
    layer = Conv2d(3, 4, 3).astype("float64")
    _, backward = layer.forward(x)
    expected, bias = backward(dy), layer.bias.grad
    layer.zero_grad()
    layer.weight.requires_grad = False
    _, backward = layer.forward(x)
    np.testing.assert_array_equal(backward(dy), expected)
    np.testing.assert_array_equal(layer.bias.grad, bias)
    assert layer.weight.grad is None
