"""Batches of a dataset, epoch after epoch."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from nn_core import ArrayDataset, Checkpoint, ConfigError, DataError, Linear, Optimizer, fit
from nn_data import DataLoader
from nn_data.transforms import Normalize, Transform

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
        (pd.DataFrame({"a": [1, 2]}), "got DataFrame"),
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


# Going on in the middle of an epoch


@pytest.mark.parametrize("prefetch", [0, 1, 3, 50])
@pytest.mark.parametrize("taken", [0, 1, 3, 5])
def test_a_loader_goes_on_after_the_batch_that_was_taken_last(taken, prefetch):
    def fresh():
        return DataLoader((X, Y), 2, shuffle=True, seed=4, prefetch=prefetch, threads=2)

    whole, loader = fresh(), fresh()
    epochs = [labels(whole) for _ in range(3)]
    labels(loader)
    for _ in itertools.islice(iter(loader), taken):
        pass
    state = loader.state_dict()
    other = fresh()
    other.load_state_dict(json.loads(json.dumps(state)))
    del state["settings"]
    if taken == 5:  # the epoch is over, and the place is the beginning of the next
        assert state == {"epoch": 2, "batch": 0}
        assert labels(other) == epochs[2]
    else:
        assert state == {"epoch": 1, "batch": taken}
        assert labels(other) == epochs[1][taken:]
        assert labels(other) == epochs[2]


def test_the_place_of_a_loader_that_did_nothing_is_the_beginning():
    state = DataLoader((X, Y)).state_dict()
    assert (state["epoch"], state["batch"]) == (0, 0)
    assert state["settings"]["samples"] == 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": 8}, "with seed=7, and this one has 8"),
        ({"shuffle": False}, "with shuffle=True, and this one has False"),
        ({"batch_size": 3}, "with batch_size=4, and this one has 3"),
        ({"dataset": (X[:9], Y[:9])}, "with samples=10, and this one has 9"),
    ],
)
def test_a_place_of_a_loader_with_other_settings_is_refused(options, said):
    given = {"dataset": (X, Y), "batch_size": 4, "shuffle": True, "seed": 7}
    with pytest.raises(ConfigError, match=f"position of a DataLoader {said}"):
        DataLoader(**(given | options)).load_state_dict(DataLoader(**given).state_dict())


@pytest.mark.parametrize("state", [{}, {"epoch": 1}, {"place": 3}])
def test_a_place_of_something_else_is_refused(state):
    with pytest.raises(ConfigError, match="position of a DataLoader has an epoch and a batch"):
        DataLoader((X, Y)).load_state_dict(state)


class Flow:
    """Batches that are only iterated, with a place of their own."""

    def __init__(self, n: int = 6, fails: int | None = None) -> None:
        self.n, self.fails, self.place, self.epoch, self.read = n, fails, 0, 0, []

    def set_epoch(self, epoch):
        self.epoch, self.place = epoch, 0

    def state_dict(self):
        return {"epoch": self.epoch, "place": self.place}

    def load_state_dict(self, state):
        self.epoch, self.place = state["epoch"], state["place"]

    def __iter__(self):
        while self.place < self.n:
            if self.place == self.fails:
                raise OSError("the line is dead")
            self.place += 1
            self.read.append(self.place)
            yield np.full(3, 100 * self.epoch + self.place), np.full(3, self.place)


@pytest.mark.parametrize("prefetch", [0, 1, 4])
def test_a_stream_is_gone_on_with_from_its_own_place_after_the_batch_taken_last(prefetch):
    loader = DataLoader(Flow(), prefetch=prefetch, transform=lambda x: -x)
    assert flat(loader) == [place for place in range(1, 7) for _ in range(3)]
    first = [x[0] for x, _ in itertools.islice(iter(loader), 2)]
    assert first == [-101, -102]
    state = loader.state_dict()
    assert state == {"epoch": 1, "batch": 2, "source": {"epoch": 1, "place": 2}, "settings": {}}
    stream = Flow()
    other = DataLoader(stream, prefetch=prefetch, transform=lambda x: -x)
    other.load_state_dict(state)
    assert [x[0] for x, _ in other] == [-103, -104, -105, -106]
    assert stream.read == [3, 4, 5, 6]
    assert [x[0] for x, _ in other][:2] == [-201, -202]


def test_a_stream_without_a_place_of_its_own_is_read_again():
    batches = [(np.array([i]), np.array([i])) for i in range(5)]
    loader = DataLoader(Iterated(batches))
    loader.load_state_dict({"epoch": 0, "batch": 3})
    assert flat(loader) == [3, 4]


class Iterated:
    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


@pytest.mark.parametrize("option", [{"batch_size": 3}, {"shuffle": True}, {"drop_last": True}, {"sampler": [1]}])
def test_a_stream_has_batches_of_its_own(option):
    with pytest.raises(ConfigError, match="Flow yields batches of its own"):
        DataLoader(Flow(), **option)


def test_the_length_of_a_stream_is_its_own():
    with pytest.raises(TypeError):
        len(DataLoader(Flow()))


@pytest.mark.parametrize("stream", [False, True], ids=["dataset", "stream"])
@pytest.mark.parametrize("batch", [2, 3, 5, 6, 9])
def test_fit_goes_on_with_a_loader_to_the_bit_without_reading_what_was_before(tmp_path, stream, batch):
    rng = np.random.default_rng(0)
    data = (rng.normal(size=(20, 1)).astype(np.float32), rng.normal(size=(20, 1)).astype(np.float32))

    class Noise(Transform):
        def __call__(self, x, rng):
            return (x + rng.normal(size=x.shape)).astype(np.float32)

    class Data(Flow):
        def __iter__(self):
            for _, y in super().__iter__():
                i = (y[0] + 3 * self.epoch) % 16
                yield data[0][i : i + 4], data[1][i : i + 4]

    def run(folder, source, stop=None, resume=None):
        class Stop:
            def on_batch_start(self, state):
                if state.trained + 1 == stop:
                    raise KeyboardInterrupt

        loader = DataLoader(source, *([] if stream else [4, True]), transform=Noise(), prefetch=2)
        model = Linear(1, 1)
        model.weight.data[:], model.bias.data[:] = 1, 0
        optimizer = Descent(model.parameters())
        checkpoint = Checkpoint(folder=folder, every_batches=1)
        fit(model, loader, loss="mse", optimizer=optimizer, epochs=3, callbacks=[Stop(), checkpoint], resume=resume)
        return model.weight.data, model.bias.data

    def make():
        return Data(5) if stream else data

    whole = run(tmp_path / "whole", make())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, make(), stop=batch)
    source = make()
    again = run(tmp_path, source, resume=tmp_path / "last.safetensors")
    np.testing.assert_array_equal(again[0], whole[0])
    np.testing.assert_array_equal(again[1], whole[1])
    if stream:
        assert len(source.read) == 15 - (batch - 1)


class Descent(Optimizer):
    def __init__(self, parameters):
        super().__init__(parameters)

    def update(self, part, state, **options):
        part.data -= 0.1 * part.grad


# Threads


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate() if thread.name.startswith("nn-data")}


class Slow(Squares):
    """A dataset that counts how many batches are being made, and can fail."""

    def __init__(self, n: int, fails: int | None = None) -> None:
        super().__init__(n)
        self.fails = fails
        self.made = 0

    def take(self, indices):
        if self.fails in indices:
            raise DataError(f"sample {self.fails} is damaged")
        self.made += 1
        return super().take(indices)


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_batches_are_made_ahead_than_were_asked_for(count, workers):
    data = Slow(100)
    batches = iter(DataLoader(data, 2, prefetch=count, threads=workers))
    for taken in range(1, 20):
        next(batches)
        assert data.made <= taken + count
    batches.close()
    assert data.made <= 19 + count


@pytest.mark.parametrize("workers", [1, 4])
def test_batches_come_in_their_order_whatever_the_number_of_threads(workers):
    plain = DataLoader((X, Y), 3, shuffle=True, seed=1)
    ahead = DataLoader((X, Y), 3, shuffle=True, seed=1, prefetch=4, threads=workers)
    for _ in range(20):
        assert labels(ahead) == labels(plain)
    assert not threads()


def test_threads_end_with_the_epoch_with_a_break_and_with_an_error():
    loader = DataLoader(Slow(100), 2, prefetch=3, threads=2)
    for _ in loader:
        assert threads()
    assert not threads()
    for _ in loader:
        break
    assert not threads()
    with pytest.raises(ZeroDivisionError):
        [1 / 0 for _ in loader]
    assert not threads()
    batches = iter(loader)
    next(batches)
    del batches
    assert not threads()


@pytest.mark.parametrize("prefetch", [0, 1, 8])
def test_an_error_comes_in_its_turn_and_ends_the_threads(prefetch):
    batches = iter(DataLoader(Slow(20, fails=9), 2, prefetch=prefetch))
    assert [next(batches)[0].tolist() for _ in range(4)] == [[0, 1], [2, 3], [4, 5], [6, 7]]
    with pytest.raises(DataError, match="sample 9 is damaged"):
        next(batches)
    assert not threads()
    with pytest.raises(StopIteration):
        next(batches)
    flow = iter(DataLoader(Flow(fails=2), prefetch=prefetch))
    assert [next(flow)[1][0], next(flow)[1][0]] == [1, 2]
    with pytest.raises(OSError, match="the line is dead"):
        next(flow)
    assert not threads()


def test_a_program_ends_though_a_prefetching_loader_was_left_in_the_middle():
    program = (
        "import numpy as np; from nn_data import DataLoader\n"
        "batches = iter(DataLoader((np.zeros(10**6), np.zeros(10**6)), 10, prefetch=4, threads=2))\n"
        "next(batches); print('left')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("left\n", "")


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"prefetch": -1}, "prefetch of DataLoader must be an integer of at least 0, got -1"),
        ({"prefetch": 1.0}, "prefetch"),
        ({"threads": 0}, "threads of DataLoader must be an integer of at least 1, got 0"),
        ({"transform": 3}, "A transform is"),
    ],
)
def test_options_that_make_no_sense_are_refused(option, said):
    with pytest.raises(ConfigError, match=said):
        DataLoader((X, Y), **option)


def test_a_transform_needs_a_batch():
    with pytest.raises(DataError, match=r"A batch is \(x, y\) or \(x, y, weight\), got ndarray"):
        next(iter(DataLoader(Iterated([X]), transform=lambda x: x)))


@pytest.mark.parametrize(
    "transform",
    [Normalize([10.0], [2.0]), [lambda x: x - 10, lambda x: x / 2], lambda x: (x - 10) / 2],
    ids=["transform", "list", "function"],
)
def test_a_transform_is_done_to_the_inputs_of_every_batch(transform):
    x = np.arange(10.0)[:, None]
    for batch in DataLoader((x, Y, Y / 10), 4, transform=transform):
        np.testing.assert_allclose(batch[0][:, 0], (batch[1] - 10) / 2)
        np.testing.assert_array_equal(batch[2], batch[1] / 10)


class Alone(Squares):
    def take(self, indices):
        return indices


def test_a_dataset_that_gives_inputs_alone_is_named():
    with pytest.raises(DataError, match=r"A batch is \(x, y\) or \(x, y, weight\), got ndarray"):
        next(iter(DataLoader(Alone(5), 2)))


def test_a_function_that_returns_nothing_is_named():
    with pytest.raises(DataError, match=r"The transform <function .*lambda.* returned nothing"):
        next(iter(DataLoader((X, Y), 2, transform=lambda x: None if x is None else print(end=""))))
