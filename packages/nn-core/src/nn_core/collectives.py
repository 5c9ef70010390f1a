"""How members that each hold a part of one batch (threads, MPI ranks) sum what belongs to the whole batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nn_core.protocols import Collective
from nn_core.typing import Array


class OneMember:
    """The collective of a process that holds the whole batch: its sums are complete already."""

    rank = 0
    size = 1

    def all_reduce(self, x: Array) -> Array:
        return x


_current: ContextVar[Collective] = ContextVar("nn_core_collective", default=OneMember())  # noqa: B039 - holds no state


def collective() -> Collective:
    """Return the collective that batch statistics are summed over; member 0 writes buffers.

    >>> collective().size
    1
    """
    return _current.get()


@contextmanager
def use_collective(member: Collective) -> Iterator[None]:
    """Sum batch statistics over `member`'s collective inside the block, in this thread."""
    token = _current.set(member)
    try:
        yield
    finally:
        _current.reset(token)
