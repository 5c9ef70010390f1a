"""Splits, scalers, encoders and transforms of images against scikit-learn, SciPy and PyTorch."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nn_data import Preprocessing, TableDataset, class_weights, k_fold, split_indices
from nn_data.transforms.geometry import warp

sklearn_model_selection = pytest.importorskip("sklearn.model_selection", reason="scikit-learn is not installed")
sklearn_preprocessing = pytest.importorskip("sklearn.preprocessing")
sklearn_impute = pytest.importorskip("sklearn.impute")
sklearn_utils = pytest.importorskip("sklearn.utils.class_weight")
ndimage = pytest.importorskip("scipy.ndimage", reason="SciPy is not installed")
torch = pytest.importorskip("torch", reason="PyTorch is not installed")

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "a": np.where(RNG.random(500) < 0.1, np.nan, RNG.normal(3, 7, 500)),
        "b": RNG.integers(-5, 1000, 500),
        "c": RNG.choice(["x", "yy", "z z", "ä"], 500),
        "y": RNG.normal(size=500),
    }
)


@pytest.mark.parametrize("n", [7, 10, 101])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_folds_of_neighbors_are_those_of_scikit_learn(n, k):
    expected = sklearn_model_selection.KFold(k).split(np.zeros(n))
    for (train, test), (other_train, other_test) in zip(k_fold(n, k, seed=None), expected, strict=True):
        np.testing.assert_array_equal(train, other_train)
        np.testing.assert_array_equal(test, other_test)


@pytest.mark.parametrize(("n", "k"), [(7, 2), (10, 3), (101, 5), (6, 5)])
def test_folds_in_the_order_of_time_are_those_of_scikit_learn(n, k):
    expected = sklearn_model_selection.TimeSeriesSplit(k).split(np.zeros(n))
    for (train, test), (other_train, other_test) in zip(k_fold(n, k, ordered=True), expected, strict=True):
        np.testing.assert_array_equal(train, other_train)
        np.testing.assert_array_equal(test, other_test)


def test_folds_by_class_have_as_many_of_each_as_those_of_scikit_learn():
    labels = RNG.choice(4, 200, p=[0.5, 0.3, 0.15, 0.05])
    expected = sklearn_model_selection.StratifiedKFold(5).split(np.zeros(200), labels)
    for (_, test), (_, other) in zip(k_fold(200, 5, labels=labels), expected, strict=True):
        assert np.abs(np.bincount(labels[test], minlength=4) - np.bincount(labels[other], minlength=4)).max() <= 1


def test_folds_by_group_are_as_even_as_those_of_scikit_learn():
    groups = RNG.integers(0, 30, 500)
    ours = sorted(len(test) for _, test in k_fold(500, 4, groups=groups))
    theirs = sorted(len(test) for _, test in sklearn_model_selection.GroupKFold(4).split(np.zeros(500), groups=groups))
    assert ours == theirs  # both deal out the largest groups first


@pytest.mark.parametrize("test_size", [0.1, 0.25, 0.33])
def test_parts_by_class_have_as_many_of_each_as_those_of_scikit_learn(test_size):
    labels = RNG.choice(4, 237, p=[0.5, 0.3, 0.15, 0.05])
    _, other = sklearn_model_selection.train_test_split(np.arange(237), test_size=test_size, stratify=labels)
    _, test = split_indices(237, test_size=test_size, labels=labels)
    assert len(test) == len(other)
    assert np.abs(np.bincount(labels[test]) - np.bincount(labels[other])).max() <= 1


@pytest.mark.parametrize(("numeric", "scaler"), [("standardize", "StandardScaler"), ("min_max", "MinMaxScaler")])
@pytest.mark.parametrize("strategy", ["mean", "median"])
def test_numbers_are_scaled_as_by_scikit_learn(numeric, scaler, strategy):
    data = TableDataset(FRAME, target="y", features=["a", "b"], numeric=numeric, missing=strategy)
    scale = getattr(sklearn_preprocessing, scaler)().fit(FRAME[["a", "b"]])  # which leaves missing values out
    filled = sklearn_impute.SimpleImputer(strategy=strategy).fit_transform(FRAME[["a", "b"]])
    np.testing.assert_allclose(data.x, scale.transform(pd.DataFrame(filled, columns=["a", "b"])), atol=1e-5)


def test_categories_are_encoded_as_by_scikit_learn():
    one_hot = TableDataset(FRAME, target="y", features="c").x
    expected = sklearn_preprocessing.OneHotEncoder(sparse_output=False).fit_transform(FRAME[["c"]])
    np.testing.assert_array_equal(one_hot, expected)
    ordinal = TableDataset(FRAME, target="y", features="c", categorical="ordinal").x
    np.testing.assert_array_equal(ordinal, sklearn_preprocessing.OrdinalEncoder().fit_transform(FRAME[["c"]]))


def test_unknown_categories_are_ignored_as_by_scikit_learn():
    encoder = sklearn_preprocessing.OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(FRAME[["c"]])
    preprocessing = Preprocessing("y", "c", unknown="ignore").fit(FRAME)
    new = pd.DataFrame({"c": ["x", "?", "ä"]})
    np.testing.assert_array_equal(preprocessing.inputs(new), encoder.transform(new))


def test_missing_values_are_told_as_by_scikit_learn():
    data = TableDataset(FRAME, target="y", features=["a", "b"], missing="mean", indicator=True)
    expected = sklearn_impute.MissingIndicator(features="missing-only").fit_transform(FRAME[["a", "b"]])
    np.testing.assert_array_equal(data.x[:, [1]], expected)
    assert data.x.shape == (500, 3)


def test_class_weights_are_those_of_scikit_learn():
    labels = RNG.choice(3, 100, p=[0.6, 0.3, 0.1])
    expected = sklearn_utils.compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights(labels), expected, rtol=1e-6)


def motions():
    angle, scale = np.deg2rad(RNG.uniform(-90, 90, 6)), RNG.uniform(0.5, 2, 6)
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    matrices = np.stack([np.stack([cos, sin], axis=1), np.stack([-sin, cos], axis=1)], axis=1)
    return matrices, RNG.uniform(-3, 3, (6, 2))


def test_images_are_turned_moved_and_scaled_as_by_scipy():
    x = RNG.random((6, 2, 11, 8))
    matrices, moves = motions()
    y = warp(x, matrices, moves, "")
    center = (np.array([11, 8]) - 1) / 2
    for image, matrix, move, found in zip(x, matrices, moves, y, strict=True):
        offset = center - matrix @ (center + move)
        for channel, result in zip(image, found, strict=True):
            padded = np.pad(channel, 1)  # SciPy cuts off beyond the outermost pixels, where we interpolate with 0
            expected = ndimage.affine_transform(
                padded, matrix, offset + 1 - matrix @ [1.0, 1.0], (13, 10), order=1, mode="constant"
            )
            np.testing.assert_allclose(result, expected[1:-1, 1:-1], atol=1e-10)


def test_images_are_turned_moved_and_scaled_as_by_pytorch():
    x = RNG.random((6, 2, 11, 8))
    matrices, moves = motions()
    # PyTorch's grids are in units of half the image, columns first.
    half = np.array([11, 8]) / 2
    theta = np.zeros((6, 2, 3))
    theta[:, :, :2] = (matrices * half / half[:, None])[:, ::-1, ::-1]
    theta[:, :, 2] = (-(matrices @ moves[..., None])[..., 0] / half)[:, ::-1]
    grid = torch.nn.functional.affine_grid(torch.tensor(theta), x.shape, align_corners=False)
    expected = torch.nn.functional.grid_sample(torch.tensor(x), grid, align_corners=False)
    np.testing.assert_allclose(warp(x, matrices, moves, ""), expected.numpy(), atol=1e-10)
