"""Parameters take in gradients; buffers do not."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import Buffer, DTypeError, Parameter, ShapeError


def test_gradients_add_up():
    parameter = Parameter(np.zeros((2, 3), np.float32))
    assert parameter.grad is None
    for _ in range(3):
        parameter.accumulate(np.full((2, 3), 2.0, np.float32))
    assert (parameter.grad == 6).all()


def test_the_first_gradient_is_copied():
    parameter, gradient = Parameter(np.zeros(2)), np.ones(2)
    parameter.accumulate(gradient)
    parameter.accumulate(np.ones(2))
    assert gradient.tolist() == [1, 1], "the caller's array must not be added to"
    gradient[...] = 9
    assert parameter.grad.tolist() == [2, 2]


def test_read_only_and_broadcast_gradients_are_taken():
    parameter = Parameter(np.zeros((2, 3)))
    for _ in range(2):
        parameter.accumulate(np.broadcast_to(np.arange(3.0), (2, 3)))
    assert parameter.grad.tolist() == [[0, 2, 4], [0, 2, 4]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_gradient_is_in_the_dtype_of_the_parameter(dtype):
    parameter = Parameter(np.zeros(2, dtype))
    for other in ("float64", "float32", "float16"):
        parameter.accumulate(np.ones(2, other))
        assert parameter.grad.dtype == dtype
    assert parameter.grad.tolist() == [3, 3]


def test_a_single_number_is_a_parameter_too():
    parameter = Parameter(np.zeros((), np.float32))
    for _ in range(2):
        parameter.accumulate(np.ones(3, np.float32).sum())
    assert isinstance(parameter.grad, np.ndarray)
    assert (parameter.grad.shape, parameter.grad.dtype, float(parameter.grad)) == ((), np.float32, 6)


@pytest.mark.parametrize("shape", [(3, 2), (3,), (1, 3), (2, 3, 1), ()])
@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_gradient_of_another_shape_is_refused_even_if_it_would_broadcast(shape, requires_grad):
    parameter = Parameter(np.zeros((2, 3)), requires_grad=requires_grad)
    with pytest.raises(ShapeError) as caught:
        parameter.accumulate(np.ones(shape))
    assert str(caught.value) == f"a gradient of shape {shape} arrived at a parameter of shape (2, 3)"
    assert parameter.grad is None


def test_a_frozen_parameter_drops_its_gradients():
    parameter = Parameter(np.zeros(2), requires_grad=False)
    parameter.accumulate(np.ones(2))
    assert parameter.grad is None
    parameter.requires_grad = True
    parameter.accumulate(np.ones(2))
    assert parameter.grad.tolist() == [1, 1]


def test_zero_grad_forgets_the_gradient():
    parameter = Parameter(np.zeros(2))
    parameter.accumulate(np.ones(2))
    parameter.zero_grad()
    assert parameter.grad is None


def test_a_parameter_tells_what_it_holds():
    data = np.zeros((2, 3), np.float32)
    parameter = Parameter(data)
    assert parameter.data is data
    assert (parameter.shape, parameter.size, parameter.dtype) == ((2, 3), 6, np.float32)
    assert (parameter.requires_grad, parameter.decay) == (True, True)
    assert repr(parameter) == "Parameter(shape=(2, 3), dtype=float32)"
    assert repr(Parameter(data, requires_grad=False)) == "Parameter(shape=(2, 3), dtype=float32, frozen)"
    assert repr(Buffer(data)) == "Buffer(shape=(2, 3), dtype=float32)"


def test_decay_is_a_matter_of_a_flag():
    assert not Parameter(np.zeros(2), decay=False).decay


@pytest.mark.parametrize("data", [1.0, 1, [1.0, 2.0], [[1, 2]]])
def test_numbers_and_lists_become_arrays_of_the_default_dtype(data):
    parameter = Parameter(data)
    assert parameter.dtype == np.float32
    assert parameter.data.tolist() == data


def test_integers_are_no_parameter_unless_they_are_frozen():
    with pytest.raises(DTypeError, match=r"Only floating-point numbers have gradients, and this array holds int64"):
        Parameter(np.arange(3))
    parameter = Parameter(np.arange(3), requires_grad=False)
    assert parameter.dtype == np.int64
    parameter.requires_grad = True
    with pytest.raises(DTypeError, match="Only floating-point numbers have gradients"):
        (parameter * 0.9).sum().backward()
    assert Parameter([1, 2]).dtype == np.float32


def test_a_gradient_is_copied_unless_nobody_else_has_it():
    p, gradient = Parameter(np.zeros(3)), np.ones(3)
    p.accumulate(gradient)
    assert not np.shares_memory(p.grad, gradient)
    p.zero_grad()
    p.accumulate(gradient, fresh=True)
    assert p.grad is gradient
    p.accumulate(np.ones(3), fresh=True)
    np.testing.assert_array_equal(p.grad, [2, 2, 2])
    single = Parameter(np.zeros(3, np.float32))
    single.accumulate(np.ones(3), fresh=True)
    assert single.grad.dtype == np.float32
