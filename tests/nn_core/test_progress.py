"""The progress bar, on a terminal and elsewhere."""

from __future__ import annotations

import io
import sys
import types

import numpy as np
import pytest

from nn_core import Linear, PluginError, ProgressBar, fit


class Still:
    """An optimizer that changes nothing."""

    def step(self):
        pass

    def zero_grad(self):
        pass


class Terminal(io.StringIO):
    def isatty(self):
        return True


class FakeBar:
    """Stands in for tqdm where that is not installed, and notes what is asked of it."""

    bars: list[FakeBar] = []  # noqa: RUF012 - one list for all bars is meant

    def __init__(self, *, total, desc, file, **options):
        self.total, self.desc, self.file = total, desc, file
        self.count, self.words, self.closed = 0, [], False
        self.bars.append(self)

    def update(self):
        self.count += 1

    def set_description_str(self, text, refresh=True):
        self.words.append(text)

    def close(self):
        self.closed = True


@pytest.fixture
def fake_tqdm(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=FakeBar))
    monkeypatch.setattr(FakeBar, "bars", [])


def run(epochs=2, batches=3, callbacks=(), train=None, validation=None):
    x, y = np.zeros((2 * batches, 1), np.float32), np.zeros(2 * batches, int)
    model = Linear(1, 2)
    model.load_state_dict({"weight": np.zeros((2, 1)), "bias": np.zeros(2)})
    return fit(
        model,
        train or (x, y),
        loss="cross_entropy",
        optimizer=Still(),
        epochs=epochs,
        batch_size=2,
        metrics=["accuracy"],
        validation=validation,
        callbacks=["progress_bar", *callbacks],
    )


def test_where_there_is_no_terminal_every_epoch_is_a_line(fake_tqdm, capsys):
    x, y = np.zeros((1, 1), np.float32), np.ones(1, int)
    run(epochs=10, validation=(x, y))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "epoch  1/10  loss 0.6931  accuracy 1.0000  val_loss 0.6931  val_accuracy 0.0000"
    assert lines[9].startswith("epoch 10/10  ")
    assert FakeBar.bars == []


def test_a_terminal_shows_one_bar_per_epoch(fake_tqdm, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run()
    assert [bar.desc for bar in FakeBar.bars] == ["epoch 1/2", "epoch 2/2"]
    for bar in FakeBar.bars:
        assert bar.file is terminal
        assert (bar.total, bar.count, bar.closed) == (3, 3, True)
        assert bar.words[-1].endswith("/2  loss 0.6931  accuracy 1.0000")
    assert terminal.getvalue() == "", "beside the bar nothing is printed"


def test_a_notebook_shows_bars_too(fake_tqdm, monkeypatch):
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    monkeypatch.setattr(sys, "stderr", stream)
    run()
    assert [(bar.file, bar.count, bar.closed) for bar in FakeBar.bars] == [(stream, 3, True)] * 2
    assert stream.getvalue() == ""


def test_the_last_words_of_a_bar_are_those_of_the_epoch(fake_tqdm, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    run(epochs=1, validation=(np.zeros((1, 1), np.float32), np.ones(1, int)))
    assert FakeBar.bars[0].words[-1] == "epoch 1/1  loss 0.6931  accuracy 1.0000  val_loss 0.6931  val_accuracy 0.0000"


def test_data_that_cannot_tell_their_number_have_a_bar_without_total(fake_tqdm, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    run(epochs=1, train=((np.zeros((2, 1), np.float32), np.zeros(2, int)) for _ in range(5)))
    assert (FakeBar.bars[0].total, FakeBar.bars[0].count) == (None, 5)


def test_an_exception_closes_the_bar(fake_tqdm, monkeypatch):
    class Failing:
        def on_batch_end(self, state):
            raise ZeroDivisionError

    monkeypatch.setattr(sys, "stderr", Terminal())
    with pytest.raises(ZeroDivisionError):
        run(callbacks=[Failing()])
    assert [bar.closed for bar in FakeBar.bars] == [True]


def test_one_progress_bar_serves_several_runs(fake_tqdm, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = ProgressBar()
    for _ in range(2):
        model = Linear(1, 2)
        data = (np.zeros((2, 1), np.float32), np.zeros(2, int))
        fit(model, data, loss="cross_entropy", optimizer=Still(), epochs=1, callbacks=[bar])
    assert [one.closed for one in FakeBar.bars] == [True, True]


def test_without_tqdm_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(PluginError) as caught:
        run()
    assert str(caught.value) == "The progress bar needs tqdm: install the extra nn-core[progress]."


def test_tqdm_itself_draws_the_bar(monkeypatch):
    pytest.importorskip("tqdm", reason="tqdm comes with the extra nn-core[progress]")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    run()
    text = terminal.getvalue()
    assert "epoch 1/2" in text
    assert "epoch 2/2" in text
    assert "3/3" in text
    assert "loss 0.6931  accuracy 1.0000" in text
