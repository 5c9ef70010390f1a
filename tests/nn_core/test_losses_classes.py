"""The losses of classification over several classes: values, gradients, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import Buffer, ConfigError, CrossEntropyLoss, DataError, DTypeError, NLLLoss, ShapeError, build
from nn_core.tensor import Tensor


def one_hot(indices, classes):
    return np.eye(classes)[indices]


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
        f"CrossEntropyLoss: target {wrong} of sample {place} is not one of the 4 classes 0 to 3 "
        "that the model has outputs for."
    )


@pytest.mark.parametrize(
    ("pred", "target", "message"),
    [
        ((3,), (3,), "expected outputs of shape (N, C), got (3,). The model needs one output per class."),
        ((), (), "expected outputs of shape (N, C), got ()."),
        ((3, 0), (3,), "expected outputs of shape (N, C), got (3, 0)."),
        ((3, 4), (2,), "shape (3,) (class indices) or (3, 4) (one-hot or probabilities), got (2,)"),
        ((3, 4), (3, 1), "shape (3,) (class indices) or (3, 4) (one-hot or probabilities), got (3, 1)"),
        (
            (3, 4, 5),
            (3, 4),
            "targets of shape (3, 5) (class indices) or (3, 4, 5) (one-hot or probabilities), got (3, 4)",
        ),
        ((3, 4, 5), (3, 4), "The classes belong on axis 1, as after moveaxis(pred, -1, 1)."),
        ((3, 4, 5), (3,), "A model for one class per sample ends in a linear layer: put flatten before it."),
    ],
)
def test_shapes_that_do_not_go_together_are_named(pred, target, message):
    with pytest.raises(ShapeError, match=re.escape(message)):
        CrossEntropyLoss()(np.zeros(pred), np.zeros(target, int))


def test_class_indices_must_be_integers():
    for dtype in (float, bool):
        with pytest.raises(DTypeError, match=re.escape(f"class indices must be integers, got {np.dtype(dtype)}.")):
            CrossEntropyLoss()(np.zeros((3, 4)), np.zeros(3, dtype))


def test_a_target_among_several_of_a_sample_is_named_by_its_place():
    target = np.zeros((2, 3), int)
    target[1, 2] = 7
    with pytest.raises(DataError, match=re.escape("target 7 of sample 1 at [2] is not one of the 4 classes 0 to 3")):
        CrossEntropyLoss()(np.zeros((2, 4, 3)), target)
    with pytest.raises(DataError, match=re.escape("target 4 of the sample is not one of the 4 classes")):
        NLLLoss()(np.zeros(4), np.array(4))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64"])
def test_class_indices_may_be_integers_of_any_size(dtype):
    logits = np.array([[1.0, 2.0], [0.0, 5.0]])
    expected = CrossEntropyLoss()(logits, np.array([0, 1]))[0]
    assert CrossEntropyLoss()(logits, np.array([0, 1], dtype))[0] == expected


def test_one_hot_rows_may_have_classes_that_are_ruled_out_by_a_logit_of_minus_infinity():
    logits = np.array([[0.0, 0.0, -np.inf]])
    for target in (np.array([1]), np.array([[0, 1, 0]])):
        value, gradient = CrossEntropyLoss()(logits, target)
        assert value == pytest.approx(np.log(2))
        np.testing.assert_allclose(gradient, [[0.5, -0.5, 0]])


@pytest.mark.parametrize("targets", ["indices", "one-hot"])
def test_further_axes_are_so_many_more_terms(targets):
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(2, 4, 3, 5)), rng.integers(0, 4, (2, 3, 5))
    rows, labels = np.moveaxis(logits, 1, -1).reshape(-1, 4), target.reshape(-1)
    if targets == "one-hot":
        labels = one_hot(labels, 4)
        target = np.moveaxis(labels.reshape(2, 3, 5, 4), -1, 1)
    value, gradient = CrossEntropyLoss()(logits, target)
    expected, slope = CrossEntropyLoss()(rows, labels)
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(np.moveaxis(gradient, 1, -1).reshape(-1, 4), slope, rtol=1e-12)
    terms = CrossEntropyLoss(reduction="none")(logits, target)[0]
    assert terms.shape == (2, 3, 5)


@pytest.mark.parametrize("loss", [CrossEntropyLoss(), NLLLoss()], ids=["cross_entropy", "nll"])
def test_a_sample_may_come_without_its_axis(loss):
    logits = np.array([0.5, -1.0, 2.0])
    value, gradient = loss(logits, np.array(2))
    expected, slope = loss(logits[None], np.array([2]))
    assert value == expected
    assert (gradient == slope[0]).all()
    assert loss(Tensor(logits), np.array(2)).item() == expected


def test_a_distribution_may_come_without_the_axis_of_samples():
    logits, target = np.array([0.5, -1.0, 2.0]), np.array([0.2, 0.3, 0.5])
    value, gradient = CrossEntropyLoss()(logits, target)
    assert value == pytest.approx(-(target * log_softmax(logits[None])[0]).sum())
    np.testing.assert_allclose(gradient, np.exp(log_softmax(logits[None])[0]) - target)


# Class weights, ignored indices, smoothing


def test_a_class_weight_multiplies_its_samples_and_what_they_count():
    rng = np.random.default_rng(0)
    logits, target, weight = rng.normal(size=(6, 3)), np.array([0, 1, 2, 2, 1, 0]), np.array([0.5, 2.0, 1.0])
    terms = -weight[target] * log_softmax(logits)[np.arange(6), target]
    loss = CrossEntropyLoss(weight)
    assert loss(logits, target)[0] == pytest.approx(terms.sum() / weight[target].sum(), rel=1e-12)
    assert loss.sum_and_weight(logits, target) == pytest.approx((terms.sum(), weight[target].sum()))
    np.testing.assert_allclose(CrossEntropyLoss(weight, reduction="none")(logits, target)[0], terms)
    nll = NLLLoss(weight)(log_softmax(logits), target)[0]
    assert nll == pytest.approx(terms.sum() / weight[target].sum(), rel=1e-12)


def test_a_row_of_probabilities_counts_one_whatever_the_class_weights():
    rng = np.random.default_rng(0)
    logits, target, weight = rng.normal(size=(6, 3)), rng.dirichlet(np.ones(3), 6), np.array([0.5, 2.0, 1.0])
    terms = -(weight * target * log_softmax(logits)).sum(axis=1)
    assert CrossEntropyLoss(weight)(logits, target)[0] == pytest.approx(terms.mean(), rel=1e-12)
    assert CrossEntropyLoss(weight).sum_and_weight(logits, target)[1] == 6


@pytest.mark.parametrize("given", [[1, 2], (1.0, 2.0), np.array([1, 2]), Tensor([1, 2]), Buffer(np.array([1.0, 2.0]))])
def test_class_weights_may_be_a_list_an_array_or_a_buffer_and_take_the_dtype_of_the_predictions(given):
    loss = CrossEntropyLoss(given)
    for dtype in ("float32", "float64"):
        value, gradient = loss(np.zeros((2, 2), dtype), np.array([0, 1]))
        assert value == pytest.approx(np.log(2))
        assert gradient.dtype == dtype
    assert build("loss", {"type": "nll", "weight": [1, 2]}).weight.tolist() == [1, 2]


@pytest.mark.parametrize("cls", [CrossEntropyLoss, NLLLoss])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": [1, -1]}, "weight of {} must consist of numbers of at least 0, got [1, -1]."),
        ({"weight": [1.0, float("nan")]}, "weight of {} must consist of numbers of at least 0, got [1.0, nan]."),
        ({"weight": ["a", "b"]}, "weight of {} must consist of numbers of at least 0, got ['a', 'b']."),
        ({"weight": 2.0}, "weight of {} must be a list of one number per class, got shape ()."),
        ({"weight": [[1.0]]}, "weight of {} must be a list of one number per class, got shape (1, 1)."),
        ({"ignore_index": 1.0}, "ignore_index of {} must be an integer, got 1.0."),
        ({"ignore_index": None}, "ignore_index of {} is missing: give it an integer."),
    ],
)
def test_options_of_the_wrong_type_or_range_are_refused(cls, options, message):
    with pytest.raises(ConfigError, match=re.escape(message.format(cls.__name__))):
        cls(**options)


@pytest.mark.parametrize("smoothing", [-0.1, 1.1, "much"])
def test_smoothing_is_a_share(smoothing):
    with pytest.raises(ConfigError, match="label_smoothing of CrossEntropyLoss must be a number from 0 to 1, got"):
        CrossEntropyLoss(label_smoothing=smoothing)


def test_there_is_one_class_weight_per_class():
    with pytest.raises(ShapeError, match=re.escape("CrossEntropyLoss: expected 4 class weights, got 3")):
        CrossEntropyLoss([1, 1, 1])(np.zeros((2, 4)), np.array([0, 1]))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_what_is_ignored_is_as_if_it_were_not_there(smoothing):
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(5, 3)), np.array([0, -100, 2, -100, 1])
    loss, kept = CrossEntropyLoss(label_smoothing=smoothing), target >= 0
    value, gradient = loss(logits, target)
    expected, slope = loss(logits[kept], target[kept])
    assert value == pytest.approx(expected, rel=1e-12)
    assert (gradient[~kept] == 0).all()
    np.testing.assert_allclose(gradient[kept], slope, rtol=1e-12)
    assert loss.sum_and_weight(logits, target)[1] == 3


def test_a_batch_in_which_everything_is_ignored_has_no_mean_and_a_gradient_of_zero():
    for loss in (CrossEntropyLoss(ignore_index=2), NLLLoss(ignore_index=2), CrossEntropyLoss(None, 2, 0.1)):
        value, gradient = loss(np.log(np.full((2, 3), 1 / 3)), np.array([2, 2]))
        assert np.isnan(value)
        assert (gradient == 0).all()
        assert loss.sum_and_weight(np.zeros((2, 3)), np.array([2, 2]))[1] == 0


def test_an_index_to_ignore_does_not_go_with_probabilities():
    with pytest.raises(DataError, match=re.escape("CrossEntropyLoss: ignore_index=1 needs class indices, got targets")):
        CrossEntropyLoss(ignore_index=1)(np.zeros((2, 3)), np.full((2, 3), 1 / 3))
    CrossEntropyLoss(ignore_index=-1)(np.zeros((2, 3)), np.full((2, 3), 1 / 3))


def test_smoothing_mixes_the_target_with_the_uniform_distribution():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    terms = -((0.9 * one_hot(target, 4) + 0.1 / 4) * log_softmax(logits)).sum(axis=1)
    for labels in (target, one_hot(target, 4)):
        assert CrossEntropyLoss(label_smoothing=0.1)(logits, labels)[0] == pytest.approx(terms.mean(), rel=1e-12)
    assert CrossEntropyLoss(label_smoothing=1)(np.zeros((6, 4)), target)[0] == pytest.approx(np.log(4))


# Negative log-likelihood


def test_after_a_log_softmax_the_negative_log_likelihood_is_the_cross_entropy():
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(6, 4)), rng.integers(0, 4, 6)
    value, gradient = NLLLoss()(log_softmax(logits), target)
    assert value == pytest.approx(CrossEntropyLoss()(logits, target)[0], rel=1e-12)
    np.testing.assert_allclose(gradient, -one_hot(target, 4) / 6)


def test_the_negative_log_likelihood_takes_class_indices_alone():
    with pytest.raises(ShapeError, match=r"NLLLoss: expected targets of shape \(3,\) \(class indices\), got \(3, 4\)"):
        NLLLoss()(np.zeros((3, 4)), np.zeros((3, 4)))


def test_an_impossible_class_that_is_ignored_gives_no_nan():
    value, gradient = NLLLoss()(np.array([[-np.inf, 0.0], [0.0, -np.inf]]), np.array([-100, 0]))
    assert value == 0
    assert gradient.tolist() == [[0, 0], [-1, 0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("labels", ["int8", "int32", "int64", "uint8", "uint64"])
def test_the_mean_over_rows_is_that_of_the_general_case(dtype, order, labels):
    rng = np.random.default_rng(5)
    x = np.asarray(5 * rng.normal(size=(9, 4)), dtype=dtype, order=order)
    y = rng.integers(0, 4, 9).astype(labels)
    value, gradient = CrossEntropyLoss()(x, y)
    expected = CrossEntropyLoss()(x, y, np.ones(9))  # with weights it goes the longer way
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    assert value == pytest.approx(expected[0], rel=tolerance)
    np.testing.assert_allclose(gradient, expected[1], rtol=0, atol=tolerance)
    assert gradient.dtype == dtype
    y[3] = 4
    with pytest.raises(DataError, match="target 4 of sample 3 is not one of the 4 classes"):
        CrossEntropyLoss()(x, y)
