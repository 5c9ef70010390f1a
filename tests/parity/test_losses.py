"""Every loss against PyTorch's, live: values and gradients."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import numpy as np
import pytest

from nn_core import CrossEntropyLoss, HingeLoss, components

torch = pytest.importorskip("torch", reason="parity is measured against PyTorch; tests/golden needs none")

pytestmark = pytest.mark.filterwarnings("ignore:reduction. 'mean' divides the total loss:UserWarning")  # KL divergence

GOLDEN = Path(__file__).parents[1] / "golden"
cases, compare = (SimpleNamespace(**run_path(str(GOLDEN / name))) for name in ("cases.py", "compare.py"))
Loss = cases.Loss

REDUCTIONS = ("mean", "sum", "none")
SIZES = [((7, 3), 1.0), ((1, 1), 1.0), ((1, 10), 3.0), ((64, 11), 30.0), ((33, 5), 1e4), ((4, 10), 0.0)]


def rows(cls, targets, shapes, options=({},), draw="values", scales=(1.0,), reductions=REDUCTIONS):
    """Return a case for every combination, with and without weights of samples."""
    table = []
    for target, shape, given, reduction, scale in product(targets, shapes, options, reductions, scales):
        for weighted in (False, True):
            words = [f"{key} {value}" for key, value in given.items()] + ["weighted"] * weighted
            sizes = "×".join(map(str, shape))
            name = ", ".join([cls, target, reduction, *words, f"{sizes} {draw} up to {scale:g}"])
            table.append(Loss(name, (cls, {"reduction": reduction, **given}), shape, target, weighted, scale, draw))
    return table


def choices(**options):
    """Return every combination of options; None leaves one out."""
    combined = product(*options.values())
    return [{key: v for key, v in zip(options, values, strict=True) if v is not None} for values in combined]


WEIGHTS = (None, cases.CLASS_WEIGHTS)
SMOOTHING = (None, 0.25)
PLACES = [(6, 4), (3, 4, 2, 3)]
MATRICES = [(5,), (1, 3), (2, 3, 4)]

CASES = [
    *cases.LOSSES,
    *(
        case
        for shape, scale in SIZES
        for case in rows("CrossEntropyLoss", ["indices", "one_hot", "probabilities"], [shape], scales=[scale])
    ),
    *rows(
        "CrossEntropyLoss",
        ["indices"],
        PLACES,
        choices(weight=WEIGHTS, ignore_index=(None, 2), label_smoothing=SMOOTHING),
    ),
    *rows(
        "CrossEntropyLoss",
        ["some ignored", "probabilities"],
        PLACES,
        choices(weight=WEIGHTS, label_smoothing=SMOOTHING),
    ),
    *rows("CrossEntropyLoss", ["one_hot"], PLACES, choices(weight=WEIGHTS, label_smoothing=(None, 1.0))),
    *rows("NLLLoss", ["indices"], PLACES, choices(weight=WEIGHTS, ignore_index=(None, 2)), "log-probabilities"),
    *rows("NLLLoss", ["some ignored"], PLACES, choices(weight=WEIGHTS), "log-probabilities"),
    *(
        case
        for cls, target in (
            ("CrossEntropyLoss", "indices"),
            ("CrossEntropyLoss", "probabilities"),
            ("NLLLoss", "indices"),
        )
        for case in rows(cls, [target], [(4,)], choices(weight=WEIGHTS))
        if not case.weighted  # one sample without an axis of samples
    ),
    *rows("MSELoss", ["values"], MATRICES, scales=[1.0, 1e4]),
    *rows("L1Loss", ["coarse"], MATRICES, draw="coarse"),
    *rows("HuberLoss", ["coarse"], MATRICES, choices(delta=(None, 0.5, 2.0)), "coarse"),
    *rows("HuberLoss", ["values"], MATRICES, scales=[1e4]),
    *rows("SmoothL1Loss", ["coarse"], MATRICES, choices(beta=(None, 0.0, 0.5, 2.0)), "coarse"),
    *rows("BCELoss", ["shares", "bits"], MATRICES, draw="probabilities"),
    *rows("BCEWithLogitsLoss", ["shares", "bits"], MATRICES, scales=[1.0, 1e4]),
    *rows("BCEWithLogitsLoss", ["shares"], [(4, 3)], choices(pos_weight=([2.0], [0.5, 2.0, 0.0])), scales=[5.0, 1e4]),
    *rows(
        "KLDivLoss",
        ["probabilities", "one_hot"],
        [(4, 3), (1, 3), (2, 3, 4)],
        draw="log-probabilities",
        reductions=(*REDUCTIONS, "batchmean"),
    ),
    *rows(
        "KLDivLoss",
        ["log-probabilities"],
        [(4, 3)],
        [{"log_target": True}],
        "log-probabilities",
        reductions=(*REDUCTIONS, "batchmean"),
    ),
    *rows("HingeEmbeddingLoss", ["signs"], MATRICES, choices(margin=(None, 0.5)), "coarse"),
    *rows("MarginRankingLoss", ["signs"], MATRICES, choices(margin=(None, 0.5)), "coarse pair"),
    *rows("CosineEmbeddingLoss", ["sign of each"], [(6, 4), (1, 4)], choices(margin=(None, 0.25)), "pair", (1.0, 1e4)),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_and_gradients_are_pytorchs(case, dtype):
    ours = compare.loss_record(compare.Ours(), case, dtype)
    theirs = compare.loss_record(compare.Torch(), case, dtype)
    compare.assert_close(ours, theirs, compare.TOLERANCES["losses"][dtype])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_probabilities_of_0_and_1_are_cut_off_where_pytorch_does(reduction, dtype):
    # PyTorch's least divisor of the gradient is 1e-12 in float32, whatever the dtype.
    case = Loss("bce", ("BCELoss", {"reduction": reduction}), (20,), "shares", draw="certainties")
    ours, theirs = (compare.loss_record(side, case, dtype) for side in (compare.Ours(), compare.Torch()))
    compare.assert_close(ours, theirs, 1e-5 if dtype == "float32" else 1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_sums_and_weights_of_shards_combine_to_the_value_of_the_batch(weighted):
    random = np.random.default_rng(0)
    pred, target = random.normal(size=(10, 4)), random.integers(0, 4, 10)
    weight = random.uniform(0, 2, 10) if weighted else None
    options = {"weight": cases.CLASS_WEIGHTS, "ignore_index": 1}
    value, _ = compare.Torch().loss(("CrossEntropyLoss", options), pred, target, weight)
    shards = [
        CrossEntropyLoss(**options).sum_and_weight(pred[rows], target[rows], None if weight is None else weight[rows])
        for rows in (slice(0, 3), slice(3, 10))
    ]
    total, norm = np.sum(shards, axis=0)
    assert total / norm == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_hinge_loss_which_pytorch_has_not_is_that_of_its_operations(dtype):
    random = np.random.default_rng(0)
    pred, target = random.normal(size=(5, 3)).astype(dtype), random.choice([-1.0, 1.0], (5, 3)).astype(dtype)
    value, gradient = HingeLoss()(pred, target)
    leaf = torch.tensor(pred, requires_grad=True)
    expected = torch.relu(1 - leaf * torch.tensor(target)).mean()
    expected.backward()
    compare.assert_close(
        {"value": np.asarray(value, dtype), "gradient": gradient},
        {"value": expected.detach().numpy(), "gradient": leaf.grad.numpy()},
        compare.TOLERANCES["losses"][dtype],
    )


def test_no_loss_that_pytorch_has_is_left_out():
    names = {component.target.partition(":")[2] for component in components("loss")}
    assert {name for name in names if hasattr(torch.nn, name)} <= {case.spec[0] for case in CASES}
