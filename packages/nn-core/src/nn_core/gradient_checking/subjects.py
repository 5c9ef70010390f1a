"""Whatever has gradients, in one form: float64 arrays, and a run that goes forward and back."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from attrs import frozen

from nn_core.errors import ConfigError, DTypeError, GradcheckError
from nn_core.operations import Operation
from nn_core.random import default_rng, keyed
from nn_core.tape import enable_grad, go_back
from nn_core.tensor import Tensor
from nn_core.typing import Array

Outputs = tuple[Any, ...]
Gradients = list[Array | None]


@frozen(eq=False)
class Subject:
    """Something whose gradients can be checked.

    Attributes:
        name: how it is called in messages.
        names: how the arrays are called.
        arrays: what there are gradients of, in float64; `run` reads them anew each time.
        run: returns the outputs, and the function from their gradients to those of `arrays`; always the same.
    """

    name: str
    names: list[str]
    arrays: list[Array]
    run: Callable[[], tuple[Outputs, Callable[[Outputs], Gradients]]]


def subject_of(fn: Any, inputs: Any) -> Subject:
    """Return a layer, a loss, an operation or a function, with its input or tuple of inputs, as a `Subject`."""
    if isinstance(fn, type) or not (callable(fn) or hasattr(fn, "forward")):
        raise ConfigError(f"gradcheck takes a layer, a loss, an operation or a function, got {fn!r}.")
    several = isinstance(inputs, tuple) or (isinstance(inputs, list) and any(hasattr(x, "dtype") for x in inputs))
    xs = tuple(map(_own, inputs if several else (inputs,)))
    if hasattr(fn, "value_and_grad"):
        return _loss(fn, xs)
    if hasattr(fn, "forward") and hasattr(fn, "named_parameters"):
        return _layer(copy.deepcopy(fn), xs)
    name = getattr(fn, "__name__", type(fn).__name__)
    if not isinstance(fn, Operation):
        on_arrays, failure = _returns_a_closure(fn, xs)
        if on_arrays:
            return _function_of_arrays(fn, name, xs)
        try:
            _on_tensors(fn, xs)
        except Exception as error:
            raise error from failure  # which of the two is to the point, only its author can tell
    return _function_of_tensors(fn, name, xs)


def _layer(layer: Any, xs: tuple[Any, ...]) -> Subject:
    """Check the inputs and the parameters of a layer, which is converted to float64."""
    with _repeatable():
        shapes = tuple(getattr(x, "shape", ()) for x in xs)
        layer.build(shapes[0] if len(xs) == 1 else shapes)
    for _, parameter in layer.named_parameters():
        parameter.data = parameter.data.astype("float64")
    for _, buffer in layer.named_buffers():
        if buffer.data.dtype.kind == "f":
            buffer.data = buffer.data.astype("float64")
    trained = [(name, parameter) for name, parameter in layer.named_parameters() if parameter.requires_grad]
    buffers = [(buffer, buffer.data.copy()) for _, buffer in layer.named_buffers()]

    def run() -> tuple[Outputs, Callable[[Outputs], Gradients]]:
        for _, parameter in trained:
            parameter.grad = None
        for buffer, data in buffers:
            buffer.data = data.copy()
        with _repeatable():
            y, backward = layer.forward(*_copies(xs))

        def back(dys: Outputs) -> Gradients:
            dxs = _of_floats(backward(dys if isinstance(y, tuple) else dys[0]), xs, type(layer).__name__)
            return dxs + [parameter.grad for _, parameter in trained]

        return _outputs(y), back

    names = [*_names(xs, "input"), *(name for name, _ in trained)]
    return Subject(type(layer).__name__, names, [*_floats(xs), *(p.data for _, p in trained)], run)


def _loss(loss: Any, xs: tuple[Any, ...]) -> Subject:
    """Check the predictions of a loss, the first of its inputs; a tuple of predictions is checked one by one."""
    preds, others = _tuple(xs[0]), xs[1:]

    def run() -> tuple[Outputs, Callable[[Outputs], Gradients]]:
        pred = _copies(preds)
        value, gradient = loss.value_and_grad(pred if isinstance(xs[0], tuple) else pred[0], *_copies(others))
        value = value.sum() if hasattr(value, "sum") else value  # of reduction="none" it is the gradient of the sum
        gradients = _of_floats(gradient, preds, type(loss).__name__)
        return _outputs(value), lambda dys: [None if g is None else dys[0] * g for g in gradients]

    return Subject(type(loss).__name__, _names(preds, "pred"), _floats(preds), run)


def _function_of_arrays(fn: Callable[..., Any], name: str, xs: tuple[Any, ...]) -> Subject:
    """Check a function on arrays that returns (y, backward)."""

    def run() -> tuple[Outputs, Callable[[Outputs], Gradients]]:
        with _repeatable():
            y, backward = fn(*_copies(xs))
        return _outputs(y), lambda dys: _of_floats(backward(dys if isinstance(y, tuple) else dys[0]), xs, name)

    return Subject(name, _names(xs, "input"), _floats(xs), run)


def _function_of_tensors(fn: Callable[..., Any], name: str, xs: tuple[Any, ...]) -> Subject:
    """Check a function from Tensors to a Tensor or a tuple of them."""

    def run() -> tuple[Outputs, Callable[[Outputs], Gradients]]:
        leaves, ys = _on_tensors(fn, xs)
        for y in ys:
            if not isinstance(y, Tensor):
                raise DTypeError(
                    f"gradcheck: {name} returned {type(y).__name__} for Tensors. A function has to return Tensors, or, "
                    f"of arrays, a pair (y, backward)."
                )

        def back(dys: Outputs) -> Gradients:
            go_back([(y, dy) for y, dy in zip(ys, dys, strict=True) if y.requires_grad])
            return [leaf.grad for leaf in leaves if isinstance(leaf, Tensor)]

        return tuple(y.data for y in ys), back

    return Subject(name, _names(xs, "input"), _floats(xs), run)


def _returns_a_closure(fn: Callable[..., Any], xs: tuple[Any, ...]) -> tuple[bool, Exception | None]:
    """Return whether a function takes arrays and returns (y, backward), or else the error it raised for arrays."""
    try:
        with _repeatable():
            result = fn(*_copies(xs))
    except Exception as error:
        return False, error
    return isinstance(result, tuple) and len(result) == 2 and callable(result[1]), None


def _on_tensors(fn: Callable[..., Any], xs: tuple[Any, ...]) -> tuple[list[Any], Outputs]:
    """Return the Tensors that stand for the inputs, and what a function makes of them."""
    leaves = [Tensor(x.copy(), requires_grad=True) if _has_gradient(x) else x for x in xs]
    with _repeatable(), enable_grad():
        return leaves, _tuple(fn(*leaves))


@contextmanager
def _repeatable() -> Iterator[None]:
    """Have nn-core's random numbers be the same in every such block, and its generator not notice."""
    bits = default_rng().bit_generator
    state = bits.state
    try:
        with keyed(0, 0):
            yield
    finally:
        bits.state = state


# Inputs


def _own(x: Any) -> Any:
    """Return a copy of an input, in float64 if it holds floating-point numbers; what is no array stays."""
    if isinstance(x, tuple):
        return tuple(map(_own, x))
    if isinstance(x, (list, float)):
        x = Tensor(x)
    x = x.data if isinstance(x, Tensor) else x
    if not hasattr(x, "dtype"):
        return x
    return x.astype("float64") if x.dtype.kind == "f" else x.copy()


def _copies(xs: Sequence[Any]) -> tuple[Any, ...]:
    """Return copies, so that what a function does to its inputs does not reach the next run."""
    return tuple(x.copy() if hasattr(x, "dtype") else x for x in xs)


def _has_gradient(x: Any) -> bool:
    return getattr(getattr(x, "dtype", None), "kind", "") == "f"


def _floats(xs: Sequence[Any]) -> list[Array]:
    return [x for x in xs if _has_gradient(x)]


def _names(xs: Sequence[Any], word: str) -> list[str]:
    return [word if len(xs) == 1 else f"{word}[{i}]" for i, x in enumerate(xs) if _has_gradient(x)]


def _of_floats(gradients: Any, xs: Sequence[Any], name: str) -> Gradients:
    """Return, of the gradients that a closure gave, those of inputs that have one."""
    given = _tuple(gradients)
    if len(given) != len(xs):
        raise GradcheckError(f"{name} has {len(xs)} inputs, and its backward returned {len(given)} gradients.")
    return [gradient for x, gradient in zip(xs, given, strict=True) if _has_gradient(x)]


def _outputs(y: Any) -> Outputs:
    return tuple(part if hasattr(part, "dtype") else np.asarray(part) for part in _tuple(y))


def _tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)
