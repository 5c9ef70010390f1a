"""First values of parameters, judged by their distribution."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import UnknownComponentError, seed
from nn_core.initializers import bias_like, initializer, torch_linear


@pytest.mark.parametrize(
    ("shape", "fan_in"), [((200, 100), 100), ((60, 5, 7, 3), 5 * 7 * 3), ((8000,), 1), ((90, 6, 20), 6 * 20)]
)
def test_weights_are_uniform_within_one_over_the_root_of_the_fan_in(shape, fan_in):
    weight = torch_linear(shape, np.random.default_rng(0)).astype("float64")
    bound = 1 / np.sqrt(fan_in)
    assert weight.shape == shape
    assert 0.999 * bound < np.abs(weight).max() <= bound * (1 + 1e-6)
    spread = bound / np.sqrt(3)
    assert abs(weight.mean()) < 5 * spread / np.sqrt(weight.size)
    assert weight.std() == pytest.approx(spread, rel=0.03)


def test_the_bias_has_the_bound_of_its_weight():
    weight = np.zeros((5000, 3, 2, 2), np.float32)
    bias = bias_like(weight, np.random.default_rng(0))
    assert bias.shape == (5000,)
    assert 0.99 / np.sqrt(12) < np.abs(bias).max() <= 1 / np.sqrt(12)


def test_values_come_in_the_default_dtype():
    assert torch_linear((2, 3)).dtype == np.float32
    assert bias_like(np.zeros((2, 3))).dtype == np.float32


def test_values_come_from_the_generator_given_or_else_the_default_one():
    one, two = (torch_linear((4, 5), np.random.default_rng(1)) for _ in range(2))
    assert (one == two).all()
    drawn = []
    for _ in range(2):
        seed(3)
        drawn.append((torch_linear((4, 5)), bias_like(one)))
    assert (drawn[0][0] == drawn[1][0]).all()
    assert (drawn[0][1] == drawn[1][1]).all()
    assert (torch_linear((4, 5)) != drawn[0][0]).all()


def test_without_inputs_there_is_nothing_to_draw():
    assert torch_linear((4, 0)).shape == (4, 0)
    assert bias_like(np.zeros((4, 0))).tolist() == [0, 0, 0, 0]


def test_an_initializer_is_a_name_or_a_function():
    assert initializer("torch_linear") is torch_linear
    assert initializer(np.zeros) is np.zeros
    with pytest.raises(UnknownComponentError, match="provides the initializer 'torch'"):
        initializer("torch")
