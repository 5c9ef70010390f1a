"""The table of a run."""

from __future__ import annotations

import csv
import json
import math
import sys

import pytest

from nn_core import History
from nn_core.errors import PluginError


def filled():
    history = History()
    history.append({"epoch": 1, "loss": 0.1 + 0.2})
    history.append({"epoch": 2, "loss": 1e-30, "val_loss": 2.5})
    return history


def test_a_column_is_read_by_name():
    history = filled()
    assert history["loss"] == [0.1 + 0.2, 1e-30]
    assert history.columns == ["epoch", "loss", "val_loss"]
    assert len(history) == 2
    assert list(history) == history.rows
    first, second = history["val_loss"]
    assert math.isnan(first)
    assert second == 2.5


def test_an_unknown_column_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="The history has no column 'acc'; it has epoch, loss, val_loss"):
        filled()["acc"]
    with pytest.raises(KeyError, match="it has none yet"):
        History()["loss"]


def test_csv_keeps_all_digits(tmp_path):
    history = filled()
    history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "loss", "val_loss"]
    assert [float(row["loss"]) for row in rows] == history["loss"]
    assert [row["val_loss"] for row in rows] == ["", "2.5"]


def test_an_empty_history_is_a_file_without_rows(tmp_path):
    History().to_csv(tmp_path / "history.csv")
    assert (tmp_path / "history.csv").read_text().strip() == ""


def test_a_history_prints_its_last_row():
    assert repr(History()) == "History(0 epochs)"
    assert repr(filled()) == "History(2 epochs, last: epoch=2, loss=1e-30, val_loss=2.5)"


def test_json_holds_columns_or_a_line_per_row_with_null_for_what_is_not_finite(tmp_path):
    history = filled()
    history.append({"epoch": 3, "loss": float("nan"), "val_loss": float("inf")})
    history.to_json(tmp_path / "h.json")
    assert json.loads((tmp_path / "h.json").read_text()) == {
        "epoch": [1, 2, 3],
        "loss": [0.1 + 0.2, 1e-30, None],
        "val_loss": [None, 2.5, None],
    }
    history.to_jsonl(tmp_path / "h.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "h.jsonl").read_text().splitlines()]
    assert lines[0] == {"epoch": 1, "loss": 0.1 + 0.2}
    assert lines[2] == {"epoch": 3, "loss": None, "val_loss": None}


def test_pandas_gets_the_same_table():
    pytest.importorskip("pandas")
    frame = filled().to_pandas()
    assert list(frame.columns) == ["epoch", "loss", "val_loss"]
    assert frame["loss"].tolist() == [0.1 + 0.2, 1e-30]
    assert frame["val_loss"].isna().tolist() == [True, False]


def test_a_figure_has_a_panel_per_figure_and_validation_beside_training():
    pytest.importorskip("matplotlib")
    history = filled()
    history.rows[0] |= {"val_loss": 3.0, "accuracy": 0.5, "seconds": 1.0}
    figure = history.plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy"]
    training, validation = figure.axes[0].lines
    assert list(training.get_ydata()) == history["loss"]
    assert list(validation.get_ydata()) == [3.0, 2.5]
    assert [axes.get_ylabel() for axes in history.plot("val_loss").axes] == ["loss"]


@pytest.mark.parametrize(("method", "module"), [("to_pandas", "pandas"), ("plot", "matplotlib.figure")])
def test_what_is_not_installed_is_named(method, module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(PluginError, match="needs"):
        getattr(filled(), method)()


def test_a_folder_that_is_not_there_is_named_with_the_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        filled().to_csv(tmp_path / "nowhere" / "h.csv")
    assert caught.value.filename == str(tmp_path / "nowhere" / "h.csv")
