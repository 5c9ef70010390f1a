"""Which array library an array belongs to. Layers compute with ``xp = backend(x)``, never with NumPy by name."""

from __future__ import annotations

import sys
from typing import Any

import numpy

from nn_core.errors import PluginError
from nn_core.plugins import BackendSpec
from nn_core.registry import components, on_refresh

_namespaces: dict[type, Any] = {numpy.ndarray: numpy}


def backend(x: Any) -> Any:
    """Return the NumPy-like namespace for the type of `x`.

    >>> backend(numpy.zeros(3)).__name__
    'numpy'

    Raises:
        PluginError: no installed plugin serves arrays of this type.
    """
    try:
        return _namespaces[type(x)]
    except KeyError:
        _namespaces[type(x)] = namespace = _find(type(x))
        return namespace


def _forget_namespaces() -> None:
    _namespaces.clear()
    _namespaces[numpy.ndarray] = numpy


on_refresh(_forget_namespaces)


def serves(array: str, kind: type) -> bool:
    """Say whether the array type written ``module:Name`` is `kind` or a base of it.

    It is looked up rather than imported: whoever holds such an array has imported its library.
    """
    module, _, path = array.partition(":")
    found: Any = sys.modules.get(module)
    for name in path.split("."):
        found = getattr(found, name, None)
    return isinstance(found, type) and issubclass(kind, found)


def _find(kind: type) -> Any:
    if issubclass(kind, numpy.generic):  # a NumPy number, such as the sum of an array
        return numpy
    for component in components("backend"):
        assert isinstance(component.spec, BackendSpec)
        if serves(component.spec.array, kind):
            return component.load()
    known = ", ".join(component.spec.array for component in components("backend") if hasattr(component.spec, "array"))
    raise PluginError(
        f"No installed backend computes with {kind.__module__}.{kind.__qualname__}; there is one for {known}. "
        f"Convert the input with numpy.asarray."
    )
