"""Batches of a dataset, epoch after epoch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from nn_core import ArrayDataset, ConfigError, DataError, Linear, fit
from nn_data import DataLoader

X, Y = np.arange(20).reshape(10, 2), np.arange(10)


class Squares:
    """A dataset that is no array: it remembers what was asked for."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.asked: list[list[int]] = []

    def __len__(self) -> int:
        return self.n

    def take(self, indices):
        self.asked.append(indices.tolist())
        return indices, indices**2


def labels(loader) -> list[list[int]]:
    return [batch[1].tolist() for batch in loader]


def flat(loader) -> list[int]:
    return list(itertools.chain(*labels(loader)))


# Batches


def test_without_shuffling_the_batches_are_in_order_and_the_last_one_is_smaller():
    loader = DataLoader(ArrayDataset(X, Y), batch_size=4)
    assert labels(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert labels(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_x_and_y_of_a_sample_stay_together():
    for x, y in DataLoader((X, Y), batch_size=3, shuffle=True):
        np.testing.assert_array_equal(x, X[y])


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("n", "batch_size"), [(10, 1), (10, 3), (10, 5), (10, 10), (10, 11), (1, 4), (0, 4)])
def test_the_length_is_the_number_of_batches(n, batch_size, drop_last):
    loader = DataLoader(Squares(n), batch_size, drop_last=drop_last)
    batches = labels(loader)
    full, rest = divmod(n, batch_size)
    assert [len(batch) for batch in batches] == [batch_size] * full + ([rest] if rest and not drop_last else [])
    assert len(loader) == len(batches)


def test_dropping_the_last_batch_drops_other_samples_in_every_epoch():
    loader = DataLoader((X, Y), batch_size=4, shuffle=True, drop_last=True)
    seen = [flat(loader) for _ in range(4)]
    assert all(len(set(epoch)) == 8 for epoch in seen)
    assert len({frozenset(epoch) for epoch in seen}) > 1


def test_the_samples_of_a_batch_are_gathered_in_one_go_when_it_is_due():
    data = Squares(5)
    batches = iter(DataLoader(data, batch_size=2))
    assert data.asked == []
    next(batches)
    assert data.asked == [[0, 1]]
    next(batches)
    assert data.asked == [[0, 1], [2, 3]]


def test_weights_and_tuples_of_arrays_are_passed_on():
    weight = np.linspace(0, 1, 10)
    for x, y, w in DataLoader((X, Y, weight), batch_size=4, shuffle=True):
        np.testing.assert_array_equal(w, weight[y])
        np.testing.assert_array_equal(x, X[y])
    for (a, b), (c, d) in DataLoader(ArrayDataset((X, Y), (Y, -Y)), batch_size=4, shuffle=True):
        np.testing.assert_array_equal(a, X[c])
        np.testing.assert_array_equal(b, c)
        np.testing.assert_array_equal(d, -c)


def test_lists_will_do():
    assert labels(DataLoader(([[1.0], [2.0], [3.0]], [1, 0, 2]), batch_size=2)) == [[1, 0], [2]]


# Order


def test_every_shuffled_epoch_visits_every_sample_once_in_an_order_of_its_own():
    loader = DataLoader((X, Y), batch_size=3, shuffle=True)
    epochs = [flat(loader) for _ in range(5)]
    assert all(sorted(epoch) == Y.tolist() for epoch in epochs)
    assert len({tuple(epoch) for epoch in [*epochs, Y.tolist()]}) == 6


def test_the_same_seed_gives_the_same_epochs_and_another_seed_others():
    first, again, other = (DataLoader((X, Y), shuffle=True, seed=seed) for seed in (7, 7, 8))
    for _ in range(3):
        order = flat(first)
        assert order == flat(again)
        assert order != flat(other)


def test_an_epoch_can_be_repeated_without_those_before_it():
    loader = DataLoader((X, Y), batch_size=4, shuffle=True, seed=1)
    epochs = [labels(loader) for _ in range(4)]
    fresh = DataLoader((X, Y), batch_size=4, shuffle=True, seed=1)
    fresh.set_epoch(2)
    assert labels(fresh) == epochs[2]
    assert labels(fresh) == epochs[3]
    fresh.set_epoch(0)
    assert labels(fresh) == epochs[0]


def test_the_order_does_not_depend_on_the_batch_size():
    small, large = (DataLoader((X, Y), batch_size, shuffle=True, seed=1) for batch_size in (3, 10))
    assert flat(small) == flat(large)


def test_an_epoch_that_was_broken_off_counts():
    loader, whole = (DataLoader((X, Y), batch_size=2, shuffle=True) for _ in range(2))
    epochs = [labels(whole) for _ in range(2)]
    for _, y in loader:
        assert y.tolist() == epochs[0][0]
        break
    assert labels(loader) == epochs[1]


def test_two_passes_at_once_do_not_disturb_each_other():
    loader, alone = (DataLoader((X, Y), batch_size=3, shuffle=True) for _ in range(2))
    expected = [labels(alone) for _ in range(2)]
    first, second = iter(loader), iter(loader)
    found = [[a[1].tolist(), b[1].tolist()] for a, b in zip(first, second, strict=True)]
    assert [list(epoch) for epoch in zip(*found, strict=True)] == expected


def test_a_seed_may_be_any_integer():
    orders = [flat(DataLoader((X, Y), shuffle=True, seed=seed)) for seed in (-1, 0, 2**63)]
    assert len({tuple(order) for order in orders}) == 3


def test_the_loader_leaves_the_global_generator_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].tolist()
    flat(DataLoader((X, Y), shuffle=True))
    assert np.random.get_state()[1].tolist() == before


# With the training engine


class Noting(Linear):
    """A layer that notes the samples it sees."""

    def forward(self, x, *, input_gradient=True):
        vars(self).setdefault("order", []).append(x[:, 0].astype(int).tolist())
        return super().forward(x, input_gradient=input_gradient)


class Idle:
    """An optimizer that learns nothing."""

    def step(self):
        pass

    def zero_grad(self):
        pass


def test_training_visits_a_loader_as_it_visits_the_arrays_themselves():
    x, y = np.arange(10, dtype=np.float32)[:, None], np.zeros(10, np.int64)
    orders = []
    for data in ((x, y), DataLoader((x, y), batch_size=4, shuffle=True, seed=3)):
        model = Noting(1, 2)
        fit(model, data, loss="cross_entropy", optimizer=Idle(), epochs=3, batch_size=4, seed=3)
        orders.append(model.order)
    assert orders[0] == orders[1]
    assert [len(batch) for batch in orders[0]] == [4, 4, 2] * 3


# Errors


@pytest.mark.parametrize("batch_size", [0, -1, True, 2.0, "3"])
def test_a_batch_size_that_is_no_positive_integer_is_an_error(batch_size):
    with pytest.raises(ConfigError, match="batch_size of DataLoader must be an integer of at least 1") as caught:
        DataLoader((X, Y), batch_size)
    assert f"got {batch_size!r}" in str(caught.value)


class Endless:
    def take(self, indices):
        return indices, indices


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (X, "got ndarray"),
        ([1, 2], "got list"),
        (None, "got NoneType"),
        (Endless(), "got Endless"),
        ((X,), "got tuple of 1"),
        ((X, Y, Y, Y), "got tuple of 4"),
        ((), "got tuple of 0"),
    ],
)
def test_what_is_no_dataset_is_an_error(data, said):
    with pytest.raises(ConfigError) as caught:
        DataLoader(data)
    assert "dataset with len() and take(indices)" in str(caught.value)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


def test_arrays_of_different_lengths_are_an_error():
    with pytest.raises(DataError, match=r"lengths are \[10, 9\]"):
        DataLoader((X, Y[:9]))
