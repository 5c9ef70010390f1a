"""The training engine beyond the plain loop: accumulated gradients, schedulers, closures, threads, further columns."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import (
    ConfigError,
    CrossEntropyLoss,
    Dropout,
    Layer,
    Linear,
    Optimizer,
    PluginError,
    ReLU,
    Scheduler,
    Sequential,
    fit,
    seed,
    training_steps,
)


class Descent(Optimizer):
    elementwise = True

    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, lr=lr)

    def update(self, part, state, **options):
        part.data -= options["lr"] * part.grad


class Tenth(Scheduler):
    def rate(self, base, t):
        return base * 0.1**t


class Watch(Scheduler):
    """Notes the figures that it gets."""

    needs_metric = True

    def __init__(self, optimizer, monitor=None, per="epoch"):
        self.monitor, self.figures = monitor, []
        super().__init__(optimizer, per=per)

    def rate(self, base, t):
        return base

    def step(self, metric=None):
        self.figures.append(metric)
        super().step()


class Hook:
    def __init__(self, event, action):
        setattr(self, event, action)


def data(n=13):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 4)), rng.integers(0, 3, n)


def network():
    seed(0)
    return Sequential(Linear(4, 6), ReLU(), Linear(6, 3)).astype("float64")


def run(model, train, **options):
    given = {"loss": "cross_entropy", "epochs": 2, "batch_size": 2, "optimizer": None, "shuffle": False} | options
    if given["optimizer"] is None:
        given["optimizer"] = Descent(model.parameters())
    return fit(model, train, **given)


# Accumulated gradients


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_small_batches_accumulated_are_one_large_batch(weighted, reduction, clip_norm):
    x, y = data()  # 13 samples: the last group has fewer batches, and the last batch fewer samples
    train = (x, y, np.random.default_rng(2).uniform(0.1, 2, len(x))) if weighted else (x, y)
    loss = {"type": "cross_entropy", "reduction": reduction}
    small, large = network(), network()
    options = {"loss": loss, "clip_norm": clip_norm, "metrics": ["accuracy"], "epochs": 3}
    histories = [run(small, train, accumulate=3, **options), run(large, train, batch_size=6, **options)]
    for name, array in small.state_dict().items():
        np.testing.assert_allclose(array, large.state_dict()[name], rtol=1e-10, atol=1e-13)
    for column in ("loss", "accuracy"):
        np.testing.assert_allclose(histories[0][column], histories[1][column], rtol=1e-10)


def test_updates_are_counted_apart_from_batches():
    seen = []
    hook = Hook("on_batch_end", lambda state: seen.append((state.batch, state.step, state.trained)))
    run(network(), data(), accumulate=3, epochs=2, callbacks=[hook])
    #                 7 batches: two groups of three and a rest of one
    steps = [0, 0, 1, 1, 1, 2, 3]
    assert seen == [(i % 7 + 1, steps[i % 7] + 3 * (i // 7), i + 1) for i in range(14)]


def test_the_rest_of_an_epoch_is_used_where_nobody_knows_how_many_batches_there_are():
    x, y = data()
    batches = [(x[i : i + 2], y[i : i + 2]) for i in range(0, 13, 2)]

    class Stream:
        def __iter__(self):
            return iter(batches)

    known, unknown = network(), network()
    run(known, batches, accumulate=3)
    run(unknown, Stream(), accumulate=3)
    for name, array in known.state_dict().items():
        np.testing.assert_array_equal(array, unknown.state_dict()[name])


def test_each_accumulated_batch_has_a_dropout_mask_of_its_own():
    masks = []

    class Spy(Layer):
        def forward(self, x):
            masks.append(x != 0)
            return x, lambda dy: dy

    model = Sequential(Linear(4, 40), Dropout(0.5), Spy(), Linear(40, 3)).astype("float64")
    run(model, data(12), accumulate=3, epochs=1)
    assert len({mask.tobytes() for mask in masks}) == 6


def test_several_gradients_of_a_pair_of_outputs_are_accumulated():
    class Towers(Layer):
        def __init__(self):
            self.one, self.two = Linear(4, 3), Linear(4, 3)

        def forward(self, x):
            (y, back_y), (z, back_z) = self.one.forward(x), self.two.forward(x)
            return (y, z), lambda dy: back_y(dy[0]) + back_z(dy[1])

    class Both:
        def value_and_grad(self, pred, target, weight=None):
            parts = [CrossEntropyLoss()(part, target, weight) for part in pred]
            return sum(value for value, _ in parts), tuple(gradient for _, gradient in parts)

    models = []
    for options in ({"accumulate": 3}, {"batch_size": 6}):
        seed(0)
        models.append(Towers().astype("float64"))
        run(models[-1], data(), loss=Both(), **options)
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-10, atol=1e-13)


# Schedulers


def rates_of(**options):
    """Return the learning rate at every batch."""
    rates, model = [], network()
    optimizer = Descent(model.parameters(), lr=1.0)
    hook = Hook("on_batch_start", lambda state: rates.append(state.optimizer.lr))
    options["scheduler"] = options["scheduler"](optimizer)
    run(model, data(6), optimizer=optimizer, callbacks=[hook], **options)
    return rates


def test_a_scheduler_steps_after_each_epoch_or_after_each_update():
    assert rates_of(scheduler=Tenth) == pytest.approx([1, 1, 1, 0.1, 0.1, 0.1])
    per_batch = lambda optimizer: Tenth(optimizer, per="batch")  # noqa: E731 - as short as its use
    assert rates_of(scheduler=per_batch) == pytest.approx([10.0**-i for i in range(6)])
    assert rates_of(scheduler=per_batch, accumulate=2) == pytest.approx([1, 1, 0.1, 0.01, 0.01, 0.001])


def test_a_scheduler_is_told_how_many_steps_there_will_be():
    plans = []

    class Planned(Tenth):
        def plan(self, steps):
            plans.append(steps)

    for options in ({}, {"per": "batch"}, {"per": "batch", "accumulate": 3}):
        per, accumulate = options.get("per", "epoch"), options.get("accumulate", 1)
        model = network()
        optimizer = Descent(model.parameters())
        run(model, data(), optimizer=optimizer, scheduler=Planned(optimizer, per=per), accumulate=accumulate, epochs=4)
    model = network()
    optimizer = Descent(model.parameters())
    stream = type("Stream", (), {"__iter__": lambda self: iter([data(2)])})()
    run(model, stream, optimizer=optimizer, scheduler=Planned(optimizer, per="batch"))
    assert plans == [4, 28, 12, None]


def test_a_scheduler_that_watches_gets_the_validation_loss_or_what_it_asks_for():
    for options, column in (
        ({}, "loss"),
        ({"validation": data()}, "val_loss"),
        ({"monitor": "accuracy", "validation": data()}, "accuracy"),
    ):
        model = network()
        optimizer = Descent(model.parameters())
        watch = Watch(optimizer, options.pop("monitor", None))
        history = run(model, data(), optimizer=optimizer, scheduler=watch, metrics=["accuracy"], **options)
        assert watch.figures == history[column]


def test_a_column_that_is_not_there_to_be_watched_is_named():
    model = network()
    optimizer = Descent(model.parameters())
    with pytest.raises(ConfigError, match="is to watch 'val_los', and there is loss, val_loss to watch"):
        run(model, data(), optimizer=optimizer, scheduler=Watch(optimizer, "val_los"), validation=data())


def test_what_is_no_scheduler_is_refused_before_training():
    model = network()
    before = model.state_dict()
    with pytest.raises(ConfigError, match="The scheduler must be an object with the method step, or a name; got"):
        run(model, data(), scheduler=0.5)
    with pytest.raises(ConfigError, match=re.escape("The scheduler is given as the class Tenth: write Tenth(…).")):
        run(model, data(), scheduler=Tenth)
    assert all((array == before[name]).all() for name, array in model.state_dict().items())


# Optimizers that evaluate the loss themselves


class Twice(Descent):
    """Takes two half steps per batch, the second one from where the first one led."""

    needs_closure = True

    def step(self, closure=None):
        values = [closure()]
        super().step()
        values.append(closure())
        super().step()
        self.values = values


def test_an_optimizer_that_needs_a_closure_gets_one():
    closure, plain = network(), network()
    optimizer = Twice(closure.parameters())
    history = run(closure, data(12), optimizer=optimizer, batch_size=12, epochs=1, metrics=["accuracy"])
    first = run(plain, data(12), batch_size=12, epochs=2, metrics=["accuracy"])
    for name, array in closure.state_dict().items():
        np.testing.assert_array_equal(array, plain.state_dict()[name])
    assert history["loss"] == first["loss"][:1], "the loss before the step"
    assert optimizer.values == first["loss"]


def test_dropout_is_the_same_in_all_evaluations_of_a_step():
    model = Sequential(Linear(4, 30), Dropout(0.5), Linear(30, 3)).astype("float64")
    optimizer = Twice(model.parameters(), lr=0.0)
    run(model, data(12), optimizer=optimizer, batch_size=12, epochs=1)
    assert optimizer.values[0] == optimizer.values[1]


def test_an_optimizer_that_needs_a_closure_cannot_accumulate():
    model = network()
    with pytest.raises(ConfigError, match="Twice evaluates the loss of a batch several times, so that gradients of"):
        run(model, data(), optimizer=Twice(model.parameters()), accumulate=2)


# The rest


def test_callbacks_add_columns_to_the_row_of_an_epoch():
    class Square:
        def on_batch_end(self, state):
            state.columns["square"] = state.batch**2

    history = run(network(), data(6), callbacks=[Square()])
    assert history.columns == ["epoch", "loss", "square", "seconds"]
    assert history["square"] == [9, 9]


def test_threads_limit_blas_while_it_trains():
    info = pytest.importorskip("threadpoolctl").threadpool_info

    def threads():
        return {pool["num_threads"] for pool in info() if pool["user_api"] == "blas"}

    before, seen = threads(), []
    run(network(), data(6), threads=1, callbacks=[Hook("on_batch_end", lambda state: seen.append(threads()))])
    assert seen == [{1}] * 6
    assert threads() == before


def test_threads_without_threadpoolctl_say_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "threadpoolctl", None)
    with pytest.raises(PluginError, match=re.escape("install the extra nn-core[threads]")):
        run(network(), data(6), threads=1)


def test_a_run_can_be_left_and_gone_on_with():
    model, twin = network(), network()
    steps = training_steps(
        model, data(), loss="cross_entropy", optimizer=Descent(model.parameters()), epochs=2, batch_size=2, accumulate=2
    )
    states = [(state.epoch, state.batch) for state in steps]
    assert states == [(epoch, batch) for epoch in (1, 2) for batch in range(1, 8)]
    run(twin, data(), accumulate=2, shuffle=True)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, twin.state_dict()[name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 0}, "accumulate must be an integer of at least 1, got 0."),
        ({"accumulate": 1.5}, "accumulate must be an integer of at least 1, got 1.5."),
        ({"accumulate": True}, "accumulate must be an integer of at least 1, got True."),
        ({"threads": 0}, "threads must be an integer of at least 1, got 0."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        run(network(), data(), **options)


def test_gradients_are_forgotten_or_made_zero():
    model = Sequential(Linear(4, 6), Linear(6, 3))
    model(np.ones((2, 4), np.float32))
    model.backward(np.ones((2, 3), np.float32))
    model.layers[1].zero_grad()
    optimizer = Descent(model.parameters())
    optimizer.zero_grad(set_to_none=False)
    assert all((parameter.grad == 0).all() for parameter in model.layers[0].parameters())
    assert all(parameter.grad is None for parameter in model.layers[1].parameters()), "there was none to make zero"
    optimizer.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_scheduler_of_another_optimizer_is_refused():
    model = network()
    own, other = Descent(model.parameters()), Descent(model.parameters())
    with pytest.raises(ConfigError, match="Tenth sets the learning rate of another optimizer than"):
        run(model, data(), optimizer=own, scheduler=Tenth(other))


def test_a_class_in_the_place_of_a_model_is_refused():
    with pytest.raises(
        ConfigError, match=re.escape("The model is given as the class Sequential: write Sequential(…).")
    ):
        fit(Sequential, data(), loss="cross_entropy", optimizer="descent", epochs=1)


def test_a_scheduler_that_watches_the_loss_of_each_batch_has_it_from_the_first_on():
    model = network()
    optimizer = Descent(model.parameters())
    watch = Watch(optimizer, "loss", per="batch")
    history = run(model, data(), optimizer=optimizer, scheduler=watch, epochs=1)
    assert len(watch.figures) == 7
    assert watch.figures[-1] == history["loss"][0]
