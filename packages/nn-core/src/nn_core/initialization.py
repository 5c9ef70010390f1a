"""The choice of first weights by the activations next to them, an option of `Sequential`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from nn_core.errors import ConfigError, did_you_mean
from nn_core.initializers import InitChoice, calculate_gain, initializer
from nn_core.layers.weighted import Weighted

logger = logging.getLogger("nn_core")

InitMap: TypeAlias = Mapping[str, InitChoice]
"""Initializers by the `init_key` of an activation; ``default`` stands for all activations that have no entry."""


def _default_map(distribution: str) -> InitMap:
    return {
        "relu": {"type": f"kaiming_{distribution}", "nonlinearity": "relu"},
        "leakyrelu": {"type": f"kaiming_{distribution}", "nonlinearity": "leaky_relu", "a": 0.01},
        "tanh": {"type": f"xavier_{distribution}", "gain": calculate_gain("tanh")},
        "sigmoid": {"type": f"xavier_{distribution}", "gain": calculate_gain("sigmoid")},
        "default": {"type": "conservative"},
    }


DEFAULT_NORMAL_INIT_MAP = _default_map("normal")
"""Kaiming's rule for (leaky) ReLU, Xavier's for tanh and sigmoid, normal; small random weights for all others."""

DEFAULT_UNIFORM_INIT_MAP = _default_map("uniform")
"""The same, uniform."""

_NAMED = {"auto": DEFAULT_NORMAL_INIT_MAP, "auto_uniform": DEFAULT_UNIFORM_INIT_MAP}


def initialize(
    model: Any, choices: InitMap | str = DEFAULT_NORMAL_INIT_MAP, rng: np.random.Generator | None = None
) -> None:
    """Draw the weights of linear and convolution layers as suits the activations next to them; set biases to zero.

    The next activation counts or, after the last one, the previous one; without any, and for an activation without an
    entry, ``default`` does. Layers in between, such as batch norm, and activations whose `affect_init` is False are
    skipped. An entry with an option ``a`` gets the slope of the leaky ReLU at hand. Sequentials inside Sequentials are
    one chain with them; parts of other layers are chains of their own.

    Left alone are layers that got an ``init=``, and those whose values are not what they drew: set by hand, trained or
    loaded. A layer that infers its sizes draws when it is built.

    Args:
        model: a layer, mostly a Sequential.
        choices: a map such as `DEFAULT_NORMAL_INIT_MAP`, or ``auto`` for that one and ``auto_uniform`` for
            `DEFAULT_UNIFORM_INIT_MAP`. A map without ``default`` leaves the layers alone for which it has no entry.
        rng: where the numbers come from; nn-core's default generator if left out.

    Raises:
        ConfigError: there is no map of that name, or an entry is no initializer.
        UnknownComponentError: an entry names an initializer that no plugin provides.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010;
    He et al., "Delving deep into rectifiers", 2015.

    >>> from nn_core import Linear, ReLU, Sequential
    >>> model = Sequential(Linear(3, 4), ReLU(), Linear(4, 2))
    >>> initialize(model)
    >>> model[0].bias.data
    array([0., 0., 0., 0.], dtype=float32)
    """
    for layer, choice in choices_for(model, choices):
        accepted = layer.accept_init(choice, rng)
        logger.debug("%r %s", layer, f"is initialized by {choice!r}" if accepted else "keeps its own first values")


def choices_for(model: Any, choices: InitMap | str) -> list[tuple[Weighted, InitChoice]]:
    """Return the layers with a weight, each with the entry of `choices` that it should get."""
    entries = named_map(choices)
    found: dict[int, tuple[Weighted, InitChoice]] = {}  # a layer that is used twice goes by its first place
    for chain in _chains(model):
        for i, layer in enumerate(chain):
            if isinstance(layer, Weighted):
                entry = _entry(entries, [*chain[i + 1 :], *reversed(chain[:i])])
                if entry is not None:
                    found.setdefault(id(layer), (layer, entry))
    return list(found.values())


def named_map(choices: InitMap | str) -> InitMap:
    """Return the map of a name, or the map itself, refusing entries that are no initializers."""
    if isinstance(choices, str) and choices in _NAMED:
        return _NAMED[choices]
    if not isinstance(choices, Mapping):
        remedy = did_you_mean(str(choices), _NAMED) or f" Known are {', '.join(_NAMED)}."
        raise ConfigError(f"The initializers of a model are a map or the name of one, got {choices!r}.{remedy}")
    for entry in choices.values():
        initializer(entry)
    return choices


def _entry(entries: InitMap, neighbors: list[Any]) -> InitChoice | None:
    """Return the entry for a layer whose neighbors are given in the order in which they count."""
    activation = next((layer for layer in neighbors if getattr(layer, "affect_init", False)), None)
    default = entries.get("default")
    entry = entries.get(activation.init_key, default) if activation else default
    slope = getattr(activation, "activation_param", getattr(activation, "negative_slope", None))
    if isinstance(entry, Mapping) and "a" in entry and slope is not None:
        return {**entry, "a": slope}
    return entry


def _chains(layer: Any) -> Iterator[list[Any]]:
    """Yield the lists of layers that follow one another."""
    chain = list(_in_order(layer))
    yield chain
    for member in chain:
        if not isinstance(member, Weighted):
            for _, part in getattr(member, "children", list)():
                yield from _chains(part)


def _in_order(layer: Any) -> Iterator[Any]:
    from nn_core.layers.sequential import Sequential  # which imports this module

    if isinstance(layer, Sequential):
        for part in layer:
            yield from _in_order(part)
        return
    yield layer
    if isinstance(layer, Weighted):  # with an activation of its own, which comes after the weight
        for _, part in layer.children():
            yield from _in_order(part)
