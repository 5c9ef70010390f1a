"""Samplers: which samples an epoch visits, and in which order."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import ConfigError, DataError
from nn_data import DataLoader, StratifiedSampler, WeightedSampler, class_weights

LABELS = np.repeat([4, 7, 9], [80, 15, 5])


def test_samples_come_up_in_proportion_to_their_weights():
    weights = np.array([1.0, 2.0, 0.0, 5.0])
    counts = np.bincount(WeightedSampler(weights, size=80_000).order(seed=0, epoch=0), minlength=4)
    expected = 80_000 * weights / 8
    assert (np.abs(counts - expected) <= 4 * np.sqrt(expected)).all()


def test_equal_weights_draw_minibatches_with_replacement():
    order = WeightedSampler(np.ones(1000)).order(seed=0, epoch=0)
    different = len(set(order.tolist()))
    assert abs(different - 1000 * (1 - np.exp(-1))) < 50  # 1 − 1/e of the samples are drawn at least once


def test_without_replacement_no_sample_comes_up_twice():
    order = WeightedSampler([1, 0, 1, 3, 1], size=4, replacement=False).order(seed=0, epoch=0)
    assert sorted(order.tolist()) == [0, 2, 3, 4]


def test_class_weights_make_classes_equally_frequent():
    labels = np.unique(LABELS, return_inverse=True)[1]
    order = WeightedSampler(class_weights(labels)[labels], size=30_000).order(seed=1, epoch=0)
    counts = np.bincount(labels[order])
    assert (np.abs(counts - 10_000) < 4 * np.sqrt(10_000)).all()


@pytest.mark.parametrize("batch_size", [10, 20, 50])
def test_every_batch_has_nearly_the_share_of_every_class(batch_size):
    loader = DataLoader((np.arange(100), LABELS), batch_size, sampler=StratifiedSampler(LABELS))
    for _ in range(3):
        seen = []
        for x, y in loader:
            seen += x.tolist()
            for label, count in ((4, 80), (7, 15), (9, 5)):
                assert abs((y == label).sum() - count * batch_size / 100) < 1 + 1e-9
        assert sorted(seen) == list(range(100))


@pytest.mark.parametrize("sampler", [StratifiedSampler(LABELS), WeightedSampler(np.ones(100))], ids=["strata", "draw"])
def test_an_epochs_order_follows_from_seed_and_epoch_alone(sampler):
    first, again = sampler.order(3, 5), sampler.order(3, 5)
    np.testing.assert_array_equal(first, again)
    for other in (sampler.order(3, 6), sampler.order(4, 5), sampler.order(-3, 5)):
        assert (first != other).any()


def test_a_loader_has_as_many_batches_as_its_sampler_has_samples():
    loader = DataLoader((np.arange(5), np.arange(5)), 4, sampler=WeightedSampler(np.ones(5), size=11))
    assert [len(x) for x, _ in loader] == [4, 4, 3]
    assert len(loader) == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"weights": [1, -1]}, "finite number of at least 0"),
        ({"weights": [1, np.nan]}, "finite number of at least 0"),
        ({"weights": [[1, 1]]}, "per sample"),
        ({"weights": [0, 0]}, "all 0"),
        ({"weights": []}, "all 0"),
        ({"weights": [1, 1], "size": 0}, "size .* got 0"),
        ({"weights": [1, 1], "size": True}, "size .* got True"),
        ({"weights": [1, 0, 1], "size": 3, "replacement": False}, "3 samples cannot .* 2 whose weight is not 0"),
    ],
)
def test_weights_that_make_no_sense_are_refused(options, said):
    with pytest.raises(ConfigError, match=said):
        WeightedSampler(**options)


def test_labels_are_one_per_sample():
    with pytest.raises(ConfigError, match=r"one per sample, got the shape \(1, 2\)"):
        StratifiedSampler([[0, 1]])


def test_a_sampler_and_shuffling_exclude_each_other():
    with pytest.raises(ConfigError, match="leave shuffle out"):
        DataLoader((LABELS, LABELS), sampler=StratifiedSampler(LABELS), shuffle=True)
    with pytest.raises(ConfigError, match=r"A sampler has len\(\) and order"):
        DataLoader((LABELS, LABELS), sampler=[3, 1, 2])


@pytest.mark.parametrize("sampler", [StratifiedSampler([0, 1]), WeightedSampler([1, 1, 1], size=5)])
def test_a_sampler_for_another_number_of_samples_is_refused(sampler):
    with pytest.raises(ConfigError, match=f"Sampler is for {sampler.samples} samples, and the dataset has 5"):
        DataLoader((np.arange(5), np.arange(5)), sampler=sampler)


class Beyond:
    def __len__(self):
        return 2

    def order(self, seed, epoch):
        return np.array([1, 5])


def test_a_sample_that_is_not_there_is_named():
    with pytest.raises(DataError, match="Beyond chose sample 5 of a dataset of 5"):
        next(iter(DataLoader((np.arange(5), np.arange(5)), sampler=Beyond())))
