"""Datasets by name, and the tables among them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nn_core import ConfigError, DataError, UnknownComponentError
from nn_data import ArrayDataset, DatasetInfo, auto_mpg, california_housing, load_dataset, penguins

HOUSING = Path(__file__).parents[3] / "shared" / "data" / "housing" / "housing.csv"
FILES = Path(__import__("nn_data").__file__).parent / "files"


def test_a_validation_part_is_set_aside_from_the_training_part_alone():
    train, test = load_dataset("digits")
    rest, validation, same = load_dataset("digits", validation=0.25)
    assert (len(rest), len(validation)) == (1077, 360)
    np.testing.assert_array_equal(same.x, test.x)
    x = [part.take(np.arange(len(part)))[0] for part in (rest, validation)]
    assert sorted(map(bytes, np.concatenate(x))) == sorted(map(bytes, train.x))
    labels = validation.take(np.arange(360))[1]
    assert np.bincount(labels).min() >= 34  # every class keeps its share
    again = load_dataset("digits", validation=360)[1]
    np.testing.assert_array_equal(again.take(np.arange(360))[1], labels)
    assert rest.info is validation.info is train.info or rest.info == train.info


def test_a_validation_part_of_a_table_plays_no_part_in_its_statistics():
    train, validation, test = load_dataset("auto_mpg", validation=0.3, numeric="standardize")
    np.testing.assert_allclose(train.x[:, [0, 1, 3, 4, 5]].mean(axis=0), 0, atol=1e-5)
    assert np.abs(validation.x[:, [0, 1, 3, 4, 5]].mean(axis=0)).min() > 1e-3
    assert train.preprocessing is validation.preprocessing is test.preprocessing
    assert len(train) + len(validation) + len(test) == 398


@pytest.mark.parametrize("name", ["digits", "penguins", "auto_mpg", "moons", "linear_regression"])
def test_what_is_known_about_a_dataset_comes_with_it(name):
    for part in load_dataset(name, validation=0.1):
        info = part.info
        assert isinstance(info, DatasetInfo)
        assert info.name == name
        assert info.shape == part.take(np.arange(1))[0].shape[1:]
        assert info.summary
        assert info.licence
        assert bool(info.class_names) != bool(info.target_names)
    if name in ("digits", "penguins", "auto_mpg"):
        assert "CC" in info.licence
        assert info.citation
        assert info.homepage.startswith("https://")


def test_an_unknown_name_or_option_is_refused():
    with pytest.raises(UnknownComponentError, match=r"'digit'\. Did you mean 'digits'"):
        load_dataset("digit")
    with pytest.raises(ConfigError, match="tset_size"):
        load_dataset("digits", tset_size=3)
    with pytest.raises(DataError, match="test_size must be a share"):
        load_dataset("digits", validation=1.5)


def test_the_shipped_tables_are_the_published_ones():
    birds = pd.read_csv(FILES / "penguins.csv")
    assert birds.shape == (344, 8)
    assert birds.species.value_counts().to_dict() == {"Adelie": 152, "Gentoo": 124, "Chinstrap": 68}
    assert birds.isna().sum().to_dict() | {"sex": 11, "body_mass_g": 2} == birds.isna().sum().to_dict()
    np.testing.assert_allclose(birds.body_mass_g.mean(), 4201.754386, atol=1e-6)
    cars = pd.read_csv(FILES / "auto_mpg.csv")
    assert cars.shape == (398, 9)
    assert cars.horsepower.isna().sum() == 6
    np.testing.assert_allclose([cars.mpg.mean(), cars.weight.mean()], [23.514573, 2970.424623], atol=1e-6)
    assert cars.origin.value_counts().to_dict() == {"usa": 249, "japan": 79, "europe": 70}


def test_their_licences_are_told():
    text = (FILES / "README.md").read_text(encoding="utf-8")
    for phrase in ("penguins.csv", "CC0", "Horst", "Gorman", "auto_mpg.csv", "Quinlan", "10.24432/C5859H", "CC BY 4.0"):
        assert phrase in text


def test_penguins_are_told_apart_by_9_features():
    train, test = penguins()
    assert train.preprocessing.feature_names == (
        *("island=Biscoe", "island=Dream", "island=Torgersen"),
        *("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex=female", "sex=male"),
    )
    assert train.info.class_names == ("Adelie", "Chinstrap", "Gentoo")
    assert len(train) + len(test) == 333
    shares = np.bincount(train.y) / len(train), np.bincount(test.y) / len(test)
    np.testing.assert_allclose(shares[0], shares[1], atol=0.03)
    with_year, _ = penguins(ignore=None)
    assert "year" in with_year.preprocessing.feature_names


def test_cars_have_their_consumption_as_target():
    train, test = auto_mpg(test_size=0.5, seed=3)
    assert (train.y.shape, train.info.target_names) == ((199, 1), ("mpg",))
    y = np.concatenate([train.y, test.y]).ravel()
    assert sorted(y.tolist()) == sorted(pd.read_csv(FILES / "auto_mpg.csv").mpg.astype(np.float32).tolist())


def districts(n=30):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "longitude": rng.uniform(-124, -114, n).round(2),
            "latitude": rng.uniform(32, 42, n).round(2),
            "housing_median_age": rng.integers(1, 52, n).astype(float),
            "total_rooms": rng.integers(500, 5000, n).astype(float),
            "total_bedrooms": rng.integers(100, 1000, n).astype(float),
            "population": rng.integers(300, 4000, n).astype(float),
            "households": rng.integers(100, 900, n).astype(float),
            "median_income": rng.uniform(1, 9, n).round(4),
            "median_house_value": rng.integers(50_000, 500_001, n).astype(float),
        }
    )


@pytest.mark.parametrize("form", ["tgz", "data", "csv", "folder"])
def test_the_houses_of_california_have_the_features_of_scikit_learn(tmp_path, form):
    frame = districts()
    text = frame.to_csv(index=False, header=form in ("csv", "folder"))
    path = tmp_path / f"cal_housing.{form}"
    if form == "tgz":
        with tarfile.open(path, "w:gz") as archive:
            about = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
            about.size = len(text.encode())
            archive.addfile(about, io.BytesIO(text.encode()))
    elif form == "folder":
        (tmp_path / "housing.csv").write_text(text)
        path = tmp_path
    else:
        path.write_text(text)
    train, test = california_housing(str(path), numeric="none", seed=1)
    assert (len(train), len(test)) == (24, 6)
    x, y = (np.concatenate([getattr(part, name) for part in (train, test)]) for name in "xy")
    expected = np.stack(
        [
            frame.median_income,
            frame.housing_median_age,
            frame.total_rooms / frame.households,
            frame.total_bedrooms / frame.households,
            frame.population,
            frame.population / frame.households,
            frame.latitude,
            frame.longitude,
            frame.median_house_value / 100_000,
        ],
        axis=1,
    ).astype(np.float32)
    found = np.concatenate([x, y], axis=1)
    np.testing.assert_allclose(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)], rtol=1e-6)
    assert train.info.feature_names[:2] == ("MedInc", "HouseAge")
    scaled, _ = california_housing(str(path))
    np.testing.assert_allclose([scaled.x.mean(axis=0), scaled.x.std(axis=0)], [[0] * 8, [1] * 8], atol=1e-5)


@pytest.mark.skipif(not HOUSING.is_file(), reason=f"there is no {HOUSING}")
def test_the_published_houses_are_20640_of_which_207_lack_their_bedrooms():
    train, test = load_dataset("california_housing", path=str(HOUSING.parent))
    assert len(train) + len(test) == 20640 - 207
    y = np.concatenate([train.y, test.y])
    np.testing.assert_allclose([y.min(), y.max()], [0.14999, 5.00001])


def test_a_file_of_houses_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no cal_housing.tgz"):
        california_housing(str(tmp_path))
    (tmp_path / "housing.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="lacks the column 'longitude'"):
        california_housing(str(tmp_path))


# Tables of one's own


@pytest.fixture
def path(tmp_path):
    frame = pd.DataFrame({"a": np.arange(100.0), "word": ["x", "y"] * 50, "kind": ["u"] * 80 + ["v"] * 20})
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_a_table_is_divided_before_anything_is_learned(path):
    train, test = load_dataset("table", path=str(path), target="kind", test_size=0.3, stratify=True, seed=2)
    assert isinstance(train, ArrayDataset)
    assert [np.bincount(part.y).tolist() for part in (train, test)] == [[56, 14], [24, 6]]
    np.testing.assert_allclose([train.x[:, 0].mean(), train.x[:, 0].std()], [0, 1], atol=1e-6)
    assert abs(test.x[:, 0].mean()) > 1e-6
    train, validation, test = load_dataset("table", path=str(path), target="kind", validation=10)
    assert (len(train), len(validation), len(test)) == (70, 10, 20)


def test_the_test_part_may_have_a_file_of_its_own(path, tmp_path):
    pd.DataFrame({"a": [1.0], "word": ["y"], "kind": ["v"]}).to_csv(tmp_path / "test.csv", index=False)
    train, test = load_dataset("table", path=str(path), target="kind", test_path=str(tmp_path / "test.csv"))
    assert (len(train), len(test), test.y.tolist()) == (100, 1, [1])
    parts = load_dataset("table", path=str(path), target="kind", test_path=str(tmp_path / "test.csv"), validation=0.2)
    assert [len(part) for part in parts] == [80, 20, 1]


def test_options_of_a_table_are_options_by_name(path):
    train, _ = load_dataset("table", path=str(path), target="kind", features=["a"], numeric="none")
    assert train.info.feature_names == ("a",)
    with pytest.raises(ConfigError, match=r"A table has no option 'numerics'\. Did you mean 'numeric'"):
        load_dataset("table", path=str(path), target="kind", numerics="none")
