"""Run every check on every row of a table, as one pytest test each, or all checks on one case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from nn_core.testing.callbacks import CALLBACK_CHECKS, CallbackCase
from nn_core.testing.cases import LayerCase
from nn_core.testing.datasets import DATASET_CHECKS, DatasetCase
from nn_core.testing.initializers import INITIALIZER_CHECKS, InitializerCase
from nn_core.testing.layers import LAYER_CHECKS
from nn_core.testing.losses import LOSS_CHECKS, LossCase
from nn_core.testing.metrics import METRIC_CHECKS, MetricCase
from nn_core.testing.optimizers import OPTIMIZER_CHECKS, OptimizerCase
from nn_core.testing.schedulers import SCHEDULER_CHECKS, SchedulerCase

Failures = Mapping[str, str]
"""Reasons by the name of a check that the cases of a table cannot pass; passing it is then a failure."""

Decorator = Callable[[Any], Any]


def parametrize_layer_checks(cases: Iterable[LayerCase], expected_failures: Failures | None = None) -> Decorator:
    """Decorate a test that calls the ``check`` it is given: it runs for every layer check on every case.

    Args:
        cases: the table.
        expected_failures: reasons by the name of a check that these layers cannot pass; passing it is then a failure.

    Raises:
        ValueError: the table is empty, or there is no check of a name in `expected_failures`.
    """
    return _parametrize(LAYER_CHECKS, cases, expected_failures or {})


def parametrize_loss_checks(cases: Iterable[LossCase], expected_failures: Failures | None = None) -> Decorator:
    """Do for losses what `parametrize_layer_checks` does for layers."""
    return _parametrize(LOSS_CHECKS, cases, expected_failures or {})


def parametrize_optimizer_checks(
    cases: Iterable[OptimizerCase], expected_failures: Failures | None = None
) -> Decorator:
    """Do for optimizers what `parametrize_layer_checks` does for layers."""
    return _parametrize(OPTIMIZER_CHECKS, cases, expected_failures or {})


def parametrize_scheduler_checks(
    cases: Iterable[SchedulerCase], expected_failures: Failures | None = None
) -> Decorator:
    """Do for schedulers what `parametrize_layer_checks` does for layers."""
    return _parametrize(SCHEDULER_CHECKS, cases, expected_failures or {})


def parametrize_initializer_checks(
    cases: Iterable[InitializerCase], expected_failures: Failures | None = None
) -> Decorator:
    """Do for initializers what `parametrize_layer_checks` does for layers."""
    return _parametrize(INITIALIZER_CHECKS, cases, expected_failures or {})


def parametrize_metric_checks(cases: Iterable[MetricCase], expected_failures: Failures | None = None) -> Decorator:
    """Do for metrics what `parametrize_layer_checks` does for layers."""
    return _parametrize(METRIC_CHECKS, cases, expected_failures or {})


def parametrize_callback_checks(cases: Iterable[CallbackCase], expected_failures: Failures | None = None) -> Decorator:
    """Do for callbacks what `parametrize_layer_checks` does for layers."""
    return _parametrize(CALLBACK_CHECKS, cases, expected_failures or {})


def parametrize_dataset_checks(cases: Iterable[DatasetCase], expected_failures: Failures | None = None) -> Decorator:
    """Do for datasets what `parametrize_layer_checks` does for layers."""
    return _parametrize(DATASET_CHECKS, cases, expected_failures or {})


def _parametrize(
    checks: Mapping[str, Callable[[Any], None]], cases: Iterable[Any], failures: Mapping[str, str]
) -> Decorator:
    import pytest

    table = list(cases)
    if not table:
        raise ValueError("The table of cases is empty, so nothing would be checked.")
    if unknown := sorted(set(failures) - set(checks)):
        raise ValueError(f"There is no check {unknown[0]!r}; the checks are {', '.join(checks)}.")
    rows = []
    for case in table:
        for name, check in checks.items():
            marks = [pytest.mark.xfail(reason=failures[name], strict=True)] if name in failures else []
            rows.append(pytest.param(partial(check, case), id=f"{case.name}-{name}", marks=marks))
    decorate: Decorator = pytest.mark.parametrize("check", rows)
    return decorate


def _check_all(checks: Mapping[str, Callable[[Any], None]], case: Any) -> None:
    for name, check in checks.items():
        try:
            check(case)
        except AssertionError as error:
            raise AssertionError(f"{case.name}, {name}: {error}") from error


def check_optimizer(case: OptimizerCase) -> None:
    """Run all checks on one optimizer.

    Raises:
        AssertionError: a check failed; the message says which, what was expected and what was seen.
    """
    _check_all(OPTIMIZER_CHECKS, case)


def check_scheduler(case: SchedulerCase) -> None:
    """Run all checks on one scheduler; see `check_optimizer`."""
    _check_all(SCHEDULER_CHECKS, case)


def check_initializer(case: InitializerCase) -> None:
    """Run all checks on one initializer; see `check_optimizer`."""
    _check_all(INITIALIZER_CHECKS, case)


def check_metric(case: MetricCase) -> None:
    """Run all checks on one metric; see `check_optimizer`."""
    _check_all(METRIC_CHECKS, case)


def check_callback(case: CallbackCase) -> None:
    """Run all checks on one callback; see `check_optimizer`."""
    _check_all(CALLBACK_CHECKS, case)


def check_dataset(case: DatasetCase) -> None:
    """Run all checks on one dataset; see `check_optimizer`."""
    _check_all(DATASET_CHECKS, case)
