"""Datasets that are tables: penguins and cars, shipped inside the package, and the houses of California."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from attrs import evolve

from nn_core import DataError
from nn_data.datasets.downloads import RemoteFile, fetch
from nn_data.datasets.info import DatasetInfo
from nn_data.tables.preprocessing import Preprocessing
from nn_data.tables.reading import read_table
from nn_data.tables.table_dataset import TableDataset, divided


def penguins(
    test_size: float | int = 0.2, validation: float | int = 0, seed: int = 0, **options: Any
) -> tuple[TableDataset, ...]:
    """Return (train, test) of 344 penguins of three species, by their measures, island and sex; shipped inside.

    Rows that lack a value are left out, and the year is no feature, unless `options` say otherwise.

    Args:
        test_size: share of the rows in the test set, or their number.
        validation: share of the training rows that is set aside for validation, or their number; 0 for none.
        seed: which rows are in which part; every species keeps its share.
        options: see `TableOptions`.

    Shape:
        x ``(N, 9)`` float32, standardized by the training part; y ``(N,)`` int64 from 0 to 2.

    Source: Horst, Hill and Gorman, "palmerpenguins: Palmer Archipelago (Antarctica) penguin data", 2020, CC0.

    >>> train, test = penguins()
    >>> train.x.shape, train.preprocessing.class_names
    ((264, 9), ('Adelie', 'Chinstrap', 'Gentoo'))
    """
    info = DatasetInfo(
        name="penguins",
        summary="Penguins of three species, by their measures.",
        licence="CC0 1.0",
        citation='A. M. Horst, A. P. Hill and K. B. Gorman, "palmerpenguins: Palmer Archipelago (Antarctica) penguin '
        'data", 2020, doi:10.5281/zenodo.3960218; data by K. B. Gorman, T. D. Williams and W. R. Fraser, PLoS ONE '
        "9(3): e90081, 2014.",
        homepage="https://allisonhorst.github.io/palmerpenguins/",
    )
    preprocessing = Preprocessing("species", **({"missing": "drop", "ignore": "year"} | options))
    return _shipped("penguins.csv", info, preprocessing, test_size, validation, seed, stratify=True)


def auto_mpg(
    test_size: float | int = 0.2, validation: float | int = 0, seed: int = 0, **options: Any
) -> tuple[TableDataset, ...]:
    """Return (train, test) of the fuel consumption, in miles per gallon, of 398 cars from 1970 to 1982; shipped inside.

    The power of six cars, which is missing, is replaced by the median, and the car's name is no feature, unless
    `options` say otherwise.

    Args:
        test_size: share of the rows in the test set, or their number.
        validation: share of the training rows that is set aside for validation, or their number; 0 for none.
        seed: which rows are in which part.
        options: see `TableOptions`.

    Shape:
        x ``(N, 9)`` float32, standardized by the training part; y ``(N, 1)`` float32 from 9 to 46.6.

    Source: Quinlan, "Auto MPG", UCI Machine Learning Repository, 1993, CC BY 4.0.

    >>> train, test = auto_mpg()
    >>> train.x.shape, test.y.shape
    ((318, 9), (80, 1))
    """
    info = DatasetInfo(
        name="auto_mpg",
        summary="The fuel consumption of cars from 1970 to 1982.",
        licence="CC BY 4.0",
        citation='R. Quinlan, "Auto MPG", UCI Machine Learning Repository, 1993, doi:10.24432/C5859H.',
        homepage="https://archive.ics.uci.edu/dataset/9/auto+mpg",
    )
    preprocessing = Preprocessing("mpg", **({"missing": "median", "ignore": "name"} | options))
    return _shipped("auto_mpg.csv", info, preprocessing, test_size, validation, seed, stratify=False)


def california_housing(
    path: str | None = None,
    test_size: float | int = 0.2,
    validation: float | int = 0,
    seed: int = 0,
    **options: Any,
) -> tuple[TableDataset, ...]:
    """Return (train, test) of the median house value, in 100,000 dollars, of 20,640 districts of California in 1990.

    The features are those of scikit-learn: median income, age of the houses, rooms, bedrooms and people per household,
    population, latitude and longitude; they are standardized by the training part, unless `options` say otherwise.
    One archive of 0.4 MB is downloaded on first use.

    Args:
        path: a file that is there already, or a folder with it: the archive ``cal_housing.tgz``, its member
            ``cal_housing.data``, or a table with the columns ``longitude``, ``latitude``, ``housing_median_age``,
            ``total_rooms``, ``total_bedrooms``, ``population``, ``households``, ``median_income`` and
            ``median_house_value``. Districts whose bedrooms are missing are left out.
        test_size: share of the rows in the test set, or their number.
        validation: share of the training rows that is set aside for validation, or their number; 0 for none.
        seed: which rows are in which part.
        options: see `TableOptions`.

    Shape:
        x ``(N, 8)`` float32; y ``(N, 1)`` float32.

    Raises:
        DataError: the file is missing or damaged, or lacks a column.

    Source: Pace and Barry, "Sparse spatial autoregressions", Statistics and Probability Letters 33(3), 1997.
    """
    info = DatasetInfo(
        name="california_housing",
        summary="The value of houses in the districts of California, 1990.",
        licence="CC BY 4.0, as stated by the deposit (doi:10.6084/m9.figshare.3829992.v2)",
        citation='R. K. Pace and R. Barry, "Sparse spatial autoregressions", Statistics and Probability Letters 33(3), '
        "1997.",
        homepage="https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.html",
    )
    remote = RemoteFile(
        "cal_housing.tgz",
        "https://ndownloader.figshare.com/files/5976036",
        "sha256:aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
    )
    source = fetch("california_housing", [remote])[0] if path is None else _housing_file(Path(path).expanduser())
    preprocessing = Preprocessing("MedHouseVal", **({"missing": "drop"} | options))
    parts = divided(
        read_table(_districts(source)), preprocessing, test_size, None, validation, stratify=False, seed=seed
    )
    return _described(parts, info)


_COLUMNS = (
    "longitude",
    "latitude",
    "housing_median_age",
    "total_rooms",
    "total_bedrooms",
    "population",
    "households",
    "median_income",
    "median_house_value",
)


def _housing_file(path: Path) -> Path:
    if not path.is_dir():
        return path
    for name in ("cal_housing.tgz", "cal_housing.data", "housing.csv", "california_housing.csv"):
        if (path / name).is_file():
            return path / name
    raise DataError(f"{path} holds no cal_housing.tgz, cal_housing.data or housing.csv.")


def _districts(path: Path) -> dict[str, Any]:
    """Return the columns of scikit-learn's table, from the original one."""
    import numpy as np
    import pyarrow.csv

    from nn_data.readers.opening import opened
    from nn_data.tables.reading import told

    if path.suffix in (".tgz", ".data"):
        with (
            opened(path, "CaliforniaHousing/cal_housing.data" if path.suffix == ".tgz" else "") as file,
            told(str(path)),
        ):
            whole = pyarrow.csv.read_csv(file, pyarrow.csv.ReadOptions(column_names=list(_COLUMNS)))
    else:
        whole = read_table(path)
    absent = [name for name in _COLUMNS if name not in whole.column_names]
    if absent:
        raise DataError(f"{path} lacks the column {absent[0]!r} of the California housing data.")
    columns = {name: whole[name].to_numpy().astype(np.float64) for name in _COLUMNS}
    households = columns["households"]
    return {
        "MedInc": columns["median_income"],
        "HouseAge": columns["housing_median_age"],
        "AveRooms": columns["total_rooms"] / households,
        "AveBedrms": columns["total_bedrooms"] / households,
        "Population": columns["population"],
        "AveOccup": columns["population"] / households,
        "Latitude": columns["latitude"],
        "Longitude": columns["longitude"],
        "MedHouseVal": columns["median_house_value"] / 100_000,
    }


def _shipped(
    name: str,
    info: DatasetInfo,
    preprocessing: Preprocessing,
    test_size: float | int,
    validation: float | int,
    seed: int,
    stratify: bool,
) -> tuple[TableDataset, ...]:
    with as_file(files("nn_data") / "files" / name) as path:
        whole = read_table(path)
    return _described(divided(whole, preprocessing, test_size, None, validation, stratify, seed), info)


def _described(parts: tuple[TableDataset, ...], info: DatasetInfo) -> tuple[TableDataset, ...]:
    """Return datasets with what is known about them, beside their columns."""
    for part in parts:
        part.info = evolve(
            part.info,
            name=info.name,
            summary=info.summary,
            licence=info.licence,
            citation=info.citation,
            homepage=info.homepage,
        )
    return parts
