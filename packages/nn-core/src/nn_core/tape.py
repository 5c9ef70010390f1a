"""The tape: what autograd remembers of each operation, and how gradients go back through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any

from nn_core.errors import BackwardError, ShapeError
from nn_core.typing import Array, Backward

if TYPE_CHECKING:
    from nn_core.tensor import Tensor

_recording: ContextVar[bool] = ContextVar("nn_core_recording", default=True)
_order = count()


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


@contextmanager
def no_grad() -> Iterator[None]:
    """Compute without remembering anything for a backward pass, in this thread; also usable as a decorator.

    >>> from nn_core import Tensor
    >>> x = Tensor([1.0], requires_grad=True)
    >>> with no_grad():
    ...     y = 2 * x
    >>> y.requires_grad
    False
    """
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


@contextmanager
def enable_grad() -> Iterator[None]:
    """Remember operations again inside `no_grad`."""
    token = _recording.set(True)
    try:
        yield
    finally:
        _recording.reset(token)


def go_back(roots: Sequence[tuple[Tensor, Array]]) -> None:
    """Carry gradients from some Tensors to the leaves they were made from, where they add up.

    Nodes run from the latest to the earliest, so each has the gradients of all its uses when its turn comes. A node
    lets go of its closure and its inputs as it runs: the graph is freed on the way.

    Args:
        roots: Tensors and the gradients with respect to them.

    Raises:
        BackwardError: a part of the graph was gone through before.
        ShapeError: an operation returned a gradient of another shape than its input.
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
            gradients = (gradients,)
        if len(gradients) != len(inputs):
            raise BackwardError(
                f"The backward of {node.name!r} returned {len(gradients)} gradients for {len(inputs)} inputs: it must "
                f"return one for each, None for those without."
            )
        for x, gradient in zip(inputs, gradients, strict=True):
            if gradient is None or not getattr(x, "requires_grad", False):
                continue
            if gradient.shape != x.data.shape:
                raise ShapeError(
                    f"the backward of {node.name!r} returned a gradient of shape {gradient.shape} "
                    f"for an input of shape {x.data.shape}"
                )
            deliver(x, gradient)
