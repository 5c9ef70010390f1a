"""Callbacks that stop, measure, guard and record."""

from __future__ import annotations

import csv
import json
import logging
import re

import numpy as np
import pytest

from nn_core import (
    BatchNorm1d,
    ConfigError,
    CrossEntropyLoss,
    EarlyStopping,
    EventLog,
    FiniteGuard,
    GradientStatistics,
    HistoryFile,
    Layer,
    LearningRateMonitor,
    Linear,
    NNError,
    Optimizer,
    Penalty,
    ReLU,
    Sequential,
    Timing,
    components,
    fit,
    get,
    seed,
)
from nn_core.errors import NonFiniteError
from nn_core.observation import observers


class Descent(Optimizer):
    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, lr=lr)

    def update(self, parameter, state, **options):
        parameter.data -= options["lr"] * parameter.grad


class Script:
    """Has the history say what a test wants, epoch by epoch, and notes the weights."""

    def __init__(self, values, column="figure"):
        self.values, self.column, self.weights = values, column, []

    def on_batch_end(self, state):
        state.columns[self.column] = self.values[state.epoch - 1]

    def on_epoch_end(self, state):
        self.weights.append(state.model.state_dict())


def data(n=8):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 4)), rng.integers(0, 3, n)


def run(callbacks, model=None, epochs=10, **options):
    seed(0)
    model = model or Sequential(Linear(4, 6), ReLU(), Linear(6, 3)).astype("float64")
    given = {"loss": "cross_entropy", "batch_size": 4, "optimizer": None} | options
    if given["optimizer"] is None:
        given["optimizer"] = Descent(model.parameters())
    return fit(model, data(), epochs=epochs, callbacks=callbacks, **given), model


# Early stopping


@pytest.mark.parametrize(
    ("values", "options", "epochs"),
    [
        ([5, 4, 3, 2, 1, 0], {"patience": 1}, 6),
        ([5, 4, 4, 3, 3, 0], {"patience": 2}, 6),
        ([5, 4, 4, 4, 3, 0], {"patience": 2}, 4),
        ([5, 4, 3.5, 3.5, 3, 0], {"patience": 2, "min_delta": 0.6}, 4),
        ([1, 2, 3, 2, 2, 9], {"patience": 2, "mode": "max"}, 5),
        ([5, float("nan"), float("nan"), 1, 1, 1], {"patience": 2}, 3),
    ],
)
def test_a_run_ends_when_its_figure_no_longer_becomes_better(values, options, epochs):
    history, _ = run([Script(values), EarlyStopping("figure", **options)], epochs=6)
    assert len(history) == epochs


def test_the_model_ends_with_the_weights_of_the_best_epoch_only_if_that_is_wanted():
    for restore, index in ((True, 1), (False, 3)):
        script = Script([5, 1, 4, 4, 4])
        stopping = EarlyStopping("figure", patience=2, restore_best=restore)
        _, model = run([script, stopping])
        assert (stopping.best, stopping.best_epoch) == (1, 2)
        for name, array in model.state_dict().items():
            np.testing.assert_array_equal(array, script.weights[index][name])


def test_the_validation_loss_is_watched_or_else_the_loss():
    for options, column in (({"validation": data()}, "val_loss"), ({}, "loss")):
        stopping = EarlyStopping(patience=1)
        history, _ = run([stopping], epochs=3, **options)
        assert stopping.best == min(history[column])


def test_a_column_that_is_not_there_is_named_with_the_close_one():
    with pytest.raises(ConfigError, match=r"EarlyStopping is to watch 'val_los', .* Did you mean 'val_loss'"):
        run([EarlyStopping("val_los")], validation=data())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"monitor": 3}, "monitor of EarlyStopping must be the name of a column, got 3."),
        ({"mode": "low"}, "mode of EarlyStopping must be one of min, max, got 'low'."),
        ({"patience": 0}, "patience of EarlyStopping must be a positive integer, got 0."),
        ({"min_delta": -1}, "min_delta of EarlyStopping must be a number of at least 0, got -1."),
        ({"restore_best": 1}, "restore_best of EarlyStopping must be true or false, got 1."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        EarlyStopping(**options)


# Measuring


def test_the_learning_rate_of_the_last_update_is_a_column():
    class Halve:
        def on_batch_end(self, state):
            state.optimizer.lr /= 2

    history, _ = run([LearningRateMonitor(), Halve()], epochs=2)
    assert history["lr"] == [0.05, 0.0125]
    model = Sequential(Linear(4, 6), Linear(6, 3)).astype("float64")
    groups = [{"params": model[i].parameters(), "lr": lr} for i, lr in enumerate((0.1, 0.2))]
    history, _ = run([LearningRateMonitor()], model, epochs=1, optimizer=Descent(groups))
    assert (history["lr_0"], history["lr_1"]) == ([0.1], [0.2])


def test_a_learning_rate_that_is_not_there_cannot_be_watched():
    class Still:
        def step(self):
            pass

        def zero_grad(self):
            pass

    with pytest.raises(ConfigError, match="LearningRateMonitor needs an optimizer whose parameter groups have a lear"):
        run([LearningRateMonitor()], optimizer=Still())


def test_norms_of_gradients_and_weights_are_means_and_last_values():
    norms = []

    class Spy:
        def on_batch_end(self, state):
            norms.append(np.sqrt(sum((p.grad**2).sum() for p in state.model.parameters())))

    history, model = run([GradientStatistics(each=True), Spy()], epochs=2)
    np.testing.assert_allclose(history["grad_norm"], [np.mean(norms[:2]), np.mean(norms[2:])])
    weights = np.sqrt(sum((p.data**2).sum() for p in model.parameters()))
    assert history["weight_norm"][-1] == pytest.approx(weights)
    assert history["weight_norm.0.weight"][-1] == pytest.approx(np.linalg.norm(model[0].weight.data))
    assert "grad_norm.2.bias" in history.columns


def test_gradients_that_wait_for_more_batches_are_not_measured_yet():
    one, _ = run([GradientStatistics()], epochs=1, accumulate=2)
    other, _ = run([GradientStatistics()], epochs=1, batch_size=8)
    assert one["grad_norm"] == pytest.approx(other["grad_norm"])


def test_samples_per_second_are_those_of_the_training_batches():
    history, _ = run([Timing()], epochs=2)
    assert all(
        8 / seconds <= rate < 1e9
        for rate, seconds in zip(history["samples_per_second"], history["seconds"], strict=True)
    )


# Guarding


class Spoil(Layer):
    """Returns NaN, forward or back, once it ran a few times."""

    def __init__(self, forward=10**9, back=10**9):
        self.left = {"forward": forward, "back": back}

    def spoiled(self, what, value):
        self.left[what] -= 1
        return value if self.left[what] >= 0 else value * np.nan

    def forward(self, x):
        return self.spoiled("forward", x), lambda dy: self.spoiled("back", dy)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ({"forward": 2}, "1 (Spoil) made its output no longer finite in batch 1 of epoch 2, from finite numbers."),
        ({"back": 1}, "1 (Spoil) made the gradient of its input no longer finite in batch 2 of epoch 1"),
    ],
)
def test_the_layer_that_numbers_break_in_is_named(spoil, message):
    model = Sequential(Linear(4, 6), Spoil(**spoil), Linear(6, 3)).astype("float64")
    with pytest.raises(NonFiniteError, match=re.escape(message)):
        run([FiniteGuard()], model)
    assert observers == ()


def test_an_update_that_breaks_a_parameter_is_named():
    class Explode(Descent):
        def update(self, parameter, state, **options):
            parameter.data += np.inf

    model = Linear(4, 3).astype("float64")
    with pytest.raises(NonFiniteError, match="The update in batch 1 of epoch 1 made weight no longer finite"):
        run([FiniteGuard()], model, optimizer=Explode(model.parameters()))


def test_a_loss_that_is_not_finite_is_told():
    class Bad:
        def value_and_grad(self, pred, target, weight=None):
            return float("inf"), np.zeros_like(pred)

    with pytest.raises(NonFiniteError, match="The loss is inf in batch 1 of epoch 1"):
        run([FiniteGuard()], loss=Bad())


def test_a_run_with_finite_numbers_is_left_alone():
    guarded, plain = (run(callbacks, epochs=2)[0] for callbacks in ([FiniteGuard()], []))
    assert guarded["loss"] == plain["loss"]
    assert observers == ()
    assert isinstance(NonFiniteError("x"), (NNError, ArithmeticError))


# Recording


def test_the_history_is_written_after_every_epoch(tmp_path):
    sizes = []

    class Look:
        def on_epoch_end(self, state):
            sizes.append(len((tmp_path / "h.jsonl").read_text().splitlines()))

    files = [HistoryFile(tmp_path / f"h.{kind}") for kind in ("csv", "json", "jsonl")]
    history, _ = run([*files, Look()], epochs=3)
    assert sizes == [1, 2, 3]
    with open(tmp_path / "h.csv", newline="") as file:
        assert [float(row["loss"]) for row in csv.DictReader(file)] == history["loss"]
    assert json.loads((tmp_path / "h.json").read_text())["loss"] == history["loss"]
    assert [json.loads(line)["loss"] for line in (tmp_path / "h.jsonl").read_text().splitlines()] == history["loss"]


def test_an_ending_that_says_nothing_is_refused():
    with pytest.raises(ConfigError, match=re.escape("must end in .csv, .json or .jsonl, which says what is written")):
        HistoryFile("history.txt")


def test_events_are_lines_of_a_log(caplog):
    with caplog.at_level(logging.DEBUG, "nn_core.training"):
        run([EventLog()], epochs=1, validation=data())
    lines = [json.loads(record.message) for record in caplog.records]
    assert [line["event"] for line in lines] == [
        "fit_start",
        "epoch_start",
        "batch_end",
        "batch_end",
        "validation_end",
        "epoch_end",
        "fit_end",
    ]
    assert (lines[3]["epoch"], lines[3]["batch"], lines[3]["step"]) == (1, 2, 2)
    assert lines[5]["val_loss"] > 0
    assert [record.levelname for record in caplog.records].count("DEBUG") == 2


def test_what_ends_a_run_is_in_the_log(caplog):
    with caplog.at_level(logging.INFO, "nn_core.training"), pytest.raises(NonFiniteError):
        run([EventLog(), FiniteGuard()], Sequential(Linear(4, 3), Spoil(0)).astype("float64"))
    assert json.loads(caplog.records[-1].message)["error"] == "NonFiniteError"
    assert caplog.records[-1].levelname == "ERROR"


# Penalties


@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_penalty_is_minimized_with_the_loss(accumulate):
    l1, l2, lr = 0.03, 0.4, 0.1
    history, model = run([Penalty(l1=l1, l2=l2)], epochs=3, accumulate=accumulate, shuffle=False)
    _, expected = run([], epochs=0)
    x, y = data()
    loss, penalties = CrossEntropyLoss(), []
    batches = [slice(0, 4), slice(4, 8)] if accumulate == 1 else [slice(0, 8)]
    for batch in batches * 3:
        expected.train()
        expected.zero_grad()
        _, gradient = loss(expected(x[batch]), y[batch])
        expected.backward(gradient)
        weights = [parameter.data.copy() for parameter in expected.parameters()]
        penalties.append(sum(l1 * abs(w).sum() + l2 / 2 * (w**2).sum() for w in weights))
        for parameter, w in zip(expected.parameters(), weights, strict=True):
            parameter.data -= lr * (parameter.grad + l1 * np.sign(w) + l2 * w)
    for name, array in expected.state_dict().items():
        np.testing.assert_allclose(model.state_dict()[name], array, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(history["penalty"], np.reshape(penalties, (3, -1)).mean(axis=1), rtol=1e-12)


def test_a_penalty_passes_over_what_does_not_decay_and_what_is_frozen():
    model = Sequential(Linear(4, 3), BatchNorm1d(3), Linear(3, 3)).astype("float64")
    model.layers[0].freeze()
    before = model.state_dict()
    history, _ = run([Penalty(l1=1.0)], model, epochs=1, batch_size=8)
    counted = [before["2.weight"], before["2.bias"]]
    assert history["penalty"][0] == pytest.approx(sum(abs(array).sum() for array in counted), rel=1e-12)
    plain = Sequential(Linear(4, 3), BatchNorm1d(3), Linear(3, 3)).astype("float64")
    plain.load_state_dict(before)
    plain.layers[0].freeze()
    run([], plain, epochs=1, batch_size=8)
    after, without = model.state_dict(), plain.state_dict()
    differing = {name for name in after if not np.array_equal(after[name], without[name])}
    assert differing == {"2.weight", "2.bias"}


def test_an_optimizer_that_compares_losses_is_refused_with_a_penalty():
    class Search(Descent):
        needs_closure = True

    model = Linear(4, 3).astype("float64")
    with pytest.raises(
        ConfigError, match="Penalty adds to the gradients alone, and Search compares values of the loss"
    ):
        run([Penalty(l2=0.1)], model, optimizer=Search(model.parameters()))


@pytest.mark.parametrize("option", ["l1", "l2"])
def test_a_penalty_that_is_none_is_refused(option):
    with pytest.raises(ConfigError, match=f"{option} of Penalty must be a number of at least 0, got -1."):
        Penalty(**{option: -1})


def test_every_callback_is_found_by_name():
    own = {component.name for component in components("callback") if component.distribution == "nn-core"}
    assert own == {
        "progress_bar",
        "checkpoint",
        "early_stopping",
        "learning_rate_monitor",
        "gradient_statistics",
        "timing",
        "finite_guard",
        "history_file",
        "event_log",
        "penalty",
    }
    assert all(isinstance(get("callback", name), type) for name in own)
    history, _ = run([{"type": "early_stopping", "monitor": "loss", "patience": 1, "min_delta": 100}], epochs=9)
    assert len(history) == 2


# What fresh eyes stumbled over


def test_a_column_may_be_set_at_the_end_of_an_epoch_and_the_next_callback_sees_it(tmp_path):
    class Late:
        def on_epoch_end(self, state):
            state.columns["late"] = 10 * state.epoch

    stopping = EarlyStopping("late", mode="min", patience=2)
    history, _ = run([Late(), stopping, HistoryFile(tmp_path / "h.csv")], epochs=9)
    assert history["late"] == [10, 20, 30]
    assert stopping.best == 10
    with open(tmp_path / "h.csv", newline="") as file:
        assert [row["late"] for row in csv.DictReader(file)] == ["10", "20", "30"]


def test_the_guard_names_the_input_that_is_not_finite():
    x, y = data()
    x[5, 2] = np.nan
    model = Sequential(Linear(4, 6), ReLU(), Linear(6, 3)).astype("float64")
    options = {"loss": "cross_entropy", "optimizer": Descent(model.parameters()), "batch_size": 4, "shuffle": False}
    with pytest.raises(NonFiniteError, match=r"The input in batch 2 of epoch 1 holds numbers that are not finite"):
        fit(model, (x, y), epochs=2, callbacks=[FiniteGuard()], **options)
    clean = Sequential(Linear(4, 6), ReLU(), Linear(6, 3)).astype("float64")
    with pytest.raises(NonFiniteError, match="The validation loss of epoch 1 is nan, and that of training"):
        run([FiniteGuard()], clean, validation=(x, y))


def test_a_history_file_without_a_folder_is_refused_at_the_start(tmp_path):
    class Never:
        def on_batch_start(self, state):
            raise AssertionError("it has begun")

    with pytest.raises(ConfigError, match=r"there is no folder .*nowhere"):
        run([HistoryFile(tmp_path / "nowhere" / "h.csv"), Never()])


def test_callbacks_may_say_that_they_run_first_or_last():
    order = []

    def named(name, **flags):
        attributes = {"on_fit_end": lambda self, state: order.append(name), **flags}
        return type(name, (), attributes)()

    run([named("a", runs_last=True), named("b"), named("c", runs_first=True), named("d")], epochs=0)
    assert order == ["c", "b", "d", "a"]


def test_the_guard_lets_a_layer_deal_with_inputs_that_are_not_finite():
    class Fill(Layer):
        def forward(self, x):
            known = np.isfinite(x)
            return np.where(known, x, 0), lambda dy: dy * known

    x, y = data()
    x[5, 2] = np.nan
    model = Sequential(Fill(), Linear(4, 3)).astype("float64")
    optimizer = Descent(model.parameters())
    history = fit(model, (x, y), loss="cross_entropy", optimizer=optimizer, epochs=2, callbacks=[FiniteGuard()])
    assert len(history) == 2
