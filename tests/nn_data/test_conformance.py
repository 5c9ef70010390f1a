"""The datasets of nn-data go through the conformance kit."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pyarrow as pa
from pyarrow import feather

from nn_core import components
from nn_core.testing import DatasetCase, check_dataset, parametrize_dataset_checks
from nn_data import ArrayDataset, ArrowDataset, Subset, load_dataset

SHIPPED = ["digits", "penguins", "auto_mpg"]
MADE = ["moons", "circles", "spirals", "blobs", "xor", "linear_regression", "sine_waves"]
DOWNLOADED = ["mnist", "fashion_mnist", "kmnist", "emnist_letters", "cifar10", "cifar100", "california_housing"]
FROM_FILES = ["table", "image_folder"]


def arrays():
    rng = np.random.default_rng(0)
    return ArrayDataset(rng.normal(size=(30, 4)), rng.integers(0, 3, 30), rng.uniform(size=30))


CASES = [
    *(DatasetCase(name, lambda name=name: load_dataset(name, validation=0.1)) for name in [*SHIPPED, *MADE]),
    DatasetCase(
        "table",
        lambda: load_dataset(
            "table", path=str(files("nn_data") / "files" / "auto_mpg.csv"), target="mpg", missing="mean", ignore="name"
        ),
    ),
    DatasetCase("arrays, weighted", lambda: (arrays(),)),
    DatasetCase("a subset", lambda: (Subset(arrays(), [3, 1, 20, 7]),)),
]


@parametrize_dataset_checks(CASES)
def test_dataset(check):
    check()


def test_a_mapped_dataset_goes_through_the_kit(tmp_path):
    rng = np.random.default_rng(0)
    table = pa.table({"a": rng.random(50), "b": rng.random(50), "y": rng.integers(0, 2, 50)})
    feather.write_feather(table, tmp_path / "t.arrow", compression="uncompressed", chunksize=20)
    check_dataset(DatasetCase("arrow", lambda: (ArrowDataset(tmp_path / "t.arrow", "y"),)))


def test_every_dataset_that_needs_no_files_goes_through_the_kit():
    own = {part.name for part in components("dataset") if part.distribution == "nn-data"}
    assert own == {*SHIPPED, *MADE, *DOWNLOADED, *FROM_FILES}
    assert {case.name for case in CASES} >= {*SHIPPED, *MADE, "table"}
