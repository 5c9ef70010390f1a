"""Tensor: what it is made from, what it tells about itself, and how it meets NumPy."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from nn_core import (
    BackwardError,
    DTypeError,
    Linear,
    Parameter,
    ShapeError,
    Tensor,
    functional,
    no_grad,
    set_default_dtype,
)


def test_the_example_of_the_first_page():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = Tensor([2.0, 3.0, 4.0], requires_grad=True)
    z = x * y + x
    loss = z.sum()
    loss.backward()
    assert x.grad.tolist() == [3.0, 4.0, 5.0]
    assert y.grad.tolist() == [1.0, 2.0, 3.0]
    assert loss.data.item() == 26.0


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([1.0, 2.0], np.float32),
        (1.5, np.float32),
        ([1, 2], np.int64),
        ([True, False], np.bool_),
        (np.zeros(2), np.float64),
        (np.zeros(2, np.float32), np.float32),
        (np.float64(3), np.float64),
        (np.zeros(2, np.uint8), np.uint8),
    ],
)
def test_numbers_and_lists_get_the_default_dtype_and_arrays_keep_theirs(data, dtype):
    assert Tensor(data).dtype == dtype
    assert isinstance(Tensor(data).data, np.ndarray)


def test_lists_get_the_default_dtype_that_was_set():
    set_default_dtype("float64")
    try:
        assert Tensor([1.0]).dtype == np.float64
    finally:
        set_default_dtype("float32")


def test_an_array_is_kept_and_not_copied():
    array = np.zeros(3)
    assert Tensor(array).data is array
    assert Tensor(Tensor(array)).data is array


def test_whole_numbers_in_a_list_become_floating_where_a_gradient_is_wanted():
    assert Tensor([1, 2, 3], requires_grad=True).dtype == np.float32


def test_an_array_of_integers_cannot_require_a_gradient():
    with pytest.raises(DTypeError, match=r"int64.*astype\('float32'\)"):
        Tensor(np.arange(3), requires_grad=True)


def test_it_tells_its_shape_and_size():
    x = Tensor(np.zeros((2, 3)))
    assert (x.shape, x.ndim, x.size, len(x), x.dtype) == ((2, 3), 2, 6, 2, np.float64)


def test_it_prints_what_it_holds():
    assert repr(Tensor([1.0, 2.5], requires_grad=True)) == "Tensor([1. , 2.5], requires_grad=True)"
    assert repr(Tensor([1, 2])) == "Tensor([1, 2])"
    assert repr(Tensor(np.zeros(1))) == "Tensor([0.], dtype=float64)"
    assert repr(Tensor(np.zeros((2, 2), np.float32))) == "Tensor([[0., 0.],\n        [0., 0.]])"


def test_the_only_element_is_a_python_number():
    x = Tensor([[2.5]])
    assert (x.item(), float(x), int(x), x.tolist()) == (2.5, 2.5, 2, [[2.5]])
    assert bool(Tensor([1.0]))
    assert [10, 20, 30][Tensor(1)] == 20
    with pytest.raises(ValueError, match="size 1"):
        Tensor([1.0, 2.0]).item()
    with pytest.raises(ValueError, match="ambiguous"):
        bool(Tensor([1.0, 2.0]))


def test_numpy_shares_memory_and_refuses_to_drop_a_gradient():
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert x.detach().numpy() is x.data
    assert not x.detach().requires_grad
    for leave in (x.numpy, lambda: np.asarray(x), lambda: x.__dlpack__()):
        with pytest.raises(DTypeError, match="detach"):
            leave()
    array = np.asarray(x.detach())
    assert array.tolist() == [1.0, 2.0]
    assert np.array(x.detach(), dtype=np.float64).dtype == np.float64


def test_dlpack_hands_the_memory_over():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    other = np.from_dlpack(x)
    assert np.shares_memory(other, x.data)
    assert other.tolist() == x.tolist()


@pytest.mark.parametrize(
    "compute",
    [
        lambda a, x: a * x,
        lambda a, x: x * a,
        lambda a, x: a + x - a / x,
        lambda a, x: a @ x,
        lambda a, x: a**x,
        lambda a, x: np.multiply(a, x),
        lambda a, x: np.exp(x) + a,
        lambda a, x: np.maximum(a, x),
        lambda a, x: np.concatenate([a, x]),
        lambda a, x: np.sum(a * x, axis=0),
        lambda a, x: np.where(a > 1, a, x),
    ],
)
def test_an_array_that_meets_a_tensor_makes_a_tensor(compute):
    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.5, 1.5, 2.5])
    x = Tensor(b, requires_grad=True)
    y = compute(a, x)
    assert isinstance(y, Tensor)
    assert y.requires_grad
    np.testing.assert_allclose(y.data, compute(a, b), rtol=1e-14)


@pytest.mark.parametrize("other", [2, 2.0, np.float64(2), np.float32(2), np.int64(2), [2.0] * 3, np.full(3, 2.0)])
def test_float32_stays_float32_whatever_it_meets(other):
    x = Tensor(np.ones(3, np.float32), requires_grad=True)
    for y in (x * other, other + x, x / other, x**2 - other, np.sqrt(7) * x, x / np.sqrt(7)):
        assert y.dtype == np.float32
        x.zero_grad()
        y.sum().backward()
        assert x.grad.dtype == np.float32


def test_tensors_of_two_floating_dtypes_do_not_mix():
    with pytest.raises(DTypeError, match=r"multiply got Tensors of float32 and float64.*astype\('float32'\)"):
        Tensor(np.ones(2, np.float32)) * Tensor(np.ones(2))
    assert (Tensor(np.ones(2, np.float32)) * Tensor(np.arange(2))).dtype == np.float32
    assert (Tensor(np.ones(2, np.float32)) * Tensor([True, False])).tolist() == [1.0, 0.0]


def test_what_numpy_cannot_do_with_a_tensor_is_refused_with_a_remedy():
    x = Tensor([1.0, 2.0], requires_grad=True)
    array = np.ones(2, np.float32)
    with pytest.raises(DTypeError, match=r"numpy.add cannot write a Tensor into an array"):
        array += x
    for call, name in (
        (lambda: np.arctan(x), "numpy.arctan"),
        (lambda: np.add.reduce(x), "numpy.add.reduce"),
        (lambda: np.sort(x), "numpy.sort"),
        (lambda: np.linalg.norm(x), "numpy.linalg.norm"),
        (lambda: np.vstack([x, x]), "numpy.vstack"),
    ):
        with pytest.raises(DTypeError, match=rf"{name} carries no gradient on: give it x.detach\(\).numpy\(\)"):
            call()
    with pytest.raises(TypeError, match="not changed in place"):
        x[0] = 1.0


def test_what_has_no_gradient_to_lose_is_an_array_to_numpy():
    x, y = Tensor([1.0, 2.0]), Tensor([1.0, np.nan])
    assert np.allclose(x, [1, 2])
    assert np.isnan(y).tolist() == [False, True]
    assert np.array_equal(np.vstack([x, y])[0], x.data)
    assert np.linalg.norm(Tensor([3.0, 4.0])) == 5
    assert np.add.reduce(x) == 3


@pytest.mark.parametrize("data", [None, "abc", [1.0, "a"], [[1.0, 2.0], [3.0]], object(), np.array(["a"]), [None]])
def test_what_holds_no_numbers_is_refused(data):
    x = Tensor([1.0, 2.0], requires_grad=True)
    for make in (Tensor, lambda data: x + data, lambda data: data * x, lambda data: functional.where(x > 1.5, x, data)):
        with pytest.raises(DTypeError, match=r"Expected an array, a number or a \(nested\) list of numbers, got "):
            make(data)


def test_a_leaf_is_updated_in_place_inside_no_grad_alone():
    x = Tensor([1.0, 2.0], requires_grad=True)
    array = x.data
    with no_grad():
        same = x
        x -= [0.5, 0.5]
        x *= 2.0
        x += 1.0
        x /= 2.0
    assert x is same
    assert x.data is array
    assert x.requires_grad
    assert x.tolist() == [1.0, 2.0]
    with pytest.raises(BackwardError, match=r"inside no_grad\(\), or write to its .data"):
        x -= 1.0
    with pytest.raises(ShapeError, match=r"shape \(2,\).*\(3, 2\)"), no_grad():
        x += np.ones((3, 2))


def test_what_is_no_leaf_to_be_trained_is_made_anew():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    before = y
    y += x
    assert before.tolist() == [2.0, 4.0]
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    z = Tensor([1.0])
    array = z.data
    z += x.sum()
    assert z.requires_grad
    assert array.tolist() == [1.0]


def test_it_is_formatted_like_the_number_it_holds():
    x = Tensor([[0.12345]], requires_grad=True).sum()
    assert f"{x:.3f} {x:8.2e}" == "0.123 1.23e-01"
    assert f"{Tensor([1, 2])}" == "Tensor([1, 2])"


def test_a_dtype_can_be_given():
    assert Tensor([1, 2], requires_grad=True, dtype="float64").dtype == np.float64
    assert Tensor([1.5], dtype=np.int64).tolist() == [1]
    with pytest.raises(DTypeError, match="int64"):
        Tensor([1.5], requires_grad=True, dtype="int64")


def test_comparisons_are_element_by_element_and_have_no_gradient():
    x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    for y, expected in (
        (x > 2, [False, False, True]),
        (x >= 2, [False, True, True]),
        (2 > x, [True, False, False]),  # noqa: SIM300 - the number on the left is the point
        (x <= 1, [True, False, False]),
        (x == [1, 0, 3], [True, False, True]),
        (x != x, [False] * 3),
    ):
        assert y.tolist() == expected
        assert not y.requires_grad
    assert len({x, Tensor([1.0, 2.0, 3.0])}) == 2  # hashed by identity


def test_a_tensor_can_be_gone_through():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    first, second = x
    (first * second).sum().backward()
    assert x.grad.tolist() == [[3.0, 4.0], [1.0, 2.0]]


@pytest.mark.parametrize("twin", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_leaves_can_be_copied_with_their_gradient(twin):
    for x in (Tensor([1.0, 2.0], requires_grad=True), Parameter([1.0, 2.0], decay=False)):
        x.accumulate(np.ones(2, np.float32))
        other = twin(x)
        assert type(other) is type(x)
        assert (other.requires_grad, other.decay, other.grad.tolist()) == (True, x.decay, [1.0, 1.0])
        other.data[...] = 0
        assert x.tolist() == [1.0, 2.0]


def test_a_tensor_with_a_graph_is_not_copied():
    with pytest.raises(DTypeError, match="detach"):
        copy.deepcopy(Tensor([1.0], requires_grad=True) * 2)


def test_a_parameter_is_a_leaf_tensor():
    layer = Linear(3, 2)
    x = np.ones((4, 3), np.float32)
    y = x @ layer.weight.T + layer.bias
    assert isinstance(y, Tensor)
    y.sum().backward()
    assert layer.weight.grad.tolist() == [[4.0] * 3] * 2
    assert layer.bias.grad.tolist() == [4.0] * 2
    assert layer.params["weight"] is layer.weight.data
    assert layer.grads["bias"] is layer.bias.grad


def test_integers_that_are_made_to_require_a_gradient_later_refuse_it():
    t = Tensor([1, 2])
    t.requires_grad = True
    with pytest.raises(DTypeError, match="this array holds int64: convert it"):
        (t * 0.9).sum().backward()


def test_a_clone_is_a_copy_on_the_tape():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    y.data[0] = 5
    assert x.tolist() == [1, 2]
    (y * y).sum().backward()
    assert x.grad.tolist() == [10, 4]


class Column:
    """What a column of another library's table looks like: it has a dtype and is no array."""

    dtype = np.dtype(np.float64)

    def __array__(self, dtype=None, copy=None):
        return np.arange(3.0)


def test_a_column_of_another_library_becomes_an_array_of_its_dtype():
    x = Tensor(Column(), requires_grad=True)
    assert type(x.data) is np.ndarray
    assert x.dtype == np.float64
    assert (x * Column()).tolist() == [0.0, 1.0, 4.0]
