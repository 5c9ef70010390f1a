"""The initializers, metrics and callbacks of nn-core go through the conformance kit."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

import nn_core
from nn_core import build, get
from nn_core.testing import (
    CallbackCase,
    InitializerCase,
    MetricCase,
    parametrize_callback_checks,
    parametrize_initializer_checks,
    parametrize_metric_checks,
)


def initializer(name, **options):
    function = get("initializer", name)
    return InitializerCase(name, lambda shape, rng=None: function(shape, rng, **options))


INITIALIZERS = [
    *(initializer(name) for name in ("zeros", "ones", "uniform", "normal", "truncated_normal", "conservative")),
    initializer("constant", value=0.5),
    *(initializer(name) for name in ("torch_linear", "xavier_uniform", "xavier_normal")),
    *(initializer(name) for name in ("kaiming_uniform", "kaiming_normal", "orthogonal")),
    InitializerCase("identity", get("initializer", "identity"), shapes=((4, 4), (3, 5), (5, 3))),
]


@parametrize_initializer_checks(INITIALIZERS)
def test_initializer(check):
    check()


def classes(rng):
    return rng.normal(size=(24, 3)), np.arange(24) % 3


def scores(rng):
    return rng.uniform(size=24), np.arange(24) % 2


def numbers(rng):
    return rng.normal(size=(24, 2)), rng.normal(size=(24, 2))


def metric(name, draw, **options):
    return MetricCase(name, lambda: build("metric", {"type": name, **options}), draw)


METRICS = [
    metric("accuracy", classes),
    metric("binary_accuracy", scores),
    metric("top_k_accuracy", classes, k=2),
    *(metric(name, classes, average="macro") for name in ("precision", "recall", "f1")),
    metric("confusion_matrix", classes),
    metric("roc_auc", scores),
    *(metric(name, numbers) for name in ("mae", "mse", "rmse", "r2")),
]


@parametrize_metric_checks(METRICS)
def test_metric(check):
    check()


CALLBACKS = [
    CallbackCase("checkpoint", lambda folder: nn_core.Checkpoint(folder=folder / "mine")),
    CallbackCase("early_stopping", lambda folder: nn_core.EarlyStopping("val_loss", patience=1), changes_training=True),
    CallbackCase("learning_rate_monitor", lambda folder: nn_core.LearningRateMonitor()),
    CallbackCase("gradient_statistics", lambda folder: nn_core.GradientStatistics()),
    CallbackCase("timing", lambda folder: nn_core.Timing()),
    CallbackCase("finite_guard", lambda folder: nn_core.FiniteGuard()),
    CallbackCase("penalty", lambda folder: nn_core.Penalty(l2=0.1), changes_training=True),
    CallbackCase("history_file", lambda folder: nn_core.HistoryFile(folder / "history.csv")),
    CallbackCase("event_log", lambda folder: nn_core.EventLog()),
]
if find_spec("tqdm"):
    CALLBACKS.append(CallbackCase("progress_bar", lambda folder: nn_core.ProgressBar()))


@parametrize_callback_checks(CALLBACKS)
def test_callback(check):
    check()


@pytest.mark.parametrize(
    ("kind", "cases"), [("initializer", INITIALIZERS), ("metric", METRICS), ("callback", CALLBACKS)]
)
def test_every_component_of_a_kind_goes_through_the_kit(kind, cases):
    own = {part.name for part in nn_core.components(kind) if part.distribution == "nn-core"}
    assert {case.name for case in cases} | {"progress_bar"} == own | {"progress_bar"}
