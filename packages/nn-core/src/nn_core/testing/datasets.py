"""The checks of a dataset. Each takes a case and raises AssertionError with what was expected and what was seen."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen

from nn_core.batching import Batches
from nn_core.typing import Array


@frozen
class DatasetCase:
    """A dataset.

    Args:
        name: shown in the test's ID.
        make: returns the parts, such as (train, test), each with ``len()`` and ``take(indices)``.
    """

    name: str
    make: Callable[[], tuple[Any, ...]]


def _arrays(batch: Any) -> list[Array]:
    """Return all arrays of a batch."""
    return [array for part in batch for array in (part if isinstance(part, tuple) else (part,))]


def check_batch(case: DatasetCase) -> None:
    """`take` returns (x, y) or (x, y, weight) of arrays of numbers, a row for each index."""
    for part in case.make():
        n = len(part)
        assert n > 0, "a part has no samples"
        for indices in (np.arange(min(n, 3)), np.array([0]), np.arange(0)):
            batch = part.take(indices)
            form = isinstance(batch, tuple) and len(batch) in (2, 3)
            assert form, f"expected (x, y) or (x, y, weight) from take, got {type(batch).__name__}"
            for array in _arrays(batch):
                numbers = isinstance(array, np.ndarray) and array.dtype.kind in "fiub"
                assert numbers, f"expected arrays of numbers, got {getattr(array, 'dtype', type(array).__name__)}"
                assert len(array) == len(indices), (
                    f"expected a row for each of {len(indices)} indices, got {len(array)}"
                )
                assert np.isfinite(array).all(), "a sample has numbers that are not finite"


def check_order(case: DatasetCase) -> None:
    """Samples come in the order of the indices, each the same whatever it is taken with."""
    for part in case.make():
        indices = np.random.default_rng(0).integers(0, len(part), 7)
        together = _arrays(part.take(indices))
        for row, index in enumerate(indices):
            for array, alone in zip(together, _arrays(part.take(np.array([index]))), strict=True):
                assert np.array_equal(array[row], alone[0]), f"sample {index} is another one alone than among others"


def check_shape(case: DatasetCase) -> None:
    """All samples, of all parts, have one shape and dtype."""
    forms = set()
    for part in case.make():
        for indices in (np.array([0]), np.array([len(part) - 1])):
            forms.add(tuple((array.shape[1:], array.dtype.str) for array in _arrays(part.take(indices))))
    assert len(forms) == 1, f"samples differ in shape or dtype: {sorted(forms)}"


def check_determinism(case: DatasetCase) -> None:
    """The dataset is the same when it is made again."""
    for one, two in zip(case.make(), case.make(), strict=True):
        assert len(one) == len(two), f"made again, a part has {len(two)} samples, not {len(one)}"
        indices = np.arange(min(len(one), 50))
        for array, other in zip(_arrays(one.take(indices)), _arrays(two.take(indices)), strict=True):
            assert np.array_equal(array, other), "made again, the samples are others (is something random unseeded?)"


def check_independence(case: DatasetCase) -> None:
    """Writing to a batch does not change the dataset."""
    for part in case.make():
        indices = np.arange(min(len(part), 3))
        first = [array.copy() for array in _arrays(part.take(indices))]
        for array in _arrays(part.take(indices)):
            if array.flags.writeable:
                array[...] = 0
        for array, before in zip(_arrays(part.take(indices)), first, strict=True):
            assert np.array_equal(array, before), "writing to a batch changed the dataset"


def check_threads(case: DatasetCase) -> None:
    """Two threads can take samples at once."""
    part = case.make()[0]
    wanted = [np.random.default_rng(seed).integers(0, len(part), 20) for seed in range(2)]
    expected = [_arrays(part.take(indices)) for indices in wanted]
    seen: list[Any] = [None, None]

    def work(i: int) -> None:
        for _ in range(20):
            seen[i] = _arrays(part.take(wanted[i]))
            if not all(map(np.array_equal, seen[i], expected[i])):
                return

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(2):
        same = seen[i] is not None and all(map(np.array_equal, seen[i], expected[i]))
        assert same, "two threads that take samples at once get other ones"


def check_training(case: DatasetCase) -> None:
    """An epoch of shuffled batches visits every sample once."""
    part = case.make()[0]
    rows = sum(len(_arrays(batch)[0]) for batch in Batches(part, 64, shuffle=True).epoch(0))
    assert rows == len(part), f"an epoch has {rows} samples, and len() is {len(part)}"


DATASET_CHECKS: dict[str, Callable[[DatasetCase], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
