"""The conformance kit: what every component must do, whoever wrote it.

The built-in components of all distributions go through these checks, and a plugin's should::

    from nn_core.testing import LayerCase, parametrize_layer_checks

    @parametrize_layer_checks([LayerCase("gate", lambda: Gate(4), (5, 4))])
    def test_layer(check):
        check()

There is a case, a table of checks, a decorator and a function for each kind: layers, losses, optimizers, schedulers,
initializers, metrics, callbacks and datasets; `check_plugin` holds an installed distribution to what a plugin must do.
"""

from __future__ import annotations

from nn_core.testing.callbacks import CALLBACK_CHECKS, CallbackCase
from nn_core.testing.cases import LayerCase
from nn_core.testing.datasets import DATASET_CHECKS, DatasetCase
from nn_core.testing.gradients import directional_error
from nn_core.testing.initializers import INITIALIZER_CHECKS, InitializerCase
from nn_core.testing.layers import LAYER_CHECKS, check_layer
from nn_core.testing.losses import LOSS_CHECKS, LossCase, check_loss
from nn_core.testing.metrics import METRIC_CHECKS, MetricCase
from nn_core.testing.optimizers import OPTIMIZER_CHECKS, OptimizerCase
from nn_core.testing.plugins import PLUGIN_CHECKS, check_plugin
from nn_core.testing.schedulers import SCHEDULER_CHECKS, SchedulerCase
from nn_core.testing.tables import (
    check_callback,
    check_dataset,
    check_initializer,
    check_metric,
    check_optimizer,
    check_scheduler,
    parametrize_callback_checks,
    parametrize_dataset_checks,
    parametrize_initializer_checks,
    parametrize_layer_checks,
    parametrize_loss_checks,
    parametrize_metric_checks,
    parametrize_optimizer_checks,
    parametrize_scheduler_checks,
)

__all__ = [
    "CALLBACK_CHECKS",
    "DATASET_CHECKS",
    "INITIALIZER_CHECKS",
    "LAYER_CHECKS",
    "LOSS_CHECKS",
    "METRIC_CHECKS",
    "OPTIMIZER_CHECKS",
    "PLUGIN_CHECKS",
    "SCHEDULER_CHECKS",
    "CallbackCase",
    "DatasetCase",
    "InitializerCase",
    "LayerCase",
    "LossCase",
    "MetricCase",
    "OptimizerCase",
    "SchedulerCase",
    "check_callback",
    "check_dataset",
    "check_initializer",
    "check_layer",
    "check_loss",
    "check_metric",
    "check_optimizer",
    "check_plugin",
    "check_scheduler",
    "directional_error",
    "parametrize_callback_checks",
    "parametrize_dataset_checks",
    "parametrize_initializer_checks",
    "parametrize_layer_checks",
    "parametrize_loss_checks",
    "parametrize_metric_checks",
    "parametrize_optimizer_checks",
    "parametrize_scheduler_checks",
]
