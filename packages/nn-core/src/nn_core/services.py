"""What every layer's ``build``, ``forward`` and ``infer`` are wrapped in, so that subclasses need not think of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nn_core import observation

if TYPE_CHECKING:
    from nn_core.layer import Layer

R = TypeVar("R")

logger = logging.getLogger("nn_core")


def built_once(build: Callable[..., None]) -> Callable[..., None]:
    """Have a ``build`` run once, and note the shape that it ran for."""

    @wraps(build)
    def run(self: Layer, input_shape: Any, rng: np.random.Generator | None = None) -> None:
        if not self._built:
            build(self, input_shape, rng)
            self._built = True
            self.built_for = input_shape
            logger.debug("%r is built for input of shape %s", self, input_shape)

    return run


def served(method: Callable[..., R]) -> Callable[..., R]:
    """Have a ``forward`` or ``infer`` build the layer on first use and tell the observers, whoever calls it.

    A ``forward`` that forgets its closure says so, before half of its output is taken for it.
    """
    returns_pair = method.__name__ == "forward"

    @wraps(method)
    def run(self: Layer, x: Any, /, *more: Any, **kw: Any) -> R:
        if not self._built:
            self.build(tuple(part.shape for part in (x, *more)) if more else x.shape)
        result: Any
        if observation.observers:
            result = observation.run_observed(self, method, (x, *more), kw)
        elif more or kw:
            result = method(self, x, *more, **kw)
        else:
            result = method(self, x)  # Python makes this call, the usual one, in less time than the general one
        if returns_pair and (type(result) is not tuple or len(result) != 2 or not callable(result[1])):
            raise _no_pair(self, result)
        checked: R = result
        return checked

    return run


def _no_pair(layer: Layer, result: Any) -> TypeError:
    types = [type(part).__name__ for part in result] if isinstance(result, tuple) else [type(result).__name__]
    return TypeError(
        f"{type(layer).__name__}.forward must return (y, backward), the output and the function that goes back; "
        f"it returned {' and '.join(types) or 'nothing'}. To write it in terms of Tensors and return the output alone, "
        f"decorate it with nn_core.autograd."
    )
