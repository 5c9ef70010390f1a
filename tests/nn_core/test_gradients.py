"""The size of gradients, and clipping them."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import (
    ConfigError,
    DataError,
    Linear,
    Parameter,
    ReLU,
    Sequential,
    clip_grad_norm,
    clip_grad_value,
    gradient_norms,
    penalize,
)


def with_gradients(*gradients):
    parameters = []
    for gradient in gradients:
        array = np.asarray(gradient)
        parameters.append(Parameter(np.zeros(array.shape, array.dtype)))
        parameters[-1].accumulate(array)
    return parameters


def test_gradient_norms_are_listed_by_the_names_of_the_parameters():
    model = Sequential(Linear(3, 4), ReLU(), Linear(4, 2))
    assert gradient_norms(model) == {}
    model(np.ones((5, 3), np.float32))
    model.backward(np.ones((5, 2), np.float32))
    norms = gradient_norms(model)
    assert list(norms) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for name, parameter in model.named_parameters():
        assert norms[name] == pytest.approx(np.linalg.norm(parameter.grad), rel=1e-6)
        assert type(norms[name]) is float


def test_the_gradient_monitor_of_the_seed_runs(capsys):
    model = Sequential(Linear(3, 4), ReLU(), Linear(4, 2))
    model(np.ones((5, 3), np.float32))
    model.backward(np.ones((5, 2), np.float32))

    def check_gradients():
        for i, layer in enumerate(model.layers):
            if hasattr(layer, "grads"):
                for grad_name, grad_value in layer.grads.items():
                    grad_norm = np.linalg.norm(grad_value)
                    print(f"Layer {i} {grad_name} gradient norm: {grad_norm:.6f}")

    check_gradients()
    lines = capsys.readouterr().out.splitlines()
    printed = {line.partition(" gradient")[0]: float(line.split()[-1]) for line in lines}
    norms = {f"Layer {name.replace('.', ' ')}": norm for name, norm in gradient_norms(model).items()}
    assert printed == pytest.approx(norms, abs=1e-5)


def test_one_factor_brings_the_norm_over_all_gradients_to_the_maximum():
    parameters = with_gradients(np.array([[3.0, 0.0]]), np.array([4.0, 12.0]), np.array(84.0))
    assert clip_grad_norm(parameters, 8.5) == pytest.approx(85.0)
    factor = 8.5 / (85 + 1e-6)
    for parameter, before in zip(parameters, ([[3.0, 0.0]], [4.0, 12.0], 84.0), strict=True):
        np.testing.assert_allclose(parameter.grad, np.multiply(before, factor), rtol=1e-15)
        assert isinstance(parameter.grad, np.ndarray)


def test_small_gradients_are_left_as_they_are():
    [parameter] = with_gradients(np.array([0.3, 0.4]))
    assert clip_grad_norm([parameter], 1.0) == pytest.approx(0.5)
    np.testing.assert_array_equal(parameter.grad, [0.3, 0.4])
    assert clip_grad_norm(parameter, float("inf")) == pytest.approx(0.5)
    np.testing.assert_array_equal(parameter.grad, [0.3, 0.4])
    clip_grad_norm(parameter, 0)
    np.testing.assert_array_equal(parameter.grad, [0, 0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_keep_their_dtype(dtype):
    parameters = with_gradients(np.ones(3, dtype), np.ones((), dtype))
    assert type(clip_grad_norm(parameters, np.float64(1.0))) is float
    clip_grad_value(parameters, np.float64(0.25))
    assert [parameter.grad.dtype for parameter in parameters] == [dtype, dtype]


def test_parameters_without_gradients_count_nothing():
    [parameter] = with_gradients(np.array([3.0, 4.0]))
    frozen = Parameter(np.zeros(2))
    assert clip_grad_norm([frozen, parameter], 1.0) == pytest.approx(5.0)
    clip_grad_value([frozen, parameter], 0.5)
    assert frozen.grad is None
    assert clip_grad_norm([frozen], 1.0) == 0.0
    assert clip_grad_norm([], 1.0) == 0.0
    assert clip_grad_norm(with_gradients(np.zeros((0, 3)), np.zeros(2)), 1.0) == 0.0


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e30), ("float32", 1e-30), ("float64", 1e200)])
def test_squares_neither_overflow_nor_vanish(dtype, size):
    parameters = with_gradients(np.array([3 * size], dtype), np.array([4 * size], dtype))
    assert clip_grad_norm(parameters, size) == pytest.approx(5 * size)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_not_finite_is_reported_and_nothing_is_clipped(bad):
    parameters = with_gradients(np.array([3.0, 4.0]), np.array([1.0, bad]))
    with pytest.raises(DataError, match=r"norm of the gradients is (nan|inf), that of gradient 1 of 2 first"):
        clip_grad_norm(parameters, 1.0)
    np.testing.assert_array_equal(parameters[0].grad, [3, 4])
    np.testing.assert_array_equal(parameters[1].grad, [1, bad])


def test_values_are_moved_into_the_interval():
    parameters = with_gradients(np.array([-3.0, -0.5, 0.5, 3.0]), np.array(2.0))
    clip_grad_value(parameters, 1)
    np.testing.assert_array_equal(parameters[0].grad, [-1, -0.5, 0.5, 1])
    assert parameters[1].grad == 1
    clip_grad_value(parameters[0], 0.25)
    np.testing.assert_array_equal(parameters[0].grad, [-0.25, -0.25, 0.25, 0.25])


@pytest.mark.parametrize("value", [-1.0, float("nan"), "1", None, True])
def test_limits_that_are_none_are_refused_by_name(value):
    parameters = with_gradients(np.ones(2))
    with pytest.raises(ConfigError, match="max_norm must be a number of at least 0, got"):
        clip_grad_norm(parameters, value)
    with pytest.raises(ConfigError, match="clip_value must be a number of at least 0, got"):
        clip_grad_value(parameters, value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_penalty_has_the_gradient_of_finite_differences(dtype):
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=(3, 4)), rng.normal(size=5)]

    def value(flat):
        w, b = flat[:12], flat[12:]
        return sum(0.3 * abs(part).sum() + 0.7 / 2 * (part**2).sum() for part in (w, b))

    point = np.concatenate([array.ravel() for array in arrays])
    numeric = [(value(point + h) - value(point - h)) / 2e-6 for h in 1e-6 * np.eye(17)]
    parameters = [Parameter(array.astype(dtype)) for array in arrays]
    parameters[0].accumulate(np.ones((3, 4), dtype))  # what was there is added to
    penalty = penalize(parameters, l1=0.3, l2=0.7)
    assert penalty == pytest.approx(value(point), rel=1e-6)
    given = np.concatenate([(parameters[0].grad - 1).ravel(), parameters[1].grad])
    np.testing.assert_allclose(given, numeric, rtol=1e-5, atol=1e-6)
    assert {parameter.grad.dtype for parameter in parameters} == {np.dtype(dtype)}


def test_a_penalty_counts_neither_what_does_not_decay_nor_what_is_frozen():
    scale, frozen, empty = Parameter([2.0], decay=False), Parameter([2.0], requires_grad=False), Parameter([])
    assert penalize([scale, frozen, empty], l1=1.0, l2=1.0) == 0
    assert (scale.grad, frozen.grad) == (None, None)
    at_zero = Parameter([0.0, -3.0])
    assert penalize(at_zero, l1=2.0) == 6
    np.testing.assert_array_equal(at_zero.grad, [0, -2])


@pytest.mark.parametrize("strength", [-1, float("nan"), "1", True])
def test_a_strength_that_is_none_is_refused(strength):
    p = Parameter([1.0])
    with pytest.raises(ConfigError, match="l2 must be a number of at least 0"):
        penalize(p, l2=strength)
    assert p.grad is None
