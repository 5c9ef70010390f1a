"""The conformance checks catch what they are there for: each faulty layer or loss fails the check that is named."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import CrossEntropyLoss, Layer, Linear, Loss, Parameter, ReLU, default_rng
from nn_core.tensor import Tensor
from nn_core.testing import (
    LAYER_CHECKS,
    LOSS_CHECKS,
    LayerCase,
    LossCase,
    check_layer,
    check_loss,
    directional_error,
    parametrize_layer_checks,
    parametrize_loss_checks,
)

pytest_plugins = ["pytester"]


# Layers


class Gain(Layer):
    """``y = x · w``, the right way; the faulty layers below each change one thing."""

    def __init__(self, gradient=lambda weight, dw: weight.accumulate(dw)):
        self.weight = Parameter(np.ones(3, np.float32))
        self.gradient = gradient

    def forward(self, x):
        def backward(dy):
            self.gradient(self.weight, (dy * x).reshape(-1, 3).sum(0))
            return dy * self.weight.data

        return x * self.weight.data, backward


class Square(Layer):
    """Forgets the factor 2 in the gradient."""

    def forward(self, x):
        return x * x, lambda dy: dy * x


class SquareInEvaluation(Square):
    """Is right in training only."""

    def forward(self, x):
        y, backward = super().forward(x)
        return y, (lambda dy: 2 * backward(dy)) if self.training else backward


def assign(weight, dw):
    weight.grad = dw


class Promoting(Layer):
    """Multiplies by a NumPy number, which is float64."""

    def forward(self, x):
        return x * np.float64(2), lambda dy: dy * 2


class InPlace(Layer):
    """Writes to its input."""

    def forward(self, x):
        np.copyto(x, x * 2) if x.flags.writeable else None
        return x * 2, lambda dy: dy * 2


class MemoryOrder(Layer):
    """Reads elements in the order in which they lie in memory."""

    def forward(self, x):
        shape = x.shape
        return x.ravel(order="K").reshape(shape), lambda dy: dy


class Centered(Layer):
    """Subtracts the mean of the batch, in evaluation too."""

    def forward(self, x):
        n = max(len(x), 1)
        return x - x.sum(0) / n, lambda dy: dy - dy.sum(0) / n


class Squeezing(Layer):
    """Loses the batch axis of a batch of one."""

    def forward(self, x):
        shape = x.shape
        return x.squeeze(), lambda dy: dy.reshape(shape)


class Halving(Layer):
    """Does not say that half of the columns go."""

    def forward(self, x):
        def backward(dy):
            dx = np.zeros(x.shape, x.dtype)
            dx[:, ::2] = dy
            return dx

        return x[:, ::2].copy(), backward


class OtherInference(Layer):
    """Infers something else than its forward pass in evaluation."""

    def forward(self, x):
        return x * 2, lambda dy: dy * 2

    def infer(self, x):
        return x * 2.001


class Careless(Layer):
    """Keeps the closure for itself and runs it as often as asked."""

    def __call__(self, x):
        y, self.closure = self.forward(x)
        return y

    def forward(self, x):
        return x * 2, lambda dy: dy * 2

    def backward(self, dy):
        return self.closure(dy)


class Forgetful(Gain):
    """Forgets its parameter when no gradient of the input is asked for."""

    def forward(self, x, input_gradient=True):
        y, backward = super().forward(x)
        return y, backward if input_gradient else lambda dy: None


class Itself(Layer):
    """Is its own copy."""

    def forward(self, x):
        return x * 2, lambda dy: dy * 2

    def __deepcopy__(self, memo):
        return self


class WritingToDy(Layer):
    """Doubles the gradient in place."""

    def forward(self, x):
        def backward(dy):
            dy *= 2
            return dy

        return x * 2, backward


class Transposing(Layer):
    """Returns the gradient in another shape."""

    def forward(self, x):
        return x * 2, lambda dy: 2 * dy.T


class Detached(Layer):
    """Returns no gradient of its input."""

    def forward(self, x):
        return 2 * x, lambda dy: None


class OwnNoise(Layer):
    """Draws from a generator of its own instead of the framework's."""

    def forward(self, x):
        mask = np.random.default_rng().uniform(size=x.shape) if self.training else 1.0
        return x * mask, lambda dy: dy * mask


class UnkeyedNoise(Layer):
    """Draws from the framework's generator, whose place differs between threads."""

    def forward(self, x):
        mask = default_rng().uniform(size=x.shape) if self.training else 1.0
        return x * mask, lambda dy: dy * mask


class HiddenState(Layer):
    """Keeps a running mean that is no buffer."""

    def __init__(self):
        self.mean = 0.0

    def forward(self, x):
        if self.training:
            self.mean = x.mean()
        return x - self.mean, lambda dy: dy


class Remembering(Layer):
    """Keeps its activations on itself instead of in the call."""

    def forward(self, x):
        self.x = x
        return x * x, lambda dy: 2 * dy * self.x


FAULTY_LAYERS = [
    (Square, "gradients", "train: the gradient of the input gives a directional derivative of"),
    (SquareInEvaluation, "gradients", "eval: the gradient of the input gives a directional derivative of"),
    (lambda: Gain(lambda weight, dw: None), "gradients", "train: weight got no gradient"),
    (lambda: Gain(lambda weight, dw: weight.accumulate(1.01 * dw)), "gradients", "the gradient of weight gives"),
    (Detached, "closure", "the gradient of a float64 input must not be None"),
    (WritingToDy, "closure", "backward writes to dy, which others may hold: expected a new array"),
    (Transposing, "closure", "of shape (4, 3), got one of shape (3, 4)"),
    (lambda: Gain(assign), "gradients_add_up", "gradient of weight after two passes: relative error"),
    (Promoting, "dtype", "train: expected output in float32, got float64"),
    (InPlace, "leaves_inputs_alone", "the input was changed"),
    (MemoryOrder, "memory_layout", "output for Fortran-ordered input: relative error"),
    (Centered, "batch_consistency", "row by row: relative error"),
    (Squeezing, "small_batches", "batch of 1: got (3,)"),
    (Halving, "output_shape", "output_shape foretells (4, 3), the output has shape (4, 2)"),
    (OtherInference, "infer", "infer against forward in eval mode: relative error 5.0e-04"),
    (Careless, "call_equals_closure", "a second backward must raise BackwardError"),
    (Forgetful, "call_on_tensors", "train: gradient of weight by way of a Tensor: expected"),
    (OwnNoise, "determinism", "two runs from the same seed differ"),
    (
        UnkeyedNoise,
        "determinism",
        "a second pass with the same key differs from the first: draw with nn_core.keep_mask",
    ),
    (HiddenState, "state", "output after loading the state"),
    (Itself, "copy", "a copy took the original's closure along"),
    (Remembering, "threads", "input gradient in thread"),
]


def test_a_layer_that_does_not_tell_all_options_fails_the_check_of_its_configuration(monkeypatch):
    monkeypatch.setattr(Linear, "config", lambda self: {"in_features": 3, "out_features": 2})
    with pytest.raises(AssertionError, match=f"^faulty, config: .*{re.escape('bias=False), got Linear(')}"):
        check_layer(LayerCase("faulty", lambda: Linear(3, 2, bias=False), (4, 3)))


@pytest.mark.parametrize(
    ("make", "name", "message"), FAULTY_LAYERS, ids=[f"{name}-{i}" for i, (_, name, _) in enumerate(FAULTY_LAYERS)]
)
def test_the_check_meant_for_a_fault_is_the_first_to_fail(make, name, message):
    with pytest.raises(AssertionError, match=f"^faulty, {name}: .*{re.escape(message)}"):
        check_layer(LayerCase("faulty", make, (4, 3)))


def test_every_layer_check_has_a_layer_that_fails_it():
    assert {name for _, name, _ in FAULTY_LAYERS} | {"config"} == set(LAYER_CHECKS)


@pytest.mark.parametrize("name", [name for name in LAYER_CHECKS if name != "config"])
def test_a_right_layer_passes_every_check(name):
    LAYER_CHECKS[name](LayerCase("gain", Gain, (4, 3)))


def test_a_layer_that_no_plugin_registers_fails_the_check_of_its_configuration():
    with pytest.raises(Exception, match="Gain is not registered by a plugin"):
        LAYER_CHECKS["config"](LayerCase("gain", Gain, (4, 3)))


def test_all_checks_on_one_case_say_which_failed():
    check_layer(LayerCase("relu", ReLU, (4, 3)))
    with pytest.raises(AssertionError, match=r"^square, gradients: train: the gradient of the input"):
        check_layer(LayerCase("square", Square, (4, 3)))


# Losses


class Distance(Loss):
    """The sum of squares per sample; the faulty losses below each change one thing."""

    def __init__(self, reduction="mean", factor=2.0):
        super().__init__(reduction=reduction)
        self.factor = factor

    def forward(self, pred, target):
        error = pred - target.astype(pred.dtype)
        return (error * error).sum(axis=1), lambda scale: self.factor * error * scale[:, None]


class Unweighted(Distance):
    def value_and_grad(self, pred, target, weight=None):
        return super().value_and_grad(pred, target)


class OverAll(Distance):
    """Divides by the number of outputs in the mean alone."""

    def value_and_grad(self, pred, target, weight=None):
        value, gradient = super().value_and_grad(pred, target, weight)
        return (value / 3, gradient / 3) if self.reduction == "mean" else (value, gradient)


class WrongParts(Distance):
    def sum_and_weight(self, pred, target, weight=None):
        return super().sum_and_weight(pred, target)


class PromotingLoss(Distance):
    def value_and_grad(self, pred, target, weight=None):
        value, gradient = super().value_and_grad(pred, target, weight)
        return value, gradient * np.float64(1)


class Overflowing(CrossEntropyLoss):
    """Takes the logarithm of a softmax."""

    def forward(self, pred, target):
        with np.errstate(all="ignore"):
            exp = np.exp(pred)
            softmax = exp / exp.sum(axis=1, keepdims=True)
            hot = np.eye(pred.shape[1], dtype=pred.dtype)[target]
            terms = -np.log(softmax[np.arange(len(pred)), target])
            return terms, lambda scale: (softmax - hot) * scale[:, None]


class RootWeights(Distance):
    def value_and_grad(self, pred, target, weight=None):
        return super().value_and_grad(pred, target, None if weight is None else np.sqrt(weight))


class MeanOfNothing(Distance):
    def value_and_grad(self, pred, target, weight=None):
        value, gradient = super().value_and_grad(pred, target, weight)
        return value if len(pred) else 0.0, gradient


class ByMemory(Distance):
    """Takes the numbers in the order in which they are stored."""

    def forward(self, pred, target):
        return super().forward(pred.ravel(order="K").reshape(pred.shape), target)


class OffTape(Distance):
    def __call__(self, pred, target, weight=None):
        if isinstance(pred, Tensor):
            return Tensor(np.asarray(self.value_and_grad(pred.data, target, weight)[0], pred.dtype))
        return super().__call__(pred, target, weight)


class OtherCall(Distance):
    def __call__(self, pred, target, weight=None):
        value, gradient = self.value_and_grad(pred, target, weight)
        return 2 * value, gradient


def distances(rng):
    return rng.normal(size=(6, 3)), rng.normal(size=(6, 3))


def classes(rng):
    return rng.normal(size=(6, 3)), rng.integers(0, 3, 6)


FAULTY_LOSSES = [
    (lambda **options: Distance(factor=1.0, **options), distances, "gradient", "mean: the gradient gives a direct"),
    (Unweighted, distances, "weights", "Not equal to tolerance"),
    (OverAll, distances, "reductions", "mean"),
    (WrongParts, distances, "parts", "Not equal to tolerance"),
    (RootWeights, distances, "weights", "sum"),
    (MeanOfNothing, distances, "few_samples", "an empty batch has a sum of 0 and a mean of NaN, got a mean of 0.0"),
    (ByMemory, distances, "layout", "predictions in Fortran order"),
    (PromotingLoss, distances, "dtype", "expected a gradient in float32, got float64"),
    (Overflowing, classes, "large_values", "expected a finite value, got"),
    (OtherCall, distances, "call", "the call gives"),
    (OffTape, distances, "autograd", "mean: the call with a Tensor leads to no gradient"),
]


@pytest.mark.parametrize(
    ("make", "draw", "name", "message"), FAULTY_LOSSES, ids=[f"{row[2]}-{i}" for i, row in enumerate(FAULTY_LOSSES)]
)
def test_the_check_meant_for_a_faulty_loss_is_the_first_to_fail(make, draw, name, message):
    with pytest.raises(AssertionError, match=rf"(?s)^faulty, {name}: .*{re.escape(message)}"):
        check_loss(LossCase("faulty", make, draw))


def test_every_loss_check_has_a_loss_that_fails_it():
    assert {name for _, _, name, _ in FAULTY_LOSSES} == set(LOSS_CHECKS)


def test_a_right_loss_passes_every_check_and_a_wrong_one_says_which_it_failed():
    check_loss(LossCase("distance", Distance, distances))
    with pytest.raises(AssertionError, match=r"^wrong, parts: "):
        check_loss(LossCase("wrong", WrongParts, distances))


# Tables


def test_a_table_runs_every_check_on_every_case_under_a_name(pytester):
    pytester.makepyfile("""
        from nn_core import CrossEntropyLoss, ReLU
        from nn_core.testing import LayerCase, LossCase, parametrize_layer_checks, parametrize_loss_checks

        @parametrize_layer_checks([LayerCase("one", ReLU, (2, 3)), LayerCase("two", ReLU, (1, 4))])
        def test_layer(check):
            check()

        @parametrize_loss_checks([
            LossCase("ce", CrossEntropyLoss, lambda rng: (rng.normal(size=(4, 3)), rng.integers(0, 3, 4)))
        ])
        def test_loss(check):
            check()
    """)
    result = pytester.runpytest_inprocess("-v")
    result.assert_outcomes(passed=2 * len(LAYER_CHECKS) + len(LOSS_CHECKS))
    result.stdout.fnmatch_lines(["*test_layer[[]two-gradients[]] PASSED*", "*test_loss[[]ce-parts[]] PASSED*"])


def test_an_expected_failure_is_allowed_and_passing_it_is_a_failure(pytester):
    pytester.makepyfile("""
        from nn_core import Layer, ReLU
        from nn_core.testing import LayerCase, parametrize_layer_checks

        class Square(Layer):
            def forward(self, x):
                return x * x, lambda dy: dy * x

        failures = {"gradients": "the factor 2 is missing", "config": "no plugin registers it"}

        @parametrize_layer_checks([LayerCase("square", Square, (2, 3))], expected_failures=failures)
        def test_wrong(check):
            check()

        @parametrize_layer_checks([LayerCase("relu", ReLU, (2, 3))], expected_failures={"gradients": "none"})
        def test_right(check):
            check()
    """)
    result = pytester.runpytest_inprocess("-rx")
    result.assert_outcomes(xfailed=2, failed=1, passed=2 * len(LAYER_CHECKS) - 3)
    result.stdout.fnmatch_lines(["*test_right[[]relu-gradients[]]*", "*the factor 2 is missing*"])


@pytest.mark.parametrize("decorate", [parametrize_layer_checks, parametrize_loss_checks])
def test_an_empty_table_is_refused(decorate):
    with pytest.raises(ValueError, match=r"The table of cases is empty, so nothing would be checked\."):
        decorate([])


def test_an_expected_failure_of_no_check_is_refused():
    with pytest.raises(ValueError, match=r"There is no check 'gradient'; the checks are closure, determinism"):
        parametrize_layer_checks([LayerCase("relu", ReLU, (2, 3))], expected_failures={"gradient": "misspelled"})


# The difference that gradients are compared with


def test_right_gradients_have_a_small_error_and_wrong_ones_a_large_one():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 2)), rng.normal(size=4)
    before = x.copy(), y.copy()

    def value():
        return float((x**3).sum() + np.sin(y).sum())

    error, numeric, claimed = directional_error(value, [x, y], [3 * x**2, np.cos(y)], np.random.default_rng(1))
    assert error < 1e-8
    assert numeric == pytest.approx(claimed)
    assert (x == before[0]).all()
    assert (y == before[1]).all()
    error, *_ = directional_error(value, [x, y], [3 * x**2, 1.001 * np.cos(y)], np.random.default_rng(1))
    assert error > 1e-5


def test_rounding_is_no_error_of_a_gradient_that_vanishes():
    x = np.ones(3)
    error, *_ = directional_error(lambda: 1e3 + float(x.sum() - x.sum()), [x], [np.zeros(3)], np.random.default_rng(0))
    assert error < 1e-5


def test_a_new_layer_of_another_dtype_than_the_default_is_found():
    class Wide(Layer):
        def __init__(self):
            self.factor = Parameter(np.ones(()))  # float64

        def forward(self, x):
            return x * self.factor.data, lambda dy: dy * self.factor.data

    with pytest.raises(AssertionError, match="expected a new factor in float32, got float64"):
        LAYER_CHECKS["dtype"](LayerCase("wide", Wide, (2, 3)))
