"""Metrics against the formulas written out."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from nn_core import Accuracy, ShapeError, accuracy


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
