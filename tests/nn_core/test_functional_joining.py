"""Joining, splitting and padding."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import functional as fn
from nn_core.errors import ConfigError, ShapeError
from nn_core.tensor import Tensor

ARRAY = np.arange(12.0).reshape(3, 4)


def test_tensors_arrays_and_lists_are_joined_to_a_tensor_of_the_tensors_dtype():
    x = Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    y = fn.concatenate([x, np.zeros((1, 2)), [[2, 3]]])
    assert (y.dtype, y.tolist()) == (np.float32, [[1, 1], [0, 0], [2, 3]])
    y.backward(np.arange(6.0).reshape(3, 2))
    assert x.grad.tolist() == [[0, 1]]
    assert fn.stack([x, [[5, 6]]], dim=1).tolist() == [[[1, 1], [5, 6]]]


@pytest.mark.parametrize("axis", [0, 1, -1, None])
def test_concatenate_is_numpys(axis):
    np.testing.assert_array_equal(
        fn.concatenate([ARRAY, ARRAY[::-1]], axis), np.concatenate([ARRAY, ARRAY[::-1]], axis)
    )


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_stack_is_numpys(axis):
    np.testing.assert_array_equal(fn.stack([ARRAY, -ARRAY], axis), np.stack([ARRAY, -ARRAY], axis))


@pytest.mark.parametrize(("places", "axis"), [(3, 0), (2, 1), (4, -1), ([1], 0), ([1, 1, 3], 1), ([2, 9], 1), ([], 0)])
def test_split_is_numpys_and_its_parts_share_one_node(places, axis):
    x = Tensor(ARRAY, requires_grad=True)
    parts, expected = x.split(places, axis), np.split(ARRAY, np.array(places, int) if places == [] else places, axis)
    assert len(parts) == len(expected)
    for part, other in zip(parts, expected, strict=True):
        np.testing.assert_array_equal(part.data, other)
    assert {part.node for part in parts} == {parts[0].node}
    fn.sum(parts[-1] * 2).backward()
    np.testing.assert_array_equal(x.grad.sum(), 2 * parts[-1].size)


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@pytest.mark.parametrize("width", [0, 1, 2, (1, 3), ((2, 1), (0, 3)), ((5, 7), (9, 11))], ids=str)
def test_pad_is_numpys_and_its_gradient_the_exact_adjoint(mode, width):
    x = Tensor(ARRAY, requires_grad=True)
    y = fn.pad(x, width, mode)
    np.testing.assert_array_equal(y.data, np.pad(ARRAY, width, mode))
    dy = np.random.default_rng(0).normal(size=y.shape)
    y.backward(dy)
    for place in np.ndindex(ARRAY.shape):  # padding is linear: column by column of its matrix
        one = np.zeros_like(ARRAY)
        one[place] = 1
        assert x.grad[place] == pytest.approx((np.pad(one, width, mode) * dy).sum())


def test_pad_fills_margins_with_the_constant_and_keeps_the_dtype():
    y = fn.pad(Tensor(np.ones(2, np.float32)), (1, 2), constant_values=0.5)
    assert (y.dtype, y.tolist()) == (np.float32, [0.5, 1, 1, 0.5, 0.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fn.concatenate([]), "concatenate got nothing to join"),
        (lambda: fn.stack([]), "stack got nothing to join"),
        (lambda: fn.concatenate([ARRAY, ARRAY.T]), r"concatenate cannot join \(3, 4\) and \(4, 3\) along axis 0"),
        (lambda: fn.concatenate([ARRAY, ARRAY[0]]), r"concatenate cannot join \(3, 4\) and \(4,\) along axis 0"),
        (lambda: fn.stack([ARRAY, ARRAY[:2]], axis=1), r"stack cannot join \(3, 4\) and \(2, 4\) along axis 1"),
        (lambda: fn.split(ARRAY, 2), r"split cannot make 2 equal parts of axis 0 of shape \(3, 4\)\. .*places"),
        (lambda: fn.split(ARRAY, 0), "split cannot make 0 equal parts"),
        (lambda: fn.split(ARRAY, 2, axis=2), "split cannot make 2 equal parts of axis 2"),
        (lambda: fn.pad(ARRAY, (1, 2, 3)), r"pad got pad_width \(1, 2, 3\) for shape \(3, 4\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fn.pad(ARRAY, 1, "mirror"), "mode of pad must be one of constant, reflect, edge, wrap, got 'mirror'"),
        (lambda: fn.pad(ARRAY, -1), "pad_width of pad must not be negative, got -1"),
        (lambda: fn.pad(ARRAY, 1.5), "pad_width of pad must be integers, got 1.5"),
        (lambda: fn.pad(ARRAY[:0], 1, "edge"), r"pad, given \(0, 4\): .*empty axis"),
    ],
)
def test_options_that_are_wrong_are_named(call, message):
    with pytest.raises(ConfigError, match=message):
        call()


@pytest.mark.parametrize("places", [[3, 1], [1, 3, 2], [-1, 2]])
def test_places_to_split_at_that_would_make_parts_overlap_are_refused(places):
    with pytest.raises(ConfigError, match=r"split got the places .*: give them in ascending order"):
        fn.split(Tensor(np.ones((2, 5))), places, axis=1)
