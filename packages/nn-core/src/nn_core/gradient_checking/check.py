"""The check itself: what a gradient claims, and what finite differences say."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any, Literal

import numpy as np
from attrs import evolve, field, frozen

from nn_core.backends import backend
from nn_core.errors import GradcheckError
from nn_core.fields import one_of, positive, positive_number
from nn_core.gradient_checking.differences import SMALLEST, displaced, relative_error
from nn_core.gradient_checking.report import GradcheckReport, GradcheckRow
from nn_core.gradient_checking.subjects import Gradients, Outputs, Subject, subject_of
from nn_core.typing import Array, Shape

_SEED = [110, 110]  # not a seed that inputs may come from, too: dy equal to an input would hide errors


def gradcheck(
    fn: Any,
    inputs: Any,
    *,
    mode: Literal["directions", "elements"] = "directions",
    directions: int = 3,
    eps: float = 1e-6,
    tolerance: float = 1e-5,
    rng: np.random.Generator | None = None,
    raise_error: bool = True,
) -> GradcheckReport:
    """Compare gradients with central differences in float64: ``Σ dy · (f(x + h v) − f(x − h v)) / 2h ≈ g · v``.

    dy is random. In mode ``directions`` so is v, through one input or parameter at a time; in mode ``elements`` it
    is each unit vector in turn. A direction that disagrees is looked into element by element, to say where.

    The error is relative to the larger of the two derivatives (but at least to 1e-3 of the output's size, as rounding
    is). Where it is too large and the slopes to either side differ, however small the step, there is no derivative
    (ReLU at 0, a tie of a maximum): such elements are counted as kinks and left out.

    Args:
        fn: a layer, of which a float64 copy is checked, in its mode, parameters included unless frozen; a loss, with
            inputs (pred, target); an operation or function of Tensors; or a function of arrays that returns
            (y, backward). A model that a function calls is used as it is: give the model itself.
        inputs: an array, or a tuple (or list) of several; integers get no gradient.
        mode: how the gradient is probed.
        directions: how many per input and parameter.
        eps: the step h.
        tolerance: the largest relative error allowed.
        rng: where dy and directions come from; left out, they are the same each time.
        raise_error: False returns the report of gradients that disagree.

    Raises:
        GradcheckError: a gradient disagrees, all its elements are at kinks, there is nothing to compare, the outputs
            are not finite or not float64, or two runs give different numbers.
        ConfigError: an option is wrong.

    >>> from nn_core import Linear
    >>> bool(gradcheck(Linear(3, 2), np.ones((4, 3))))
    True
    >>> def cube(x):
    ...     return x**3, lambda dy: 3 * dy * x
    >>> report = gradcheck(cube, np.array([2.0]), raise_error=False)
    >>> bool(report), round(report.error, 6)
    (False, 0.5)
    """
    options = _Options(mode, directions, eps, tolerance)
    rng = np.random.default_rng(_SEED) if rng is None else rng
    with np.errstate(all="ignore"):  # what is not finite is reported
        subject = subject_of(fn, inputs)
        if not any(array.size for array in subject.arrays):
            raise GradcheckError(
                f"{subject.name}: there is nothing to check, as integers, frozen parameters and empty arrays have no "
                f"gradient. Give an input of floating-point numbers that is not empty."
            )
        outputs, dys, gradients = _claims(subject, rng, eps)
        comparison = _Comparison(subject, outputs, dys, options)
        rows = tuple(
            comparison.row(name, array, gradient, rng)
            for name, array, gradient in zip(subject.names, subject.arrays, gradients, strict=True)
        )
    report = GradcheckReport(subject.name, mode, tolerance, rows)
    if raise_error and not report:
        raise GradcheckError(f"{subject.name}: {'; '.join(report.problems)}.\n{report}")
    return report


@frozen
class _Options:
    mode: str = field(validator=one_of("directions", "elements"))
    directions: int = field(validator=positive)
    eps: float = field(validator=positive_number)
    tolerance: float = field(validator=positive_number)


def _claims(subject: Subject, rng: np.random.Generator, eps: float) -> tuple[Outputs, Outputs, Gradients]:
    """Return outputs, random gradients of them, and what the backward pass makes of these; twice, to be sure."""
    outputs, back = subject.run()
    _refuse_unfit(subject.name, outputs)
    dys = tuple(_read_only(_like(y, rng)) for y in outputs)
    gradients = [None if g is None else g.copy() for g in _gone_back(subject.name, back, dys)]
    again, back = subject.run()
    pairs = list(zip((*outputs, *gradients), (*again, *back(dys)), strict=True))
    with displaced(subject.arrays, [eps * _like(array, rng) for array in subject.arrays]):
        pairs += zip(subject.run()[0], subject.run()[0], strict=True)  # at inputs of 0 a random factor would not show
    if not all(_same(first, second) for first, second in pairs if first is not None and second is not None):
        raise GradcheckError(
            f"{subject.name}: two runs on the same inputs give different numbers, so differences say nothing about "
            f"its gradient. Draw random numbers with nn_core.random.keep_mask or nn_core.default_rng, which repeat "
            f"themselves here, or seed the generator in each call."
        )
    return outputs, dys, gradients


def _refuse_unfit(name: str, outputs: Outputs) -> None:
    kinds = [str(y.dtype) for y in outputs]
    if "float64" not in kinds or any(y.dtype.kind == "f" and y.dtype != "float64" for y in outputs):
        raise GradcheckError(
            f"{name}: the inputs are float64 and the output is {', '.join(kinds)}, too coarse for finite differences. "
            f"Keep the dtype of the inputs (for a model inside a function: model.astype('float64'))."
        )
    if not all(backend(y).isfinite(y).all() for y in outputs):
        raise GradcheckError(f"{name}: the output is not finite at these inputs. Choose inputs where it is.")


def _like(y: Array, rng: np.random.Generator) -> Array:
    """Return a random gradient of an output; zeros for integers."""
    draws: Array = backend(y).asarray(rng.normal(size=y.shape))
    return draws if y.dtype.kind == "f" else draws * 0


def _read_only(dy: Array) -> Array:
    view: Array = backend(dy).broadcast_to(dy, dy.shape)
    return view


def _gone_back(name: str, back: Callable[[Outputs], Gradients], dys: Outputs) -> Gradients:
    try:
        return back(dys)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise GradcheckError(
            f"{name}: its backward writes to dy, the gradient that it is given and that others may hold, too. Make a "
            f"new array, as in dy = dy * 3 instead of dy *= 3."
        ) from error


def _same(first: Array, second: Array) -> bool:
    """Return whether arrays are equal, but for the order in which a library may add numbers up."""
    if first.shape != second.shape:
        return False
    size = abs(first).max(initial=0)
    return bool(abs(first - second).max(initial=0) <= 1e-12 * size) or not np.isfinite(size)


@frozen
class _Verdict:
    """What is found along one direction; `kink` where there is no derivative that the gradient could agree with."""

    numeric: float
    analytic: float
    error: float
    kink: bool = False


class _Comparison:
    """Finite differences of ``Σ dy · y``, and what a gradient claims about them."""

    def __init__(self, subject: Subject, outputs: Outputs, dys: Outputs, options: _Options) -> None:
        self.subject, self.outputs, self.dys, self.options = subject, outputs, dys, options
        size = sqrt(sum(float(((dy * y) ** 2).sum()) for dy, y in zip(dys, outputs, strict=True)))
        self.smallest = SMALLEST * max(1.0, size)

    def along(self, array: Array, gradient: Array, direction: Array) -> _Verdict:
        """Compare the derivative along a direction through one of the subject's arrays.

        A large error at step h is looked at again at h/10. If it is gone, h reached across a kink nearby. If the slopes
        to the two sides still differ as much, there is a kink here: for a smooth function they differ by h f″.
        """
        analytic, eps = float((gradient * direction).sum()), self.options.eps
        numeric, gap = self._slope(array, direction, eps)
        error = relative_error(numeric, analytic, self.smallest)
        if error <= self.options.tolerance:
            return _Verdict(numeric, analytic, error)
        finer, finer_gap = self._slope(array, direction, eps / 10)
        finer_error = relative_error(finer, analytic, self.smallest)
        if finer_error <= self.options.tolerance:
            return _Verdict(finer, analytic, finer_error)
        rounding = 1e-5 * self.smallest
        constant = gap / 2 < finer_gap < gap * 2  # curvature makes it a tenth, rounding ten times as much
        kink = constant and finer_gap > max(abs(numeric - analytic) / 10, rounding)
        return _Verdict(numeric, analytic, error, kink)

    def _slope(self, array: Array, direction: Array, step: float) -> tuple[float, float]:
        """Return the central difference, and by how much the slopes to the two sides differ."""
        central = gap = 0.0
        up, down = (self._outputs_at(array, sign * step * direction) for sign in (1, -1))
        for dy, y, above, below in zip(self.dys, self.outputs, up, down, strict=True):
            central += float((dy * (above - below)).sum()) / (2 * step)
            gap += float((dy * ((above - y) - (y - below))).sum()) / step
        return central, abs(gap)

    def _outputs_at(self, array: Array, displacement: Array) -> Outputs:
        with displaced([array], [displacement]):
            return self.subject.run()[0]

    # Findings

    def row(self, name: str, array: Array, gradient: Array | None, rng: np.random.Generator) -> GradcheckRow:
        """Return what there is to say about the gradient of one array."""
        if gradient is not None and gradient.shape != array.shape:
            problem = f"the gradient of {name} should have its shape {array.shape} and has shape {gradient.shape}"
            return GradcheckRow(name, array.shape, 0, error=float("inf"), problem=problem)
        row = GradcheckRow(name, array.shape, 0)
        if array.size == 0:
            return row
        claimed = array * 0 if gradient is None else gradient
        if self.options.mode == "elements":
            row, _ = self._by_elements(row, array, claimed)
        else:
            row = self._by_directions(row, array, claimed, rng)
        if row.problem and gradient is None and row.checked:
            return evolve(row, problem=f"{row.problem}: no gradient arrived")
        return row

    def _by_elements(self, row: GradcheckRow, array: Array, gradient: Array) -> tuple[GradcheckRow, Array]:
        """Check every element; return also 1 for those that have a derivative and 0 for kinks, like the array."""
        smooth = backend(array).ones_like(array)
        worst, where = None, None
        for index in np.ndindex(array.shape):
            unit = backend(array).zeros_like(array)
            unit[index] = 1
            verdict = self.along(array, gradient, unit)
            if verdict.kink:
                smooth[index] = 0
            elif worst is None or verdict.error > worst.error:
                worst, where = verdict, index
        row = evolve(row, kinks=int((smooth == 0).sum()))
        if worst is None:
            return evolve(row, problem=_all_kinks(row)), smooth
        return self._with(row, worst, checked=array.size - row.kinks, index=where), smooth

    def _by_directions(
        self, row: GradcheckRow, array: Array, gradient: Array, rng: np.random.Generator
    ) -> GradcheckRow:
        """Check along random directions; where one disagrees, find the element, or the kinks to be left out."""
        smooth = backend(array).ones_like(array)
        worst = None
        for _ in range(self.options.directions):
            direction = backend(array).asarray(rng.normal(size=array.shape)) * smooth
            verdict = self.along(array, gradient, direction)
            if not verdict.error <= self.options.tolerance:
                elements, smooth = self._by_elements(row, array, gradient)
                if elements.problem:
                    return elements
                row = evolve(row, kinks=elements.kinks)
                verdict = self.along(array, gradient, direction * smooth)
            if worst is None or verdict.error > worst.error:
                worst = verdict
        assert worst is not None  # there is at least one direction
        return self._with(row, worst, checked=self.options.directions)

    def _with(self, row: GradcheckRow, worst: _Verdict, checked: int, index: Shape | None = None) -> GradcheckRow:
        """Return a row with the worst of what was compared, which is a problem if it is above the tolerance."""
        problem = ""
        if not worst.error <= self.options.tolerance:
            place = "along a random direction" if index is None else f"at {index}"
            problem = (
                f"the gradient of {row.argument} {place} should be {worst.numeric:.6g}, by finite differences, and "
                f"is {worst.analytic:.6g} (relative error {worst.error:.1e})"
            )
        return evolve(
            row,
            checked=checked,
            error=worst.error,
            numeric=worst.numeric,
            analytic=worst.analytic,
            index=index,
            problem=problem,
        )


def _all_kinks(row: GradcheckRow) -> str:
    return (
        f"the gradient of {row.argument} cannot be checked: there is no derivative at any of its {row.kinks} elements "
        f"(ReLU at 0? a tie of a maximum?), so choose other inputs"
    )
