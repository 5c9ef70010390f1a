"""Many parameters in one array, so that an optimizer's step is a few operations on all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import attrgetter, is_
from typing import Any

from nn_core.backends import backend
from nn_core.tensor import Tensor
from nn_core.typing import Array

State = dict[str, Any]

_data, _decay = map(attrgetter, ("data", "decay"))  # quicker, mapped over a list, than a loop


class Segment:
    """Parameters end to end, which an optimizer's rule takes for one parameter of one axis.

    From then on the parameters' arrays are views of `data`, so that changing the one changes the others.

    Args:
        parameters: at least one, all of the same dtype, kind of array and `decay` flag.
        states: what the rule keeps for each of them: arrays of the parameter's shape, and numbers that all share.

    Attributes:
        data: the values ``(size,)``.
        grad: the gradients ``(size,)``, copies of the parameters' own, which the rule may write to.
        decay: whether weight decay applies.
        state: what the rule keeps for all of them together.
        scratch: an array ``(size,)`` for the rule to work in.
        starts: where in `data` each parameter begins.
        sizes: how many elements each has.
    """

    def __init__(self, parameters: Sequence[Tensor], states: Sequence[State]) -> None:
        first = parameters[0].data
        self.xp: Any = backend(first)
        self.parameters = list(parameters)
        self.decay = parameters[0].decay
        self.sizes = [parameter.data.size for parameter in parameters]
        ends = list(accumulate(self.sizes))
        self.starts = [0, *ends[:-1]]
        self.data: Array = self.xp.empty(ends[-1], first.dtype)
        self.grad: Array = self.xp.empty_like(self.data)
        self.scratch: Array = self.xp.empty_like(self.data)
        self.views, self._places = self.apart(self.data), self.apart(self.grad)
        for parameter, view in zip(parameters, self.views, strict=True):
            view[...] = parameter.data
            parameter.data = view
        self.state: State = {
            name: self.xp.concatenate([state[name] for state in states], axis=None) if _is_array(value) else value
            for name, value in states[0].items()
        }

    def apart(self, flat: Array) -> list[Array]:
        """Return the parts of an array ``(size,)`` that belong to the parameters, in their shapes: views."""
        bounds = zip(self.parameters, self.starts, self.sizes, strict=True)
        return [flat[start : start + size].reshape(parameter.shape) for parameter, start, size in bounds]

    def states(self) -> list[State]:
        """Return the state of each parameter, whose arrays are views."""
        names = list(self.state)
        columns = [
            self.apart(value) if _is_array(value) else [value] * len(self.parameters) for value in self.state.values()
        ]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] or [{} for _ in self.sizes]

    def holds(self) -> bool:
        """Return whether the parameters' arrays are still the views, and nobody has put others in their place."""
        flags = list(map(_decay, self.parameters))
        return all(map(is_, map(_data, self.parameters), self.views)) and flags.count(self.decay) == len(flags)

    def gather(self) -> None:
        """Copy the gradients together."""
        for place, parameter in zip(self._places, self.parameters, strict=True):
            place[...] = parameter.grad  # in half the time of one concatenate


def segments(parameters: Iterable[Tensor], states: Iterable[State]) -> list[Segment]:
    """Return parameters with gradients in as few segments as dtype, decay and the numbers in their states allow."""
    alike: dict[Any, list[tuple[Tensor, State]]] = {}
    for parameter, state in zip(parameters, states, strict=True):
        numbers = [(name, None if _is_array(value) else value) for name, value in state.items()]
        key = (type(parameter.data), parameter.data.dtype, parameter.decay, *numbers)
        alike.setdefault(key, []).append((parameter, state))
    return [Segment(*zip(*pairs, strict=True)) for pairs in alike.values()]


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype")
