"""Reductions at their edges: ties, zeros, infinities, nothing to reduce."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import functional as fn
from nn_core.errors import ConfigError
from nn_core.tensor import Tensor


def leaf(values, dtype=float):
    return Tensor(np.array(values, dtype), requires_grad=True)


def gradient_of(function, values, dy=None):
    x = leaf(values)
    y = function(x)
    y.backward(np.ones(y.shape) if dy is None else np.array(dy, float))
    return x.grad.tolist()


@pytest.mark.parametrize("name", ["sum", "mean", "var", "std", "max", "min", "prod"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, 0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_values_are_numpys(name, axis, keepdims):
    array = np.random.default_rng(0).normal(size=(2, 3, 4))
    y = getattr(Tensor(array), name)(axis=axis, keepdims=keepdims)
    np.testing.assert_allclose(y.data, getattr(np, name)(array, axis=axis, keepdims=keepdims), rtol=1e-12)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("axis", [None, 0, -1])
def test_places_of_extremes_are_numpys_as_int64_and_without_gradient(name, axis):
    array = np.random.default_rng(0).integers(0, 3, (4, 5)).astype(float)
    for keepdims in (False, True):
        y = getattr(Tensor(array, requires_grad=True), name)(axis, keepdims)
        np.testing.assert_array_equal(y.data, getattr(np, name)(array, axis=axis, keepdims=keepdims))
        assert (y.dtype, y.requires_grad) == (np.int64, False)


@pytest.mark.parametrize("name", ["all", "any"])
def test_whether_all_or_any_are_true_is_numpys(name):
    array = np.array([[True, False], [True, True], [False, False]])
    for axis in (None, 0, 1, (0, 1)):
        y = getattr(Tensor(array), name)(axis)
        np.testing.assert_array_equal(y.data, getattr(np, name)(array, axis=axis))
        assert y.dtype == bool


def test_the_largest_and_the_smallest_share_the_gradient_evenly():
    values = [[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]]
    assert gradient_of(lambda x: x.max(1), values, [4, 3]) == [[0, 2, 2], [1, 1, 1]]
    assert gradient_of(lambda x: x.min(1), values, [4, 3]) == [[4, 0, 0], [1, 1, 1]]


def test_the_gradient_of_a_product_is_right_with_zeros_in_it():
    assert gradient_of(lambda x: x.prod(1), [[2.0, 0.0, 3.0], [0.0, 0.0, 5.0], [1.0, 2.0, 4.0]]) == [
        [0, 6, 0],
        [0, 0, 0],
        [8, 4, 2],
    ]
    assert gradient_of(lambda x: x.prod((0, 2)), [[[2.0, 3.0]], [[0.0, 5.0]]]) == [[[0, 0]], [[30, 0]]]


def test_the_gradient_of_a_standard_deviation_of_equal_numbers_is_zero():
    assert gradient_of(lambda x: x.std(1), [[2.0, 2.0]]) == [[0, 0]]
    assert gradient_of(lambda x: x.std(), [7.0]) == [0]


def test_the_mean_takes_its_share_of_the_gradient_from_each():
    assert gradient_of(lambda x: x.mean(0), [[1.0, 2.0], [3.0, 4.0]], [2, 6]) == [[1, 3], [1, 3]]


def test_logsumexp_neither_overflows_nor_loses_small_differences():
    y = fn.logsumexp(leaf([[1e4, 1e4], [-1e4, -1e4 + 1], [0.0, -1e4]]), axis=1)
    np.testing.assert_allclose(y.data, [1e4 + np.log(2), -1e4 + np.log(1 + np.e), 0.0], rtol=1e-15)
    for dtype in ("float32", "float64"):
        assert fn.logsumexp(leaf([1e4, 1e4], dtype)).dtype == dtype


def test_logsumexp_of_nothing_but_minus_infinity_is_minus_infinity_with_gradient_zero():
    x = leaf([[-np.inf, -np.inf], [-np.inf, 1.0]])
    y = fn.logsumexp(x, axis=1)
    assert y.tolist() == [-np.inf, 1]
    y.sum().backward()
    assert x.grad.tolist() == [[0, 0], [0, 1]]
    assert fn.logsumexp(leaf([1e4, np.inf, -np.inf])).item() == np.inf


@pytest.mark.parametrize(
    ("name", "value"),
    [("sum", 0), ("prod", 1), ("mean", np.nan), ("var", np.nan), ("std", np.nan), ("logsumexp", -np.inf)],
)
def test_a_reduction_of_nothing(name, value):
    x = leaf(np.zeros((3, 0)))
    y = getattr(x, name)(1)
    np.testing.assert_array_equal(y.data, [value] * 3)
    y.backward(np.ones(3))
    assert x.grad.shape == (3, 0)
    assert getattr(leaf(np.zeros((0, 3))), name)(1).shape == (0,)


def test_the_largest_of_nothing_is_an_error():
    with pytest.raises(ConfigError, match=r"max, given \(3, 0\): zero-size"):
        leaf(np.zeros((3, 0))).max(1)


def test_a_variance_of_as_many_as_are_taken_off_is_not_a_number():
    assert np.isnan(leaf([3.0]).var(ddof=1).item())


@pytest.mark.parametrize("words", [{"ddof": 1}, {"correction": 1}, {"unbiased": True}])
def test_the_divisor_of_a_variance_is_named_as_in_numpy_or_pytorch(words):
    x = leaf([1.0, 2.0, 6.0])
    assert (x.var(**words).item(), x.std(**words).item() ** 2) == pytest.approx((7, 7))
    assert x.var(correction=0).item() == x.var(unbiased=False).item() == x.var().item() == pytest.approx(14 / 3)


@pytest.mark.parametrize("name", ["var", "std"])
def test_the_divisor_of_a_variance_is_given_once(name):
    with pytest.raises(ConfigError, match=f"{name} takes one of ddof, correction and unbiased"):
        getattr(leaf([1.0, 2.0]), name)(ddof=1, unbiased=True)


def test_a_single_number_reduces_to_itself():
    for name in ("sum", "mean", "max", "min", "prod", "logsumexp"):
        x = leaf(2.5)
        y = getattr(x, name)()
        y.backward()
        assert (y.item(), y.shape, x.grad.tolist()) == (2.5, (), 1)


def test_the_largest_is_not_a_number_where_one_is_none_and_takes_the_gradient():
    values = [[1.0, np.nan, np.nan], [1.0, 2.0, 2.0]]
    assert gradient_of(lambda x: x.max(1), values, [4, 4]) == [[0, 2, 2], [0, 2, 2]]
    assert gradient_of(lambda x: x.min(1), values, [4, 4]) == [[0, 2, 2], [4, 0, 0]]


def test_a_gradient_that_is_not_finite_stays_with_the_largest():
    assert gradient_of(lambda x: x.max(1), [[1.0, 2.0, 2.0]], [np.inf]) == [[0, np.inf, np.inf]]
