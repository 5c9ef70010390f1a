"""A model at a glance: its layers, what comes out of each, its parameters and what training keeps in memory."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from numbers import Integral
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from nn_core.dtypes import default_dtype
from nn_core.errors import ConfigError, NotBuiltError, ShapeError
from nn_core.observation import Observation, observe
from nn_core.parameter import Buffer, Parameter
from nn_core.parts import Parts
from nn_core.random import default_rng, keyed
from nn_core.tape import Node
from nn_core.tensor import Tensor

Row = tuple[str, str, str, str]


def summary(model: Any, input_shape: Any = None) -> str:
    """Return a table of the layers: name, output shape, parameters and the bytes that each keeps for the backward pass.

    The figures are measured on a copy of the model, in training mode, on zeros. A parameter or an array in memory that
    two layers share counts for the first; a layer that runs again goes by its first name, marked as shared.

    Args:
        model: a layer.
        input_shape: of the input, batch axis included, or one for each input; left out, the one that the first layer
            was built for, with at least two samples, which batch norm needs.

    Raises:
        ConfigError: `input_shape` is no shape.
        NotBuiltError: `input_shape` is left out, and the model does not tell what its input is like.

    >>> from nn_core import Linear, ReLU, Sequential
    >>> print(summary(Sequential(Linear(4, 8), ReLU(), Linear(8, 2)), (32, 4)))
    layer     output shape  parameters  kept for backward
    input     (32, 4)
    0 linear  (32, 8)               40              512 B
    1 relu    (32, 8)                0              256 B
    2 linear  (32, 2)               18            1.02 kB
    total                           58            1.79 kB
    """
    twin = copy.deepcopy(model).train()
    dtype = np.int64 if getattr(model, "takes_integers", False) else model.dtype or default_dtype()
    shapes = _shapes_of(input_shape) if input_shape is not None else _shapes_built_for(model)
    xs = [np.zeros(shape, dtype) for shape in shapes]
    generator = default_rng().bit_generator
    state = generator.state
    try:
        with keyed(0, 0):
            twin.forward(*xs)  # builds what is not built yet
            rows, kept = _measured(twin, xs)
    except ShapeError:
        if input_shape is not None:
            raise
        raise _unknown_input() from None  # what a made-up shape does not fit is no news
    finally:
        generator.state = state
    parameters = twin.parameters()
    total = sum(parameter.size for parameter in parameters)
    frozen = sum(parameter.size for parameter in parameters if not parameter.requires_grad)
    inputs = ("input", ", ".join(map(str, shapes)), "", "")
    lines = _table([inputs, *rows, ("total", "", f"{total:,}", _bytes(kept))])
    return "\n".join([*lines, *([f"{frozen:,} of the parameters are frozen"] if frozen else [])])


def _measured(model: Any, xs: list[Any]) -> tuple[list[Row], int]:
    """Return a row for each layer that is no mere container, in the order in which they finish, and all bytes kept."""
    rows: list[Row] = []
    ran: set[int] = set()
    total = 0
    state = [*model.named_parameters(), *model.named_buffers()]
    # What was counted, by identity, or is not to be counted; kept alive here, so that no identity is used again.
    seen = {id(array): array for _, part in state for array in (part.data, part.data.base)}

    def note(event: Observation) -> None:
        nonlocal total
        if event.phase != "forward":
            return
        own = {id(part): part for part in vars(event.layer).values() if isinstance(part, Parameter)}
        size = sum(part.size for key, part in own.items() if key not in seen)
        seen.update(own)
        kept = sum(array.nbytes for array in _kept(event.closure, seen))
        total += kept
        if own or kept or not any(event.layer.children()):
            outputs = event.output if isinstance(event.output, tuple) else (event.output,)
            name = f"{event.name} {event.layer.label()}{' (shared)' if id(event.layer) in ran else ''}".strip()
            ran.add(id(event.layer))
            rows.append((name, ", ".join(str(y.shape) for y in outputs), f"{size:,}", _bytes(kept)))

    with observe(note):
        model.forward(*xs)
    return rows, total


# The shape of the input


def _shapes_of(given: Any) -> tuple[tuple[int, ...], ...]:
    several = isinstance(given, (tuple, list)) and len(given) > 0 and isinstance(given[0], (tuple, list))
    shapes = tuple(given) if several else (given,)
    for shape in shapes:
        if not isinstance(shape, (tuple, list)) or not shape or not all(map(_is_size, shape)):
            raise ConfigError(
                f"input_shape must be the sizes of an input, batch axis included, such as (32, 784), or a list of "
                f"those of several inputs; got {given!r}."
            )
    return tuple(map(tuple, shapes))


def _is_size(size: Any) -> bool:
    return isinstance(size, Integral) and not isinstance(size, bool) and int(size) >= 0


def _shapes_built_for(model: Any) -> tuple[tuple[int, ...], ...]:
    first: Any = model
    while getattr(first, "built_for", None) is None and isinstance(first, Parts) and any(first.children()):
        first = next(part for _, part in first.children())
    if not getattr(first, "built_for", None):
        raise _unknown_input()
    return tuple(
        # A layer that got its sizes from its constructor was built for one sample's features.
        (2, *shape) if len(shape) == 1 else (max(shape[0], 2), *shape[1:])
        for shape in _shapes_of(first.built_for)
    )


def _unknown_input() -> NotBuiltError:
    return NotBuiltError(
        "The model does not tell what its input is like, so the shapes of its outputs are unknown. "
        "Give summary the shape of an input, batch axis included, as in summary(model, (32, 784)) "
        "or, of images, (32, 3, 28, 28)."
    )


# What a closure keeps


def _kept(thing: Any, seen: dict[int, Any]) -> Iterator[Any]:
    """Yield the arrays that a closure holds on to, each memory block once; parameters and layers are not its own."""
    if id(thing) in seen or isinstance(thing, (Parts, Parameter, Buffer)):
        return
    seen[id(thing)] = thing
    if hasattr(thing, "nbytes") and hasattr(thing, "base"):
        if hasattr(thing.base, "nbytes"):
            yield from _kept(thing.base, seen)
        else:
            yield thing
        return
    for part in _held(thing):
        yield from _kept(part, seen)


def _held(thing: Any) -> list[Any]:
    """Return what a function, a container or a node of a graph refers to."""
    if isinstance(thing, MethodType):
        return [thing.__func__]
    if isinstance(thing, FunctionType):
        return [cell.cell_contents for cell in thing.__closure__ or () if _is_filled(cell)]
    if isinstance(thing, (tuple, list)):
        return list(thing)
    if isinstance(thing, dict):
        return list(thing.values())
    if isinstance(thing, Tensor):
        return [thing.data, thing.node]
    return [thing.inputs, thing.backward] if isinstance(thing, Node) else []


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - reading an empty cell raises
    except ValueError:
        return False
    return True


# The text


def _table(rows: list[Row]) -> list[str]:
    rows = [("layer", "output shape", "parameters", "kept for backward"), *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return [
        f"{name:<{widths[0]}}  {shape:<{widths[1]}}  {size:>{widths[2]}}  {kept:>{widths[3]}}".rstrip()
        for name, shape, size, kept in rows
    ]


def _bytes(count: int) -> str:
    size, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):  # noqa: B007 - the last one tried is the unit
        if size < 1000:
            break
        size /= 1000
    return f"{size:.3g} {unit}"
