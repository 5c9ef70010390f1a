"""The values of the losses with a term per element or per pair, from their formulas, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import (
    BCELoss,
    BCEWithLogitsLoss,
    ConfigError,
    CosineEmbeddingLoss,
    DataError,
    HingeEmbeddingLoss,
    HingeLoss,
    HuberLoss,
    KLDivLoss,
    L1Loss,
    MarginRankingLoss,
    MSELoss,
    ShapeError,
    SmoothL1Loss,
)

ELEMENTWISE = [MSELoss, L1Loss, HuberLoss, SmoothL1Loss, BCELoss, BCEWithLogitsLoss, KLDivLoss, HingeLoss]


@pytest.mark.parametrize("cls", ELEMENTWISE)
@pytest.mark.parametrize(
    ("pred", "target", "remedy"),
    [
        ((4, 1), (4,), "Bring the targets into that shape, as in np.reshape(y, (-1, 1))."),
        ((4,), (4, 1), "Bring the targets into that shape, as in np.reshape(y, (-1,))."),
        ((4, 3), (3,), "Element is compared with element: nothing is broadcast."),
        ((4, 3), (1, 3), "Element is compared with element: nothing is broadcast."),
        ((4,), (), "Element is compared with element: nothing is broadcast."),
    ],
)
def test_a_target_that_would_merely_broadcast_is_refused(cls, pred, target, remedy):
    with pytest.raises(ShapeError) as caught:
        cls()(np.full(pred, 0.5), np.ones(target))
    assert str(caught.value) == (
        f"{cls.__name__}: expected targets of the predictions' shape {pred}, got {target}. {remedy}"
    )


@pytest.mark.parametrize("cls", ELEMENTWISE)
@pytest.mark.parametrize("kind", ["bool", "int64", "float32"])
def test_targets_of_any_type_give_a_gradient_in_the_dtype_of_the_predictions(cls, kind):
    target = np.array([0, 1, 1]).astype(kind)
    value, gradient = cls()(np.full(3, 0.25, np.float32), target)
    assert gradient.dtype == "float32"
    assert value == pytest.approx(cls()(np.full(3, 0.25), target.astype(float))[0], rel=1e-6)


# Regression


def test_the_mean_squared_error_is_over_all_elements():
    pred, target = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), np.zeros((2, 3))
    value, gradient = MSELoss()(pred, target)
    assert value == pytest.approx(91 / 6)
    np.testing.assert_allclose(gradient, 2 * pred / 6)


def test_the_mean_absolute_error_has_no_slope_where_it_is_zero():
    value, gradient = L1Loss()(np.array([1.0, -2.0, 3.0]), np.array([0.0, 0.0, 3.0]))
    assert value == 1
    np.testing.assert_allclose(gradient, [1 / 3, -1 / 3, 0])


def test_the_huber_loss_is_quadratic_up_to_delta_and_linear_beyond():
    error = np.array([0.0, 1.0, -2.0, 3.0, -10.0])
    terms, gradient = HuberLoss(delta=2, reduction="none")(error, np.zeros(5))
    assert terms.tolist() == [0, 0.5, 2, 4, 18]
    assert gradient.tolist() == [0, 1, -2, 2, -2]


def test_the_smooth_l1_loss_is_quadratic_up_to_beta_and_has_a_slope_of_one_beyond():
    error = np.array([0.0, 1.0, -2.0, 3.0, -10.0])
    terms, gradient = SmoothL1Loss(beta=2, reduction="none")(error, np.zeros(5))
    assert terms.tolist() == [0, 0.25, 1, 2, 9]
    assert gradient.tolist() == [0, 0.5, -1, 1, -1]


def test_the_huber_loss_of_an_error_whose_square_overflows_is_finite():
    for cls in (HuberLoss, SmoothL1Loss):
        value, gradient = cls()(np.array([1e30], np.float32), np.zeros(1))
        assert value == pytest.approx(1e30, rel=1e-6)
        assert gradient.tolist() == [1]


# Binary cross-entropy


def test_a_probability_of_one_half_costs_ln_2():
    for cls, pred in ((BCELoss, 0.5), (BCEWithLogitsLoss, 0.0)):
        value, _ = cls()(np.full((4, 1), pred, np.float32), np.array([[0], [1], [1], [0]]))
        assert value == pytest.approx(np.log(2), rel=1e-6)


def test_binary_cross_entropy_of_probabilities():
    p, t = np.array([0.2, 0.9, 0.6]), np.array([0.0, 1.0, 0.3])
    terms, gradient = BCELoss(reduction="none")(p, t)
    np.testing.assert_allclose(terms, -t * np.log(p) - (1 - t) * np.log(1 - p))
    np.testing.assert_allclose(gradient, (p - t) / (p * (1 - p)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_of_0_and_1_cost_nothing_or_100(dtype):
    p, t = np.array([0, 1, 0, 1], dtype), np.array([0, 1, 1, 0])
    terms, gradient = BCELoss(reduction="none")(p, t)
    assert terms.tolist() == [0, 0, 100, 100]
    np.testing.assert_allclose(gradient, [0, 0, -1e12, 1e12], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logits_of_1e4_have_the_exact_value_and_gradient(dtype):
    x, t = np.array([1e4, -1e4, 1e4, -1e4], dtype), np.array([1, 0, 0, 1])
    terms, gradient = BCEWithLogitsLoss(reduction="none")(x, t)
    assert terms.tolist() == [0, 0, 1e4, 1e4]
    assert gradient.tolist() == [0, 0, 1, -1]


def test_small_losses_of_sure_logits_are_not_lost_to_rounding():
    terms, gradient = BCEWithLogitsLoss(reduction="none")(np.array([-30, 30], np.float32), np.array([0, 1]))
    np.testing.assert_allclose(terms, np.exp(-30), rtol=1e-6)
    np.testing.assert_allclose(gradient[0], np.exp(-30), rtol=1e-6)


def test_the_weight_of_the_positive_multiplies_their_part():
    x, t, weight = np.array([[0.3, -2.0], [1.5, 0.7]]), np.array([[1.0, 0.0], [0.25, 1.0]]), np.array([2.0, 0.5])
    p = 1 / (1 + np.exp(-x))
    terms, gradient = BCEWithLogitsLoss(weight, reduction="none")(x, t)
    np.testing.assert_allclose(terms, -weight * t * np.log(p) - (1 - t) * np.log(1 - p))
    np.testing.assert_allclose(gradient, -weight * t * (1 - p) + (1 - t) * p)


@pytest.mark.parametrize("cls", [BCELoss, BCEWithLogitsLoss])
def test_binary_targets_are_from_0_to_1(cls):
    with pytest.raises(DataError) as caught:
        cls()(np.full((3, 2), 0.5), np.array([[0, 1], [0, 1], [1, -1]]))
    assert str(caught.value) == f"{cls.__name__}: targets must be from 0 to 1, got -1 in sample 2 at [1]."


def test_logits_are_refused_where_probabilities_are_meant():
    with pytest.raises(DataError) as caught:
        BCELoss()(np.array([0.5, 1.5]), np.array([0, 1]))
    assert str(caught.value) == (
        "BCELoss: predictions must be from 0 to 1, got 1.5 in sample 1. BCEWithLogitsLoss takes logits."
    )


def test_a_diverged_model_has_a_loss_of_nan():
    assert np.isnan(BCELoss()(np.array([np.nan]), np.array([1]))[0])


@pytest.mark.parametrize(
    ("weight", "pred"), [([1, 2, 3], (4, 2)), ([1, 2], (2,)), ([[1, 2]], (2, 2)), ([1, 2], (2, 2, 1))]
)
def test_a_weight_of_the_positive_goes_with_the_outputs(weight, pred):
    with pytest.raises(ShapeError, match=re.escape(f"does not go with outputs {pred}; expected one number, or")):
        BCEWithLogitsLoss(weight)(np.zeros(pred), np.zeros(pred))


@pytest.mark.parametrize("weight", [-1, [1.0, float("inf")], "much"])
def test_a_weight_of_the_positive_is_not_negative(weight):
    with pytest.raises(ConfigError, match="pos_weight of BCEWithLogitsLoss must consist of numbers of at least 0, got"):
        BCEWithLogitsLoss(pos_weight=weight)


# Divergence


def test_the_divergence_is_that_of_the_formula_and_zero_for_equal_distributions():
    p, q = np.array([[0.5, 0.25, 0.25], [0.2, 0.3, 0.5]]), np.array([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2]])
    value, gradient = KLDivLoss(reduction="batchmean")(np.log(q), p)
    assert value == pytest.approx((p * np.log(p / q)).sum(axis=1).mean())
    np.testing.assert_allclose(gradient, -p / 2)
    assert KLDivLoss()(np.log(q), p)[0] == pytest.approx(value / 3)
    assert KLDivLoss(log_target=True)(np.log(q), np.log(p))[0] == pytest.approx(value / 3)
    assert KLDivLoss()(np.log(p), p)[0] == 0


def test_the_mean_over_samples_goes_by_their_weights():
    p, q = np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([[0.1, 0.9], [0.4, 0.6]])
    terms, weight = (p * np.log(p / q)).sum(axis=1), np.array([3.0, 1.0])
    loss = KLDivLoss(reduction="batchmean")
    assert loss(np.log(q), p, weight)[0] == pytest.approx((weight * terms).sum() / 4)
    assert loss.sum_and_weight(np.log(q), p, weight)[1] == 4


def test_a_probability_of_zero_adds_nothing_even_where_the_prediction_is_zero():
    with np.errstate(divide="ignore"):
        pred = np.log(np.array([[0.0, 1.0]]))
    value, gradient = KLDivLoss(reduction="sum")(pred, np.array([[0.0, 1.0]]))
    assert value == 0
    assert gradient.tolist() == [[0, -1]]


def test_logarithms_are_refused_where_probabilities_are_meant():
    with pytest.raises(DataError) as caught:
        KLDivLoss()(np.zeros((1, 2)), np.array([[0.5, -0.7]]))
    assert str(caught.value) == (
        "KLDivLoss: targets must not be negative, got -0.7 in sample 0 at [1]. Pass log_target=True for logarithms."
    )


# Margins


@pytest.mark.parametrize("no", [-1, 0])
def test_the_hinge_loss_is_the_missing_part_of_a_margin_of_one(no):
    x, t = np.array([2.0, 1.0, 0.5, -1.0, -2.0, 0.25]), np.array([1, 1, 1, 1, no, no])
    terms, gradient = HingeLoss(reduction="none")(x, t)
    assert terms.tolist() == [0, 0, 0.5, 2, 0, 1.25]
    assert gradient.tolist() == [0, 0, -1, -1, 0, 1]


def test_hinge_targets_are_signs_or_bits():
    with pytest.raises(
        DataError, match=re.escape("HingeLoss: targets must be 1 and −1, or 1 and 0, got 2 in sample 1.")
    ):
        HingeLoss()(np.zeros(2), np.array([1, 2]))


def test_distances_are_to_be_small_or_beyond_the_margin():
    terms, gradient = HingeEmbeddingLoss(2, reduction="none")(np.array([3.0, 0.5, 3.0]), np.array([1, -1, -1]))
    assert terms.tolist() == [3, 1.5, 0]
    assert gradient.tolist() == [1, -1, 0]


def test_the_better_of_two_is_to_be_ahead_by_the_margin():
    pred = np.array([2.0, 2.0, 2.0]), np.array([1.0, 1.75, 3.0])
    terms, (first, second) = MarginRankingLoss(0.5, reduction="none")(pred, np.array([1, 1, -1]))
    assert terms.tolist() == [0, 0.25, 0]
    assert first.tolist() == [0, -1, 0]
    assert second.tolist() == [0, 1, 0]


def test_vectors_are_to_point_alike_or_apart():
    a, b = np.array([[3.0, 0.0]] * 4), np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0], [-1.0, 0.0]])
    alike = CosineEmbeddingLoss(reduction="none")((a, b), np.ones(4))[0]
    np.testing.assert_allclose(alike, [0, 1, 1 - np.sqrt(0.5), 2], atol=1e-11)
    apart = CosineEmbeddingLoss(0.5, reduction="none")((a, b), -np.ones(4))[0]
    np.testing.assert_allclose(apart, [0.5, 0, np.sqrt(0.5) - 0.5, 0], atol=1e-11)


def test_one_pair_of_vectors_may_come_without_the_axis_of_samples():
    a, b = np.array([3.0, 4.0]), np.array([4.0, 3.0])
    value, gradients = CosineEmbeddingLoss()((a, b), np.array(1))
    expected, slopes = CosineEmbeddingLoss()((a[None], b[None]), np.array([1]))
    assert value == expected == pytest.approx(1 / 25)
    for gradient, slope in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(gradient, slope[0], atol=1e-16)


def test_a_vector_of_zeros_is_at_right_angles_to_all():
    value, gradients = CosineEmbeddingLoss()((np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32)), np.array([1]))
    assert value == 1
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("cls", [MarginRankingLoss, CosineEmbeddingLoss])
@pytest.mark.parametrize(
    ("pred", "seen"),
    [
        (np.zeros((2, 3)), "ndarray"),
        ((np.zeros((2, 3)),), "[(2, 3)]"),
        ((np.zeros((2, 3)), np.zeros((2, 1))), "[(2, 3), (2, 1)]"),
    ],
)
def test_a_loss_of_pairs_takes_a_tuple_of_two(cls, pred, seen):
    message = f"{cls.__name__}: expected pred to be a tuple of two arrays of one shape, got {seen}"
    with pytest.raises(ShapeError, match=re.escape(message)):
        cls()(pred, np.ones(2))


@pytest.mark.parametrize("shape", [(2, 1), (3,), ()])
def test_a_pair_of_vectors_has_one_target(shape):
    pred = np.zeros((2, 3)), np.zeros((2, 3))
    message = f"CosineEmbeddingLoss: expected pairs of vectors (N, D) with targets (N,), got (2, 3) and {shape}"
    with pytest.raises(ShapeError, match=re.escape(message)):
        CosineEmbeddingLoss()(pred, np.ones(shape))


@pytest.mark.parametrize(
    ("loss", "pred"),
    [
        (HingeEmbeddingLoss(), np.zeros(2)),
        (MarginRankingLoss(), (np.zeros(2), np.zeros(2))),
        (CosineEmbeddingLoss(), (np.zeros((2, 3)), np.zeros((2, 3)))),
    ],
    ids=["hinge_embedding", "margin_ranking", "cosine_embedding"],
)
def test_targets_are_signs(loss, pred):
    message = f"{type(loss).__name__}: targets must be 1 or −1, got 0 in sample 1."
    with pytest.raises(DataError, match=re.escape(message)):
        loss(pred, np.array([1, 0]))


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (HuberLoss, {"delta": 0}, "delta of HuberLoss must be a number above 0, got 0."),
        (SmoothL1Loss, {"beta": -1}, "beta of SmoothL1Loss must be a number of at least 0, got -1."),
        (KLDivLoss, {"log_target": 1}, "log_target of KLDivLoss must be true or false, got 1."),
        (
            KLDivLoss,
            {"reduction": "avg"},
            "reduction of KLDivLoss must be one of mean, sum, none, batchmean, got 'avg'.",
        ),
        (HingeEmbeddingLoss, {"margin": "1"}, "margin of HingeEmbeddingLoss must be a finite number, got '1'."),
        (MarginRankingLoss, {"margin": float("nan")}, "margin of MarginRankingLoss must be a finite number, got nan."),
        (CosineEmbeddingLoss, {"margin": None}, "margin of CosineEmbeddingLoss is missing: give it a finite number."),
    ],
)
def test_options_of_the_wrong_type_or_range_are_refused(cls, options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        cls(**options)


def test_a_number_of_numpys_as_an_option_promotes_nothing():
    loss = HuberLoss(delta=np.float64(0.5))
    assert loss(np.ones(3, np.float32), np.zeros(3))[1].dtype == "float32"
