"""Random numbers: the default generator, keyed masks and the order of an epoch."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from nn_core import ConfigError, Linear, default_rng, seed
from nn_core.random import chosen_rng, epoch_order, keep_mask, keyed

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 20), st.integers(1, 3))


def test_the_seed_restarts_the_default_generator():
    draws = []
    for n in (1, 1, 2):
        seed(n)
        draws.append((Linear(2, 3).weight.data, default_rng().random(3), keep_mask((5, 5), 0.5)))
    for one, two, other in zip(*draws, strict=True):
        assert (one == two).all()
        assert (one != other).any()


def test_a_mask_can_be_drawn_from_a_generator():
    one, two = (keep_mask((20, 20), 0.5, np.random.default_rng(0)) for _ in range(2))
    assert one.dtype == bool
    assert (one == two).all()


@pytest.mark.parametrize("rng", [0, 3, np.random])
def test_a_seed_is_no_generator(rng):
    for take in (chosen_rng, lambda rng: keep_mask((2, 2), 0.5, rng)):
        with pytest.raises(ConfigError, match=r"rng must be a generator of NumPy, as numpy\.random\.default_rng\(3\)"):
            take(rng)
    assert chosen_rng(None) is default_rng()


@pytest.mark.parametrize("drop", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("with_key", [False, True])
def test_a_mask_is_false_with_the_probability(drop, with_key):
    seed(0)
    if with_key:
        with keyed(0, step=1):
            mask = keep_mask((300, 7, 100), drop)
    else:
        mask = keep_mask((300, 7, 100), drop)
    for axes in ((1, 2), (0, 1)):  # every row and every column, too
        share = mask.mean(axes)
        assert np.abs(share - (1 - drop)).max() < 6 * np.sqrt(drop * (1 - drop) * share.size / mask.size)


def test_nothing_and_everything_can_be_dropped():
    for context in (keyed(0, step=0), keyed(0, step=1)):
        with context:
            assert keep_mask((100, 100), 0.0).all()
            assert not keep_mask((100, 100), 1.0).any()


@settings(max_examples=50, deadline=None, derandomize=True, database=None)
@given(shape=SHAPES, data=st.data())
def test_a_part_of_the_rows_gets_its_part_of_the_mask(shape, data):
    start = data.draw(st.integers(0, shape[0]))
    stop = data.draw(st.integers(start, shape[0]))
    with keyed(7, step=3):
        first, second = keep_mask(shape, 0.5), keep_mask(shape, 0.5)
    with keyed(7, step=3, first_row=start):
        part = (stop - start, *shape[1:])
        assert (keep_mask(part, 0.5) == first[start:stop]).all()
        assert (keep_mask(part, 0.5) == second[start:stop]).all()


def test_masks_differ_by_seed_step_call_and_row():
    masks = []
    for n in (-1, 0, 1):
        for step in (0, 1):
            with keyed(n, step):
                masks += [keep_mask((40, 64), 0.5) for _ in range(3)]
    rows = np.concatenate(masks)
    assert len({row.tobytes() for row in rows}) == len(rows) == 3 * 2 * 3 * 40
    agreement = (rows[:, None] == rows[None]).mean(2)[~np.eye(len(rows), dtype=bool)]
    assert 0.49 < agreement.mean() < 0.51


@pytest.mark.parametrize("shape", [(), (0,), (0, 5), (5, 0), (3,)])
def test_masks_have_any_shape(shape):
    assert keep_mask(shape, 0.5).shape == shape
    with keyed(0, step=0):
        assert keep_mask(shape, 0.5).shape == shape


def test_keys_nest_and_end_with_their_block():
    with keyed(0, step=0):
        outer = [keep_mask((50, 2), 0.5)]
        with keyed(0, step=1):
            inner = keep_mask((50, 2), 0.5)
        outer.append(keep_mask((50, 2), 0.5))
    with keyed(0, step=0):
        assert (keep_mask((50, 2), 0.5) == outer[0]).all()
        assert (keep_mask((50, 2), 0.5) == outer[1]).all(), "the inner block must not count as a call of the outer"
    with keyed(0, step=1):
        assert (keep_mask((50, 2), 0.5) == inner).all()
    seed(0)
    free = keep_mask((50, 2), 0.5)
    assert (keep_mask((50, 2), 0.5) != free).any(), "outside a block masks come from a stream"


def test_a_key_belongs_to_its_thread():
    seed(0)
    masks = []
    with keyed(0, step=0):
        for _ in range(2):
            other = threading.Thread(target=lambda: masks.append(keep_mask((50, 2), 0.5)))
            other.start()
            other.join()
        with keyed(0, step=0):
            here = keep_mask((50, 2), 0.5)
    assert (masks[0] != masks[1]).any()
    assert (masks[0] != here).any()


@pytest.mark.parametrize("n", [0, 1, 100])
def test_an_epoch_visits_every_sample_once(n):
    assert sorted(epoch_order(n, seed=3, epoch=5)) == list(range(n))


def test_the_order_follows_from_seed_and_epoch_alone():
    default_rng().random(7)
    assert (epoch_order(100, 3, 5) == epoch_order(100, 3, 5)).all()
    orders = [epoch_order(100, n, epoch) for n in (-1, 0, 1) for epoch in (0, 1)]
    assert len({order.tobytes() for order in orders}) == len(orders)
