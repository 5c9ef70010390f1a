"""Metrics against the formulas written out."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from nn_core import (
    ROCAUC,
    Accuracy,
    BinaryAccuracy,
    ConfigError,
    ConfusionMatrix,
    DataError,
    F1Score,
    Layer,
    MeanAbsoluteError,
    MeanSquaredError,
    Precision,
    R2Score,
    Recall,
    RootMeanSquaredError,
    ShapeError,
    Tensor,
    TopKAccuracy,
    accuracy,
    binary_accuracy,
    build,
    components,
    confusion_matrix,
    evaluate,
    f1_score,
    fit,
    mean_absolute_error,
    mean_squared_error,
    precision,
    r2_score,
    recall,
    roc_auc,
    root_mean_squared_error,
    top_k_accuracy,
)

BINARY = [BinaryAccuracy, Precision, Recall, F1Score, ROCAUC]
REGRESSION = [MeanAbsoluteError, MeanSquaredError, RootMeanSquaredError, R2Score]
AVERAGES = ["binary", "macro", "micro", "weighted"]


def draw(n=40, classes=4, seed=0):
    """Return probabilities (n, classes), targets and weights."""
    rng = np.random.default_rng(seed)
    exp = np.exp(rng.normal(size=(n, classes)))
    return (
        exp / exp.sum(1, keepdims=True),
        np.r_[0:classes, rng.integers(0, classes, n - classes)],
        rng.uniform(0, 2, n),
    )


def fresh():
    """Return a metric of every kind with data that suits it."""
    pred, target, weight = draw()
    for metric in (Accuracy(), TopKAccuracy(2), ConfusionMatrix(), Precision("macro"), F1Score("weighted"), ROCAUC()):
        yield metric, pred, target, weight
    for make in BINARY:
        yield make(), pred[:, :1], target % 2, weight
    for make in REGRESSION:
        yield make(), pred, pred.T.reshape(-1, 4), weight


def value(metric, *batch):
    metric.reset()
    metric.update(*batch)
    return metric.compute()


# What all have in common


@pytest.mark.parametrize("sizes", [[1] * 40, [7, 0, 13, 20], [39, 1], [0, 40]])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_value_does_not_depend_on_the_batches(sizes, weighted):
    for metric, pred, target, weight in fresh():
        expected = value(metric, pred, target, *[weight] * weighted)
        metric.reset()
        for stop, size in zip(np.cumsum(sizes), sizes, strict=True):
            rows = slice(stop - size, stop)
            metric.update(pred[rows], target[rows], *[weight[rows]] * weighted)
        np.testing.assert_allclose(metric.compute(), expected, rtol=1e-12, err_msg=str(metric))


def test_the_value_is_nan_before_the_first_sample_and_after_a_reset():
    for metric, pred, target, weight in fresh():
        if metric.scalar:
            assert math.isnan(metric.compute()), metric
            metric.update(pred[:0], target[:0])
            assert math.isnan(metric.compute()), metric
            assert math.isnan(value(metric, pred, target, weight * 0)), metric
            assert math.isfinite(value(metric, pred, target, weight)), metric
            metric.reset()
            assert math.isnan(metric.compute()), metric


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int8])
def test_weights_may_be_of_any_dtype(dtype):
    for metric, pred, target, _ in fresh():
        weight = (np.arange(40) % 5).astype(dtype)
        expected = value(metric, pred, target, weight.astype(np.float64))
        metric.reset()
        np.testing.assert_allclose(value(metric, pred, target, weight), expected, rtol=1e-6, err_msg=str(metric))


def test_a_weight_of_2_counts_a_sample_twice_and_of_0_not_at_all():
    times = np.random.default_rng(1).integers(0, 3, 40)
    times[:4] = 1  # of every class one remains
    for metric, pred, target, _ in fresh():
        expected = value(metric, np.repeat(pred, times, axis=0), np.repeat(target, times, axis=0))
        np.testing.assert_allclose(value(metric, pred, target, times), expected, rtol=1e-12, err_msg=str(metric))


def test_arrays_may_be_of_float32_read_only_strided_and_in_fortran_order():
    for metric, pred, target, weight in fresh():
        pred = pred.astype("float32")
        expected = value(metric, pred, target, weight)
        assert type(expected) is float or not metric.scalar
        batches = [(np.asfortranarray(pred), target, weight), (pred[::-1], target[::-1], weight[::-1])]
        batches.append(tuple(np.repeat(array, 2, axis=0)[::2] for array in (pred, target, weight)))
        for batch in batches:
            for array in batch:
                array.flags.writeable = False
            np.testing.assert_allclose(value(metric, *batch), expected, rtol=1e-12, err_msg=str(metric))


def test_what_was_taken_in_does_not_change_with_a_buffer_that_is_used_again():
    for metric, pred, target, weight in fresh():
        expected = value(metric, pred, target, weight)
        metric.reset()
        buffers = np.empty_like(pred[:8]), np.empty_like(target[:8]), np.empty_like(weight[:8])
        for start in range(0, 40, 8):
            for buffer, source in zip(buffers, (pred, target, weight), strict=True):
                buffer[...] = source[start : start + 8]
            metric.update(*buffers)
        np.testing.assert_allclose(metric.compute(), expected, rtol=1e-12, err_msg=str(metric))


def test_lists_and_tensors_do_as_well():
    for metric, pred, target, weight in fresh():
        expected = value(metric, pred, target, weight)
        np.testing.assert_array_equal(value(metric, pred.tolist(), target.tolist(), weight.tolist()), expected)
        tensors = Tensor(pred.astype("float32")), Tensor(target)
        np.testing.assert_allclose(value(metric, *tensors, weight), expected, rtol=1e-5, err_msg=str(metric))


def test_each_has_a_name():
    names = {component.name for component in components("metric") if component.distribution == "nn-core"}
    assert names == {
        *("accuracy", "binary_accuracy", "top_k_accuracy", "roc_auc", "precision", "recall", "f1", "confusion_matrix"),
        *("mae", "mse", "rmse", "r2"),
    }
    assert all(build("metric", name).name == name for name in names)
    assert repr(build("metric", {"type": "top_k_accuracy", "k": 3})) == "TopKAccuracy(k=3)"


@pytest.mark.parametrize("metric", [make() for make in (Accuracy, Precision, ConfusionMatrix, ROCAUC, R2Score)])
def test_what_is_no_array_of_numbers_is_refused(metric):
    with pytest.raises(DataError, match=f"{metric.name}: expected numbers, got an array of <U1"):
        metric.update(np.array(["a"]), np.array([1]))
    with pytest.raises(DataError, match=f"{metric.name}: expected one array, got a tuple of 2"):
        metric.update((np.eye(2), np.eye(2)), np.array([0, 1]))


def test_weights_of_another_shape_are_refused():
    for metric, pred, target, _ in fresh():
        for weight in (np.ones(39), np.ones((40, 1)), 2.0):
            with pytest.raises(
                ShapeError, match=re.escape(f"{metric.name}: expected one weight per sample, shape (40,)")
            ):
                metric.update(pred, target, weight)


# Accuracy


def test_accuracy_is_the_share_of_rows_with_the_largest_output_at_the_target():
    pred = [[0.1, 0.9, 0.0], [2.0, 1.0, 0.0], [-3.0, -2.0, -1.0], [0.0, 0.0, 1.0]]
    assert accuracy(np.array(pred), np.array([1, 0, 2, 0])) == 0.75
    rng = np.random.default_rng(0)
    pred, target = rng.normal(size=(200, 5)), rng.integers(0, 5, 200)
    hits = sum(max(range(5), key=lambda c: row[c]) == t for row, t in zip(pred.tolist(), target, strict=True))
    assert accuracy(pred, target) == pytest.approx(hits / 200)


def test_of_equal_outputs_the_first_counts():
    pred = np.array([[1.0, 1.0], [1.0, 1.0]])
    assert accuracy(pred, np.array([0, 1])) == 0.5


def test_targets_may_be_one_hot():
    rng = np.random.default_rng(0)
    pred, target = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    for rows in (np.eye(4)[target], np.eye(4, dtype=bool)[target], np.eye(4, dtype=int)[target]):
        assert accuracy(pred, rows) == accuracy(pred, target)


def test_as_many_samples_as_classes_are_no_riddle():
    pred = np.eye(3)[[0, 1, 1]]
    assert accuracy(pred, np.array([0, 1, 2])) == pytest.approx(2 / 3)
    assert accuracy(pred, np.eye(3)) == pytest.approx(2 / 3)


def test_weights_count_samples_more_or_less():
    pred, target = np.eye(3), np.array([0, 1, 0])
    assert accuracy(pred, target, np.array([1.0, 2.0, 5.0])) == 3 / 8
    assert accuracy(pred, target, [1, 2, 0]) == 1.0
    assert math.isnan(accuracy(pred, target, np.zeros(3)))


def test_batches_add_up_to_the_accuracy_of_the_whole():
    rng = np.random.default_rng(0)
    pred, target, weight = rng.normal(size=(7, 3)), rng.integers(0, 3, 7), rng.uniform(0.5, 2, 7)
    metric = Accuracy()
    for part in (slice(0, 5), slice(5, 5), slice(5, 7)):
        metric.update(pred[part], target[part], weight[part])
    assert metric.compute() == pytest.approx(accuracy(pred, target, weight), rel=1e-12)


def test_reset_starts_over():
    metric = Accuracy()
    assert math.isnan(metric.compute()), "there is no accuracy of nothing"
    metric.update(np.eye(2), np.array([1, 0]))
    assert metric.compute() == 0
    metric.reset()
    metric.update(np.eye(2), np.array([0, 1]))
    assert metric.compute() == 1


@pytest.mark.parametrize(("pred", "target"), [((3,), (3,)), ((3, 4), (2,)), ((3, 4), (3, 1)), ((2, 3, 4), (2,))])
def test_shapes_that_do_not_go_together_are_named(pred, target):
    message = f"accuracy: expected outputs (N, C) with targets (N,) or (N, C), got {pred} and {target}"
    with pytest.raises(ShapeError, match=re.escape(message)):
        accuracy(np.zeros(pred), np.zeros(target, int))


@pytest.mark.parametrize("weight", [np.ones(2), np.ones((3, 1)), 2.0])
def test_there_is_one_weight_per_sample(weight):
    with pytest.raises(ShapeError, match=re.escape("accuracy: expected one weight per sample, shape (3,), got shape")):
        accuracy(np.eye(3), np.zeros(3, int), weight)


@pytest.mark.parametrize("metric", [accuracy, top_k_accuracy])
def test_one_column_is_no_class_to_choose(metric):
    with pytest.raises(ShapeError, match=r"at least two classes, got \(3, 1\)\. .* there is binary_accuracy"):
        metric(np.zeros((3, 1)), np.zeros((3, 1)))


# Top-k accuracy


def test_a_hit_is_among_the_k_largest():
    pred, target, _ = draw(200, 6)
    for k in range(1, 7):
        hits = [t in sorted(range(6), key=lambda c: -row[c])[:k] for row, t in zip(pred.tolist(), target, strict=True)]
        assert top_k_accuracy(pred, target, k=k) == np.mean(hits)
        assert top_k_accuracy(pred, np.eye(6)[target], k=k) == np.mean(hits)


def test_of_equal_outputs_the_first_are_among_the_k_largest():
    pred, target = np.array([[1, 2, 2, 2, 0]] * 5), np.arange(5)
    assert [top_k_accuracy(pred, target, k=k) for k in range(1, 6)] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert [top_k_accuracy(pred, [t], k=2) for pred, t in ((pred[:1], 2), (pred[:1], 3))] == [1, 0]
    pred, target, _ = draw()
    assert top_k_accuracy(pred.round(1), target, k=1) == accuracy(pred.round(1), target)


def test_outputs_that_are_nan_hit_nothing():
    assert top_k_accuracy(np.full((3, 4), math.nan), [0, 1, 2], k=2) == 0
    assert top_k_accuracy([[math.nan, 1.0, 2.0]], [2], k=1) == 0


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None, "2"])
def test_k_is_a_positive_integer(k):
    with pytest.raises(ConfigError, match="k of TopKAccuracy"):
        TopKAccuracy(k)


def test_k_is_at_most_the_number_of_classes():
    with pytest.raises(ConfigError, match="top_k_accuracy: k=5 is more than the 3 classes"):
        top_k_accuracy(np.eye(3), [0, 1, 2])


@pytest.mark.parametrize(
    ("target", "seen"), [([0, 3], 3), ([0, -1], -1), ([0, 0.5], 0.5), ([0, math.nan], "nan"), ([0, 1e300], "1e.300")]
)
def test_targets_are_classes(target, seen):
    for metric in (TopKAccuracy(2), Precision("macro"), ConfusionMatrix(), ROCAUC(from_logits=True)):
        message = f"{metric.name}: a class is a whole number from 0 to 2, got {seen} for sample 1"
        with pytest.raises(DataError, match=message):
            metric.update(np.eye(3)[:2], np.array(target))


# Two classes


@pytest.mark.parametrize("threshold", [0, 0.25, 0.5, np.float64(0.9), 1])
def test_scores_above_the_threshold_mean_class_1(threshold):
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=60), rng.integers(0, 2, 60)
    scores = 1 / (1 + np.exp(-logits))
    expected = np.mean([(score > threshold) == bool(t) for score, t in zip(scores, target, strict=True)])
    for pred in (scores, scores[:, None]):
        for wanted in (target, target[:, None], target.astype(bool), target.astype("float32")):
            assert binary_accuracy(pred, wanted, threshold=threshold) == expected
    assert binary_accuracy(logits, target, threshold=threshold, from_logits=True) == expected


def test_a_score_at_the_threshold_means_class_0():
    assert binary_accuracy([0.5, 0.5], [0, 1]) == 0.5
    assert binary_accuracy([0.0], [0], from_logits=True) == 1
    assert binary_accuracy([0.25], [0], threshold=0.25) == 1


def test_of_two_columns_the_larger_counts():
    pred, target, weight = draw(30, 2)
    for rows in (pred, np.log(pred)):
        assert binary_accuracy(rows, target, weight) == pytest.approx(accuracy(pred, target, weight))
        assert binary_accuracy(rows, np.eye(2)[target], weight) == pytest.approx(accuracy(pred, target, weight))


def test_logits_are_not_taken_for_probabilities():
    for metric in (BinaryAccuracy(), Precision(), Recall(), F1Score(), ConfusionMatrix()):
        message = f"{metric.name}: expected probabilities, got scores from -3 to 0.5. Pass from_logits=True"
        with pytest.raises(DataError, match=message):
            metric.update(np.array([-3, 0.5]), np.array([0, 1]))
    assert binary_accuracy(np.float32([1 + 1e-7, -1e-7]), [1, 0]) == 1, "rounding is no logit"


@pytest.mark.parametrize("make", [BinaryAccuracy, Precision, Recall, F1Score])
def test_more_than_two_classes_are_refused_with_a_way_out(make):
    remedy = "there is accuracy" if make is BinaryAccuracy else "set average to macro, micro or weighted"
    metric = make()
    with pytest.raises(ShapeError, match=rf"at most 2 classes, got \(3, 3\)\. For more than two classes {remedy}"):
        metric.update(np.eye(3), np.arange(3))
    with pytest.raises(DataError, match=f"from 0 to 1, got 2 for sample 2. For more than two classes {remedy}"):
        metric.update(np.array([0, 1, 1]), np.arange(3))


@pytest.mark.parametrize("make", [BinaryAccuracy, Precision, ConfusionMatrix])
@pytest.mark.parametrize(
    ("pred", "target"), [((3,), (2,)), ((3,), (3, 2)), ((3, 1), (1, 3)), ((3, 2), (3, 1)), ((3, 2, 1), (3,)), ((), ())]
)
def test_shapes_that_do_not_fit_a_metric_of_classes_are_named(make, pred, target):
    message = f"{make.name}: expected outputs (N, C) with targets (N,) or (N, C), or scores (N,) or (N, 1) with"
    with pytest.raises(ShapeError, match=re.escape(message) + ".*" + re.escape(f"got {pred} and {target}")):
        make().update(np.zeros(pred), np.zeros(target, int))


@pytest.mark.parametrize("make", [BinaryAccuracy, Precision, ConfusionMatrix])
@pytest.mark.parametrize(
    "option", [{"threshold": 1.5}, {"threshold": "0.5"}, {"from_logits": 1}, {"from_logits": "yes"}]
)
def test_wrong_options_are_named(make, option):
    with pytest.raises(ConfigError, match=f"{next(iter(option))} of {make.__name__} must be"):
        make(**option)


# Precision, recall, F1


@pytest.mark.parametrize("average", AVERAGES)
def test_ratios_are_those_of_the_counts(average):
    pred, target, weight = draw(200, 2 if average == "binary" else 5)
    guess = pred.argmax(1)
    found = np.array([weight[(guess == c) & (target == c)].sum() for c in range(pred.shape[1])])
    taken = np.array([weight[guess == c].sum() for c in range(pred.shape[1])])
    there = np.array([weight[target == c].sum() for c in range(pred.shape[1])])
    if average == "micro":
        found, taken, there = found.sum(keepdims=True), taken.sum(keepdims=True), there.sum(keepdims=True)
    share = {"binary": [0, 1], "weighted": there / there.sum()}.get(average, np.full(len(found), 1 / len(found)))
    p, r = found / taken, found / there
    for function, ratios in ((precision, p), (recall, r), (f1_score, 2 * p * r / (p + r))):
        assert function(pred, target, weight, average=average) == pytest.approx(ratios @ share)
        assert function(guess, target, weight, average=average) == pytest.approx(ratios @ share)
        assert function(pred, np.eye(pred.shape[1])[target], weight, average=average) == pytest.approx(ratios @ share)


@pytest.mark.parametrize("average", AVERAGES)
def test_a_ratio_of_nothing_to_nothing_is_0(average):
    for function in (precision, recall, f1_score):
        assert function([0, 0], [1, 1], average=average) == 0
    assert [function([0, 0], [0, 0]) for function in (precision, recall, f1_score)] == [0, 0, 0]


def test_a_class_that_never_comes_up_does_not_lower_the_mean():
    pred = np.eye(4)[[0, 1, 1]]
    assert recall(pred, [0, 1, 1], average="macro") == 1
    assert recall(pred, [0, 1, 3], average="macro") == pytest.approx(2 / 3)


@pytest.mark.parametrize("make", [Precision, Recall, F1Score])
@pytest.mark.parametrize("average", ["samples", None, 1])
def test_an_average_that_does_not_exist_is_named(make, average):
    with pytest.raises(ConfigError, match=f"average of {make.__name__} must be one of binary, macro, micro, weighted"):
        make(average)


# Confusion matrix


def test_rows_are_targets_and_columns_predictions():
    matrix = confusion_matrix([0, 2, 1, 2, 2], [0, 2, 2, 1, 2])
    assert matrix.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 2]]
    assert matrix.dtype == np.int64
    weighted = confusion_matrix([0, 1, 1], [0, 0, 0], [0.5, 1.0, 0.25])
    assert weighted.tolist() == [[0.5, 1.25], [0, 0]]


def test_the_matrix_grows_with_the_classes_or_has_the_size_it_was_given():
    metric, fixed = ConfusionMatrix(), ConfusionMatrix(num_classes=4)
    assert metric.compute().shape == (0, 0)
    assert fixed.compute().tolist() == np.zeros((4, 4)).tolist()
    for batch, size in (([0], [0]), 1), (([1], [0]), 2), (([0.9], [1.0]), 2), (([0], [3]), 4), (([1], [1]), 4):
        for either in (metric, fixed):
            either.update(*batch)
        assert metric.compute().shape == (size, size)
        assert fixed.compute().shape == (4, 4)
    expected = np.zeros((4, 4), int)
    expected[[0, 0, 1, 3], [0, 1, 1, 0]] = [1, 1, 2, 1]
    assert (metric.compute() == expected).all()
    assert (fixed.compute() == expected).all()
    metric.reset()
    assert metric.compute().shape == (0, 0)
    assert confusion_matrix(np.eye(5)[:2], [0, 1]).shape == (5, 5), "one row for each column of the outputs"
    assert confusion_matrix([0.1], [0]).shape == (2, 2)


def test_classes_beyond_the_number_given_are_refused():
    with pytest.raises(DataError, match="confusion_matrix: a class is a whole number from 0 to 1, got 2 for sample 1"):
        confusion_matrix([0, 1], [0, 2], num_classes=2)
    with pytest.raises(DataError, match="got 2 for sample 0"):
        confusion_matrix([2, 1], [0, 1], num_classes=2)
    with pytest.raises(ShapeError, match=r"at most 2 classes, got \(3, 3\)"):
        confusion_matrix(np.eye(3), [0, 1, 0], num_classes=2)
    with pytest.raises(DataError, match="got -1 for sample 1"):
        confusion_matrix([0, 1], [0, -1])
    with pytest.raises(ConfigError, match="num_classes of ConfusionMatrix"):
        ConfusionMatrix(0)


def test_a_matrix_of_very_many_classes_is_asked_for():
    message = "a class is a whole number from 0 to 9999, got 10000 for sample 0. Set num_classes to the number of class"
    for batch in (([10_000], [0]), ([0], [10_000])):
        metric = ConfusionMatrix()
        with pytest.raises(DataError, match=message):
            metric.update(*batch)
        assert metric.compute().shape == (0, 0)
    with pytest.raises(ShapeError, match=r"for at most 10000 classes, got .* Set num_classes"):
        confusion_matrix(np.zeros((1, 10_001)), [0])
    assert confusion_matrix([10_000], [10_000], num_classes=10_001).sum() == 1


# ROC-AUC


def pairs_won(scores, positive, weight):
    """Return the share of pairs of a positive and a negative sample that the positive one wins, by weight."""
    won = np.sign(scores[:, None] - scores) / 2 + 0.5
    pairs = np.outer(weight * positive, weight * ~positive)
    return (won * pairs).sum() / pairs.sum()


@pytest.mark.parametrize("digits", [0, 1, 9])
def test_the_area_is_the_share_of_pairs_won(digits):
    rng = np.random.default_rng(0)
    scores, target, weight = rng.normal(size=60).round(digits), rng.integers(0, 2, 60), rng.uniform(0, 2, 60)
    expected = pairs_won(scores, target == 1, weight)
    for pred in (scores, scores[:, None], scores.astype("float32"), 3 * scores + 1):
        assert roc_auc(pred, target, weight) == pytest.approx(expected, rel=1e-12)
    assert roc_auc(scores, target[:, None]) == pytest.approx(pairs_won(scores, target == 1, np.ones(60)), rel=1e-12)
    assert roc_auc(-scores, target, weight) == pytest.approx(1 - expected, rel=1e-12)


def test_the_area_of_several_classes_is_the_mean_of_one_against_the_rest():
    pred, target, weight = draw(60, 4)
    expected = np.mean([pairs_won(pred[:, c], target == c, weight) for c in range(4)])
    assert roc_auc(pred, target, weight) == pytest.approx(expected, rel=1e-12)
    assert roc_auc(pred, np.eye(4)[target], weight) == pytest.approx(expected, rel=1e-12)
    assert roc_auc(np.log(pred) + 5, target, weight, from_logits=True) == pytest.approx(expected, rel=1e-12)
    pred, target, weight = draw(60, 2)
    expected = pairs_won(pred[:, 1], target == 1, weight)
    assert roc_auc(pred, target, weight) == pytest.approx(expected, rel=1e-12)
    assert roc_auc(np.log(pred), target, weight, from_logits=True) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("target", [[1, 1], [0, 0]])
def test_there_is_no_area_without_both_classes(target):
    assert math.isnan(roc_auc([0.1, 0.2], target))
    assert math.isnan(roc_auc([[0.2, 0.3, 0.5], [0.3, 0.4, 0.3]], target))
    assert math.isnan(roc_auc([0.1, 0.2], [0, 1], [1, 0]))


def test_scores_that_are_not_finite():
    assert roc_auc([-math.inf, 0.0, math.inf], [0, 0, 1]) == 1
    assert math.isnan(roc_auc([0.0, math.nan], [0, 1]))
    for bad in (math.nan, math.inf, -math.inf):
        assert math.isnan(roc_auc([[bad, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0, 1, 2], from_logits=True))


def test_logits_of_any_size_are_safe():
    assert roc_auc(1e4 * np.eye(3), [0, 1, 2], from_logits=True) == 1


@pytest.mark.parametrize(
    ("pred", "target", "error", "message"),
    [
        ([[1.0, 2.0, 0.5]], [0], DataError, "add up to 1. Pass from_logits=True if the outputs are logits"),
        ([0.1, 0.2], [0, 2], DataError, "from 0 to 1, got 2 for sample 1"),
        ([0.1, 0.2], [0], ShapeError, r"got \(2,\) and \(1,\)"),
        ([[0.1], [0.2]], [[0, 1], [1, 0]], ShapeError, r"got \(2, 1\) and \(2, 2\)"),
    ],
)
def test_what_has_no_area_is_refused(pred, target, error, message):
    with pytest.raises(error, match=f"roc_auc: .*{message}"):
        roc_auc(pred, target)


def test_batches_of_another_kind_are_refused():
    metric = ROCAUC()
    metric.update(np.eye(3), np.arange(3))
    with pytest.raises(ShapeError, match=r"roc_auc: expected 3 columns as before, got 2\. Call reset"):
        metric.update(np.eye(2), np.arange(2))
    metric = R2Score()
    metric.update(np.eye(3), np.eye(3))
    with pytest.raises(ShapeError, match=r"r2: expected 3 outputs per sample as before, got 2\. Call reset"):
        metric.update(np.eye(2), np.eye(2))


# Outputs of a diverged network


def test_an_output_that_is_nan_is_a_miss():
    pred = np.array([[math.nan, 1.0], [math.nan, math.nan], [1.0, math.nan], [0.0, 1.0]])
    assert accuracy(pred, [0, 0, 0, 1]) == 0.25
    assert accuracy(pred, [1, 1, 1, 1], [1, 1, 0, 2]) == 0.5
    assert binary_accuracy(pred, [0, 0, 0, 1]) == 0.25
    assert top_k_accuracy([[math.nan, 1.0, 0.0], [0.0, 1.0, 2.0]], [1, 1], k=2) == 0.5
    for target in (0, 1):
        assert binary_accuracy([math.nan], [target]) == 0
        assert binary_accuracy([[math.nan]], [[target]], from_logits=True) == 0


@pytest.mark.parametrize("function", [precision, recall, f1_score])
@pytest.mark.parametrize("average", AVERAGES)
def test_an_output_that_is_nan_is_taken_for_a_wrong_class(function, average):
    scores, target = [math.nan, 0.9, math.nan, 0.2], [0, 1, 1, 0]
    assert function(scores, target, average=average) == function([0.9, 0.9, 0.2, 0.2], target, average=average)
    pred, target, weight = draw()
    diverged, wrong = pred.copy(), pred.copy()
    for row in (0, 5, 7, 8):
        diverged[row, row % 4] = math.nan
        wrong[row] = np.eye(4)[(target[row] + 1) % 4]
    if average != "binary":
        expected = function(wrong, target, weight, average=average)
        assert function(diverged, target, weight, average=average) == expected
        assert function(np.full((4, 4), math.nan), [0, 1, 2, 3], average=average) == 0


def test_an_output_that_is_nan_has_no_place_in_the_confusion_matrix():
    metric = ConfusionMatrix()
    for pred in ([[0.0, 1.0], [0.0, math.nan]], [0.5, math.nan]):
        with pytest.raises(DataError, match="confusion_matrix: the outputs of sample 1 have a NaN"):
            metric.update(pred, [1, 1])
        assert metric.compute().shape == (0, 0)


def test_training_goes_on_when_the_outputs_are_nan():
    x = np.full((4, 2), math.nan, np.float32)
    chosen = ["accuracy", {"type": "top_k_accuracy", "k": 1}, {"type": "f1", "average": "macro"}, "binary_accuracy"]
    history = fit(
        Same(), (x, np.array([0, 1, 0, 1])), loss=NoLoss(), optimizer=Nothing(), epochs=1, batch_size=3, metrics=chosen
    )
    assert [history[name] for name in ("accuracy", "top_k_accuracy", "f1", "binary_accuracy")] == [[0]] * 4


# What is refused


@pytest.mark.parametrize("target", [[0, 3, 1], [0, -1, 1], [0, 0.5, 1], [0, math.nan, 1]])
@pytest.mark.parametrize("function", [accuracy, top_k_accuracy, confusion_matrix])
def test_targets_that_are_no_class_are_refused(function, target):
    options = {"k": 1} if function is top_k_accuracy else {}
    with pytest.raises(DataError, match=r"a class is a whole number from 0 to 2, got .* for sample 1"):
        function(np.eye(3), target, **options)
    with pytest.raises(DataError, match="for sample 2"):
        function(np.eye(3), [[1, 0, 0], [0, 1, 0], [math.nan, 0, 1]], **options)


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_weights_are_finite_and_not_negative(wrong):
    for metric, pred, target, weight in fresh():
        bad = weight.copy()
        bad[3] = wrong
        with pytest.raises(DataError, match=f"{metric.name}: weights of samples .* got {wrong:g} for sample 3"):
            metric.update(pred, target, bad)


def test_a_batch_that_is_refused_changes_nothing():
    for metric, pred, target, weight in fresh():
        for bad in (weight[:-1], -weight, ["1"] * len(weight)):
            wider = np.hstack([pred, pred / 2]) if pred.shape[1] > 1 and metric.name != "roc_auc" else pred
            goal = target if target.ndim == 1 else np.hstack([target, target])
            with pytest.raises((ShapeError, DataError)):
                metric.update(wider, goal, bad)
        metric.update(pred, target, weight)
        after, fresh_one = metric.compute(), value(metric, pred, target, weight)
        np.testing.assert_array_equal(after, fresh_one, err_msg=str(metric))
    metric = ConfusionMatrix()
    metric.update([0, 1], [0, 1])
    with pytest.raises(ShapeError):
        metric.update([5, 6], [0, 1], [1.0])
    metric.update([0, 1], [0, 1])
    assert metric.compute().tolist() == [[2, 0], [0, 2]]


# Regression


@pytest.mark.parametrize("shape", [(30,), (30, 1), (30, 3), (30, 2, 2)])
def test_errors_are_averaged_over_samples_by_weight_and_over_outputs(shape):
    rng = np.random.default_rng(0)
    pred, target, weight = rng.normal(size=shape), rng.normal(size=shape), rng.uniform(0, 2, 30)
    columns, wanted = pred.reshape(30, -1).T, target.reshape(30, -1).T
    share = weight / weight.sum()
    squares = [share @ (p - t) ** 2 for p, t in zip(columns, wanted, strict=True)]
    spreads = [share @ (t - share @ t) ** 2 for t in wanted]
    expected = {
        mean_absolute_error: np.mean([share @ abs(p - t) for p, t in zip(columns, wanted, strict=True)]),
        mean_squared_error: np.mean(squares),
        root_mean_squared_error: np.mean(np.sqrt(squares)),
        r2_score: 1 - np.mean([square / spread for square, spread in zip(squares, spreads, strict=True)]),
    }
    for function, number in expected.items():
        assert function(pred, target, weight) == pytest.approx(number, rel=1e-12)


@pytest.mark.parametrize("make", REGRESSION)
def test_a_last_axis_of_1_does_not_make_a_table_of_differences(make):
    pred, target, weight = draw(20, 2)
    expected = value(make(), pred[:, 0], target, weight)
    assert value(make(), pred[:, :1], target, weight) == expected
    assert value(make(), pred[:, 0], target[:, None], weight) == expected


@pytest.mark.parametrize("make", REGRESSION)
@pytest.mark.parametrize(
    ("pred", "target"), [((3,), (4,)), ((3, 2), (3,)), ((3, 2), (2, 3)), ((3, 1), (3, 2)), ((), ()), ((3, 0), (3, 0))]
)
def test_shapes_that_differ_are_named(make, pred, target):
    message = f"{make.name}: expected outputs and targets of one shape, (N,) or (N, D), got {pred} and {target}"
    with pytest.raises(ShapeError, match=re.escape(message)):
        make().update(np.zeros(pred), np.zeros(target))


def test_integers_do_not_wrap_around():
    assert mean_absolute_error(np.uint8([0, 255]), np.uint8([255, 0])) == 255
    assert mean_squared_error(np.int8([-100]), np.int8([100])) == 40000
    assert r2_score(np.uint8([0, 200]), np.uint8([0, 250])) == pytest.approx(1 - 50**2 / (2 * 125**2))


def test_float32_is_summed_in_float64():
    pred = np.full(100_000, 0.1, np.float32)
    assert mean_absolute_error(pred, np.zeros_like(pred)) == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize("mean", [0.0, 1e6, -1e9])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_r2_loses_no_digits_far_from_zero(mean, size):
    rng = np.random.default_rng(0)
    base, noise = rng.integers(-8, 8, 1000) / 4, rng.integers(-4, 4, 1000) / 8  # exact also after adding the mean
    expected = 1 - (noise**2).sum() / ((base - base.mean()) ** 2).sum()
    metric = R2Score()
    for start in range(0, 1000, size):
        rows = slice(start, start + size)
        metric.update(mean + base[rows] + noise[rows], mean + base[rows])
    assert metric.compute() == pytest.approx(expected, rel=1e-9)


def test_r2_of_targets_that_do_not_vary():
    constant = np.full(7, 0.1)  # its mean by summing is not 0.1
    assert r2_score(constant, constant) == 1
    assert r2_score(constant + 1, constant) == 0
    metric = R2Score()
    for part in (slice(0, 1), slice(1, 4), slice(4, 7)):
        metric.update(constant[part] + 1, constant[part])
    assert metric.compute() == 0
    assert math.isnan(r2_score([1.0], [1.0])), "one sample has no variance"
    pred, target = np.array([[1.0, 5.0], [2.0, 6.0]]), np.array([[1.0, 5.0], [2.0, 5.0]])
    assert r2_score(pred, target) == 0.5


def test_errors_of_a_diverged_network_are_not_finite_and_not_hidden():
    for make in REGRESSION:
        assert math.isnan(value(make(), np.array([math.nan, 1.0]), np.array([0.0, 1.0]))), make
        assert not math.isfinite(value(make(), np.array([math.inf, 1.0]), np.array([0.0, 1.0]))), make


# In the engines


class Same(Layer):
    def forward(self, x):
        return x, lambda dy: dy


class Nothing:
    """An optimizer that leaves everything as it is."""

    def step(self):
        pass

    def zero_grad(self):
        pass


class NoLoss:
    def value_and_grad(self, pred, target, weight=None):
        return 0.0, np.zeros_like(pred)


@pytest.mark.parametrize("batch_size", [1, 7, 256])
def test_classification_and_regression_are_scored_in_evaluation(batch_size):
    pred, target, weight = draw()
    pred = pred.astype("float32")
    for data in ((pred, target), (pred, target, weight)):
        chosen = ["accuracy", {"type": "top_k_accuracy", "k": 2}, {"type": "f1", "average": "macro"}, "roc_auc"]
        assert evaluate(Same(), data, metrics=chosen, batch_size=batch_size) == pytest.approx(
            {
                "accuracy": accuracy(*data),
                "top_k_accuracy": top_k_accuracy(*data, k=2),
                "f1": f1_score(*data, average="macro"),
                "roc_auc": roc_auc(*data),
            }
        )
    binary = pred[:, :1], target % 2
    scores = evaluate(Same(), binary, metrics=["binary_accuracy", "precision", "recall"], batch_size=batch_size)
    expected = [function(*binary) for function in (binary_accuracy, precision, recall)]
    assert list(scores.values()) == pytest.approx(expected)
    numbers = pred, pred[::-1]
    scores = evaluate(Same(), numbers, metrics=["mae", "mse", "rmse", "r2"], batch_size=batch_size)
    functions = (mean_absolute_error, mean_squared_error, root_mean_squared_error, r2_score)
    assert list(scores.values()) == pytest.approx([function(*numbers) for function in functions])


def test_training_and_validation_scores_are_in_the_history():
    pred, target, _ = draw()
    pred = pred.astype("float32")
    held_out = pred[:9], target[:9]
    options = {"loss": NoLoss(), "optimizer": Nothing(), "epochs": 2, "batch_size": 7, "validation": held_out}
    history = fit(Same(), (pred, target), metrics=["accuracy", ROCAUC()], **options)
    assert history["accuracy"] == pytest.approx([accuracy(pred, target)] * 2)
    assert history["val_accuracy"] == pytest.approx([accuracy(*held_out)] * 2)
    assert history["roc_auc"] == pytest.approx([roc_auc(pred, target)] * 2)


@pytest.mark.parametrize("choice", ["confusion_matrix", ConfusionMatrix(3)])
def test_an_array_is_no_column_of_a_history(choice):
    pred, target, _ = draw()
    message = r"The metric 'confusion_matrix' is an array, .* metric\.update\(predict\(model, x\), y\)"
    with pytest.raises(ConfigError, match=message):
        evaluate(Same(), (pred, target), metrics=[choice])
    with pytest.raises(ConfigError, match=message):
        fit(Same(), (pred, target), loss=NoLoss(), optimizer=Nothing(), epochs=1, metrics=[choice])
