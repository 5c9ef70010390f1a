"""L-BFGS: problems with known minima, its line search, state and refusals; tests/parity compares it with PyTorch's."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import ConfigError, ModelFileError, Parameter
from nn_optim import LBFGS
from nn_optim.line_search import Point, lowest, strong_wolfe

searches = pytest.mark.parametrize("search", [None, "strong_wolfe"])


def rosenbrock(theta):
    x, y = theta
    return 100 * (y - x**2) ** 2 + (1 - x) ** 2, np.array([-400 * x * (y - x**2) - 2 * (1 - x), 200 * (y - x**2)])


def closure_of(optimizer, parts, function):
    def closure():
        closure.calls += 1
        optimizer.zero_grad()
        theta = np.concatenate([part.data.ravel() for part in parts])
        value, gradient = function(theta)
        for part in parts:
            part.accumulate(gradient[: part.size].reshape(part.shape))
            gradient = gradient[part.size :]
        return value

    closure.calls = 0
    return closure


def test_the_minimum_of_the_rosenbrock_function_is_found_from_far_away():
    x, y = Parameter(np.array(-1.2)), Parameter(np.array([1.0]))
    optimizer = LBFGS([x, y], max_iter=100, tolerance_change=0, line_search_fn="strong_wolfe")
    first = optimizer.step(closure_of(optimizer, [x, y], rosenbrock))
    assert first == pytest.approx(24.2)
    np.testing.assert_allclose([x.data, y.data[0]], [1, 1], atol=1e-7)


@searches
def test_a_quadratic_is_minimized_where_its_gradient_vanishes(search):
    rng = np.random.default_rng(0)
    root = rng.normal(size=(5, 5))
    matrix, b = root @ root.T + 5 * np.eye(5), rng.normal(size=5)
    parameter = Parameter(rng.normal(size=5))
    optimizer = LBFGS([parameter], tolerance_change=1e-15, line_search_fn=search)
    closure = closure_of(optimizer, [parameter], lambda t: (0.5 * t @ matrix @ t - b @ t, matrix @ t - b))
    for _ in range(5):
        optimizer.step(closure)
    np.testing.assert_allclose(parameter.data, np.linalg.solve(matrix, b), rtol=1e-6)


@searches
def test_a_run_continues_from_its_state_to_the_bit(search):
    def run(steps, state=None, at=(-1.2, 1.0)):
        parameter = Parameter(np.array(at))
        optimizer = LBFGS([parameter], lr=0.001 if search is None else 1.0, max_iter=4, line_search_fn=search)
        if state is not None:
            optimizer.load_state_dict(state)
        for _ in range(steps):
            optimizer.step(closure_of(optimizer, [parameter], rosenbrock))
        return parameter.data.copy(), optimizer.state_dict()

    whole, _ = run(6)
    half, state = run(3)
    continued, _ = run(3, state, half)
    np.testing.assert_array_equal(continued, whole)


def test_a_step_evaluates_no_more_than_it_may():
    parameter = Parameter(np.array([-1.2, 1.0]))
    optimizer = LBFGS([parameter], lr=1e-3, max_iter=10, max_eval=4)
    closure = closure_of(optimizer, [parameter], rosenbrock)
    optimizer.step(closure)
    assert closure.calls == 4


def test_frozen_parameters_stay_and_those_without_gradient_have_zeros():
    one, frozen, without = (Parameter(np.ones(2)) for _ in range(3))
    frozen.requires_grad = False
    optimizer = LBFGS([one, frozen, without], line_search_fn="strong_wolfe")
    optimizer.step(closure_of(optimizer, [one], lambda t: (t @ t, 2 * t)))
    np.testing.assert_allclose(one.data, 0, atol=1e-8)
    assert (frozen.data == 1).all()
    assert (without.data == 1).all()


def test_where_nothing_is_to_be_gained_nothing_moves():
    parameter = Parameter(np.zeros(2))
    optimizer = LBFGS([parameter])
    closure = closure_of(optimizer, [parameter], lambda t: (t @ t, 2 * t))
    assert optimizer.step(closure) == 0
    assert closure.calls == 1


@pytest.mark.parametrize("t", [1e-3, 0.1, 1.0, 50.0])
def test_a_line_search_ends_where_the_strong_wolfe_conditions_hold(t):
    def along(t):
        value, slope = 0.5 * (t - 3) ** 2 + np.cos(t), (t - 3) - np.sin(t)
        return Point(t, float(value), np.array([slope]), float(slope))

    start = along(0.0)
    found, evaluations = strong_wolfe(along, start, t, width=1.0, tolerance=1e-9)
    assert found.value <= start.value + 1e-4 * found.t * start.slope
    assert abs(found.slope) <= 0.9 * abs(start.slope)
    assert 1 <= evaluations <= 26


def test_the_minimum_of_a_cubic_is_found_from_two_points_of_it():
    def cubic(t):
        return Point(t, t**3 - 3 * t, None, 3 * t**2 - 3)  # with its minimum at 1

    assert lowest(cubic(0.0), cubic(3.0), (0.0, 3.0)) == pytest.approx(1)
    assert lowest(cubic(3.0), cubic(0.0), (0.0, 3.0)) == pytest.approx(1)
    assert lowest(cubic(0.0), cubic(3.0), (1.5, 3.0)) == 1.5, "within the bounds"


def test_a_step_without_closure_says_what_one_is():
    with pytest.raises(ConfigError, match=re.escape("call step(closure) with a function that calls zero_grad")):
        LBFGS([Parameter(np.ones(2))]).step()


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ([{"params": [Parameter(np.ones(1))]}, {"params": [Parameter(np.ones(1))]}], {}, "in one group, got 2 groups"),
        ([Parameter(np.ones(1)), Parameter(np.ones(1, np.float32))], {}, "takes parameters of one dtype"),
        ([Parameter(np.ones(1))], {"max_iter": 0}, "max_iter of LBFGS must be an integer of at least 1, got 0."),
        ([Parameter(np.ones(1))], {"history_size": 1.5}, "history_size of LBFGS must be an integer of at least 1"),
        ([Parameter(np.ones(1))], {"lr": -1}, "lr of LBFGS must be a number of at least 0, got -1."),
        ([Parameter(np.ones(1))], {"line_search_fn": "wolfe"}, "must be 'strong_wolfe' or None, got 'wolfe'."),
    ],
)
def test_what_makes_no_sense_is_named(given, options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        LBFGS(given, **options)


def test_a_state_for_other_sizes_is_refused():
    one, other = Parameter(np.ones(2)), Parameter(np.ones(3))
    optimizer = LBFGS([one])
    optimizer.step(closure_of(optimizer, [one], lambda t: (t @ t, 2 * t)))
    with pytest.raises(ModelFileError, match="is for 2 elements; there are 3"):
        LBFGS([other]).load_state_dict(optimizer.state_dict())
