"""The moving average of the weights: its recurrence, when it is in the model, and that a run resumes with it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import Checkpoint, ConfigError, EarlyStopping, Linear, Sequential, Tanh, evaluate, fit, get, load, seed
from nn_optim import EMA, SGD


def data(n=26):
    rng = np.random.default_rng(1)
    return rng.normal(size=(n, 4)), rng.integers(0, 3, n)


class Spy:
    def __init__(self):
        self.weights, self.validated = [], []

    def on_batch_end(self, state):
        self.weights.append((state.step, state.model.state_dict()))

    def on_validation_start(self, state):
        self.validated.append(state.model.state_dict())


def run(*callbacks, resume=None, **options):
    seed(0)
    model = Sequential(Linear(4, 5), Tanh(), Linear(5, 3)).astype("float64")
    given = {"epochs": 2, "batch_size": 4} | options
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    history = fit(
        model, data(), loss="cross_entropy", optimizer=optimizer, callbacks=list(callbacks), resume=resume, **given
    )
    return model, history


def averaged(start, weights, decay):
    """Return the average by its recurrence, once for each update."""
    average, seen = {name: array.copy() for name, array in start.items()}, 0
    for step, state in weights:
        if step != seen:
            seen = step
            average = {name: decay * average[name] + (1 - decay) * state[name] for name in average}
    return average


def first_weights():
    seed(0)
    return Sequential(Linear(4, 5), Tanh(), Linear(5, 3)).astype("float64").state_dict()


@pytest.mark.parametrize("decay", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_the_average_follows_its_recurrence_and_the_model_ends_with_it(decay, accumulate):
    spy, ema = Spy(), EMA(decay)
    model, _ = run(ema, spy, accumulate=accumulate)
    expected = averaged(first_weights(), spy.weights, decay)
    for name, array in model.state_dict().items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-12)
        np.testing.assert_array_equal(array, ema.average[name])


def test_training_itself_does_not_notice():
    spies = Spy(), Spy()
    run(spies[0], validation=data(9))
    run(EMA(0.9), spies[1], validation=data(9))
    for (_, one), (_, other) in zip(*(spy.weights for spy in spies), strict=True):
        assert all((one[name] == other[name]).all() for name in one)


def test_validation_is_done_with_the_average():
    spy, ema = Spy(), EMA(0.9)
    model, history = run(ema, spy, validation=data(9), epochs=1)
    for name, array in ema.average.items():
        np.testing.assert_array_equal(spy.validated[0][name], array)
    assert history["val_loss"] == [pytest.approx(evaluate(model, data(9), loss="cross_entropy")["loss"], rel=1e-12)]


def test_the_last_weights_stay_if_the_average_is_not_to_be_kept():
    spy = Spy()
    model, _ = run(EMA(0.9, keep=False), spy, validation=data(9))
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, spy.weights[-1][1][name])


def test_a_validation_that_fails_gives_the_weights_back():
    class Fail:
        def on_validation_start(self, state):
            raise RuntimeError

    spy, ema = Spy(), EMA(0.9)
    seed(0)
    model = Sequential(Linear(4, 5), Tanh(), Linear(5, 3)).astype("float64")
    options = {"loss": "cross_entropy", "optimizer": SGD(model.parameters(), lr=0.1), "epochs": 1}
    with pytest.raises(RuntimeError):
        fit(model, data(), validation=data(9), callbacks=[ema, spy, Fail()], **options)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, spy.weights[-1][1][name])


@pytest.mark.parametrize("batch", [3, 7, 9])
def test_a_run_resumes_with_its_average_to_the_bit(tmp_path, batch):
    class Interrupt:
        def on_batch_start(self, state):
            if state.trained + 1 == batch:
                raise KeyboardInterrupt

    options = {"accumulate": 2, "validation": data(9)}
    whole, history = run(EMA(0.9), Checkpoint(folder=tmp_path / "whole", every_batches=1), **options)
    with pytest.raises(KeyboardInterrupt):
        run(EMA(0.9), Checkpoint(folder=tmp_path, every_batches=1), Interrupt(), **options)
    last = tmp_path / "last.safetensors"
    resumed, again = run(EMA(0.9), Checkpoint(folder=tmp_path, every_batches=1), resume=last, **options)
    for name, array in resumed.state_dict().items():
        np.testing.assert_array_equal(array, whole.state_dict()[name])
    assert again["val_loss"] == history["val_loss"]


def test_it_is_a_callback_by_name():
    assert get("callback", "ema") is EMA


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decay": 1.0}, "decay of EMA must be a number from 0 up to but not including 1, got 1.0."),
        ({"decay": "0.9"}, "decay of EMA must be a number from 0 up to but not including 1, got '0.9'."),
        ({"keep": 1}, "keep of EMA must be true or false, got 1."),
    ],
)
def test_an_option_that_makes_no_sense_is_named_with_its_value(options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        EMA(**options)


@pytest.mark.parametrize("ema_first", [True, False])
def test_the_best_average_is_restored_and_loaded_whatever_the_order(tmp_path, ema_first):
    class Worse:
        """Spoils the weights after the third epoch, so that the best one is not the last."""

        def on_epoch_start(self, state):
            if state.epoch > 3:
                state.model.params["0.weight"][...] += 5

    others = [EarlyStopping(patience=9, restore_best=True), Checkpoint(folder=tmp_path)]
    callbacks = [EMA(0.5), *others] if ema_first else [*others, EMA(0.5)]
    model, history = run(Worse(), *callbacks, epochs=6, validation=data(9))
    best = min(history["val_loss"])
    assert history["val_loss"].index(best) < 3
    assert evaluate(model, data(9), loss="cross_entropy")["loss"] == pytest.approx(best, rel=1e-12)
    assert evaluate(load(tmp_path / "best.safetensors"), data(9), loss="cross_entropy")["loss"] == pytest.approx(
        best, rel=1e-12
    )
    last = evaluate(load(tmp_path / "last.safetensors"), data(9), loss="cross_entropy")["loss"]
    assert last == pytest.approx(history["val_loss"][-1], rel=1e-12)
