"""Where windows lie, and the four operations under convolution and pooling, against loops over windows and taps."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings, strategies as st

from nn_layers_conv import windows as windows_module
from nn_layers_conv.sliding import window_max, window_max_backward, window_sum, window_sum_backward
from nn_layers_conv.windows import Windows, col2im, im2col

quickly = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@st.composite
def laid_windows(draw, ranks=(1, 2, 3)):
    """Return windows of one to three axes, which may overlap, leave gaps and reach beyond the image on both sides."""
    rank = draw(st.sampled_from(ranks))
    numbers = {
        name: tuple(draw(st.integers(low, high)) for _ in range(rank))
        for name, low, high in (("size", 1, 6), ("out", 1, 4), ("kernel_size", 1, 3), ("stride", 1, 3))
    }
    dilation = tuple(draw(st.integers(1, 2)) for _ in range(rank))
    before = tuple(draw(st.integers(0, 3)) for _ in range(rank))
    return Windows(**numbers, dilation=dilation, before=before)


def places(windows, window):
    """Yield (tap, element) for the taps of one window, element None where the image has ended."""
    for tap in np.ndindex(*windows.kernel_size):
        element = tuple(
            r * step + t * spread - before
            for r, step, t, spread, before in zip(
                window, windows.stride, tap, windows.dilation, windows.before, strict=True
            )
        )
        inside = all(0 <= e < size for e, size in zip(element, windows.size, strict=True))
        yield tap, element if inside else None


@quickly
@given(windows=laid_windows())
def test_each_tap_meets_the_windows_that_have_it_inside(windows):
    met = {
        (tap, window, element)
        for tap, at, elements in windows.taps
        for window in np.ndindex(*windows.out)
        if all(part.start <= r < part.stop for part, r in zip(at, window, strict=True))
        for element in [
            tuple(
                range(*along.indices(size))[r - part.start]
                for along, part, r, size in zip(elements, at, window, windows.size, strict=True)
            )
        ]
    }
    expected = {
        (tap, window, element)
        for window in np.ndindex(*windows.out)
        for tap, element in places(windows, window)
        if element is not None
    }
    assert met == expected


@quickly
@given(windows=laid_windows(), samples=st.integers(0, 3), groups=st.integers(1, 2), channels=st.integers(1, 2))
def test_the_columns_are_the_windows(windows, samples, groups, channels):
    x = np.arange(1.0, samples * groups * channels * prod(windows.size) + 1)
    x = x.reshape(samples, groups * channels, *windows.size)
    columns = im2col(x, windows, groups)
    assert columns.shape[0] == groups
    assert columns.shape[1] in (1, windows.out[0])
    by_window = columns.transpose(0, 2, 1, 3).reshape(groups, *windows.kernel_size, channels, *windows.out, samples)
    for window in np.ndindex(*windows.out):
        for tap, element in places(windows, window):
            seen = by_window[(slice(None), *tap, slice(None), *window)]
            expected = 0 * seen
            if element is not None:
                expected = x[(slice(None), slice(None), *element)].T.reshape(groups, channels, samples)
            np.testing.assert_array_equal(seen, expected)


@quickly
@given(windows=laid_windows(), samples=st.integers(0, 3), groups=st.integers(1, 2), data=st.integers(0, 100))
def test_col2im_is_the_adjoint_of_im2col(windows, samples, groups, data):
    rng = np.random.default_rng(data)
    x = rng.normal(size=(samples, 2 * groups, *windows.size))
    columns = im2col(x, windows, groups)
    c = rng.normal(size=columns.shape)
    back = rng.normal(size=x.shape)
    already = (x * back).sum()
    col2im(c, back, windows)
    assert (columns * c).sum() + already == pytest.approx((x * back).sum(), abs=1e-12)


@quickly
@given(windows=laid_windows(ranks=(2, 3)), samples=st.integers(1, 3), groups=st.integers(1, 2))
def test_rows_that_windows_share_are_the_same_columns(windows, samples, groups):
    windows = evolve(windows, dilation=(1, *windows.dilation[1:]))
    x = np.random.default_rng(0).normal(size=(samples, 2 * groups, *windows.size))
    columns = {}
    for shared in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(windows_module, "rows_overlap", lambda windows, samples, shared=shared: shared)
            columns[shared] = im2col.plain(x, windows, groups).copy()
    if not windows.are_the_elements:
        assert columns[True].shape[1] == windows.out[0]
    k = columns[False].shape[2]
    by_row = [matrices.swapaxes(1, 2).reshape(groups, k, -1) for matrices in columns.values()]
    np.testing.assert_array_equal(*by_row)


def test_rows_are_shared_where_windows_overlap_and_there_is_much_to_multiply():
    windows = Windows((8, 8), (8, 8), (3, 3), (1, 1), (1, 1), (1, 1))
    assert im2col(np.zeros((16, 2, 8, 8)), windows).shape == (1, 8, 18, 128)
    assert im2col(np.zeros((15, 2, 8, 8)), windows).shape == (1, 1, 18, 960)


def test_windows_that_are_the_elements_are_not_copied():
    x = np.zeros((4, 5, 6, 3)).transpose(3, 0, 1, 2)
    columns = im2col(x, Windows((5, 6), (5, 6), (1, 1), (1, 1), (1, 1), (0, 0)))
    assert columns.shape == (1, 1, 4, 90)
    assert np.shares_memory(columns, x)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_columns_keep_the_dtype(dtype):
    x = np.ones((2, 3, 5, 4), dtype)
    windows = Windows((5, 4), (5, 5), (3, 2), (1, 1), (1, 1), (1, 1))
    assert im2col(x, windows).dtype == dtype


@quickly
@given(windows=laid_windows(), low=st.integers(0, 3), more=st.integers(1, 4))
def test_a_part_has_the_windows_of_the_whole(windows, low, more):
    low = min(low, windows.out[0] - 1)
    high = min(low + more, windows.out[0])
    x = np.random.default_rng(0).normal(size=(2, 3, *windows.size))
    elements, part = windows.part(low, high)
    whole = _columns_by_window(x, windows)[:, low:high]
    np.testing.assert_array_equal(_columns_by_window(x[:, :, elements], part), whole)


def _columns_by_window(x, windows):
    columns = im2col(x, windows)[0].copy()  # (R, K, M); the next call may use the same memory
    return columns.transpose(1, 0, 2).reshape(columns.shape[1], windows.out[0], -1)


@quickly
@given(windows=laid_windows(), levels=st.sampled_from([1, 3, 1000]), data=st.integers(0, 100))
def test_maxima_and_their_gradients_are_those_of_loops(windows, levels, data):
    rng = np.random.default_rng(data)
    x = rng.integers(-levels, 0, size=(2, 3, *windows.size)).astype("float64")  # few levels make many ties
    y, winner = window_max(x, windows)
    dy = rng.normal(size=y.shape)
    dx = window_max_backward(dy, winner, windows)
    expected, slopes = np.full(y.shape, -np.inf), np.zeros(x.shape)
    for image, channel, *window in np.ndindex(*y.shape):
        inside = [element for _, element in places(windows, window) if element is not None]
        if inside:
            first = max(inside, key=lambda element: x[image, channel, *element])
            expected[image, channel, *window] = x[image, channel, *first]
            slopes[image, channel, *first] += dy[image, channel, *window]
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_allclose(dx, slopes, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(window_max(x, windows, winners=False)[0], y)


def test_nan_is_the_maximum_and_gets_the_gradient():
    x = np.array([[[1.0, np.nan, 2.0, 3.0]]])
    windows = Windows((4,), (2,), (2,), (2,), (1,), (0,))
    y, winner = window_max(x, windows)
    np.testing.assert_array_equal(y, [[[np.nan, 3.0]]])
    assert window_max_backward(np.array([[[5.0, 7.0]]]), winner, windows)[0, 0, 3] == 7


@quickly
@given(windows=laid_windows(), data=st.integers(0, 100))
def test_sums_and_their_gradients_are_those_of_loops(windows, data):
    rng = np.random.default_rng(data)
    x = rng.normal(size=(2, 3, *windows.size))
    y = window_sum(x, windows)
    dy = rng.normal(size=y.shape)
    dx = window_sum_backward(dy, windows)
    expected, slopes = np.zeros(y.shape), np.zeros(x.shape)
    for window in np.ndindex(*windows.out):
        for _, element in places(windows, window):
            if element is not None:
                expected[:, :, *window] += x[:, :, *element]
                slopes[:, :, *element] += dy[:, :, *window]
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dx, slopes, rtol=1e-12, atol=1e-12)
