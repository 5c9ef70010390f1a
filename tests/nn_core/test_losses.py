"""Every loss of nn-core against the checks that all losses are held to; below, what is special to one."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import ConfigError, CrossEntropyLoss, DataError, DTypeError, Loss, ShapeError
from nn_core.testing import LossCase, parametrize_loss_checks


def one_hot(indices, classes):
    return np.eye(classes)[indices]


CASES = [
    LossCase("cross_entropy", CrossEntropyLoss, lambda rng: (rng.normal(size=(6, 4)), rng.integers(0, 4, 6))),
    LossCase(
        "cross_entropy, one-hot",
        CrossEntropyLoss,
        lambda rng: (rng.normal(size=(6, 4)), one_hot(rng.integers(0, 4, 6), 4)),
    ),
    LossCase(
        "cross_entropy, probabilities",
        CrossEntropyLoss,
        lambda rng: (rng.normal(size=(5, 3)), rng.dirichlet(np.ones(3), 5)),
    ),
]


@parametrize_loss_checks(CASES)
def test_loss(check):
    check()


# Cross-entropy


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("target", [np.arange(4), one_hot(np.arange(4), 10)])
def test_uniform_logits_over_ten_classes_give_ln_10(target):
    value, gradient = CrossEntropyLoss()(np.full((4, 10), 7.0, np.float32), target)
    assert value == pytest.approx(np.log(10), rel=1e-6)
    expected = (np.full((4, 10), 0.1) - one_hot(np.arange(4), 10)) / 4
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_cross_entropy_is_the_mean_negative_log_softmax_at_the_targets():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    terms = -log_softmax(logits)[np.arange(6), target]
    value, gradient = CrossEntropyLoss()(logits, target)
    assert value == pytest.approx(terms.mean(), rel=1e-12)
    np.testing.assert_allclose(gradient, (np.exp(log_softmax(logits)) - one_hot(target, 4)) / 6, rtol=1e-12)


def test_cross_entropy_of_probabilities_that_do_not_add_up_to_one():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(5, 3)), rng.uniform(size=(5, 3))
    value, gradient = CrossEntropyLoss()(logits, target)
    assert value == pytest.approx(-(target * log_softmax(logits)).sum(axis=1).mean(), rel=1e-12)
    softmax = np.exp(log_softmax(logits))
    np.testing.assert_allclose(gradient, (softmax * target.sum(axis=1, keepdims=True) - target) / 5, rtol=1e-10)


def test_class_indices_and_one_hot_rows_mean_the_same():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    value, gradient = CrossEntropyLoss()(logits, target)
    for rows in (one_hot(target, 4), one_hot(target, 4).astype(bool), one_hot(target, 4).astype(int)):
        other, slope = CrossEntropyLoss()(logits, rows)
        assert other == pytest.approx(value, rel=1e-12)
        np.testing.assert_allclose(slope, gradient, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_of_1e4_give_the_exact_value_and_gradient(dtype):
    logits = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0]], dtype)
    terms, gradient = CrossEntropyLoss(reduction="none")(logits, np.array([0, 1]))
    assert terms.tolist() == [0, 2e4]
    assert gradient.tolist() == [[0, 0, 0], [1, -1, 0]]


@pytest.mark.parametrize(
    ("reduction", "norm"), [("mean", lambda weight: weight.sum()), ("sum", lambda weight: 1.0)], ids=["mean", "sum"]
)
def test_weights_multiply_the_samples_and_their_sum_divides_the_mean(reduction, norm):
    rng = np.random.default_rng(0)
    logits, target, weight = rng.normal(size=(6, 4)), rng.integers(0, 4, 6), rng.uniform(0, 3, 6)
    terms = -log_softmax(logits)[np.arange(6), target]
    value, gradient = CrossEntropyLoss(reduction=reduction)(logits, target, weight)
    assert value == pytest.approx((weight * terms).sum() / norm(weight), rel=1e-12)
    slopes = np.exp(log_softmax(logits)) - one_hot(target, 4)
    np.testing.assert_allclose(gradient, slopes * weight[:, None] / norm(weight), rtol=1e-10)


def test_a_sample_of_weight_zero_counts_for_nothing():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(3, 4)), np.array([0, 1, 2])
    value, gradient = CrossEntropyLoss()(logits, target, [2, 2, 0])
    assert value == pytest.approx(CrossEntropyLoss()(logits[:2], target[:2])[0], rel=1e-12)
    assert (gradient[2] == 0).all()


def test_weights_that_are_all_zero_give_no_value_and_no_gradient():
    value, gradient = CrossEntropyLoss()(np.ones((2, 3)), np.array([0, 1]), np.zeros(2))
    assert np.isnan(value)
    assert (gradient == 0).all()


def test_an_empty_batch_has_no_mean_and_a_sum_of_zero():
    nothing = np.zeros((0, 3)), np.zeros(0, int)
    assert np.isnan(CrossEntropyLoss()(*nothing)[0])
    assert CrossEntropyLoss(reduction="sum")(*nothing)[0] == 0
    assert CrossEntropyLoss()(*nothing)[1].shape == (0, 3)


@pytest.mark.parametrize(("wrong", "place"), [(4, 1), (-1, 1), (255, 2)])
def test_a_target_that_is_no_class_is_named_with_its_sample(wrong, place):
    target = np.array([0, 1, 2])
    target[place] = wrong
    with pytest.raises(DataError) as caught:
        CrossEntropyLoss()(np.zeros((3, 4)), target)
    assert str(caught.value) == (
        f"cross-entropy: target {wrong} of sample {place} is not one of the 4 classes 0 to 3 "
        "that the model has outputs for."
    )


@pytest.mark.parametrize(
    ("pred", "target", "error", "message"),
    [
        ((3,), (3,), ShapeError, "expected logits of shape (N, C), got (3,)"),
        ((3, 4, 5), (3,), ShapeError, "expected logits of shape (N, C), got (3, 4, 5)"),
        ((3, 0), (3,), ShapeError, "expected logits of shape (N, C), got (3, 0)"),
        ((3, 4), (2,), ShapeError, "expected targets of shape (3,) (class indices) or (3, 4) (one-hot), got (2,)"),
        ((3, 4), (3, 1), ShapeError, "expected targets of shape (3,) (class indices) or (3, 4) (one-hot), got (3, 1)"),
    ],
)
def test_shapes_that_do_not_go_together_are_named(pred, target, error, message):
    with pytest.raises(error, match=re.escape(message)):
        CrossEntropyLoss()(np.zeros(pred), np.zeros(target, int))


def test_class_indices_must_be_integers():
    with pytest.raises(DTypeError, match=re.escape("class indices must be integers, got float64.")):
        CrossEntropyLoss()(np.zeros((3, 4)), np.zeros(3))


@pytest.mark.parametrize("weight", [np.ones(2), np.ones((3, 1)), 2.0])
def test_there_is_one_weight_per_sample(weight):
    with pytest.raises(ShapeError, match=r"CrossEntropyLoss: expected one weight per sample, shape \(3,\), got shape"):
        CrossEntropyLoss()(np.zeros((3, 4)), np.zeros(3, int), weight)


def test_an_unknown_reduction_is_refused():
    with pytest.raises(
        ConfigError, match=re.escape("reduction of CrossEntropyLoss must be one of mean, sum, none, got 'avg'.")
    ):
        CrossEntropyLoss(reduction="avg")


# The base class


class Squares(Loss):
    """Two outputs at once: the squares of both, added."""

    def forward(self, pred, target):
        a, b = (part - goal for part, goal in zip(pred, target, strict=True))
        return (a**2 + b**2).sum(axis=1), lambda scale: (2 * a * scale[:, None], 2 * b * scale[:, None])


def test_a_loss_needs_only_its_terms_and_may_have_several_predictions():
    rng = np.random.default_rng(0)
    pred, target = [tuple(rng.normal(size=(4, 3)) for _ in range(2)) for _ in range(2)]
    value, gradients = Squares()(pred, target)
    assert value == pytest.approx(((np.array(pred) - np.array(target)) ** 2).sum() / 4)
    for gradient, part, goal in zip(gradients, pred, target, strict=True):
        np.testing.assert_allclose(gradient, 2 * (part - goal) / 4)


def test_a_loss_without_forward_says_so():
    with pytest.raises(TypeError, match=re.escape("Loss must define forward(pred, target)")):
        Loss()(np.zeros(3), np.zeros(3))
