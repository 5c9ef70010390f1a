"""How a layer is told by what its weight is drawn: a name, a name with options, or a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from attrs import Attribute

from nn_core.dtypes import default_dtype
from nn_core.errors import ConfigError
from nn_core.registry import check_options, get
from nn_core.typing import Array, Initializer, Shape

InitChoice: TypeAlias = str | dict[str, Any] | Initializer | Callable[[Shape], Array]
"""A registered name, a configuration ``{"type": name, option: value, …}``, or a function of (shape, rng) or (shape)."""


def initializer(choice: InitChoice) -> Initializer:
    """Return the function ``(shape, rng) -> array`` that a choice stands for.

    A function gets a generator if its second parameter is called ``rng`` or has no default, and else the shape alone.

    >>> initializer({"type": "constant", "value": 2.0})((1, 2), None)
    array([[2., 2.]], dtype=float32)

    Raises:
        UnknownComponentError: no plugin provides an initializer of that name.
        ConfigError: the choice is none of the three, or an option is unknown, missing or refused by the initializer.
    """
    if isinstance(choice, str):
        return initializer({"type": choice})
    if not isinstance(choice, Mapping):
        if not callable(choice):
            raise ConfigError(
                f"An initializer is a registered name, a configuration with a 'type', or a function of (shape, rng); "
                f"got {choice!r}."
            )
        return _with_generator(choice)
    name, options = choice.get("type"), {key: value for key, value in choice.items() if key != "type"}
    if not isinstance(name, str):
        raise ConfigError(f"The 'type' of the initializer must be a name, got {name!r}.")
    function = get("initializer", name)
    check_options(f"initializer {name!r}", function, options, positional=2 if _takes_generator(function) else 1)
    return _with_generator(partial(function, **options) if options else function)


def draw(choice: InitChoice, shape: Shape, rng: np.random.Generator | None = None) -> Array:
    """Return a new array of the default dtype with the values of a choice.

    Raises:
        ConfigError: what was drawn has another shape.
    """
    drawn = np.array(initializer(choice)(shape, rng), default_dtype())
    if drawn.shape != shape:
        raise ConfigError(f"The initializer {choice!r} returned shape {drawn.shape} when asked for {shape}.")
    return drawn


def known_initializer(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse what `initializer` refuses, and option values that the initializer itself refuses; let None pass."""
    if value is None:
        return
    function = initializer(value)
    if isinstance(value, Mapping):
        try:  # an empty weight takes nothing to draw, and a layer that is still to be built has no shape yet
            function((0, 0), np.random.default_rng(0))
        except ConfigError:
            raise
        except Exception:  # not an initializer for empty weights, so its options are looked at when it draws
            return


def _with_generator(function: Callable[..., Array]) -> Initializer:
    """Return a function of (shape, rng), whether the given one takes a generator or not."""
    return function if _takes_generator(function) else lambda shape, rng: function(shape)


def _takes_generator(function: Callable[..., Array]) -> bool:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # compiled functions may not tell; NumPy's take the shape first and no generator
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 1 and (positional[1].name == "rng" or positional[1].default is inspect.Parameter.empty)
