"""What an observer sees of the layers at work."""

from __future__ import annotations

import re
import threading

import numpy as np
import pytest

from nn_core import BatchNorm1d, Dropout, Layer, Linear, ReLU, Sequential, observation, observe, seed
from nn_core.random import keyed


@pytest.fixture(autouse=True)
def seeded():
    seed(0)


def draw(*shape):
    return np.random.default_rng(1).normal(size=shape).astype("float32")


def watch(run):
    """Return the observations made during `run()`."""
    seen = []
    with observe(seen.append):
        run()
    return seen


def steps(seen):
    return [(one.phase, one.name, type(one.layer).__name__) for one in seen]


def test_every_layer_is_seen_forward_and_backward_under_its_path():
    model, x = Sequential(Linear(4, 3), Sequential(ReLU(), BatchNorm1d(3))), draw(5, 4)
    seen = watch(lambda: model.backward(model(x)))
    assert steps(seen) == [
        ("forward", "0", "Linear"),
        ("forward", "1.0", "ReLU"),
        ("forward", "1.1", "BatchNorm1d"),
        ("forward", "1", "Sequential"),
        ("forward", "", "Sequential"),
        ("backward", "1.1", "BatchNorm1d"),
        ("backward", "1.0", "ReLU"),
        ("backward", "1", "Sequential"),
        ("backward", "0", "Linear"),
        ("backward", "", "Sequential"),
    ]


def test_inference_is_seen_once_per_layer():
    model, x = Sequential(Linear(4, 3), BatchNorm1d(3), ReLU()), draw(5, 4)
    expected = [("infer", "0", "Linear"), ("infer", "1", "BatchNorm1d"), ("infer", "2", "ReLU")]
    expected.append(("infer", "", "Sequential"))
    for run in (lambda: model.infer(x), lambda: model.eval()(x)):
        assert steps(watch(run)) == expected


def test_an_observation_holds_what_went_in_and_came_out():
    model, x = Sequential(ReLU(), ReLU()), draw(5, 4)
    dy = draw(5, 4) + 1
    seen = watch(lambda: (model(x), model.backward(dy)))
    first, second, _, back_second, back_first, whole = seen
    assert first.layer is model[0]
    assert (first.inputs[0] == x).all()
    assert (first.output == np.maximum(x, 0)).all()
    assert second.inputs[0] is first.output
    assert (back_second.inputs[0] == dy).all()
    assert (back_first.output == dy * (x > 0)).all()
    assert whole.output is back_first.output
    assert all(one.seconds >= 0 for one in seen)
    assert whole.seconds >= back_first.seconds, "a container's time includes that of its layers"


def test_parts_of_any_layer_are_seen():
    class Gate(Layer):
        def __init__(self):
            self.inner = {"open": Linear(4, 4), "shut": ReLU()}

        def forward(self, x):
            a, back_a = self.inner["open"].forward(x)
            b, back_b = self.inner["shut"].forward(x)
            return a * b, lambda dy: back_a(dy * b) + back_b(dy * a)

    model, x = Sequential(Gate()), draw(5, 4)
    names = [(one.phase, one.name) for one in watch(lambda: model.backward(model(x)))]
    assert names == [
        ("forward", "0.inner.open"),
        ("forward", "0.inner.shut"),
        ("forward", "0"),
        ("forward", ""),
        ("backward", "0.inner.open"),
        ("backward", "0.inner.shut"),
        ("backward", "0"),
        ("backward", ""),
    ]
    seen = watch(lambda: model.infer(x))
    assert [(one.phase, one.name) for one in seen] == [
        ("infer", "0.inner.open"),
        ("infer", "0.inner.shut"),
        ("infer", "0"),
        ("infer", ""),
    ]
    assert [one.output.shape for one in seen] == [(5, 4)] * 4


def test_a_layer_in_two_places_goes_by_the_first():
    shared = ReLU()
    assert [one.name for one in watch(lambda: Sequential(shared, shared).infer(draw(2)))] == ["0", "0", ""]


def test_a_layer_run_by_itself_has_the_empty_name():
    layer = Linear(4, 3)
    assert [one.name for one in watch(lambda: layer.forward(draw(5, 4)))] == [""]


def test_observing_changes_no_number():
    results = []
    for observers in (0, 2):
        seed(0)
        model = Sequential(Linear(4, 3), BatchNorm1d(3), Dropout(0.5), ReLU())
        with keyed(0, step=0):
            if observers:
                with observe(lambda seen: None), observe(lambda seen: None):
                    y = model(draw(5, 4))
            else:
                y = model(draw(5, 4))
        results.append([y, model.backward(y), *(p.grad for p in model.parameters()), *model.state_dict().values()])
    assert all((one == two).all() for one, two in zip(*results, strict=True))


def test_observers_are_told_in_order_and_only_inside_their_block():
    told = []
    layer, x = ReLU(), draw(2)
    with observe(lambda seen: told.append("outer")):
        with observe(lambda seen: told.append("inner")):
            layer.infer(x)
        layer.infer(x)
    layer.infer(x)
    assert told == ["outer", "inner", "outer"]
    assert observation.observers == ()


def test_one_observer_twice_is_told_twice():
    told = []
    with observe(told.append):
        with observe(told.append):
            ReLU().infer(draw(2))
        assert len(told) == 2
        ReLU().infer(draw(2))
    assert len(told) == 3


def test_an_observer_may_raise_which_ends_its_block():
    def guard(seen):
        if not np.isfinite(seen.output).all():
            raise FloatingPointError(f"{seen.phase} of {seen.name}")

    model = Sequential(ReLU(), Linear(4, 3))
    model[1].weight.data[0, 0] = np.inf
    with observe(guard), pytest.raises(FloatingPointError, match=re.escape("forward of 1")):
        model(np.ones((1, 4)))
    assert observation.observers == ()
    model(np.ones((1, 4)))


def test_layers_in_other_threads_are_seen():
    model, seen = Sequential(ReLU()), []
    with observe(seen.append):
        thread = threading.Thread(target=model.infer, args=(draw(2),))
        thread.start()
        thread.join()
    assert [one.name for one in seen] == ["0", ""]


def test_building_by_the_first_call_is_not_seen():
    model = Sequential(Linear(out_features=3), ReLU(), Linear(out_features=2))
    assert [one.name for one in watch(lambda: model(draw(5, 4)))] == ["0", "1", "2", ""]
