"""Layers, losses and optimizers that keep their state between ``forward`` and ``backward``, as ones with closures."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from nn_core import layer as closures, loss as losses, optimizer as optimizers
from nn_core.backends import backend
from nn_core.dtypes import default_dtype
from nn_core.errors import ConfigError, ShapeError
from nn_core.parameter import Buffer, Parameter
from nn_core.tensor import Tensor
from nn_core.typing import Array, Backward, Shape


class Layer:
    """The base class of a layer in two methods, for `adapt_layer`.

    A subclass defines ``backward(grad)`` and ``forward(x)``, which may take ``training=`` (true or false) or ``mode=``
    (``train`` or ``test``). Trained arrays stand in the dictionary ``params``, from the constructor or from
    ``build(input_shape)``; ``backward`` puts their gradients into ``grads`` under the same names.
    """

    def __init__(self) -> None:
        self.params: dict[str, Array] = {}
        self.grads: dict[str, Array] = {}
        self.built = False
        self.output_shape: Any = None


class Loss:
    """The base class of a loss in two methods, for `adapt_loss`.

    ``forward(y_pred, y_true)`` returns the value and ``backward()`` the gradient with respect to y_pred.
    """


class Optimizer:
    """The base class of an optimizer for `adapt_optimizer`: ``step(params_and_grads)`` changes the arrays in place."""


# Layers


def adapt_layer(layer: Any, buffers: Iterable[str] = ()) -> closures.Layer:
    """Return a layer of this framework that computes with a layer in two methods.

    Each call works on a copy of the layer, so what it keeps until ``backward`` belongs to that call: the layer can be
    shared, nested and used from several threads. It gets copies of x and dy, which it may write to.

    Args:
        layer: an object with ``forward`` and ``backward``, as `Layer` says, whether or not it is derived from it.
        buffers: attributes that outlive a call in training and are saved, such as running statistics.

    Raises:
        ConfigError: a method or a buffer is missing; later, from ``backward``, the gradient of a parameter is.
        ShapeError: later, a gradient is not of the shape of what it belongs to.

    >>> class Scale(Layer):
    ...     def __init__(self, factor):
    ...         super().__init__()
    ...         self.factor = factor
    ...
    ...     def forward(self, x, training=False):
    ...         return x * self.factor
    ...
    ...     def backward(self, grad):
    ...         return grad * self.factor
    >>> scale = adapt_layer(Scale(3.0))
    >>> scale(np.ones(2, np.float32)), scale.backward(np.ones(2, np.float32))
    (array([3., 3.], dtype=float32), array([3., 3.], dtype=float32))
    """
    _check_object("layer", layer, "forward", "backward")
    return AdaptedLayer(layer, buffers)


class AdaptedLayer(closures.Layer):
    """What `adapt_layer` returns."""

    def __init__(self, inner: Any, buffers: Iterable[str]) -> None:
        self.inner = inner
        self.trained: list[str] = []
        self.kept = list(buffers)
        if not hasattr(inner, "build"):
            self.build(())

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        if hasattr(self.inner, "build"):
            self.inner.build(input_shape)
        for name, array in getattr(self.inner, "params", {}).items():
            self._own(name, Parameter(_floats(array)))
            self.trained.append(name)
        for name in self.kept:
            if not hasattr(self.inner, name):
                raise ConfigError(f"{self!r} has no attribute {name!r} to keep as a buffer.")
            self._own(name, Buffer(_floats(getattr(self.inner, name))))

    def _own(self, name: str, part: Parameter | Buffer) -> None:
        if hasattr(self, name):
            raise ConfigError(f"{self!r} cannot have a parameter or buffer {name!r}: layers have such an attribute.")
        setattr(self, name, part)

    def forward(self, x: Any) -> tuple[Any, Backward]:
        call = _copy_for_a_call(self.inner)
        if self.trained:
            call.params = {name: getattr(self, name).data for name in self.trained}
            call.grads = {}
        for name in self.kept:
            setattr(call, name, getattr(self, name).data.copy())
        y = _like(call.forward(x.copy(), **_mode(call.forward, self.training)), x)
        if self.training:
            for name in self.kept:
                getattr(self, name).data[...] = getattr(call, name)

        def backward(dy: Any) -> Any:
            dx = call.backward(dy.copy())
            for name in self.trained:
                if call.grads.get(name) is None:
                    raise ConfigError(f"{self!r}: backward left no gradient of {name!r} in grads.")
                parameter = getattr(self, name)
                parameter.accumulate(_gradient(call.grads[name], parameter.data, f"{self!r}.grads[{name!r}]"))
            return None if dx is None else _gradient(dx, x, f"{self!r}.backward")

        return y, backward

    def output_shape(self, input_shape: Shape) -> Any:
        return self.infer(np.zeros(input_shape, self.dtype or default_dtype())).shape

    def __repr__(self) -> str:
        return f"{type(self.inner).__name__}()"


def _copy_for_a_call(inner: Any) -> Any:
    """Return a copy whose attributes, and the items of lists and dictionaries among them, can be set by themselves."""
    call = copy.copy(inner)
    state = object.__getstate__(inner)  # a pair if there are attributes in slots, too
    for attributes in state if isinstance(state, tuple) else (state,):
        for name, value in (attributes or {}).items():
            if isinstance(value, (list, dict)):
                setattr(call, name, copy.copy(value))
    return call


def _mode(forward: Callable[..., Any], training: bool) -> dict[str, Any]:
    """Return the mode as the keyword that a ``forward`` takes it by, if it takes it."""
    options = inspect.signature(forward).parameters
    if "training" in options:
        return {"training": training}
    return {"mode": "train" if training else "test"} if "mode" in options else {}


def _floats(array: Any) -> Array:
    """Return an array in the default dtype, which NumPy's random numbers and zeros do not have."""
    return np.array(array, default_dtype())


def _like(result: Any, array: Array) -> Array:
    """Return what such code computed in the dtype of what it was given; its float64 constants may have changed it."""
    converted: Array = backend(array).asarray(result, dtype=array.dtype if array.dtype.kind == "f" else None)
    return converted


def _gradient(result: Any, array: Array, source: str) -> Array:
    """Return a gradient in the dtype of the array that it belongs to, refusing one of another shape."""
    gradient = _like(result, array)
    if gradient.shape != array.shape:
        raise ShapeError(f"{source}: expected a gradient of shape {array.shape}, got {gradient.shape}")
    return gradient


def _check_object(kind: str, given: Any, *methods: str) -> None:
    """Refuse a class in the place of an object, and what lacks one of these methods."""
    if isinstance(given, type):
        raise ConfigError(f"The {kind} is given as the class {given.__name__}: write {given.__name__}(…).")
    for name in methods:
        if not callable(getattr(given, name, None)):
            raise ConfigError(f"A {kind} in two methods has {' and '.join(methods)}; {given!r} has no {name}.")


# Losses


def adapt_loss(loss: Any) -> losses.Loss:
    """Return a loss of this framework that computes with a loss in two methods.

    Such a loss averages over the samples itself, so there is one reduction and no weight per sample.

    Raises:
        ConfigError: a method is missing; later, a weight per sample is given.
        DTypeError: later, predictions are not floating-point.
        ShapeError: later, the gradient is not of the shape of the predictions.
    """
    _check_object("loss", loss, "forward", "backward")
    return AdaptedLoss(loss)


def loss_of_either_kind(loss: Any) -> Any:
    """Return a loss in two methods adapted, and every other one, or its name, as it is."""
    return adapt_loss(loss) if hasattr(loss, "backward") and not hasattr(loss, "value_and_grad") else loss


class AdaptedLoss(losses.Loss):
    """What `adapt_loss` returns."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def reduce(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Backward, float]:
        if weight is not None:
            raise ConfigError(f"{self!r} is a loss in two methods, which takes no weight per sample.")
        losses.check_predictions(repr(self), pred)
        call = _copy_for_a_call(self.inner)
        value = float(call.forward(pred.copy(), target))

        def backward(dy: Any) -> Array:
            gradient = _gradient(call.backward(), pred, f"{self!r}.backward")
            return gradient if dy is None else gradient * dy

        return value, backward, float(len(pred))

    def sum_and_weight(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[float, float]:
        value, _, count = self.reduce(pred, target, weight)
        return value * count, count

    def __repr__(self) -> str:
        return f"{type(self.inner).__name__}()"


# Optimizers


def adapt_optimizer(optimizer: Any, parameters: Iterable[Tensor]) -> optimizers.Optimizer:
    """Return an optimizer of this framework that updates `parameters` by one with ``step(params_and_grads)``.

    Parameters without a gradient and frozen ones are not passed on. The state cannot be saved, because the optimizer
    keeps it in its own way.

    Raises:
        ConfigError: there is no ``step``.
    """
    _check_object("optimizer", optimizer)
    if not callable(getattr(optimizer, "step", None)):
        raise ConfigError(f"An optimizer has step(params_and_grads); {optimizer!r} has none.")
    return AdaptedOptimizer(optimizer, parameters)


class AdaptedOptimizer(optimizers.Optimizer):
    """What `adapt_optimizer` returns."""

    def __init__(self, inner: Any, parameters: Iterable[Tensor]) -> None:
        super().__init__(parameters)
        self.inner = inner

    @property
    def lr(self) -> float:
        self._check_rate()
        return float(self.inner.lr)

    @lr.setter
    def lr(self, value: float) -> None:
        self._check_rate()
        self.inner.lr = float(value)

    def _check_rate(self) -> None:
        if not hasattr(self.inner, "lr"):
            raise AttributeError(
                f"{type(self.inner).__name__} has no attribute lr, so its learning rate can be neither read nor set."
            )

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        value = None if closure is None else closure()
        trained = [parameter for parameter in self.parameters if parameter.requires_grad]
        self.inner.step([(parameter.data, parameter.grad) for parameter in trained if parameter.grad is not None])
        return value

    def state_dict(self) -> dict[str, Any]:
        raise ConfigError(f"{type(self.inner).__name__} keeps its state in its own way, so it cannot be saved.")

    def __repr__(self) -> str:
        return f"{type(self.inner).__name__}({len(self.parameters)} parameters)"
