"""Data for code written for other frameworks, under the names that it knows."""

from __future__ import annotations

import gzip
import itertools
import logging
import struct

import numpy as np
import pandas as pd
import pytest

from nn_core import DataError
from nn_data import compat, read_table
from nn_data.compat import (
    DataLoader,
    load_california_housing,
    load_env,
    load_fashion_mnist,
    load_fashion_mnist_data,
    load_mnist,
    load_mnist_data,
    load_mnist_gz,
    normalize,
    separate_validation,
    split_features_and_labels,
)

RNG = np.random.default_rng(0)


@pytest.fixture
def idx(tmp_path):
    arrays = {}
    for part, n in (("train", 40), ("t10k", 20)):
        pixels, labels = RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8), np.arange(n, dtype=np.uint8) % 10
        arrays[part] = pixels, labels
        data = struct.pack(">BBBB3I", 0, 0, 8, 3, n, 28, 28) + pixels.tobytes()
        (tmp_path / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(data))
        data = struct.pack(">BBBBI", 0, 0, 8, 1, n) + labels.tobytes()
        (tmp_path / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(data))
    return tmp_path, arrays


def test_a_loader_takes_x_and_y_one_after_the_other():
    x, y = np.arange(10), np.arange(10)
    loader = DataLoader(x, y, batch_size=4, shuffle=True, seed=3)
    assert len(loader) == 3
    epochs = [[batch.tolist() for batch, _ in loader] for _ in range(2)]
    assert [len(batch) for batch in epochs[0]] == [4, 4, 2]
    assert sorted(itertools.chain(*epochs[0])) == list(range(10))
    assert epochs[0] != epochs[1]


def test_images_come_in_batches_from_0_to_1_made_ahead_by_threads(idx):
    folder, arrays = idx
    train, test = load_mnist_gz(folder)
    assert (train.images.shape, test.labels.shape) == ((40, 28, 28, 1), (20,))
    assert len(train) == 40
    for threads in (None, 0, 1, 3):
        x, y = zip(*train.batches(16, shuffle=False, num_threads=threads), strict=True)
        assert [len(part) for part in x] == [16, 16, 8]
        np.testing.assert_array_equal(np.concatenate(x)[..., 0], arrays["train"][0].astype(np.float32) / 255)
        np.testing.assert_array_equal(np.concatenate(y), arrays["train"][1])
    seen = [np.concatenate([labels for _, labels in train.batches(16)]).tolist() for _ in range(2)]
    assert seen[0] != seen[1]
    assert sorted(seen[0]) == sorted(train.labels.tolist())
    x, _ = next(train.batches(4, shuffle=False, preprocess=lambda images: images.astype(float) - 128))
    np.testing.assert_array_equal(x[..., 0], arrays["train"][0][:4] - 128.0)


def test_normalizing_is_the_formula():
    x = np.array([[1.0, 5.0], [3.0, 5.0]])
    np.testing.assert_array_equal(normalize(x, x.mean(axis=0), x.std(axis=0)), [[-1, 0], [1, 0]])


@pytest.mark.parametrize("columns", [["label", "p0", "p1"], ["p0", "label", "p1"], ["first", "p0", "p1"]])
def test_labels_are_the_column_of_that_name_or_the_first(columns):
    frame = pd.DataFrame([[7, 1, 2], [8, 3, 4]], columns=["label", "p0", "p1"])
    if "label" in columns:
        frame = frame[columns]
    else:
        frame.columns = columns
    x, y = split_features_and_labels(frame)
    assert (x.tolist(), y.tolist()) == ([[1, 2], [3, 4]], [7, 8])
    assert (x.dtype, y.dtype) == (np.float32, np.int64)


def csv_files(folder, name, header=True):
    sets = {}
    variables = (f"EXPORTATION_{name}_TRAIN_DATA_PATH", f"{name}_TEST_DATA_PATH", f"{name}_VALIDATION_DATA_PATH")
    for variable, n in zip(variables, (6, 4, 2), strict=True):
        pixels, labels = RNG.integers(0, 256, (n, 784)), RNG.integers(0, 10, n)
        frame = pd.DataFrame(np.c_[labels, pixels], columns=["label", *[f"pixel{i}" for i in range(784)]])
        path = folder / f"{variable}.csv"
        frame.to_csv(path, index=False, header=header)
        sets[variable] = path, pixels, labels
    return sets


@pytest.mark.parametrize("header", [True, False], ids=["named", "nameless"])
@pytest.mark.parametrize(("load", "name"), [(load_mnist_data, "MNIST"), (load_fashion_mnist_data, "FASHION")])
def test_csv_files_are_named_by_the_environment(tmp_path, monkeypatch, load, name, header):
    sets = csv_files(tmp_path, name, header)
    for variable, (path, *_) in sets.items():
        monkeypatch.setenv(variable, str(path))
    parts = load(do_normalize=False)
    for (x, y), (_, pixels, labels) in zip(parts, sets.values(), strict=True):  # training, test, validation
        np.testing.assert_array_equal(x, pixels)
        np.testing.assert_array_equal(y, labels)
    scaled = load(tensor4d=True)
    pixels = next(iter(sets.values()))[1]
    for (x, _), (_, raw, _) in zip(scaled, sets.values(), strict=True):
        np.testing.assert_allclose(x, ((raw - pixels.mean()) / pixels.std()).reshape(-1, 1, 28, 28), atol=1e-5)


def test_a_variable_that_is_not_set_or_a_file_that_is_not_there_is_logged_and_raised(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EXPORTATION_MNIST_TRAIN_DATA_PATH", raising=False)
    with (
        caplog.at_level(logging.ERROR, "nn_data"),
        pytest.raises(DataError, match="EXPORTATION_MNIST_TRAIN_DATA_PATH is"),
    ):
        load_mnist_data()
    assert "EXPORTATION_MNIST_TRAIN_DATA_PATH is not set" in caplog.text
    for variable in csv_files(tmp_path, "MNIST"):
        monkeypatch.setenv(variable, "nowhere.csv")
    with caplog.at_level(logging.ERROR, "nn_data"), pytest.raises(DataError, match=r"There is no file nowhere\.csv"):
        load_mnist_data()
    assert "There is no file nowhere.csv" in caplog.text


def test_paths_may_stand_in_a_file_of_variables(tmp_path, monkeypatch):
    pytest.importorskip("dotenv", reason="python-dotenv, the extra nn-data[env], is not installed")
    sets = csv_files(tmp_path, "FASHION")
    lines = [f"{variable}={path}" for variable, (path, *_) in sets.items()]
    (tmp_path / ".env").write_text("# paths\n" + "\n".join(lines) + "\nLOGGER_DATE_FORMAT=%Y-%m-%d\n")
    monkeypatch.chdir(tmp_path)
    for variable in sets:
        monkeypatch.setenv(variable, "x")
        monkeypatch.delenv(variable)  # so that it is undone what load_env sets
    monkeypatch.setenv("LOGGER_DATE_FORMAT", "mine")
    assert [len(y) for _, y in load_fashion_mnist_data()] == [6, 4, 2]
    values = load_env()
    assert values["LOGGER_DATE_FORMAT"] == "%Y-%m-%d"
    assert compat.os.environ["LOGGER_DATE_FORMAT"] == "mine"
    with pytest.raises(DataError, match="There is no file nowhere"):
        load_env("nowhere")


@pytest.mark.parametrize("header", [True, False], ids=["named", "nameless"])
def test_validation_files_are_made_from_training_files(tmp_path, header):
    pixels, labels = RNG.integers(0, 256, (100, 784)), np.repeat(np.arange(10), 10)
    frame = pd.DataFrame(np.c_[labels, pixels], columns=["label", *[f"pixel{i}" for i in range(784)]])
    frame.to_csv(tmp_path / "all.csv", index=False, header=header)
    separate_validation(tmp_path / "all.csv", tmp_path / "train.csv", tmp_path / "validation.csv", share=0.2)
    parts = [read_table(tmp_path / f"{part}.csv").to_pandas() for part in ("train", "validation")]
    assert [np.bincount(part.iloc[:, 0]).tolist() for part in parts] == [[8] * 10, [2] * 10]
    rows = np.concatenate([part.to_numpy() for part in parts])
    assert sorted(map(tuple, rows)) == sorted(map(tuple, frame.to_numpy()))
    with pytest.raises(DataError, match="cannot be written"):
        separate_validation(tmp_path / "all.csv", tmp_path / "no" / "train.csv", tmp_path / "validation.csv")


def test_six_arrays_are_training_validation_and_test(idx):
    folder, arrays = idx
    x_train, y_train, x_val, y_val, x_test, y_test = load_mnist(0.25, str(folder))
    assert [len(part) for part in (x_train, y_train, x_val, y_val)] == [30, 30, 10, 10]
    assert np.bincount(y_val).tolist() == [1] * 10
    np.testing.assert_array_equal(x_test, arrays["t10k"][0].reshape(20, 784).astype(np.float32) / 255)
    np.testing.assert_array_equal(y_test, arrays["t10k"][1])
    signed = load_mnist(0.25, str(folder), signed=True)
    np.testing.assert_allclose(signed[4], 2 * x_test - 1, atol=1e-6)
    np.testing.assert_array_equal(signed[5], y_test)


def test_some_classes_of_fashion_mnist_are_numbered_from_0(idx):
    folder, arrays = idx
    x_train, y_train, x_val, y_val, x_test, y_test = load_fashion_mnist([7, 0, 1], 0.25, str(folder))
    assert sorted(np.concatenate([y_train, y_val]).tolist()) == [0] * 4 + [1] * 4 + [2] * 4
    expected = [{7: 0, 0: 1, 1: 2}[label] for label in arrays["t10k"][1] if label in (7, 0, 1)]
    assert y_test.tolist() == expected
    assert len(x_train) + len(x_val) == 12
    assert x_test.shape == (6, 784)


def test_houses_are_standardized_by_the_training_part(tmp_path):
    rng = np.random.default_rng(0)
    names = ["longitude", "latitude", "housing_median_age", "total_rooms", "total_bedrooms", "population", "households"]
    frame = pd.DataFrame({name: rng.uniform(1, 9, 100) for name in [*names, "median_income", "median_house_value"]})
    frame.to_csv(tmp_path / "housing.csv", index=False)
    x_train, y_train, x_val, y_val, x_test, _ = load_california_housing(path=str(tmp_path))
    assert (x_train.shape, x_val.shape, x_test.shape) == ((72, 8), (8, 8), (20, 8))
    assert y_train.shape == (72, 1)
    assert y_val.shape == (8, 1)
    np.testing.assert_allclose(x_train.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(x_train.std(axis=0), 1, atol=1e-5)
