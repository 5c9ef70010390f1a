"""Weights of classes, some classes alone, one-hot rows."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import ArrayDataset, ConfigError, CrossEntropyLoss, DataError
from nn_data import DatasetInfo, class_weights, keep_classes, one_hot


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_is_that_of_the_unit_matrix(dtype):
    rows = one_hot(np.array([2, 0, 3], np.uint8), 5, dtype)
    np.testing.assert_array_equal(rows, np.eye(5)[[2, 0, 3]])
    assert rows.dtype == dtype


def test_the_number_of_classes_follows_from_the_labels():
    assert one_hot([0, 2]).shape == (2, 3)
    assert one_hot([]).shape == (0, 0)


@pytest.mark.parametrize(
    ("labels", "said"),
    [([3], "from 0 to 2 .* got 3"), ([-1], "got -1"), ([0.5], "integers"), ([[1]], "one per sample")],
)
def test_what_is_no_label_is_refused(labels, said):
    with pytest.raises(DataError, match=said):
        one_hot(labels, 3)


def test_weights_give_all_classes_the_same_influence():
    labels = np.repeat([0, 1, 3], [50, 30, 20])
    weights = class_weights(labels, 5)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, [100 / 150, 100 / 90, 0, 100 / 60, 0], rtol=1e-6)
    sums = np.bincount(labels, weights[labels], minlength=5)
    np.testing.assert_allclose(sums[[0, 1, 3]], 100 / 3, rtol=1e-6)
    CrossEntropyLoss(weight=weights)(np.zeros((100, 5), np.float32), labels)


def test_no_labels_have_no_weights():
    with pytest.raises(DataError, match="no labels"):
        class_weights([])


def test_kept_classes_are_numbered_in_their_order_and_keep_their_names_and_weights():
    y = np.array([0, 1, 7, 1, 2, 7])
    info = DatasetInfo(name="some", class_names=tuple("abcdefgh"))
    kept = keep_classes(ArrayDataset(np.arange(6), y, np.arange(6) / 10, info), [7, 1])
    assert kept.x.tolist() == [1, 2, 3, 5]
    assert kept.y.tolist() == [1, 0, 1, 0]
    np.testing.assert_array_equal(kept.weight, [0.1, 0.2, 0.3, 0.5])
    assert kept.info.class_names == ("h", "b")


def test_several_inputs_are_kept_together():
    kept = keep_classes(ArrayDataset((np.arange(3), np.arange(6).reshape(3, 2)), np.array([0, 1, 0])), [0])
    assert kept.x[0].tolist() == [0, 2]
    assert kept.x[1].tolist() == [[0, 1], [4, 5]]


@pytest.mark.parametrize(
    ("classes", "error", "said"),
    [
        ([], ConfigError, "at least one"),
        ([1, 1], ConfigError, "different labels"),
        (["a"], ConfigError, "different labels"),
        ([0, 9], DataError, r"no sample of class 9; there are \[0, 1\]"),
    ],
)
def test_classes_that_cannot_be_kept_are_refused(classes, error, said):
    with pytest.raises(error, match=said):
        keep_classes(ArrayDataset(np.arange(3), np.array([0, 1, 0])), classes)


def test_targets_of_a_regression_are_no_classes():
    with pytest.raises(DataError, match="Labels are integers"):
        keep_classes(ArrayDataset(np.arange(3), np.array([0.5, 1, 0])), [0])
