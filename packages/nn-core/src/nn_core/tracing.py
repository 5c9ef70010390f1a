"""Layers written in terms of Tensors instead of closures."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from nn_core.backends import backend
from nn_core.parts import inferring
from nn_core.tape import enable_grad, go_back, no_grad
from nn_core.tensor import Tensor
from nn_core.typing import Array, Backward


def autograd(function: Callable[..., Any]) -> Callable[..., tuple[Any, Backward]]:
    """Make a layer's ``forward``, written from Tensors to Tensors, one on arrays that returns (y, backward).

    A layer so written is like any other: it goes into containers, is called with arrays or Tensors, and is checked,
    saved and trained like those with a closure.

    Args:
        function: a method, or a function, that gets its inputs as Tensors and returns a Tensor or a tuple of them.

    >>> from nn_core import Layer, Parameter
    >>> import numpy as np
    >>> class Gate(Layer):
    ...     def __init__(self, features):
    ...         self.features = features
    ...         self.weight = Parameter(np.zeros((features, features), np.float32))
    ...
    ...     @autograd
    ...     def forward(self, x):
    ...         return x * (x @ self.weight.T).sigmoid()
    >>> gate = Gate(2)
    >>> gate(np.ones((1, 2), np.float32))
    array([[0.5, 0.5]], dtype=float32)
    >>> gate.backward(np.ones((1, 2), np.float32))
    array([[0.5, 0.5]], dtype=float32)
    """

    @wraps(function)
    def forward(*args: Any, input_gradient: bool = True, **kw: Any) -> tuple[Any, Backward]:
        inputs = [_leaf(x, input_gradient) for x in args]
        if inferring.get():
            with no_grad():
                return _arrays(_tensors(function(*inputs, **kw), function)), _no_backward
        with enable_grad():
            y = _tensors(function(*inputs, **kw), function)

        def backward(dy: Any) -> Any:
            outputs, gradients = (y, dy) if isinstance(y, tuple) else ((y,), (dy,))
            go_back([(out, dout) for out, dout in zip(outputs, gradients, strict=True) if out.requires_grad])
            dxs = tuple(_gradient(x) for x in inputs if isinstance(x, Tensor))
            return dxs[0] if len(dxs) == 1 else dxs

        return _arrays(y), backward

    forward.on_tensors = function  # type: ignore[attr-defined]  # by which Layer knows how it was written
    return forward


def _tensors(y: Any, function: Callable[..., Any]) -> Any:
    """Return what a function made, if it is a Tensor or a tuple of them.

    Raises:
        TypeError: it is something else, through which no gradient would go back.
    """
    for part in y if isinstance(y, tuple) else (y,):
        if not isinstance(part, Tensor):
            name = getattr(function, "__qualname__", repr(function))
            raise TypeError(
                f"{name} is written in terms of Tensors and must return a Tensor or a tuple of them; it returned "
                f"{'a tuple with ' if isinstance(y, tuple) else ''}{type(part).__name__}."
            )
    return y


def _leaf(x: Any, input_gradient: bool) -> Any:
    """Return an input as a new leaf; what is no array (self, an option) stays."""
    return Tensor(x, input_gradient and x.dtype.kind == "f") if hasattr(x, "dtype") and hasattr(x, "ndim") else x


def _arrays(y: Any) -> Any:
    return tuple(part.data for part in y) if isinstance(y, tuple) else y.data


def _gradient(x: Tensor) -> Array | None:
    if not x.requires_grad:
        return None
    return backend(x.data).zeros_like(x.data) if x.grad is None else x.grad


def _no_backward(dy: Any) -> Any:
    raise AssertionError("inference keeps nothing to go back through")
