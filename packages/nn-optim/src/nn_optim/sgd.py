"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import ConfigError, Tensor
from nn_core.arena import Segment
from nn_optim.rule import Rule


class SGD(Rule):
    """Stochastic gradient descent: ``v ← momentum · v + (1 − dampening) g``, ``θ ← θ − lr · v``, where v starts as g.

    With `nesterov` it is ``θ ← θ − lr · (g + momentum · v)``. With weight decay, ``g + weight_decay · θ`` takes the
    place of g (L2 regularization), except for parameters that are marked ``decay=False``.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate, the length of a step.
        momentum: share of the previous update that is kept; 0 keeps none.
        dampening: share of the gradient that does not enter the velocity v.
        weight_decay: strength of the L2 regularization.
        nesterov: whether the step looks ahead along the velocity.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range, or `nesterov` stands without momentum or with dampening.

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
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr=lr,
            momentum=momentum,
            dampening=dampening,
            weight_decay=weight_decay,
            nesterov=nesterov,
            maximize=maximize,
        )
        for group in self.param_groups:
            if group["nesterov"] and (not group["momentum"] or group["dampening"]):
                raise ConfigError(
                    f"nesterov of SGD needs momentum above 0 and no dampening, got momentum {group['momentum']} and "
                    f"dampening {group['dampening']}."
                )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        step, momentum = self.gradient(part, options), options["momentum"]
        if momentum:
            if "momentum_buffer" in state:
                velocity = state["momentum_buffer"]
                velocity *= momentum
                velocity += part.xp.multiply(step, 1 - options["dampening"], out=part.scratch)
            else:
                velocity = state["momentum_buffer"] = step.copy()
            if options["nesterov"]:
                step += part.xp.multiply(velocity, momentum, out=part.scratch)
            else:
                step = velocity
        part.data -= part.xp.multiply(step, options["lr"], out=part.scratch)
