"""What nn-data announces."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import DatasetSpec, hookimpl

NN_API = 1

_DATASETS = (
    ("digits", "images", "1,797 handwritten digits of 8×8 pixels, shipped inside."),
    ("mnist", "images", "70,000 handwritten digits of 28×28 pixels."),
    ("fashion_mnist", "images", "70,000 photographs of clothes of 28×28 pixels, in 10 classes."),
    ("kmnist", "images", "70,000 cursive Japanese characters of 28×28 pixels, in 10 classes."),
    ("emnist_letters", "images", "145,600 handwritten letters of 28×28 pixels, in 26 classes."),
    ("cifar10", "cifar", "60,000 photographs of 32×32 pixels, in 10 classes."),
    ("cifar100", "cifar", "60,000 photographs of 32×32 pixels, in 100 classes or 20 superclasses."),
    ("penguins", "tabular", "344 penguins of three species by their measures, shipped inside."),
    ("auto_mpg", "tabular", "The fuel consumption of 398 cars, shipped inside."),
    ("california_housing", "tabular", "The value of houses in 20,640 districts of California, 1990."),
    ("moons", "synthetic", "Two half circles that reach into each other."),
    ("circles", "synthetic", "Two circles, one in the other."),
    ("spirals", "synthetic", "Spirals around the origin, one per class."),
    ("blobs", "synthetic", "Normal distributions around random centers."),
    ("xor", "synthetic", "Points of a square, whose class is told by the signs of their coordinates."),
    ("linear_regression", "synthetic", "A linear function with noise."),
    ("sine_waves", "synthetic", "Sine waves with noise."),
)

# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py


@hookimpl
def nn_datasets() -> Iterator[DatasetSpec]:
    for name, module, summary in _DATASETS:
        yield DatasetSpec(name=name, target=f"nn_data.datasets.{module}:{name}", summary=summary)
    yield DatasetSpec(
        name="table",
        target="nn_data.tables.table_dataset:table",
        summary="The rows of a table in a file: CSV, Parquet, Feather, Arrow, JSON lines.",
    )
    yield DatasetSpec(
        name="image_folder",
        target="nn_data.readers.image_folders:image_folder",
        summary="Images in a folder with one folder per class.",
    )
