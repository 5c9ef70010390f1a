"""New Tensors: their shapes, values and dtypes."""

from __future__ import annotations

import numpy as np
import pytest

import nn_core
from nn_core import functional as fn
from nn_core.dtypes import set_default_dtype
from nn_core.errors import ConfigError, DTypeError
from nn_core.tensor import Tensor

DRAWN = {"rand": fn.rand, "randn": fn.randn}
ALIKE = {
    "zeros_like": fn.zeros_like,
    "ones_like": fn.ones_like,
    "full_like": lambda x, **words: fn.full_like(x, 2, **words),
    "rand_like": fn.rand_like,
    "randn_like": fn.randn_like,
}


@pytest.mark.parametrize("make", [fn.zeros, fn.ones, fn.rand, fn.randn], ids=lambda f: f.__name__)
def test_shape_dtype_and_need_of_a_gradient_are_chosen(make):
    assert (make(2, 3).shape, make((2, 3)).shape, make([4]).shape, make(0).shape, make().shape) == (
        (2, 3), (2, 3), (4,), (0,), (),
    )  # fmt: skip
    assert (make(2).dtype, make(2, dtype="float64").dtype) == (np.float32, np.float64)
    assert (make(2).requires_grad, make(2, requires_grad=True).requires_grad) == (False, True)
    assert isinstance(make().data, np.ndarray)


def test_the_default_dtype_is_used():
    set_default_dtype("float64")
    try:
        made = [fn.zeros(1), fn.full(1, 0.5), fn.arange(1.0), fn.eye(1), fn.rand(1), fn.randn(1)]
        assert {x.dtype.name for x in made} == {"float64"}
    finally:
        set_default_dtype("float32")


def test_constants():
    assert fn.zeros(2).tolist() == [0, 0]
    assert fn.ones(1, 2).tolist() == [[1, 1]]
    assert fn.eye(2, 3).tolist() == [[1, 0, 0], [0, 1, 0]]
    assert fn.full((1, 2), 0.5).tolist() == [[0.5, 0.5]]


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (fn.full(2, 7), "int64"),
        (fn.full(2, True), "bool"),
        (fn.full(2, 7.0), "float32"),
        (fn.full(2, np.float64(7)), "float32"),
        (fn.full(2, 7, dtype="float64"), "float64"),
        (fn.arange(3), "int64"),
        (fn.arange(3.0), "float32"),
        (fn.arange(3, dtype="float64"), "float64"),
    ],
)
def test_integers_stay_integers_and_floating_point_numbers_get_the_default_dtype(x, dtype):
    assert x.dtype == dtype


@pytest.mark.parametrize("limits", [(4,), (2, 5), (0, 10, 3), (5, 0, -2), (0.0, 1.0, 0.25), (2.5,), (3, 3)])
def test_ranges_are_numpys(limits):
    np.testing.assert_array_equal(fn.arange(*limits).data, np.arange(*limits))


def test_an_integer_that_is_to_have_a_gradient_is_refused():
    with pytest.raises(DTypeError, match="Only floating-point numbers have gradients"):
        fn.arange(3, requires_grad=True)


@pytest.mark.parametrize("name", DRAWN)
def test_numbers_are_drawn_from_the_generator_that_is_given_or_the_default_one(name):
    draw = DRAWN[name]
    first, second = (draw(3, rng=np.random.default_rng(5)).tolist() for _ in range(2))
    assert first == second
    nn_core.seed(5)
    assert draw(3).tolist() == first
    assert draw(3).tolist() != first


def test_drawn_numbers_have_the_moments_of_their_distribution():
    even, normal = (draw(20_000, rng=np.random.default_rng(0), dtype="float64").data for draw in (fn.rand, fn.randn))
    assert (even.mean(), even.var(), normal.mean(), normal.var()) == pytest.approx((1 / 2, 1 / 12, 0, 1), abs=0.03)
    assert (even.min() >= 0, even.max() < 1, abs(normal).max() > 3) == (True, True, True)


@pytest.mark.parametrize("name", ALIKE)
def test_tensors_are_made_like_others(name):
    for model in (Tensor(np.ones((2, 3), np.float32), requires_grad=True), np.ones((2, 3))):
        x = ALIKE[name](model)
        assert (type(x), x.shape, x.dtype, x.requires_grad) == (Tensor, (2, 3), model.dtype, False)
    assert ALIKE[name](np.ones(2), dtype="float32", requires_grad=True).dtype == np.float32


def test_constants_like_integers_stay_integers_and_random_numbers_do_not():
    n = Tensor([1, 2])
    assert (fn.zeros_like(n).dtype, fn.rand_like(n).dtype, fn.randn_like(n).dtype) == (np.int64, np.float32, np.float32)


def test_random_numbers_like_others_come_from_the_generator_that_is_given():
    rngs = [np.random.default_rng(5) for _ in range(2)]
    assert fn.randn_like(np.ones(3), rng=rngs[0]).tolist() == fn.randn(3, rng=rngs[1], dtype="float64").tolist()


@pytest.mark.parametrize("seed", [0, 3])
def test_a_seed_is_no_generator(seed):
    for draw in (fn.rand, fn.randn):
        with pytest.raises(ConfigError, match=r"rng must be a generator of NumPy, as numpy\.random\.default_rng"):
            draw(2, rng=seed)
