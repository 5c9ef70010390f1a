"""The checks of an optimizer. Each takes a case and raises AssertionError with what was expected and what was seen."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from attrs import frozen

from nn_core.parameter import Parameter
from nn_core.typing import Array, Shape


@frozen
class OptimizerCase:
    """An optimizer in one configuration.

    Args:
        name: shown in the test's ID.
        make: returns a new optimizer over the parameters, or the parameter groups, that it is given.
        steps: how many steps must bring it closer to the minimum of a well-conditioned quadratic function.
    """

    name: str
    make: Callable[[Any], Any]
    steps: int = 30


_SHAPES: tuple[Shape, ...] = ((3, 4), (4,), (2, 1, 3))


class Problem:
    """The quadratic function ½ Σ c (p − t)² of some parameters, whose minimum is at t."""

    def __init__(self, dtype: str = "float64", shapes: Iterable[Shape] = _SHAPES) -> None:
        rng = np.random.default_rng(5)
        self.parameters = [Parameter(rng.normal(size=shape).astype(dtype)) for shape in shapes]
        self.targets = [(p.data + rng.choice([-1.0, 1.0], p.shape)).astype(dtype) for p in self.parameters]
        self.scales = [rng.uniform(0.5, 1.5, p.shape).astype(dtype) for p in self.parameters]

    def value(self) -> float:
        terms = zip(self.parameters, self.targets, self.scales, strict=True)
        return float(sum((0.5 * c * (p.data - t) ** 2).sum() for p, t, c in terms))

    def differentiate(self) -> float:
        """Give every parameter its gradient, and return the value."""
        for p, t, c in zip(self.parameters, self.targets, self.scales, strict=True):
            p.grad = None
            p.accumulate(c * (p.data - t))
        return self.value()

    def take(self, optimizer: Any, steps: int) -> None:
        for _ in range(steps):
            self.differentiate()
            optimizer.step(self.differentiate)

    def arrays(self) -> list[Array]:
        return [p.data.copy() for p in self.parameters]


def gradient_of(parameter: Parameter) -> Array:
    """Return the gradient of a parameter that has one."""
    assert parameter.grad is not None, "the step took a gradient away"
    return parameter.grad


def _assert_same(seen: Iterable[Array], expected: Iterable[Array], what: str) -> None:
    for i, (one, two) in enumerate(zip(seen, expected, strict=True)):
        assert np.array_equal(one, two), f"{what}: parameter {i} differs by up to {np.abs(one - two).max():.3g}"


def check_descent(case: OptimizerCase) -> None:
    """The steps lead down a quadratic function, whatever it is called with: `step()` or `step(closure)`."""
    problem = Problem()
    optimizer = case.make(problem.parameters)
    start = problem.value()
    problem.take(optimizer, case.steps)
    end = problem.value()
    assert np.isfinite(end), f"after {case.steps} steps the loss is {end}"
    assert end < start, f"{case.steps} steps led from a loss of {start:.6g} to {end:.6g}, which is not less"


def check_determinism(case: OptimizerCase) -> None:
    """The same gradients give the same parameters, to the bit."""
    results = []
    for _ in range(2):
        problem = Problem()
        problem.take(case.make(problem.parameters), 5)
        results.append(problem.arrays())
    _assert_same(results[0], results[1], "two runs from the same start differ (is something random unseeded?)")


def check_dtype(case: OptimizerCase) -> None:
    """Parameters keep their dtype, and so do the arrays of the state."""
    for dtype in ("float32", "float64"):
        problem = Problem(dtype)
        optimizer = case.make(problem.parameters)
        problem.take(optimizer, 3)
        for i, parameter in enumerate(problem.parameters):
            assert parameter.data.dtype == dtype, f"expected parameter {i} in {dtype}, got {parameter.data.dtype}"
        for i, state in optimizer.state_dict()["state"].items():
            for name, value in dict(state).items():
                floating = isinstance(value, np.ndarray) and value.dtype.kind == "f"
                assert not floating or value.dtype == dtype, (
                    f"expected {name} of parameter {i} in {dtype}, got {value.dtype}"
                )


def check_leaves_gradients_alone(case: OptimizerCase) -> None:
    """A step does not write to the gradients, which others may look at."""
    problem = Problem()
    optimizer = case.make(problem.parameters)
    if getattr(optimizer, "needs_closure", False):
        return  # which computes new ones
    for _ in range(2):
        problem.differentiate()
        before = [np.copy(gradient_of(p)) for p in problem.parameters]
        optimizer.step()
        for i, (parameter, gradient) in enumerate(zip(problem.parameters, before, strict=True)):
            assert np.array_equal(gradient_of(parameter), gradient), (
                f"the gradient of parameter {i} was changed by the step"
            )


def check_skips(case: OptimizerCase) -> None:
    """Parameters without a gradient, and frozen ones, stay as they are while the others move."""
    problem = Problem()
    optimizer = case.make(problem.parameters)
    before = problem.arrays()
    problem.parameters[2].requires_grad = False

    def differentiate() -> float:
        value = problem.differentiate()
        problem.parameters[0].grad = None
        return value

    for _ in range(2):
        differentiate()
        optimizer.step(differentiate)
    after = problem.arrays()
    assert np.array_equal(after[0], before[0]), "a parameter without a gradient was changed"
    assert np.array_equal(after[2], before[2]), "a frozen parameter was changed"
    assert not np.array_equal(after[1], before[1]), "the only parameter to be trained was not changed"


def check_zero_grad(case: OptimizerCase) -> None:
    """`zero_grad` forgets the gradients of all parameters."""
    problem = Problem()
    optimizer = case.make(problem.parameters)
    problem.differentiate()
    optimizer.zero_grad()
    for i, parameter in enumerate(problem.parameters):
        gone = parameter.grad is None or not parameter.grad.any()
        assert gone, f"parameter {i} still has its gradient after zero_grad()"


def check_closure(case: OptimizerCase) -> None:
    """`step(closure)` evaluates the closure and returns the first value that it gave."""
    problem = Problem()
    optimizer = case.make(problem.parameters)
    values: list[float] = []

    def closure() -> float:
        values.append(problem.differentiate())
        return values[-1]

    seen = optimizer.step(closure)
    assert values, "step(closure) did not call the closure"
    assert seen == values[0], f"step(closure) returned {seen!r}, and the closure gave {values[0]!r} first"


def check_state(case: OptimizerCase) -> None:
    """What `state_dict` holds is enough to go on, to the bit, and is not changed by further steps."""
    problem, twin = Problem(), Problem()
    optimizer = case.make(problem.parameters)
    problem.take(optimizer, 4)
    state = optimizer.state_dict()
    kept = copy.deepcopy(state)
    for parameter, array in zip(twin.parameters, problem.arrays(), strict=True):
        parameter.data[...] = array
    problem.take(optimizer, 3)
    assert _equal(state, kept), "the arrays of state_dict() changed with further steps: they must be copies"
    other = case.make(twin.parameters)
    other.load_state_dict(state)
    twin.take(other, 3)
    _assert_same(twin.arrays(), problem.arrays(), "after load_state_dict the steps are others than without a break")


def check_rate(case: OptimizerCase) -> None:
    """A learning rate of 0 moves nothing, and every group has its own."""
    problem = Problem()
    first, second, third = problem.parameters
    optimizer = case.make([{"params": [first, third]}, {"params": [second]}])
    assert "lr" in optimizer.param_groups[0], "a parameter group has no 'lr', which schedulers set"
    optimizer.param_groups[1]["lr"] = 0.0
    before = problem.arrays()
    problem.take(optimizer, 2)
    after = problem.arrays()
    assert np.array_equal(after[1], before[1]), "a parameter moved whose group has the learning rate 0"
    assert not np.array_equal(after[0], before[0]), "a parameter stayed whose group has a learning rate"


def check_decay(case: OptimizerCase) -> None:
    """Weight decay, where there is an option of this name, shrinks parameters but those with ``decay=False``."""
    problem = Problem()
    problem.parameters[1].decay = False
    optimizer = case.make(problem.parameters)
    if "weight_decay" not in optimizer.param_groups[0]:
        return
    for group in optimizer.param_groups:
        group["weight_decay"] = 0.5
    before = problem.arrays()

    def differentiate() -> float:
        for parameter in problem.parameters:
            parameter.grad = np.zeros_like(parameter.data)
        return 0.0

    differentiate()
    optimizer.step(differentiate)
    after = problem.arrays()
    assert np.array_equal(after[1], before[1]), "weight decay changed a parameter with decay=False"
    shrunk = np.abs(after[0]).sum() < np.abs(before[0]).sum()
    assert shrunk, "weight decay did not shrink a parameter whose gradient is 0"


def check_copies(case: OptimizerCase) -> None:
    """A deep copy of parameters and optimizer together goes on like the original, and apart from it."""
    problem = Problem()
    optimizer = case.make(problem.parameters)
    problem.take(optimizer, 2)
    twin, other = copy.deepcopy((problem, optimizer))
    problem.take(optimizer, 2)
    twin.take(other, 2)
    _assert_same(twin.arrays(), problem.arrays(), "a deep copy goes on in another way")


def check_grouping(case: OptimizerCase) -> None:
    """Every parameter is changed as it would be in a group of its own."""
    together, apart = Problem(), Problem()
    optimizer = case.make(together.parameters)
    together.take(optimizer, 3)
    apart.take(case.make([{"params": [parameter]} for parameter in apart.parameters]), 3)
    _assert_same(
        together.arrays(),
        apart.arrays(),
        "among others in one group parameters are changed in another way than each in a group of its own (a rule that "
        "says elementwise = True gets them end to end as one)",
    )


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(_equal(value, two[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(map(_equal, one, two))
    return bool(np.array_equal(one, two)) if isinstance(one, np.ndarray) else bool(one == two)


OPTIMIZER_CHECKS: dict[str, Callable[[OptimizerCase], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
