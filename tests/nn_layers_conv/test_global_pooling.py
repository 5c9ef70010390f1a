"""Pooling of whole sequences and images: the checks of all layers, and what is special to it."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import ConfigError, ShapeError
from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import Conv2d, GlobalAvgPool1d, GlobalAvgPool2d, GlobalMaxPool1d, GlobalMaxPool2d

CASES = [
    LayerCase("global_avg_pool1d", GlobalAvgPool1d, (2, 3, 5)),
    LayerCase("global_avg_pool1d, flat", lambda: GlobalAvgPool1d(keepdims=False), (2, 3, 1)),
    LayerCase("global_avg_pool2d", GlobalAvgPool2d, (2, 3, 4, 5)),
    LayerCase("global_avg_pool2d, flat", lambda: GlobalAvgPool2d(keepdims=False), (2, 3, 1, 3)),
    LayerCase("global_max_pool1d", GlobalMaxPool1d, (2, 3, 5)),
    LayerCase("global_max_pool1d, flat", lambda: GlobalMaxPool1d(keepdims=False), (2, 3, 1)),
    LayerCase("global_max_pool2d", GlobalMaxPool2d, (2, 3, 4, 5)),
    LayerCase("global_max_pool2d, flat", lambda: GlobalMaxPool2d(keepdims=False), (2, 3, 1, 3)),
]
BOTH_OF_IMAGES = [GlobalAvgPool2d, GlobalMaxPool2d]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


@pytest.mark.parametrize("cls", [GlobalAvgPool1d, GlobalMaxPool1d, *BOTH_OF_IMAGES])
def test_spatial_axes_stay_with_length_one_unless_they_are_to_go(cls):
    x = np.zeros((4, 3, 7, 5)[: cls.rank + 2], np.float32)
    assert cls()(x).shape == (4, 3, 1, 1)[: cls.rank + 2]
    assert cls(keepdims=False)(x).shape == (4, 3)


def test_the_gradient_of_a_mean_is_the_same_everywhere():
    sequences = GlobalAvgPool1d()
    assert sequences(np.array([[[1.0, 2.0, 6.0, 3.0]]])).tolist() == [[[3]]]
    assert sequences.backward(np.array([[[2.0]]])).tolist() == [[[0.5, 0.5, 0.5, 0.5]]]
    images = GlobalAvgPool2d(keepdims=False)
    assert images(np.array([[[[1.0, 2.0], [6.0, 3.0]], [[0.0, 0.0], [0.0, 8.0]]]])).tolist() == [[3, 2]]
    assert images.backward(np.array([[2.0, 4.0]])).tolist() == [[[[0.5, 0.5], [0.5, 0.5]], [[1, 1], [1, 1]]]]


def test_of_equal_maxima_the_first_row_by_row_gets_the_whole_gradient():
    images = GlobalMaxPool2d()
    x = np.array([[[[0.0, 1.0, 5.0], [5.0, 5.0, 2.0]]], [[[-3.0, -2.0, -2.0], [-2.0, -9.0, -2.0]]]])
    assert images(x).tolist() == [[[[5]]], [[[-2]]]]
    dx = images.backward(np.array([[[[10.0]]], [[[20.0]]]]))
    assert dx.tolist() == [[[[0, 0, 10], [0, 0, 0]]], [[[0, 20, 0], [0, 0, 0]]]]
    sequences = GlobalMaxPool1d(keepdims=False)
    assert sequences(np.array([[[1.0, 4.0, 4.0]]])).tolist() == [[4]]
    assert sequences.backward(np.array([[7.0]])).tolist() == [[[0, 7, 0]]]


@pytest.mark.parametrize("cls", BOTH_OF_IMAGES)
def test_nan_shows_in_its_own_channel_alone(cls):
    x = np.zeros((1, 2, 2, 3))
    x[0, 1, 0, 1], x[0, 1, 1, 0] = np.nan, np.inf
    for y in (cls(keepdims=False).forward(x)[0], cls(keepdims=False).infer(x)):
        assert np.isnan(y).tolist() == [[False, True]]


def test_maxima_of_integers_are_integers():
    y = GlobalMaxPool2d(keepdims=False)(np.arange(12).reshape(1, 2, 2, 3))
    assert (y.dtype, y.tolist()) == (np.int64, [[5, 11]])


def test_means_of_many_numbers_far_from_zero_are_exact_to_float32_in_the_memory_order_of_convolutions():
    x = Conv2d(1, 1, 1, bias=False).eval()(np.random.default_rng(0).uniform(28, 32, (8, 1, 112, 112)).astype("f4"))
    y = GlobalAvgPool2d(keepdims=False)(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, x.mean((2, 3), dtype=np.float64), rtol=2e-6)


@pytest.mark.parametrize("cls", BOTH_OF_IMAGES)
def test_gradients_come_with_the_samples_last_in_memory(cls):
    y, backward = cls().forward(np.zeros((5, 2, 3, 4), np.float32))
    assert backward(np.ones_like(y)).transpose(1, 2, 3, 0).flags.c_contiguous


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            GlobalAvgPool1d(),
            (2, 3),
            "global_avg_pool1d: expected sequences of shape (N, C, L), got (2, 3)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (
            GlobalMaxPool2d(),
            (2, 3, 4),
            "global_max_pool2d: expected images of shape (N, C, H, W), got (2, 3, 4)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (
            GlobalMaxPool1d(),
            (2, 3, 0),
            "global_max_pool1d: cannot pool sequences without a single element, got an input of shape (2, 3, 0)",
        ),
        (
            GlobalAvgPool2d(),
            (2, 3, 4, 0),
            "global_avg_pool2d: cannot pool images without a single element, got an input of shape (2, 3, 4, 0)",
        ),
    ],
)
def test_an_input_that_cannot_be_pooled_is_refused_by_name(layer, shape, message):
    x = np.zeros(shape, np.float32)
    for refuse in (lambda: layer.forward(x), lambda: layer.infer(x), lambda: layer.output_shape(shape)):
        with pytest.raises(ShapeError) as caught:
            refuse()
        assert str(caught.value) == message


def test_keepdims_is_true_or_false():
    with pytest.raises(ConfigError) as caught:
        GlobalAvgPool2d(keepdims=1)
    assert str(caught.value) == "keepdims of GlobalAvgPool2d must be true or false, got 1."
