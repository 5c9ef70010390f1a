"""Picking elements by index, and adding up what goes back to the same place."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import functional as fn
from nn_core.errors import ConfigError, ShapeError
from nn_core.functional.indexing import add_rows
from nn_core.tensor import Tensor

ARRAY = np.arange(24.0).reshape(2, 3, 4)
MASK = ARRAY % 3 == 0


@pytest.mark.parametrize(
    "index",
    [
        0,
        -1,
        np.int64(1),
        (1, 2, 3),
        slice(None, None, -1),
        (slice(1), slice(2, 0, -1)),
        (..., 1),
        (None, 0, ..., None),
        (),
        ...,
        [1, 0, 1],
        [],
        np.array([[0, 1], [1, 1]]),
        ([0, 1, 0], [2, 2, 2]),
        ([0, 1, 0], slice(None), [3, 3, -1]),
        (slice(1, None), [[0], [2]], [1, 1, 0]),
        (0, [2, 2, 0]),
        MASK,
        (0, [True, False, True]),
        (slice(None), MASK[0]),
        ([True, False], [0, 0, 2]),
        ((0, 0), (1, 1)),
        ((0, 0),),
        (slice(None), (1, 1), ...),
        ((), 0),
        np.array([1, 1, 0], np.uint8),
        (np.array([-1, 1], np.int8), np.array([2, 2], np.uint16)),
        np.array(1),
        np.zeros(2, bool),
    ],
    ids=str,
)
def test_indexing_is_numpys_and_the_gradient_adds_up_at_the_places_taken(index):
    x = Tensor(ARRAY, requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.data, ARRAY[index])
    dy = np.random.default_rng(0).normal(size=y.shape)
    y.backward(dy)
    expected = np.zeros_like(ARRAY)
    np.add.at(expected, index, dy)
    np.testing.assert_allclose(x.grad, expected, rtol=1e-12)


def test_tensors_are_indices():
    x = Tensor(ARRAY, requires_grad=True)
    np.testing.assert_array_equal(x[Tensor([1, 1]), :, Tensor([0, 0])].data, ARRAY[[1, 1], :, [0, 0]])
    np.testing.assert_array_equal(x[x > 5].data, ARRAY[ARRAY > 5])
    np.testing.assert_array_equal(x[Tensor(1)].data, ARRAY[1])
    np.testing.assert_array_equal(fn.take(x, Tensor([2, 0]), axis=1).data, ARRAY[:, [2, 0]])


@pytest.mark.parametrize(
    "index", [2, (0, 3), [0, -3], 0.5, "a", np.ones(3), np.ones((3, 3), bool), (0, 0, 0, 0)], ids=str
)
def test_an_index_that_names_no_elements_is_an_index_error(index):
    with pytest.raises(IndexError):
        Tensor(ARRAY)[index]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: fn.take(x, [2], axis=0),
        lambda x: fn.take(x, [0.5], axis=0),
        lambda x: fn.take(x, "a", axis=0),
        lambda x: fn.take_along_axis(x, [[[4]]], axis=2),
        lambda x: fn.take_along_axis(x, [[[True]]], axis=2),
        lambda x: fn.gather(x, 1, [[[3]]]),
        lambda x: fn.scatter_add(x, 1, [[[3]]], [[[1.0]]]),
        lambda x: fn.scatter_add(x, 1, [[[0.0]]], [[[1.0]]]),
    ],
)
def test_indices_that_are_out_of_range_or_no_integers_are_index_errors(call):
    with pytest.raises(IndexError):
        call(Tensor(ARRAY))


@pytest.mark.parametrize(
    ("indices", "axis"), [(1, 0), ([2, 0, 2], 1), ([[3, -1], [3, 0]], -1), ([23, 0, 23], None), ([], 1)]
)
def test_take_is_numpys(indices, axis):
    expected = np.take(ARRAY, np.array(indices, int), axis=axis)
    np.testing.assert_array_equal(fn.take(ARRAY, indices, axis=axis), expected)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_take_along_axis_is_numpys_with_the_other_axes_broadcast(axis):
    indices = np.random.default_rng(0).integers(0, 2, (2, 3, 4))
    for some in (indices, indices[:1], indices[:, :1]):
        found = fn.take_along_axis(ARRAY, some, axis=axis)
        np.testing.assert_array_equal(found, np.take_along_axis(ARRAY, some, axis))


def test_gather_takes_from_each_line():
    x = Tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], requires_grad=True)
    y = x.gather(1, [[2, 0, 2, 2]])
    assert y.tolist() == [[3, 1, 3, 3]]
    y.backward([[1.0, 2.0, 4.0, 8.0]])
    assert x.grad.tolist() == [[2, 0, 13], [0, 0, 0]]
    assert x.gather(-2, [[1, 0]]).tolist() == [[4, 2]]


def test_scatter_add_adds_up_what_goes_to_one_place():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    src = Tensor(np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]]), requires_grad=True)
    y = x.scatter_add(1, [[2, 2], [0, -2]], src)
    assert y.tolist() == [[1, 1, 4], [9, 17, 1]]
    y.backward([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert x.grad.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert src.grad.tolist() == [[3, 3, 0], [4, 5, 0]]
    assert x.tolist() == np.ones((2, 3)).tolist()


def test_gather_undoes_scatter_add_without_repeats():
    values, places = (
        np.random.default_rng(0).normal(size=(3, 4)),
        np.random.default_rng(1).permuted([[0, 1, 2, 3]] * 3, axis=1),
    )
    np.testing.assert_array_equal(fn.gather(fn.scatter_add(np.zeros((3, 4)), 1, places, values), 1, places), values)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.gather(1, [0]), r"gather got an index of shape \(1,\) for shape \(2, 3\)"),
        (lambda x: x.gather(1, [[0]] * 3), r"gather got an index of shape \(3, 1\) for shape \(2, 3\) and axis 1"),
        (
            lambda x: x.scatter_add(1, [[0]] * 3, np.ones((3, 1))),
            r"scatter_add got an index of shape \(3, 1\) for shape",
        ),
        (
            lambda x: x.scatter_add(1, [[0, 1]], np.ones((1, 1))),
            r"scatter_add got an index of shape \(1, 2\) for a src",
        ),
        (
            lambda x: x.scatter_add(1, [[0, 1]], 1.0),
            r"scatter_add got an index of shape \(1, 2\) for a src of shape \(\)",
        ),
    ],
)
def test_shapes_that_do_not_fit_an_index_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call(Tensor(np.ones((2, 3))))


def test_an_axis_that_is_not_there_is_refused():
    for call in (
        lambda x: x.gather(2, [[0]]),
        lambda x: fn.take(x, [0], axis=2),
        lambda x: x.take_along_axis([[0]], 2),
    ):
        with pytest.raises(ConfigError, match=r"given \(2, 3\): .*out of bounds"):
            call(Tensor(np.ones((2, 3))))


@pytest.mark.parametrize("shape", [(7,), (7, 3), (7, 2, 0), (7, 1, 5)])
@pytest.mark.parametrize("count", [0, 1, 50])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_with_repeated_indices_add_up(shape, count, dtype):
    random = np.random.default_rng(0)
    out, rows = random.normal(size=shape).astype(dtype), random.normal(size=(count, *shape[1:])).astype(dtype)
    indices = random.integers(-7, 7, count)
    expected = out.astype("float64")
    for index, row in zip(indices, rows, strict=True):
        expected[index] += row
    indices.flags.writeable = rows.flags.writeable = False
    add_rows(out, indices, rows)
    np.testing.assert_allclose(out, expected, rtol=1e-5 if dtype == "float32" else 1e-12, atol=1e-5)
    assert out.dtype == dtype


def test_an_item_is_not_assigned():
    with pytest.raises(TypeError, match=r"not changed in place: make a new one with where\(\) or scatter_add\(\)"):
        Tensor([1.0])[0] = 2.0


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.uint64])
@pytest.mark.parametrize(
    "pick",
    [
        lambda x, i: x[i],
        lambda x, i: x.take(i, axis=0),
        lambda x, i: x.take_along_axis(i[:, None], axis=0),
        lambda x, i: x.gather(0, i[:, None]),
        lambda x, i: Tensor(np.zeros((300, 1))).scatter_add(0, i[:, None], x[:3]),
    ],
)
def test_indices_may_be_of_narrow_integers(pick, dtype):
    x = Tensor(np.arange(300.0)[:, None], requires_grad=True)
    indices = np.array([1, 1, 100]) - 101 * (dtype == np.int8)  # -100, -100, -1
    narrow, wide = pick(x, indices.astype(dtype)), pick(x, indices)
    np.testing.assert_array_equal(narrow.data, wide.data)
    wide.sum().backward()
    expected, x.grad = x.grad, None
    narrow.sum().backward()
    np.testing.assert_array_equal(x.grad, expected)


def test_a_single_number_is_taken_from_like_numpys():
    x = Tensor(2.0, requires_grad=True)
    y = x.take([0, 0], axis=0)
    assert y.tolist() == [2, 2]
    y.backward([1.0, 2.0])
    assert x.grad == 3
