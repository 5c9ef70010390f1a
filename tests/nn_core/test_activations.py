"""Activations as operations: values by their formulas, gradients, tails and kinks."""

from __future__ import annotations

import math
import weakref

import numpy as np
import pytest

from nn_core import ConfigError, ShapeError, Tensor, functional
from nn_core.functional.special import normal_cdf
from nn_core.testing import directional_error


def logistic(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)


def gelu_tanh(x):
    return x * logistic(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


FORMULAS = {
    "relu": ({}, lambda x: max(x, 0.0)),
    "leaky_relu": ({"negative_slope": 0.2}, lambda x: x if x > 0 else 0.2 * x),
    "elu": ({"alpha": 1.5}, lambda x: x if x > 0 else 1.5 * math.expm1(x)),
    "selu": ({}, lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x))),
    "gelu": ({}, lambda x: x * math.erfc(-x / math.sqrt(2)) / 2),
    "gelu, tanh": ({"approximate": "tanh"}, gelu_tanh),
    "silu": ({}, lambda x: x * logistic(x)),
    "softplus": ({}, lambda x: x if x > 20 else math.log1p(math.exp(x))),
    "softplus, options": (
        {"beta": 3.0, "threshold": 5.0},
        lambda x: x if 3 * x > 5 else math.log1p(math.exp(3 * x)) / 3,
    ),
    "softplus, far threshold": ({"threshold": 1e6}, lambda x: max(x, 0) + math.log1p(math.exp(-abs(x)))),
    "sigmoid": ({}, logistic),
    "hard_sigmoid": ({}, lambda x: min(max(x + 3, 0), 6) / 6),
    "tanh": ({}, math.tanh),
    "erf": ({}, math.erf),
}
GRID = np.concatenate(
    [np.linspace(-12, 12, 301), [-1e4, -700.0, -40.0, -30.0, -20.5, 20.5, 30.0, 700.0, 1e4, -3.0, 3.0, 1e-8, -1e-8]]
)
OPERATIONS = [pytest.param(name.partition(",")[0], options, id=name) for name, (options, _) in FORMULAS.items()]
OPERATIONS += [
    pytest.param("softmax", {}, id="softmax"),
    pytest.param("softmax", {"axis": 0}, id="softmax, first axis"),
]
OPERATIONS += [pytest.param("log_softmax", {}, id="log_softmax")]
OPERATIONS += [pytest.param("log_softmax", {"axis": 0}, id="log_softmax, first axis")]


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 2e-13), ("float32", 2e-5)])
@pytest.mark.parametrize("name", FORMULAS)
def test_values_are_those_of_the_formula_in_relative_terms_in_both_tails(name, dtype, tolerance):
    options, formula = FORMULAS[name]
    grid = GRID.astype(dtype)
    y = getattr(functional, name.partition(",")[0])(grid, **options)
    assert y.dtype == dtype
    expected = np.array([formula(float(x)) for x in grid])
    np.testing.assert_allclose(y, expected, rtol=tolerance, atol=float(np.finfo(dtype).tiny))


@pytest.mark.parametrize(("name", "options"), OPERATIONS)
def test_gradients_of_operations_on_tensors_are_those_of_finite_differences(name, options):
    rng = np.random.default_rng(0)
    operation = getattr(functional, name)
    data, dy = rng.normal(0, 2, (5, 7)), rng.normal(size=(5, 7))
    x = Tensor(data, requires_grad=True)
    y = operation(x, **options)
    assert y.node.name == name
    y.backward(dy)
    error, numeric, claimed = directional_error(
        lambda: float((operation(data, **options) * dy).sum()), [data], [x.grad], rng
    )
    assert error < 1e-6, (numeric, claimed)


@pytest.mark.parametrize(("name", "options"), OPERATIONS)
def test_float32_stays_float32_even_where_options_are_numpy_numbers(name, options):
    options = {key: value if isinstance(value, (str, int)) else np.float64(value) for key, value in options.items()}
    x = Tensor(np.linspace(-5, 5, 12, dtype=np.float32).reshape(3, 4), requires_grad=True)
    y = getattr(functional, name)(x, **options)
    y.backward(np.ones((3, 4), np.float32))
    assert (y.dtype, x.grad.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "options"), OPERATIONS)
def test_nothing_overflows_at_ten_thousand(name, options, dtype):
    data = np.array([[-1e4, 1e4, 0.0], [1e4, -1e4, 1e4]], dtype)
    data.flags.writeable = False
    x = Tensor(data, requires_grad=True)
    y = getattr(functional, name)(x, **options)
    y.backward(np.full((2, 3), 0.5, dtype))
    assert np.isfinite(y.data).all()
    assert np.isfinite(x.grad).all()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@pytest.mark.parametrize(("name", "options"), OPERATIONS)
def test_empty_arrays_come_and_go_empty(name, options, shape):
    x = Tensor(np.zeros(shape, np.float32), requires_grad=True)
    y = getattr(functional, name)(x, **options)
    y.backward(np.zeros(shape, np.float32))
    assert y.shape == x.grad.shape == shape
    assert y.dtype == x.grad.dtype == np.float32


@pytest.mark.parametrize(("name", "options"), OPERATIONS)
def test_a_single_number_is_an_array_of_no_axes(name, options):
    x = Tensor(0.5, requires_grad=True)
    y = getattr(functional, name)(x, **options)
    y.backward()
    expected = getattr(functional, name)(np.array([0.5], np.float32), **options)
    assert y.shape == x.grad.shape == ()
    np.testing.assert_allclose(y.item(), expected.item(), rtol=1e-6)


@pytest.mark.parametrize("name", ["leaky_relu", "elu", "selu", "gelu", "silu", "softplus", "sigmoid", "tanh", "erf"])
def test_integers_become_floating_point_numbers(name):
    operation = getattr(functional, name)
    seen = operation(Tensor([-2, 0, 3]))
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen.data, operation(np.array([-2.0, 0.0, 3.0])), rtol=1e-5)


@pytest.mark.parametrize(("name", "options"), OPERATIONS)
def test_methods_of_a_tensor_are_the_operations(name, options):
    x = Tensor(np.random.default_rng(0).normal(size=(3, 4)))
    assert (getattr(x, name)(**options).data == getattr(functional, name)(x, **options).data).all()


def test_numpys_tanh_of_a_tensor_is_a_tensor():
    x = Tensor([0.5, -1.0], requires_grad=True)
    y = np.tanh(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, 1 - np.tanh([0.5, -1.0]) ** 2, rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "options", "at", "slopes"),
    [
        ("relu", {}, [0.0], [0]),
        ("leaky_relu", {"negative_slope": 0.2}, [0.0], [0.2]),
        ("elu", {"alpha": 2.0}, [0.0], [2]),
        ("selu", {}, [0.0], [1.0507009873554805 * 1.6732632423543772]),
        ("hard_sigmoid", {}, [-3.0, np.nextafter(-3, 0), np.nextafter(3, 0), 3.0], [0, 1 / 6, 1 / 6, 0]),
        ("softplus", {"beta": 2.0, "threshold": 4.0}, [2.0, 2.1], [1 / (1 + math.exp(-4)), 1]),
    ],
)
def test_slopes_at_kinks_are_those_of_the_left_side_or_of_the_flat_part(name, options, at, slopes):
    x = np.array(at)
    backward = getattr(functional, name).forward(x, **options)[1]
    np.testing.assert_allclose(backward(np.ones_like(x)), slopes, rtol=1e-15)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "sigmoid", "hard_sigmoid", "tanh", "softmax", "log_softmax"])
def test_the_closure_lets_go_of_the_input_where_the_output_or_a_mask_is_enough(name):
    x = np.ones((3, 4))
    held = weakref.ref(x)
    closure = getattr(functional, name).forward(x)[1]
    del x
    assert held() is None
    assert closure(np.ones((3, 4))).shape == (3, 4)


def test_the_sigmoid_has_all_its_digits_far_below_zero():
    assert functional.sigmoid(np.array([-700.0]))[0] == pytest.approx(math.exp(-700), rel=1e-14)
    assert functional.sigmoid(np.array([-80.0], np.float32))[0] == pytest.approx(math.exp(-80), rel=1e-5)


def test_leaky_relu_takes_its_slope_by_position():
    assert functional.leaky_relu([-2.0, 3.0], 0.5).tolist() == [-1, 3]


def test_gelu_refuses_another_approximation():
    with pytest.raises(ConfigError, match="approximate of gelu must be one of none, tanh, got 'sigmoid'"):
        functional.gelu([1.0], approximate="sigmoid")


# The error function


def ulps(seen, expected):
    """Return the largest distance in units in the last place of what is expected."""
    return float((np.abs(seen - expected) / np.spacing(np.abs(expected).astype(seen.dtype))).max())


@pytest.mark.parametrize(("dtype", "most"), [("float64", 6), ("float32", 8)])
def test_erf_is_right_to_a_few_units_in_the_last_place(dtype, most):
    sizes = np.concatenate([np.linspace(0, 7, 70001), np.geomspace(1e-30, 1, 2001), [0.46875, 4.0, 26.0, 30.0, 1e4]])
    x = np.concatenate([-sizes, sizes]).astype(dtype)
    y = functional.erf(x)
    assert y.dtype == dtype
    assert ulps(y, np.array([math.erf(value) for value in x])) <= most


def test_erf_of_infinities_nan_and_signed_zero():
    y = functional.erf(np.array([np.inf, -np.inf, np.nan, 0.0, -0.0]))
    np.testing.assert_array_equal(y, [1, -1, np.nan, 0, 0])
    assert np.signbit(y).tolist()[3:] == [False, True]


def test_the_normal_distribution_has_its_digits_in_the_lower_tail():
    x = np.linspace(-37, 9, 4001)
    expected = np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in x])
    np.testing.assert_allclose(normal_cdf(x), expected, rtol=1e-12)
    np.testing.assert_array_equal(normal_cdf(np.array([-np.inf, -50.0, np.inf, np.nan])), [0, 0, 1, np.nan])


def test_erf_takes_strided_and_read_only_arrays_and_integers():
    x = np.linspace(-6, 6, 24).reshape(4, 6).T[::2]
    x.flags.writeable = False
    np.testing.assert_allclose(functional.erf(x), [[math.erf(value) for value in row] for row in x], rtol=1e-15)
    np.testing.assert_allclose(functional.erf(np.array([-1, 0, 2])), [math.erf(-1), 0, math.erf(2)], rtol=1e-15)


# Softmax


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_is_exponentials_over_their_sum(axis):
    x = np.random.default_rng(0).normal(size=(3, 4, 2))
    expected = np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    np.testing.assert_allclose(functional.softmax(x, axis), expected, rtol=1e-13)
    np.testing.assert_allclose(functional.softmax(x + 1e4, axis=axis), expected, rtol=1e-9)
    np.testing.assert_allclose(functional.log_softmax(x, dim=axis), np.log(expected), rtol=1e-12)
    np.testing.assert_allclose(Tensor(x).softmax(dim=axis).data, expected, rtol=1e-13)


def test_the_gradient_of_softmax_is_the_jacobian_times_dy():
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=5), rng.normal(size=5)
    y, backward = functional.softmax.forward(x)
    np.testing.assert_allclose(backward(dy), (np.diag(y) - np.outer(y, y)) @ dy, rtol=1e-12)


def test_the_logarithm_of_a_tiny_probability_is_not_lost():
    np.testing.assert_allclose(functional.log_softmax(np.array([0.0, -1000.0])), [0, -1000])
    assert np.isfinite(functional.log_softmax(np.array([-1e4, 1e4], np.float32))).all()


@pytest.mark.parametrize("operation", [functional.softmax, functional.log_softmax])
@pytest.mark.parametrize("axis", [2, -3])
def test_softmax_needs_its_axis(operation, axis):
    with pytest.raises(ShapeError, match=rf"softmax along axis {axis} needs that axis, and got .* \(2, 3\)"):
        operation(np.ones((2, 3)), axis=axis)


def test_what_is_not_a_number_takes_the_gradient_of_relu():
    x = Tensor([np.nan, -1.0, 0.0, -0.0, 2.0], requires_grad=True)
    x.relu().backward([1.0, 2.0, 3.0, 4.0, 5.0])
    assert x.grad.tolist() == [1, 0, 0, 0, 5]
