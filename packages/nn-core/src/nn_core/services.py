"""What every layer's ``build``, ``forward`` and ``infer`` are wrapped in, so that subclasses need not think of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from nn_core import observation

if TYPE_CHECKING:
    from nn_core.layer import Layer

R = TypeVar("R")


def built_once(build: Callable[..., None]) -> Callable[..., None]:
    """Have a ``build`` run once, and note the shape that it ran for."""

    @wraps(build)
    def run(self: Layer, input_shape: Any, rng: np.random.Generator | None = None) -> None:
        if not self._built:
            build(self, input_shape, rng)
            self._built = True
            self.built_for = input_shape

    return run


def returning_a_pair(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Have a ``forward`` that forgets its closure say so, before half of its output is taken for it."""

    @wraps(forward)
    def run(self: Layer, *xs: Any, **kw: Any) -> Any:
        pair = forward(self, *xs, **kw)
        if type(pair) is not tuple or len(pair) != 2 or not callable(pair[1]):
            types = [type(part).__name__ for part in pair] if isinstance(pair, tuple) else [type(pair).__name__]
            raise TypeError(
                f"{type(self).__name__}.forward must return (y, backward), the output and the function that goes "
                f"back; it returned {' and '.join(types) or 'nothing'}. To write it in "
                f"terms of Tensors and return the output alone, decorate it with nn_core.autograd."
            )
        return pair

    return run


def served(method: Callable[..., R]) -> Callable[..., R]:
    """Have a ``forward`` or ``infer`` build the layer on first use and tell the observers, whoever calls it."""

    @wraps(method)
    def run(self: Layer, *xs: Any, **kw: Any) -> R:
        if not self._built:
            self.build(xs[0].shape if len(xs) == 1 else tuple(x.shape for x in xs))
        if observation.observers:
            observed: R = observation.run_observed(self, method, xs, kw)
            return observed
        return method(self, *xs, **kw)

    return run
