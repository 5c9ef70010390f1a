"""The checks of a metric. Each takes a case and raises AssertionError with what was expected and what was seen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from math import isnan
from typing import Any

import numpy as np
from attrs import frozen

from nn_core.typing import Array


@frozen
class MetricCase:
    """A metric in one configuration.

    Args:
        name: shown in the test's ID.
        make: returns a new metric.
        draw: returns (pred, target), arrays of at least 12 samples.
    """

    name: str
    make: Callable[[], Any]
    draw: Callable[[np.random.Generator], tuple[Array, Array]]

    def batch(self) -> tuple[Array, Array, Array]:
        """Return pred, target and weights, none of which can be written to."""
        rng = np.random.default_rng(2)
        pred, target = self.draw(rng)
        parts = pred.copy(), target.copy(), rng.uniform(0.5, 2.0, len(pred))
        for part in parts:
            part.flags.writeable = False
        return parts

    def value(self, *batch: Any) -> Any:
        """Return the value of one batch."""
        metric = self.make()
        metric.update(*batch)
        return metric.compute()


def _assert_equal(seen: Any, expected: Any, what: str) -> None:
    fine = np.allclose(seen, expected, rtol=1e-9, atol=1e-12, equal_nan=True)
    assert fine, f"{what}: expected {expected}, got {seen}"


def check_batches(case: MetricCase) -> None:
    """The value does not depend on how the samples are divided into batches."""
    pred, target, weight = case.batch()
    for weights in ((), (weight,)):
        whole = case.value(pred, target, *weights)
        for bounds in ([4], [1, 5, 5], [0, 11]):
            metric = case.make()
            for part in np.split(np.arange(len(pred)), bounds):
                metric.update(pred[part], target[part], *(w[part] for w in weights))
            _assert_equal(metric.compute(), whole, f"the value of batches divided at {bounds}")


def check_reset(case: MetricCase) -> None:
    """After `reset` the metric is as good as new."""
    pred, target, _ = case.batch()
    metric = case.make()
    metric.update(pred[:7], target[:7])
    metric.reset()
    metric.update(pred, target)
    _assert_equal(metric.compute(), case.value(pred, target), "the value after reset()")


def check_nothing(case: MetricCase) -> None:
    """Before the first sample, and after an empty batch, a number is NaN and nothing is an error."""
    pred, target, _ = case.batch()
    metric = case.make()
    for _ in range(2):
        value = metric.compute()
        if getattr(metric, "scalar", True):
            assert isnan(value), f"without samples there is no value: expected NaN, got {value}"
        metric.update(pred[:0], target[:0])


def check_weights(case: MetricCase) -> None:
    """A weight of 2 counts a sample twice, and one of 0 not at all; weights of 1 are none."""
    pred, target, _ = case.batch()
    ones = np.ones(len(pred))
    _assert_equal(case.value(pred, target, ones), case.value(pred, target), "the value with weights of 1")
    times = np.arange(len(pred)) % 3
    times[:6] = 1
    repeated = np.repeat(np.arange(len(pred)), times)
    expected = case.value(pred[repeated], target[repeated])
    _assert_equal(case.value(pred, target, times.astype(float)), expected, "the value with weights of 0, 1 and 2")


def check_number(case: MetricCase) -> None:
    """`compute` returns a Python number, unless the metric says ``scalar = False``, and can be called again."""
    pred, target, _ = case.batch()
    metric = case.make()
    metric.update(pred, target)
    first, second = metric.compute(), metric.compute()
    _assert_equal(second, first, "the value of a second compute()")
    if getattr(metric, "scalar", True):
        assert type(first) is float, f"expected a Python float, got {type(first).__name__} ({first!r})"


def check_leaves_inputs_alone(case: MetricCase) -> None:
    """Neither outputs nor targets nor weights are written to, and they may change afterwards."""
    parts = [part.copy() for part in case.batch()]
    before = [part.copy() for part in parts]
    metric = case.make()
    metric.update(*parts)
    for name, part, other in zip(("outputs", "targets", "weights"), parts, before, strict=True):
        assert np.array_equal(part, other), f"the {name} were changed"
    expected = metric.compute()
    metric = case.make()
    metric.update(*parts)
    for part in parts:
        part[...] = 0
    _assert_equal(metric.compute(), expected, "the value after the arrays were overwritten")


def check_copies(case: MetricCase) -> None:
    """A deep copy goes on from the same state, and apart from the original."""
    pred, target, _ = case.batch()
    metric = case.make()
    metric.update(pred[:5], target[:5])
    twin = copy.deepcopy(metric)
    metric.reset()
    twin.update(pred[5:], target[5:])
    _assert_equal(twin.compute(), case.value(pred, target), "the value of a copy that goes on")


METRIC_CHECKS: dict[str, Callable[[MetricCase], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
