"""Pooling to a given size: the checks of all layers, loops over the bins, and what is special to it."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, ShapeError
from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d

CASES = [
    LayerCase("adaptive_avg_pool2d", lambda: AdaptiveAvgPool2d((2, 3)), (2, 3, 6, 3)),
    LayerCase("adaptive_avg_pool2d, uneven", lambda: AdaptiveAvgPool2d((3, 2)), (2, 3, 5, 7)),
    LayerCase("adaptive_avg_pool2d, larger", lambda: AdaptiveAvgPool2d((5, None)), (2, 2, 3, 2)),
    LayerCase("adaptive_avg_pool2d, as it is", lambda: AdaptiveAvgPool2d((None, None)), (2, 2, 3, 2)),
    LayerCase("adaptive_max_pool2d", lambda: AdaptiveMaxPool2d((2, 3)), (2, 3, 6, 3)),
    LayerCase("adaptive_max_pool2d, uneven", lambda: AdaptiveMaxPool2d((3, 2)), (2, 3, 5, 7)),
    LayerCase("adaptive_max_pool2d, larger", lambda: AdaptiveMaxPool2d((5, None)), (2, 2, 3, 2)),
    LayerCase("adaptive_max_pool2d, to one", lambda: AdaptiveMaxPool2d(1), (2, 2, 3, 4)),
]
BOTH = [AdaptiveAvgPool2d, AdaptiveMaxPool2d]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


def by_loops(x, dy, largest):
    """Return y and dx, bin by bin: means, or maxima, of which the first one counts among equal elements."""
    (n, c, *size), out = x.shape, dy.shape[2:]
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for image, channel, i, j in np.ndindex(n, c, *out):
        rows, columns = (
            range(floor(k * length / count), ceil((k + 1) * length / count))
            for k, length, count in zip((i, j), size, out, strict=True)
        )
        places = [(row, column) for row in rows for column in columns]
        if largest:
            places = [max(places, key=lambda place: x[image, channel, *place])]
        for place in places:
            y[image, channel, i, j] += x[image, channel, *place] / len(places)
            dx[image, channel, *place] += dy[image, channel, i, j] / len(places)
    return y, dx


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    out=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    levels=st.sampled_from([1, 3, 1000]),
    cls=st.sampled_from(BOTH),
    seed=st.integers(0, 100),
)
def test_pooling_is_what_the_loops_give(size, out, levels, cls, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-levels, 0, size=(2, 3, *size)).astype("float64")  # few levels make many ties
    layer = cls(out)
    y, backward = layer.forward(x)
    dy = rng.normal(size=(2, 3, *out))
    expected, slopes = by_loops(x, dy, largest=cls is AdaptiveMaxPool2d)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    np.testing.assert_allclose(layer.infer(x), expected, rtol=1e-12)
    np.testing.assert_allclose(backward(dy), slopes, rtol=1e-12, atol=1e-12)


def test_uneven_bins_share_elements():
    x = np.array([[[[1.0, 3.0, 8.0, 0.0, 2.0]]]])  # bins 0 to 1, 1 to 3 and 3 to 4
    average, largest = AdaptiveAvgPool2d((1, 3)), AdaptiveMaxPool2d((1, 3))
    np.testing.assert_allclose(average(x), [[[[2, 11 / 3, 1]]]], rtol=1e-15)
    np.testing.assert_allclose(average.backward(np.array([[[[2.0, 6.0, 4.0]]]])), [[[[1, 3, 2, 4, 2]]]], rtol=1e-15)
    assert largest(x).tolist() == [[[[3, 8, 2]]]]
    assert largest.backward(np.array([[[[2.0, 6.0, 4.0]]]])).tolist() == [[[[0, 2, 6, 0, 4]]]]


def test_one_element_can_be_the_maximum_of_all_bins_it_is_in():
    layer = AdaptiveMaxPool2d(2)
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 9
    assert (layer(x) == 9).all()
    dx = layer.backward(np.array([[[[1.0, 10.0], [100.0, 1000.0]]]]))
    assert dx[0, 0, 1, 1] == dx.sum() == 1111


def test_a_larger_output_repeats_elements():
    x = np.array([[[[1.0, 2.0]]]])
    for cls in BOTH:
        layer = cls((2, 4))
        assert layer(x).tolist() == [[[[1, 1, 2, 2], [1, 1, 2, 2]]]]
        assert layer.backward(np.ones((1, 1, 2, 4))).tolist() == [[[[4, 4]]]]


@pytest.mark.parametrize("cls", BOTH)
def test_none_leaves_an_axis_as_it_is(cls):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    assert cls((None, None))(x).tolist() == x.tolist()
    assert cls((2, None))(x).tolist() == cls((2, 5))(x).tolist()
    assert cls([None, 3]).output_shape((2, 3, 4, 5)) == (2, 3, 4, 3)


@pytest.mark.parametrize(("adaptive", "plain"), [(AdaptiveAvgPool2d, AvgPool2d), (AdaptiveMaxPool2d, MaxPool2d)])
def test_where_the_sizes_divide_it_is_plain_pooling(adaptive, plain):
    x = np.random.default_rng(0).normal(size=(2, 3, 6, 8))
    np.testing.assert_allclose(adaptive((2, 4))(x), plain((3, 2))(x), rtol=1e-14)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("out", [(2, 3), (4, 4), (7, 5)])
def test_what_is_not_finite_shows_in_its_own_bins_alone(cls, out):
    x = np.zeros((1, 1, 5, 6))
    x[0, 0, 0, 0] = np.nan
    seen = ~np.isfinite(cls(out).forward(x)[0])
    assert seen[0, 0, 0, 0]
    assert not seen[0, 0, 2:].any()
    assert not seen[0, 0, :, 2:].any()
    assert (~np.isfinite(cls(out).infer(x)) == seen).all()


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("out", [(2, 3), (3, 4)], ids=["even", "uneven"])
def test_outputs_and_gradients_keep_the_samples_last_in_memory(cls, out):
    x = np.zeros((2, 4, 6, 5), np.float32).transpose(3, 0, 1, 2)
    y, backward = cls(out).forward(x)
    for array in (y, cls(out).infer(x), backward(np.ones_like(y))):
        assert array.transpose(1, 2, 3, 0).flags.c_contiguous


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            AdaptiveAvgPool2d(2),
            (3, 4, 4),
            "adaptive_avg_pool2d: expected images of shape (N, C, H, W), got (3, 4, 4)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (
            AdaptiveMaxPool2d((None, 2)),
            (2, 3, 0, 4),
            "adaptive_max_pool2d: cannot pool images without a single element, got an input of shape (2, 3, 0, 4)",
        ),
    ],
)
def test_an_input_that_cannot_be_pooled_is_refused_by_name(layer, shape, message):
    x = np.zeros(shape, np.float32)
    for refuse in (lambda: layer.forward(x), lambda: layer.infer(x), lambda: layer.output_shape(shape)):
        with pytest.raises(ShapeError) as caught:
            refuse()
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (None, "is missing: give it a positive integer."),
        ((2, 3, 4), "must be an integer or a pair of them, got (2, 3, 4)."),
        ("2", "must be an integer or a pair of them, got '2'."),
        (
            (None, 0),
            "must be a positive integer for each axis, or None for the size of the input, got (None, 0).",
        ),
        (
            (2.0, 3),
            "must be a positive integer for each axis, or None for the size of the input, got (2.0, 3).",
        ),
        (0, "must be a positive integer for each axis, or None for the size of the input, got (0, 0)."),
    ],
)
def test_an_output_size_that_no_image_can_have_is_refused(size, message):
    for cls in BOTH:
        with pytest.raises(ConfigError) as caught:
            cls(size)
        assert str(caught.value) == f"output_size of {cls.__name__} {message}"
