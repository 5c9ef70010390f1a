"""The first values of parameters against PyTorch's rules: the same distributions, checked on both sides."""

from __future__ import annotations

from functools import partial
from math import sqrt
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from nn_core import Layer, Sequential, initialize, seed, set_default_dtype
from nn_core.initializers import (
    calculate_gain,
    constant,
    fans,
    identity,
    kaiming_normal,
    kaiming_uniform,
    normal,
    ones,
    orthogonal,
    truncated_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from nn_layers_conv import Conv2d

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")

GOLDEN = Path(__file__).parents[1] / "golden"
cases, compare = (SimpleNamespace(**run_path(str(GOLDEN / name))) for name in ("cases.py", "compare.py"))

on_both_sides = pytest.mark.parametrize("side", [compare.Ours(), compare.Torch()], ids=["ours", "torch"])


def distance_from_uniform(values, bound):
    """Return the Kolmogorov–Smirnov distance, times √n, between values and U(−bound, bound)."""
    expected = (np.sort(values.ravel().astype("float64")) + bound) / (2 * bound)
    steps = np.arange(values.size + 1) / values.size
    return sqrt(values.size) * max((expected - steps[:-1]).max(), (steps[1:] - expected).max())


@on_both_sides
@pytest.mark.parametrize(
    ("spec", "fan_in"),
    [
        (cases.linear(50, 400), 50),
        (cases.linear(400, 3000), 400),
        (cases.conv(4, 512, (3, 5)), 4 * 3 * 5),
        (cases.conv(64, 1000, 1), 64),
    ],
    ids=["linear", "linear, wide", "conv2d", "conv2d, 1×1"],
)
def test_weights_and_biases_are_uniform_within_one_over_the_root_of_fan_in(side, spec, fan_in):
    seed(0)
    torch.manual_seed(0)
    state = side.state(side.layer(spec, "float32"))
    bound = 1 / sqrt(fan_in)
    for name in ("weight", "bias"):
        values = state[name]
        assert abs(values).max() <= np.float32(bound)
        assert abs(values).max() > bound * (1 - 10 / values.size)
        assert distance_from_uniform(values, bound) < 1.63, f"{name} is not uniform (1 in 100 would be so far off)"


def test_the_distance_from_uniform_tells_other_distributions_apart():
    random = np.random.default_rng(0)
    assert distance_from_uniform(random.uniform(-1, 1, 1000), 1) < 1.63
    assert distance_from_uniform(random.uniform(-1.2, 1.2, 1000).clip(-1, 1), 1) > 1.63
    assert distance_from_uniform(random.normal(size=1000).clip(-1, 1), 1) > 1.63


@pytest.mark.parametrize("spec", [cases.norm(1, 3), cases.norm(2, 3), cases.norm(2, 3, affine=False)])
def test_batch_norm_starts_with_the_state_that_pytorchs_starts_with(spec):
    ours, theirs = (side.state(side.layer(spec, "float32")) for side in (compare.Ours(), compare.Torch()))
    compare.assert_close(ours, theirs, 0)


# The initializers. Where PyTorch's options have other names, the pairs say so.

FAMILY = [
    (partial(uniform, low=-0.5, high=2), partial(torch.nn.init.uniform_, a=-0.5, b=2)),
    (partial(normal, mean=3, std=0.2), partial(torch.nn.init.normal_, mean=3, std=0.2)),
    (truncated_normal, torch.nn.init.trunc_normal_),
    *[
        (partial(truncated_normal, **options), partial(torch.nn.init.trunc_normal_, **options))
        for options in ({"std": 0.02, "a": -0.04, "b": 0.04}, {"mean": 1, "std": 2, "a": -3}, {"a": 1.5, "b": 3})
    ],
    *[
        (partial(ours, gain=gain), partial(theirs, gain=gain))
        for ours, theirs in (
            (xavier_uniform, torch.nn.init.xavier_uniform_),
            (xavier_normal, torch.nn.init.xavier_normal_),
            (orthogonal, torch.nn.init.orthogonal_),
        )
        for gain in (1.0, 5 / 3)
    ],
    *[
        (partial(ours, **options), partial(theirs, **options))
        for ours, theirs in (
            (kaiming_uniform, torch.nn.init.kaiming_uniform_),
            (kaiming_normal, torch.nn.init.kaiming_normal_),
        )
        for options in ({}, {"nonlinearity": "relu", "mode": "fan_out"}, {"a": 2.0}, {"nonlinearity": "tanh", "a": 2.0})
    ],
]
NAMES = [f"{ours.func.__name__} {ours.keywords}" if isinstance(ours, partial) else ours.__name__ for ours, _ in FAMILY]


def distance_between(one, two):
    """Return the Kolmogorov-Smirnov distance of two samples, scaled so that 1 in 100 equal ones are above 1.63."""
    places = np.concatenate([one, two])
    shares = [np.searchsorted(np.sort(values), places, side="right") / values.size for values in (one, two)]
    return sqrt(one.size * two.size / places.size) * abs(shares[0] - shares[1]).max()


@pytest.mark.parametrize(("ours", "theirs"), FAMILY, ids=NAMES)
@pytest.mark.parametrize("shape", [(120, 80), (30, 20, 4, 3)])
def test_an_initializer_draws_from_the_distribution_that_pytorchs_draws_from(ours, theirs, shape):
    torch.manual_seed(0)
    one = ours(shape, np.random.default_rng(0)).ravel()
    two = theirs(torch.empty(shape)).numpy().ravel()
    assert distance_between(one, two) < 1.63
    assert one.std() == pytest.approx(two.std(), rel=0.03)
    bounded = ours.func if isinstance(ours, partial) else ours
    if bounded in (uniform, truncated_normal, xavier_uniform, kaiming_uniform):
        assert abs(one).max() == pytest.approx(abs(two).max(), rel=0.01)
        assert distance_between(one * 1.1, two) > 1.63


def test_samples_of_other_distributions_are_told_apart():
    random = np.random.default_rng(0)
    one = random.normal(size=9600)
    assert distance_between(one, random.normal(size=7200)) < 1.63
    assert distance_between(one, random.normal(size=7200, scale=1.1)) > 1.63
    assert distance_between(one, random.uniform(-sqrt(3), sqrt(3), 7200)) > 1.63


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (6, 2, 3), (3, 2, 3, 4), (2, 3, 2, 3, 4)])
def test_what_is_not_drawn_is_equal(shape):
    one = torch.nn.init.eye_ if len(shape) == 2 else torch.nn.init.dirac_
    for ours, theirs in (
        (zeros, torch.nn.init.zeros_),
        (ones, torch.nn.init.ones_),
        (partial(constant, value=0.1), partial(torch.nn.init.constant_, val=0.1)),
        (identity, one),
    ):
        assert (ours(shape) == theirs(torch.empty(shape)).numpy()).all()


class Given(np.random.Generator):
    """A generator that draws what it was given."""

    def __init__(self, drawn):
        super().__init__(np.random.PCG64(0))
        self.standard_normal = drawn.reshape


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (6, 2, 3), (3, 2, 3, 4)])
def test_an_orthogonal_weight_is_made_of_normal_numbers_as_pytorchs_is(shape):
    torch.manual_seed(0)
    theirs = torch.nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64), gain=2).numpy()
    torch.manual_seed(0)
    drawn = torch.empty(shape[0], int(np.prod(shape[1:])), dtype=torch.float64).normal_().numpy()
    set_default_dtype("float64")
    try:
        ours = orthogonal(shape, Given(drawn), gain=2)
    finally:
        set_default_dtype("float32")
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    "name",
    ["linear", *(f"conv{kind}{d}d" for kind in ("", "_transpose") for d in (1, 2, 3)), "sigmoid", "tanh", "relu"],
)
def test_gains_are_equal(name):
    assert calculate_gain(name) == torch.nn.init.calculate_gain(name)


@pytest.mark.parametrize("param", [None, 0, 1, 0.01, 5**0.5, -0.3])
def test_gains_of_slopes_are_equal(param):
    assert calculate_gain("leaky_relu", param) == torch.nn.init.calculate_gain("leaky_relu", param)
    assert calculate_gain("selu", param) == torch.nn.init.calculate_gain("selu", param)


@pytest.mark.parametrize("shape", [(3, 5), (6, 2, 3), (3, 2, 3, 4)])
def test_fans_are_equal(shape):
    assert fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


# The automatic choice reaches convolutions


class Tanh(Layer):
    """Stands in for the activation."""

    affect_init, init_key = True, "tanh"

    def forward(self, x):
        return x, lambda dy: dy


def test_a_convolution_before_tanh_gets_pytorchs_xavier_normal_weights_unless_it_has_an_init_of_its_own():
    torch.manual_seed(0)
    model = Sequential(Conv2d(20, 30, (4, 3)), Tanh(), Conv2d(30, 2, 3, init="zeros"))
    initialize(model, "auto", np.random.default_rng(0))
    theirs = torch.nn.init.xavier_normal_(torch.empty(30, 20, 4, 3), torch.nn.init.calculate_gain("tanh")).numpy()
    assert distance_between(model[0].weight.data.ravel(), theirs.ravel()) < 1.63
    assert not model[0].bias.data.any()
    assert not model[2].weight.data.any()
    assert model[2].bias.data.any()


def test_a_convolution_is_drawn_again_in_place():
    layer = Conv2d(2, 2, 3)
    weight = layer.weight.data
    layer.reset_parameters("identity")
    assert (weight == torch.nn.init.dirac_(torch.empty(2, 2, 3, 3)).numpy()).all()
