"""What holds for every operation: gradients, dtypes, kinds of input; what is special to one stands in its own file."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from nn_core import functional as fn
from nn_core.errors import ConfigError, DTypeError
from nn_core.operations import Operation, operation
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
    "expm1": (fn.expm1, [(3, 4)]),
    "log1p": (fn.log1p, [(3, 4)]),
    "sign": (fn.sign, [(3, 4)]),
    "clone": (fn.clone, [(3, 4)]),
    "cumsum": (fn.cumsum, [(3, 4)]),
    "cumsum, axis": (lambda a: fn.cumsum(a, 1), [(2, 3, 4)]),
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
        (lambda x: x.expm1() + x.log1p(), lambda x: fn.expm1(x) + fn.log1p(x)),
        (lambda x: x.sign() + x.clone(), lambda x: fn.sign(x) + x),
        (lambda x: x.cumsum(), fn.cumsum),
        (lambda x: x.cumsum(dim=1), lambda x: fn.cumsum(x, 1)),
        (lambda x: x.sum([0, 1]), fn.sum),
        (lambda x: x.mean(dim=[0]), lambda x: fn.mean(x, 0)),
        (lambda x: x.softmax(dim=0), lambda x: fn.softmax(x, 0)),
        (lambda x: x.log_softmax(0), lambda x: fn.log_softmax(x, 0)),
        (lambda x: x.reshape(np.array([6, 2])), lambda x: fn.reshape(x, (6, 2))),
        (lambda x: x.reshape(np.array(-1)), fn.ravel),
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


def test_an_operation_shows_its_name_and_arguments():
    assert repr(fn.softmax).startswith("<operation softmax(x")
    assert "axis" in repr(fn.softmax)


# Operations as objects


@pytest.mark.parametrize("twin", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("name", [name for name in fn.__all__ if isinstance(getattr(fn, name), Operation)])
def test_an_operation_is_copied_and_pickled_as_the_one_it_is(name, twin):
    assert twin(getattr(fn, name)) is getattr(fn, name)


def test_an_operation_made_inside_a_function_is_copied_but_not_pickled():
    @operation
    def double(x, /):
        return 2 * x, lambda dy: 2 * dy

    assert copy.deepcopy(double) is double
    with pytest.raises((pickle.PicklingError, AttributeError), match=r"<locals>\.double"):
        pickle.dumps(double)


def result(y, backward=lambda dy: dy):
    """Return an operation with such a result."""

    @operation
    def doubtful(x, /):
        return y(x) if backward is None else (y(x), backward)

    return doubtful


@pytest.mark.parametrize(
    ("bad", "returned"),
    [
        (result(lambda x: x, None), "ndarray"),
        (result(lambda x: [x, x], None), "list"),
        (result(lambda x: (x, x), None), "ndarray and ndarray"),
        (result(lambda x: (x, x, lambda dy: dy), None), "ndarray and ndarray and function"),
        (result(lambda x: None, None), "NoneType"),
        (result(lambda x: [2.0, 4.0]), "list and function"),
        (result(lambda x: 2.0), "float and function"),
        (result(lambda x: (x, 2.0)), "tuple and function"),
    ],
)
@pytest.mark.parametrize("requires_grad", [True, False])
def test_an_operation_that_returns_something_else_is_named(bad, returned, requires_grad):
    with pytest.raises(TypeError, match=rf"doubtful must return \(y, backward\), .* it returned {returned}\."):
        bad(Tensor([1.0, 2.0], requires_grad=requires_grad))


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (2.0, r"backward of 'doubtful' returned a float for an input of shape \(2,\): it must return an array of that"),
        ([1.0, 2.0], "backward of 'doubtful' returned a list: it must return an array, or a tuple"),
        (([1.0, 2.0],), "backward of 'doubtful' returned a list for an input"),
    ],
)
def test_a_gradient_that_is_no_array_is_refused_with_the_name_of_the_operation(gradient, message):
    with pytest.raises(TypeError, match=message):
        result(lambda x: 2 * x, lambda dy: gradient)(Tensor([1.0, 2.0], requires_grad=True)).sum().backward()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: fn.softmax(None), "softmax: Expected an array, a number"),
        (lambda x: x + None, "add: Expected an array, a number"),
        (lambda x: x.softmax(None), r"softmax, given \(2, 3\): 'NoneType' object"),
        (lambda x: x.log_softmax((0, 1)), r"softmax, given \(2, 3\): 'tuple' object"),
        (lambda x: x.mean("a"), r"mean, given \(2, 3\): 'str' object cannot be interpreted as an integer\."),
        (lambda x: x.transpose("a", "b"), r"transpose, given \(2, 3\): 'str' object"),
        (lambda x: x.reshape(2.0, 3), r"reshape, given \(2, 3\): 'float' object"),
        (lambda x: x.sum(axes=1), r"^sum\(\) got an unexpected keyword argument 'axes'"),
        (lambda x: x.softmax(axes=1), r"^softmax\(\) got an unexpected keyword argument 'axes'"),
        (lambda x: x.log_softmax(keepdim=True), r"^log_softmax\(\) got an unexpected keyword argument 'keepdims'"),
        (lambda x: x.split([1], axes=1), r"^split\(\) got an unexpected keyword argument 'axes'"),
    ],
)
def test_arguments_of_a_wrong_kind_are_refused_with_the_name_of_the_operation(call, message):
    with pytest.raises(TypeError, match=message):
        call(Tensor(np.ones((2, 3)), requires_grad=True))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.softmax(0, dim=1),
        lambda x: x.softmax(-1, dim=0),
        lambda x: x.log_softmax(0, dim=1),
        lambda x: x.split([1], 0, dim=1),
        lambda x: x.take_along_axis([[0]], -1, dim=0),
        lambda x: fn.softmax(x, axis=-1, dim=1),
        lambda x: fn.concatenate([x], 1, dim=0),
        lambda x: fn.stack([x], 1, dim=0),
    ],
)
def test_an_axis_and_a_dim_together_are_refused(call):
    with pytest.raises(ConfigError, match="got both axis and dim, which mean the same: give one"):
        call(Tensor(np.ones((2, 3))))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, a: fn.pad(x, 1, constant_values=a), "pad carries no gradient to its constant_values: give it a"),
        (lambda x, a: fn.pad(np.ones(2), 1, constant_values=a), "pad carries no gradient to its constant_values"),
        (lambda x, a: fn.leaky_relu(x, a), "leaky_relu carries no gradient to its negative_slope"),
        (lambda x, a: x.elu(alpha=a), "elu carries no gradient to its alpha"),
    ],
)
def test_an_option_that_requires_a_gradient_is_refused(call, message):
    x, a = Tensor([1.0, 2.0]), Tensor(0.5, requires_grad=True)
    with pytest.raises(DTypeError, match=message):
        call(x, a)
    y = call(x, a.detach())
    assert not isinstance(y, Tensor) or not y.requires_grad


# float16


@pytest.mark.parametrize(
    ("function", "value", "gradient"),
    [
        (fn.mean, 1, 1e-5),
        (lambda x: fn.var(x + 1), 0, 0),
        (fn.logsumexp, 1 + np.log(1e5), None),
        (lambda x: fn.softmax(x)[0], 1e-5, None),
        (lambda x: fn.log_softmax(x)[0], -np.log(1e5), None),
        (fn.max, 1, 1e-5),
        (lambda x: fn.sum(fn.broadcast_to(fn.sum(x * 0), (3000,))) + fn.mean(x), 1, None),
        (lambda x: fn.cumsum(fn.reshape(x, (20, -1)), 1)[0, -1], 5000, None),
    ],
)
def test_sums_of_many_float16_are_made_in_float32(function, value, gradient):
    x = Tensor(np.ones(100000, np.float16), requires_grad=True)
    y = function(x)
    y.backward()
    assert y.dtype == x.grad.dtype == np.float16
    assert y.item() == pytest.approx(value, rel=1e-2)
    if gradient is not None:
        np.testing.assert_allclose(x.grad, gradient, rtol=1e-2)


def test_the_gradient_of_what_was_broadcast_in_float16_is_summed_in_float32():
    x = Tensor(np.zeros(2, np.float16), requires_grad=True)
    (x + np.zeros((5000, 2), np.float16)).backward(np.ones((5000, 2)))
    assert x.grad.tolist() == [5000, 5000]
