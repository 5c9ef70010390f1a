"""See every layer at work: what went in, what came out, how long it took."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from nn_core.layer import Layer
    from nn_core.typing import Backward


@frozen(eq=False)
class Observation:
    """One run of one layer.

    Attributes:
        phase: ``forward`` and ``backward`` in training, ``infer`` otherwise.
        name: dotted path of the layer below the outermost call, which itself has the empty name.
        layer: the layer.
        inputs: what it got (for ``backward``, the gradient of its output).
        output: what it returned (for ``backward``, the gradient of its inputs).
        seconds: wall-clock time, the layers inside it included.
        closure: for ``forward``, the closure that goes back, else None.
    """

    phase: Literal["forward", "backward", "infer"]
    name: str
    layer: Layer
    inputs: tuple[Any, ...]
    output: Any
    seconds: float
    closure: Backward | None = None


Observer: TypeAlias = Callable[[Observation], None]

observers: tuple[Observer, ...] = ()
_running: ContextVar[tuple[tuple[Layer, dict[int, str], bool], ...]] = ContextVar("nn_core_running", default=())


@contextmanager
def observe(observer: Observer) -> Iterator[None]:
    """Call `observer` with an `Observation` after every layer's forward, backward and inference, in all threads.

    >>> from nn_core import Linear, ReLU, Sequential
    >>> model = Sequential(Linear(4, 3), ReLU()).eval()
    >>> with observe(lambda seen: print(seen.phase, repr(seen.name), seen.output.shape)):
    ...     y = model([[1.0, 2.0, 3.0, 4.0]])
    infer '0' (1, 3)
    infer '1' (1, 3)
    infer '' (1, 3)
    """
    global observers
    observers = (*observers, observer)
    try:
        yield
    finally:
        remaining = list(observers)
        remaining.remove(observer)
        observers = tuple(remaining)


def run_observed(layer: Layer, method: Callable[..., Any], xs: tuple[Any, ...], kw: dict[str, Any]) -> Any:
    """Run a layer's ``forward`` or ``infer`` and report it, and its backward when that runs."""
    running = _running.get()
    if running and running[-1][0] is layer:  # its infer calls its forward, or it calls super().forward
        return method(layer, *xs, **kw)
    names = running[0][1] if running else {id(part): name for name, part in reversed(list(layer.named_layers()))}
    name = names.get(id(layer), type(layer).__name__)
    inferring = method.__name__ == "infer" or bool(running and running[-1][2])  # infer may run the parts' forward

    token = _running.set((*running, (layer, names, inferring)))
    start = perf_counter()
    try:
        result = method(layer, *xs, **kw)
    finally:
        _running.reset(token)
    seconds = perf_counter() - start
    if inferring:
        y = result if method.__name__ == "infer" else result[0]
        _report(Observation("infer", name, layer, xs, y, seconds))
        return result

    y, backward = result
    _report(Observation("forward", name, layer, xs, y, seconds, backward))

    def observed_backward(dy: Any) -> Any:
        start = perf_counter()
        dx = backward(dy)
        _report(Observation("backward", name, layer, (dy,), dx, perf_counter() - start))
        return dx

    return y, observed_backward


def _report(seen: Observation) -> None:
    for observer in observers:
        observer(seen)
