"""Losses written from Tensors to Tensors: as a class with `autograd`, and as a plain function."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import (
    ConfigError,
    CrossEntropyLoss,
    DTypeError,
    FunctionLoss,
    Linear,
    Loss,
    Model,
    MSELoss,
    Optimizer,
    ShapeError,
    Tensor,
    autograd,
    compat,
    components,
    evaluate,
    fit,
    functional,
    gradcheck,
)
from nn_core.testing import LossCase, parametrize_loss_checks


class Squared(Loss):
    @autograd
    def forward(self, pred, target):
        return (pred - target) ** 2


class Likelihood(Loss):
    outputs = "logits"

    @autograd
    def forward(self, pred, target):
        return -functional.log_softmax(pred, axis=1)[np.arange(len(pred)), target]


class Distances(Loss):
    """Of two predictions, to the first and the second half of the target."""

    @autograd
    def forward(self, pred, target):
        first, second = pred
        return ((first - target) ** 2).sum(axis=1) + 3 * ((second - target) ** 2).sum(axis=1)


def squares(pred, target):
    return (pred - target) ** 2


def squares_per_sample(pred, target):
    return ((pred - target) ** 2).sum(axis=1)


def mean_square(pred, target):
    return ((pred - target) ** 2).mean()


class Descent(Optimizer):
    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, lr=lr)

    def update(self, parameter, state, *, lr):
        parameter.data -= lr * parameter.grad


def values(rng):
    return rng.normal(size=(6, 3)), rng.normal(size=(6, 3))


def indices(rng):
    return rng.normal(size=(6, 4)), rng.integers(0, 4, 6)


def pairs(rng):
    return (rng.normal(size=(6, 3)), rng.normal(size=(6, 3))), rng.normal(size=(6, 3))


def as_loss(function):
    return lambda **reduction: FunctionLoss(function, **reduction)


CASES = [
    LossCase("squares", Squared, values),
    LossCase("likelihood", Likelihood, indices),
    LossCase("two predictions", Distances, pairs),
    LossCase("a function, terms per element", as_loss(squares), values),
    LossCase("a function, terms per sample", as_loss(squares_per_sample), values),
]


@parametrize_loss_checks(CASES)
def test_a_loss_in_terms_of_tensors_is_held_to_what_every_loss_is(check):
    check()


@pytest.mark.parametrize("mode", ["directions", "elements"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_its_gradient_is_that_of_finite_differences(case, mode):
    pred, target = case.draw(np.random.default_rng(0))
    assert gradcheck(case.make(), (pred, target), mode=mode)


def test_the_gradient_of_a_mean_is_that_of_finite_differences():
    assert gradcheck(FunctionLoss(mean_square), values(np.random.default_rng(0)))
    assert gradcheck(FunctionLoss(mean_square, reduction="sum"), values(np.random.default_rng(0)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", [Squared(), *map(FunctionLoss, (squares, mean_square))], ids=repr)
def test_it_computes_in_the_dtype_of_the_predictions_whatever_that_of_the_target(loss, dtype):
    rng = np.random.default_rng(0)
    pred, target = rng.normal(size=(5, 3)).astype(dtype), rng.normal(size=(5, 3))
    expected = MSELoss()(pred, target)
    for goal in (target, target.astype("float32"), target.tolist()):
        value, gradient = loss(pred, goal)
        assert value == pytest.approx(expected[0], rel=1e-6)
        assert gradient.dtype == dtype
        np.testing.assert_allclose(gradient, expected[1], rtol=1e-5, atol=1e-7)
    leaf = Tensor(pred, requires_grad=True)
    y = loss(leaf, target)
    y.backward()
    assert y.dtype == leaf.grad.dtype == dtype
    np.testing.assert_allclose(leaf.grad, expected[1], rtol=1e-6, atol=1e-7)


def test_the_target_is_a_constant():
    seen = []

    def look(pred, target):
        seen.append(target)
        return (pred - target).abs()

    pred = np.ones((2, 2), np.float32)
    for target in (np.zeros((2, 2)), np.zeros((2, 2), np.int64), [[0, 0], [0, 0]], Tensor(np.zeros((2, 2)))):
        FunctionLoss(look)(pred, target)
    assert all(isinstance(target, Tensor) and not target.requires_grad for target in seen)
    assert [target.dtype for target in seen] == ["float32", "int64", "int64", "float32"]


def test_terms_in_a_tuple_are_refused():
    class Two(Loss):
        @autograd
        def forward(self, pred, target):
            return pred, target

    with pytest.raises(TypeError, match=r"Two: the terms must be in one array or Tensor, not in a tuple\."):
        Two()(np.ones(2), np.ones(2))


def test_a_result_that_is_no_tensor_is_refused_by_the_name_of_the_forward():
    class Number(Loss):
        @autograd
        def forward(self, pred, target):
            return pred.data

    with pytest.raises(TypeError, match=r"Number\.forward is written in terms of Tensors and must return a Tensor"):
        Number()(np.ones(2), np.ones(2))


# Functions


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("function", [squares, mean_square, compat.mse_loss])
def test_a_function_of_squares_is_the_mean_squared_error(function, reduction):
    pred, target = values(np.random.default_rng(0))
    value, gradient = FunctionLoss(function, reduction=reduction)(pred, target)
    expected, slope = MSELoss()(pred, target)
    # The sum is over terms per element, or counts the mean for each of 6 samples.
    scale = {"mean": 1, "sum": 18 if function is squares else 6}[reduction]
    assert value == pytest.approx(scale * expected, rel=1e-7)
    np.testing.assert_allclose(gradient, scale * slope, rtol=1e-7)
    leaf = Tensor(pred, requires_grad=True)
    y = FunctionLoss(function, reduction=reduction)(leaf, target)
    (-2 * y).backward()
    np.testing.assert_allclose(leaf.grad, -2 * scale * slope, rtol=1e-7)


def data(n=10):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 4)).astype(np.float32), rng.normal(size=(n, 2)).astype(np.float32)


def model():
    layer = Linear(4, 2)
    layer.weight.data[...] = np.arange(8).reshape(2, 4) / 8
    layer.bias.data[...] = 0
    return layer


@pytest.mark.parametrize("loss", [squares, mean_square, lambda pred, target: squares_per_sample(pred, target) / 2])
def test_fit_and_evaluate_take_a_function(loss):
    # The last of the batches is smaller, and counts less.
    results = []
    for choice in (loss, MSELoss(), Squared()):
        trained = model()
        options = {"optimizer": Descent(trained.parameters()), "epochs": 3, "batch_size": 4, "validation": data()}
        history = fit(trained, data(), loss=choice, metrics=["mse"], **options)
        score = evaluate(trained, data(), loss=choice, batch_size=3)
        results.append((history["loss"], history["val_loss"], [score["loss"]], trained.weight.data.ravel()))
    for ours, theirs, tensors in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)
        np.testing.assert_allclose(tensors, theirs, rtol=1e-5)


def test_a_model_is_compiled_with_a_function_and_saved_as_with_any_loss(tmp_path):
    made = []
    for loss in (squares, "mse"):
        part = Model([model()])
        part.compile(loss, Descent(part.parameters()))
        part.fit(*data(), epochs=2)
        assert part.evaluate(*data())["loss"] == pytest.approx(MSELoss()(part.predict(data()[0]), data()[1])[0])
        part.save(tmp_path / "model.safetensors")
        made.append(Model.load(tmp_path / "model.safetensors"))
    first, second = (part.state_dict() for part in made)
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_allclose(array, second[name], rtol=1e-6)


def test_the_manual_loop_of_compat_takes_a_function():
    x, y = data()
    by_hand = compat.Sequential([model()], mean_square)
    value, grads = by_hand.compute_loss(x, y)
    expected, reference = compat.Sequential([model()], "mse").compute_loss(x, y)
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(grads["0.weight"], reference["0.weight"], rtol=1e-5)


def test_weights_go_into_terms_but_not_into_a_mean():
    pred, target = values(np.random.default_rng(0))
    weight = np.arange(6.0)
    assert FunctionLoss(squares)(pred, target, weight)[0] == pytest.approx(MSELoss()(pred, target, weight)[0])
    message = "FunctionLoss(mean_square) returned the mean over the batch, which weights of samples come too late for. "
    for call in (FunctionLoss(mean_square).value_and_grad, FunctionLoss(mean_square).sum_and_weight):
        with pytest.raises(ShapeError, match=re.escape(message) + "Return a number per sample"):
            call(pred, target, weight)


def test_an_empty_batch_has_a_sum_of_zero():
    empty = np.zeros((0, 3))
    value, gradient = FunctionLoss(lambda pred, target: squares(pred, target).sum(), reduction="sum")(empty, empty)
    assert value == 0
    assert gradient.shape == (0, 3)


@pytest.mark.parametrize(
    ("function", "seen"),
    [
        (lambda pred, target: 3.0, "float"),
        (lambda pred, target: (pred.data - target.data) ** 2, "ndarray"),
        (lambda pred, target: (pred - target, None), "tuple"),
        (lambda pred, target: None, "NoneType"),
        (lambda pred, target: pred > target, "a Tensor of bool that leads to no gradient"),
        (lambda pred, target: squares(pred.detach(), target), "a Tensor of float64 that leads to no gradient"),
    ],
)
def test_a_function_whose_result_leads_to_no_gradient_is_refused(function, seen):
    message = re.escape("FunctionLoss(<lambda>) must return a Tensor that is made of pred") + f".* returned {seen}"
    with pytest.raises(TypeError, match=message) as caught:
        FunctionLoss(function)(np.ones(3), np.zeros(3))
    assert isinstance(caught.value, DTypeError)


def test_terms_of_another_number_of_samples_are_refused():
    message = "expected a scalar, or terms for the 4 samples of the batch on the first axis, got shape (3,)"
    with pytest.raises(ShapeError, match=re.escape(message)):
        FunctionLoss(lambda pred, target: squares(pred, target).mean(axis=0))(np.ones((4, 3)), np.zeros((4, 3)))


@pytest.mark.parametrize("wrong", [3, None, "mse", MSELoss, Linear(2, 2)])
def test_what_is_no_function_is_refused(wrong):
    with pytest.raises(ConfigError, match="function of FunctionLoss must be a function of Tensors"):
        FunctionLoss(wrong)


def test_a_layer_or_a_class_is_no_loss():
    for wrong in (Linear(2, 2), CrossEntropyLoss):
        with pytest.raises(ConfigError, match=r"function of FunctionLoss|The loss is given as the class"):
            evaluate(model(), data(), loss=wrong)


def test_it_has_no_name():
    assert not any("function" in component.name for component in components("loss"))
    assert repr(FunctionLoss(squares)) == "FunctionLoss(squares)"
