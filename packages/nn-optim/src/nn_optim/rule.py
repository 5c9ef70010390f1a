"""What the optimizers of this package have in common: options that are checked, and what decay does to a gradient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from nn_core import Optimizer, Tensor
from nn_core.arena import Segment
from nn_core.typing import Array
from nn_optim.checks import check


class Rule(Optimizer):
    """An optimizer whose rule treats each element by itself.

    Raises:
        ConfigError: an option is out of its range or of another type.
    """

    elementwise: ClassVar[bool] = True

    def __init__(self, parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]], **options: Any) -> None:
        super().__init__(parameters, **options)
        for group in self.param_groups:
            for name, value in group.items():
                check(type(self).__name__, name, value)

    def gradient(self, part: Segment, options: Mapping[str, Any], *, decayed: bool = True) -> Array:
        """Return the gradient, negated with `maximize`, plus ``weight_decay · θ`` if it is to be `decayed`.

        It may be written to, and overwrites the scratch array.
        """
        gradient = part.grad
        if options["maximize"]:
            part.xp.negative(gradient, out=gradient)
        if decayed and options["weight_decay"] and part.decay:
            gradient += part.xp.multiply(part.data, options["weight_decay"], out=part.scratch)
        return gradient

    def shrink(self, part: Segment, options: Mapping[str, Any]) -> None:
        """Take the decoupled decay off: ``θ ← (1 − lr · weight_decay) θ``."""
        if options["weight_decay"] and part.decay:
            part.data *= 1 - options["lr"] * options["weight_decay"]


def average(part: Segment, mean: Array, new: Array, kept: float) -> None:
    """Move a running mean: ``mean ← kept · mean + (1 − kept) · new``, by way of the scratch array."""
    mean *= kept
    mean += part.xp.multiply(new, 1 - kept, out=part.scratch)


def average_square(part: Segment, mean: Array, new: Array, kept: float) -> None:
    """Move a running mean of squares: ``mean ← kept · mean + (1 − kept) · new²``, by way of the scratch array."""
    mean *= kept
    square = part.xp.multiply(new, new, out=part.scratch)
    square *= 1 - kept
    mean += square


def root(part: Segment, square: Array, correction: float, eps: float) -> Array:
    """Return ``√(square / correction) + eps`` in the scratch array."""
    root: Array = part.xp.sqrt(square, out=part.scratch)
    root /= correction**0.5
    root += eps
    return root
