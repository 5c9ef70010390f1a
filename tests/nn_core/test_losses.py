"""Every loss of nn-core against the checks that all losses are held to; below, what is special to one."""

from __future__ import annotations

import numpy as np

from nn_core import CrossEntropyLoss
from nn_core.testing import LossCase, parametrize_loss_checks


def one_hot(indices, classes):
    return np.eye(classes)[indices]


CASES = [
    LossCase("cross_entropy", CrossEntropyLoss, lambda rng: (rng.normal(size=(6, 4)), rng.integers(0, 4, 6))),
    LossCase(
        "cross_entropy, one-hot",
        CrossEntropyLoss,
        lambda rng: (rng.normal(size=(6, 4)), one_hot(rng.integers(0, 4, 6), 4)),
    ),
    LossCase(
        "cross_entropy, probabilities",
        CrossEntropyLoss,
        lambda rng: (rng.normal(size=(5, 3)), rng.dirichlet(np.ones(3), 5)),
    ),
]


@parametrize_loss_checks(CASES)
def test_loss(check):
    check()
