"""Stochastic gradient descent against its recurrence, worked in float64."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import ConfigError, Parameter
from nn_optim import SGD


def by_hand(start, gradients, lr, momentum=0.0, weight_decay=0.0):
    theta, velocity = start.copy(), None
    for gradient in gradients:
        g = gradient + weight_decay * theta
        velocity = g if velocity is None else momentum * velocity + g
        theta = theta - lr * velocity
    return theta


@pytest.mark.parametrize(
    "options",
    [
        {"lr": 0.1},
        {"lr": 0.1, "momentum": 0.9},
        {"lr": 0.1, "weight_decay": 0.3},
        {"lr": 0.05, "momentum": 0.5, "weight_decay": 0.3},
        {"lr": 0.0, "momentum": 0.5},
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-13), ("float32", 1e-5)])
def test_steps_follow_the_recurrence(options, dtype, tolerance):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(3, 4)), rng.normal(size=(6, 3, 4))
    parameter = Parameter(start.astype(dtype))
    optimizer = SGD([parameter], **options)
    for gradient in gradients:
        optimizer.zero_grad()
        parameter.accumulate(gradient)
        optimizer.step()
    np.testing.assert_allclose(parameter.data, by_hand(start, gradients, **options), rtol=tolerance, atol=tolerance)
    assert parameter.dtype == dtype


def test_two_steps_with_momentum_worked_by_hand():
    parameter = Parameter(np.array([1.0]))
    optimizer = SGD([parameter], lr=0.5, momentum=0.5)
    parameter.accumulate(np.array([1.0]))
    optimizer.step()
    assert parameter.data == 0.5  # v = 1, 1 − 0.5 · 1
    optimizer.step()
    assert parameter.data == -0.25  # v = 0.5 · 1 + 1 = 1.5, 0.5 − 0.5 · 1.5
    optimizer.lr = 0.1
    optimizer.step()
    assert parameter.data == pytest.approx(-0.425)  # v = 1.75: the learning rate is no part of the velocity


def test_a_step_without_momentum_keeps_no_state():
    parameter = Parameter(np.ones(2))
    optimizer = SGD([parameter], lr=0.1)
    parameter.accumulate(np.ones(2))
    optimizer.step()
    assert optimizer.state_dict()["state"] == {0: {}}


def test_the_first_velocity_is_a_copy_of_the_gradient():
    parameter = Parameter(np.ones(2))
    optimizer = SGD([parameter], lr=0.1, momentum=0.9)
    parameter.accumulate(np.ones(2))
    gradient = parameter.grad
    for _ in range(3):
        optimizer.step()
    assert gradient.tolist() == [1, 1]


@pytest.mark.parametrize("option", ["lr", "momentum", "weight_decay"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "0.1", None, True, (0.1, 0.2)])
def test_an_option_out_of_range_is_named_with_its_value(option, value):
    message = f"{option} of SGD must be a number of at least 0, got {value!r}."
    for given in ({option: value}, {}):
        group = {"params": [Parameter(np.ones(2))]} | ({} if given else {option: value})
        with pytest.raises(ConfigError, match=re.escape(message)):
            SGD([group], **given)
