"""Check every registered layer and loss against finite differences in float64.

    python examples/check_gradients.py

A line per row of the tables below says how large the relative error is for the input and each parameter. The exit code
is 1 if one is above 1e-7. Components that are installed and have no row are named at the end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import nn_core

LIMIT = 1e-7

Row = tuple[str, dict[str, Any], Any]
"""Registered name, options, and what goes in: the shape of normal numbers, or a function that draws it."""

DENSE = {"type": "linear", "out_features": 3}

LAYERS: list[Row] = [
    ("linear", {"out_features": 3}, (5, 4)),
    ("dense", {"units": 3, "activation": "tanh"}, (5, 4)),
    ("embedding", {"num_embeddings": 7, "embedding_dim": 3}, lambda rng: rng.integers(0, 7, (5, 2))),
    ("conv1d", {"out_channels": 3, "kernel_size": 3, "dilation": 2, "padding": "same"}, (2, 2, 6)),
    ("conv2d", {"out_channels": 3, "kernel_size": 3, "padding": 1, "stride": 2}, (2, 2, 6, 6)),
    (
        "conv2d",
        {"out_channels": 4, "kernel_size": 3, "padding": 1, "groups": 2, "padding_mode": "reflect"},
        (2, 2, 4, 4),
    ),
    ("conv3d", {"out_channels": 2, "kernel_size": 2, "padding": 1}, (2, 1, 3, 3, 3)),
    ("conv_transpose1d", {"out_channels": 3, "kernel_size": 3, "stride": 2, "padding": 1}, (2, 2, 5)),
    ("conv_transpose2d", {"out_channels": 3, "kernel_size": 2, "stride": 2}, (2, 2, 3, 3)),
    ("depthwise_separable_conv2d", {"out_channels": 3, "kernel_size": 3, "depth_multiplier": 2}, (2, 2, 4, 4)),
    ("residual_block2d", {"out_channels": 3, "stride": 2}, (8, 2, 8, 8)),
    # Activations
    ("activation", {"name": "tanh"}, (5, 4)),
    ("relu", {}, (5, 4)),
    ("leaky_relu", {}, (5, 4)),
    ("prelu", {}, (5, 4)),
    ("elu", {}, (5, 4)),
    ("selu", {}, (5, 4)),
    ("gelu", {}, (5, 4)),
    ("gelu", {"approximate": "tanh"}, (5, 4)),
    ("silu", {}, (5, 4)),
    ("softplus", {}, (5, 4)),
    ("sigmoid", {}, (5, 4)),
    ("hard_sigmoid", {}, (5, 4)),
    ("tanh", {}, (5, 4)),
    ("softmax", {}, (5, 4)),
    ("log_softmax", {}, (5, 4)),
    # Normalization and dropout
    ("batch_norm1d", {}, (6, 3)),
    ("batch_norm1d", {}, (4, 3, 5)),
    ("batch_norm2d", {}, (3, 2, 4, 4)),
    ("instance_norm2d", {"affine": True, "track_running_stats": True}, (3, 2, 4, 4)),
    ("layer_norm", {}, (5, 4)),
    ("rms_norm", {}, (5, 4)),
    ("group_norm", {"num_groups": 2}, (3, 4, 5)),
    ("dropout", {"p": 0.4}, (5, 4)),
    ("dropout2d", {"p": 0.4}, (5, 4, 2, 2)),
    # Shapes and pooling
    ("identity", {}, (5, 4)),
    ("flatten", {}, (3, 2, 4)),
    ("unflatten", {"dim": 1, "unflattened_size": [2, 3]}, (4, 6)),
    ("reshape", {"shape": [2, 6]}, (3, 4, 3)),
    ("max_pool1d", {"kernel_size": 2}, (2, 2, 6)),
    ("max_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1}, (2, 2, 6, 6)),
    ("max_pool3d", {"kernel_size": 2}, (2, 1, 4, 4, 4)),
    ("avg_pool1d", {"kernel_size": 3, "stride": 2, "padding": 1}, (2, 2, 6)),
    ("avg_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}, (2, 2, 6, 6)),
    ("lp_pool2d", {"norm_type": 2, "kernel_size": 2}, (2, 2, 4, 4)),
    ("global_avg_pool1d", {}, (2, 3, 5)),
    ("global_avg_pool2d", {"keepdims": False}, (2, 3, 4, 5)),
    ("global_max_pool1d", {"keepdims": False}, (2, 3, 5)),
    ("global_max_pool2d", {}, (2, 3, 4, 5)),
    ("adaptive_avg_pool2d", {"output_size": [2, 3]}, (2, 2, 6, 7)),
    ("adaptive_max_pool2d", {"output_size": [2, 3]}, (2, 2, 6, 7)),
    ("zero_pad2d", {"padding": [1, 0, -1, 2]}, (2, 2, 4, 3)),
    ("reflection_pad2d", {"padding": 2}, (2, 2, 4, 3)),
    ("replication_pad2d", {"padding": 2}, (2, 2, 4, 3)),
    ("circular_pad2d", {"padding": 2}, (2, 2, 4, 3)),
    ("upsample", {"scale_factor": 2.5}, (2, 2, 4, 3)),
    ("upsample", {"size": [7, 2], "mode": "bilinear"}, (2, 2, 4, 3)),
    ("pixel_shuffle", {"upscale_factor": 2}, (2, 8, 2, 3)),
    ("pixel_unshuffle", {"downscale_factor": 2}, (2, 2, 4, 6)),
    # Containers
    ("sequential", {"layers": [DENSE, {"type": "tanh"}, DENSE]}, (5, 4)),
    ("residual", {"layers": [DENSE], "shortcut": DENSE}, (5, 4)),
    ("parallel", {"branches": [DENSE, {"type": "tanh"}], "merge": "concat"}, (5, 4)),
]


def one_of_two(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    """Return numbers that are −1 or 1."""
    return rng.choice([-1.0, 1.0], shape)


LOSSES: list[Row] = [
    ("cross_entropy", {}, lambda rng: (rng.normal(size=(6, 4)), rng.integers(0, 4, 6))),
    ("cross_entropy", {"label_smoothing": 0.1}, lambda rng: (rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), 6))),
    ("nll", {}, lambda rng: (rng.normal(size=(6, 4)), rng.integers(0, 4, 6))),
    ("mse", {}, lambda rng: (rng.normal(size=(6, 4)), rng.normal(size=(6, 4)))),
    ("l1", {}, lambda rng: (rng.normal(size=(6, 4)), rng.normal(size=(6, 4)))),
    ("huber", {}, lambda rng: (rng.normal(size=(6, 4)), rng.normal(size=(6, 4)))),
    ("smooth_l1", {}, lambda rng: (rng.normal(size=(6, 4)), rng.normal(size=(6, 4)))),
    ("bce", {}, lambda rng: (rng.uniform(0.1, 0.9, (6, 4)), rng.uniform(size=(6, 4)))),
    ("bce_with_logits", {}, lambda rng: (rng.normal(size=(6, 4)), rng.uniform(size=(6, 4)))),
    ("kl_div", {}, lambda rng: (rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), 6))),
    ("hinge", {}, lambda rng: (rng.normal(size=6), one_of_two(rng, (6,)))),
    ("hinge_embedding", {}, lambda rng: (rng.normal(size=6), one_of_two(rng, (6,)))),
    ("margin_ranking", {}, lambda rng: ((rng.normal(size=6), rng.normal(size=6)), one_of_two(rng, (6,)))),
    ("cosine_embedding", {}, lambda rng: ((rng.normal(size=(6, 4)), rng.normal(size=(6, 4))), one_of_two(rng, (6,)))),
]


def check(kind: str, row: Row) -> nn_core.GradcheckReport:
    """Return what the gradient check of one row found."""
    name, options, drawn = row
    nn_core.seed(0)
    rng = np.random.default_rng(1)
    draw: Callable[[np.random.Generator], Any] = drawn if callable(drawn) else lambda rng: rng.normal(size=drawn)
    component = nn_core.build(kind, {"type": name, **options})
    return nn_core.gradcheck(component, draw(rng), eps=1e-5, tolerance=LIMIT, raise_error=False)


def without_row(kind: str, rows: Iterable[Row]) -> list[str]:
    """Return the qualified names of the components that no row is about, not even under another name."""
    installed = nn_core.components(kind)
    names = {name for name, _, _ in rows}
    covered = {component.target for component in installed if component.name in names}
    return [component.qualified_name for component in installed if component.target not in covered]


def main(layers: list[Row] = LAYERS, losses: list[Row] = LOSSES) -> int:
    """Print the table and return the exit code."""
    worst, failed = 0.0, []
    for kind, rows in (("layer", layers), ("loss", losses)):
        installed = {component.name for component in nn_core.components(kind)}
        print(f"{kind:20} max      of each")
        for row in rows:
            name = row[0]
            if name not in installed:
                print(f"{name:20} not installed")
                continue
            report = check(kind, row)
            errors = "  ".join(f"{found.argument} {found.error:.1e}" for found in report.rows)
            kinks = f"  ({report.kinks} elements without derivative left out)" if report.kinks else ""
            print(f"{name:20} {report.error:.1e}  {errors}{kinks}")
            worst = max(worst, report.error)
            if not report:
                failed.append(f"{name}: {'; '.join(report.problems)}")
        print()
    print(f"The largest relative error is {worst:.1e}; at most {LIMIT:.0e} is allowed.")
    for problem in failed:
        print(f"WRONG: {problem}")
    for kind, rows in (("layer", layers), ("loss", losses)):
        for name in without_row(kind, rows):
            print(f"NOT CHECKED, for want of a row: {kind} {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
