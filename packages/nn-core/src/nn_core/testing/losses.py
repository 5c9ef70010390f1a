"""The checks of a loss. Each takes a case and raises AssertionError with what was expected and what was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from attrs import frozen

from nn_core.batching import rows
from nn_core.tape import no_grad
from nn_core.tensor import Tensor
from nn_core.testing.gradients import directional_error
from nn_core.typing import Array


@frozen
class LossCase:
    """A loss in one configuration.

    Args:
        name: shown in the test's ID.
        make: returns a new loss; called with ``reduction=`` to get the other reductions.
        draw: returns (pred, target) with at least two samples; pred may be a tuple of arrays.
        largest: size of the predictions in the check for overflow; 1 where they are probabilities.
    """

    name: str
    make: Callable[..., Any]
    draw: Callable[[np.random.Generator], tuple[Any, Array]]
    largest: float = 1e4

    def batch(self, dtype: str = "float64") -> tuple[Any, Array, Array]:
        """Return pred, target and positive weights, none of which can be written to."""
        rng = np.random.default_rng(2)
        pred, target = self.draw(rng)
        weight = rng.uniform(0.5, 2.0, rows(pred))
        pred = _each(lambda part: _read_only(part.astype(dtype)), pred)
        return pred, _read_only(target.copy()), _read_only(weight.astype(dtype))


def _each(function: Callable[..., Any], *preds: Any) -> Any:
    """Apply a function to an array, or part by part to tuples of them."""
    if not isinstance(preds[0], tuple):
        return function(*preds)
    return tuple(function(*parts) for parts in zip(*preds, strict=True))


def _parts_of(pred: Any) -> tuple[Any, ...]:
    return pred if isinstance(pred, tuple) else (pred,)


def _read_only(array: Array) -> Array:
    array.flags.writeable = False
    return array


def _assert_equal(seen: Any, expected: Any, what: str, rtol: float = 1e-9) -> None:
    for part, other in zip(_parts_of(seen), _parts_of(expected), strict=True):
        np.testing.assert_allclose(part, other, rtol=rtol, atol=1e-15, err_msg=what)


def check_gradient(case: LossCase) -> None:
    """The gradient is that of the value, with and without weights."""
    for reduction in ("mean", "sum"):
        for weighted in (False, True):
            loss = case.make(reduction=reduction)
            pred, target, weights = case.batch()
            pred = _each(np.copy, pred)
            weight = weights if weighted else None
            _, gradient = loss.value_and_grad(pred, target, weight)

            def value(loss: Any = loss, pred: Any = pred, target: Array = target, w: Array | None = weight) -> float:
                return float(loss.value_and_grad(pred, target, w)[0])

            error, numeric, claimed = directional_error(
                value, _parts_of(pred), _parts_of(gradient), np.random.default_rng(4)
            )
            assert error < 1e-6, (
                f"{reduction}: the gradient gives a directional derivative of {claimed:.8g}, finite differences "
                f"{numeric:.8g} (relative error {error:.1e})"
            )


def check_weights(case: LossCase) -> None:
    """A sample of weight 2 is that sample twice, and one of weight 0 is none."""
    pred, target, _ = case.batch()
    weight = np.arange(rows(pred)) % 3
    repeated = _each(lambda part: np.repeat(part, weight, axis=0), pred)
    for reduction in ("sum", "mean"):
        loss = case.make(reduction=reduction)
        value = loss.value_and_grad(pred, target, weight)[0]
        _assert_equal(value, loss.value_and_grad(repeated, np.repeat(target, weight, axis=0))[0], reduction, rtol=1e-12)


def check_reductions(case: LossCase) -> None:
    """``none`` gives the weighted terms, ``sum`` their sum, ``mean`` that over what counts; so do gradients."""
    pred, target, weight = case.batch()
    for w in (None, weight):
        scales = {"sum": 1.0}
        if w is None:  # a weighted mean is the matter of the checks of weights and of parts
            scales["mean"] = 1 / case.make().sum_and_weight(pred, target)[1]
        terms, gradient = case.make(reduction="none").value_and_grad(pred, target, w)
        assert terms.shape[:1] == (rows(pred),), f"expected terms (N, …) for N = {rows(pred)}, got shape {terms.shape}"
        for reduction, scale in scales.items():
            value, part = case.make(reduction=reduction).value_and_grad(pred, target, w)
            assert isinstance(value, float), f"{reduction} must be a Python float, got {type(value).__name__}"
            _assert_equal(value, terms.sum() * scale, reduction, rtol=1e-12)
            _assert_equal(part, _each(lambda g, scale=scale: g * scale, gradient), f"gradient of {reduction}")


def check_parts(case: LossCase) -> None:
    """`sum_and_weight` over the parts of a batch adds up to the mean over the whole."""
    pred, target, weight = case.batch()
    loss = case.make()
    halves = [slice(0, rows(pred) // 2), slice(rows(pred) // 2, None)]
    parts = [
        loss.sum_and_weight(_each(lambda part, half=half: part[half], pred), target[half], weight[half])
        for half in halves
    ]
    total, norm = np.sum(parts, axis=0)
    np.testing.assert_allclose(total / norm, loss.value_and_grad(pred, target, weight)[0], rtol=1e-12)


def check_few_samples(case: LossCase) -> None:
    """One sample alone gives its own term, and an empty batch a sum of 0 and no mean."""
    pred, target, _ = case.batch()
    terms = case.make(reduction="none").value_and_grad(pred, target)[0]
    first = _each(lambda part: part[:1], pred), target[:1]
    _assert_equal(case.make(reduction="none").value_and_grad(*first)[0], terms[:1], "a batch of one", rtol=1e-12)
    nothing = _each(lambda part: part[:0], pred), target[:0]
    for reduction in ("sum", "mean"):
        value, gradient = case.make(reduction=reduction).value_and_grad(*nothing)
        right = value == 0 if reduction == "sum" else np.isnan(value)
        assert right, f"an empty batch has a sum of 0 and a mean of NaN, got a {reduction} of {value}"
        shapes = _each(np.shape, gradient), _each(np.shape, nothing[0])
        assert shapes[0] == shapes[1], f"expected the gradient of an empty batch in its shape {shapes[1]}"


def check_layout(case: LossCase) -> None:
    """It is of no importance how the predictions lie in memory."""
    pred, target, _ = case.batch()
    expected = case.make().value_and_grad(pred, target)
    layouts: dict[str, Callable[[Array], Array]] = {
        "in Fortran order": lambda part: np.asfortranarray(part),
        "every other one": lambda part: np.repeat(part, 2, axis=0)[::2],
    }
    for name, lay in layouts.items():
        value, gradient = case.make().value_and_grad(_each(lay, pred), target)
        _assert_equal(value, expected[0], f"value of predictions {name}")
        _assert_equal(gradient, expected[1], f"gradient of predictions {name}")


def check_dtype(case: LossCase) -> None:
    """The gradient has the dtype of the predictions."""
    for dtype in ("float32", "float64"):
        pred, target, weight = case.batch(dtype)
        for w in (None, weight):
            gradients = case.make().value_and_grad(pred, target, w)[1]
            for part, gradient in zip(_parts_of(pred), _parts_of(gradients), strict=True):
                assert gradient.dtype == dtype, f"expected a gradient in {dtype}, got {gradient.dtype}"
                assert gradient.shape == part.shape, f"expected a gradient of shape {part.shape}, got {gradient.shape}"
        terms = case.make(reduction="none").value_and_grad(pred, target, weight)[0]
        assert terms.dtype == dtype, f"expected terms in {dtype}, got {terms.dtype}"


def check_large_values(case: LossCase) -> None:
    """Predictions as large as they get overflow nowhere."""
    pred, target, _ = case.batch("float32")
    pred = _each(lambda part: np.sign(part) * np.float32(case.largest), pred)
    value, gradient = case.make().value_and_grad(pred, target)
    assert np.isfinite(value), f"expected a finite value, got {value}"
    assert all(np.isfinite(part).all() for part in _parts_of(gradient)), "expected a finite gradient"


def check_call(case: LossCase) -> None:
    """Called with arrays, the loss returns value and gradient."""
    pred, target, _ = case.batch()
    value, gradient = case.make()(pred, target)
    expected, slope = case.make().value_and_grad(pred, target)
    assert value == expected, f"the call gives {value}, value_and_grad {expected}"
    same = all((one == other).all() for one, other in zip(_parts_of(gradient), _parts_of(slope), strict=True))
    assert same, "the call gives another gradient than value_and_grad"


def check_autograd(case: LossCase) -> None:
    """Called with Tensors, the loss gives the same to the bit, times what comes back; `no_grad` records nothing."""
    for dtype in ("float32", "float64"):
        pred, target, weight = case.batch(dtype)
        for reduction in ("mean", "sum", "none"):
            loss = case.make(reduction=reduction)
            value, gradient = loss.value_and_grad(pred, target, weight)
            for factor in (1, -4):  # a power of two, which rounding leaves alone
                leaves = _each(lambda part: Tensor(part, requires_grad=True), pred)
                y = loss(leaves, target, weight)
                assert y.dtype == dtype, f"expected a Tensor of {dtype}, got {y.dtype}"
                same = (y.data == np.asarray(value, dtype)).all()
                assert same, f"{reduction}: value_and_grad gives {value}, the call with a Tensor {y.data}"
                assert y.requires_grad, f"{reduction}: the call with a Tensor leads to no gradient"
                y.backward(np.full(y.shape, factor, dtype))
                for leaf, part in zip(_parts_of(leaves), _parts_of(gradient), strict=True):
                    assert (leaf.grad == factor * part).all(), f"{reduction}: backward gives another gradient"
            with no_grad():
                leaves = _each(lambda part: Tensor(part, requires_grad=True), pred)
                assert not loss(leaves, target, weight).requires_grad, "expected nothing to be recorded in no_grad"


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
