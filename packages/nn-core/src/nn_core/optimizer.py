"""The base class of optimizers: parameter groups, gradients and state; a subclass adds the rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import is_
from typing import Any, ClassVar

import numpy as np

from nn_core.arena import Segment, State, segments
from nn_core.errors import ConfigError, ModelFileError
from nn_core.fields import number
from nn_core.tensor import Tensor


class Optimizer:
    """Changes parameters by their gradients.

    A subclass passes its options to ``super().__init__(parameters, **options)`` and defines ``update(parameter, state,
    **options)``, which changes ``parameter.data`` in place and keeps what it needs in the dictionary `state`. A rule
    that treats each element by itself says ``elementwise = True``: it then gets all parameters of a group end to end
    as one (`nn_core.arena.Segment`), and the rule is the same few operations for three layers as for three hundred,
    after one copy of each gradient.
    The parameters' arrays become views of one array, at the first step and wherever something else took their place.

    Args:
        parameters: parameters, or groups ``{"params": parameters, option: value, …}`` with options of their own.
        options: the options of every group that does not set them itself.

    Raises:
        ConfigError: there is no parameter, one is given twice, or a group has an unknown option.
    """

    elementwise: ClassVar[bool] = False
    """Whether the rule may get several parameters as one, of one axis, whose gradient it may write to."""

    def __init__(self, parameters: Iterable[Tensor] | Iterable[Mapping[str, Any]], **options: Any) -> None:
        given = _listed(parameters)
        groups = given if given and isinstance(given[0], Mapping) else [{"params": given}]
        self.param_groups: list[dict[str, Any]] = []
        for group in groups:
            if not isinstance(group, Mapping) or "params" not in group:
                raise ConfigError(
                    f"A parameter group of {type(self).__name__} is a mapping with 'params', got {group!r}."
                )
            unknown = sorted(set(group) - set(options) - {"params"})
            if unknown:
                raise ConfigError(f"{type(self).__name__} has no option {unknown[0]!r}; it takes {', '.join(options)}.")
            chosen = {name: _python_numbers(group.get(name, default)) for name, default in options.items()}
            self.param_groups.append({**chosen, "params": _listed(group["params"])})
        everything = [parameter for group in self.param_groups for parameter in group["params"]]
        for parameter in everything:
            if not isinstance(parameter, Tensor) or parameter.node is not None:
                raise ConfigError(f"{type(self).__name__} takes parameters (model.parameters()), got {parameter!r}.")
        if not everything:
            raise ConfigError(f"{type(self).__name__} got no parameters: the model has none to train.")
        if len({id(parameter) for parameter in everything}) < len(everything):
            raise ConfigError(f"{type(self).__name__} got a parameter twice; every parameter belongs to one group.")
        self._states: dict[int, State] = {id(parameter): {} for parameter in everything}
        # of each group: the parameters of its latest step, and those in segments
        self._arenas: dict[int, tuple[list[Tensor], list[Segment]]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle holds: the state in the order of the parameters, whose identities change."""
        states = self.state
        return {**self.__dict__, "_states": [states[id(parameter)] for parameter in self.parameters], "_arenas": {}}

    def __setstate__(self, attributes: dict[str, Any]) -> None:
        self.__dict__.update(attributes)
        pairs = zip(self.parameters, attributes["_states"], strict=True)
        self._states = {id(parameter): state for parameter, state in pairs}

    @property
    def state(self) -> dict[int, State]:
        """What the rule keeps for each parameter, by the parameter's identity; the arrays are those it works with."""
        for _, parts in self._arenas.values():
            for part in parts:
                self._states.update(zip(map(id, part.parameters), part.states(), strict=True))
        return self._states

    @property
    def parameters(self) -> list[Tensor]:
        """All parameters, group by group."""
        return [parameter for group in self.param_groups for parameter in group["params"]]

    @property
    def lr(self) -> float:
        """The learning rate of the first group; setting it sets that of every group."""
        return float(self.param_groups[0]["lr"])

    @lr.setter
    def lr(self, value: float) -> None:
        for group in self.param_groups:
            group["lr"] = float(value)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient and is not frozen; call `closure` first and return its value."""
        loss = None if closure is None else closure()
        for i, group in enumerate(self.param_groups):
            options = group.copy()
            trained = [p for p in options.pop("params") if p.grad is not None and p.requires_grad]
            if self.elementwise:
                for segment in self._arena(i, trained):
                    segment.gather()
                    self.update(segment, segment.state, **options)
            else:
                for parameter in trained:
                    self.update(parameter, self._states[id(parameter)], **options)
        return loss

    def _arena(self, group: int, trained: list[Tensor]) -> list[Segment]:
        """Return these parameters of a group in segments, those of the step before if nothing has changed."""
        known, parts = self._arenas.get(group, ([], []))
        if len(known) == len(trained) and all(map(is_, known, trained)) and all(map(Segment.holds, parts)):
            return parts
        states = self.state
        for part in parts:
            left = {*map(id, part.parameters)} - {*map(id, trained)}
            for parameter, view in zip(part.parameters, part.views, strict=True):
                if id(parameter) in left:  # a view would keep all of the old array in memory
                    states[id(parameter)] = _copied(states[id(parameter)])
                    if parameter.data is view:
                        parameter.data = view.copy()
        parts = segments(trained, [states[id(parameter)] for parameter in trained])
        self._arenas[group] = trained, parts
        return parts

    def update(self, parameter: Any, state: State, /, **options: Any) -> None:
        raise TypeError(f"{type(self).__name__} must define update(parameter, state, **options).")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; with ``set_to_none=False`` make them zero, so that `step` passes over none of them."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none:
                    parameter.grad = None
                elif parameter.grad is not None:
                    parameter.grad[...] = 0

    def state_dict(self) -> dict[str, Any]:
        """Return ``{"state": {position: {name: array or number}}, "param_groups": [options]}``; arrays are copies."""
        states = self.state
        return {
            "state": {i: _copied(states[id(parameter)]) for i, parameter in enumerate(self.parameters)},
            "param_groups": [
                {name: value for name, value in group.items() if name != "params"} for group in self.param_groups
            ],
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned for an optimizer over parameters of the same number and shapes.

        Raises:
            ModelFileError: the groups, the parameters or their shapes differ; nothing is changed then.
        """
        parameters = self.parameters
        if len(state["param_groups"]) != len(self.param_groups) or len(state["state"]) != len(parameters):
            raise ModelFileError(
                f"The optimizer's state is for {len(state['state'])} parameters in {len(state['param_groups'])} "
                f"groups; there are {len(parameters)} in {len(self.param_groups)}."
            )
        for group, saved in zip(self.param_groups, state["param_groups"], strict=True):
            if set(saved) != set(group) - {"params"}:
                own = ", ".join(name for name in group if name != "params")
                raise ModelFileError(
                    f"The optimizer's state has the options {', '.join(saved)}; {type(self).__name__} takes {own}."
                )
        loaded = {id(parameter): _copied(state["state"][i]) for i, parameter in enumerate(parameters)}
        for i, parameter in enumerate(parameters):
            for name, value in loaded[id(parameter)].items():
                if isinstance(value, np.ndarray) and value.shape != parameter.shape:
                    raise ModelFileError(
                        f"The optimizer's {name} of parameter {i} has shape {value.shape}; "
                        f"the parameter has {parameter.shape}."
                    )
        self._states, self._arenas = loaded, {}
        for group, options in zip(self.param_groups, state["param_groups"], strict=True):
            group.update(options)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.param_groups[0].items() if name != "params")
        return f"{type(self).__name__}({len(self.parameters)} parameters, {options})"


def _listed(parameters: Any) -> list[Any]:
    single = isinstance(parameters, Tensor) or not isinstance(parameters, Iterable)
    return [parameters] if single else list(parameters)


def _python_numbers(option: Any) -> Any:
    """Return an option with NumPy's numbers, in pairs too, as Python's own, which promote no array."""
    return tuple(map(number, option)) if isinstance(option, (tuple, list)) else number(option)


def _copied(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.copy() if hasattr(value, "copy") else value for name, value in state.items()}
