"""Training, evaluating and predicting with a run folder, on data and with a rule that a fake plugin provides."""

from __future__ import annotations

import csv
import json
import math
import re
import tomllib
from pathlib import Path

import attrs
import numpy as np
import pytest
from safetensors.numpy import load_file

import nn_core
from nn_cli.runs import RunFolder, discard_unless_trained
from nn_core import History, Linear

FILES = ["best.safetensors", "config.toml", "history.csv", "last.safetensors"]


def rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def scores(result) -> dict[str, str]:
    """Return the lines ``test NAME FIGURE`` of an output by the name."""
    return {line.split()[1]: line for line in result.lines if line.startswith("test ")}


def arrays(folder: Path) -> dict[str, bytes]:
    """Return the arrays of a run's last checkpoint, but the description, which tells how long it took."""
    found = load_file(folder / "last.safetensors")
    return {name: array.tobytes() for name, array in found.items() if name != "@run"}


@pytest.fixture
def trained(run, lab) -> Path:
    assert run("train", "lab.toml", "--out", "run", "--set", "data.validation=0.25").code == 0
    return Path("run")


# Training


def test_training_ends_with_the_scores_on_the_test_data_and_the_folder(run, lab):
    result = run("train", "lab.toml")
    assert result.code == 0
    assert re.fullmatch(r"test loss \d\.\d{4} \(20 samples\)", result.lines[0])
    assert re.fullmatch(r"test accuracy \d+\.\d\d % \(20 samples\)", result.lines[1])
    assert result.lines[2:] == [f"saved in {Path('runs') / 'lab-1'}"]
    assert float(result.lines[1].split()[2]) > 60
    assert "40 training samples, 20 test samples; 26 parameters in Sequential" in result.err
    assert [line.split("  ")[0] for line in result.err.splitlines()[1:]] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_a_run_folder_holds_configuration_history_and_two_models(trained):
    assert sorted(path.name for path in trained.iterdir()) == FILES
    history = rows(trained / "history.csv")
    assert list(history[0]) == ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds"]
    assert [row["epoch"] for row in history] == ["1", "2", "3"]
    assert float(history[2]["loss"]) < float(history[0]["loss"])


def test_the_saved_configuration_trains_the_same_again(run, trained):
    saved = tomllib.loads((trained / "config.toml").read_text(encoding="utf-8"))
    assert saved["data"] == {"type": "blobs", "batch_size": 16, "validation": 0.25}
    assert run("train", trained / "config.toml", "--out", "again").code == 0
    assert (Path("again") / "config.toml").read_bytes() == (trained / "config.toml").read_bytes()
    assert arrays(Path("again")) == arrays(trained)
    old, new = ([{**row, "seconds": ""} for row in rows(folder / "history.csv")] for folder in (trained, Path("again")))
    assert old == new


def test_another_seed_gives_other_weights(run, trained):
    assert run("train", trained / "config.toml", "--out", "other", "--set", "seed=4").code == 0
    assert arrays(Path("other")) != arrays(trained)


def test_seed_and_batch_size_decide_how_the_data_are_visited(run, lab):
    start = "model={type='linear', out_features=2, bias=false, init='blank'}"  # so that no weight is drawn
    files = {}
    for name, change in (("a", "seed=3"), ("b", "seed=4"), ("c", "data.batch_size=8")):
        assert run("train", "lab.toml", "--out", name, "--set", start, "--set", change).code == 0
        files[name] = arrays(Path(name))["0.weight" if "0.weight" in arrays(Path(name)) else "weight"]
    assert len(set(files.values())) == 3


def test_run_folders_are_numbered(run, lab):
    for number in (1, 2):
        assert run("train", "lab.toml", "--set", "train.epochs=1").lines[-1] == f"saved in {Path('runs/lab')}-{number}"
    assert sorted(path.name for path in Path("runs").iterdir()) == ["lab-1", "lab-2"]


def test_the_run_may_go_to_an_empty_or_a_new_folder_of_any_depth(run, lab):
    Path("empty").mkdir()
    for out in ("empty", "a/b/c"):
        assert run("train", "lab.toml", "--out", out, "--set", "train.epochs=1").code == 0
        assert sorted(path.name for path in Path(out).iterdir()) == FILES


def test_a_folder_with_something_in_it_and_a_file_are_left_alone(run, lab):
    Path("full").mkdir()
    Path("full/mine").write_text("precious")
    for out in ("full", "lab.toml"):
        result = run("train", "lab.toml", "--out", out)
        assert result.code == 2
        assert result.err.endswith(f"nn-cli: {out} is in use; --out must name a new or an empty folder.\n")
    assert [path.name for path in Path("full").iterdir()] == ["mine"]


def test_nothing_is_written_when_the_experiment_is_wrong(run, lab):
    for wrong in ("train.epochs=0", "model.layers.2.in_features=9", "optimizer.lr='x'"):
        assert run("train", "lab.toml", "--out", "run", "--set", wrong).code == 2
        assert not Path("run").exists()


def test_a_run_that_cannot_be_written_is_an_error_before_training(run, lab):
    result = run("train", "lab.toml", "--out", "lab.toml/run")
    assert result.code == 1
    assert "The run cannot be written to lab.toml" in result.err
    assert "Choose another folder with --out." in result.err
    assert "epoch" not in result.err


# Going on


def test_a_run_goes_on_with_more_epochs_as_if_it_had_had_them_from_the_start(run, lab):
    more = ["--set", "train.accumulate=2", "--set", "train.clip_norm=1.0", "--set", "data.validation=0.25"]
    assert run("train", "lab.toml", "--out", "whole", *more, "--set", "train.epochs=5").code == 0
    assert run("train", "lab.toml", "--out", "half", *more, "--set", "train.epochs=2").code == 0
    result = run("train", "--resume", "half", "--set", "train.epochs=5")
    assert result.code == 0
    assert result.lines[-1] == "saved in half"
    assert "epoch 3/5" in result.err
    assert "epoch 2/5" not in result.err
    assert arrays(Path("half")) == arrays(Path("whole"))
    old, new = ([{**row, "seconds": ""} for row in rows(Path(f) / "history.csv")] for f in ("whole", "half"))
    assert old == new
    assert (Path("half") / "config.toml").read_bytes() == (Path("whole") / "config.toml").read_bytes()


def test_a_run_that_is_finished_tells_its_scores_again(run, lab):
    first = run("train", "lab.toml", "--out", "run")
    again = run("train", "--resume", "run")
    assert (again.code, again.lines) == (0, first.lines)
    assert "run had all its 3 epochs already, so that nothing was trained; --set train.epochs=N gives it" in again.err
    before = (Path("run") / "config.toml").read_bytes()
    assert run("train", "--resume", "run", "--set", "train.epochs=2").code == 0
    assert (Path("run") / "config.toml").read_bytes() == before
    assert run("train", "--resume", "run", "--set", "train.epochs=4").code == 0
    assert "epochs = 4" in (Path("run") / "config.toml").read_text()


def test_a_run_cannot_go_on_with_other_settings(run, trained):
    before = (Path(trained) / "config.toml").read_bytes()
    for override in ("data.batch_size=7", "optimizer.lr=5", "data.validation=0.5", "train.clip_norm=1"):
        result = run("train", "--resume", trained, "--set", override)
        assert result.code == 2
        assert (
            f"--set {override}: a run that is resumed keeps its settings; only train.epochs and data.path" in result.err
        )
    assert (Path(trained) / "config.toml").read_bytes() == before


def test_what_cannot_be_gone_on_with_is_told(run, lab, trained):
    for words, message in (
        (["lab.toml", "--resume", trained], "--resume goes on with what is in its folder; leave CONFIG and --out out."),
        (
            ["--resume", trained, "--out", "x"],
            "--resume goes on with what is in its folder; leave CONFIG and --out out.",
        ),
        (["--resume", "nowhere"], "nowhere is not a run folder: it holds no config.toml."),
        ([], "Missing argument 'CONFIG', the TOML file of an experiment, or --resume FOLDER."),
    ):
        result = run("train", *words)
        assert result.code == 2
        assert message in result.err
    (trained / "last.safetensors").unlink()
    result = run("train", "--resume", trained)
    assert (result.code, "run holds no last.safetensors to go on from" in result.err) == (2, True)


# Which model is best


@attrs.define
class State:
    model: Linear
    logs: dict[str, float]
    history: History = attrs.field(factory=History)


def best_of(folder: Path, *logs: dict[str, float]) -> int:
    """Go through epochs with these measures and return the one whose model was kept, from 1."""
    folder.mkdir(exist_ok=True)
    keeper, model = RunFolder(folder), Linear(1, 1)
    with pytest.MonkeyPatch.context() as patch:  # there is no run to save here, only its model
        patch.setattr(nn_core, "save_checkpoint", lambda state, path: nn_core.save(state.model, path))
        for epoch, measured in enumerate(logs, 1):
            model.weight.data[...] = epoch
            keeper.on_epoch_end(State(model, measured))
    assert nn_core.load(folder / "last.safetensors").weight.data.item() == len(logs)
    return int(nn_core.load(folder / "best.safetensors").weight.data.item())


@pytest.mark.parametrize(
    ("values", "epoch"),
    [
        ([3.0, 1.0, 2.0], 2),
        ([1.0, 2.0, 3.0], 1),
        ([3.0, 2.0, 1.0], 3),
        ([1.0, 1.0], 1),
        ([math.nan, 2.0, 3.0], 2),
        ([1.0, math.nan, 2.0], 1),
        ([math.inf, math.nan, 5.0, 4.0], 4),
        ([math.nan, math.nan], 1),
    ],
)
def test_the_best_model_is_that_of_the_lowest_loss(tmp_path, values, epoch):
    assert best_of(tmp_path / "training", *({"loss": value} for value in values)) == epoch
    rising = ({"loss": i, "val_loss": value} for i, value in enumerate(values))
    assert best_of(tmp_path / "validation", *rising) == epoch


# Evaluating


def test_evaluation_prints_what_training_ended_with(run, lab):
    trained = run("train", "lab.toml", "--out", "run")
    result = run("evaluate", "run")
    assert (result.code, result.err) == (0, "")
    assert scores(result) == scores(trained)
    assert len(result.lines) == 2


def test_evaluation_as_json_has_all_digits(run, trained):
    found = json.loads(run("evaluate", trained, "--json").out)
    assert list(found) == ["samples", "loss", "accuracy"]
    assert found["samples"] == 20
    assert f"test accuracy {100 * found['accuracy']:.2f} % (20 samples)" in run("evaluate", trained).lines
    assert f"test loss {found['loss']:.4f} (20 samples)" in run("evaluate", trained).lines


def test_evaluation_can_take_the_best_weights_instead_of_the_last(run, trained):
    model = nn_core.load(trained / "best.safetensors")
    for parameter in model.parameters():
        parameter.data[...] = 0
    nn_core.save(model, trained / "best.safetensors")
    last, best = (json.loads(run("evaluate", trained, "--json", "--weights", w).out) for w in ("last", "best"))
    assert best["loss"] == pytest.approx(math.log(2))
    assert best["accuracy"] == 0.5
    assert last["loss"] != best["loss"]


def test_evaluation_can_be_told_other_data_and_other_measures(run, trained):
    plain = json.loads(run("evaluate", trained, "--json").out)
    other = json.loads(run("evaluate", trained, "--json", "--set", "data.seed=1", "--set", "train.metrics=[]").out)
    assert list(other) == ["samples", "loss"]
    assert other["loss"] != plain["loss"]


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_what_is_no_run_folder_is_an_error(run, lab, command):
    Path("empty").mkdir()
    for path in ("nowhere", "empty", "lab.toml"):
        result = run(command, path)
        assert (result.code, result.out) == (2, "")
        assert result.err == (
            f"nn-cli: {path} is not a run folder: it holds no config.toml. nn-cli train prints the folder it made.\n"
        )


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_run_without_its_model_is_an_error(run, trained, command):
    (trained / "last.safetensors").unlink()
    result = run(command, trained)
    assert (result.code, result.out) == (1, "")
    assert "There is no model file" in result.err
    assert run(command, trained, "--weights", "best").code == 0


# Predicting


def read(text: str) -> tuple[list[str], np.ndarray]:
    header, *lines = csv.reader(text.splitlines())
    return header, np.array(lines, float)


def test_a_classifier_predicts_labels_and_probabilities(run, trained):
    result = run("predict", trained)
    assert (result.code, result.err) == (0, "")
    header, table = read(result.out)
    assert header == ["index", "target", "label", "p_0", "p_1"]
    assert table[:, 0].tolist() == list(range(20))
    assert table[:, 1].tolist() == [0, 1] * 10
    np.testing.assert_array_equal(table[:, 2], table[:, 3:].argmax(axis=1))
    np.testing.assert_allclose(table[:, 3:].sum(axis=1), 1, rtol=1e-6)
    accuracy = json.loads(run("evaluate", trained, "--json").out)["accuracy"]
    assert (table[:, 1] == table[:, 2]).mean() == accuracy
    loss = json.loads(run("evaluate", trained, "--json").out)["loss"]
    assert -np.log(table[np.arange(20), 3 + table[:, 1].astype(int)]).mean() == pytest.approx(loss, rel=1e-5)


def test_predictions_go_to_a_file_and_can_be_of_the_training_data(run, trained):
    result = run("predict", trained, "--out", "p.csv")
    assert (result.out, result.err) == ("", "20 predictions in p.csv\n")
    assert Path("p.csv").read_text(encoding="utf-8") == run("predict", trained).out
    header, table = read(run("predict", trained, "--part", "train").out)
    assert len(table) == 30  # what was set aside for validation was not trained on
    assert header[2] == "label"


def test_a_model_of_numbers_predicts_numbers(run, lab):
    changes = ["data.type=line", "loss.type=squared_error", "train.metrics=[]"]
    words = [word for change in changes for word in ("--set", change)]
    assert run("train", "lab.toml", "--out", "line", *words).code == 0
    header, table = read(run("predict", "line").out)
    assert header == ["index", "target_0", "target_1", "output_0", "output_1"]
    loss = json.loads(run("evaluate", "line", "--json").out)["loss"]
    assert ((table[:, 1:3] - table[:, 3:]) ** 2).sum(axis=1).mean() == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("out", [".", "nowhere/p.csv", "lab.toml/p.csv"])
def test_predictions_that_cannot_be_written_are_an_error(run, trained, out):
    result = run("predict", trained, "--out", out)
    assert result.code == 1
    assert re.fullmatch(rf"nn-cli: {re.escape(out)} cannot be written: .+\.\n", result.err)


def test_only_a_folder_with_nothing_but_the_configuration_is_discarded(tmp_path):
    for name, others in (("untrained", []), ("trained", ["history.csv"]), ("shared", ["thesis.txt"])):
        (tmp_path / name).mkdir()
        for file in ("config.toml", *others):
            (tmp_path / name / file).write_text("", encoding="utf-8")
        discard_unless_trained(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "config.toml",
        "config.toml",
        "history.csv",
        "thesis.txt",
    ]
    assert not (tmp_path / "untrained").exists()
