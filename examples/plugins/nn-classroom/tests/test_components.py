"""The components go through the same checks as the built-in ones, and do what they promise."""

import numpy as np
import pytest
from click.testing import CliRunner

from nn_classroom.matthews import Matthews
from nn_classroom.mistakes import mistakes
from nn_classroom.parity import parity
from nn_classroom.report_card import ReportCard
from nn_core import ConfigError, Linear, fit
from nn_core.testing import (
    CallbackCase,
    DatasetCase,
    MetricCase,
    parametrize_callback_checks,
    parametrize_dataset_checks,
    parametrize_metric_checks,
)
from nn_core.testing.callbacks import Descent


def draw(rng):
    return rng.normal(size=(30, 3)), rng.integers(0, 3, 30)


@parametrize_dataset_checks([DatasetCase("parity", parity), DatasetCase("of four bits", lambda: parity(4))])
def test_dataset(check):
    check()


@parametrize_metric_checks([MetricCase("matthews", Matthews, draw)])
def test_metric(check):
    check()


@parametrize_callback_checks([CallbackCase("report_card", lambda folder: ReportCard(folder / "report.md"))])
def test_callback(check):
    check()


def test_parity_holds_every_row_of_bits_once():
    train, test = parity(5)
    x, y = np.concatenate([train.x, test.x]), np.concatenate([train.y, test.y])
    assert sorted(map(tuple, x)) == sorted({tuple(row) for row in x})
    assert (len(x), len(train)) == (32, 24)
    np.testing.assert_array_equal(y, [int(row.sum()) % 2 for row in x])


@pytest.mark.parametrize("options", [{"bits": 1}, {"bits": 17}, {"test_share": 0}, {"test_share": 1.5}])
def test_an_option_out_of_range_is_named(options):
    [(name, value)] = options.items()
    with pytest.raises(ConfigError, match=f"expected .*{name}.*got {value}"):
        parity(**options)


def test_the_coefficient_of_two_classes_is_the_one_of_the_textbook():
    tp, tn, fp, fn = 6, 3, 1, 2
    target = np.repeat([1, 0, 0, 1], [tp, tn, fp, fn])
    label = np.repeat([1, 0, 1, 0], [tp, tn, fp, fn])
    metric = Matthews()
    metric.update(np.eye(2)[label[:5]], target[:5])
    metric.update(np.eye(2)[label[5:]], target[5:])
    expected = (tp * tn - fp * fn) / np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert metric.compute() == pytest.approx(expected)


def test_a_report_card_has_a_row_for_every_epoch(tmp_path):
    model, data = Linear(2, 1), (np.ones((8, 2), np.float32), np.ones((8, 1), np.float32))
    card = ReportCard(tmp_path / "report.md")
    history = fit(model, data, loss="mse", optimizer=Descent(model.parameters()), epochs=3, callbacks=[card])
    head, rule, *rows = card.path.read_text(encoding="utf-8").splitlines()
    assert "| loss |" in head
    assert (set(rule), len(rows)) == (set("|- "), 3)
    assert f"| {history['loss'][-1]:.4g} |" in rows[-1]


def test_a_report_card_without_a_folder_is_refused_before_training(tmp_path):
    model, data = Linear(2, 1), (np.ones((8, 2), np.float32), np.ones((8, 1), np.float32))
    card = ReportCard(tmp_path / "no" / "report.md")
    with pytest.raises(ConfigError, match=r"there is no folder '.*no' for 'report.md'"):
        fit(model, data, loss="mse", optimizer=Descent(model.parameters()), epochs=1, callbacks=[card])


def test_mistakes_are_counted_by_kind(tmp_path):
    rows = ["index,target,label,p_0", "0,1,1,0.1", "1,3,5,0.2", "2,3,5,0.2", "3,8,3,0.1"]
    (tmp_path / "p.csv").write_text("\n".join(rows), encoding="utf-8")
    result = CliRunner().invoke(mistakes, [str(tmp_path / "p.csv"), "--top", "1"])
    assert result.output.splitlines() == ["3 of 4 are wrong", "    2  3 taken for 5"]


def test_a_file_that_holds_no_labels_is_refused(tmp_path):
    (tmp_path / "p.csv").write_text("index,output_0\n0,1.5\n", encoding="utf-8")
    result = CliRunner().invoke(mistakes, [str(tmp_path / "p.csv")])
    assert result.exit_code == 1
    assert "has no columns 'target' and 'label'. Write it with: nn-cli predict" in result.output
