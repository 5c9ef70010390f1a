"""Transposed convolution against loops, and as the transpose of a convolution."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, ShapeError, seed
from nn_layers_conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d

TRANSPOSED, DIRECT = {1: ConvTranspose1d, 2: ConvTranspose2d}, {1: Conv1d, 2: Conv2d}

quickly = settings(max_examples=80, deadline=None, derandomize=True, database=None)


@st.composite
def transposed(draw):
    """Return a layer in float64 and the shape of an input that it takes."""
    rank, groups = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    kernel_size, stride = (tuple(draw(st.integers(1, 3)) for _ in range(rank)) for _ in range(2))
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(rank))
    more = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation, strict=True))
    places = tuple(draw(st.integers(1, 4)) for _ in range(rank))
    padding = tuple(
        draw(st.integers(0, min(2, ((n - 1) * s + d * (k - 1) + m) // 2)))
        for n, s, d, k, m in zip(places, stride, dilation, kernel_size, more, strict=True)
    )
    c, o = (groups * draw(st.integers(1, 2)) for _ in range(2))
    layer = TRANSPOSED[rank](c, o, kernel_size, stride, padding, more, groups, draw(st.booleans()), dilation)
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    layer.astype("float64")
    for parameter in layer.parameters():
        parameter.data[...] = rng.normal(size=parameter.shape)
    return layer, (draw(st.integers(0, 2)), c, *places), rng


def by_loops(x, layer):
    """Return y, to which every element of x adds its multiple of the filters."""
    weight, groups = layer.weight.data, layer.groups
    inputs, outputs = len(weight) // groups, weight.shape[1]
    reach = [
        (n - 1) * s + d * (k - 1) + 1 + m
        for n, s, d, k, m in zip(
            x.shape[2:], layer.stride, layer.dilation, layer.kernel_size, layer.output_padding, strict=True
        )
    ]
    y = np.zeros((len(x), outputs * groups, *reach))
    for c, *place in np.ndindex(*x.shape[1:]):
        first = c // inputs * outputs
        part = tuple(
            slice(e * s, e * s + d * (k - 1) + 1, d)
            for e, s, d, k in zip(place, layer.stride, layer.dilation, layer.kernel_size, strict=True)
        )
        y[:, first : first + outputs, *part] += x[:, c, *place].reshape(-1, *[1] * (x.ndim - 1)) * weight[c]
    kept = tuple(slice(p, n - p) for p, n in zip(layer.padding, reach, strict=True))
    y = y[:, :, *kept]
    return y if layer.bias is None else y + layer.bias.data.reshape(-1, *[1] * (x.ndim - 2))


@quickly
@given(case=transposed())
def test_a_transposed_convolution_is_what_the_loops_give(case):
    layer, shape, rng = case
    x = rng.normal(size=shape)
    y, backward = layer.forward(x)
    np.testing.assert_allclose(y, by_loops(x, layer), rtol=1e-10, atol=1e-12)
    assert y.shape == layer.output_shape(shape)
    dy, other = rng.normal(size=y.shape), rng.normal(size=shape)
    dx = backward(dy)
    if layer.bias is not None:
        np.testing.assert_allclose(layer.bias.grad, dy.sum((0, *range(2, dy.ndim))), rtol=1e-10, atol=1e-12)
        layer.bias.data[...] = 0
    assert (dx * other).sum() == pytest.approx((dy * by_loops(other, layer)).sum(), abs=1e-10)
    gradient = layer.weight.grad
    layer.weight.data[...] = rng.normal(size=layer.weight.shape)
    assert (gradient * layer.weight.data).sum() == pytest.approx((dy * by_loops(x, layer)).sum(), abs=1e-10)


@quickly
@given(case=transposed())
def test_it_is_the_transpose_of_the_convolution_with_the_same_options(case):
    layer, shape, rng = case
    rank = len(shape) - 2
    if layer.bias is not None:
        layer.bias.data[...] = 0
    direct = DIRECT[rank](
        layer.out_channels,
        layer.in_channels,
        layer.kernel_size,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
        bias=False,
    ).astype("float64")
    direct.load_state_dict({"weight": layer.weight.data})
    x = rng.normal(size=shape)
    y = layer.infer(x)
    other = rng.normal(size=y.shape)
    there = direct.infer(other)[:, :, *(slice(n) for n in shape[2:])]  # output_padding may make room for one more
    assert (x * there).sum() == pytest.approx((y * other).sum(), abs=1e-10)


@pytest.mark.parametrize("stride", [1, 2, 3, (1, 2)])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 5])
def test_same_padding_makes_the_size_that_same_padding_took_apart(stride, kernel_size):
    options = {"kernel_size": kernel_size, "stride": stride, "padding": "same", "bias": False}
    layer = ConvTranspose2d(2, 3, **options).astype("float64")
    steps = (stride, stride) if isinstance(stride, int) else stride
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 2, 4, 3))
    y = layer.infer(x)
    assert y.shape == (2, 3, 4 * steps[0], 3 * steps[1]) == layer.output_shape(x.shape)
    direct = Conv2d(3, 2, **options).astype("float64")
    direct.load_state_dict({"weight": layer.weight.data})
    other = rng.normal(size=y.shape)
    assert (x * direct.infer(other)).sum() == pytest.approx((y * other).sum(), abs=1e-10)


def test_padding_valid_is_none():
    layers = [ConvTranspose2d(1, 1, 3, padding=padding) for padding in ("valid", 0)]
    assert layers[0].output_shape((1, 1, 4, 5)) == layers[1].output_shape((1, 1, 4, 5)) == (1, 1, 6, 7)


def test_weights_are_drawn_within_one_over_the_root_of_what_meets_in_an_output():
    seed(0)
    layer = ConvTranspose2d(300, 8, 3, groups=2)
    bound = 1 / np.sqrt(4 * 9)  # as in PyTorch, which takes the second axis for the inputs
    assert layer.weight.shape == (300, 4, 3, 3)
    assert layer.bias.shape == (8,)
    assert 0.98 * bound < np.abs(layer.weight.data).max() <= bound
    assert np.abs(layer.bias.data).max() <= bound


def test_channels_left_out_follow_from_the_first_input():
    layer = ConvTranspose2d(out_channels=4, kernel_size=2, stride=2)
    assert layer(np.zeros((2, 6, 3, 3), np.float32)).shape == (2, 4, 6, 6)
    assert layer.weight.shape == (6, 4, 2, 2)


def test_a_frozen_filter_and_a_declined_gradient_are_no_work():
    rng = np.random.default_rng(0)
    layer = ConvTranspose2d(3, 4, 3).astype("float64")
    x, dy = rng.normal(size=(2, 3, 4, 4)), rng.normal(size=(2, 4, 6, 6))
    layer.forward(x)[1](dy)
    bias = layer.bias.grad
    layer.zero_grad()
    layer.weight.requires_grad = False
    assert layer.forward(x, input_gradient=False)[1](dy) is None
    assert layer.weight.grad is None
    np.testing.assert_array_equal(layer.bias.grad, bias)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            ConvTranspose2d(2, 3, 3, padding=(3, 1)),
            (1, 2, 4, 4),
            "conv_transpose2d: padding (3, 1) cuts off all that kernel_size (3, 3) with stride (1, 1) makes of images "
            "of 4×4: the output would be 0×4. Choose less padding.",
        ),
        (
            ConvTranspose2d(2, 3, 3, padding="same"),
            (1, 2, 0, 4),
            "conv_transpose2d: expected images with at least one element, got 0×4",
        ),
        (ConvTranspose1d(2, 3, 3), (1, 2, 0), "conv_transpose1d: expected sequences with at least one element, got 0"),
        (ConvTranspose1d(2, 3, 3), (1, 2, 4, 4), "conv_transpose1d: expected sequences of shape (N, C, L), got"),
        (
            ConvTranspose2d(2, 3, 3),
            (1, 5, 4, 4),
            "conv_transpose2d: expected 2 channels on axis 1, got 5. "
            "Leave in_channels out to have it inferred, or set it to 5.",
        ),
    ],
)
def test_an_input_that_does_not_fit_is_refused_with_the_numbers(layer, shape, message):
    for method in ("forward", "infer"):
        with pytest.raises(ShapeError, match=re.escape(message)):
            getattr(layer, method)(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"output_padding": 2, "stride": 2},
            "output_padding of ConvTranspose2d must be less than stride (2, 2) or dilation (1, 1), got (2, 2).",
        ),
        (
            {"output_padding": 1, "stride": 2, "padding": "same"},
            "output_padding of ConvTranspose2d must be 0 with padding 'same', which says how large y is, got (1, 1).",
        ),
        ({"output_padding": -1}, "output_padding of ConvTranspose2d must be an integer of at least 0, got (-1, -1)."),
        ({"padding": "full"}, "padding of ConvTranspose2d must be an integer for every axis, 'same' or 'valid', got"),
        ({"groups": 3}, "in_channels of ConvTranspose2d must be a multiple of groups, got 2 channels for 3 groups."),
        ({"out_channels": None}, "out_channels of ConvTranspose2d is missing: give it a positive integer."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        ConvTranspose2d(**{"in_channels": 2, "out_channels": 4, "kernel_size": 3, **options})
