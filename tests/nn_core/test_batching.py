"""Batches of arrays, datasets, loaders and plain iterables."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import ArrayDataset, Batches, DataError
from nn_core.batching import Subset
from nn_core.protocols import Dataset
from nn_core.random import epoch_order

X, Y = np.arange(20).reshape(10, 2), np.arange(10)


def visited(batches, epoch=0):
    return [y.tolist() for _, y, *_ in batches.epoch(epoch)]


# Datasets


def test_an_array_dataset_gives_the_samples_at_indices():
    data = ArrayDataset(X, Y, np.ones(10))
    assert isinstance(data, Dataset)
    assert len(data) == 10
    x, y, weight = data.take(np.array([3, 0, 3]))
    assert x.tolist() == [[6, 7], [0, 1], [6, 7]]
    assert y.tolist() == [3, 0, 3]
    assert weight.tolist() == [1, 1, 1]
    assert (data.x is X, data.y is Y) == (True, True)
    assert len(ArrayDataset(X, Y).take(np.array([1]))) == 2


def test_inputs_and_targets_may_be_tuples_of_arrays():
    data = ArrayDataset((X, X[:, :1]), (Y, -Y))
    assert len(data) == 10
    (a, b), (c, d) = data.take(np.array([2, 1]))
    assert (a.tolist(), b.tolist()) == ([[4, 5], [2, 3]], [[4], [2]])
    assert (c.tolist(), d.tolist()) == ([2, 1], [-2, -1])
    assert repr(data) == "ArrayDataset(x=((10, 2), (10, 1)), y=((10,), (10,)))"


def test_lists_become_arrays():
    x, y = ArrayDataset([[1.0], [2.0]], [0, 1]).take(np.array([1]))
    assert (x.tolist(), y.tolist()) == ([[2.0]], [1])


def test_a_dataset_prints_its_shapes():
    assert repr(ArrayDataset(X, Y)) == "ArrayDataset(x=(10, 2), y=(10,))"
    assert repr(ArrayDataset(X, Y, Y)) == "ArrayDataset(x=(10, 2), y=(10,), weight=(10,))"


@pytest.mark.parametrize(
    ("columns", "lengths"), [((X, Y[:9]), [10, 9]), ((X, Y, Y[:1]), [10, 10, 1]), (((X, X[:2]), Y), [10, 2, 10])]
)
def test_every_array_has_one_row_per_sample(columns, lengths):
    with pytest.raises(DataError, match=re.escape(f"one row per sample; their lengths are {lengths}.")):
        ArrayDataset(*columns)


def test_a_subset_is_a_dataset_of_some_samples():
    part = Subset(ArrayDataset(X, Y), [7, 2, 5])
    assert len(part) == 3
    assert part.take(np.array([2, 0]))[1].tolist() == [5, 7]
    assert visited(Batches(part, 2)) == [[7, 2], [5]]


# Batches of arrays and datasets


@pytest.mark.parametrize("data", [(X, Y), ArrayDataset(X, Y), Subset(ArrayDataset(X, Y), np.arange(10))])
def test_samples_come_in_order_and_the_last_batch_may_be_smaller(data):
    batches = Batches(data, batch_size=4)
    assert visited(batches) == visited(batches, 1) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert len(batches) == batches.count() == 3
    assert [len(x) for x, _ in batches.epoch(0)] == [4, 4, 2]


def test_weights_travel_with_their_samples():
    x, y, weight = next(Batches((X, Y, Y / 10), batch_size=3, shuffle=True).epoch(0))
    assert (x[:, 0] == 2 * y).all()
    assert (weight == y / 10).all()


def test_shuffling_visits_every_sample_once_in_an_order_keyed_by_seed_and_epoch():
    batches = Batches((X, Y), batch_size=4, shuffle=True, seed=3)
    for epoch in (0, 1):
        order = [i for batch in visited(batches, epoch) for i in batch]
        assert order == epoch_order(10, 3, epoch).tolist()
        assert sorted(order) == list(range(10))
    assert visited(batches, 0) == visited(batches, 0)
    assert visited(batches, 0) != visited(batches, 1)
    assert visited(batches) != visited(Batches((X, Y), batch_size=4, shuffle=True, seed=4))


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "32", True, None])
def test_a_batch_size_is_a_positive_integer(batch_size):
    with pytest.raises(DataError, match=re.escape(f"batch_size must be an integer of at least 1, got {batch_size!r}.")):
        Batches((X, Y), batch_size)


def test_numpy_integers_are_batch_sizes_too():
    assert len(Batches((X, Y), np.int64(4))) == 3


# Loaders and iterables


def test_batches_of_an_iterable_come_as_they_are():
    weighted = (X[:2], Y[:2], np.ones(2))
    batches = Batches([(X[:3], Y[:3]), [X[3:], Y[3:]], weighted], batch_size=1, shuffle=True)
    assert visited(batches) == [[0, 1, 2], [3, 4, 5, 6, 7, 8, 9], [0, 1]]
    assert all(isinstance(batch, tuple) for batch in batches.epoch(0))
    assert len(batches) == batches.count() == 3


def test_a_loader_is_told_the_epoch():
    class Loader:
        epochs: list[int] = []  # noqa: RUF012 - one for all is what the test looks at

        def set_epoch(self, epoch):
            self.epochs.append(epoch)

        def __iter__(self):
            return iter([(X, Y + self.epochs[-1])])

    batches = Batches(Loader())
    assert visited(batches, 5)[0][0] == 5
    assert visited(batches, 2)[0][0] == 2
    assert batches.count() is None


def test_a_generator_can_be_read_only_once():
    batches = Batches((X[i:], Y[i:]) for i in (8, 9))
    assert batches.count() is None
    assert visited(batches) == [[8, 9], [9]]
    with pytest.raises(DataError) as caught:
        visited(batches, 1)
    assert str(caught.value) == (
        "The data yielded no batches in epoch 2. A generator can be read only once: pass a list, a dataset or a loader."
    )


def test_looking_at_the_first_batch_loses_nothing():
    for data in (iter([(X, Y), (X, -Y)]), ((X, sign * Y) for sign in (1, -1)), [(X, Y), (X, -Y)], (X, Y)):
        batches = Batches(data, batch_size=10)
        assert (batches.first()[1] == Y).all()
        assert (batches.first()[1] == Y).all()
        assert [y[1] for _, y in batches.epoch(0)] == [1, -1] or isinstance(data, tuple)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "There are no samples in the data."),
        ((np.zeros((0, 2)), np.zeros(0)), "There are no samples in the data."),
        (iter(()), "The data yielded no batches in epoch 1."),
    ],
)
def test_no_data_is_an_error(data, message):
    batches = Batches(data)
    for ask in (batches.first, lambda: list(batches.epoch(0))):
        with pytest.raises(DataError, match=re.escape(message)):
            ask()


class Table:
    """Like a shuffled table of pandas: it turns into an array, but its [] goes by the rows' labels."""

    def __init__(self, values, labels):
        self.values, self.labels, self.shape = values, labels, values.shape

    def __len__(self):
        return len(self.values)

    def __getitem__(self, labels):
        return self.values[[self.labels.index(label) for label in labels]]

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


def test_a_table_is_read_in_the_order_of_its_rows_not_of_their_labels():
    shuffled = Table(np.array([[10.0], [20.0], [30.0]]), labels=[2, 0, 1])
    x, y = next(Batches((shuffled, np.arange(3)), batch_size=3).epoch(0))
    assert x.tolist() == [[10.0], [20.0], [30.0]]
    assert y.tolist() == [0, 1, 2]


@pytest.mark.parametrize("y", [np.array(["a", "b"]), ["a", "b"], np.array([None, 1])])
def test_what_does_not_consist_of_numbers_is_refused(y):
    with pytest.raises(DataError, match="A dataset consists of numbers"):
        Batches((np.zeros((2, 1)), y))


def test_one_array_alone_is_no_data():
    with pytest.raises(DataError, match=r"Expected arrays \(x, y\), .* got ndarray"):
        Batches(np.zeros((4, 2)))


@pytest.mark.parametrize(
    ("batch", "kind"), [(X, "ndarray"), ((X,), "tuple"), ((X, Y, Y, Y), "tuple"), ({"x": X, "y": Y}, "dict")]
)
def test_what_is_no_batch_is_refused(batch, kind):
    with pytest.raises(DataError, match=re.escape(f"A batch is (x, y) or (x, y, weight), got {kind}.")):
        list(Batches([batch]).epoch(0))


@pytest.mark.parametrize("data", [None, 3, X.sum, object])
def test_what_is_no_data_is_refused(data):
    with pytest.raises(DataError, match=re.escape("Expected arrays (x, y), a dataset with len() and take(), or an")):
        Batches(data)


def test_a_subset_takes_a_mask_and_refuses_what_is_not_there():
    data = ArrayDataset(np.arange(5), np.array([0, 1, 0, 1, 1]))
    part = Subset(data, data.y == 1)
    assert len(part) == 3
    assert part.take(np.arange(3))[0].tolist() == [1, 3, 4]
    assert repr(part) == "Subset(3 of ArrayDataset(x=(5,), y=(5,)))"
    for wrong, said in (([5], "has no 5 to 5"), ([True], "got bool"), ([[0]], "of shape"), ([0.5], "got float64")):
        with pytest.raises(DataError, match=said):
            Subset(data, wrong)
