"""Convolution against loops that do what the formula says, and its fast paths against the general one."""

from __future__ import annotations

import copy
import pickle
import re
import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, DTypeError, NotBuiltError, Sequential, ShapeError, seed
from nn_layers_conv import BatchNorm2d, Conv1d, Conv2d, Conv3d, MaxPool2d, convolving, windows as windows_module
from nn_layers_conv.convolving import convolve, convolve_back, weight_gradient
from nn_layers_conv.windows import Windows

LAYERS = {1: Conv1d, 2: Conv2d, 3: Conv3d}
NUMPY_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}

quickly = settings(max_examples=60, deadline=None, derandomize=True, database=None)


@st.composite
def convolutions(draw):
    """Return options of a layer and the shape of an input that it takes."""
    rank = draw(st.sampled_from([1, 2, 2, 3]))
    mode = draw(st.sampled_from(["zeros", "zeros", *NUMPY_MODES]))
    groups = draw(st.integers(1, 3))
    options = {
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * draw(st.integers(1, 2)),
        "kernel_size": tuple(draw(st.integers(1, 3)) for _ in range(rank)),
        "stride": tuple(draw(st.integers(1, 3)) for _ in range(rank)),
        "dilation": tuple(draw(st.integers(1, 2)) for _ in range(rank)),
        "padding": draw(st.sampled_from(["same", "valid", None]))
        or tuple(draw(st.integers(0, 2)) for _ in range(rank)),
        "groups": groups,
        "bias": draw(st.booleans()),
        "padding_mode": mode,
    }
    reach = [d * (k - 1) + 1 for d, k in zip(options["dilation"], options["kernel_size"], strict=True)]
    margins = options["padding"] if isinstance(options["padding"], tuple) else (0,) * rank
    least = [max(1, r - 2 * m) for r, m in zip(reach, margins, strict=True)]
    if mode in ("reflect", "circular"):  # which cannot add more than there is
        least = [max(low, r, m + 1) for low, r, m in zip(least, reach, margins, strict=True)]
    size = tuple(draw(st.integers(low, low + 3)) for low in least)
    return rank, options, (draw(st.integers(0, 3)), options["in_channels"], *size)


def made(rank, options, rng):
    """Return the layer in float64 with random parameters."""
    layer = LAYERS[rank](**options).astype("float64")
    for parameter in layer.parameters():
        parameter.data[...] = rng.normal(size=parameter.shape)
    return layer


def margins_of(options, size):
    """Return what is to be added before and after each axis; for "same" as TensorFlow's documentation has it."""
    if options["padding"] == "valid":
        return [(0, 0)] * len(size)
    if options["padding"] != "same":
        return [(margin, margin) for margin in options["padding"]]
    added = []
    for n, k, s, d in zip(size, options["kernel_size"], options["stride"], options["dilation"], strict=True):
        reach = (k - 1) * d + 1
        missing = max(reach - s, 0) if n % s == 0 else max(reach - n % s, 0)
        added.append((missing // 2, missing - missing // 2))
    return added


def by_loops(x, weight, bias, options):
    """Return the convolution of x, one product of a window and a filter at a time."""
    pads = margins_of(options, x.shape[2:])
    x = np.pad(x, [(0, 0), (0, 0), *pads], mode=NUMPY_MODES[options["padding_mode"]])
    of_group, outputs = weight.shape[1], len(weight) // options["groups"]
    reach = [d * (k - 1) + 1 for d, k in zip(options["dilation"], weight.shape[2:], strict=True)]
    out = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, options["stride"], strict=True)]
    y = np.zeros((len(x), len(weight), *out))
    for channel, *window in np.ndindex(*y.shape[1:]):
        first = channel // outputs * of_group
        part = tuple(
            slice(r * s, r * s + length, d)
            for r, s, length, d in zip(window, options["stride"], reach, options["dilation"], strict=True)
        )
        seen = x[:, first : first + of_group, *part]
        y[:, channel, *window] = (seen * weight[channel]).sum(axis=tuple(range(1, x.ndim))) + bias[channel]
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
@given(case=convolutions(), data=st.integers(0, 1000))
def test_a_convolution_is_what_the_loops_give(case, data):
    rank, options, shape = case
    rng = np.random.default_rng(data)
    x, layer = rng.normal(size=shape), made(rank, options, rng)
    zero = np.zeros(options["out_channels"])
    y, backward = layer.forward(x)
    expected = by_loops(x, layer.weight.data, layer.bias.data if options["bias"] else zero, options)
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)
    assert y.shape == layer.output_shape(shape)

    # y is linear in x and in the weight, so each gradient is fixed by ⟨gradient, anything⟩ = ⟨dy, what it adds to y⟩.
    dy, other = rng.normal(size=y.shape), rng.normal(size=shape)
    weights = rng.normal(size=layer.weight.shape)
    dx = backward(dy)
    assert (dx * other).sum() == pytest.approx(
        (dy * by_loops(other, layer.weight.data, zero, options)).sum(), abs=1e-10
    )
    assert (layer.weight.grad * weights).sum() == pytest.approx(
        (dy * by_loops(x, weights, zero, options)).sum(), abs=1e-10
    )
    if options["bias"]:
        np.testing.assert_allclose(layer.bias.grad, dy.sum((0, *range(2, dy.ndim))), rtol=1e-10, atol=1e-12)


# The ways to do the same


@st.composite
def geometries(draw):
    """Return windows over an image, and shapes of an input and a weight for as many groups."""
    rank = draw(st.sampled_from([1, 2, 2, 3]))
    numbers = {
        name: tuple(draw(st.integers(low, high)) for _ in range(rank))
        for name, low, high in (
            ("size", 1, 6),
            ("out", 1, 4),
            ("kernel_size", 1, 3),
            ("stride", 1, 2),
            ("dilation", 1, 2),
            ("before", 0, 2),
        )
    }
    groups, c, o = (draw(st.integers(1, 3)) for _ in range(3))
    x, weight = (draw(st.integers(0, 3)), c * groups, *numbers["size"]), (o * groups, c, *numbers["kernel_size"])
    return Windows(**numbers), groups, x, weight


def all_three(windows, groups, x, weight, dy, **patches):
    """Return a convolution with both its gradients, with some of what the modules know replaced."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in patches.items():
            owner = convolving if hasattr(convolving, name) else Windows
            patch.setattr(owner, name, value)
            if owner is convolving and hasattr(windows_module, name):
                patch.setattr(windows_module, name, value)
        y = convolve(x, weight, np.arange(1.0, len(weight) + 1), windows, groups)
        return y, convolve_back(dy, weight, windows, groups), weight_gradient(x, dy, weight, windows, groups)


def drawn(geometry, data):
    windows, groups, x, weight = geometry
    rng = np.random.default_rng(data)
    dy = rng.normal(size=(x[0], weight[0], *windows.out))
    return windows, groups, rng.normal(size=x), rng.normal(size=weight), dy


GENERAL = {
    "PART_BYTES": 1 << 40,
    "rows_overlap": lambda windows, samples: False,
    "are_the_elements": False,
    "reflected": lambda windows: None,
}


@pytest.mark.parametrize(
    "fast",
    [
        {"PART_BYTES": 1},
        {"PART_BYTES": 500},
        {"rows_overlap": lambda windows, samples: len(windows.size) > 1 and windows.dilation[0] == 1},
        {"PART_BYTES": 1, "rows_overlap": lambda windows, samples: len(windows.size) > 1 and windows.dilation[0] == 1},
        {"reflected": Windows.reflected},
    ],
    ids=["a row at a time", "some rows at a time", "rows shared", "a shared row at a time", "depthwise, reflected"],
)
@quickly
@given(geometry=geometries(), data=st.integers(0, 1000))
def test_every_way_to_convolve_gives_what_the_general_one_gives(fast, geometry, data):
    arguments = drawn(geometry, data)
    general, other = all_three(*arguments, **GENERAL), all_three(*arguments, **GENERAL | fast)
    for one, two in zip(general, other, strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-10, atol=1e-12)


@quickly
@given(geometry=geometries(), data=st.integers(0, 1000))
def test_filters_of_one_element_are_products_without_columns(geometry, data):
    windows, groups, x, weight = geometry
    ones = (1,) * len(windows.size)
    windows = Windows(windows.size, windows.size, ones, ones, windows.dilation, tuple(0 for _ in ones))
    assert windows.are_the_elements
    arguments = drawn((windows, groups, x, (*weight[:2], *ones)), data)
    general = all_three(*arguments, **GENERAL)
    for one, two in zip(general, all_three(*arguments), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-10, atol=1e-12)


@quickly
@given(geometry=geometries(), multiplier=st.integers(1, 3), data=st.integers(0, 1000))
def test_depthwise_filters_go_back_as_a_convolution_of_the_output(geometry, multiplier, data):
    windows, groups, x, weight = geometry
    ones = (1,) * len(windows.size)
    windows = Windows(windows.size, windows.out, windows.kernel_size, ones, windows.dilation, windows.before)
    arguments = drawn((windows, groups, (x[0], groups, *x[2:]), (groups * multiplier, 1, *weight[2:])), data)
    general = all_three(*arguments, **GENERAL)
    for one, two in zip(general, all_three(*arguments), strict=True):
        np.testing.assert_allclose(two, one, rtol=1e-10, atol=1e-12)


def orders(x):
    """Yield arrays equal to x (N, C, H, W) that lie otherwise in memory."""
    yield x
    yield np.asfortranarray(x)
    yield np.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)
    yield np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)  # channels last
    yield x[::-1, ::-1].copy()[::-1, ::-1]
    yield np.repeat(x, 2, axis=-1)[..., ::2]


def test_the_order_in_memory_makes_no_difference():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 4, 6, 5))
    for layer in (Conv2d(4, 6, 3, padding=1), Conv2d(4, 8, 3, groups=4), Conv2d(4, 2, 1), Conv2d(4, 4, 2, stride=2)):
        layer.astype("float64")
        results = []
        for given_x in orders(x):
            given_x.flags.writeable = False
            y, backward = layer.forward(given_x)
            dys = [*orders(np.cos(np.arange(y.size)).reshape(y.shape))]
            dy = dys[len(results)]
            dy.flags.writeable = False
            layer.zero_grad()
            results.append([y, backward(dy), *(parameter.grad for parameter in layer.parameters())])
        for others in results[1:]:
            for one, two in zip(results[0], others, strict=True):
                np.testing.assert_allclose(two, one, rtol=1e-12, atol=1e-12)


def test_one_number_seen_everywhere_is_an_input_like_any_other():
    layer = Conv2d(2, 3, 3, padding=1).astype("float64")
    x = np.broadcast_to(np.float64(2), (2, 2, 4, 4))
    y, backward = layer.forward(x)
    expected, back = layer.forward(np.full((2, 2, 4, 4), 2.0))
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(backward(np.broadcast_to(1.0, y.shape)), back(np.ones(y.shape)))


@pytest.mark.parametrize("layer", [Conv2d(2, 3, 3, padding=1), Conv2d(4, 4, 3, groups=4), Conv2d(2, 2, 1)], ids=repr)
def test_what_a_layer_returned_stays_as_it_is_while_the_layer_goes_on(layer):
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 3, layer.in_channels, 9, 8)).astype("float32")
    y, backward = layer.forward(first)
    kept, dy = y.copy(), rng.normal(size=y.shape).astype("float32")
    alone = layer.forward(first)[1](dy)
    other, other_back = layer.forward(second)
    layer.infer(second)
    other_back(np.ones_like(other))
    np.testing.assert_array_equal(y, kept)
    np.testing.assert_array_equal(backward(dy), alone)


def test_threads_convolve_side_by_side():
    layer = Conv2d(3, 4, 3, padding=1).astype("float64")
    xs = np.random.default_rng(0).normal(size=(8, 16, 3, 12, 12))
    expected, found = [layer.infer(x) for x in xs], [None] * len(xs)
    start = threading.Barrier(len(xs), timeout=20)

    def work(i):
        start.wait()
        for _ in range(5):
            found[i] = layer.infer(xs[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(xs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_layer_that_ran_can_be_copied_and_pickled():
    layer = Conv2d(2, 3, 3, padding="same")
    x = np.random.default_rng(0).normal(size=(2, 2, 5, 4)).astype("float32")
    y = layer(x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(twin(x), y)


# Options


def test_sizes_may_be_numbers_pairs_or_lists():
    layers = [
        Conv2d(2, 3, 3, stride=2, padding=1),
        Conv2d(2, 3, (3, 3), stride=(2, 2), padding=(1, 1)),
        Conv2d(2, 3, [3, 3], stride=[2, 2], padding=[1, 1]),
        Conv2d(2, 3, np.int64(3), stride=np.int32(2), padding=np.uint8(1)),
    ]
    assert len({repr(layer) for layer in layers}) == 1
    assert layers[2].config()["kernel_size"] == (3, 3)


def test_what_is_as_usual_is_not_shown():
    assert repr(Conv2d(2, 4, 3)) == (
        "Conv2d(in_channels=2, out_channels=4, kernel_size=(3, 3), stride=(1, 1), padding=(0, 0), bias=True)"
    )
    assert repr(Conv1d(2, 4, 3, padding="same", dilation=2, groups=2, padding_mode="reflect", bias=False)) == (
        "Conv1d(in_channels=2, out_channels=4, kernel_size=(3,), stride=(1,), padding='same', dilation=(2,), groups=2, "
        "bias=False, padding_mode='reflect')"
    )


@pytest.mark.parametrize(("layer", "fan_in"), [(Conv2d(5, 200, (3, 2)), 30), (Conv2d(8, 400, 3, groups=4), 18)])
def test_the_bias_and_the_weights_are_drawn_within_one_over_the_root_of_the_window(layer, fan_in):
    seed(0)
    layer.reset_parameters()
    bound = 1 / np.sqrt(fan_in)
    for parameter in layer.parameters():
        assert 0.98 * bound < np.abs(parameter.data).max() <= bound
    assert [name for name, _ in Conv2d(5, 2, 3, bias=False).named_parameters()] == ["weight"]


def test_the_weights_are_drawn_as_the_initializer_says():
    assert (Conv2d(5, 2, 3, init={"type": "constant", "value": 0.5}).weight.data == 0.5).all()
    seed(0)
    weight = Conv1d(30, 200, 4, init="kaiming_normal").weight.data
    assert weight.std() == pytest.approx(np.sqrt(2 / (30 * 4)), rel=0.02)


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
        (
            (2, 3, 5),
            "conv2d: expected images of shape (N, C, H, W), got (2, 3, 5)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        ((2, 3, 5, 5, 5), "conv2d: expected images of shape (N, C, H, W), got (2, 3, 5, 5, 5)"),
        (
            (2, 1, 5, 5),
            "conv2d: expected 3 channels on axis 1, got 1. Leave in_channels out to have it inferred, or set it to 1.",
        ),
        (
            (2, 3, 4, 1),
            "conv2d: kernel_size (4, 4) with padding (1, 0) does not fit into images of 4×1: the output would be 3×-2. "
            "Choose a smaller kernel_size or more padding, or reduce the size less in the layers before.",
        ),
    ],
)
@pytest.mark.parametrize("method", ["forward", "infer"])
def test_an_input_that_does_not_fit_is_answered_with_both_sizes(shape, message, method):
    with pytest.raises(ShapeError) as caught:
        getattr(Conv2d(3, 4, 4, padding=(1, 0)), method)(np.zeros(shape, np.float32))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Conv1d(3, 4, 3, dilation=4),
            (2, 3, 8),
            "conv1d: kernel_size (3,), dilation (4,) with padding (0,) does not fit into sequences of 8: "
            "the output would be 0. Choose a smaller",
        ),
        (
            Conv3d(1, 4, 3, padding="valid"),
            (2, 1, 5, 2, 5),
            "conv3d: kernel_size (3, 3, 3) with padding 'valid' does not fit into volumes of 5×2×5: "
            "the output would be 3×0×3. Choose a smaller",
        ),
        (
            Conv2d(3, 4, 3),
            (2, 8, 8, 3),
            "conv2d: expected 3 channels on axis 1, got 8. "
            "The channels seem to come last: put them first with x.transpose(0, 3, 1, 2).",
        ),
        (Conv1d(3, 4, 3), (2, 8, 3), "The channels seem to come last: put them first with x.transpose(0, 2, 1)."),
        (Conv1d(3, 4, 3), (2, 3, 5, 5), "conv1d: expected sequences of shape (N, C, L), got (2, 3, 5, 5)"),
        (
            Conv3d(3, 4, 3),
            (2, 3, 5, 5),
            "conv3d: expected volumes of shape (N, C, D, H, W), got (2, 3, 5, 5)"
            ". Give a single sample its axis with x[None], or a single channel with x[:, None].",
        ),
        (
            Conv2d(out_channels=4, kernel_size=1, groups=2),
            (2, 3, 5, 5),
            "conv2d: cannot form 2 groups of 3 channels",
        ),
        (
            Conv2d(out_channels=4, kernel_size=1),
            (2, 0, 5, 5),
            "conv2d: expected at least one channel on axis 1, got none",
        ),
        (
            Conv2d(3, 4, 3, padding=(1, 5), padding_mode="reflect"),
            (2, 3, 5, 5),
            "conv2d: padding mode 'reflect' can add at most 4 elements at each end of axis 3 of images of 5×5, "
            "got 5 before and 5 after",
        ),
    ],
)
def test_the_cause_is_named_with_the_numbers(layer, shape, message):
    for method in ("forward", "infer"):
        with pytest.raises(ShapeError, match=re.escape(message)):
            getattr(layer, method)(np.zeros(shape, np.float32))


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
        ({"padding": "full"}, "padding of Conv2d must be an integer for every axis, 'same' or 'valid', got 'full'."),
        ({"dilation": 0}, "dilation of Conv2d must be a positive integer, got (0, 0)."),
        ({"groups": 0}, "groups of Conv2d must be a positive integer, got 0."),
        (
            {"groups": 2},
            "in_channels of Conv2d must be a multiple of groups, got 3 channels for 2 groups.",
        ),
        (
            {"groups": 3},
            "out_channels of Conv2d must be a multiple of groups, got 4 channels for 3 groups.",
        ),
        (
            {"padding_mode": "wrap"},
            "padding_mode of Conv2d must be one of zeros, reflect, replicate, circular, got 'wrap'.",
        ),
        ({"bias": "no"}, "bias of Conv2d must be true or false, got 'no'."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        Conv2d(**({"in_channels": 3, "out_channels": 4, "kernel_size": 3} | options))


def test_the_number_of_axes_decides_how_many_sizes_there_are():
    with pytest.raises(ConfigError, match=re.escape("kernel_size of Conv1d must be an integer, got (3, 3).")):
        Conv1d(1, 1, (3, 3))
    with pytest.raises(ConfigError, match=re.escape("stride of Conv3d must be an integer or 3 of them, got (1, 2).")):
        Conv3d(1, 1, 3, stride=(1, 2))
    assert Conv1d(1, 1, [3]).kernel_size == (3,)
    assert Conv3d(1, 1, 3).kernel_size == (3, 3, 3)


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
