"""Every layer of nn-core against the checks that all layers are held to; below, what is special to one."""

from __future__ import annotations

from nn_core import BatchNorm1d, Dropout, Flatten, Linear, ReLU, Sequential
from nn_core.testing import LayerCase, parametrize_layer_checks

CASES = [
    LayerCase("linear", lambda: Linear(4, 3), (5, 4)),
    LayerCase("linear, no bias", lambda: Linear(4, 3, bias=False), (2, 7, 4)),
    LayerCase("linear, inferred", lambda: Linear(out_features=3), (1, 4)),
    LayerCase("relu", ReLU, (3, 2, 5)),
    LayerCase("flatten", Flatten, (3, 2, 4, 5)),
    LayerCase("flatten, middle axes", lambda: Flatten(1, 2), (3, 2, 4, 5)),
    LayerCase("dropout", lambda: Dropout(0.4), (6, 5)),
    LayerCase("dropout, nothing", lambda: Dropout(0.0), (3, 5)),
    LayerCase("dropout, everything", lambda: Dropout(1.0), (3, 5)),
    LayerCase("batch_norm1d", lambda: BatchNorm1d(4), (6, 4), min_batch=2),
    LayerCase("batch_norm1d, sequences", lambda: BatchNorm1d(), (3, 4, 5), min_batch=1),
    LayerCase("batch_norm1d, not affine", lambda: BatchNorm1d(4, affine=False, momentum=0.5), (6, 4), min_batch=2),
    LayerCase(
        "sequential",
        lambda: Sequential(Linear(4, 6), Sequential(BatchNorm1d(), ReLU()), Dropout(0.3), Linear(out_features=2)),
        (6, 4),
        min_batch=2,
    ),
    LayerCase("sequential, empty", Sequential, (2, 3)),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()
