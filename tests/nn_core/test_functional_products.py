"""Products: matmul's and einsum's shapes, against loops and against each other."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import functional as fn
from nn_core.errors import ConfigError, ShapeError
from nn_core.functional.contractions import spelled_out
from nn_core.tensor import Tensor


def draw(*shapes):
    random = np.random.default_rng(0)
    return [Tensor(random.normal(size=shape), requires_grad=True) for shape in shapes]


def test_the_gradients_of_a_matrix_product_are_products_with_the_transposes():
    a, b = draw((2, 3), (3, 4))
    dy = np.random.default_rng(1).normal(size=(2, 4))
    (a @ b).backward(dy)
    np.testing.assert_allclose(a.grad, dy @ b.data.T)
    np.testing.assert_allclose(b.grad, a.data.T @ dy)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3,), (3,)), ((3,), (2, 3, 4)), ((2, 5, 3), (3,)), ((4, 1, 2, 3), (5, 3, 2)), ((0, 3), (3, 2)), ((2, 0), (0, 3))],
)
def test_matrix_products_are_numpys(a, b):
    a, b = draw(a, b)
    y = a @ b
    np.testing.assert_allclose(y.data, a.data @ b.data)
    y.backward(np.ones(y.shape))
    assert (a.grad.shape, b.grad.shape) == (a.shape, b.shape)


@pytest.mark.parametrize(("a", "b"), [((2, 3), (2, 3)), ((3,), (4,)), ((), (3,)), ((2, 3), ())])
def test_what_cannot_be_multiplied_is_named(a, b):
    a, b = draw(a, b)
    with pytest.raises(ShapeError, match="matmul cannot multiply") as error:
        a @ b
    assert str(a.shape) in str(error.value)
    assert str(b.shape) in str(error.value)


def test_stacks_of_matrices_that_do_not_broadcast_are_named():
    a, b = draw((2, 4, 3), (5, 3, 4))
    with pytest.raises(ShapeError, match=r"matmul cannot broadcast \(2, 4, 3\) with \(5, 3, 4\)"):
        a @ b


def test_dot_is_numpys_for_numbers_vectors_and_matrices():
    a, v = np.random.default_rng(0).normal(size=(2, 3)), np.array([1.0, 2.0, 3.0])
    for left, right in [(2.0, v), (v, v), (a, v), (a, a.T), (v, Tensor(2.0))]:
        np.testing.assert_allclose(np.asarray(fn.dot(left, right)), np.dot(left, np.asarray(right)))
    with pytest.raises(ShapeError, match="dot is for vectors and matrices, got 3 and 1 axes"):
        fn.dot(np.ones((2, 2, 3)), v)


def test_outer_is_numpys():
    np.testing.assert_array_equal(fn.outer([[1, 2], [3, 4]], [5.0, 6.0]), np.outer([1, 2, 3, 4], [5.0, 6.0]))


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk", [(2, 3), (3, 4)]),
        ("ij,jk->ki", [(2, 3), (3, 4)]),
        ("ba", [(2, 3)]),
        ("ii", [(3, 3)]),
        ("iij->ij", [(2, 2, 3)]),
        ("i,i,i", [(3,), (3,), (3,)]),
        ("...i,...i->...", [(4, 1, 3), (2, 3)]),
        ("...i->i...", [(4, 2, 3)]),
        ("i...,...", [(2, 3), (4, 1)]),
        ("ab,cd->dbca", [(1, 2), (3, 4)]),
        ("ij->", [(2, 3)]),
        (",ij->ij", [(), (2, 3)]),
        ("->", [()]),
        ("zA,Ab", [(2, 3), (3, 4)]),
    ],
)
def test_einsum_is_numpys(subscripts, shapes):
    xs = draw(*shapes)
    np.testing.assert_allclose(
        fn.einsum(subscripts, *xs).data, np.einsum(subscripts, *[x.data for x in xs]), rtol=1e-12
    )


def test_the_gradient_of_a_trace_is_the_identity():
    (a,) = draw((3, 3))
    fn.einsum("ii", a).backward(2.0)
    np.testing.assert_array_equal(a.grad, 2 * np.eye(3))


def test_the_gradient_along_a_summed_axis_is_the_same_everywhere():
    a, b = draw((2, 3), (2, 1))
    fn.einsum("ij,ij->i", a, b).backward([1.0, 10.0])
    np.testing.assert_allclose(a.grad, [[b.data[0, 0]] * 3, [10 * b.data[1, 0]] * 3])
    np.testing.assert_allclose(b.grad[:, 0], a.data.sum(1) * [1, 10])


def test_letters_are_found_for_what_the_dots_stand_for():
    assert spelled_out("i...,...j", [(2, 7, 8), (8, 3)]) == (["iba", "aj"], "baij")
    assert spelled_out("...->", [(7, 8)]) == (["ba"], "")


@pytest.mark.parametrize(
    ("subscripts", "shapes", "error", "message"),
    [
        ("ij", [(3,)], ShapeError, r"operand of shape \(3,\) for 'ij' in 'ij'"),
        ("i", [(3, 3)], ShapeError, "a letter for every axis, or '...' for the rest"),
        (
            "i,i",
            [(3,), (4,)],
            ShapeError,
            r"\(3,\) and \(4,\) for 'i,i', which differ in the size of one letter, 3 and 4",
        ),
        ("ii", [(3, 4)], ShapeError, "differ in the size of one letter, 3 and 4"),
        ("i,j", [(3,)], ConfigError, "got 1 operands for the 2 of 'i,j'"),
        ("i->k", [(3,)], ConfigError, "letters of the output stand there once, and in an operand"),
        ("i->ii", [(3,)], ConfigError, "letters of the output stand there once"),
        ("i;j", [(3,)], ConfigError, "cannot read 'i;j'"),
        ("i->j->k", [(3,)], ConfigError, "cannot read"),
        ("......", [(3,)], ConfigError, "cannot read"),
    ],
)
def test_subscripts_that_do_not_fit_are_refused(subscripts, shapes, error, message):
    with pytest.raises(error, match=message):
        fn.einsum(subscripts, *draw(*shapes))


def test_lists_of_axes_are_refused():
    a = Tensor(np.ones((2, 3)))
    with pytest.raises(ConfigError, match="einsum takes a text such as 'ij,jk->ik' first, not Tensor"):
        fn.einsum(a, [0, 1], [1, 0])
