"""The first values of parameters against PyTorch's rules: the same distributions, checked on both sides."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from nn_core import seed

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
