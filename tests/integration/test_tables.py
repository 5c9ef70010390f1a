"""From a raw table to a saved model to predictions for raw rows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nn_core import Linear, ReLU, Sequential, evaluate, fit, load, save
from nn_data import Preprocessing, TableDataset, read_table, split

HOUSING = Path(__file__).parents[3] / "shared" / "data" / "housing" / "housing.csv"

PROGRAM = """
from nn_core import Linear, ReLU, Sequential, evaluate, fit, load, save, seed
from nn_data import Preprocessing, TableDataset, read_table, split

train, test = split(read_table({path!r}), test_size=0.2, seed=0)
data = TableDataset(train, target="median_house_value", missing="median", scale_target="standardize")
seed(0)
model = Sequential(Linear(out_features=64), ReLU(), Linear(64, 32), ReLU(), Linear(32, 1))
fit(model, data, loss="mse", optimizer={{"type": "adam", "lr": 3e-3}}, epochs=30, batch_size=128)
print(evaluate(model, TableDataset(test, preprocessing=data.preprocessing), loss="mse", metrics=["r2"])["r2"])
save(model, "housing.safetensors", extra={{"preprocessing": data.preprocessing}})
prices = Preprocessing.load("housing.safetensors").predict(load("housing.safetensors"), test)
"""


@pytest.mark.skipif(not HOUSING.is_file(), reason=f"there is no {HOUSING}")
def test_houses_are_valued_in_under_15_lines(tmp_path):
    program = PROGRAM.format(path=str(HOUSING))
    assert len(program.strip().splitlines()) < 15
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert float(done.stdout) >= 0.78
    raw = pd.read_csv(HOUSING).sample(200, random_state=1).drop(columns="median_house_value")
    path = tmp_path / "housing.safetensors"
    prices = Preprocessing.load(path).predict(load(path), raw)
    truth = pd.read_csv(HOUSING).sample(200, random_state=1)["median_house_value"].to_numpy()
    assert prices.shape == (200, 1)
    assert np.corrcoef(prices[:, 0], truth)[0, 1] > 0.85


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_a_model_of_penguins_names_the_species_of_raw_rows(tmp_path, ending):
    from importlib.resources import files

    raw = read_table(files("nn_data") / "files" / "penguins.csv")
    train, test = split(raw, test_size=0.3, labels=raw["species"].to_pylist(), seed=1)
    data = TableDataset(train, target="species", missing={"sex": "most_frequent", "*": "mean"}, weight="balanced")
    model = Sequential(Linear(out_features=16), ReLU(), Linear(16, 3))
    fit(model, data, loss="cross_entropy", optimizer={"type": "adam", "lr": 1e-2}, epochs=30, batch_size=16, seed=1)
    scores = evaluate(
        model, TableDataset(test, preprocessing=data.preprocessing), loss="cross_entropy", metrics=["accuracy"]
    )
    assert scores["accuracy"] > 0.95
    path = tmp_path / f"penguins.{ending}"
    save(model, path, extra={"preprocessing": data.preprocessing})
    species = Preprocessing.load(path).predict(load(path), test.drop_columns(["species"]))
    assert (species == np.array(test["species"].to_pylist())).mean() > 0.95
    assert set(species) <= {"Adelie", "Chinstrap", "Gentoo"}


EXPERIMENT = """
[data]
type = "table"
path = "cars.csv"
target = "mpg"
ignore = "name"
missing = "median"
scale_target = "standardize"
validation = 0.2
[model]
layers = [{ type = "linear", out_features = 16 }, { type = "relu" }, { type = "linear", out_features = 1 }]
[loss]
type = "mse"
[optimizer]
type = "adam"
lr = 1e-2
[train]
epochs = 20
metrics = ["r2"]
"""


def nn_cli(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "nn_cli", *words], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_an_experiment_of_a_table_saves_how_raw_rows_are_prepared(tmp_path):
    from importlib.resources import files

    raw = files("nn_data") / "files" / "auto_mpg.csv"
    (tmp_path / "cars.csv").write_bytes(raw.read_bytes())
    (tmp_path / "cars.toml").write_text(EXPERIMENT)
    done = nn_cli("train", "cars.toml", "--out", "run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "254 training samples, 80 test samples" in done.stderr
    path = tmp_path / "run" / "best.safetensors"
    preprocessing, model = Preprocessing.load(path), load(path)
    frame = pd.read_csv(raw)
    errors = preprocessing.predict(model, frame)[:, 0] - frame.mpg
    assert np.sqrt((errors**2).mean()) < 5  # miles per gallon; the deviation is 7.8
    # what was learned is of the training part alone, without validation and test
    train, _ = split(split(read_table(raw), test_size=0.2, seed=0)[0], test_size=0.2, seed=0)
    center = next(encoder.center for encoder in preprocessing.encoders if encoder.name == "weight")
    np.testing.assert_allclose(center, np.mean(train["weight"].to_numpy()))
    assert json.loads(nn_cli("evaluate", "run", "--json", cwd=tmp_path).stdout)["r2"] > 0.6


def test_other_data_are_prepared_as_a_run_has_learned(tmp_path):
    rng = np.random.default_rng(0)
    for name, shift in (("t.csv", 0), ("other.csv", 100)):
        a = rng.normal(size=300) + shift
        pd.DataFrame({"a": a, "mpg": 3 * a, "name": 0}).to_csv(tmp_path / name, index=False)
    text = EXPERIMENT.replace("cars.csv", "t.csv").replace("epochs = 20", "epochs = 5")
    (tmp_path / "t.toml").write_text(text)
    assert nn_cli("train", "t.toml", "--out", "run", cwd=tmp_path).returncode == 0
    done = nn_cli("evaluate", "run", "--json", "--set", "data.path=other.csv", cwd=tmp_path)
    assert json.loads(done.stdout)["loss"] > 10, done.stderr  # in units of the training part, not those of the new file
    own = json.loads(nn_cli("evaluate", "run", "--json", cwd=tmp_path).stdout)
    assert own["loss"] < 1


def test_a_misspelled_option_of_a_table_is_named(tmp_path):
    (tmp_path / "cars.toml").write_text(EXPERIMENT.replace("missing =", "mising ="))
    done = nn_cli("train", "cars.toml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "A table has no option 'mising'. Did you mean 'missing'" in done.stderr
