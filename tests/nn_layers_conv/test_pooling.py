"""Max pooling against loops over the windows."""

from __future__ import annotations

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, ShapeError
from nn_layers_conv import MaxPool1d, MaxPool2d, MaxPool3d

POOLS = {1: MaxPool1d, 2: MaxPool2d, 3: MaxPool3d}


def count(size, reach, stride, margin, ceil):
    """Return how many windows there are along an axis, counted one by one: they begin in the image or before it."""
    windows = 0
    while (first := windows * stride - margin) + reach <= size + margin or (
        ceil and first < size and first + reach - stride < size + margin
    ):
        windows += 1
    return windows


def by_loops(x, dy, layer):
    """Return the maxima and the gradient of x, window by window; of equal elements the first one counts."""
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for image, channel, *window in np.ndindex(*dy.shape):
        along = [
            [e for e in (w * s - p + t * d for t in range(k)) if 0 <= e < n]
            for w, s, p, d, k, n in zip(
                window, layer.stride, layer.padding, layer.dilation, layer.kernel_size, x.shape[2:], strict=True
            )
        ]
        first = max(product(*along), key=lambda place: x[image, channel, *place])
        y[image, channel, *window] = x[image, channel, *first]
        dx[image, channel, *first] += dy[image, channel, *window]
    return y, dx


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(data=st.data(), rank=st.sampled_from([1, 2, 2, 3]), levels=st.sampled_from([1, 3, 1000]), ceil=st.booleans())
def test_pooling_is_what_the_loops_give(data, rank, levels, ceil):
    # Overlapping windows, windows with gaps, a rest that fits no window; few levels make many ties.
    kernel_size, stride = (tuple(data.draw(st.integers(1, 4 - rank // 2)) for _ in range(rank)) for _ in range(2))
    dilation = tuple(data.draw(st.integers(1, 2)) for _ in range(rank))
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel_size)
    size = [data.draw(st.integers(max(d, r - 2 * m), r + 3)) for r, d, m in zip(reach, dilation, padding, strict=True)]
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    x = rng.integers(-levels, 0, size=(data.draw(st.integers(0, 2)), 3, *size)).astype("float64")
    layer = POOLS[rank](kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil)
    y, backward = layer.forward(x)
    out = [count(*axis, ceil) for axis in zip(size, reach, stride, padding, strict=True)]
    assert y.shape == layer.output_shape(x.shape) == (*x.shape[:2], *out)
    dy = rng.normal(size=y.shape)
    expected, slopes = by_loops(x, dy, layer)
    assert (y == expected).all()
    assert (layer.infer(x) == expected).all()
    np.testing.assert_allclose(backward(dy), slopes, rtol=1e-12, atol=1e-12)


def test_padding_never_wins():
    layer = MaxPool2d(3, stride=1, padding=1)
    x = np.full((1, 1, 2, 2), -5.0)
    assert (layer(x) == -5).all(), "zeros would be larger"
    x = np.full((1, 1, 2, 2), -np.inf)
    assert (layer(x) == -np.inf).all()
    assert layer.backward(np.ones((1, 1, 2, 2))).tolist() == [[[[4, 0], [0, 0]]]], "not even then"


def test_of_equal_values_the_first_gets_the_whole_gradient():
    layer = MaxPool2d(2)
    x = np.array([[[[7.0, 7.0, 1.0, 2.0], [7.0, 7.0, 2.0, 2.0]]]])
    assert layer(x).tolist() == [[[[7, 2]]]]
    assert layer.backward(np.array([[[[3.0, 5.0]]]])).tolist() == [[[[3, 0, 0, 5], [0, 0, 0, 0]]]]


def test_overlapping_windows_add_up():
    layer = MaxPool2d(2, stride=1)
    x = np.array([[[[0.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 0.0]]]])
    assert (layer(x) == 9).all()
    dx = layer.backward(np.array([[[[1.0, 10.0], [100.0, 1000.0]]]]))
    assert dx[0, 0, 1, 1] == 1111
    assert dx.sum() == 1111


def test_the_stride_is_the_window_unless_it_is_given():
    assert repr(MaxPool2d(2)) == "MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))"
    assert repr(MaxPool2d((3, 2), padding=1)) == "MaxPool2d(kernel_size=(3, 2), stride=(3, 2), padding=(1, 1))"
    assert repr(MaxPool2d([3, 2], [1, 2])) == "MaxPool2d(kernel_size=(3, 2), stride=(1, 2), padding=(0, 0))"


def test_large_windows_find_their_maximum():
    x = np.random.default_rng(0).normal(size=(1, 2, 20, 20))  # 400 places are more than a byte can number
    y, backward = MaxPool2d(20).forward(x)
    assert (y[..., 0, 0] == x.max((2, 3))).all()
    assert (backward(np.ones_like(y)) == (x == x.max((2, 3), keepdims=True))).all()


def test_pooling_without_padding_takes_integers():
    x = np.arange(16).reshape(1, 1, 4, 4)
    assert MaxPool2d(2).infer(x).tolist() == [[[[5, 7], [13, 15]]]]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (
            (3, 5, 5),
            "max_pool2d: expected images of shape (N, C, H, W), got (3, 5, 5)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (
            (2, 3, 2, 5),
            "max_pool2d: kernel_size (3, 3) with padding (0, 0) does not fit into images of 2×5: "
            "the output would be 0×1. "
            "Choose a smaller kernel_size or more padding, or reduce the size less in the layers before.",
        ),
    ],
)
def test_an_input_that_does_not_fit_is_answered_with_both_sizes(shape, message):
    for method in ("forward", "infer"):
        with pytest.raises(ShapeError) as caught:
            getattr(MaxPool2d(3), method)(np.zeros(shape, np.float32))
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "kernel_size of MaxPool2d is missing: give it a positive integer."),
        ({"kernel_size": 0}, "kernel_size of MaxPool2d must be a positive integer, got (0, 0)."),
        ({"kernel_size": 2, "stride": -1}, "stride of MaxPool2d must be a positive integer, got (-1, -1)."),
        (
            {"kernel_size": 2, "padding": 2},
            "padding of MaxPool2d must be at most half of kernel_size (2, 2), got (2, 2).",
        ),
        (
            {"kernel_size": (4, 3), "padding": (2, 2)},
            "padding of MaxPool2d must be at most half of kernel_size (4, 3), got (2, 2).",
        ),
        ({"kernel_size": 2, "dilation": 0}, "dilation of MaxPool2d must be a positive integer, got (0, 0)."),
        ({"kernel_size": 2, "ceil_mode": 1}, "ceil_mode of MaxPool2d must be true or false, got 1."),
        ({"kernel_size": 2, "padding": "same"}, "padding of MaxPool2d must be an integer or a pair of them, got"),
        ({"kernel_size": 2, "padding": 0.5}, "padding of MaxPool2d must be an integer or a pair of them, got 0.5."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        MaxPool2d(**options)


def test_padding_wins_nowhere_in_images_of_integers():
    x = np.full((1, 1, 2, 2), -100, np.int8)
    assert (MaxPool2d(2, stride=1, padding=1).eval()(x) == -100).all()


def test_a_window_with_nothing_of_the_image_has_no_maximum_and_no_gradient():
    layer = MaxPool1d(2, stride=1, padding=1, dilation=2)  # its two places are left and right of a single element
    assert layer(np.array([[[3.0]]])).tolist() == [[[-np.inf]]]
    assert layer.backward(np.array([[[1.0]]])).tolist() == [[[0]]]
