"""The table of a run."""

from __future__ import annotations

import csv
import math

import pytest

from nn_core import History


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
