"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Optimizer, Tensor
from nn_optim.checks import at_least_zero


class SGD(Optimizer):
    """Stochastic gradient descent with momentum: ``v ← momentum · v + g``, ``θ ← θ − lr · v``, where v starts as g.

    With weight decay, ``g + weight_decay · θ`` takes the place of g (L2 regularization), except for parameters that are
    marked ``decay=False``.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate, the length of a step.
        momentum: share of the previous update that is kept; 0 keeps none.
        weight_decay: strength of the L2 regularization.

    Raises:
        ConfigError: an option is negative or not a number.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning", 2013, in PyTorch's
    form, where the learning rate multiplies the velocity.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> SGD([p], lr=0.1).step(); p.data
    array([0.95])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay)
        for group in self.param_groups:
            at_least_zero("SGD", **{name: group[name] for name in ("lr", "momentum", "weight_decay")})

    def update(self, parameter: Tensor, state: dict[str, Any], **options: Any) -> None:
        step: Any = parameter.grad
        if options["weight_decay"] and parameter.decay:
            step = step + options["weight_decay"] * parameter.data
        if options["momentum"]:
            if "momentum_buffer" in state:
                state["momentum_buffer"] *= options["momentum"]
                state["momentum_buffer"] += step
            else:
                state["momentum_buffer"] = step.copy()
            step = state["momentum_buffer"]
        parameter.data -= options["lr"] * step
