"""Every metric against scikit-learn's, live, in one go and batch by batch."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nn_core
from nn_core import components

sklearn = pytest.importorskip("sklearn.metrics", reason="parity of metrics is measured against scikit-learn")

SEEDS = range(6)
AVERAGES = ["macro", "micro", "weighted"]
RATIOS = {
    "precision": (nn_core.Precision, nn_core.precision, sklearn.precision_score),
    "recall": (nn_core.Recall, nn_core.recall, sklearn.recall_score),
    "f1": (nn_core.F1Score, nn_core.f1_score, sklearn.f1_score),
}
REGRESSIONS = {
    "mae": (nn_core.MeanAbsoluteError, nn_core.mean_absolute_error, sklearn.mean_absolute_error),
    "mse": (nn_core.MeanSquaredError, nn_core.mean_squared_error, sklearn.mean_squared_error),
    "rmse": (nn_core.RootMeanSquaredError, nn_core.root_mean_squared_error, sklearn.root_mean_squared_error),
    "r2": (nn_core.R2Score, nn_core.r2_score, sklearn.r2_score),
}
COVERED = {"accuracy", "binary_accuracy", "top_k_accuracy", "confusion_matrix", "roc_auc", *RATIOS, *REGRESSIONS}


def softmax(x):
    exp = np.exp(x - x.max(axis=1, keepdims=True))
    return exp / exp.sum(axis=1, keepdims=True)


def weights(rng, n, weighted):
    return rng.uniform(0, 2, n) * (rng.random(n) > 0.2) if weighted else None


def in_batches(metric, pred, target, weight=None, sizes=(3, 1, 0, 8)):
    """Return what a metric makes of data that arrives in batches of odd sizes, an empty one among them."""
    start, turn = 0, 0
    while start < len(pred):
        rows = slice(start, start + sizes[turn % len(sizes)])
        metric.update(pred[rows], target[rows], None if weight is None else weight[rows])
        start, turn = rows.stop, turn + 1
    return metric.compute()


def assert_agree(expected, metric, function, pred, target, weight=None, rel=1e-12, **options):
    """Compare one call, one batch and several batches with the expected value."""
    one = function(pred, target, weight, **options)
    assert type(one) is float
    assert one == pytest.approx(expected, rel=rel, abs=1e-12)
    assert in_batches(metric, pred, target, weight, sizes=(len(pred),)) == one
    metric.reset()
    assert in_batches(metric, pred, target, weight) == pytest.approx(expected, rel=rel, abs=1e-12)


def test_every_metric_is_compared():
    assert {component.name for component in components("metric") if component.distribution == "nn-core"} == COVERED


# Classes


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_accuracies(seed, weighted):
    rng = np.random.default_rng(seed)
    pred, target = rng.normal(size=(37, 6)), rng.integers(0, 6, 37)
    weight = weights(rng, 37, weighted)
    expected = sklearn.accuracy_score(target, pred.argmax(1), sample_weight=weight)
    assert_agree(expected, nn_core.Accuracy(), nn_core.accuracy, pred, target, weight)
    for k in range(1, 6):
        expected = sklearn.top_k_accuracy_score(target, pred, k=k, labels=range(6), sample_weight=weight)
        assert_agree(expected, nn_core.TopKAccuracy(k), nn_core.top_k_accuracy, pred, target, weight, k=k)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_binary_accuracy(seed, threshold, weighted):
    rng = np.random.default_rng(seed)
    logits, target = rng.normal(size=41), rng.integers(0, 2, 41)
    scores, weight = 1 / (1 + np.exp(-logits)), weights(rng, 41, weighted)
    expected = sklearn.accuracy_score(target, (scores > threshold).astype(int), sample_weight=weight)
    for pred, options in ((scores, {}), (logits, {"from_logits": True})):
        options["threshold"] = threshold
        metric = nn_core.BinaryAccuracy(**options)
        assert_agree(expected, metric, nn_core.binary_accuracy, pred, target, weight, **options)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("average", AVERAGES)
@pytest.mark.parametrize("name", RATIOS)
def test_precision_recall_and_f1(name, average, classes, weighted):
    make, function, theirs = RATIOS[name]
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 40))  # with few samples some classes never come up, in pred, in target or in both
        pred, target, weight = rng.normal(size=(n, classes)), rng.integers(0, classes, n), weights(rng, n, weighted)
        if weighted:
            weight[0] = 1.0  # of no weight at all there is no mean
        expected = theirs(target, pred.argmax(1), average=average, sample_weight=weight, zero_division=0)
        assert_agree(expected, make(average), function, pred, target, weight, average=average)
        assert_agree(expected, make(average), function, pred.argmax(1), target, weight, average=average)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", RATIOS)
def test_precision_recall_and_f1_of_two_classes(name, weighted):
    make, function, theirs = RATIOS[name]
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        scores, target, weight = rng.random((23, 1)), rng.integers(0, 2, (23, 1)), weights(rng, 23, weighted)
        labels = (scores[:, 0] > 0.5).astype(int)
        expected = theirs(target[:, 0], labels, sample_weight=weight, zero_division=0)
        assert_agree(expected, make(), function, scores, target, weight)
        assert_agree(expected, make(), function, np.hstack([1 - scores, scores]), target[:, 0], weight)
        assert_agree(expected, make(from_logits=True), function, scores - 0.5, target, weight, from_logits=True)


@pytest.mark.parametrize("average", ["binary", *AVERAGES])
@pytest.mark.parametrize("name", RATIOS)
@pytest.mark.parametrize(
    ("pred", "target"),
    [([0, 0, 0], [0, 0, 0]), ([1, 1, 1], [1, 1, 1]), ([0, 0, 0], [1, 1, 1]), ([1, 1, 1], [0, 0, 0]), ([1], [0])],
)
def test_where_a_class_is_never_found_or_never_there_the_ratio_is_0(name, average, pred, target):
    make, function, theirs = RATIOS[name]
    expected = theirs(target, pred, average=average, zero_division=0)
    assert_agree(expected, make(average), function, np.array(pred), np.array(target), average=average)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_confusion_matrix(seed, weighted):
    rng = np.random.default_rng(seed)
    pred, target, weight = rng.normal(size=(29, 5)), rng.integers(0, 4, 29), weights(rng, 29, weighted)
    for classes in (None, 5, 8):
        expected = sklearn.confusion_matrix(target, pred.argmax(1), labels=range(classes or 5), sample_weight=weight)
        one = nn_core.confusion_matrix(pred, target, weight, num_classes=classes)
        assert one.dtype == expected.dtype
        np.testing.assert_allclose(one, expected, rtol=1e-12)
        np.testing.assert_allclose(
            in_batches(nn_core.ConfusionMatrix(classes), pred, target, weight), expected, rtol=1e-12
        )


# Ranking


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("levels", [2, 5, 10**6])
@pytest.mark.parametrize("seed", SEEDS)
def test_roc_auc_with_and_without_ties(seed, levels, weighted):
    rng = np.random.default_rng(seed)
    scores, target = rng.integers(-levels, levels, 53) / 7, np.r_[0, 1, rng.integers(0, 2, 51)]
    weight = weights(rng, 53, weighted)
    expected = sklearn.roc_auc_score(target, scores, sample_weight=weight)
    for pred in (scores, scores[:, None], scores.astype("float32")):
        assert_agree(expected, nn_core.ROCAUC(), nn_core.roc_auc, pred, target, weight)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_roc_auc_of_one_class_against_the_rest(seed, weighted):
    rng = np.random.default_rng(seed)
    logits, target = rng.normal(size=(47, 4)).round(1), np.r_[0:4, rng.integers(0, 4, 43)]
    pred, weight = softmax(logits), weights(rng, 47, weighted)
    expected = sklearn.roc_auc_score(target, pred, multi_class="ovr", average="macro", sample_weight=weight)
    assert_agree(expected, nn_core.ROCAUC(), nn_core.roc_auc, pred, target, weight)
    assert_agree(expected, nn_core.ROCAUC(), nn_core.roc_auc, pred, np.eye(4)[target], weight)
    metric = nn_core.ROCAUC(from_logits=True)
    assert_agree(expected, metric, nn_core.roc_auc, logits, target, weight, from_logits=True)
    expected = sklearn.roc_auc_score(target > 1, pred[:, 1], sample_weight=weight)
    pair = np.stack([1 - pred[:, 1], pred[:, 1]], axis=1)
    assert_agree(expected, nn_core.ROCAUC(), nn_core.roc_auc, pair, (target > 1).astype(int), weight)


def test_roc_auc_is_undefined_where_a_class_has_no_samples():
    for pred, target, options in (
        (np.array([0.1, 0.7]), np.array([1, 1]), {}),
        (softmax(np.eye(3)), np.array([0, 1, 1]), {"multi_class": "ovr", "labels": [0, 1, 2]}),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = sklearn.roc_auc_score(target, pred, **options)
        assert np.isnan(expected)
        assert np.isnan(nn_core.roc_auc(pred, target))


# Regression


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(31,), (31, 1), (31, 4), (2, 3)])
@pytest.mark.parametrize("name", REGRESSIONS)
def test_regression(name, shape, weighted):
    make, function, theirs = REGRESSIONS[name]
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        pred, target = rng.normal(size=shape), rng.normal(size=shape)
        weight = weights(rng, shape[0], weighted)
        if weighted:
            weight[:2] = rng.uniform(0.5, 2, 2)
        expected = theirs(target, pred, sample_weight=weight)
        assert_agree(expected, make(), function, pred, target, weight)
        if shape[1:] == (1,):
            assert_agree(expected, make(), function, pred, target[:, 0], weight)
        single = theirs(target.astype("float32").astype(float), pred.astype("float32").astype(float))
        assert_agree(single, make(), function, pred.astype("float32"), target.astype("float32"))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mean", [1e6, -1e6, 1e8])
def test_r2_far_from_zero(mean, weighted):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        target = mean + rng.normal(size=(1001, 3))
        pred = target + rng.normal(size=(1001, 3)) / 3
        weight = weights(rng, 1001, weighted)
        expected = sklearn.r2_score(target, pred, sample_weight=weight)
        assert_agree(expected, nn_core.R2Score(), nn_core.r2_score, pred, target, weight, rel=1e-9)


@pytest.mark.parametrize(
    ("pred", "target"),
    [
        ([3.0, 3.0, 3.0], [3.0, 3.0, 3.0]),
        ([3.0, 3.0, 3.1], [3.0, 3.0, 3.0]),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]),
        ([[1.0, 5.0], [1.0, 5.0], [2.0, 6.0]], [[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]),
    ],
)
def test_r2_where_nothing_varies_or_nothing_is_missed(pred, target):
    expected = sklearn.r2_score(target, pred)
    assert_agree(expected, nn_core.R2Score(), nn_core.r2_score, np.array(pred), np.array(target))


def test_r2_of_one_sample_is_undefined():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(sklearn.r2_score([1.0], [2.0]))
    assert np.isnan(nn_core.r2_score([2.0], [1.0]))
