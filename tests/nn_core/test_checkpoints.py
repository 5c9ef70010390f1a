"""A run that is interrupted and resumed is the run that was not, to the bit."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from nn_core import (
    BatchNorm1d,
    Checkpoint,
    ConfigError,
    Dropout,
    EarlyStopping,
    GradientStatistics,
    Layer,
    Linear,
    ModelFileError,
    Optimizer,
    ReLU,
    Scheduler,
    Sequential,
    Tanh,
    default_rng,
    fit,
    load,
    load_arrays,
    save,
    save_checkpoint,
    seed,
)


class Momentum(Optimizer):
    elementwise = True

    def __init__(self, parameters, lr=0.1, betas=(0.9, 0.99)):
        super().__init__(parameters, lr=lr, betas=betas)

    def update(self, part, state, **options):
        if not state:
            state.update(step=0, velocity=np.zeros_like(part.data))
        state["step"] += 1
        state["velocity"] *= options["betas"][0]
        state["velocity"] += part.grad
        part.data -= options["lr"] / state["step"] * state["velocity"]


class Falling(Scheduler):
    def rate(self, base, t):
        return base * 0.95**t


class Noise(Layer):
    """Draws from the default generator, whose state belongs to a run."""

    def forward(self, x):
        factor = 1 + 0.01 * default_rng().normal()
        return (x * factor).astype(x.dtype), lambda dy: (dy * factor).astype(dy.dtype)


class Interrupt:
    """Ends the run in its n-th batch, before anything else hears of that."""

    def __init__(self, batch):
        self.batch = batch

    def on_batch_start(self, state):
        if state.trained + 1 == self.batch:
            raise KeyboardInterrupt


def data(n=26):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 4)).astype("float32"), rng.integers(0, 3, n)


def run(folder, *callbacks, resume=None, source=None, **options):
    """Train a network with everything that a run can have, in 7 batches per epoch."""
    seed(0)
    model = Sequential(Linear(4, 8), BatchNorm1d(8), ReLU(), Dropout(0.3), Noise(), Linear(8, 3))
    optimizer = Momentum(model.parameters())
    checkpoint = Checkpoint(folder=folder, every_batches=1)
    stopping = EarlyStopping("accuracy", mode="max", patience=3, restore_best=True)
    given = {
        "loss": "cross_entropy",
        "optimizer": optimizer,
        "scheduler": Falling(optimizer, per="batch"),
        "metrics": ["accuracy", "roc_auc"] if source is None and options.pop("auc", False) else ["accuracy"],
        "validation": data(9),
        "epochs": 4,
        "batch_size": 4,
        "accumulate": 3,
        "clip_norm": 1.0,
        "seed": 5,
    } | options
    history = fit(
        model,
        source or data(),
        callbacks=[checkpoint, GradientStatistics(), stopping, *callbacks],
        resume=resume,
        **given,
    )
    return model, history, optimizer


def same(one, other):
    (model, history, optimizer), (twin, reference, other_optimizer) = one, other
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, twin.state_dict()[name], err_msg=name)
    clean = [[{k: v for k, v in row.items() if k != "seconds"} for row in h.rows] for h in (history, reference)]
    assert clean[0] == clean[1]
    states = optimizer.state_dict(), other_optimizer.state_dict()
    assert states[0]["param_groups"] == states[1]["param_groups"]
    for i, state in states[0]["state"].items():
        assert all(np.array_equal(value, states[1]["state"][i][name]) for name, value in state.items())


@pytest.mark.parametrize("batch", [2, 3, 4, 7, 8, 12, 14, 15, 20, 27])
def test_a_run_that_breaks_off_at_any_batch_goes_on_to_the_bit(tmp_path, batch):
    whole = run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupt(batch))
    default_rng().normal(size=100)  # what happens in between does not matter
    same(run(tmp_path, resume=tmp_path / "last.safetensors"), whole)


def test_a_run_may_break_off_again_and_again(tmp_path):
    whole = run(tmp_path / "whole")
    resume = None
    for batch in (5, 6, 13, 21, 28):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, Interrupt(batch), resume=resume)
        resume = tmp_path / "last.safetensors"
    same(run(tmp_path, resume=resume), whole)


def test_batches_that_are_only_iterated_are_read_again_up_to_the_place(tmp_path):
    x, y = data()
    batches = [(x[i : i + 4], y[i : i + 4]) for i in range(0, 26, 4)]
    whole = run(tmp_path / "whole", source=batches)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupt(10), source=batches)
    same(run(tmp_path, source=batches, resume=tmp_path / "last.safetensors"), whole)


class Tape:
    """Batches in an order of its own that changes from epoch to epoch, and that says where it is."""

    def __init__(self):
        self.x, self.y = data()
        self.epoch, self.batch, self.read = 0, 0, []

    def state_dict(self):
        return {"epoch": self.epoch, "batch": self.batch}

    def load_state_dict(self, state):
        self.epoch, self.batch = state["epoch"], state["batch"]

    def __iter__(self):
        while self.batch < 7:
            self.read.append(7 * self.epoch + self.batch)
            i = 5 * self.read[-1] % 22
            self.batch += 1
            yield self.x[i : i + 4], self.y[i : i + 4]
        self.epoch, self.batch = self.epoch + 1, 0


@pytest.mark.parametrize("batch", [2, 6, 7, 8, 10, 15, 21])
def test_batches_that_keep_their_own_position_go_on_from_there(tmp_path, batch):
    whole = run(tmp_path / "whole", source=Tape())
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, Interrupt(batch), source=Tape())
    source = Tape()
    same(run(tmp_path, source=source, resume=tmp_path / "last.safetensors"), whole)
    assert min(source.read) == batch - 1  # what was before is not read again


def test_a_finished_run_goes_on_with_more_epochs_only(tmp_path):
    whole = run(tmp_path / "whole", epochs=4)
    run(tmp_path, epochs=2)
    half = tmp_path / "last.safetensors"
    again = run(tmp_path / "again", epochs=2, resume=half)
    assert len(again[1]) == 2
    same(run(tmp_path, epochs=4, resume=half), whole)


def test_a_run_that_stopped_early_has_stopped(tmp_path):
    class Constant:
        def on_batch_end(self, state):
            state.columns["figure"] = 1.0

    def stopped(folder, resume=None):
        model = Linear(4, 3)
        stopping = EarlyStopping("figure", patience=1)
        options = {"loss": "cross_entropy", "optimizer": Momentum(model.parameters()), "epochs": 9, "resume": resume}
        return fit(model, data(), callbacks=[Constant(), stopping, Checkpoint(folder=folder)], **options)

    assert len(stopped(tmp_path)) == 2
    assert len(stopped(tmp_path, tmp_path / "last.safetensors")) == 2


def test_the_files_are_models_and_hold_what_their_names_say(tmp_path):
    model, history, _ = run_plain(tmp_path, keep_every=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best.safetensors",
        "epoch-0002.safetensors",
        "epoch-0004.safetensors",
        "last.safetensors",
    ]
    x, _ = data()
    np.testing.assert_array_equal(load(tmp_path / "last.safetensors")(x), model(x))
    names = list(load_file(tmp_path / "last.safetensors"))
    assert "0.weight" in names
    assert "@optimizer/state/0/velocity" in names
    losses = history["val_loss"]
    best = json.loads(load_file(tmp_path / "best.safetensors")["@run"].tobytes())
    assert best["position"]["epoch"] == 1 + losses.index(min(losses))


def run_plain(folder, epochs=4, resume=None, model=None, **options):
    seed(0)
    model = model or Sequential(Linear(4, 5), ReLU(), Linear(5, 3))
    optimizer = Momentum(model.parameters())
    more = {key: options.pop(key) for key in list(options) if key in ("seed", "batch_size", "metrics", "optimizer")}
    history = fit(
        model,
        data(),
        loss="cross_entropy",
        epochs=epochs,
        validation=data(9),
        callbacks=[Checkpoint(folder=folder, **options)],
        resume=resume,
        **{"optimizer": optimizer, **more},
    )
    return model, history, optimizer


def test_a_model_that_no_plugin_registers_can_be_resumed_but_not_loaded(tmp_path):
    class Own(Linear):
        pass

    run_plain(tmp_path, epochs=1, model=Own(4, 3))
    run_plain(tmp_path, epochs=2, model=Own(4, 3), resume=tmp_path / "last.safetensors")
    with pytest.raises(ModelFileError, match="holds weights but no architecture"):
        load(tmp_path / "last.safetensors")


def test_a_crash_while_writing_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    run_plain(tmp_path, epochs=1)
    before = (tmp_path / "last.safetensors").read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(ModelFileError, match="cannot be written: No space left on device"):
        run_plain(tmp_path, epochs=1)
    assert (tmp_path / "last.safetensors").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.safetensors", "last.safetensors"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 1}, "is of a run with seed 0, and this one has 1. A run goes on with the settings that it had."),
        ({"batch_size": 8}, "is of a run with batch_size 32, and this one has 8."),
        ({"metrics": ["accuracy"]}, "is of a run with metrics [], and this one has ['accuracy']."),
    ],
)
def test_a_run_with_other_settings_is_refused(tmp_path, options, message):
    run_plain(tmp_path, epochs=1)
    with pytest.raises(ConfigError, match=re.escape(message)):
        run_plain(tmp_path, resume=tmp_path / "last.safetensors", **options)


def test_what_is_no_checkpoint_of_this_model_is_refused(tmp_path):
    run_plain(tmp_path, epochs=1)
    with pytest.raises(ModelFileError, match=r"is of another model: .*'sequential@nn-core'.* where this one is"):
        run_plain(tmp_path, model=Linear(4, 3), resume=tmp_path / "last.safetensors")
    save(Linear(4, 3), tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="holds a model but no run to go on with"):
        run_plain(tmp_path, resume=tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="There is no model file"):
        run_plain(tmp_path, resume=tmp_path / "nothing.safetensors")
    arrays = load_file(tmp_path / "last.safetensors")
    save_file(arrays | {"@run": arrays["@run"][:-9]}, tmp_path / "cut.safetensors")
    with pytest.raises(ModelFileError, match="has a damaged description of its run"):
        run_plain(tmp_path, resume=tmp_path / "cut.safetensors")


def test_something_that_cannot_be_saved_is_named(tmp_path):
    class Odd:
        kept = ("thing",)
        thing = object()

        def on_epoch_end(self, state):
            save_checkpoint(state, tmp_path / "odd.safetensors")

    model = Linear(4, 3)
    with pytest.raises(ModelFileError, match="callbacks/0/thing is <object object"):
        fit(model, data(), loss="cross_entropy", optimizer=Momentum(model.parameters()), epochs=1, callbacks=[Odd()])


class Twice(Layer):
    """A layer that no plugin registers, so that a file cannot describe the model."""

    def forward(self, x):
        return 2 * x, lambda dy: 2 * dy


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "mse"}, "is of a run with loss 'CrossEntropyLoss', and this one has 'MSELoss'"),
        ({"lr": 9.0}, "is of a run with lr 0.1, and this one has 9"),
        ({"n": 30}, "is of a run with batches per epoch 7, and this one has 8"),
        ({"batch_size": 5}, "is of a run with batch_size 4, and this one has 5"),
        ({"activation": Tanh}, "is of another model: "),
    ],
)
def test_a_run_does_not_go_on_with_other_settings_in_silence(tmp_path, options, message):
    def go(loss="cross_entropy", n=26, activation=ReLU, lr=0.1, batch_size=4, resume=None):
        model = Sequential(Linear(4, 6), activation(), Linear(6, 3))
        given = {"batch_size": batch_size, "resume": resume, "callbacks": [Checkpoint(folder=tmp_path)]}
        fit(model, data(n), loss=loss, optimizer=Momentum(model.parameters(), lr=lr), epochs=2, **given)

    go()
    with pytest.raises((ConfigError, ModelFileError), match=message) as caught:
        go(resume=tmp_path / "last.safetensors", **options)
    assert "strict" not in str(caught.value), "fit has no such option"


def test_a_deeper_model_without_description_is_another_one(tmp_path):
    first, deeper = Sequential(Linear(4, 3), Twice()), Sequential(Linear(4, 3), Twice(), Linear(3, 3))
    run_plain(tmp_path, model=first, epochs=1)
    with pytest.raises(ModelFileError, match=r"is of another model: The state lacks 2.bias, 2.weight\.$"):
        run_plain(tmp_path, model=deeper, resume=tmp_path / "last.safetensors")


def test_an_optimizer_that_went_on_by_itself_may_resume_its_run(tmp_path):
    model = Sequential(Linear(4, 6), Linear(6, 3))
    optimizer = Momentum(model.parameters())
    options = {"loss": "cross_entropy", "optimizer": optimizer, "callbacks": [Checkpoint(folder=tmp_path)]}
    fit(model, data(), epochs=2, scheduler=Falling(optimizer), **options)
    history = fit(
        model, data(), epochs=3, scheduler=Falling(optimizer), resume=tmp_path / "last.safetensors", **options
    )
    assert history["epoch"] == [1, 2, 3]


def test_the_weights_in_a_checkpoint_are_read_alone(tmp_path):
    model = Sequential(Linear(4, 3), Twice())
    run_plain(tmp_path, model=model, epochs=1)
    with pytest.raises(ModelFileError, match="holds weights but no architecture"):
        load(tmp_path / "last.safetensors")
    twin = Sequential(Linear(4, 3), Twice())
    twin.load_state_dict(load_arrays(tmp_path / "last.safetensors"))  # the way out that the message names
    np.testing.assert_array_equal(twin.params["0.weight"], model.params["0.weight"])


def test_a_folder_that_cannot_be_made_is_named_at_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"folder of Checkpoint is '.*file', which cannot be made: File exists\."):
        run_plain(tmp_path / "file", epochs=1)
