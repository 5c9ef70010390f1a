"""The rules that PyTorch does not have against their recurrences, and the options that all of them check."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import ConfigError, Parameter
from nn_optim import LAMB, SGD, Adadelta, Adagrad, Adam, AdamW, Lion, NAdam, RMSprop


def lion(theta, gradients, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
    m = np.zeros_like(theta)
    for g in gradients:
        theta = theta - lr * (np.sign(betas[0] * m + (1 - betas[0]) * g) + weight_decay * theta)
        m = betas[1] * m + (1 - betas[1]) * g
    return theta


def lamb(theta, gradients, lr=1e-3, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
    m, v = np.zeros_like(theta), np.zeros_like(theta)
    for t, g in enumerate(gradients, 1):
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        u = m / (1 - betas[0] ** t) / (np.sqrt(v / (1 - betas[1] ** t)) + eps) + weight_decay * theta
        size, length = np.linalg.norm(theta), np.linalg.norm(u)
        theta = theta - lr * (size / length if size > 0 and length > 0 else 1) * u
    return theta


@pytest.mark.parametrize(
    ("kind", "recurrence", "options"),
    [
        (Lion, lion, {}),
        (Lion, lion, {"lr": 0.01, "betas": (0.5, 0.8), "weight_decay": 0.3}),
        (LAMB, lamb, {}),
        (LAMB, lamb, {"lr": 0.05, "betas": (0.5, 0.8), "eps": 1e-3, "weight_decay": 0.3}),
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-4)])
def test_200_steps_follow_the_recurrence(kind, recurrence, options, dtype, tolerance):
    rng = np.random.default_rng(0)
    shapes = [(3, 4), (4,), (), (2, 2)]
    starts = [rng.normal(size=shape).astype("float32").astype("float64") for shape in shapes]
    starts[1][...] = 0  # whose norm is no measure
    recorded = [[rng.normal(size=shape).astype("float32").astype("float64") for shape in shapes] for _ in range(200)]
    group = [Parameter(start.astype(dtype)) for start in starts]
    group[2].decay = False
    optimizer = kind(group, **options)
    for gradients in recorded:
        optimizer.zero_grad()
        for parameter, gradient in zip(group, gradients, strict=True):
            parameter.accumulate(gradient.astype(dtype))
        optimizer.step()
    for i, (parameter, start) in enumerate(zip(group, starts, strict=True)):
        decay = {"weight_decay": 0.0} if i == 2 else {}
        expected = recurrence(start, [gradients[i] for gradients in recorded], **options | decay)
        assert parameter.dtype == dtype
        scale = np.abs(expected).max()
        np.testing.assert_allclose(parameter.data, expected, rtol=0, atol=tolerance * scale)


def test_a_parameter_is_scaled_by_its_own_norm_whatever_stands_beside_it():
    rng = np.random.default_rng(0)
    values, gradients = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    together, alone = ([Parameter(value.copy()) for value in values] for _ in range(2))
    for group in (together, alone):
        for parameter, gradient in zip(group, gradients, strict=True):
            parameter.accumulate(gradient)
    LAMB(together, lr=0.1).step()
    for parameter in alone:
        LAMB([parameter], lr=0.1).step()
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: SGD(p, lr=-1), "lr of SGD must be a number of at least 0, got -1."),
        (lambda p: SGD(p, lr="0.1"), "lr of SGD must be a number of at least 0, got '0.1'."),
        (lambda p: SGD(p, nesterov=True), "nesterov of SGD needs momentum above 0 and no dampening, got momentum 0.0"),
        (lambda p: SGD(p, momentum=0.9, dampening=0.1, nesterov=True), "nesterov of SGD needs momentum above 0"),
        (lambda p: SGD(p, dampening=float("nan")), "dampening of SGD must be a finite number, got nan."),
        (lambda p: SGD(p, maximize=1), "maximize of SGD must be true or false, got 1."),
        (lambda p: Adam(p, amsgrad="yes"), "amsgrad of Adam must be true or false, got 'yes'."),
        (lambda p: AdamW(p, betas=0.9), "betas of AdamW must be a pair of numbers, got 0.9."),
        (lambda p: NAdam(p, betas=(0.9, 1.0)), "betas[1] of NAdam must be a number from 0 up to but not including 1"),
        (lambda p: NAdam(p, momentum_decay=-1), "momentum_decay of NAdam must be a number of at least 0, got -1."),
        (lambda p: RMSprop(p, alpha=1.5), "alpha of RMSprop must be a number from 0 up to but not including 1, got"),
        (lambda p: RMSprop(p, centered=None), "centered of RMSprop must be true or false, got None."),
        (lambda p: Adadelta(p, rho=-0.1), "rho of Adadelta must be a number from 0 up to but not including 1, got"),
        (lambda p: Adagrad(p, lr_decay=True), "lr_decay of Adagrad must be a number of at least 0, got True."),
        (lambda p: Lion([{"params": p, "lr": float("inf")}]), "lr of Lion must be a number of at least 0, got inf."),
        (lambda p: LAMB(p, eps=-1e-9), "eps of LAMB must be a number of at least 0, got -1e-09."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(make, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        make([Parameter(np.zeros(2))])


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, NAdam, RMSprop, Adagrad, Adadelta, Lion, LAMB])
def test_ascending_is_descending_along_the_negative_gradient(kind):
    up, down = (Parameter(np.arange(1.0, 4.0)) for _ in range(2))
    one, other = kind([up], maximize=True), kind([down])
    for step in range(5):
        gradient = np.random.default_rng(step).normal(size=3)
        for optimizer, parameter, sign in ((one, up, -1), (other, down, 1)):
            optimizer.zero_grad()
            parameter.accumulate(sign * gradient)
            optimizer.step()
    np.testing.assert_allclose(up.data, down.data, rtol=1e-12)
