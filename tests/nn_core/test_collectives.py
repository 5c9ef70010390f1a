"""Batch statistics over members that hold a part of the batch each, here two threads."""

from __future__ import annotations

import copy
import threading

import numpy as np
import pytest

from nn_core import BatchNorm1d, ShapeError, collective, use_collective
from nn_core.protocols import Collective


class Member:
    """One of two threads that add up what both hold."""

    size = 2

    def __init__(self, rank, board, barrier):
        self.rank, self.board, self.barrier = rank, board, barrier

    def all_reduce(self, x):
        self.board[self.rank] = x
        self.barrier.wait()
        total = self.board[0] + self.board[1]
        self.barrier.wait()  # nobody writes the next array before both have read this one
        return total


def run_in_two(work):
    """Return what `work(rank)` returns or raises in two threads that are each other's collective."""
    board, barrier, results = [None, None], threading.Barrier(2, timeout=20), [None, None]

    def run(rank):
        with use_collective(Member(rank, board, barrier)):
            try:
                results[rank] = work(rank)
            except Exception as error:
                results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


@pytest.mark.parametrize("split", [4, 1, 7, 8], ids=lambda n: f"{n} and {8 - n}")
@pytest.mark.parametrize(("shape", "affine"), [((8, 3), True), ((8, 3, 5), True), ((8, 3), False)])
def test_two_members_normalize_by_the_whole_batch(split, shape, affine):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(2, 3, size=shape), rng.normal(size=shape)
    layer = BatchNorm1d(3, affine=affine).astype("float64")
    for parameter in layer.parameters():
        parameter.data += rng.normal(size=3)
    members = [copy.deepcopy(layer) for _ in range(2)]
    halves = [slice(None, split), slice(split, None)]

    def work(rank):
        y, backward = members[rank].forward(x[halves[rank]])
        return y, backward(dy[halves[rank]])

    y, backward = layer.forward(x)
    dx = backward(dy)
    (y0, dx0), (y1, dx1) = run_in_two(work)
    np.testing.assert_allclose(np.concatenate([y0, y1]), y, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(np.concatenate([dx0, dx1]), dx, rtol=1e-10, atol=1e-12)
    for whole, part0, part1 in zip(*(one.parameters() for one in (layer, *members)), strict=True):
        np.testing.assert_allclose(part0.grad + part1.grad, whole.grad, rtol=1e-10, atol=1e-12)

    moved, untouched = members[0].state_dict(), members[1].state_dict()
    for name, array in layer.state_dict().items():
        np.testing.assert_allclose(moved[name], array, rtol=1e-12)
    assert untouched["num_batches_tracked"] == 0, "one member alone moves the buffers"
    assert (untouched["running_mean"] == 0).all()
    assert (untouched["running_var"] == 1).all()


def test_what_counts_is_the_size_of_the_whole_batch():
    layer = BatchNorm1d(3)
    errors = run_in_two(lambda rank: layer.forward(np.ones((rank, 3), np.float32)))
    for error in errors:
        assert isinstance(error, ShapeError)
        assert "expected more than one value per channel" in str(error)


def test_evaluation_asks_nobody():
    layer = BatchNorm1d(3).eval()

    class Silent:
        rank, size = 0, 2

        def all_reduce(self, x):
            raise AssertionError("there is nothing to sum")

    with use_collective(Silent()):
        _, backward = layer.forward(np.ones((4, 3), np.float32))
        backward(np.ones((4, 3), np.float32))


def test_alone_everyone_holds_the_whole_batch():
    alone = collective()
    assert isinstance(alone, Collective)
    assert (alone.rank, alone.size) == (0, 1)
    x = np.arange(3)
    assert alone.all_reduce(x) is x


def test_a_collective_lasts_for_its_block_and_its_thread():
    alone, member, seen = collective(), Member(0, [], None), []
    with use_collective(member):
        assert collective() is member
        with use_collective(alone):
            assert collective() is alone
        assert collective() is member
        thread = threading.Thread(target=lambda: seen.append(collective()))
        thread.start()
        thread.join()
    assert collective() is alone
    assert seen == [alone]
    with pytest.raises(ZeroDivisionError), use_collective(member):
        raise ZeroDivisionError
    assert collective() is alone
