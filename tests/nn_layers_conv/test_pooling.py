"""Max pooling against loops over the windows."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, ShapeError
from nn_layers_conv import MaxPool2d


def by_loops(x, dy, kernel_size, stride, padding):
    """Return the maxima and the gradient of x, window by window; of equal elements the first one counts."""
    (n, c, height, width), out = x.shape, dy.shape[2:]
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for image, channel, row, column in np.ndindex(n, c, *out):
        places = [
            (i, j)
            for i in range(row * stride[0] - padding[0], row * stride[0] - padding[0] + kernel_size[0])
            for j in range(column * stride[1] - padding[1], column * stride[1] - padding[1] + kernel_size[1])
            if 0 <= i < height and 0 <= j < width
        ]
        first = max(places, key=lambda place: x[image, channel, *place])
        y[image, channel, row, column] = x[image, channel, *first]
        dx[image, channel, *first] += dy[image, channel, row, column]
    return y, dx


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    kernel_size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    extra=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    levels=st.sampled_from([1, 3, 1000]),
    data=st.data(),
)
def test_pooling_is_what_the_loops_give(kernel_size, stride, extra, levels, data):
    # Overlapping windows, windows with gaps, a rest that fits no window; few levels make many ties.
    padding = tuple(data.draw(st.integers(0, size // 2)) for size in kernel_size)
    image = [max(1, size - 2 * margin) + more for size, margin, more in zip(kernel_size, padding, extra, strict=True)]
    rng = np.random.default_rng(data.draw(st.integers(0, 100)))
    x = rng.integers(-levels, 0, size=(2, 3, *image)).astype("float64")
    layer = MaxPool2d(kernel_size, stride=stride, padding=padding)
    y, backward = layer.forward(x)
    assert y.shape == layer.output_shape(x.shape)
    dy = rng.normal(size=y.shape)
    expected, slopes = by_loops(x, dy, kernel_size, stride, padding)
    assert (y == expected).all()
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
        ((3, 5, 5), "max_pool2d: expected images of shape (N, C, H, W), got (3, 5, 5)"),
        (
            (2, 3, 2, 5),
            "max_pool2d: kernel_size (3, 3) with padding (0, 0) does not fit into images of 2×5: "
            "the output would be 0×1",
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
        ({"kernel_size": 2, "padding": 0.5}, "padding of MaxPool2d must be an integer or a pair of them, got 0.5."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        MaxPool2d(**options)


def test_padding_wins_nowhere_in_images_of_integers():
    x = np.full((1, 1, 2, 2), -100, np.int8)
    assert (MaxPool2d(2, stride=1, padding=1).eval()(x) == -100).all()
