"""What holds for every operation: gradients, dtypes, kinds of input; what is special to one stands in its own file."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import functional as fn
from nn_core.tape import go_back, no_grad
from nn_core.tensor import Tensor
from nn_core.testing import directional_error

PAIR = [(3, 4), (4,)]
CASES = {
    "add": (fn.add, PAIR),
    "subtract": (fn.subtract, PAIR),
    "multiply": (fn.multiply, [(3, 1), (1, 4)]),
    "divide": (fn.divide, PAIR),
    "power": (fn.power, PAIR),
    "power of a number": (lambda a: fn.power(2.0, a), [(3, 4)]),
    "power by a number": (lambda a: fn.power(a, -1.5), [(3, 4)]),
    "maximum": (fn.maximum, PAIR),
    "minimum": (fn.minimum, PAIR),
    "where": (lambda a, b: fn.where([[True], [False], [True]], a, b), PAIR),
    "negative": (fn.negative, [(3, 4)]),
    "abs": (fn.abs, [(3, 4)]),
    "clip": (lambda a: fn.clip(a, 0.9, 1.5), [(3, 4)]),
    "exp": (fn.exp, [(3, 4)]),
    "log": (fn.log, [(3, 4)]),
    "sqrt": (fn.sqrt, [(3, 4)]),
    "square": (fn.square, [(3, 4)]),
    "sin": (fn.sin, [(3, 4)]),
    "cos": (fn.cos, [(3, 4)]),
    "sum": (lambda a: fn.sum(a, (0, -1)), [(2, 3, 4)]),
    "mean": (lambda a: fn.mean(a, 1, True), [(2, 3, 4)]),
    "var": (lambda a: fn.var(a, 1), [(3, 4)]),
    "var, unbiased": (lambda a: fn.var(a, ddof=1), [(3, 4)]),
    "std": (lambda a: fn.std(a, (0, 2)), [(2, 3, 4)]),
    "max": (lambda a: fn.max(a, -1), [(3, 4)]),
    "min": (lambda a: fn.min(a, (0, 1), True), [(2, 3, 4)]),
    "prod": (lambda a: fn.prod(a, (2, 0)), [(2, 3, 2)]),
    "logsumexp": (lambda a: fn.logsumexp(a, 1), [(3, 4)]),
    "matmul": (fn.matmul, [(2, 1, 3, 4), (2, 4, 2)]),
    "matmul of vectors": (fn.matmul, [(4,), (3, 4, 2)]),
    "dot": (fn.dot, [(3, 4), (4,)]),
    "outer": (fn.outer, [(3,), (4,)]),
    "einsum": (lambda a, b, c: fn.einsum("iij,...j,...->i...", a, b, c), [(3, 3, 4), (2, 4), (1,)]),
    "einsum, size one": (lambda a, b: fn.einsum("ij,kj->k", a, b), [(3, 1), (2, 4)]),
    "reshape": (lambda a: fn.reshape(a, (6, -1)), [(3, 4)]),
    "ravel": (fn.ravel, [(3, 4)]),
    "flatten": (lambda a: fn.flatten(a, 1, -1), [(2, 3, 4)]),
    "transpose": (lambda a: fn.transpose(a, (1, 2, 0)), [(2, 3, 4)]),
    "permute": (lambda a: fn.permute(a, (2, 0, 1)), [(2, 3, 4)]),
    "swapaxes": (lambda a: fn.swapaxes(a, 0, -1), [(2, 3, 4)]),
    "moveaxis": (lambda a: fn.moveaxis(a, (0, 1), (-1, 0)), [(2, 3, 4)]),
    "squeeze": (lambda a: fn.squeeze(a, 1), [(3, 1, 4)]),
    "unsqueeze": (lambda a: fn.unsqueeze(a, 1), [(3, 4)]),
    "expand_dims": (lambda a: fn.expand_dims(a, (0, -1)), [(3, 4)]),
    "expand": (lambda a: fn.expand(a, (2, -1, 4)), [(3, 1)]),
    "broadcast_to": (lambda a: fn.broadcast_to(a, (2, 3, 4)), [(3, 1)]),
    "getitem, slices": (lambda a: fn.getitem(a, (slice(None, None, -2), ..., None, 1)), [(5, 3, 4)]),
    "getitem, rows": (lambda a: fn.getitem(a, np.array([[2, 0], [2, -1]])), [(3, 4)]),
    "getitem, integers": (lambda a: fn.getitem(a, ([0, 0, -1], slice(1, 3), [1, 1, 3])), [(2, 3, 4)]),
    "getitem, mask": (lambda a: fn.getitem(a, ([True, False, True], 1)), [(3, 4)]),
    "take": (lambda a: fn.take(a, [[3, 0], [3, -1]], axis=1), [(3, 4)]),
    "take_along_axis": (lambda a: fn.take_along_axis(a, [[1, 1]], axis=-1), [(3, 4)]),
    "gather": (lambda a: fn.gather(a, 0, [[2, 2], [0, 2]]), [(3, 4)]),
    "scatter_add": (lambda a, b: fn.scatter_add(a, 1, [[3, 3], [0, -1]], b), [(3, 4), (2, 3)]),
    "concatenate": (lambda a, b: fn.concatenate([a, b, a], axis=1), [(3, 4), (3, 2)]),
    "stack": (lambda a, b: fn.stack([a, b, b], axis=1), [(3, 4), (3, 4)]),
    "split": (lambda a: fn.split(a, [1, 3], axis=1)[1], [(3, 4)]),
    "pad": (lambda a: fn.pad(a, ((1, 0), (2, 3)), constant_values=2.0), [(3, 4)]),
    "pad, reflect": (lambda a: fn.pad(a, ((2, 1), (3, 3)), "reflect"), [(3, 4)]),
    "pad, reflected twice": (lambda a: fn.pad(a, (5, 9), "reflect"), [(3,)]),
    "pad, edge": (lambda a: fn.pad(a, ((2, 0), (5, 1)), "edge"), [(3, 4)]),
    "pad, wrap": (lambda a: fn.pad(a, ((4, 1), (2, 9)), "wrap"), [(3, 4)]),
}  # fmt: skip

operations = pytest.mark.parametrize(("function", "shapes"), CASES.values(), ids=CASES)


def draw(shapes, dtype="float64"):
    """Return read-only arrays, apart from each other so that no step of a difference crosses a kink."""
    random = np.random.default_rng(0)
    arrays = [random.uniform(0.5, 2.0, shape).astype(dtype) for shape in shapes]
    for array in arrays:
        array.flags.writeable = False
    return arrays


def gradients(function, arrays):
    """Return the output, a random gradient for it (read-only), and those of the inputs."""
    leaves = [Tensor(array, requires_grad=True) for array in arrays]
    y = function(*leaves)
    dy = np.random.default_rng(1).normal(size=y.shape).astype(y.dtype)
    dy.flags.writeable = False
    y.backward(dy)
    return y, dy, [leaf.grad for leaf in leaves]


@operations
def test_gradients_are_those_of_finite_differences(function, shapes):
    arrays = [array.copy() for array in draw(shapes)]
    _, dy, dxs = gradients(function, arrays)
    error, numeric, claimed = directional_error(
        lambda: float((function(*arrays) * dy).sum()), arrays, dxs, np.random.default_rng(2)
    )
    assert error < 1e-7, (numeric, claimed)


@operations
def test_the_dtype_is_kept_by_values_and_gradients(function, shapes):
    for dtype in ("float32", "float64"):
        y, _, dxs = gradients(function, draw(shapes, dtype))
        assert {y.dtype.name, *(dx.dtype.name for dx in dxs)} == {dtype}


@operations
def test_arrays_give_arrays_with_the_values_that_tensors_give(function, shapes):
    arrays = draw(shapes)
    y = function(*arrays)
    assert not isinstance(y, Tensor)
    np.testing.assert_array_equal(y, function(*map(Tensor, arrays)).data)


@operations
def test_strided_and_fortran_ordered_inputs_give_the_same(function, shapes):
    arrays = draw(shapes)
    y, _, dxs = gradients(function, arrays)
    spread = [np.repeat(array, 2, axis=0)[::2] for array in arrays]
    for others in ([np.asfortranarray(array) for array in arrays], spread):
        other_y, _, other_dxs = gradients(function, others)
        np.testing.assert_allclose(other_y.data, y.data, rtol=1e-12)
        for other, dx in zip(other_dxs, dxs, strict=True):
            np.testing.assert_allclose(other, dx, rtol=1e-12, atol=1e-12)


@operations
def test_the_gradient_of_one_input_does_not_depend_on_whether_others_need_one(function, shapes):
    arrays = draw(shapes)
    _, dy, dxs = gradients(function, arrays)
    for i, expected in enumerate(dxs):
        leaves = [Tensor(array, requires_grad=i == j) for j, array in enumerate(arrays)]
        function(*leaves).backward(dy)
        np.testing.assert_array_equal(leaves[i].grad, expected)
        assert all(leaf.grad is None for j, leaf in enumerate(leaves) if j != i)


@operations
def test_nothing_is_recorded_without_need(function, shapes):
    arrays = draw(shapes)
    assert not function(*map(Tensor, arrays)).requires_grad
    with no_grad():
        assert function(*[Tensor(array, requires_grad=True) for array in arrays]).node is None


def test_an_unused_part_of_several_outputs_gets_no_gradient():
    x = Tensor(np.arange(4.0), requires_grad=True)
    first, _, last = fn.split(x, [1, 3])
    go_back([(first, np.array([5.0])), (last, np.array([7.0]))])
    np.testing.assert_array_equal(x.grad, [5, 0, 0, 7])


# Methods


@pytest.mark.parametrize(
    ("method", "function"),
    [
        (lambda x: x.sum(dim=1, keepdim=True), lambda x: fn.sum(x, 1, True)),
        (lambda x: x.mean((0, 1)), lambda x: fn.mean(x, (0, 1))),
        (lambda x: x.var(1, unbiased=True), lambda x: fn.var(x, 1, ddof=1)),
        (lambda x: x.std(dim=0, correction=1), lambda x: fn.std(x, 0, ddof=1)),
        (lambda x: x.max(dim=-1), lambda x: fn.max(x, -1)),
        (lambda x: x.min(), fn.min),
        (lambda x: x.prod(0), lambda x: fn.prod(x, 0)),
        (lambda x: x.logsumexp(0), lambda x: fn.logsumexp(x, 0)),
        (lambda x: x.argmax(dim=1), lambda x: fn.argmax(x, 1)),
        (lambda x: x.argmin(0), lambda x: fn.argmin(x, 0)),
        (lambda x: (x > 1).all(0), lambda x: fn.all(x > 1, 0)),
        (lambda x: (x > 1).any(dim=1), lambda x: fn.any(x > 1, 1)),
        (lambda x: x.exp() + x.log(), lambda x: fn.exp(x) + fn.log(x)),
        (lambda x: x.sqrt() + x.square(), lambda x: fn.sqrt(x) + fn.square(x)),
        (lambda x: x.sin() + x.cos() + x.abs(), lambda x: fn.sin(x) + fn.cos(x) + fn.abs(x)),
        (lambda x: x.clip(1, 1.5), lambda x: fn.clip(x, 1, 1.5)),
        (lambda x: x.maximum(1).minimum(1.5), lambda x: fn.clip(x, 1, 1.5)),
        (lambda x: x.astype("float32"), lambda x: fn.astype(x, "float32")),
        (lambda x: x.reshape(6, 2), lambda x: fn.reshape(x, (6, 2))),
        (lambda x: x.reshape((6, 2)), lambda x: fn.reshape(x, (6, 2))),
        (lambda x: x.reshape(-1), fn.ravel),
        (lambda x: x.ravel(), fn.ravel),
        (lambda x: x.flatten(), fn.ravel),
        (lambda x: x.T, fn.transpose),
        (lambda x: x.mT, fn.transpose),
        (lambda x: x.transpose(), fn.transpose),
        (lambda x: x.transpose(1, 0), fn.transpose),
        (lambda x: x.transpose((1, 0)), fn.transpose),
        (lambda x: x.permute(1, 0), fn.transpose),
        (lambda x: x.swapaxes(0, 1), fn.transpose),
        (lambda x: x.moveaxis(0, 1), fn.transpose),
        (lambda x: x.unsqueeze(1).squeeze(dim=1), lambda x: x),
        (lambda x: x.unsqueeze(0).expand(2, -1, -1), lambda x: fn.stack([x, x])),
        (lambda x: x.broadcast_to(2, 3, 4), lambda x: fn.stack([x, x])),
        (lambda x: x.take([1, 1], dim=0), lambda x: fn.take(x, [1, 1], 0)),
        (lambda x: x.take_along_axis([[1]], axis=0), lambda x: x[1:2]),
        (lambda x: x.gather(1, [[3]]), lambda x: x[:1, 3:]),
        (lambda x: x.scatter_add(0, [[2]], [[1.0]]), lambda x: fn.scatter_add(x, 0, [[2]], np.ones((1, 1)))),
        (lambda x: x.split(2, dim=1)[1], lambda x: x[:, 2:]),
        (lambda x: x.pad(1), lambda x: fn.pad(x, 1)),
        (lambda x: x.matmul(x.T), lambda x: x @ x.T),
        (lambda x: x.dot(x[0]), lambda x: x @ x[0]),
        (lambda x: fn.stack(list(x)), lambda x: x),
    ],
)  # fmt: skip
def test_methods_are_the_functions(method, function):
    x = Tensor(draw([(3, 4)])[0])
    y, expected = method(x), function(x)
    assert (y.dtype, y.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(y.data, expected.data)
