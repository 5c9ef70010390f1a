"""Padding of sequences, images or volumes: with zeros, or with what is inside, mirrored, drawn out or repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, ClassVar

from attrs import Attribute, define, field

from nn_core import Layer
from nn_core.backends import backend
from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED, doc
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv import memory
from nn_layers_conv.geometry import THINGS, Pads, by, check_axes

_SOURCES: dict[str, Callable[[int, int], int]] = {
    "reflect": lambda i, size: -i if i < 0 else 2 * (size - 1) - i,
    "replicate": lambda i, size: 0 if i < 0 else size - 1,
    "circular": lambda i, size: i % size,
}
"""Which element of an axis stands at place i outside of it."""

PADDING_MODES = ("zeros", *_SOURCES)


def margins(size: int, before: int, after: int, mode: str) -> list[tuple[int, int]]:
    """Return the places that padding adds to an axis, in the padded axis, each with the element that it copies.

    >>> margins(4, 2, 1, "reflect")  # c b | a b c d | c
    [(0, 2), (1, 1), (6, 2)]
    """
    outside = (*range(-before, 0), *range(size, size + after))
    return [(before + i, _SOURCES[mode](i, size)) for i in outside]


def padded(x: Array, pads: Pads, mode: str) -> tuple[Array, Backward]:
    """Return x (N, C, …) with (before, after) elements added to each spatial axis, and the closure of that.

    Every added element is a copy, so that its gradient goes to the element that it copies. Mode zeros also takes
    negative numbers, of elements to take away.
    """
    if not any(map(any, pads)):
        return x, lambda dy: dy
    if mode == "zeros":
        return _with_zeros(x, pads)
    size = x.shape[2:]
    y = memory.empty(backend(x), (*x.shape[:2], *_size_padded(size, pads)), x.dtype)
    inside = [slice(before, before + n) for n, (before, _) in zip(size, pads, strict=True)]
    added = [margins(n, before, after, mode) for n, (before, after) in zip(size, pads, strict=True)]
    y[:, :, *inside] = x
    for axis, copies in enumerate(added):  # what is copied along one axis is padding itself along those before
        for place, source in copies:
            y[_at(axis, place)] = y[_at(axis, pads[axis][0] + source)]

    def folded(dy: Array, axis: int) -> Array:
        """Return a copy of dy whose margins along this axis and those after it are added to what they copy."""
        if axis == len(pads):
            return dy.copy(order="K")
        dx = folded(dy[_at(axis, inside[axis])], axis + 1)
        for place, source in added[axis]:
            dx[_at(axis, slice(source, source + 1))] += folded(dy[_at(axis, slice(place, place + 1))], axis + 1)
        return dx

    return y, lambda dy: folded(dy, 0)


def _with_zeros(x: Array, pads: Pads) -> tuple[Array, Backward]:
    """Return x with zeros around it, or without its margins where numbers are negative, and the closure of that."""
    xp, shape = backend(x), x.shape
    y = memory.zeros(xp, (*shape[:2], *_size_padded(shape[2:], pads)), x.dtype)
    kept = [slice(max(0, -before), n - max(0, -after)) for n, (before, after) in zip(shape[2:], pads, strict=True)]
    inside = [slice(max(0, before), n - max(0, after)) for n, (before, after) in zip(y.shape[2:], pads, strict=True)]
    y[:, :, *inside] = x[:, :, *kept]

    def backward(dy: Array) -> Array:
        if min(map(min, pads)) >= 0:
            return dy[:, :, *inside]
        dx = memory.zeros(xp, shape, dy.dtype)
        dx[:, :, *kept] = dy[:, :, *inside]
        return dx

    return y, backward


def _size_padded(size: Shape, pads: Pads) -> Shape:
    return tuple(before + n + after for n, (before, after) in zip(size, pads, strict=True))


def _at(axis: int, place: int | slice) -> tuple[Any, ...]:
    """Return the index of a place along a spatial axis."""
    return (*[slice(None)] * (axis + 2), place)


def check_padding(layer: Any, pads: Pads, size: Shape, mode: str) -> None:
    """Raise where a mode cannot pad a sequence, an image or a volume of this size, exactly where PyTorch does.

    A reflection does not repeat the edge, so that it is shorter than the axis, and nothing is repeated more than once.
    """
    things = f"{THINGS[len(size)][0]} of {by(size)}"
    if mode in ("reflect", "replicate") and 0 in size:
        raise layer.shape_error(f"padding mode {mode!r} needs an element to copy, got {things}")
    for axis, (n, (before, after)) in enumerate(zip(size, pads, strict=True), start=2):
        if -min(0, before) - min(0, after) > n:
            raise layer.shape_error(
                f"cannot take {-min(0, before)} and {-min(0, after)} elements from the ends of axis {axis} of {things}",
                "Choose padding that leaves something, or reduce the size less in the layers before.",
            )
        limit = {"reflect": n - 1, "circular": n}.get(mode)
        if limit is not None and max(before, after) > limit:
            raise layer.shape_error(
                f"padding mode {mode!r} can add at most {limit} elements at each end of axis {axis} of {things}, "
                f"got {before} before and {after} after",
                "Choose less padding, or pad with zeros or by replication, which have no such limit.",
            )


def _four(value: int | Sequence[int]) -> tuple[int, ...]:
    """Return a number four times, and a tuple for a list; leave the rest to the validator."""
    converted: Any = tuple(value) if isinstance(value, list) else value
    single = isinstance(converted, Integral)
    sides: tuple[int, ...] = (converted,) * 4 if single else converted
    return sides


def _four_integers(owner: Any, option: Attribute[Any], value: Any) -> None:
    """Refuse all but four integers, and negative ones in all modes but zeros."""
    place = f"{option.alias} of {type(owner).__name__}"
    if value is REQUIRED:
        raise ConfigError(f"{place} is missing: give it an integer, or four of them for left, right, top and bottom.")
    members = value if isinstance(value, tuple) else ()
    if len(members) != 4 or not all(isinstance(n, Integral) and not isinstance(n, bool) for n in members):
        raise ConfigError(
            f"{place} must be an integer, or four of them for left, right, top and bottom, got {value!r}."
        )
    if owner.mode != "zeros" and min(members) < 0:
        raise ConfigError(f"{place} must be at least 0, got {value!r}. ZeroPad2d takes negative numbers, which crop.")


@define(eq=False, slots=False, repr=False)
class Padding2d(Layer):
    """The mathematics that padding of images shares, whatever the mode."""

    rank: ClassVar[int] = 2
    mode: ClassVar[str]
    """One of `PADDING_MODES`."""

    padding: tuple[int, ...] = field(
        default=REQUIRED,
        converter=_four,
        validator=_four_integers,
        metadata=doc("how much is added: left, right, top, bottom, or one number for all"),
    )

    @property
    def pads(self) -> Pads:
        """The same as (before, after) for H and W."""
        left, right, top, bottom = self.padding
        return (top, bottom), (left, right)

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes(self, input_shape)
        check_padding(self, self.pads, input_shape[2:], self.mode)
        return (*input_shape[:2], *_size_padded(input_shape[2:], self.pads))

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        return padded(x, self.pads, self.mode)


@define(eq=False, slots=False, repr=False)
class ZeroPad2d(Padding2d):
    """Surround images with zeros; negative numbers take away rows or columns instead.

    Gradient: ``∂x`` is the inner part of dy, with zeros where something was taken away.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, top + H + bottom, left + W + right)``.

    Raises:
        ShapeError: x is not of that shape, or smaller than what is to be taken away.

    >>> import numpy as np
    >>> ZeroPad2d((2, 1, 0, 0))(np.array([[[[1.0, 2.0, 3.0]]]]))
    array([[[[0., 0., 1., 2., 3., 0.]]]])
    """

    mode: ClassVar[str] = "zeros"


@define(eq=False, slots=False, repr=False)
class ReflectionPad2d(Padding2d):
    """Surround images with their reflection in the outermost rows and columns, which are not repeated.

    Gradient: ``∂x`` is the inner part of dy, and what lies around it is added to the elements reflected there.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, top + H + bottom, left + W + right)``.

    Raises:
        ShapeError: x is not of that shape, or an axis not larger than the padding at one of its ends.

    >>> import numpy as np
    >>> ReflectionPad2d((2, 1, 0, 0))(np.array([[[[1.0, 2.0, 3.0]]]]))
    array([[[[3., 2., 1., 2., 3., 2.]]]])
    """

    mode: ClassVar[str] = "reflect"


@define(eq=False, slots=False, repr=False)
class ReplicationPad2d(Padding2d):
    """Surround images with repetitions of the outermost rows and columns.

    Gradient: ``∂x`` is the inner part of dy, and what lies around it is added to the elements repeated there.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, top + H + bottom, left + W + right)``.

    Raises:
        ShapeError: x is not of that shape, or an axis is empty.

    >>> import numpy as np
    >>> ReplicationPad2d((2, 1, 0, 0))(np.array([[[[1.0, 2.0, 3.0]]]]))
    array([[[[1., 1., 1., 2., 3., 3.]]]])
    """

    mode: ClassVar[str] = "replicate"


@define(eq=False, slots=False, repr=False)
class CircularPad2d(Padding2d):
    """Surround images with what follows if they are repeated: each end goes on with the other one.

    Gradient: ``∂x`` is the inner part of dy, and what lies around it is added to the elements repeated there.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, top + H + bottom, left + W + right)``.

    Raises:
        ShapeError: x is not of that shape, or an axis smaller than the padding at one of its ends.

    >>> import numpy as np
    >>> CircularPad2d((2, 1, 0, 0))(np.array([[[[1.0, 2.0, 3.0]]]]))
    array([[[[2., 3., 1., 2., 3., 1.]]]])
    """

    mode: ClassVar[str] = "circular"
