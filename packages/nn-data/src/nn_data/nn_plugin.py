"""What nn-data announces."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import DatasetSpec, hookimpl

NN_API = 1

# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py


@hookimpl
def nn_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="digits", target="nn_data.images:digits", summary="1,797 handwritten digits of 8×8 pixels, shipped inside."
    )
    yield DatasetSpec(
        name="mnist",
        target="nn_data.images:mnist",
        summary="70,000 handwritten digits of 28×28 pixels, from IDX files.",
    )
