"""Samples in parts: by class, by group, in the order of time, and in folds."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from nn_core import ConfigError, DataError
from nn_data import ArrayDataset, Subset, k_fold, split, split_indices, stratified_split

LABELS = {
    "balanced": [0, 1, 2] * 20,
    "skewed": [0] * 90 + [1] * 9 + [2] * 1,
    "shuffled": np.random.default_rng(1).integers(0, 7, 211).tolist(),
    "singletons": list(range(12)),
    "one class": [5] * 17,
    "negative and spaced": [-3, 100, -3, 7, 7, 7, 100, -3, 7, 7],
    "text": ["cat", "dog", "dog", "cat", "owl", "dog", "owl", "dog"],
}


@pytest.mark.parametrize("size", [1, 2, 3, 0.1, 0.25, 1 / 3, 0.5, 0.75])
@pytest.mark.parametrize("name", LABELS)
def test_every_class_keeps_its_share_to_within_one_sample(name, size):
    labels = LABELS[name]
    train, test = stratified_split(labels, size, seed=3)
    share = Fraction(len(test), len(labels))
    there, taken = Counter(labels), Counter(labels[i] for i in test)
    for label, count in there.items():
        assert abs(taken[label] - count * share) < 1
    assert Counter(labels[i] for i in train) == there - taken


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("seed", range(3))
def test_the_parts_are_sorted_disjoint_and_complete(name, seed):
    train, test = stratified_split(LABELS[name], 0.3, seed)
    assert sorted({*train, *test}) == list(range(len(LABELS[name])))
    assert len(train) + len(test) == len(LABELS[name])
    for part in (train, test):
        assert part.tolist() == sorted(part)


@pytest.mark.parametrize("n", [2, 7, 100, 1797])
def test_a_number_is_met_exactly_and_a_share_is_rounded_up(n):
    labels = np.arange(n) % 4
    for number in {1, n // 2, n - 1}:
        assert len(stratified_split(labels, number)[1]) == number
        assert len(stratified_split(labels, np.int64(number))[1]) == number
    for share in (0.1, 0.2, 0.37, 0.5):
        assert len(stratified_split(labels, share)[1]) == ceil(share * n)


def test_a_share_and_the_same_number_split_alike():
    labels = LABELS["shuffled"]
    np.testing.assert_array_equal(stratified_split(labels, 0.2)[1], stratified_split(labels, ceil(0.2 * 211))[1])


def test_the_same_seed_splits_alike_and_another_otherwise():
    labels = LABELS["shuffled"]
    first, again, other = (stratified_split(labels, 0.2, seed)[1].tolist() for seed in (4, 4, 5))
    assert first == again
    assert first != other
    assert len(first) == len(other)


def test_the_split_leaves_the_global_generator_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    stratified_split([0, 1] * 10, 0.5)
    assert np.random.get_state()[1].tolist() == before


def test_every_sample_of_a_class_is_chosen_about_equally_often():
    counts = np.zeros(20)
    for seed in range(400):
        counts[stratified_split([0] * 10 + [1] * 10, 0.3, seed)[1]] += 1
    assert counts.sum() == 400 * 6
    assert (np.abs(counts - 120) < 4 * np.sqrt(400 * 0.3 * 0.7)).all()


@pytest.mark.parametrize(
    "size", [0, 10, 11, -1, 0.0, 1.0, 1.5, -0.2, 0.95, True, False, float("nan"), float("inf"), np.int64(10)]
)
def test_a_size_that_empties_a_part_or_is_none_is_an_error_with_the_numbers(size):
    with pytest.raises(DataError) as caught:
        stratified_split([0, 1] * 5, size)
    assert "test_size" in str(caught.value)
    assert "10 samples" in str(caught.value)
    assert f"got {size!r}" in str(caught.value)


def test_no_samples_cannot_be_split():
    with pytest.raises(DataError, match="0 samples"):
        stratified_split([], 0.5)


# Parts of data


CLASSES = np.repeat([0, 1, 2], [60, 30, 10])


def test_every_sample_is_in_exactly_one_part():
    for options in ({}, {"labels": CLASSES}, {"ordered": True}, {"groups": np.arange(100) // 4}):
        parts = split_indices(100, test_size=0.2, validation=15, **options)
        assert len(parts) == 3
        assert sorted(np.concatenate(parts).tolist()) == list(range(100))
        assert all((np.diff(part) > 0).all() for part in parts)


def test_the_parts_have_the_sizes_that_were_asked_for():
    assert [len(part) for part in split_indices(10)] == [8, 2]
    assert [len(part) for part in split_indices(11, test_size=0.25)] == [8, 3]
    assert [len(part) for part in split_indices(100, test_size=7, validation=0.5)] == [43, 50, 7]


def test_the_same_seed_gives_the_same_parts_and_another_one_others():
    first, again, other = (split_indices(100, validation=0.1, seed=seed) for seed in (3, 3, 4))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_every_class_keeps_its_share_in_all_three_parts():
    parts = split_indices(100, test_size=0.2, validation=0.1, labels=CLASSES)
    assert [np.bincount(CLASSES[part]).tolist() for part in parts] == [[42, 21, 7], [6, 3, 1], [12, 6, 2]]


def test_classes_may_be_words_and_one_may_be_missing():
    labels = np.array(["a", None, "b", np.nan] * 10, object)
    _, test = split_indices(40, test_size=8, labels=labels)
    assert sorted(map(str, labels[test])) == ["None"] * 2 + ["a"] * 2 + ["b"] * 2 + ["nan"] * 2


def test_a_group_is_in_one_part_alone():
    groups = np.random.default_rng(0).integers(0, 20, 200)
    parts = split_indices(200, test_size=0.25, validation=2, groups=groups)
    homes = [set(groups[part]) for part in parts]
    assert [len(home) for home in homes] == [13, 2, 5]
    assert not homes[0] & homes[1] | homes[0] & homes[2] | homes[1] & homes[2]


def test_parts_in_the_order_of_time_follow_one_another():
    parts = split_indices(10, test_size=0.3, validation=2, ordered=True, seed=9)
    assert [part.tolist() for part in parts] == [[0, 1, 2, 3, 4], [5, 6], [7, 8, 9]]


X, Y = np.arange(20.0).reshape(10, 2), np.arange(10)


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (X, lambda part: (part[:, 0] / 2).tolist()),
        ((X, Y), lambda part: part[1].tolist()),
        ([*range(10)], lambda part: part),
        (pd.DataFrame({"a": Y}, index=Y[::-1]), lambda part: part["a"].tolist()),
        (pa.table({"a": Y}), lambda part: part["a"].to_pylist()),
        (ArrayDataset(X, Y, Y, info="known"), lambda part: part.weight.tolist()),
        (Subset(ArrayDataset(X, Y), Y), lambda part: part.take(np.arange(len(part)))[1].tolist()),
    ],
    ids=["array", "tuple", "list", "pandas", "arrow", "dataset", "subset"],
)
def test_the_parts_are_of_the_kind_of_the_whole(data, rows):
    train, test = split(data, test_size=3, seed=1)
    expected = split_indices(10, test_size=3, seed=1)
    assert [rows(train), rows(test)] == [part.tolist() for part in expected]
    assert type(train) is type(test) is type(data)


def test_classes_and_groups_may_be_columns_of_the_table():
    frame = pd.DataFrame({"a": range(100), "c": CLASSES, "g": np.arange(100) // 5})
    for table in (frame, pa.Table.from_pandas(frame)):
        _, test = split(table, test_size=0.2, labels="c", seed=1)
        assert np.bincount(np.asarray(test["c"])).tolist() == [12, 6, 2]
        train, test = split(table, test_size=0.2, groups="g", seed=1)
        assert not set(np.asarray(train["g"]).tolist()) & set(np.asarray(test["g"]).tolist())
    assert next(k_fold(frame, 50, seed=None))[1].tolist() == [0, 1]


def test_parts_of_a_dataset_know_what_is_known_about_it():
    for data in (ArrayDataset(X, Y, info="known"), Subset(ArrayDataset(X, Y, info="known"), Y)):
        assert [part.info for part in split(data)] == ["known", "known"]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"test_size": 60, "validation": 40}, DataError, "validation must be a share .* 100 samples empty, got 40"),
        ({"validation": 0.9}, DataError, "validation .* got 0.9"),
        ({"test_size": "half"}, DataError, "test_size .* got 'half'"),
        ({"labels": [1, 2]}, DataError, r"labels must be one per sample, of shape \(100,\), got \(2,\)"),
        ({"groups": np.zeros(100)}, DataError, "1 samples empty"),
        ({"groups": CLASSES, "labels": CLASSES}, ConfigError, "only one of them"),
        ({"ordered": True, "labels": CLASSES}, ConfigError, "only one of them"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(options, error, said):
    with pytest.raises(error, match=said):
        split_indices(100, **options)


@pytest.mark.parametrize(
    ("data", "said"), [(iter([1]), "has no length"), ((X, Y[:3]), r"same length, got \[3, 10\]"), ("abcdefghij", "str")]
)
def test_what_cannot_be_divided_is_refused(data, said):
    with pytest.raises(DataError, match=said):
        split(data)


# Folds


@pytest.mark.parametrize("options", [{}, {"labels": CLASSES}, {"groups": np.arange(100) // 3}, {"seed": None}])
@pytest.mark.parametrize("k", [2, 3, 7])
def test_each_sample_is_tested_once_and_trained_on_otherwise(options, k):
    folds = list(k_fold(100, k, **options))
    assert len(folds) == k
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(100))
    for train, test in folds:
        assert sorted([*train, *test]) == list(range(100))


def test_folds_by_class_have_the_same_number_of_each_to_within_one():
    for _, test in k_fold(100, 7, labels=CLASSES):
        counts = np.bincount(CLASSES[test], minlength=3)
        assert (np.abs(counts - np.array([60, 30, 10]) / 7) < 1).all()


def test_folds_by_group_have_nearly_the_same_size():
    groups = np.random.default_rng(0).integers(0, 40, 1000)
    folds = list(k_fold(1000, 5, groups=groups))
    for train, test in folds:
        assert not set(groups[train]) & set(groups[test])
    assert max(len(test) for _, test in folds) - min(len(test) for _, test in folds) <= np.bincount(groups).max()


@pytest.mark.parametrize("options", [{}, {"labels": CLASSES}, {"groups": np.arange(100) // 3}])
def test_the_seed_decides_about_folds(options):
    first, again, other = ([test.tolist() for _, test in k_fold(100, 5, seed=seed, **options)] for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("n", "options", "error", "said"),
    [
        (3, {"k": 4}, DataError, "3 samples do not make 4 folds"),
        (4, {"k": 4, "ordered": True}, DataError, "4 samples do not make 4 folds"),
        (10, {"k": 3, "groups": [0] * 5 + [1] * 5}, DataError, "2 groups do not make 3 folds"),
        (10, {"k": 1}, ConfigError, "k must be an integer of at least 2, got 1"),
        (10, {"k": 2.0}, ConfigError, r"got 2\.0"),
        (10, {"k": True}, ConfigError, "got True"),
        (4, {"k": 2, "labels": [0] * 4, "ordered": True}, ConfigError, "only one"),
        (4, {"k": 2, "labels": [0] * 3}, DataError, "one per sample"),
    ],
)
def test_folds_that_make_no_sense_are_refused_at_once_or_at_the_first_one(n, options, error, said):
    with pytest.raises(error, match=said):
        next(k_fold(n, **options))
