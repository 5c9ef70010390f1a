"""The tape: what autograd remembers of each operation, and how gradients go back through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import wraps
from heapq import heappop, heappush
from inspect import isgeneratorfunction
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from nn_core.errors import BackwardError, ShapeError
from nn_core.typing import Array, Backward

if TYPE_CHECKING:
    from nn_core.tensor import Tensor

_recording: ContextVar[bool] = ContextVar("nn_core_recording", default=True)
_order = count()
F = TypeVar("F", bound=Callable[..., Any])


class Node:
    """One run of an operation or a layer.

    Attributes:
        name: the operation's name, or the class of the layer.
        inputs: what it got; Tensors among them lead on into the graph.
        attributes: its other arguments; the layer itself under ``layer``.
        backward: the closure that goes back, None once it ran.
        outputs: None for one output; for a tuple of them, an array of zeros like each (not written to).
        order: its number in the order of creation, so inputs come before what is made of them.
    """

    __slots__ = ("__weakref__", "attributes", "backward", "inputs", "name", "order", "outputs")

    def __init__(self, name: str, inputs: tuple[Any, ...], backward: Backward, attributes: Mapping[str, Any]) -> None:
        self.name = name
        self.inputs = inputs
        self.attributes = attributes
        self.backward: Backward | None = backward
        self.outputs: list[Array] | None = None
        self.order = next(_order)

    def __repr__(self) -> str:
        return f"Node({self.name})"


def recording() -> bool:
    """Whether operations on Tensors are remembered, for a backward pass."""
    return _recording.get()


class Recording:
    """A block, or a decorated function, in which operations are remembered, or are not."""

    def __init__(self, on: bool) -> None:
        self._on = on

    def __enter__(self) -> None:
        self._token = _recording.set(self._on)

    def __exit__(self, *error: object) -> None:
        _recording.reset(self._token)

    def __call__(self, function: F) -> F:
        def in_steps(*args: Any, **kw: Any) -> Any:
            """Run a generator, which must not change what its user's operations are between its steps."""
            generator, sent = function(*args, **kw), None
            while True:
                with Recording(self._on):
                    try:
                        item = generator.send(sent)
                    except StopIteration as end:
                        return end.value
                sent = yield item

        def at_once(*args: Any, **kw: Any) -> Any:
            with Recording(self._on):
                return function(*args, **kw)

        decorated: Any = wraps(function)(in_steps if isgeneratorfunction(function) else at_once)
        return decorated  # type: ignore[no-any-return]  # called like the function


def no_grad() -> Recording:
    """Compute without remembering anything for a backward pass, in this thread; also usable as a decorator.

    >>> from nn_core import Tensor
    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     y = 2 * x
    >>> y.requires_grad
    False
    """
    return Recording(False)


def enable_grad() -> Recording:
    """Remember operations again inside `no_grad`."""
    return Recording(True)


def go_back(roots: Sequence[tuple[Tensor, Array]]) -> None:
    """Carry gradients from some Tensors to the leaves they were made from, where they add up.

    Nodes run from the latest to the earliest, so each has the gradients of all its uses when its turn comes. A node
    lets go of its closure and its inputs as it runs: the graph is freed on the way.

    Args:
        roots: Tensors and the gradients with respect to them.

    Raises:
        BackwardError: a part of the graph was gone through before.
        ShapeError: an operation returned a gradient of another shape than its input.
        TypeError: it returned something that is no array.
    """
    arrived: dict[int, list[Array | None]] = {}
    waiting: list[tuple[int, Node]] = []

    def deliver(tensor: Tensor, gradient: Array) -> None:
        node = tensor.node
        if node is None:
            tensor.accumulate(gradient)
            return
        slots = arrived.get(node.order)
        if slots is None:
            arrived[node.order] = slots = [None] * (1 if node.outputs is None else len(node.outputs))
            heappush(waiting, (-node.order, node))
        earlier = slots[tensor.output]
        slots[tensor.output] = gradient if earlier is None else earlier + gradient

    for tensor, gradient in roots:
        deliver(tensor, gradient)
    del roots
    while waiting:
        _, node = heappop(waiting)
        slots = arrived.pop(node.order)
        backward, inputs = node.backward, node.inputs
        if backward is None:
            raise BackwardError(
                f"The graph behind this Tensor was freed by an earlier backward() (at {node.name!r}). Compute it "
                f"again, or add the losses and call backward() once on their sum."
            )
        node.backward, node.inputs = None, ()
        if node.outputs is None:
            gradients = backward(slots[0])
        else:
            gradients = backward(tuple(z if g is None else g for g, z in zip(slots, node.outputs, strict=True)))
        del backward, slots
        if not isinstance(gradients, tuple):
            if isinstance(gradients, list):
                raise TypeError(f"The backward of {node.name!r} returned a list: it must return an array, or a tuple.")
            gradients = (gradients,)
        if len(gradients) != len(inputs):
            raise BackwardError(
                f"The backward of {node.name!r} returned {len(gradients)} gradients for {len(inputs)} inputs: it must "
                f"return one for each, None for those without."
            )
        for x, gradient in zip(inputs, gradients, strict=True):
            if gradient is None or not getattr(x, "requires_grad", False):
                continue
            if getattr(gradient, "shape", None) != x.data.shape:
                if not hasattr(gradient, "shape"):
                    raise TypeError(
                        f"The backward of {node.name!r} returned a {type(gradient).__name__} for an input of shape "
                        f"{x.data.shape}: it must return an array of that shape."
                    )
                raise ShapeError(
                    f"the backward of {node.name!r} returned a gradient of shape {gradient.shape} "
                    f"for an input of shape {x.data.shape}"
                )
            deliver(x, gradient)
