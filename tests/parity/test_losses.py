"""Every loss against PyTorch's, live: values and gradients."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from nn_core import CrossEntropyLoss, components

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")

GOLDEN = Path(__file__).parents[1] / "golden"
cases, compare = (SimpleNamespace(**run_path(str(GOLDEN / name))) for name in ("cases.py", "compare.py"))
Loss = cases.Loss

SIZES = [((7, 3), 1.0), ((1, 1), 1.0), ((1, 10), 3.0), ((64, 11), 30.0), ((33, 5), 1e4), ((4, 10), 0.0)]
CASES = [
    *cases.LOSSES,
    *(
        Loss(
            f"cross_entropy, {target}, {reduction}{', weighted' * weighted}, {shape[0]}×{shape[1]} up to {scale:g}",
            ("CrossEntropyLoss", {"reduction": reduction}),
            shape,
            target,
            weighted,
            scale,
        )
        for target in ("indices", "one_hot", "probabilities")
        for reduction in ("mean", "sum", "none")
        for weighted in (False, True)
        for shape, scale in SIZES
    ),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_and_gradients_are_pytorchs(case, dtype):
    ours = compare.loss_record(compare.Ours(), case, dtype)
    theirs = compare.loss_record(compare.Torch(), case, dtype)
    compare.assert_close(ours, theirs, compare.TOLERANCES["losses"][dtype])


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_and_weights_of_shards_combine_to_the_value_of_the_batch(weighted):
    random = np.random.default_rng(0)
    pred, target = random.normal(size=(10, 4)), random.integers(0, 4, 10)
    weight = random.uniform(0, 2, 10) if weighted else None
    value, _ = compare.Torch().loss(("CrossEntropyLoss", {}), pred, target, weight)
    shards = [
        CrossEntropyLoss().sum_and_weight(pred[rows], target[rows], None if weight is None else weight[rows])
        for rows in (slice(0, 3), slice(3, 10))
    ]
    total, norm = np.sum(shards, axis=0)
    assert total / norm == pytest.approx(float(value), rel=1e-12)


def test_no_loss_that_pytorch_has_is_left_out():
    names = {component.target.partition(":")[2] for component in components("loss")}
    assert {name for name in names if hasattr(torch.nn, name)} <= {case.spec[0] for case in CASES}
