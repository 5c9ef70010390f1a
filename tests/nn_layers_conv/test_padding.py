"""Padding in all modes: the checks of all layers, NumPy's padding, loops for the way back, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, ShapeError
from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import CircularPad2d, ReflectionPad2d, ReplicationPad2d, ZeroPad2d
from nn_layers_conv.padding import PADDING_MODES, check_padding, margins, padded

CASES = [
    LayerCase("zero_pad2d", lambda: ZeroPad2d(2), (2, 3, 3, 2)),
    LayerCase("zero_pad2d, four numbers", lambda: ZeroPad2d((1, 0, 2, 3)), (2, 3, 3, 2)),
    LayerCase("zero_pad2d, cropping", lambda: ZeroPad2d((-1, 2, 0, -2)), (2, 3, 3, 2)),
    LayerCase("zero_pad2d, nothing", lambda: ZeroPad2d(0), (2, 3, 3, 2)),
    LayerCase("reflection_pad2d", lambda: ReflectionPad2d(1), (2, 3, 3, 2)),
    LayerCase("reflection_pad2d, as far as it goes", lambda: ReflectionPad2d((1, 1, 2, 2)), (2, 3, 3, 2)),
    LayerCase("replication_pad2d", lambda: ReplicationPad2d(1), (2, 3, 3, 2)),
    LayerCase("replication_pad2d, larger than the image", lambda: ReplicationPad2d((4, 0, 0, 5)), (2, 3, 3, 2)),
    LayerCase("circular_pad2d", lambda: CircularPad2d(1), (2, 3, 3, 2)),
    LayerCase("circular_pad2d, as far as it goes", lambda: CircularPad2d((2, 2, 3, 3)), (2, 3, 3, 2)),
]
LAYERS = {"zeros": ZeroPad2d, "reflect": ReflectionPad2d, "replicate": ReplicationPad2d, "circular": CircularPad2d}
NUMPY = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
ROW = np.array([[[[1.0, 2.0, 3.0, 4.0]]]])


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


@pytest.mark.parametrize(
    ("mode", "row", "slopes"),
    [
        ("zeros", [0, 0, 1, 2, 3, 4, 0, 0, 0], [3, 4, 5, 6]),
        ("reflect", [3, 2, 1, 2, 3, 4, 3, 2, 1], [3 + 9, 4 + 2 + 8, 5 + 1 + 7, 6]),
        ("replicate", [1, 1, 1, 2, 3, 4, 4, 4, 4], [1 + 2 + 3, 4, 5, 6 + 7 + 8 + 9]),
        ("circular", [3, 4, 1, 2, 3, 4, 1, 2, 3], [3 + 7, 4 + 8, 5 + 1 + 9, 6 + 2]),
    ],
)
def test_padding_of_a_row_and_its_gradient_worked_by_hand(mode, row, slopes):
    y, backward = LAYERS[mode]((2, 3, 0, 0)).forward(ROW)
    assert y.tolist() == [[[row]]]
    assert backward(np.arange(1.0, 10).reshape(1, 1, 1, 9)).tolist() == [[[slopes]]]


def test_padding_is_left_right_top_bottom():
    x = np.arange(1.0, 7).reshape(1, 1, 2, 3)
    for mode, layer in LAYERS.items():
        expected = np.pad(x, ((0, 0), (0, 0), (1, 0), (2, 1)), NUMPY[mode])
        assert layer((2, 1, 1, 0))(x).tolist() == expected.tolist()


@st.composite
def paddings(draw):
    """Return (shape, pads, mode) for sequences, images and volumes, padded as far as the mode allows."""
    mode = draw(st.sampled_from(PADDING_MODES))
    size = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    limits = [{"reflect": n - 1, "circular": n}.get(mode, 6) for n in size]
    pads = tuple((draw(st.integers(0, limit)), draw(st.integers(0, limit))) for limit in limits)
    return (draw(st.integers(0, 3)), draw(st.integers(1, 2)), *size), pads, mode


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(case=paddings(), samples_last=st.booleans())
def test_padding_is_numpys_and_every_gradient_goes_to_the_element_that_was_copied(case, samples_last):
    shape, pads, mode = case
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    if samples_last:
        x = np.ascontiguousarray(np.moveaxis(x, 0, -1))
        x = np.moveaxis(x, -1, 0)
    everywhere = ((0, 0), (0, 0), *pads)
    y, backward = padded(x, pads, mode)
    np.testing.assert_array_equal(y, np.pad(x, everywhere, NUMPY[mode]))
    dy = rng.normal(size=y.shape)
    sources = np.pad(np.arange(1, x.size + 1).reshape(shape), everywhere, NUMPY[mode])  # 0 is none
    slopes = np.bincount(sources.ravel(), dy.ravel(), minlength=x.size + 1)[1:]
    dx = backward(dy)
    assert dx.shape == shape
    np.testing.assert_allclose(dx, slopes.reshape(shape), rtol=1e-12, atol=1e-12)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(size=st.tuples(*[st.integers(0, 5)] * 2), padding=st.tuples(*[st.integers(-5, 3)] * 4))
def test_negative_numbers_take_rows_and_columns_away(size, padding):
    x = np.arange(1.0, 2 * 3 * np.prod(size) + 1).reshape(2, 3, *size)
    left, right, top, bottom = padding
    layer = ZeroPad2d(padding)
    if any(-min(0, one) - min(0, other) > n for n, one, other in ((size[0], top, bottom), (size[1], left, right))):
        with pytest.raises(ShapeError, match=r"cannot take \d and \d elements from the ends of axis [23]"):
            layer(x)
        return
    rows, columns = (range(-before, n + after) for n, before, after in ((size[0], top, bottom), (size[1], left, right)))
    y, backward = layer.forward(x)
    assert y.shape == layer.output_shape(x.shape) == (2, 3, len(rows), len(columns))
    dy = np.arange(1.0, y.size + 1).reshape(y.shape)
    slopes = np.zeros_like(x)
    for (i, row), (j, column) in ((r, c) for r in enumerate(rows) for c in enumerate(columns)):
        inside = 0 <= row < size[0] and 0 <= column < size[1]
        assert (y[:, :, i, j] == (x[:, :, row, column] if inside else 0)).all()
        if inside:
            slopes[:, :, row, column] += dy[:, :, i, j]
    assert (backward(dy) == slopes).all()


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_no_padding_returns_the_input_itself(mode):
    y, backward = padded(ROW, ((0, 0), (0, 0)), mode)
    assert y is ROW
    assert backward(ROW) is ROW


def test_margins_name_places_and_the_elements_that_they_copy():
    assert margins(3, 2, 1, "reflect") == [(0, 2), (1, 1), (5, 1)]
    assert margins(3, 2, 1, "replicate") == [(0, 0), (1, 0), (5, 2)]
    assert margins(3, 2, 1, "circular") == [(0, 1), (1, 2), (5, 0)]


@pytest.mark.parametrize("mode", PADDING_MODES)
def test_outputs_and_gradients_keep_the_samples_last_in_memory(mode):
    x = np.zeros((2, 4, 6, 5), np.float32).transpose(3, 0, 1, 2)
    y, backward = LAYERS[mode](1).forward(x)
    assert y.transpose(1, 2, 3, 0).flags.c_contiguous
    dx = backward(np.ones_like(y))  # with zeros a view of dy
    assert dx.transpose(1, 2, 3, 0).flags.c_contiguous or mode == "zeros"
    assert np.argmin(dx.strides) == 0


def test_gradients_of_padding_do_not_reach_into_dy():
    for mode in PADDING_MODES[1:]:
        _, backward = padded(ROW, ((0, 0), (1, 1)), mode)
        dy = np.ones((1, 1, 1, 6))
        dx = backward(dy)
        dx += 1
        assert (dy == 1).all()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            ZeroPad2d(1),
            (3, 4, 4),
            "zero_pad2d: expected images of shape (N, C, H, W), got (3, 4, 4)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (
            ZeroPad2d((0, 0, -2, -3)),
            (1, 2, 4, 5),
            "zero_pad2d: cannot take 2 and 3 elements from the ends of axis 2 of images of 4×5. "
            "Choose padding that leaves something, or reduce the size less in the layers before.",
        ),
        (
            ReflectionPad2d((3, 0, 1, 1)),
            (1, 2, 4, 3),
            "reflection_pad2d: padding mode 'reflect' can add at most 2 elements at each end of axis 3 of images of "
            "4×3, got 3 before and 0 after. Choose less padding, or pad with zeros or by replication, which have no "
            "such limit.",
        ),
        (
            CircularPad2d((0, 0, 1, 5)),
            (1, 2, 4, 3),
            "circular_pad2d: padding mode 'circular' can add at most 4 elements at each end of axis 2 of images of "
            "4×3, got 1 before and 5 after. Choose less padding, or pad with zeros or by replication, which have no "
            "such limit.",
        ),
        (
            ReplicationPad2d(1),
            (1, 2, 0, 3),
            "replication_pad2d: padding mode 'replicate' needs an element to copy, got images of 0×3",
        ),
    ],
)
def test_an_input_that_cannot_be_padded_is_refused_by_name(layer, shape, message):
    x = np.zeros(shape, np.float32)
    for refuse in (lambda: layer.forward(x), lambda: layer.infer(x), lambda: layer.output_shape(shape)):
        with pytest.raises(ShapeError) as caught:
            refuse()
        assert str(caught.value) == message


@pytest.mark.parametrize(
    ("size", "things"), [((3,), "sequences of 3"), ((4, 3), "images of 4×3"), ((5, 4, 3), "volumes of 5×4×3")]
)
def test_what_is_too_small_for_a_mode_is_named_for_any_number_of_axes(size, things):
    nothing = ((0, 0),) * (len(size) - 1)
    for mode, fits in (("reflect", 2), ("circular", 3)):
        check_padding(ZeroPad2d(0), (*nothing, (fits, fits)), size, mode)
        place = f"at most {fits} elements at each end of axis {len(size) + 1} of {things}, got 0 before and {fits + 1}"
        with pytest.raises(ShapeError, match=re.escape(place)):
            check_padding(ZeroPad2d(0), (*nothing, (0, fits + 1)), size, mode)
    for mode in ("zeros", "replicate"):
        check_padding(ZeroPad2d(0), ((9, 9),) * len(size), size, mode)


@pytest.mark.parametrize("cls", LAYERS.values())
@pytest.mark.parametrize(
    ("padding", "message"),
    [
        (None, "is missing: give it an integer, or four of them for left, right, top and bottom."),
        ((1, 2), "must be an integer, or four of them for left, right, top and bottom, got (1, 2)."),
        (1.5, "must be an integer, or four of them for left, right, top and bottom, got 1.5."),
        ("1", "must be an integer, or four of them for left, right, top and bottom, got '1'."),
        ((1, 2, 3, 0.5), "must be an integer, or four of them for left, right, top and bottom, got (1, 2, 3, 0.5)."),
        ((1, 2, 3, True), "must be an integer, or four of them for left, right, top and bottom, got (1, 2, 3, True)."),
    ],
)
def test_padding_that_makes_no_sense_is_refused(cls, padding, message):
    with pytest.raises(ConfigError) as caught:
        cls(padding)
    assert str(caught.value) == f"padding of {cls.__name__} {message}"


def test_only_zero_padding_takes_negative_numbers():
    for cls in (ReflectionPad2d, ReplicationPad2d, CircularPad2d):
        with pytest.raises(ConfigError) as caught:
            cls((1, 0, -1, 0))
        assert str(caught.value) == (
            f"padding of {cls.__name__} must be at least 0, got (1, 0, -1, 0). "
            f"ZeroPad2d takes negative numbers, which crop."
        )


def test_one_number_is_for_all_sides_and_a_list_is_a_tuple():
    assert ZeroPad2d(2).padding == ZeroPad2d([2, 2, 2, 2]).padding == (2, 2, 2, 2)
    assert repr(ReflectionPad2d(1)) == "ReflectionPad2d(padding=(1, 1, 1, 1))"
