"""Convolution and pooling against PyTorch on geometry drawn at random: values, every gradient, sizes and refusals."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import nn_layers_conv
from nn_core import ShapeError

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")
torch.set_num_threads(1)

RANKS = {"Conv1d": 1, "Conv2d": 2, "Conv3d": 3, "ConvTranspose1d": 1, "ConvTranspose2d": 2}
POOLS = {"MaxPool1d": 1, "MaxPool2d": 2, "MaxPool3d": 3, "AvgPool1d": 1, "AvgPool2d": 2, "LPPool2d": 2}
CAUSES = ("the output would be ", "can add at most ")
TOLERANCE = {"float32": 1e-5, "float64": 1e-11}

dtypes = st.sampled_from(["float32", "float64"])
samples = st.sampled_from([0, 1, 2, 3, 67])  # with the last one there is enough to share rows between windows

at_random = settings(max_examples=120, deadline=None, derandomize=True, database=None)


def each_axis(draw, rank, low, high):
    """Return a number for each axis, often the same one, which is then given alone."""
    if draw(st.booleans()):
        return draw(st.integers(low, high))
    return tuple(draw(st.integers(low, high)) for _ in range(rank))


def per_axis(option, rank):
    return option if isinstance(option, tuple) else (option,) * rank


@st.composite
def convolutions(draw, name):
    """Return options and the shape of an input, which may be too small."""
    rank = RANKS[name]
    # Often a channel for each group: depthwise, with one filter or several for each channel.
    groups = draw(st.integers(1, 3))
    each = 1 if draw(st.booleans()) else 2
    options = {
        "in_channels": groups * each,
        "out_channels": groups * draw(st.integers(1, 3)),
        "kernel_size": each_axis(draw, rank, 1, 4 if rank < 3 else 3),
        "stride": each_axis(draw, rank, 1, 3),
        "padding": each_axis(draw, rank, 0, 3),
        "dilation": each_axis(draw, rank, 1, 3 if rank < 3 else 2),
        "groups": groups,
        "bias": draw(st.booleans()),
    }
    if name.startswith("ConvTranspose"):
        steps = zip(per_axis(options["stride"], rank), per_axis(options["dilation"], rank), strict=True)
        options["output_padding"] = tuple(draw(st.integers(0, max(step) - 1)) for step in steps)
    else:
        options["padding_mode"] = draw(st.sampled_from(["zeros", "zeros", "reflect", "replicate", "circular"]))
        words = ["valid", "same"] if options["stride"] in (1, (1,) * rank) else ["valid"]
        options["padding"] = draw(st.sampled_from([options["padding"], options["padding"], *words]))
    size = [draw(st.integers(1, 9 if rank < 3 else 5)) for _ in range(rank)]
    return name, options, (draw(samples), options["in_channels"], *size)


@st.composite
def poolings(draw, name):
    """Return options and the shape of an input, which may be too small."""
    rank = POOLS[name]
    options = {"kernel_size": each_axis(draw, rank, 1, 4), "stride": each_axis(draw, rank, 1, 4)}
    options["ceil_mode"] = draw(st.booleans())
    taps, least = per_axis(options["kernel_size"], rank), 1
    if name.startswith("Max"):
        options["dilation"] = each_axis(draw, rank, 1, 2)
        # PyTorch writes out of bounds where all that a window with gaps has lies in the padding of a single element.
        least = max(per_axis(options["dilation"], rank))
    if not name.startswith("LP"):
        options["padding"] = tuple(draw(st.integers(0, k // 2)) for k in taps)
    if name.startswith("Avg"):
        options["count_include_pad"] = draw(st.booleans())
    if name == "AvgPool2d":
        options["divisor_override"] = draw(st.sampled_from([None, 1, 5]))
    if name == "LPPool2d":
        options["norm_type"] = draw(st.sampled_from([1.0, 2.0, 3.0]))
    size = [draw(st.integers(least, 9)) for _ in range(rank)]
    return name, options, (draw(samples), draw(st.integers(1, 3)), *size)


def read_only(array, dtype):
    array = array.astype("float32").astype(dtype)
    array.flags.writeable = False
    return array


def compare(case, dtype, draw_x):
    """Run both sides, there and back; or hold them to refusing the same, ours with the size it computed."""
    name, options, shape = case
    rng = np.random.default_rng(crc32(repr(case).encode()))
    ours = getattr(nn_layers_conv, name)(**options)
    theirs = getattr(torch.nn, name)(**options).to(getattr(torch, dtype))
    if list(ours.parameters()):
        ours.astype(dtype)
        theirs.load_state_dict({key: torch.tensor(array) for key, array in ours.state_dict().items()})
    x = read_only(draw_x(rng, shape), dtype)
    leaf = torch.tensor(x, requires_grad=True)
    try:
        expected, refusal = theirs(leaf), ""
    except RuntimeError as error:
        expected, refusal = None, str(error)
    if refusal or 0 in expected.shape[2:]:  # of no samples PyTorch makes images without pixels
        for ask in (lambda: ours.output_shape(shape), lambda: ours.forward(x), lambda: ours.infer(x)):
            with pytest.raises(ShapeError) as caught:
                ask()
            assert any(words in str(caught.value) for words in CAUSES), (str(caught.value), refusal)
        return

    y, backward = ours.forward(x)
    assert y.dtype == dtype
    assert y.shape == tuple(expected.shape) == ours.output_shape(shape)
    pairs = {"y": (y, expected), "infer": (ours.infer(x), expected)}
    dy = read_only(rng.uniform(-1, 1, y.shape), dtype)
    expected.backward(torch.tensor(dy))
    pairs["dx"] = backward(dy), leaf.grad
    parameters = dict(theirs.named_parameters())
    pairs |= {key: (parameter.grad, parameters[key].grad) for key, parameter in ours.named_parameters()}
    for key, (one, other) in pairs.items():
        assert one.dtype == dtype
        wanted = other.detach().numpy()
        scale = np.abs(wanted[np.isfinite(wanted)]).max(initial=1)
        np.testing.assert_allclose(one, wanted, rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=f"{key} of {case}")


def uniform(rng, shape):
    return rng.uniform(-2, 2, shape)


def positive(rng, shape):
    """Return numbers of which odd powers have roots."""
    return rng.uniform(0.5, 2, shape)


def with_ties(rng, shape):
    """Return few values, so that many are equal, −∞ among them."""
    return rng.choice([-np.inf, -1.0, -0.5, 0.0, 0.5], shape)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # a remark of PyTorch's about its speed
@pytest.mark.parametrize("name", RANKS)
@at_random
@given(data=st.data(), dtype=dtypes)
def test_convolutions_are_pytorchs(name, data, dtype):
    compare(data.draw(convolutions(name)), dtype, uniform)


@pytest.mark.parametrize("name", POOLS)
@at_random
@given(data=st.data(), dtype=dtypes)
def test_pooling_is_pytorchs(name, data, dtype):
    draw_x = positive if name.startswith("LP") else with_ties if name.startswith("Max") else uniform
    compare(data.draw(poolings(name)), dtype, draw_x)
