"""Average and power-average pooling against loops over the windows."""

from __future__ import annotations

import re
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, DTypeError, ShapeError, gradcheck
from nn_layers_conv import AvgPool1d, AvgPool2d, Conv2d, LPPool2d

quickly = settings(max_examples=80, deadline=None, derandomize=True, database=None)


def seen(x, layer, window):
    """Return the elements of x (N, C, …) in a window, and how many with the padding it reaches."""
    parts, counted = [], 1
    for w, s, p, k, n in zip(window, layer.stride, layer.padding, layer.kernel_size, x.shape[2:], strict=True):
        places = range(w * s - p, w * s - p + k)
        parts.append([e for e in places if 0 <= e < n])
        counted *= sum(-p <= e < n + p for e in places)
    return x[:, :, *np.ix_(*parts)].reshape(*x.shape[:2], prod(map(len, parts))), counted


@quickly
@given(data=st.data(), rank=st.integers(1, 2), ceil=st.booleans(), padded=st.booleans(), divisor=st.integers(0, 5))
def test_means_are_those_of_the_loops(data, rank, ceil, padded, divisor):
    kernel_size, stride = (tuple(data.draw(st.integers(1, 4)) for _ in range(rank)) for _ in range(2))
    padding = tuple(data.draw(st.integers(0, k // 2)) for k in kernel_size)
    size = [data.draw(st.integers(max(1, k - 2 * p), k + 4)) for k, p in zip(kernel_size, padding, strict=True)]
    x = np.random.default_rng(0).normal(size=(data.draw(st.integers(0, 2)), 2, *size))
    layer = {1: AvgPool1d, 2: AvgPool2d}[rank](kernel_size, stride, padding, ceil, padded, divisor or None)
    y, backward = layer.forward(x)
    assert y.shape == layer.output_shape(x.shape)
    for window in np.ndindex(*y.shape[2:]):
        elements, counted = seen(x, layer, window)
        count = divisor or (counted if padded else elements.shape[-1])
        np.testing.assert_allclose(y[:, :, *window], elements.sum(-1) / count, rtol=1e-12, atol=1e-12)
    # The map is linear, so that its gradient is the adjoint.
    dy, other = np.random.default_rng(1).normal(size=y.shape), np.random.default_rng(2).normal(size=x.shape)
    assert (backward(dy) * other).sum() == pytest.approx((dy * layer.infer(other)).sum(), abs=1e-12)


def test_a_mean_without_padding_is_a_convolution_with_equal_weights():
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 9))
    filters = Conv2d(3, 3, (2, 3), stride=2, groups=3, bias=False).astype("float64")
    filters.weight.data[...] = 1 / 6
    np.testing.assert_allclose(AvgPool2d((2, 3), 2).infer(x), filters.infer(x), rtol=1e-12)


def test_padding_counts_unless_it_is_not_to():
    x = np.full((1, 1, 2, 2), 8.0)
    assert AvgPool2d(2, 2, 1).infer(x).tolist() == [[[[2, 2], [2, 2]]]]
    assert AvgPool2d(2, 2, 1, count_include_pad=False).infer(x).tolist() == [[[[8, 8], [8, 8]]]]
    assert AvgPool2d(2, 2, 1, divisor_override=1).infer(x).tolist() == [[[[8, 8], [8, 8]]]]


def test_what_lies_beyond_the_padding_never_counts():
    # The last window has one of its two elements inside.
    assert AvgPool1d(2, ceil_mode=True).infer(np.array([[[1.0, 3.0, 5.0]]])).tolist() == [[[2, 5]]]


@quickly
@given(data=st.data(), p=st.sampled_from([1.0, 2.0, 3.0, 4.0]), ceil=st.booleans())
def test_power_averages_are_those_of_the_formula(data, p, ceil):
    kernel_size, stride = (tuple(data.draw(st.integers(1, 3)) for _ in range(2)) for _ in range(2))
    size = [data.draw(st.integers(k, k + 4)) for k in kernel_size]
    x = np.random.default_rng(0).uniform(0.5, 2, size=(2, 2, *size))
    layer = LPPool2d(p, kernel_size, stride, ceil)
    y = layer.infer(x)
    assert y.shape == layer.output_shape(x.shape)
    for window in np.ndindex(*y.shape[2:]):
        elements, _ = seen(x, layer, window)
        # As in PyTorch, a window that ends after the image is made up for as if the rest were like what is there.
        whole = kernel_size[0] * kernel_size[1] / elements.shape[-1]
        np.testing.assert_allclose(y[:, :, *window], (whole * (elements**p).sum(-1)) ** (1 / p), rtol=1e-12)
    gradcheck(layer, x)


def test_the_norm_of_zeros_has_no_slope():
    layer = LPPool2d(2, 2)
    assert layer(np.zeros((1, 1, 2, 2))).tolist() == [[[[0]]]]
    assert layer.backward(np.ones((1, 1, 1, 1))).tolist() == [[[[0, 0], [0, 0]]]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AvgPool2d(), "kernel_size of AvgPool2d is missing: give it a positive integer."),
        (lambda: AvgPool1d((2, 2)), "kernel_size of AvgPool1d must be an integer, got (2, 2)."),
        (lambda: AvgPool2d(2, padding=2), "padding of AvgPool2d must be at most half of kernel_size (2, 2), got"),
        (lambda: AvgPool2d(2, divisor_override=0), "divisor_override of AvgPool2d must be a positive integer, got 0."),
        (lambda: AvgPool2d(2, count_include_pad=0), "count_include_pad of AvgPool2d must be true or false, got 0."),
        (lambda: LPPool2d(0, 2), "norm_type of LPPool2d must be a number above 0, got 0."),
        (lambda: LPPool2d(2), "kernel_size of LPPool2d is missing: give it a positive integer."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(make, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (AvgPool1d(2), (2, 3, 4, 5), "avg_pool1d: expected sequences of shape (N, C, L), got (2, 3, 4, 5)"),
        (
            AvgPool2d(3),
            (2, 3, 2, 5),
            "avg_pool2d: kernel_size (3, 3) with padding (0, 0) does not fit into images of 2×5: "
            "the output would be 0×1. Choose a smaller",
        ),
        (LPPool2d(2, 3), (2, 3, 5, 2), "lp_pool2d: kernel_size (3, 3) with padding (0, 0) does not fit into images"),
    ],
)
def test_an_input_that_does_not_fit_is_answered_with_both_sizes(layer, shape, message):
    for method in ("forward", "infer"):
        with pytest.raises(ShapeError, match=re.escape(message)):
            getattr(layer, method)(np.zeros(shape, np.float32))


@pytest.mark.parametrize("layer", [AvgPool1d(2), LPPool2d(2, 2)], ids=repr)
def test_bytes_are_refused_before_their_sums_overflow(layer):
    x = np.full((1, 1, *[4] * layer.rank), 200, np.uint8)
    with pytest.raises(DTypeError, match=re.escape("x.astype('float32') / 255 for 8-bit images")):
        layer.eval()(x)
