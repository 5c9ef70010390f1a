"""RMSprop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule, average, average_square, root


class RMSprop(Rule):
    """RMSprop: ``θ ← θ − lr · g / (√v + eps)`` with a running mean v of g².

    ``v ← alpha · v + (1 − alpha) g²``. If `centered`, the square of a running mean of g is taken from v. With momentum
    ``b ← momentum · b + g / (√v + eps)`` takes the place of that quotient. With weight decay, ``g + weight_decay · θ``
    takes the place of g (L2 regularization), except for parameters that are marked ``decay=False``.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate.
        alpha: how much of v is kept at each step.
        eps: added to the root.
        weight_decay: strength of the L2 regularization.
        momentum: share of the previous update that is kept.
        centered: whether v is the variance instead of the mean of squares.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Tieleman and Hinton, "Lecture 6.5: RMSprop", 2012; Graves, "Generating sequences with recurrent neural
    networks", 2013, for the centered form.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> RMSprop([p], lr=0.01).step(); p.data.round(6)
    array([0.9])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
            maximize=maximize,
        )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        xp, alpha = part.xp, options["alpha"]
        gradient = self.gradient(part, options)
        wanted = {"square_avg": True, "momentum_buffer": options["momentum"], "grad_avg": options["centered"]}
        for name in (name for name, needed in wanted.items() if needed and name not in state):
            state[name] = xp.zeros_like(part.data)
        state["step"] = state.get("step", 0) + 1
        square = state["square_avg"]
        average_square(part, square, gradient, alpha)
        if options["centered"]:
            mean = state["grad_avg"]
            average(part, mean, gradient, alpha)
            xp.multiply(mean, mean, out=part.scratch)
            square = xp.subtract(square, part.scratch, out=part.scratch)
        gradient /= root(part, square, 1.0, options["eps"])
        if options["momentum"]:
            state["momentum_buffer"] *= options["momentum"]
            state["momentum_buffer"] += gradient
            gradient = state["momentum_buffer"]
        part.data -= xp.multiply(gradient, options["lr"], out=part.scratch)
