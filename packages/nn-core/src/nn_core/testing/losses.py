"""The checks of a loss. Each takes a case and raises AssertionError with what was expected and what was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen

from nn_core.testing.gradients import directional_error
from nn_core.typing import Array


@frozen
class LossCase:
    """A loss in one configuration.

    Args:
        name: shown in the test's ID.
        make: returns a new loss; called with ``reduction=`` to get the other reductions.
        draw: returns (pred, target) with at least two samples.
    """

    name: str
    make: Callable[..., Any]
    draw: Callable[[np.random.Generator], tuple[Array, Array]]

    def batch(self, dtype: str = "float64") -> tuple[Array, Array, Array]:
        """Return pred, target and positive weights, none of which can be written to."""
        rng = np.random.default_rng(2)
        pred, target = self.draw(rng)
        batch = pred.astype(dtype), target, rng.uniform(0.5, 2.0, len(pred)).astype(dtype)
        for array in batch:
            array.flags.writeable = False
        return batch


def check_gradient(case: LossCase) -> None:
    """The gradient is that of the value, with and without weights."""
    for reduction in ("mean", "sum"):
        for weighted in (False, True):
            loss = case.make(reduction=reduction)
            pred, target, weights = case.batch()
            pred = pred.copy()
            weight = weights if weighted else None
            _, gradient = loss.value_and_grad(pred, target, weight)

            def value(loss: Any = loss, pred: Array = pred, target: Array = target, w: Array | None = weight) -> float:
                return float(loss.value_and_grad(pred, target, w)[0])

            error, numeric, claimed = directional_error(value, [pred], [gradient], np.random.default_rng(4))
            assert error < 1e-6, (
                f"{reduction}: the gradient gives a directional derivative of {claimed:.8g}, finite differences "
                f"{numeric:.8g} (relative error {error:.1e})"
            )


def check_reductions(case: LossCase) -> None:
    """``none`` gives the weighted terms, ``sum`` their sum, ``mean`` the sum over the weights' sum; so do gradients."""
    pred, target, weight = case.batch()
    for w in (None, weight):
        norm = len(pred) if w is None else weight.sum()
        terms, gradient = case.make(reduction="none").value_and_grad(pred, target, w)
        assert terms.shape == pred.shape[:1], f"expected one term per sample, got shape {terms.shape}"
        for reduction, scale in (("sum", 1.0), ("mean", 1 / norm)):
            value, part = case.make(reduction=reduction).value_and_grad(pred, target, w)
            assert isinstance(value, float), f"{reduction} must be a Python float, got {type(value).__name__}"
            np.testing.assert_allclose(value, terms.sum() * scale, rtol=1e-12, err_msg=reduction)
            np.testing.assert_allclose(
                part, gradient * scale, rtol=1e-9, atol=1e-15, err_msg=f"gradient of {reduction}"
            )


def check_parts(case: LossCase) -> None:
    """`sum_and_weight` over the parts of a batch adds up to the mean over the whole."""
    pred, target, weight = case.batch()
    loss = case.make()
    halves = [slice(0, len(pred) // 2), slice(len(pred) // 2, None)]
    parts = [loss.sum_and_weight(pred[half], target[half], weight[half]) for half in halves]
    total, norm = np.sum(parts, axis=0)
    np.testing.assert_allclose(total / norm, loss.value_and_grad(pred, target, weight)[0], rtol=1e-12)


def check_dtype(case: LossCase) -> None:
    """The gradient has the dtype of the predictions."""
    for dtype in ("float32", "float64"):
        pred, target, weight = case.batch(dtype)
        for w in (None, weight):
            gradient = case.make().value_and_grad(pred, target, w)[1]
            assert gradient.dtype == dtype, f"expected a gradient in {dtype}, got {gradient.dtype}"
            assert gradient.shape == pred.shape, f"expected a gradient of shape {pred.shape}, got {gradient.shape}"


def check_large_values(case: LossCase) -> None:
    """Predictions of size 1e4 overflow nowhere."""
    pred, target, _ = case.batch("float32")
    value, gradient = case.make().value_and_grad(np.sign(pred) * np.float32(1e4), target)
    assert np.isfinite(value), f"expected a finite value, got {value}"
    assert np.isfinite(gradient).all(), "expected a finite gradient"


def check_call(case: LossCase) -> None:
    """Called with arrays, the loss returns value and gradient."""
    pred, target, _ = case.batch()
    value, gradient = case.make()(pred, target)
    expected, slope = case.make().value_and_grad(pred, target)
    assert value == expected, f"the call gives {value}, value_and_grad {expected}"
    assert (gradient == slope).all(), "the call gives another gradient than value_and_grad"


LOSS_CHECKS: dict[str, Callable[[LossCase], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}


def check_loss(case: LossCase) -> None:
    """Run all checks on one case.

    Raises:
        AssertionError: a check failed; the message says which, what was expected and what was seen.
    """
    for name, check in LOSS_CHECKS.items():
        try:
            check(case)
        except AssertionError as error:
            raise AssertionError(f"{case.name}, {name}: {error}") from error
