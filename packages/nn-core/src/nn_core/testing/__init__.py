"""The checks that every layer and loss is held to, built in or third-party.

A table of cases, and one test that calls the check it is given::

    from nn_core.testing import LayerCase, parametrize_layer_checks

    CASES = [LayerCase("gate", lambda: Gate(4), (5, 4)), LayerCase("gate, inferred", Gate, (1, 4))]

    @parametrize_layer_checks(CASES)
    def test_layer(check):
        check()
"""

from __future__ import annotations

from nn_core.testing.cases import LayerCase
from nn_core.testing.gradients import directional_error
from nn_core.testing.layers import LAYER_CHECKS, check_layer
from nn_core.testing.losses import LOSS_CHECKS, LossCase, check_loss
from nn_core.testing.tables import parametrize_layer_checks, parametrize_loss_checks

__all__ = [
    "LAYER_CHECKS",
    "LOSS_CHECKS",
    "LayerCase",
    "LossCase",
    "check_layer",
    "check_loss",
    "directional_error",
    "parametrize_layer_checks",
    "parametrize_loss_checks",
]
