"""Whole training runs in the words of other frameworks, and their files and logger."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nn_core
from nn_core import (
    BatchNorm1d,
    ConfigError,
    CrossEntropyLoss,
    DataError,
    Dense,
    Dropout,
    Layer,
    Linear,
    ModelFileError,
    MSELoss,
    NotBuiltError,
    Optimizer,
    ReLU,
    Residual,
    compat,
    evaluate,
    fit,
    load_arrays,
)
from nn_core.compat.rules import RULES

try:
    import h5py
except ImportError:
    h5py = None

log = logging.getLogger("nn_core")
needs_h5py = pytest.mark.skipif(h5py is None, reason="HDF5 needs h5py, the extra nn-core[hdf5]")


class Descent(Optimizer):
    def __init__(self, parameters, lr=0.1):
        super().__init__(parameters, lr=lr)

    def update(self, parameter, state, **options):
        parameter.data -= options["lr"] * parameter.grad


@pytest.fixture(autouse=True)
def _as_before():
    nn_core.seed(0)
    level, propagate = log.level, log.propagate
    yield
    nn_core.configure_logging(console=False)
    log.setLevel(level)
    log.propagate = propagate


def clusters(n=60, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return (rng.normal(size=(n, 4)) + 2 * np.eye(3, 4)[y]).astype(np.float32), y


def batches(n=60, size=20, seed=0):
    x, y = clusters(n, seed)
    return [(x[i : i + size], y[i : i + size]) for i in range(0, n, size)]


def network():
    return nn_core.Sequential(Linear(4, 8), BatchNorm1d(8), ReLU(), Linear(8, 3))


# train


def test_train_is_fit_and_returns_the_model_in_evaluation_mode():
    net, twin = network(), network()
    twin.load_state_dict(net.state_dict())
    returned = compat.train(
        batches(), None, net, Descent(net.parameters()), CrossEntropyLoss(), epochs=3, verbose=False
    )
    fit(twin, batches(), loss="cross_entropy", optimizer=Descent(twin.parameters()), epochs=3)
    assert returned is net
    assert not net.training
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, twin.state_dict()[name])


@pytest.mark.parametrize(("every", "measured"), [(0, [5]), (1, [1, 2, 3, 4, 5]), (2, [2, 4, 5]), (9, [5])])
def test_train_measures_every_so_many_epochs_and_at_the_end(every, measured):
    net, seen = network(), []

    def metric(model, loader):
        seen.append(model.training)
        return compat.accuracy(model, loader)

    history = compat.train(
        batches(), batches(seed=1), net, Descent(net.parameters()), CrossEntropyLoss(), 5,
        show_logs_every=every, metric=metric, verbose=False, get_model=False,
    )  # fmt: skip
    assert [row["epoch"] for row in history if "eval_metric" in row] == measured
    assert seen == [False] * len(measured)
    last = evaluate(net, batches(seed=1), loss="cross_entropy", metrics=["accuracy"])
    assert (history["eval_loss"][-1], history["eval_metric"][-1]) == (last["loss"], last["accuracy"])


def test_train_takes_the_name_of_a_metric_or_none_and_losses_in_two_methods():
    class Squared(compat.Loss):
        def forward(self, y_pred, y_true):
            self.difference = y_pred - y_true
            return np.mean(self.difference**2)

        def backward(self):
            return 2 * self.difference / self.difference.size

    x = clusters()[0]
    net, twin = Linear(4, 1), Linear(4, 1)
    twin.load_state_dict(net.state_dict())
    loader = [(x, x[:, :1])]
    history = compat.train(
        loader, loader, net, Descent(net.parameters()), Squared(), 4, metric="rmse", verbose=False, get_model=False
    )
    plain = compat.train(loader, loader, twin, Descent(twin.parameters()), MSELoss(), 4, verbose=False, get_model=False)
    assert history["loss"] == pytest.approx(plain["loss"], rel=1e-5)
    assert history["eval_metric"][-1] == pytest.approx(history["eval_loss"][-1] ** 0.5, rel=1e-5)
    assert "eval_metric" not in plain.columns


@pytest.fixture
def on_console():
    nn_core.configure_logging("INFO")


def test_train_logs_what_it_measures_and_how_long_it_took(on_console, capsys):
    net = network()
    compat.train(batches(), batches(), net, Descent(net.parameters()), CrossEntropyLoss(), 2, show_logs_every=1)
    first, second, took = capsys.readouterr().err.splitlines()
    assert "epoch 1/2 | loss=" in first
    assert "eval_loss=" in second
    assert "train took" in took
    compat.train(batches(), batches(), net, Descent(net.parameters()), CrossEntropyLoss(), 2, verbose=False)
    assert "train took" in capsys.readouterr().err


@pytest.mark.parametrize("every", [-1, 1.5, True, None])
def test_a_number_of_epochs_between_lines_that_is_none_is_refused(every):
    net = network()
    with pytest.raises(ConfigError, match="show_logs_every must be an integer of at least 0, got"):
        compat.train(batches(), None, net, Descent(net.parameters()), CrossEntropyLoss(), 1, show_logs_every=every)


# Solver


def solver(model=None, *, regression=False, **options):
    x, y = clusters()
    x_val, y_val = clusters(30, seed=1)
    if regression:
        y, y_val = x[:, :1] - 2 * x[:, 1:2], x_val[:, :1] - 2 * x_val[:, 1:2]
    if model is None:
        layers = [Linear(4, 1)] if regression else [Linear(4, 8), BatchNorm1d(8), ReLU(), Dropout(0.1), Linear(8, 3)]
        model = compat.Sequential(layers, "mse" if regression else "cross_entropy", reg=0.01)
    data = {"X_train": x, "y_train": y, "X_val": x_val, "y_val": y_val}
    chosen = {"task_type": "regression" if regression else "classification", "batch_size": 16, "num_epochs": 5}
    return compat.Solver(model, data, **{**chosen, "verbose": False, **options})


@pytest.mark.parametrize("rule", sorted(RULES))
def test_a_solver_trains_a_classifier_by_every_rule(rule):
    made = solver(update_rule=rule, optim_config={"learning_rate": 0.3 if rule == "sgd" else 0.03}, num_epochs=8)
    made.train()
    assert len(made.loss_history) == 8 * 4
    assert np.mean(made.loss_history[-4:]) < 0.7 * np.mean(made.loss_history[:2])
    assert len(made.train_metric_history) == len(made.val_metric_history) == 9
    assert made.best_val_metric == max(made.val_metric_history) > 0.7
    assert made.check_metric(made.X_val, made.y_val) == made.best_val_metric, "the model has its best weights"


def test_a_solver_trains_a_regression_to_the_solution():
    made = solver(regression=True, update_rule="sgd_momentum", optim_config={"learning_rate": 0.05}, num_epochs=80)
    made.model.reg = 0.0
    made.train()
    np.testing.assert_allclose(made.model.params["0.weight"], [[1, -2, 0, 0]], atol=1e-3)
    assert made.best_val_metric == min(made.val_metric_history) < 1e-3
    x, y = made.X_val, made.y_val
    assert made.check_metric(x, y) == pytest.approx(np.sqrt(np.mean((made.model.forward(x) - y) ** 2)), rel=1e-5)


def test_each_update_is_the_rule_on_the_gradients_of_the_loss_and_the_penalty():
    made = solver(regression=True, optim_config={"learning_rate": 0.1}, lr_decay=0.5, batch_size=60, num_epochs=3)
    w, b = (made.model.params[name].astype("float64") for name in ("0.weight", "0.bias"))
    x, y = made.X_train.astype("float64"), made.y_train.astype("float64")
    losses, lr = [], 0.1
    for _ in range(3):
        difference = x @ w.T + b - y
        losses.append((difference**2).mean() + 0.005 * (w**2).sum())
        slope = 2 * difference / len(x)
        w, b = w - lr * (slope.T @ x + 0.01 * w), b - lr * slope.sum(0)
        lr /= 2
    made.train()
    np.testing.assert_allclose(made.loss_history, losses, rtol=1e-5)
    assert made.val_metric_history[-1] == made.best_val_metric, "of these three epochs the last is the best"
    np.testing.assert_allclose(made.model.params["0.weight"], w, rtol=1e-4)
    assert {config["learning_rate"] for config in made.optim_configs.values()} == {0.0125}


def test_the_best_weights_are_those_of_the_best_epoch():
    def away(w, dw, config):
        """Get worse and worse."""
        return w + config["learning_rate"] * dw, config

    made = solver(regression=True, update_rule=away, optim_config={"learning_rate": 0.1})
    before = made.model.model.state_dict()
    made.train()
    assert made.val_metric_history == sorted(made.val_metric_history)
    for name, array in made.model.model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert made.check_metric(made.X_val, made.y_val) == made.best_val_metric


def test_two_solvers_with_one_seed_do_the_same_and_with_another_something_else():
    losses = []
    for seed in (3, 3, 4):
        nn_core.seed(0)
        made = solver(seed=seed)
        made.train()
        losses.append(made.loss_history)
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_a_solver_goes_on_and_can_be_reset():
    made = solver()
    made.train()
    made.train()
    assert (made.epoch, len(made.loss_history)) == (10, 40)
    made.reset()
    assert (made.epoch, made.loss_history, made.best_params) == (0, [], {})


def test_a_solver_saves_a_model_after_each_epoch(tmp_path):
    made = solver(checkpoint_name=tmp_path / "lab", num_epochs=2)
    made.train()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab_epoch_1.safetensors", "lab_epoch_2.safetensors"]
    for epoch in (1, 2):
        loaded = nn_core.load(tmp_path / f"lab_epoch_{epoch}.safetensors")
        scores = evaluate(loaded, (made.X_val, made.y_val), metrics=["accuracy"])
        assert scores["accuracy"] == made.val_metric_history[epoch]


def test_the_metric_of_some_samples_is_over_a_random_choice_of_them():
    made = solver(num_train_samples=7)
    x, y = made.X_train, made.y_train
    assert round(7 * made.check_metric(x, y, 7)) == pytest.approx(7 * made.check_metric(x, y, 7))
    assert made.check_metric(x, y, 1000) == made.check_metric(x, y)


def test_a_solver_logs_losses_and_metrics(on_console, capsys):
    solver(num_epochs=2, print_every=3, verbose=True).train()
    lines = [line.partition(" - ")[2] for line in capsys.readouterr().err.splitlines()]
    assert [line.partition(")")[0] for line in lines] == [
        "(Epoch 0 / 2",
        "(Iteration 1 / 8",
        "(Iteration 4 / 8",
        "(Epoch 1 / 2",
        "(Iteration 7 / 8",
        "(Epoch 2 / 2",
    ]
    assert "loss: " in lines[1]
    assert "accuracy: train " in lines[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task_type": "ranking"}, "task_type must be 'classification' or 'regression', got 'ranking'."),
        ({"update_rule": "sgd_momentun"}, "Did you mean 'sgd_momentum'"),
        ({"optim_config": {"lr": 0.1}}, "The rule 'sgd' has no option 'lr'; it takes learning_rate."),
        ({"batch_size": 0}, "batch_size must be an integer of at least 1, got 0."),
        ({"model": Linear(4, 3)}, "Solver trains a Sequential of nn_core.compat"),
    ],
)
def test_what_a_solver_cannot_do_is_refused(options, message):
    with pytest.raises(nn_core.NNError, match=message.replace("(", r"\(")):
        solver(**options)


def test_data_of_a_solver_that_are_not_whole_are_refused():
    model, (x, y) = compat.Sequential([Linear(4, 3)], "cross_entropy"), clusters()
    with pytest.raises(DataError, match=r"X_val, y_val is missing. They have X_train, y_train"):
        compat.Solver(model, {"X_train": x, "y_train": y})
    with pytest.raises(DataError, match="X_val and y_val must have one row per sample, got 60 and 59"):
        compat.Solver(model, {"X_train": x, "y_train": y, "X_val": x, "y_val": y[1:]})


def test_a_rule_without_learning_rate_cannot_decay():
    def fixed(w, dw, config):
        return w - 0.01 * dw, config

    solver(update_rule=fixed).train()
    with pytest.raises(ConfigError, match="lr_decay multiplies config"):
        solver(update_rule=fixed, lr_decay=0.9).train()


# Update rules


def test_the_rules_follow_their_recurrences():
    rng = np.random.default_rng(4)
    gradients = rng.normal(size=(5, 3))
    w = rng.normal(size=3)
    ways = dict.fromkeys(RULES, (w, None))
    for dw in gradients:
        ways = {name: RULES[name](at, dw, config) for name, (at, config) in ways.items()}
    expected = w - 0.01 * gradients.sum(0)
    np.testing.assert_allclose(ways["sgd"][0], expected, rtol=1e-12)
    shares = [-0.01 * (1 - 0.9 ** (5 - i)) / 0.1 for i in range(5)]
    np.testing.assert_allclose(ways["sgd_momentum"][0], w + shares @ gradients, rtol=1e-12)
    at, cache, m, v, both = w.copy(), 0.0, 0.0, 0.0, w.copy()
    for t, dw in enumerate(gradients, 1):
        cache = 0.99 * cache + 0.01 * dw**2
        at = at - 0.01 * dw / (cache**0.5 + 1e-8)
        m, v = 0.9 * m + 0.1 * dw, 0.999 * v + 0.001 * dw**2
        both = both - 1e-3 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
    np.testing.assert_allclose(ways["rmsprop"][0], at, rtol=1e-12)
    np.testing.assert_allclose(ways["adam"][0], both, rtol=1e-12)
    assert not np.array_equal(w, ways["sgd"][0]), "the weights that were given are as they were"


# Model.fit


def compiled(loss="cross_entropy", outputs=3, lr=0.1):
    model = compat.Model([Linear(4, 8), ReLU(), Linear(8, outputs)])
    return model.compile(loss, Descent(model.model.parameters(), lr))


def test_fit_tells_loss_accuracy_and_learning_rate_by_name():
    x, y = clusters()
    model = compiled()
    assert set(model.fit(x, y)) == {"loss", "acc", "lr"}
    history = model.fit((x, y), epochs=3, val_data=clusters(seed=1))
    assert set(history) == {"loss", "acc", "val_loss", "val_acc", "lr"}
    assert history["lr"] == [0.1] * 3
    x_val, y_val = clusters(seed=1)
    assert history["val_acc"][-1] == np.mean(model.predict(x_val).argmax(1) == y_val)
    assert history["val_loss"][-1] == pytest.approx(model.evaluate(x_val, y_val)["loss"], rel=1e-5)
    assert set(compiled("mse", 1).fit(x, x[:, :1])) == {"loss", "lr"}
    assert isinstance(model.model.loss, CrossEntropyLoss)


def test_with_num_classes_a_loss_sees_one_hot_rows():
    x, y = clusters()
    model, twin = compiled("mse"), compiled("mse")
    twin.model.load_state_dict(model.model.state_dict())
    history = model.fit(x, y, epochs=3, num_classes=3, val_data=(x, y))
    expected = twin.fit(x, np.eye(3, dtype=np.float32)[y], epochs=3, val_data=(x, np.eye(3, dtype=np.float32)[y]))
    assert history["loss"] == expected["loss"]
    assert history["val_loss"] == expected["val_loss"]
    assert history["val_acc"][-1] == np.mean(model.predict(x).argmax(1) == y)
    cross, plain = compiled(), compiled()
    plain.model.load_state_dict(cross.model.state_dict())
    assert cross.fit(x, y, num_classes=3)["loss"] == pytest.approx(plain.fit(x, y)["loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("y", "classes", "message"),
    [
        (np.array([0, 3]), 3, "With num_classes=3 targets are class indices from 0 to 2, got 3."),
        (np.array([0, -1]), 3, "got -1"),
        (np.array([0.0, 1.0]), 3, "got 0.0"),
        (np.array([0, 1]), 0, "num_classes must be an integer of at least 1, got 0."),
    ],
)
def test_targets_that_are_no_class_are_refused(y, classes, message):
    model = compiled()
    with pytest.raises(nn_core.NNError, match=message):
        model.fit(np.zeros((2, 4), np.float32), y, num_classes=classes)
    assert isinstance(model.model.loss, CrossEntropyLoss)


def test_nothing_ends_a_run_early_unless_it_is_asked_for():
    x, y = clusters()
    assert len(compiled(lr=0.0).fit(x, y, epochs=8, patience=2)["loss"]) == 8
    assert len(compiled(lr=0.0).fit(x, y, epochs=8, early_stopping=True, patience=2)["loss"]) == 3
    history = compiled(lr=0.0).fit(x, y, epochs=8, early_stopping=True, patience=2, val_data=clusters(seed=1))
    assert len(history["val_acc"]) == 3
    regression = compiled("mse", 1, lr=0.0).fit(x, x[:, :1], epochs=8, early_stopping=True, patience=3)
    assert len(regression["loss"]) == 4


def test_a_schedule_of_another_name_is_refused():
    x, y = clusters()
    with pytest.raises(ConfigError, match="lr_schedule must be 'plateau' or left out, got 'cosine'"):
        compiled().fit(x, y, lr_schedule="cosine")
    with pytest.raises(ConfigError, match="Call compile"):
        compat.Model([Linear(4, 3)]).fit(x, y)


# Two files


def trained():
    model = compat.Model([Dense(8, activation="relu"), BatchNorm1d(), Residual(Linear(8, 8), ReLU()), Dense(3)])
    model.build((2, 4))
    model.compile("cross_entropy", Descent(model.model.parameters()))
    model.fit(*clusters(), epochs=2)
    return model


@pytest.mark.parametrize("fallback", [True, pytest.param(False, marks=needs_h5py)], ids=["npz", "hdf5"])
@pytest.mark.parametrize("ending", [".h5", ".hdf5"])
def test_weights_and_architecture_are_two_files(tmp_path, monkeypatch, caplog, fallback, ending):
    if fallback:
        monkeypatch.setitem(sys.modules, "h5py", None)
    model = trained()
    path = tmp_path / f"weights{ending}"
    with caplog.at_level(logging.WARNING, "nn_core"):
        model.save(path)
    written = f"weights{ending}.npz" if fallback else f"weights{ending}"
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([written, "weights.json"])
    assert ("so the weights go to" in caplog.text) == fallback
    layers = json.loads((tmp_path / "weights.json").read_text())
    assert [layer["class"] for layer in layers] == ["Dense", "BatchNorm1d", "Residual", "Dense"]
    assert layers[0]["config"]["activation"] == {"type": "relu@nn-core"}
    keys = {name for i, layer in enumerate(layers) for name in load_arrays(tmp_path / written) if name[0] == str(i)}
    assert keys == set(load_arrays(tmp_path / written))
    assert {"0_Dense_weight", "1_BatchNorm1d_running_mean", "2_Residual_layers.0.weight", "3_Dense_bias"} <= keys
    loaded = compat.Model.load(path)
    x = clusters()[0]
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    np.testing.assert_array_equal(loaded.forward(x), model.forward(x))
    assert repr(loaded) == repr(model)


def test_two_files_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    path, beside = tmp_path / "m.h5", tmp_path / "m.json"
    model = trained()
    model.save(path)
    whole = beside.read_text()
    for change, message in (
        (lambda layers: layers[3]["config"].update(out_features=4), "does not fit .* at 3_Dense: weight has shape"),
        (lambda layers: layers.pop(), "has 3_Dense_weight, which belongs to no layer of"),
        (lambda layers: layers[0].update({"class": "Gate"}), "No installed plugin announces a layer class Gate"),
        (lambda layers: layers[0].pop("config"), "is not a list of layers with class and config"),
        (lambda layers: layers[0]["config"].update(gain=1), "is not a list of layers with class and config: .*'gain'"),
    ):
        layers = json.loads(whole)
        change(layers)
        beside.write_text(json.dumps(layers))
        with pytest.raises(ModelFileError, match=message):
            compat.Model.load(path)
    beside.write_text(whole[:40])
    with pytest.raises(ModelFileError, match="is not a list of layers"):
        compat.Model.load(path)
    Path(f"{path}.npz").unlink()
    with pytest.raises(ModelFileError, match=r"There is no model file .*m\.h5"):
        compat.Model.load(path)


def test_what_cannot_be_in_two_files_leaves_none(tmp_path):
    class Twice(Layer):
        def forward(self, x):
            return 2 * x, lambda dy: 2 * dy

    with pytest.raises(ModelFileError, match="Twice is not registered by a plugin"):
        compat.Model([Linear(2, 3), Twice()]).save(tmp_path / "m.h5")
    with pytest.raises(NotBuiltError):
        compat.Model([Dense(3)]).save(tmp_path / "m.h5")
    assert list(tmp_path.iterdir()) == []


# The logger


def test_there_is_one_logger_and_it_takes_data_by_name(on_console, capsys):
    assert compat.Logger() is compat.Logger() is compat.logger
    compat.logger.info("loaded", samples=60, path="a.csv")
    compat.logger.debug("not shown")
    compat.logger.warning("plain")
    first, second = capsys.readouterr().err.splitlines()
    assert first.endswith("| INFO     | nn_core:test_there_is_one_logger_and_it_takes_data_by_name - "
                          "loaded | samples=60 path=a.csv")  # fmt: skip
    assert second.endswith(" - plain")


def test_without_any_setup_the_logger_writes_to_the_console():
    code = "from nn_core.compat import logger; logger.debug('a'); logger.info('b', c=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.endswith(" | INFO     | nn_core:<module> - b | c=1\n")
    assert len(done.stderr.splitlines()) == 1


def test_its_level_can_be_changed_and_a_file_be_added(tmp_path, capsys):
    nn_core.configure_logging("INFO", file=tmp_path / "a.log")
    compat.logger.set_level("error")
    compat.logger.warning("no")
    compat.logger.set_level("DEBUG")
    compat.logger.debug("yes", rate=0.1)
    compat.logger.error("100 %")
    lines = (tmp_path / "a.log").read_text().splitlines()
    assert [line.partition(" - ")[2] for line in lines] == ["yes | rate=0.1", "100 %"]
    assert capsys.readouterr().err.splitlines() == lines
