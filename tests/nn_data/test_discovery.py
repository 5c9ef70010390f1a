"""What nn-data announces, how little that costs, and what its wheel carries."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata, resources

import numpy as np
import pytest

import nn_core
import nn_data

DATASETS = {
    *("digits", "mnist", "fashion_mnist", "kmnist", "emnist_letters", "cifar10", "cifar100"),
    *("penguins", "auto_mpg", "california_housing"),
    *("moons", "circles", "spirals", "blobs", "xor", "linear_regression", "sine_waves"),
    *("table", "image_folder"),
}
HEAVY = ["numpy", "pandas", "pyarrow", "pooch", "safetensors"]


def imported_by(*lines: str) -> set[str]:
    """Return the top-level modules that statements import in a process of their own."""
    program = "\n".join(["import sys", *lines, "print(*{name.partition('.')[0] for name in sys.modules})"])
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NN_")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "lines",
    [
        ["import nn_data", "dir(nn_data)"],
        ["import nn_core", "assert [c for c in nn_core.components('dataset') if c.distribution == 'nn-data']"],
    ],
    ids=["import", "discovery"],
)
def test_importing_and_discovering_the_package_imports_no_heavy_library(lines):
    imported = imported_by(*lines)
    assert "nn_data" in imported
    assert imported.isdisjoint(HEAVY)


def test_loading_digits_imports_no_pandas():
    imported = imported_by("import nn_data", "nn_data.digits()")
    assert "numpy" in imported
    assert imported.isdisjoint({"pandas", "pyarrow", "pooch"})


def test_the_plugin_is_ok_and_announces_its_datasets():
    [record] = [record for record in nn_core.plugin_records() if record.distribution == "nn-data"]
    assert (record.status, record.reason, record.version) == ("ok", "", nn_data.__version__)
    assert {part.kind for part in record.components} == {"dataset"}
    assert {part.name for part in record.components} == DATASETS
    for component in record.components:
        assert component.summary.endswith(".")
        assert component.load() is getattr(nn_data, component.name)


@pytest.mark.parametrize("name", nn_data.__all__)
def test_an_exported_name_can_be_imported(name):
    assert getattr(nn_data, name).__name__.rpartition(".")[2] == name


def test_the_package_carries_the_digits_with_their_attribution_and_type_information():
    files = resources.files("nn_data")
    with (files / "files" / "digits.npz").open("rb") as file, np.load(file, allow_pickle=False) as archive:
        assert archive["images"].shape == (1797, 8, 8)
        assert archive["labels"].shape == (1797,)
    text = (files / "files" / "README.md").read_text(encoding="utf-8")
    for phrase in ("Alpaydin", "Kaynak", "UCI Machine Learning Repository", "CC BY 4.0", "creativecommons.org"):
        assert phrase in text
    assert (files / "py.typed").is_file()


def test_the_distribution_states_its_version_and_licence():
    about = metadata.metadata("nn-data")
    assert about["Version"] == nn_data.__version__ == "0.1.0"
    assert about["License-Expression"] == "MIT"
