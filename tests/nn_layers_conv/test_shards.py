"""A batch in parts: threads that hold some rows each compute what one thread does with the whole batch."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

from nn_core import Flatten, Linear, ReLU, Sequential, random, seed, use_collective
from nn_layers_conv import AvgPool2d, BatchNorm2d, Conv2d, MaxPool2d


class Member:
    """One of several threads that add up what each holds."""

    def __init__(self, rank, board, barrier):
        self.rank, self.size, self.board, self.barrier = rank, len(board), board, barrier

    def all_reduce(self, x):
        self.board[self.rank] = x
        self.barrier.wait()
        total = sum(self.board)
        self.barrier.wait()  # nobody writes the next array before all have read this one
        return total


def network():
    return Sequential(
        Conv2d(2, 4, 3, padding=1, bias=False),
        BatchNorm2d(4),
        ReLU(),
        MaxPool2d(2),
        Conv2d(4, 6, 3, padding="same", padding_mode="reflect", groups=2),
        BatchNorm2d(6),
        AvgPool2d(2),
        Flatten(),
        Linear(24, 3),
    )


@pytest.mark.parametrize("cuts", [(0, 8), (0, 3, 8), (0, 1, 4, 8)], ids=["whole", "two threads", "three threads"])
def test_threads_with_rows_of_a_batch_are_one_thread_with_all_of_it(cuts):
    seed(0)
    model = network().astype("float64")
    rng = np.random.default_rng(0)
    x, dy = rng.normal(size=(8, 2, 8, 8)), rng.normal(size=(8, 3))
    members = len(cuts) - 1
    replicas = [copy.deepcopy(model) for _ in range(members)]
    board, barrier, found = [None] * members, threading.Barrier(members, timeout=20), [None] * members

    def work(rank):
        rows = slice(cuts[rank], cuts[rank + 1])
        with use_collective(Member(rank, board, barrier)), random.keyed(0, 0, cuts[rank]):
            y, backward = replicas[rank].forward(x[rows])
            found[rank] = y, backward(dy[rows])

    threads = [threading.Thread(target=work, args=(rank,)) for rank in range(members)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with random.keyed(0, 0):
        y, backward = model.forward(x)
        dx = backward(dy)
    np.testing.assert_allclose(np.concatenate([part for part, _ in found]), y, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(np.concatenate([part for _, part in found]), dx, rtol=1e-10, atol=1e-12)
    for whole, *parts in zip(model.parameters(), *(replica.parameters() for replica in replicas), strict=True):
        np.testing.assert_allclose(sum(part.grad for part in parts), whole.grad, rtol=1e-9, atol=1e-11)
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(replicas[0].state_dict()[name], array, rtol=1e-12)
