"""L-BFGS."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from nn_core import ConfigError, ModelFileError, Optimizer, Tensor
from nn_core.arena import Segment
from nn_core.typing import Array
from nn_optim.checks import at_least_zero, whole
from nn_optim.line_search import Point, strong_wolfe


class LBFGS(Optimizer):
    """Limited-memory BFGS: ``θ ← θ + t d`` with ``d = −H g``, H made of the latest changes of θ and of g.

    A step makes up to `max_iter` of these iterations on one loss, which it evaluates by calling a closure. It is for
    small problems whose loss is not random: all data at once, no dropout. `fit` supplies the closure, one per batch.

    Args:
        parameters: what to train, in one group.
        lr: the distance t, or with a line search the first one tried.
        max_iter: iterations per step.
        max_eval: evaluations per step; 1.25 · max_iter if left out.
        tolerance_grad: a step ends where no element of the gradient is larger.
        tolerance_change: a step ends where neither the loss nor an element of θ changes by more.
        history_size: how many changes H is made of.
        line_search_fn: ``"strong_wolfe"``, or none for a fixed distance.

    Raises:
        ConfigError: an option is out of its range, there are several groups, or parameters of several dtypes.

    Source: Nocedal and Wright, "Numerical optimization", 2006, Algorithm 7.5.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([3.0, -2.0]))
    >>> optimizer = LBFGS([p], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     p.accumulate(2 * (p.data - [1.0, 5.0]))
    ...     return float(((p.data - [1.0, 5.0]) ** 2).sum())
    >>> optimizer.step(closure), p.data.round(6)
    (53.0, array([1., 5.]))
    """

    needs_closure = True

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            max_iter=max_iter,
            max_eval=max_eval,
            tolerance_grad=tolerance_grad,
            tolerance_change=tolerance_change,
            history_size=history_size,
            line_search_fn=line_search_fn,
        )
        if len(self.param_groups) > 1:
            raise ConfigError(f"LBFGS takes all parameters in one group, got {len(self.param_groups)} groups.")
        (group,) = self.param_groups
        at_least_zero("LBFGS", **{name: group[name] for name in ("lr", "tolerance_grad", "tolerance_change")})
        whole("LBFGS", 1, **{name: group[name] for name in ("max_iter", "history_size")})
        if group["max_eval"] is None:
            group["max_eval"] = group["max_iter"] * 5 // 4
        whole("LBFGS", 1, max_eval=group["max_eval"])
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise ConfigError(f"line_search_fn of LBFGS must be 'strong_wolfe' or None, got {line_search_fn!r}.")
        if len({parameter.dtype for parameter in self.parameters}) > 1:
            raise ConfigError("LBFGS takes parameters of one dtype; call model.astype(…) first.")
        self._memory: dict[str, Any] = {}
        self._all: Segment | None = None

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_all": None}  # it is gathered again, from the copy's parameters

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Make the iterations of a step and return the loss before it.

        Args:
            closure: forgets the gradients, computes loss and gradients anew, and returns the loss.

        Raises:
            ConfigError: there is no closure.
        """
        if closure is None:
            raise ConfigError(
                "LBFGS evaluates the loss several times per step: call step(closure) with a function that calls "
                "zero_grad, goes forward and backward, and returns the loss. fit does so by itself."
            )
        (options,) = self.param_groups
        memory = self._memory
        before = loss = float(closure())
        gradient, evaluations = self._gradient(), 1
        everything = self._gathered()
        for iteration in range(1, options["max_iter"] + 1):
            if abs(gradient).max(initial=0) <= options["tolerance_grad"]:
                break
            self._learn(gradient)
            direction = self._direction(gradient)
            slope = float(gradient @ direction)
            first = not memory.get("n_iter")
            memory["n_iter"] = memory.get("n_iter", 0) + 1
            t = options["lr"] * (min(1.0, 1.0 / float(abs(gradient).sum())) if first else 1.0)
            memory |= {"prev_flat_grad": gradient, "d": direction, "t": t}
            if slope > -options["tolerance_change"]:
                break
            last = loss
            if options["line_search_fn"]:
                origin = everything.data.copy()
                evaluate = self._along(everything, origin, direction, closure)
                width = float(abs(direction).max())
                found, calls = strong_wolfe(evaluate, Point(0.0, loss, gradient, slope), t, width=width, tolerance=1e-9)
                t, loss, gradient = found.t, found.value, found.gradient
                everything.data[...] = origin + t * direction
                memory["t"] = t
                evaluations += calls
            else:
                everything.data += t * direction
                if iteration < options["max_iter"]:
                    loss, evaluations = float(closure()), evaluations + 1
                    gradient = self._gradient()
            if (
                evaluations >= options["max_eval"]
                or abs(t * direction).max() <= options["tolerance_change"]
                or abs(loss - last) < options["tolerance_change"]
            ):
                break
        return before

    def _learn(self, gradient: Array) -> None:
        """Take the change of the gradient, and the step it came from, into the history."""
        memory, size = self._memory, self.param_groups[0]["history_size"]
        if not memory.get("n_iter"):
            memory.update(old_dirs=[], old_stps=[], scale=1.0)
            return
        change, step = gradient - memory["prev_flat_grad"], memory["d"] * memory["t"]
        curvature = float(change @ step)
        if curvature > 1e-10:
            memory["old_dirs"] = [*memory["old_dirs"], change][-size:]
            memory["old_stps"] = [*memory["old_stps"], step][-size:]
            memory["scale"] = curvature / float(change @ change)

    def _direction(self, gradient: Array) -> Array:
        """Return −H g by the two loops over the history (Algorithm 7.4)."""
        memory = self._memory
        pairs = [(y, s, 1.0 / float(y @ s)) for y, s in zip(memory["old_dirs"], memory["old_stps"], strict=True)]
        q, shares = -gradient, []
        for change, step, weight in reversed(pairs):
            shares.append(float(step @ q) * weight)
            q -= shares[-1] * change
        q *= memory["scale"]
        for change, step, weight in pairs:
            q += (shares.pop() - float(change @ q) * weight) * step
        return q

    def _along(
        self, everything: Segment, origin: Array, direction: Array, closure: Callable[[], float]
    ) -> Callable[[float], Point]:
        def evaluate(t: float) -> Point:
            everything.data[...] = origin + t * direction
            value, gradient = float(closure()), self._gradient()
            return Point(t, value, gradient, float(gradient @ direction))

        return evaluate

    def _gathered(self) -> Segment:
        """Return the parameters that are trained as one."""
        trained = [parameter for parameter in self.parameters if parameter.requires_grad]
        if self._all is None or not self._all.holds() or self._all.parameters != trained:
            self._all = Segment(trained, [{} for _ in trained])
        return self._all

    def _gradient(self) -> Array:
        """Return a copy of the gradients of all trained parameters end to end; one without a gradient has zeros."""
        everything = self._gathered()
        xp = everything.xp
        parts = [xp.zeros_like(p.data) if p.grad is None else p.grad for p in everything.parameters]
        gradient: Array = xp.concatenate(parts, axis=None).astype(everything.data.dtype, copy=False)
        return gradient

    def state_dict(self) -> dict[str, Any]:
        """Return ``{"state": {0: what the iterations have learned}, "param_groups": [options]}``."""
        saved = dict(self._memory)
        for name in ("old_dirs", "old_stps"):
            if saved.get(name):
                saved[name] = self._gathered().xp.stack(saved[name])
        saved = {name: value.copy() if hasattr(value, "copy") else value for name, value in saved.items()}
        return {"state": {0: saved}, "param_groups": super().state_dict()["param_groups"]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned for parameters of the same shapes.

        Raises:
            ModelFileError: the options or the number of elements differ; nothing is changed then.
        """
        saved = dict(state["state"].get(0, {}))
        size = sum(parameter.size for parameter in self.parameters if parameter.requires_grad)
        if "d" in saved and saved["d"].shape != (size,):
            raise ModelFileError(f"The optimizer's state is for {saved['d'].size} elements; there are {size}.")
        blank: dict[int, dict[str, Any]] = {i: {} for i in range(len(self.parameters))}
        super().load_state_dict({"state": blank, "param_groups": state["param_groups"]})
        for name in ("old_dirs", "old_stps"):
            if name in saved:
                saved[name] = [row.copy() for row in saved[name]]
        self._memory = saved
        self._all = None
