"""Stratified splits: every class keeps its share."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil

import numpy as np
import pytest

from nn_core import DataError
from nn_data import stratified_split

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
