"""Gradients against finite differences: what is let pass, what is caught, and what the report says about it."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import (
    BatchNorm1d,
    Buffer,
    ConfigError,
    CrossEntropyLoss,
    Dropout,
    DTypeError,
    GradcheckError,
    Layer,
    Linear,
    NNError,
    Parameter,
    ReLU,
    Sequential,
    ShapeError,
    Tensor,
    default_rng,
    functional,
    gradcheck,
    no_grad,
    numeric_gradient,
    random,
)
from nn_core.gradient_checking import (
    directional_error,
    numeric_grad_elementwise,
    numeric_grad_scalar_from_softmax,
    numeric_grad_scalar_wrt_x,
    numeric_grad_wrt_param,
)

both_modes = pytest.mark.parametrize("mode", ["directions", "elements"])


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


# Right gradients pass


def network():
    random.seed(0)
    return Sequential(Linear(4, 8), BatchNorm1d(8), ReLU(), Dropout(0.3), Linear(8, 3))


@both_modes
def test_inputs_and_all_parameters_of_a_layer_are_checked(mode):
    report = gradcheck(network(), normal(6, 4), mode=mode)
    assert report
    names = ["input", "0.weight", "0.bias", "1.weight", "1.bias", "4.weight", "4.bias"]
    assert [row.argument for row in report.rows] == names
    checked = [24, 32, 8, 8, 8, 24, 3] if mode == "elements" else [3] * 7
    assert [row.checked for row in report.rows] == checked
    assert report.checked == sum(checked)
    assert report.kinks == 0
    assert report.error < 1e-6


def test_a_layer_is_checked_in_its_mode():
    class TrainedWrong(Dropout):
        def forward(self, x):
            return (x * 2, lambda dy: dy) if self.training else (x, lambda dy: dy)

    gradcheck(TrainedWrong().eval(), normal(2, 3))
    with pytest.raises(GradcheckError):
        gradcheck(TrainedWrong().train(), normal(2, 3))


def test_the_layer_of_the_user_and_the_random_generator_stay_as_they_are():
    model, x = network(), normal(6, 4).astype(np.float32)
    x.flags.writeable = False
    dy = np.ones((6, 3), np.float32)
    model(x)
    state, generator = model.state_dict(), default_rng().bit_generator.state
    gradcheck(model, x)
    assert default_rng().bit_generator.state == generator
    for name, array in model.state_dict().items():
        assert array.dtype == state[name].dtype
        np.testing.assert_array_equal(array, state[name])
    assert [parameter.grad for parameter in model.parameters()] == [None] * 6
    model.backward(dy)  # the closure of the call before is still there
    assert model[0].weight.grad.dtype == np.float32


def test_a_layer_that_infers_its_sizes_is_not_built_by_the_check():
    layer = Linear(out_features=2)
    state = default_rng().bit_generator.state
    report = gradcheck(layer, normal(5, 3))
    assert [row.shape for row in report.rows] == [(5, 3), (2, 3), (2,)]
    assert not layer.built
    assert default_rng().bit_generator.state == state


def test_frozen_parameters_are_left_out():
    layer = Linear(3, 2)
    layer.weight.requires_grad = False
    assert [row.argument for row in gradcheck(layer, normal(5, 3)).rows] == ["input", "bias"]
    layer.bias.requires_grad = False
    assert [row.argument for row in gradcheck(layer, normal(5, 3)).rows] == ["input"]


def test_every_run_of_a_layer_starts_from_the_same_buffers():
    class Counts(Layer):
        def __init__(self):
            self.calls = Buffer(np.zeros((), np.int64))

        def forward(self, x):
            self.calls.data += 1
            factor = float(self.calls.data)
            return x * factor, lambda dy: dy * factor

    gradcheck(Counts(), normal(3))


def test_noise_from_the_default_generator_repeats_itself():
    class Noise(Layer):
        def forward(self, x):
            factor = default_rng().normal(size=x.shape)
            return x * factor, lambda dy: dy * factor

    gradcheck(Noise(), normal(3))


def test_dropout_keeps_its_mask_even_where_masks_are_keyed():
    with random.keyed(1, 2):  # as inside fit, where every mask differs from the one before
        gradcheck(Dropout(0.5), normal(3, 4))


def test_integer_inputs_get_no_gradient():
    class Look(Layer):
        def __init__(self):
            self.table = Parameter(normal(4, 2))

        def forward(self, indices):
            def backward(dy):
                gradient = np.zeros_like(self.table.data)
                np.add.at(gradient, indices, dy)
                self.table.accumulate(gradient)

            return self.table.data[indices], backward

    report = gradcheck(Look(), np.array([0, 2, 2]))
    assert [row.argument for row in report.rows] == ["table"]


def test_layers_of_several_inputs_and_outputs_are_checked():
    class Turn(Layer):
        def forward(self, x, scale, y):
            return (x * y, x + scale * y), lambda dys: (dys[0] * y + dys[1], None, dys[0] * x + scale * dys[1])

    report = gradcheck(Turn(), (normal(3), np.array([1, 2, 3]), normal(3, seed=1)))
    assert [row.argument for row in report.rows] == ["input[0]", "input[2]"]


def test_an_object_that_only_follows_the_protocol_is_checked():
    class Scale:
        def __init__(self):
            self.factor = Parameter(np.full(3, 2.0, np.float32))

        def build(self, shape):
            assert shape == (5, 3)

        def named_parameters(self):
            yield "factor", self.factor

        def named_buffers(self):
            return iter(())

        def forward(self, x):
            def backward(dy):
                self.factor.accumulate((dy * x).sum(0))
                return dy * self.factor.data

            return x * self.factor.data, backward

    assert [row.argument for row in gradcheck(Scale(), normal(5, 3)).rows] == ["input", "factor"]


@both_modes
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_loss_is_checked_with_respect_to_its_predictions(mode, reduction):
    weight = np.array([1.0, 2.0, 0.5, 1.0])
    loss = CrossEntropyLoss(reduction=reduction)
    for inputs in ((normal(4, 3), np.arange(4) % 3), (normal(4, 3), np.eye(3)[[0, 1, 2, 0]], weight)):
        report = gradcheck(loss, inputs, mode=mode)
        assert [row.argument for row in report.rows] == ["pred"]


def test_each_of_several_predictions_is_checked():
    class Distance:
        def __init__(self, factor=1):
            self.factor = factor

        def __call__(self, pred, target, weight=None):
            return self.value_and_grad(pred, target, weight)

        def value_and_grad(self, pred, target, weight=None):
            error = pred[0] - pred[1] - target
            return float((error**2).sum()), (2 * error, -2 * self.factor * error)

    inputs = (normal(3), normal(3, seed=1)), np.ones(3)
    assert [row.argument for row in gradcheck(Distance(), inputs).rows] == ["pred[0]", "pred[1]"]
    with pytest.raises(GradcheckError, match=r"^Distance: the gradient of pred\[1\] at "):
        gradcheck(Distance(factor=2), inputs)


@both_modes
def test_operations_and_functions_of_tensors_are_checked(mode):
    assert gradcheck(functional.multiply, (normal(2, 3), normal(3, seed=1)), mode=mode)
    report = gradcheck(lambda x, y: (x @ y).sum(axis=0), (normal(2, 3), normal(3, 4, seed=1)), mode=mode)
    assert [(row.argument, row.shape) for row in report.rows] == [("input[0]", (2, 3)), ("input[1]", (3, 4))]
    with no_grad():
        assert gradcheck(lambda x: x * x, Tensor(normal(3)), mode=mode)
    assert gradcheck(lambda x: (x * x, 3 * x), [1.0, 2.0], mode=mode)


@both_modes
def test_functions_of_arrays_that_return_a_closure_are_checked(mode):
    def dot(x, y):
        return x @ y, lambda dy: (dy * y, dy * x)

    assert gradcheck(dot, (normal(3), normal(3, seed=1)), mode=mode)
    assert gradcheck(functional.multiply.forward, (normal(2), normal(2, seed=1)), mode=mode)


def test_a_gradient_that_is_zero_agrees_with_differences_that_only_round():
    def constant(x):
        return 1e4 * (np.sin(x) ** 2 + np.cos(x) ** 2), lambda dy: 0 * dy

    assert gradcheck(constant, normal(50)).kinks == 0


def test_strided_and_fortran_ordered_inputs_are_checked():
    x = normal(6, 8)
    for array in (x[::2, ::2], np.asfortranarray(x), np.broadcast_to(x[0], (3, 8))):
        gradcheck(lambda x: (x**3, lambda dy, x=x: 3 * x**2 * dy), array, mode="elements")


# Wrong ones are caught


def cubed(gradient):
    """Return x³ with a gradient that is made, from x and dy, by a function."""
    return lambda x: (x**3, lambda dy: gradient(x, dy))


@both_modes
def test_a_gradient_wrong_by_one_percent_is_caught(mode):
    with pytest.raises(GradcheckError, match=r"the gradient of input .*relative error 9\.9e-03"):
        gradcheck(cubed(lambda x, dy: 1.01 * 3 * x**2 * dy), normal(3, 4), mode=mode)


@both_modes
def test_a_missing_factor_at_one_element_is_caught_and_found(mode):
    def gradient(x, dy):
        dx = 3 * x**2 * dy
        dx[1, 2] /= 3
        return dx

    with pytest.raises(GradcheckError, match=r"the gradient of input at \(1, 2\) should be") as caught:
        gradcheck(cubed(gradient), normal(3, 4), mode=mode)
    report = gradcheck(cubed(gradient), normal(3, 4), mode=mode, raise_error=False)
    [row] = report.rows
    assert row.index == (1, 2)
    assert row.analytic == pytest.approx(row.numeric / 3)
    assert row.error == pytest.approx(2 / 3)
    assert str(report) in str(caught.value)


@both_modes
def test_the_transposed_gradient_of_a_square_matrix_is_caught(mode):
    a, b = normal(3, 3), normal(3, 3, seed=1)
    assert gradcheck(lambda a, b: (a @ b, lambda dy: (dy @ b.T, a.T @ dy)), (a, b), mode=mode)
    with pytest.raises(GradcheckError, match=r"the gradient of input\[1\]") as caught:
        gradcheck(lambda a, b: (a @ b, lambda dy: (dy @ b.T, dy.T @ a)), (a, b), mode=mode)
    assert "the gradient of input[0]" not in str(caught.value)


@both_modes
def test_a_forgotten_sum_over_broadcast_axes_is_caught(mode):
    x, y = normal(4, 3), normal(3, seed=1)
    with pytest.raises(
        GradcheckError, match=r"gradient of input\[1\] should have its shape \(3,\) and has shape \(4, 3\)"
    ):
        gradcheck(lambda x, y: (x + y, lambda dy: (dy, dy)), (x, y), mode=mode)
    with pytest.raises(GradcheckError, match=r"the gradient of input\[1\] "):  # the right shape, one row of the sum
        gradcheck(lambda x, y: (x + y, lambda dy: (dy, dy[0])), (x, y), mode=mode)


class WrongBias(Linear):
    """A Linear with the right gradient of its input, and half that of the bias."""

    def forward(self, x):
        y, backward = super().forward(x)

        def half(dy):
            dx = backward(dy)
            self.bias.grad *= 0.5
            return dx

        return y, half


@both_modes
def test_a_wrong_gradient_of_a_parameter_beside_a_right_one_of_the_input_is_caught(mode):
    with pytest.raises(GradcheckError, match=r"^WrongBias: the gradient of bias at \(\d,\) should be "):
        gradcheck(WrongBias(3, 2), normal(5, 3), mode=mode)
    report = gradcheck(Sequential(Linear(3, 3), WrongBias(3, 2)), normal(5, 3), mode=mode, raise_error=False)
    assert not report
    assert [row.argument for row in report.rows if row.problem] == ["1.bias"]
    assert report.problems == [row.problem for row in report.rows if row.problem]


def test_a_gradient_that_does_not_arrive_is_said_to():
    class Forgets(Linear):
        def forward(self, x):
            y, _ = super().forward(x)
            return y, lambda dy: dy @ self.weight.data

    with pytest.raises(GradcheckError, match=r"gradient of weight .*: no gradient arrived; the gradient of bias"):
        gradcheck(Forgets(3, 2), normal(5, 3))
    with pytest.raises(GradcheckError, match=r"should be .* and is 0 .*: no gradient arrived"):
        gradcheck(lambda x: x.detach() * x.detach(), normal(3))


def test_random_dy_shows_what_a_sum_would_hide():
    def softmax(x):
        y = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        return y, lambda dy: np.zeros_like(x)  # right only for equal dy

    with pytest.raises(GradcheckError):
        gradcheck(softmax, normal(2, 3))


def test_two_wrong_gradients_are_both_named():
    with pytest.raises(GradcheckError, match=r"(?s)gradient of input\[0\].*; the gradient of input\[1\]"):
        gradcheck(lambda x, y: (x * y, lambda dy: (dy, dy)), (normal(2), normal(2, seed=1)))


def test_a_derivative_that_is_not_finite_is_caught():
    for x in ([0.0], [1e-7]):  # the difference reaches where there is no root
        with pytest.raises(GradcheckError, match="gradient of input"):
            gradcheck(lambda x: (np.sqrt(x), lambda dy, x=x: dy / (2 * np.sqrt(x))), x)


@pytest.mark.parametrize("wrong", ["forward", "backward"])
def test_a_function_that_does_not_repeat_itself_is_refused(wrong):
    rng = np.random.default_rng(0)

    def noisy(x):
        y = x * rng.normal() if wrong == "forward" else x
        return y, lambda dy: dy if wrong == "forward" else dy * rng.normal()

    for x in (normal(3), np.zeros(3)):
        with pytest.raises(GradcheckError, match=r"noisy: two runs on the same inputs give different numbers.* Draw "):
            gradcheck(noisy, x)


@pytest.mark.parametrize(
    "inputs", [np.array([1, 2]), np.zeros((0, 3)), (np.array([1]), np.array([True]))], ids=["integers", "none", "both"]
)
@both_modes
def test_nothing_to_check_is_a_failure(inputs, mode):
    with pytest.raises(GradcheckError, match="there is nothing to check"):
        gradcheck(lambda *xs: (xs[0] * 1.0, lambda dy: (dy,) * len(xs)), inputs, mode=mode)


def test_parameters_are_checked_on_an_empty_batch():
    report = gradcheck(Linear(3, 2), np.zeros((0, 3)))
    assert [row.checked for row in report.rows] == [0, 3, 3]


def test_coarse_outputs_are_refused():
    with pytest.raises(GradcheckError, match=r"the output is float32, too coarse .*Keep the dtype"):
        gradcheck(lambda x: (x.astype("float32"), lambda dy: dy), normal(3))
    with pytest.raises(GradcheckError, match="the output is int64"):
        gradcheck(lambda x: (x.astype("int64"), lambda dy: dy), normal(3))


def test_outputs_that_are_not_finite_are_refused():
    with pytest.raises(GradcheckError, match="the output is not finite at these inputs"):
        gradcheck(lambda x: (np.log(x), lambda dy: dy / x), np.array([1.0, -1.0]))


def test_a_wrong_number_of_gradients_is_refused():
    with pytest.raises(GradcheckError, match="has 2 inputs, and its backward returned 1 gradients"):
        gradcheck(lambda x, y: (x * y, lambda dy: dy * y), (normal(2), normal(2)))


def test_a_function_of_neither_kind_is_refused():
    with pytest.raises(DTypeError, match=r"returned float for Tensors.* pair \(y, backward\)"):
        gradcheck(lambda x: float(x.sum().item()) if isinstance(x, Tensor) else 1.0, normal(3))
    with pytest.raises(ConfigError, match="gradcheck takes a layer, a loss, an operation or a function"):
        gradcheck(Linear, normal(3))


def test_the_error_of_a_function_is_shown_for_arrays_and_for_tensors():
    def broken(x):
        raise ValueError(type(x).__name__)

    with pytest.raises(ValueError, match="Tensor") as caught:
        gradcheck(broken, normal(3))
    assert str(caught.value.__cause__) == "ndarray"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "all"}, "mode of .* must be one of directions, elements, got 'all'"),
        ({"directions": 0}, "directions of .* must be a positive integer, got 0"),
        ({"eps": 0.0}, "eps of .* must be a number above 0"),
        ({"tolerance": -1.0}, "tolerance of .* must be a number above 0"),
    ],
)
def test_wrong_options_are_refused_by_name(options, message):
    with pytest.raises(ConfigError, match=message):
        gradcheck(ReLU(), normal(3), **options)


# Kinks


@both_modes
def test_elements_where_there_is_no_derivative_are_counted_and_left_out(mode):
    x = normal(3, 4)
    x[0, 1] = x[2, 3] = 0
    report = gradcheck(ReLU(), x, mode=mode)
    assert report.kinks == 2
    assert report.checked == (10 if mode == "elements" else 3)
    assert report.error < 1e-7


@both_modes
def test_a_wrong_gradient_beside_kinks_is_caught(mode):
    def relu(x):
        return np.maximum(x, 0), lambda dy: 1.01 * dy * (x > 0)

    x = normal(3, 4)
    x[0, 1] = 0
    with pytest.raises(GradcheckError, match=r"relative error 9\.9e-03"):
        gradcheck(relu, x, mode=mode)
    assert gradcheck(relu, x, mode=mode, raise_error=False).kinks == 1


@both_modes
@pytest.mark.parametrize("slope", [-1.0, 0.3, 2.0])
def test_the_absolute_value_has_a_kink_at_zero_whatever_its_gradient_there(mode, slope):
    def absolute(x):
        return np.abs(x), lambda dy: dy * np.where(x == 0, slope, np.sign(x))

    assert gradcheck(absolute, np.array([1.0, 0.0, -2.0]), mode=mode).kinks == 1


@both_modes
def test_ties_of_a_maximum_are_kinks(mode):
    def largest(x):
        first = x.argmax()
        return x.max(), lambda dy: np.where(np.arange(x.size) == first, dy, 0.0)

    report = gradcheck(largest, np.array([1.0, 3.0, 3.0, 2.0]), mode=mode)
    assert report.kinks == 2


@both_modes
def test_an_argument_that_is_all_kinks_is_a_failure(mode):
    with pytest.raises(GradcheckError, match=r"no derivative at any of its 6 elements .*choose other inputs"):
        gradcheck(ReLU(), np.zeros((2, 3)), mode=mode)


@both_modes
def test_a_kink_nearby_is_not_mistaken_for_a_wrong_gradient(mode):
    x = np.array([3e-7, -4e-7, 1.0])  # closer than the step, and not as close as a tenth of it
    report = gradcheck(ReLU(), x, mode=mode)
    assert report.error < 1e-5


@both_modes
def test_rounding_is_no_kink(mode):
    def rounds(x):  # by 1e-9, which a difference makes 1e-3
        return 1e7 + x - 1e7, lambda dy: dy

    assert gradcheck(rounds, normal(20), mode=mode, raise_error=False).kinks == 0


@both_modes
def test_strong_curvature_is_no_kink(mode):
    def wave(x):
        return np.sin(1e3 * x), lambda dy: dy * 1e3 * np.cos(1e3 * x)

    x = np.linspace(0, 1, 7)
    assert gradcheck(wave, x, mode=mode).kinks == 0

    def wrong(x):
        return np.sin(1e3 * x), lambda dy: dy * 1.001e3 * np.cos(1e3 * x)

    report = gradcheck(wrong, x, mode=mode, raise_error=False)
    assert not report
    assert report.kinks == 0


# What the report and the error say


def test_the_report_is_a_table():
    x = normal(5, 3)
    lines = str(gradcheck(Linear(3, 2), x)).splitlines()
    assert lines[0] == "gradients of Linear agree with finite differences to 1e-05:"
    assert lines[1].split()[:3] == ["shape", "checked", "kinks"]
    assert [line.split()[0] for line in lines[2:]] == ["input", "weight", "bias"]
    assert len({line.index("kinks") for line in lines[1:2]} | {line.index(" 0 ") + 1 for line in lines[2:]}) == 1
    wrong = gradcheck(WrongBias(3, 2), x, mode="elements", raise_error=False)
    assert str(wrong).startswith("gradients of WrongBias DISAGREE")


def test_a_failed_check_is_an_assertion_that_failed_and_an_error_of_the_framework():
    assert issubclass(GradcheckError, AssertionError)
    assert issubclass(GradcheckError, NNError)


def test_results_repeat_unless_a_generator_is_given():
    def run(**options):
        return gradcheck(network(), normal(6, 4), **options).rows

    assert run() == run()
    assert run(rng=np.random.default_rng(1)) == run(rng=np.random.default_rng(1))
    assert run(rng=np.random.default_rng(1)) != run()


def test_a_finer_tolerance_can_be_asked_for():
    wrong = cubed(lambda x, dy: (1 + 1e-6) * 3 * x**2 * dy)
    assert gradcheck(wrong, normal(3))
    with pytest.raises(GradcheckError, match=r"relative error 1\.0e-06"):
        gradcheck(wrong, normal(3), eps=1e-5, tolerance=1e-7)


# Numeric gradients


def test_the_numeric_gradient_of_a_number_is_that_of_the_formula():
    x = normal(3, 4)
    x.flags.writeable = False
    expected = 3 * x**2
    for fn in (lambda x: (x**3).sum(), lambda x: ((x**3).sum(), None), lambda x: Tensor((x**3).sum())):
        np.testing.assert_allclose(numeric_gradient(fn, x), expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(numeric_gradient(np.square, 3.0), 6.0)
    assert numeric_gradient(np.sum, np.zeros((0, 2))).shape == (0, 2)


def test_a_numeric_gradient_is_taken_in_float64():
    seen = []
    gradient = numeric_gradient(lambda x: seen.append(x.dtype) or x.sum(), normal(2).astype(np.float32))
    assert set(seen) == {np.dtype("float64")}
    assert gradient.dtype == np.float64


def test_the_numeric_gradient_of_an_array_needs_to_know_what_its_elements_count():
    with pytest.raises(ShapeError, match=r"returned shape \(3,\)\. Pass dy"):
        numeric_gradient(np.square, normal(3))
    x, dy = normal(3), normal(3, seed=1)
    np.testing.assert_allclose(numeric_gradient(np.square, x, dy), 2 * x * dy, rtol=1e-7)


def test_a_step_that_is_no_step_is_refused():
    with pytest.raises(ConfigError, match="eps must be a number above 0, got 0"):
        numeric_gradient(np.sum, normal(3), eps=0)


def softmax(x):
    exp = np.exp(x - x.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def test_the_four_numeric_gradients_of_the_seeds_are_those_of_the_formulas():
    x, G = normal(4, 3), normal(4, 3, seed=1)
    before = x.copy()
    np.testing.assert_allclose(numeric_grad_elementwise(np.tanh, x), 1 - np.tanh(x) ** 2, rtol=1e-7)
    p = softmax(x)
    expected = p * (G - (G * p).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(numeric_grad_scalar_from_softmax(softmax, x, G), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(numeric_grad_scalar_wrt_x(np.sin, x, G, eps=1e-5), np.cos(x) * G, rtol=1e-7)
    layer = Linear(3, 2)
    dy = normal(4, 2)
    np.testing.assert_allclose(numeric_grad_wrt_param(layer, "weight", x, dy), dy.T @ x, rtol=1e-7)
    np.testing.assert_allclose(numeric_grad_wrt_param(layer, "bias", x, dy, eps=1e-5), dy.sum(0), rtol=1e-7)
    np.testing.assert_array_equal(x, before)


def test_the_functions_of_the_seeds_take_what_forward_returns_here():
    layer = ReLU()
    x = np.array([1.0, -2.0])
    np.testing.assert_allclose(numeric_grad_elementwise(layer.forward, x), [1, 0])
    np.testing.assert_allclose(numeric_grad_scalar_wrt_x(layer, x, np.array([3.0, 5.0])), [3, 0])


class RaisesAtThirdCall:
    def __init__(self):
        self.weight = Parameter(np.ones(2, np.float32))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls == 3:
            raise RuntimeError("third call")
        return x * self.weight.data


def test_values_are_as_before_even_when_the_function_raises():
    layer, x = RaisesAtThirdCall(), np.ones(2)
    array = layer.weight.data
    with pytest.raises(RuntimeError):
        numeric_grad_wrt_param(layer, "weight", x, 1.0)
    assert layer.weight.data is array
    np.testing.assert_array_equal(array, [1, 1])
    for function in (numeric_grad_scalar_wrt_x, numeric_grad_scalar_from_softmax):
        with pytest.raises(RuntimeError):
            function(RaisesAtThirdCall().forward, x, 1.0)
        np.testing.assert_array_equal(x, [1, 1])

    def value():
        if x[0] > 1:
            raise RuntimeError
        return float(x.sum())

    for seed in range(4):  # the direction goes up or down
        with pytest.raises(RuntimeError):
            directional_error(value, [x], [np.ones(2)], np.random.default_rng(seed))
    np.testing.assert_array_equal(x, [1, 1])


def test_a_parameter_that_is_not_there_is_refused():
    for layer, name in ((Linear(3, 2), "gain"), (Linear(out_features=2), "weight"), (Linear(3, 2), "out_features")):
        with pytest.raises(ConfigError, match=f"Linear has no parameter '{name}', or has not made it yet"):
            numeric_grad_wrt_param(layer, name, normal(4, 3), normal(4, 2))


def test_an_elementwise_derivative_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"output of shape \(2,\) for an input of shape \(2, 3\)"):
        numeric_grad_elementwise(lambda x: x.sum(axis=1), normal(2, 3))


def test_inputs_in_a_list_are_several_and_numbers_in_a_list_are_one():
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    report = gradcheck(lambda x, y: x * y, [a, b])
    assert len(report.rows) == 2
    assert len(gradcheck(lambda x: x * x, [1.0, 2.0]).rows) == 1


def test_a_report_shows_itself_as_its_table():
    report = gradcheck(Linear(2, 2), np.ones((3, 2)))
    assert repr(report) == str(report)
    assert "relative error" in repr(report)


def test_a_backward_that_writes_to_dy_is_named():
    class Careless(Layer):
        def forward(self, x):
            def backward(dy):
                dy *= 3
                return dy

            return 3 * x, backward

    with pytest.raises(GradcheckError, match=r"Careless: its backward writes to dy, .* Make a new array"):
        gradcheck(Careless(), normal(2, 3))
