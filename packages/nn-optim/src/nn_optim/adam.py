"""Adam, and AdamW, whose decay is decoupled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn_core import Tensor
from nn_core.arena import Segment
from nn_core.typing import Array
from nn_optim.rule import Rule


class Adam(Rule):
    """Adam: ``θ ← θ − lr · m̂ / (√v̂ + eps)`` with running moments m of g and v of g².

    ``m ← β₁ m + (1 − β₁) g``, ``v ← β₂ v + (1 − β₂) g²``, ``m̂ = m / (1 − β₁ᵗ)``, ``v̂ = v / (1 − β₂ᵗ)`` at step t.
    With `amsgrad` the largest v so far takes its place. With weight decay, ``g + weight_decay · θ`` takes the place of
    g (L2 regularization), except for parameters that are marked ``decay=False``.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate, about the largest change of a parameter per step.
        betas: how much of m and of v is kept at each step.
        eps: added to the denominator.
        weight_decay: strength of the L2 regularization.
        amsgrad: whether v never falls.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2015, Algorithm 1; Reddi et al., "On the
    convergence of Adam and beyond", 2018.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> Adam([p], lr=0.1).step(); p.data.round(6)
    array([0.9])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
        )

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        self.descend(part, state, self.gradient(part, options), options)

    def descend(self, part: Segment, state: dict[str, Any], gradient: Array, options: Mapping[str, Any]) -> None:
        """Take the step for a gradient that decay has been added to, where it is to be."""
        xp, (beta1, beta2) = part.xp, options["betas"]
        if not state:
            state.update(step=0, exp_avg=xp.zeros_like(part.data), exp_avg_sq=xp.zeros_like(part.data))
        if options["amsgrad"] and "max_exp_avg_sq" not in state:
            state["max_exp_avg_sq"] = state["exp_avg_sq"].copy()
        state["step"] += 1
        mean, square, scratch = state["exp_avg"], state["exp_avg_sq"], part.scratch
        mean *= beta1
        mean += xp.multiply(gradient, 1 - beta1, out=scratch)
        square *= beta2
        squares = xp.multiply(gradient, gradient, out=scratch)
        squares *= 1 - beta2
        square += squares
        if options["amsgrad"]:
            square = xp.maximum(square, state["max_exp_avg_sq"], out=state["max_exp_avg_sq"])
        correction = (1 - beta2 ** state["step"]) ** 0.5
        root = xp.sqrt(square, out=scratch)
        root += options["eps"] * correction
        step = xp.divide(mean, root, out=scratch)
        step *= options["lr"] * correction / (1 - beta1 ** state["step"])
        part.data -= step


class AdamW(Adam):
    """Adam with decoupled decay: ``θ ← (1 − lr · weight_decay) θ`` before the step, which sees the gradient alone.

    The rest is as in `Adam`. Parameters that are marked ``decay=False`` do not decay.

    Args:
        parameters: what to train, or groups with options of their own.
        lr: learning rate, about the largest change of a parameter per step.
        betas: how much of the moments of g and of g² is kept at each step.
        eps: added to the denominator.
        weight_decay: share of the parameter, times lr, that is lost at each step.
        amsgrad: whether the moment of g² never falls.
        maximize: whether to ascend.

    Raises:
        ConfigError: an option is out of its range or not a number.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019, Algorithm 2.

    >>> import numpy as np
    >>> from nn_core import Parameter
    >>> p = Parameter(np.array([1.0]))
    >>> p.accumulate(np.array([0.5]))
    >>> AdamW([p], lr=0.1, weight_decay=0.5).step(); p.data.round(6)
    array([0.85])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def update(self, part: Segment, state: dict[str, Any], /, **options: Any) -> None:
        self.shrink(part, options)
        self.descend(part, state, self.gradient(part, options, decayed=False), options)
