"""Images of another size: the checks of all layers, loops over the pixels, and what is special to these layers."""

from __future__ import annotations

from math import floor

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, ShapeError
from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import PixelShuffle, PixelUnshuffle, Upsample
from nn_layers_conv.upsampling import interpolation

CASES = [
    LayerCase("upsample", lambda: Upsample(scale_factor=2), (2, 3, 3, 2)),
    LayerCase("upsample, nearest to a size", lambda: Upsample((2, 5)), (2, 3, 3, 4)),
    LayerCase("upsample, bilinear", lambda: Upsample(scale_factor=(2.5, 1.7), mode="bilinear"), (2, 3, 3, 4)),
    LayerCase("upsample, smaller, aligned", lambda: Upsample((1, 3), None, "bilinear", True), (2, 3, 5, 4)),
    LayerCase("pixel_shuffle", lambda: PixelShuffle(2), (2, 8, 3, 2)),
    LayerCase("pixel_shuffle, as it is", lambda: PixelShuffle(1), (2, 3, 3, 2)),
    LayerCase("pixel_unshuffle", lambda: PixelUnshuffle(2), (2, 2, 4, 6)),
    LayerCase("pixel_unshuffle, one square", lambda: PixelUnshuffle(3), (2, 2, 3, 3)),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


# Upsample


def test_nearest_repeats_pixels_and_adds_up_their_gradients():
    layer = Upsample(scale_factor=(2, 3))
    x = np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    assert layer(x).tolist() == [[[[1, 1, 1, 2, 2, 2]] * 2 + [[3, 3, 3, 4, 4, 4]] * 2]]
    dy = np.arange(24.0).reshape(1, 1, 4, 6)
    sums = [
        [0 + 1 + 2 + 6 + 7 + 8, 3 + 4 + 5 + 9 + 10 + 11],
        [12 + 13 + 14 + 18 + 19 + 20, 15 + 16 + 17 + 21 + 22 + 23],
    ]
    assert layer.backward(dy).tolist() == [[sums]]


def test_nearest_leaves_pixels_out_where_the_image_gets_smaller():
    layer = Upsample((1, 2))
    x = np.arange(1.0, 16).reshape(1, 1, 3, 5)
    assert layer(x).tolist() == [[[[1, 3]]]]  # columns ⌊0 · 2.5⌋ and ⌊1 · 2.5⌋
    assert layer.backward(np.array([[[[7.0, 9.0]]]])).tolist() == [[[[7, 0, 9, 0, 0], [0] * 5, [0] * 5]]]


def test_bilinear_values_and_gradients_worked_by_hand():
    layer = Upsample((1, 4), mode="bilinear")  # at −¼ (which is 0), ¼, ¾ and 1¼ (which is 1)
    assert layer(np.array([[[[0.0, 8.0]]]])).tolist() == [[[[0, 2, 6, 8]]]]
    assert layer.backward(np.array([[[[1.0, 4.0, 8.0, 16.0]]]])).tolist() == [[[[1 + 3 + 2, 1 + 6 + 16]]]]


def test_aligned_corners_keep_the_outermost_pixels():
    layer = Upsample((1, 5), mode="bilinear", align_corners=True)  # at 0, ½, 1, 1½ and 2
    assert layer(np.array([[[[0.0, 8.0, 2.0]]]])).tolist() == [[[[0, 4, 8, 5, 2]]]]
    assert layer.backward(np.array([[[[1.0, 2.0, 4.0, 8.0, 16.0]]]])).tolist() == [[[[1 + 1, 1 + 4 + 4, 4 + 16]]]]
    assert Upsample(1, mode="bilinear", align_corners=True)(np.array([[[[3.0, 8.0]]]])).tolist() == [[[[3]]]]


def position(i, n, m, step, align):
    """Return where pixel i of m lies among n pixels."""
    if n == m:
        return i
    if align:
        return i * (n - 1) / (m - 1) if m > 1 else 0.0
    return max(0.0, (i + 0.5) * step - 0.5)


def by_loops(x, dy, steps, mode, align):
    """Return y and dx, pixel by pixel."""
    size, out = x.shape[2:], dy.shape[2:]
    y, dx = np.zeros(dy.shape), np.zeros(x.shape)
    for i, j in np.ndindex(*out):
        if mode == "nearest":
            weights = {tuple(min(floor(k * s), a - 1) for k, s, a in zip((i, j), steps, size, strict=True)): 1.0}
        else:
            at = [position(k, a, b, s, align) for k, a, b, s in zip((i, j), size, out, steps, strict=True)]
            weights = {  # the share of the square around the place that lies in each pixel, the last ones going on
                (row, column): max(0, 1 - abs(min(at[0], size[0] - 1) - row))
                * max(0, 1 - abs(min(at[1], size[1] - 1) - column))
                for row, column in np.ndindex(*size)
            }
        for (row, column), weight in weights.items():
            y[:, :, i, j] += weight * x[:, :, row, column]
            dx[:, :, row, column] += weight * dy[:, :, i, j]
    return y, dx


MODES = st.sampled_from([("nearest", None), ("bilinear", None), ("bilinear", False), ("bilinear", True)])
SIZES = st.tuples(st.integers(1, 7), st.integers(1, 7))


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(size=SIZES, out=SIZES, mode=MODES)
def test_interpolation_to_a_size_is_what_the_loops_give(size, out, mode):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 3, *size)), rng.normal(size=(2, 3, *out))
    y, backward = Upsample(out, None, *mode).forward(x)
    steps = [a / b for a, b in zip(size, out, strict=True)]
    expected, slopes = by_loops(x, dy, steps, mode[0], mode[1])
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(backward(dy), slopes, rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(size=SIZES, factors=st.tuples(*[st.sampled_from([0.5, 0.7, 1, 1.7, 2, 2.6, 3, 3.5])] * 2), mode=MODES)
def test_interpolation_by_a_factor_is_what_the_loops_give_with_the_factor_itself(size, factors, mode):
    out = tuple(floor(n * factor) for n, factor in zip(size, factors, strict=True))
    if 0 in out:
        return
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(2, 3, *size)), rng.normal(size=(2, 3, *out))
    layer = Upsample(None, factors, *mode)
    y, backward = layer.forward(x)
    assert y.shape == layer.output_shape(x.shape) == (2, 3, *out)
    steps = [  # a size that stays, or doubles, does so exactly
        n / m if mode[0] == "nearest" and m in (n, 2 * n) else 1 / factor
        for n, m, factor in zip(size, out, factors, strict=True)
    ]
    expected, slopes = by_loops(x, dy, steps, mode[0], mode[1])
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(backward(dy), slopes, rtol=1e-12, atol=1e-12)


def test_a_factor_counts_itself_and_not_the_ratio_of_the_sizes():
    x = np.array([[[[0.0, 1.0, 2.0]]]])
    by_factor = Upsample(scale_factor=(1, 1.5), mode="bilinear")(x)  # 4 pixels at (i + ½) / 1.5 − ½
    to_size = Upsample((1, 4), mode="bilinear")(x)  # 4 pixels at (i + ½) · ¾ − ½
    np.testing.assert_allclose(by_factor, [[[[0, 0.5, 7 / 6, 11 / 6]]]], rtol=1e-15)
    np.testing.assert_allclose(to_size, [[[[0, 0.625, 1.375, 2]]]], rtol=1e-15)


def test_nearest_chooses_the_pixels_that_pytorch_does_where_float32_is_not_exact():
    (places, _), *_ = interpolation(26, 22, 26 / 22, "nearest", False)[0]
    assert places[11] == 12, "not 13, which is 11 · 26 / 22, since 26 / 22 is rounded down"
    (places, _), *_ = interpolation(4, 8, 1 / 2.2, "nearest", False)[0]
    assert places.tolist() == [0, 0, 1, 1, 2, 2, 3, 3], "twice the size repeats each pixel, whatever the factor"


def test_an_axis_that_keeps_its_size_keeps_its_values():
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    x[0, 0, 0] = np.inf
    for mode in ("nearest", "bilinear"):
        assert (Upsample((4, 5), mode=mode)(x) == x).all()
        assert (Upsample(scale_factor=1.1, mode=mode)(x) == x).all()


def test_what_is_not_finite_stays_between_its_neighbors():
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = np.nan
    y = Upsample(scale_factor=2, mode="bilinear")(x)
    assert np.isnan(y[0, 0, 3:7, 3:7]).all()
    assert np.isnan(y).sum() == 16


@pytest.mark.parametrize("layer", [Upsample(7), Upsample(7, mode="bilinear"), PixelShuffle(2), PixelUnshuffle(2)])
def test_outputs_and_gradients_lie_samples_last_in_memory(layer):
    for x in (np.zeros((4, 4, 6, 5), np.float32).transpose(3, 0, 1, 2), np.zeros((5, 4, 4, 6), np.float32)):
        y, backward = layer.forward(x)
        for array in (y, backward(np.ones_like(y))):
            assert array.transpose(1, 2, 3, 0).flags.c_contiguous
            assert not np.shares_memory(array, x)


def test_integers_stay_integers_where_they_are_repeated_and_are_never_rounded():
    x = np.arange(4).reshape(1, 1, 2, 2)
    assert Upsample(3)(x).dtype == x.dtype
    with pytest.raises(TypeError, match="computes with floating-point numbers and got int64"):
        Upsample(3, mode="bilinear")(x)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Upsample(2),
            (3, 4, 4),
            "upsample: expected images of shape (N, C, H, W), got (3, 4, 4)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (
            Upsample(scale_factor=(0.3, 2)),
            (2, 3, 3, 4),
            "upsample: cannot interpolate between images of 3×4 and 0×8, without a single element. "
            "Choose a larger scale_factor, or reduce the size less in the layers before.",
        ),
        (
            Upsample(2),
            (2, 3, 0, 4),
            "upsample: cannot interpolate between images of 0×4 and 2×2, without a single element. "
            "Choose a larger scale_factor, or reduce the size less in the layers before.",
        ),
        (
            PixelShuffle(2),
            (8, 4, 4),
            "pixel_shuffle: expected images of shape (N, C, H, W), got (8, 4, 4)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (PixelShuffle(2), (1, 6, 4, 4), "pixel_shuffle: expected a multiple of 2×2 channels on axis 1, got 6"),
        (
            PixelUnshuffle(2),
            (8, 4, 4),
            "pixel_unshuffle: expected images of shape (N, C, H, W), got (8, 4, 4)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (PixelUnshuffle(2), (1, 6, 4, 3), "pixel_unshuffle: cannot divide images of 4×3 into squares of 2×2"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_by_name(layer, shape, message):
    x = np.zeros(shape, np.float32)
    for refuse in (lambda: layer.forward(x), lambda: layer.infer(x), lambda: layer.output_shape(shape)):
        with pytest.raises(ShapeError) as caught:
            refuse()
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Upsample takes either size or scale_factor, got neither."),
        ({"size": 2, "scale_factor": 2}, "Upsample takes either size or scale_factor, got both."),
        ({"size": 0}, "size of Upsample must be a positive integer, got (0, 0)."),
        ({"size": (2, 2.5)}, "size of Upsample must be a positive integer, got (2, 2.5)."),
        ({"size": (2, 3, 4)}, "size of Upsample must be an integer or a pair of them, got (2, 3, 4)."),
        ({"scale_factor": 0}, "scale_factor of Upsample must be a number above 0 or a pair of them, got (0, 0)."),
        (
            {"scale_factor": (2, "3")},
            "scale_factor of Upsample must be a number above 0 or a pair of them, got (2, '3').",
        ),
        (
            {"scale_factor": [1, 2, 3]},
            "scale_factor of Upsample must be a number above 0 or a pair of them, got (1, 2, 3).",
        ),
        (
            {"scale_factor": float("nan")},
            "scale_factor of Upsample must be a number above 0 or a pair of them, got (nan, nan).",
        ),
        ({"size": 2, "mode": "bicubic"}, "mode of Upsample must be one of nearest, bilinear, got 'bicubic'."),
        (
            {"size": 2, "align_corners": False},
            "align_corners of Upsample is for mode bilinear, got False with mode nearest: leave it out.",
        ),
        (
            {"size": 2, "mode": "bilinear", "align_corners": 1},
            "align_corners of Upsample must be true or false, got 1.",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigError) as caught:
        Upsample(**options)
    assert str(caught.value) == message


def test_options_stand_in_the_order_of_pytorch_and_the_repr_leaves_out_those_that_are_not_given():
    assert repr(Upsample(7)) == "Upsample(size=(7, 7), mode='nearest')"
    assert repr(Upsample(None, 2, "bilinear", True)) == (
        "Upsample(scale_factor=(2, 2), mode='bilinear', align_corners=True)"
    )
    assert Upsample(scale_factor=[np.float64(1.5), 2]).config() == {
        "size": None,
        "scale_factor": (1.5, 2),
        "mode": "nearest",
        "align_corners": None,
    }


# Pixel shuffle


def test_pixel_shuffle_and_unshuffle_are_what_the_equations_say():
    r, c, h, w = 3, 2, 2, 4
    x = np.random.default_rng(0).normal(size=(2, c * r * r, h, w))
    y = PixelShuffle(r)(x)
    assert y.shape == (2, c, h * r, w * r)
    for channel, i, j, a, b in np.ndindex(c, h, w, r, r):
        assert (y[:, channel, r * i + a, r * j + b] == x[:, r * r * channel + r * a + b, i, j]).all()
    assert (PixelUnshuffle(r)(y) == x).all()


def test_gradients_of_shuffling_go_back_to_where_the_pixels_came_from():
    x = np.random.default_rng(0).normal(size=(2, 8, 3, 5))
    for layer in (PixelShuffle(2), PixelUnshuffle(1)):
        y, backward = layer.forward(x)
        assert (backward(y) == x).all()
    y, backward = PixelUnshuffle(2).forward(x[:, :, :2, :4])
    assert (backward(y) == x[:, :, :2, :4]).all()


@pytest.mark.parametrize(("cls", "option"), [(PixelShuffle, "upscale_factor"), (PixelUnshuffle, "downscale_factor")])
def test_factors_of_shuffling_are_checked(cls, option):
    for factor, problem in (
        (None, "is missing: give it a positive integer."),
        (0, "must be a positive integer, got 0."),
    ):
        with pytest.raises(ConfigError) as caught:
            cls(factor)
        assert str(caught.value) == f"{option} of {cls.__name__} {problem}"
