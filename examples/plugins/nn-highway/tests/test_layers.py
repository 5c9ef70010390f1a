"""The layers go through the same checks as the built-in ones, and compute their formulas."""

import numpy as np
import pytest

from nn_core import ShapeError
from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_highway.highway import Highway
from nn_highway.maxout import Maxout

CASES = [
    LayerCase("maxout", Maxout, (5, 6)),
    LayerCase("maxout of three, sequences", lambda: Maxout(3), (2, 4, 6)),
    LayerCase("highway", Highway, (5, 4)),
    LayerCase("highway, sequences", lambda: Highway(gate=0.5), (2, 3, 4)),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()


def test_maxout_takes_the_largest_of_every_group():
    x = np.array([[1.0, 3.0, -2.0, -5.0], [0.0, 0.0, 7.0, 8.0]])
    layer = Maxout(2)
    np.testing.assert_array_equal(layer(x), [[3, -2], [0, 8]])
    np.testing.assert_array_equal(layer.backward(np.ones((2, 2))), [[0, 1, 1, 0], [1, 0, 0, 1]])


@pytest.mark.parametrize("layer", [Maxout(3), Highway()])
def test_an_input_that_does_not_fit_is_named(layer):
    layer(np.ones((2, 6), np.float32))
    with pytest.raises(ShapeError, match=r"features on the last axis, got x of .*\(2, 5\)"):
        layer(np.ones((2, 5), np.float32))


def test_a_highway_with_a_closed_gate_passes_its_input_on():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    np.testing.assert_allclose(Highway(gate=-100.0)(x), x, atol=1e-6)


def test_a_highway_with_an_open_gate_is_an_affine_map_and_relu():
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    layer = Highway(gate=100.0)
    np.testing.assert_allclose(layer(x), np.maximum(x @ layer.weight.data.T, 0), atol=1e-6)
