"""Parameters end to end in one array: what an optimizer with ``elementwise = True`` gets, and when it is made anew."""

from __future__ import annotations

import copy
import gc
import weakref

import numpy as np
import pytest

from nn_core import Linear, Optimizer, Parameter, Sequential
from nn_core.arena import Segment, segments


class Momentum(Optimizer):
    """A rule of one element, which notes what it gets."""

    elementwise = True

    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, lr=lr)
        self.seen = []

    def update(self, part, state, **options):
        self.seen.append(part)
        if not state:
            state.update(step=0, velocity=np.zeros_like(part.data))
        state["step"] += 1
        state["velocity"] *= 0.5
        state["velocity"] += part.grad / state["step"]
        part.data -= options["lr"] * state["velocity"]


class OneByOne(Momentum):
    elementwise = False


SHAPES = ((3, 2), (4,), (), (2, 1, 2))


def parameters(dtype="float64", shapes=SHAPES):
    rng = np.random.default_rng(0)
    return [Parameter(rng.normal(size=shape).astype(dtype)) for shape in shapes]


def give(group, step, but=()):
    for i, parameter in enumerate(group):
        parameter.zero_grad()
        if i not in but:
            parameter.accumulate(
                np.random.default_rng(100 * step + i).normal(size=parameter.shape).astype(parameter.dtype)
            )


def both(steps, change=lambda step, optimizer: None, missing=lambda step: ()):
    """Take steps with all parameters at once and one by one, and compare them after each."""
    pairs = [(group, kind(group)) for kind in (Momentum, OneByOne) for group in [parameters()]]
    for step in range(steps):
        for group, optimizer in pairs:
            change(step, optimizer)
            give(group, step, missing(step))
            optimizer.step()
        for one, other in zip(pairs[0][0], pairs[1][0], strict=True):
            np.testing.assert_array_equal(one.data, other.data)
    first, second = (optimizer.state_dict()["state"] for _, optimizer in pairs)
    for i in first:
        assert first[i].keys() == second[i].keys()
        assert all(np.array_equal(first[i][name], second[i][name]) for name in first[i])
    return pairs[0]


def test_all_parameters_are_updated_as_one():
    group, optimizer = both(5)
    assert len({id(part) for part in optimizer.seen}) == 1
    (part, *_) = optimizer.seen
    assert part.data.shape == part.grad.shape == (6 + 4 + 1 + 4,)
    assert (part.starts, part.sizes) == ([0, 6, 10, 11], [6, 4, 1, 4])
    assert all(np.shares_memory(parameter.data, part.data) for parameter in group)
    assert all(np.shares_memory(state["velocity"], part.state["velocity"]) for state in optimizer.state.values())


def test_a_step_calls_the_rule_as_often_for_300_parameters_as_for_3():
    counts = []
    for layers in (3, 300):
        group = parameters(shapes=[(2, 3)] * layers)
        for parameter in group[::2]:
            parameter.decay = False
        optimizer = Momentum(group)
        give(group, 0)
        optimizer.step()
        counts.append(len(optimizer.seen))
    assert counts == [2, 2]


def test_gradients_that_are_missing_now_and_then_are_followed():
    both(9, missing=lambda step: [i for i in range(4) if step % (i + 1)])


def test_freezing_and_thawing_is_followed():
    def change(step, optimizer):
        optimizer.parameters[1].requires_grad = step not in (2, 3)

    both(7, change)


def test_arrays_that_somebody_replaced_are_taken_up():
    def change(step, optimizer):
        if step == 2:
            optimizer.parameters[0].data = np.full((3, 2), 5.0)
        if step == 4:
            optimizer.parameters[2].data = optimizer.parameters[2].data.copy()

    both(7, change)


def test_two_optimizers_over_the_same_parameters_take_turns():
    group, reference = parameters(), parameters()
    pairs = [[kind(given) for _ in range(2)] for kind, given in ((Momentum, group), (OneByOne, reference))]
    for step in range(6):
        for given, optimizers in ((group, pairs[0]), (reference, pairs[1])):
            give(given, step)
            optimizers[step % 2].step()
        for one, other in zip(group, reference, strict=True):
            np.testing.assert_array_equal(one.data, other.data)


def test_dtypes_and_exemption_from_decay_stay_apart():
    group = [*parameters(), *parameters("float32")]
    group[1].decay = False
    optimizer = Momentum(group)
    give(group, 0)
    optimizer.step()
    assert sorted((part.data.dtype.name, part.decay, part.data.size) for part in optimizer.seen) == [
        ("float32", True, 15),
        ("float64", False, 4),
        ("float64", True, 11),
    ]
    assert [parameter.dtype.name for parameter in group] == ["float64"] * 4 + ["float32"] * 4


def test_memory_order_of_parameters_and_gradients_makes_no_difference():
    values, gradient = np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3) ** 2
    one, other = Parameter(values.copy()), Parameter(np.asfortranarray(values))
    one.accumulate(gradient)
    other.accumulate(np.asfortranarray(gradient))
    for parameter in (one, other):
        Momentum([parameter]).step()
    np.testing.assert_array_equal(one.data, other.data)


def test_a_model_goes_on_working_and_loads_into_its_arrays():
    model = Sequential(Linear(3, 4), Linear(4, 2)).astype("float64")
    optimizer = Momentum(model.parameters())
    x = np.random.default_rng(0).normal(size=(5, 3))
    before = model.state_dict()
    model(x)
    model.backward(np.ones((5, 2)))
    optimizer.step()
    moved = model.infer(x)
    model.load_state_dict(before)
    assert (model.infer(x) != moved).any()
    assert all(parameter.data.base is optimizer.seen[0].data for parameter in model.parameters())
    twin = copy.deepcopy(model)
    assert not any(np.shares_memory(one.data, optimizer.seen[0].data) for one in twin.parameters())


def test_what_is_no_longer_trained_does_not_keep_the_old_array():
    group = parameters()
    optimizer = Momentum(group)
    give(group, 0)
    optimizer.step()
    optimizer.seen.clear()
    old = weakref.ref(group[0].data.base)
    group[3].requires_grad = False
    give(group, 1)
    optimizer.step()
    gc.collect()
    assert old() is None


def test_a_saved_state_is_a_copy_in_the_shapes_of_the_parameters():
    group = parameters()
    optimizer = Momentum(group)
    give(group, 0)
    optimizer.step()
    saved = optimizer.state_dict()["state"]
    assert [saved[i]["velocity"].shape for i in saved] == list(SHAPES)
    assert not any(np.shares_memory(saved[i]["velocity"], optimizer.seen[0].state["velocity"]) for i in saved)
    assert [saved[i]["step"] for i in saved] == [1] * 4


def test_states_with_other_numbers_are_kept_apart():
    group = parameters()
    numbers = [{"step": 1, "v": np.zeros(shape)} for shape in SHAPES]
    numbers[2]["step"] = 2
    parts = segments(group, numbers)
    assert [[id(p) for p in part.parameters] for part in parts] == [
        [id(group[i]) for i in (0, 1, 3)],
        [id(group[2])],
    ]
    assert parts[0].state["v"].shape == (14,)


def test_parameters_without_elements_are_no_trouble():
    group = parameters(shapes=[(3,), (0, 2), (2,)])
    optimizer = Momentum(group)
    give(group, 0)
    optimizer.step()
    assert optimizer.state[id(group[1])]["velocity"].shape == (0, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_segment_copies_the_gradients_and_leaves_them_as_they_are(dtype):
    group = parameters(dtype)
    give(group, 0)
    for parameter in group:
        parameter.grad.flags.writeable = False
    part = Segment(group, [{} for _ in group])
    part.gather()
    part.grad *= 2
    assert part.grad.dtype == dtype
    for parameter, gradient in zip(group, part.apart(part.grad), strict=True):
        np.testing.assert_array_equal(gradient, 2 * parameter.grad)
