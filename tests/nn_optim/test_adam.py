"""Adam against its recurrence, worked in float64."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import ConfigError, Parameter
from nn_optim import Adam


def by_hand(start, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
    theta, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for t, gradient in enumerate(gradients, 1):
        g = gradient + weight_decay * theta
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        m_hat, v_hat = m / (1 - betas[0] ** t), v / (1 - betas[1] ** t)
        theta = theta - lr * m_hat / (np.sqrt(v_hat) + eps)
    return theta


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lr": 0.1},
        {"lr": 0.1, "betas": (0.5, 0.75)},
        {"lr": 0.1, "betas": [0.0, 0.0]},
        {"lr": 0.1, "eps": 0.5},
        {"lr": 0.1, "weight_decay": 0.3},
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_steps_follow_the_recurrence(options, dtype, tolerance):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(3, 4)), rng.normal(size=(6, 3, 4))
    parameter = Parameter(start.astype(dtype))
    optimizer = Adam([parameter], **options)
    for gradient in gradients:
        optimizer.zero_grad()
        parameter.accumulate(gradient)
        optimizer.step()
    np.testing.assert_allclose(parameter.data, by_hand(start, gradients, **options), rtol=tolerance, atol=tolerance)
    assert parameter.dtype == dtype


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_the_first_step_has_the_length_of_the_learning_rate_whatever_the_gradient(size):
    parameter = Parameter(np.zeros(2))
    parameter.accumulate(np.array([size, -3 * size]))
    Adam([parameter], lr=0.1).step()
    np.testing.assert_allclose(parameter.data, [-0.1, 0.1], rtol=1e-4)


def test_a_gradient_of_zero_moves_nothing():
    parameter = Parameter(np.ones(2))
    parameter.accumulate(np.zeros(2))
    Adam([parameter], lr=0.1).step()
    assert parameter.data.tolist() == [1, 1]


def test_the_state_has_pytorchs_names_and_counts_steps_per_parameter():
    always, sometimes = Parameter(np.ones(2)), Parameter(np.ones(3))
    optimizer = Adam([always, sometimes])
    for step in range(3):
        optimizer.zero_grad()
        always.accumulate(np.ones(2))
        if step == 1:
            sometimes.accumulate(np.ones(3))
        optimizer.step()
    state = optimizer.state_dict()["state"]
    assert [state[i]["step"] for i in range(2)] == [3, 1]
    assert sorted(state[0]) == ["exp_avg", "exp_avg_sq", "step"]
    np.testing.assert_allclose(state[1]["exp_avg"], 0.1)
    np.testing.assert_allclose(state[1]["exp_avg_sq"], 0.001)


@pytest.mark.parametrize("option", ["lr", "eps", "weight_decay"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None, True])
def test_an_option_out_of_range_is_named_with_its_value(option, value):
    message = f"{option} of Adam must be a number of at least 0, got {value!r}."
    for given in ({option: value}, {}):
        group = {"params": [Parameter(np.ones(2))]} | ({} if given else {option: value})
        with pytest.raises(ConfigError, match=re.escape(message)):
            Adam([group], **given)


@pytest.mark.parametrize(
    ("betas", "message"),
    [
        (0.9, "betas of Adam must be a pair of numbers, got 0.9."),
        ((0.9,), "betas of Adam must be a pair of numbers, got (0.9,)."),
        ((0.9, 0.99, 0.999), "betas of Adam must be a pair of numbers, got (0.9, 0.99, 0.999)."),
        ("ab", "betas of Adam must be a pair of numbers, got 'ab'."),
        ((1.0, 0.999), "betas[0] of Adam must be a number from 0 up to but not including 1, got 1.0."),
        ((0.9, -0.1), "betas[1] of Adam must be a number from 0 up to but not including 1, got -0.1."),
        ((0.9, "0.9"), "betas[1] of Adam must be a number from 0 up to but not including 1, got '0.9'."),
        ((float("nan"), 0.9), "betas[0] of Adam must be a number from 0 up to but not including 1, got nan."),
    ],
)
def test_the_betas_are_a_pair_of_shares(betas, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        Adam([Parameter(np.ones(2))], betas=betas)
