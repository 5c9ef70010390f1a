"""Numbers, lists, arrays and Tensors that meet, and those that do not fit together."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import functional as fn
from nn_core.dtypes import set_default_dtype
from nn_core.errors import ConfigError, DTypeError, ShapeError
from nn_core.tensor import Tensor


def draw(shapes):
    random = np.random.default_rng(0)
    return [random.uniform(0.5, 2.0, shape) for shape in shapes]


@pytest.mark.parametrize(
    "other", [2, 2.5, True, np.float64(2.5), np.int64(2), [2.5, 1.0], np.array([2.5, 1.0]), np.array(2)]
)
@pytest.mark.parametrize(
    "combine", [fn.add, fn.subtract, fn.multiply, fn.divide, fn.maximum, fn.power], ids=lambda f: f.__name__
)
def test_what_meets_a_float32_tensor_takes_its_dtype(combine, other):
    x = Tensor(np.array([1.0, 2.0], np.float32), requires_grad=True)
    for y in (combine(x, other), combine(other, x)):
        y.sum().backward()
        assert y.dtype == x.grad.dtype == np.float32
    np.testing.assert_allclose((x - other).data, x.data - np.asarray(other, np.float32))


def test_numpy_on_the_left_gives_tensors():
    x = Tensor([1.0, 2.0], requires_grad=True)
    for y in (np.ones(2) * x, np.float64(2) - x, [1.0, 2.0] / x, np.ones((3, 2)) @ x, np.array([1.0, 3.0]) < x):
        assert isinstance(y, Tensor)
    np.testing.assert_array_equal((np.array([1.0, 3.0]) < x).data, [False, False])


@pytest.mark.parametrize("name", [name for name in fn.UFUNCS if name != "matmul"])
def test_a_ufunc_of_numpy_gives_the_tensor_of_its_own_values(name):
    ufunc = getattr(np, name)
    arrays = draw([(3,)] * ufunc.nin)
    y = ufunc(*[Tensor(array, requires_grad=True) for array in arrays])
    assert isinstance(y, Tensor)
    np.testing.assert_allclose(y.data, ufunc(*arrays), rtol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.concatenate([x, x]),
        lambda x: np.stack([x, x], axis=1),
        lambda x: np.sum(x, axis=0),
        lambda x: np.mean(x, axis=(0, 1), keepdims=True),
        lambda x: np.var(x, ddof=1),
        lambda x: np.max(x, axis=-1),
        lambda x: np.argmax(x),
        lambda x: np.where(x > 1, x, 0),
        lambda x: np.clip(x, 1, 1.5),
        lambda x: np.reshape(x, (2, -1)),
        lambda x: np.transpose(x),
        lambda x: np.einsum("ij,kj", x, x),
        lambda x: np.pad(x, 1, mode="reflect"),
        lambda x: np.take(x, [0, 0], axis=1),
        lambda x: np.outer(x[0], x[1]),
        lambda x: np.ones_like(x),
    ],
)
def test_a_function_of_numpy_gives_the_tensor_of_its_own_values(call):
    (array,) = draw([(3, 4)])
    y = call(Tensor(array, requires_grad=True))
    assert isinstance(y, Tensor)
    np.testing.assert_allclose(y.data, call(array), rtol=1e-12)


def test_what_numpy_cannot_do_with_tensors_is_refused_by_name():
    x, array = Tensor([1.0, 2.0], requires_grad=True), np.ones(2)
    with pytest.raises(DTypeError, match=r"numpy\.add cannot write a Tensor into an array: use y = x \+"):
        array += x
    for call, name in [(np.arctan, "arctan"), (np.cumprod, "cumprod"), (np.add.reduce, "add.reduce")]:
        with pytest.raises(DTypeError, match=rf"numpy\.{name} carries no gradient on"):
            call(x)


def test_integer_tensors_stay_integers_until_they_are_divided_or_averaged():
    n = Tensor([1, 2, 4])
    for y, value, dtype in [
        (n + 1, [2, 3, 5], "int64"),
        (n**2, [1, 4, 16], "int64"),
        (n.sum(), 7, "int64"),
        (n.max(), 4, "int64"),
        (n / 2, [0.5, 1, 2], "float32"),
        (n.mean(), 7 / 3, "float32"),
        (n**0.5, np.sqrt([1, 2, 4]), "float32"),
        (n + 0.5, [1.5, 2.5, 4.5], "float32"),
        (n * np.float64(0.5), [0.5, 1, 2], "float32"),
        (n * np.array([0.5, 1, 2]), [0.5, 2, 8], "float64"),
        (n * Tensor(np.ones(3)), [1, 2, 4], "float64"),
        (n > 1.5, [False, True, True], "bool"),
    ]:
        np.testing.assert_allclose(y.data, value, rtol=1e-6)
        assert y.dtype == dtype


def test_the_default_dtype_is_that_of_numbers_made_from_integers():
    set_default_dtype("float64")
    try:
        assert (Tensor([1, 2]) / 2).dtype == Tensor([1, 2]).mean().dtype == (Tensor([1]) + 0.5).dtype == np.float64
    finally:
        set_default_dtype("float32")


def test_masks_select_and_count():
    mask, x = Tensor([True, False, True]), Tensor([1.0, 2.0, 3.0], requires_grad=True)
    assert (mask.sum().item(), (mask + 1).tolist(), (mask * 0.5).tolist()) == (2, [2, 1, 2], [0.5, 0.0, 0.5])
    assert fn.where(mask, 5, 0).tolist() == [5, 0, 5]
    y = mask * x
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([1, 0, 3], [1, 0, 1])


# What does not fit


@pytest.mark.parametrize(
    "combine", [fn.add, fn.subtract, fn.multiply, fn.divide, fn.maximum, fn.equal], ids=lambda f: f.__name__
)
def test_shapes_that_do_not_broadcast_are_named(combine):
    with pytest.raises(
        ShapeError, match=rf"{combine.__name__} cannot broadcast \(3,\) with \(2, 4\)\. .*equal or one of them 1"
    ):
        combine(Tensor(np.ones(3)), np.ones((2, 4)))


def test_an_axis_that_is_not_there_is_named_with_the_operation():
    with pytest.raises(ConfigError, match=r"mean, given \(2,\): axis 1 is out of bounds"):
        Tensor([1.0, 2.0]).mean(1)


@pytest.mark.parametrize("words", [{"axis": 1, "dim": 0}, {"axis": 0, "dim": 0}, {"keepdims": True, "keepdim": True}])
def test_an_argument_and_its_synonym_together_are_refused(words):
    theirs, ours = sorted(words, key=len)[::-1] if "dim" not in words else ("axis", "dim")
    with pytest.raises(ConfigError, match=rf"sum got both {theirs} and {ours}"):
        Tensor(np.ones((2, 2))).sum(**words)


def test_arguments_that_no_operation_takes_are_refused():
    with pytest.raises(TypeError, match="exp takes nothing after its 1 inputs"):
        fn.exp(np.ones(2), 3)
    with pytest.raises(TypeError, match="sum takes axis, keepdims after its 1 inputs, each once"):
        fn.sum(np.ones(2), 0, axis=0)
    with pytest.raises(TypeError, match="'along'"):
        fn.sum(np.ones(2), along=0)


# Powers, choices and kinks


def gradient_of(function, *values):
    """Return the gradients of the sum of the outputs, as lists."""
    leaves = [Tensor(np.array(value, float), requires_grad=True) for value in values]
    function(*leaves).sum().backward()
    return [leaf.grad.tolist() for leaf in leaves]


def test_powers_have_gradients_at_zero():
    assert gradient_of(lambda x: x**2, [0.0, -3.0]) == [[0, -6]]
    assert gradient_of(lambda x: x**1, [0.0, 2.0]) == [[1, 1]]
    assert gradient_of(lambda x: x**0, [0.0, 2.0]) == [[0, 0]]
    assert gradient_of(fn.power, [0.0, 0.0], [2.0, 0.0]) == [[0, 0], [0, 0]]
    assert gradient_of(lambda x: 0**x, [1.0, 2.0]) == [[0, 0]]


def test_the_exponent_may_be_any_number():
    x = Tensor(np.array([1.0, 4.0], np.float32))
    for exponent in (-1, 0.5, np.float64(0.5), np.int64(2), 2.0):
        y = x**exponent
        assert (y.dtype, y.tolist()) == (np.float32, [1.0, 4.0 ** float(exponent)])
    assert (2**x).tolist() == [2.0, 16.0]


def test_an_integer_has_no_negative_powers():
    with pytest.raises(ConfigError, match=r"power_of, given .*negative integer powers"):
        Tensor([1, 2]) ** -1


def test_equal_elements_share_the_gradient_of_maximum_and_minimum():
    assert gradient_of(fn.maximum, [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == [[0, 0.5, 1], [1, 0.5, 0]]
    assert gradient_of(fn.minimum, [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]) == [[1, 0.5, 0], [0, 0.5, 1]]


def test_where_sends_the_gradient_to_what_was_taken_even_if_the_other_is_not_finite():
    mask = Tensor([True, False])
    assert gradient_of(lambda a, b: fn.where(mask, a, b), [1.0, np.inf], [np.nan, 2.0]) == [[1, 0], [0, 1]]


def test_clip_passes_gradients_on_within_its_limits_and_at_them():
    assert gradient_of(lambda x: fn.clip(x, 0, 1), [-1.0, 0.0, 0.5, 1.0, 2.0]) == [[0, 1, 1, 1, 0]]


def test_the_gradient_of_the_absolute_value_is_zero_at_zero():
    assert gradient_of(abs, [-2.0, 0.0, 3.0]) == [[-1, 0, 1]]


def test_a_large_exponent_is_no_integer():
    y = Tensor([0, 1]) ** 1e20
    assert (y.tolist(), y.dtype) == ([0, 1], np.float32)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("bounds", [(0, np.float64(1.5)), (np.zeros(3), None), (None, [1.5, 1.5, 1.5])])
def test_the_bounds_of_clip_take_the_dtype_of_what_is_clipped(bounds, dtype):
    x = Tensor(np.array([-1, 1, 2], dtype), requires_grad=True)
    y = x.clip(*bounds)
    assert y.dtype == dtype
    assert y.tolist() == np.clip([-1.0, 1.0, 2.0], *bounds).tolist()


def test_integers_are_clipped_as_integers_unless_a_bound_is_not_whole():
    n = Tensor(np.array([1, 2, 4], np.uint8))
    assert (n.clip(-1, 3).tolist(), n.clip(-1, 300).dtype) == ([1, 2, 3], np.uint8)
    assert (n.clip(1.5).tolist(), n.clip(1.5).dtype) == ([1.5, 2, 4], np.float32)


def test_bounds_of_clip_that_do_not_fit_are_refused():
    x = Tensor([1.0, 2.0])
    for call in (lambda: x.clip(min=x), lambda: x.clip(0, Tensor(1.0)), lambda: np.clip(np.ones(2), x, None)):
        with pytest.raises(ConfigError, match=r"clip takes numbers or arrays for bounds: .* maximum and minimum"):
            call()
    with pytest.raises(ShapeError, match=r"clip got bounds that make the shape \(3, 2\) of \(2,\)"):
        x.clip(np.zeros((3, 1)))
    with pytest.raises(ConfigError, match=r"clip, given \(2,\): operands could not be broadcast"):
        x.clip(np.zeros(3))
    with pytest.raises(DTypeError, match="clip: Expected an array, a number"):
        x.clip("a")
