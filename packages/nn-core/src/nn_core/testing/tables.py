"""Run every check on every row of a table, as one pytest test each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from nn_core.testing.cases import LayerCase
from nn_core.testing.layers import LAYER_CHECKS
from nn_core.testing.losses import LOSS_CHECKS, LossCase


def parametrize_layer_checks(
    cases: Iterable[LayerCase], expected_failures: Mapping[str, str] | None = None
) -> Callable[[Any], Any]:
    """Decorate a test that calls the ``check`` it is given: it runs for every layer check on every case.

    Args:
        cases: the table.
        expected_failures: reasons by the name of a check that these layers cannot pass; passing it is then a failure.

    Raises:
        ValueError: the table is empty, or there is no check of a name in `expected_failures`.
    """
    return _parametrize(LAYER_CHECKS, cases, expected_failures or {})


def parametrize_loss_checks(
    cases: Iterable[LossCase], expected_failures: Mapping[str, str] | None = None
) -> Callable[[Any], Any]:
    """Do for losses what `parametrize_layer_checks` does for layers."""
    return _parametrize(LOSS_CHECKS, cases, expected_failures or {})


def _parametrize(
    checks: Mapping[str, Callable[[Any], None]], cases: Iterable[Any], failures: Mapping[str, str]
) -> Callable[[Any], Any]:
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
    decorate: Callable[[Any], Any] = pytest.mark.parametrize("check", rows)
    return decorate
