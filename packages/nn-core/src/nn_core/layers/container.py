"""Layers in a list, by position or by name: what `Sequential` and `Parallel` have in common."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from reprlib import recursive_repr
from textwrap import indent
from typing import Any, ClassVar, Self

import numpy as np

from nn_core import protocols
from nn_core.errors import ConfigError, did_you_mean
from nn_core.layer import Layer, with_parts_built
from nn_core.operations import Operation
from nn_core.parameter import Parameter
from nn_core.parts import is_trained
from nn_core.typing import Backward


class Container(Layer):
    """A list of layers that have names or, in the names of their parameters, go by their positions.

    A name is an attribute, too: ``model.head`` is ``model["head"]``. Change the list by the methods: what is done to
    `layers` itself does not move the names along.

    Args:
        layers: the layers, or one dictionary of them by name.

    Raises:
        ConfigError: something is no layer, or a name is taken or unsuitable.
    """

    _called: ClassVar[str] = "layers"
    """What the list is called in a configuration and in an error."""

    def __init__(self, layers: tuple[Any, ...]) -> None:
        self.layers: list[Any] = []
        self._names: list[str] = []  # "" for a layer that goes by its position
        self.extend(layers[0] if len(layers) == 1 and isinstance(layers[0], Mapping) else layers)

    def _changed(self) -> None:
        """Do what is to be done whenever layers come or go."""

    # Changing the list

    def append(self, layer: protocols.Layer, name: str | None = None) -> Self:
        """Add a layer at the end."""
        return self.insert(len(self), layer, name)

    def extend(self, layers: Iterable[protocols.Layer] | Mapping[str, protocols.Layer]) -> Self:
        """Add layers at the end; those in a dictionary bring their names."""
        pairs = list(layers.items()) if isinstance(layers, Mapping) else [(None, layer) for layer in layers]
        for i, (name, layer) in enumerate(pairs, len(self)):
            self._check(i, layer, name)
        for name, layer in pairs:
            self._insert(len(self), layer, name)
        self._changed()
        return self

    def insert(self, index: int, layer: protocols.Layer, name: str | None = None) -> Self:
        """Add a layer before the one at `index`; what comes later and has no name moves on by one."""
        self._check(index, layer, name)
        self._insert(index, layer, name)
        self._changed()
        return self

    def _check(self, index: int, layer: Any, name: str | None) -> None:
        """Refuse a layer or its name, before anything is changed."""
        check_is_layer(self, layer, f"layer {index if name is None else repr(name)}")
        if name is not None:
            self._check_name(name, self._given())

    def _insert(self, index: int, layer: Any, name: str | None) -> None:
        self._given().insert(index, name or "")
        self.layers.insert(index, layer)

    def pop(self, index: int | str = -1) -> Any:
        """Remove a layer, by default the last one, and return it."""
        layer = self[index]
        del self[index]
        return layer

    def __setitem__(self, index: int | str, layer: protocols.Layer) -> None:
        check_is_layer(self, layer, f"layer {index!r}")
        self.layers[self._position(index)] = layer
        self._changed()

    def __delitem__(self, index: int | str | slice) -> None:
        place = index if isinstance(index, slice) else self._position(index)
        del self._given()[place]
        del self.layers[place]
        self._changed()

    # Names

    def _given(self) -> list[str]:
        """Return the given names, "" where there is none, as many as `layers` has even if someone changed that list."""
        count = len(self.layers)
        self._names[count:] = [""] * (count - len(self._names))
        return self._names

    def names(self) -> list[str]:
        """Return the names of the layers, which are the positions of those that were given none."""
        return [name or str(i) for i, name in enumerate(self._given())]

    def _check_name(self, name: Any, taken: list[str]) -> None:
        if not isinstance(name, str) or not name or "." in name or name.isdigit() or name.startswith("@"):
            problem = "a name is a text without dots that is no number and does not begin with '@'"
        elif name in taken:
            problem = "another layer has that name"
        elif name in vars(self) or hasattr(type(self), name):
            problem = f"it would hide {type(self).__name__}.{name}"
        else:
            return
        raise ConfigError(f"{type(self).__name__} cannot name a layer {name!r}: {problem}.")

    def name_layers(self, names: Any) -> None:
        """Name all layers anew; a layer whose name is its position goes by that."""
        if not isinstance(names, (list, tuple)) or len(names) != len(self):
            raise ConfigError(f"names of {type(self).__name__} must be a list of {len(self)} names, got {names!r}.")
        given: list[str] = []
        for i, name in enumerate(names):
            if name != str(i):
                self._check_name(name, given)
            given.append("" if name == str(i) else name)
        self._names = given

    def _place_of(self, i: int) -> str:
        """Return how an error calls a layer."""
        return self._given()[i] or f"{self._called}[{i}]"

    def _position(self, index: int | str) -> int:
        if not isinstance(index, str):
            try:
                return range(len(self.layers))[index]
            except IndexError:
                raise IndexError(f"{type(self).__name__} has {len(self)} layers, and none at {index}.") from None
        names = self.names()
        if index not in names:
            remedy = did_you_mean(index, names) or f" There are {', '.join(names)}."
            raise KeyError(f"{type(self).__name__} has no layer {index!r}.{remedy}")
        return names.index(index)

    def __getattr__(self, name: str) -> Any:
        names = self.__dict__.get("_names", [])  # absent while a copy is being made
        if name and name in names:
            return self.layers[names.index(name)]
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__.get("_names", []):
            self[name] = value
        else:
            super().__setattr__(name, value)

    # The list

    @property
    def dtype(self) -> np.dtype[Any] | None:
        for layer in self.layers:  # the rule, and quicker than a walk through all parts
            for value in vars(layer).values():
                if isinstance(value, Parameter) and value.data.dtype.kind == "f":
                    return np.dtype(value.data.dtype)
        return super().dtype

    def children(self) -> Iterator[tuple[str, Any]]:
        yield from zip(self.names(), self.layers, strict=True)
        # A subclass may have further parts as attributes.
        yield from (part for part in super().children() if not part[0].startswith("layers."))

    def __contains__(self, layer: object) -> bool:
        """Return whether a layer, or one of this name, is in the list."""
        return layer in self.names() if isinstance(layer, str) else any(part is layer for part in self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    def __getitem__(self, index: int | str | slice) -> Any:
        if not isinstance(index, slice):
            return self.layers[self._position(index)]
        part = self._like(self.layers[index])
        part._names = self._given()[index]
        return part

    def _like(self, layers: list[Any]) -> Container:
        """Return a container of some of the layers."""
        raise TypeError(f"{type(self).__name__} must define _like(layers).")

    def config(self) -> dict[str, Any]:
        names = {"names": self.names()} if any(self._given()) else {}
        return {self._called: list(self.layers)} | names

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        layers, names, options = layers_from(cls, cls._called, config)
        made = cls(*layers, **options)
        if names is not None:
            made.name_layers(names)
        return made

    @recursive_repr()
    def __repr__(self) -> str:
        return tree(self)


def check_is_layer(owner: Layer, layer: Any, what: str) -> None:
    """Refuse what is no layer, with a hint where it is one by mistake, and what the owner itself is inside."""
    if isinstance(layer, (type, Operation)) or not callable(getattr(layer, "forward", None)):
        hint = f": write {layer.__name__}()" if isinstance(layer, type) else ""
        if isinstance(layer, (list, tuple)):
            hint = f": give it the layers one by one, {type(owner).__name__}(*layers)"
        if not hint and callable(layer):
            hint = ": write Lambda(…) around a function of Tensors"
        raise ConfigError(f"{type(owner).__name__} takes layers, and {what} is {layer!r}{hint}.")
    if not hasattr(layer, "named_parameters"):
        raise ConfigError(
            f"{type(owner).__name__} takes layers, and {what}, {layer!r}, has a forward but no named_parameters: "
            f"derive it from nn_core.Layer, or wrap a layer in two methods with nn_core.compat.adapt_layer."
        )
    if isinstance(layer, Layer) and any(part is owner for _, part in layer.named_layers()):
        raise ConfigError(f"{type(owner).__name__} cannot be inside itself, and {what} is or contains it.")


def layers_from(cls: type[Layer], key: str, config: Mapping[str, Any]) -> tuple[list[Any], Any, dict[str, Any]]:
    """Return the layers that a configuration lists, their names (or None) and the other options, parts built."""
    options = dict(config)
    layers, names = options.pop(key, None), options.pop("names", None)
    others = [p.name for p in inspect.signature(cls).parameters.values() if p.kind is p.KEYWORD_ONLY]
    if set(options) - set(others) or not isinstance(layers, (list, tuple)):
        known = ", ".join(repr(name) for name in ("names", *others))
        raise ConfigError(
            f"{cls.__name__} needs {key!r}, a list of layers, and takes {known} besides; got {dict(config)!r}."
        )
    return with_parts_built(list(layers)), names, {name: with_parts_built(value) for name, value in options.items()}


def tree(layer: Layer, options: str = "") -> str:
    """Return a layer of parts as a text with a line per part, after one with the options if there are any."""
    lines = [*([options] if options else []), *(f"({name}): {part!r}" for name, part in layer.children())]
    inner = "".join(indent(f"{line}\n", "  ") for line in lines)
    return f"{type(layer).__name__}(\n{inner})" if lines else f"{type(layer).__name__}()"


# Passing values and gradients on


def inputs_of(x: Any) -> tuple[Any, ...]:
    """Return what one layer made as the inputs of the next: several if it is a tuple."""
    return x if isinstance(x, tuple) else (x,)


def shape_of(x: Any) -> Any:
    """Return the shape of an array, or those of several."""
    return tuple(shape_of(part) for part in x) if isinstance(x, tuple) else getattr(x, "shape", None)


def forward_of(layer: Any, xs: tuple[Any, ...], input_gradient: bool) -> tuple[Any, Backward]:
    """Run a part's forward; if nobody asks for the input's gradient, do as little as the part allows for going back."""
    if input_gradient:
        y, closure = layer.forward(*xs)
    elif getattr(layer, "declines_input_gradient", False):
        y, closure = layer.forward(*xs, input_gradient=False)
    else:
        y, closure = layer.forward(*xs)
    return y, closure if input_gradient or is_trained(layer) else _nothing


def _nothing(dy: Any) -> None:
    """Go back through a part without anything to train whose input gradient is not wanted."""


def total(one: Any, other: Any) -> Any:
    """Return the sum of two values or gradients, never in place: of each in a tuple, and None stands for zero."""
    if one is None or other is None:
        return one if other is None else other
    if isinstance(one, tuple):
        return tuple(total(a, b) for a, b in zip(one, other, strict=True))
    return one + other
