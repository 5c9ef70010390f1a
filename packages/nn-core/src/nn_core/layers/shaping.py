"""Layers that only rearrange their input, or leave it as it is."""

from __future__ import annotations

from math import prod
from typing import Any

from attrs import Attribute, define, field

from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED, doc, sizes
from nn_core.layer import Layer
from nn_core.typing import Array, Backward, Shape


@define(eq=False, slots=False, repr=False)
class Identity(Layer):
    """Return the input as it is: ``y = x``.

    Gradient: ``∂x = dy``.

    Shape:
        x of any shape → y of the same.

    >>> Identity()([1.0, 2.0])
    array([1., 2.], dtype=float32)
    """

    def forward(self, x: Array) -> tuple[Array, Backward]:
        def backward(dy: Array) -> Array:
            return dy

        return x, backward


class _Reshaping(Layer):
    """The mathematics that layers share which only give their input another shape."""

    def forward(self, x: Array) -> tuple[Array, Backward]:
        shape = x.shape

        def backward(dy: Array) -> Array:
            return dy.reshape(shape)

        return x.reshape(self.output_shape(shape)), backward

    def filled(self, wanted: Shape, size: int, input_shape: Shape) -> Shape:
        """Return a shape for `size` elements: the one that is wanted, with the number that −1 stands for."""
        given = prod(length for length in wanted if length != -1)
        shape = tuple(size // given if length == -1 else length for length in wanted)
        if prod(shape) != size:
            raise self.shape_error(f"cannot arrange {size} elements of an input of shape {input_shape} as {wanted}")
        return shape


def _shape(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but tuples of positive integers, one of which may be −1."""
    if value is REQUIRED:
        raise ConfigError(f"{option.alias} of {type(owner).__name__} is missing: give it a tuple of integers.")
    numbers = value if isinstance(value, tuple) else (None,)
    whole = all(isinstance(n, int) and not isinstance(n, bool) and (n > 0 or n == -1) for n in numbers)
    if not whole or numbers.count(-1) > 1:
        raise ConfigError(
            f"{option.alias} of {type(owner).__name__} must be positive integers, one of which may be -1 "
            f"for what is left, got {value!r}."
        )


@define(eq=False, slots=False, repr=False)
class Flatten(_Reshaping):
    """Join the axes from `start_dim` to `end_dim` into one: ``yₙ = vec(xₙ)``.

    Gradient: dy in the shape of x.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C·H·W)`` with the defaults.

    Raises:
        ShapeError: x has no such axes.

    >>> import numpy as np
    >>> Flatten()(np.zeros((5, 2, 3, 4), np.float32)).shape
    (5, 24)
    """

    start_dim: int = field(default=1, metadata=doc("first axis to join"))
    end_dim: int = field(default=-1, metadata=doc("last axis to join; negative counts from the end"))

    def __repr__(self) -> str:
        return super().__repr__() if (self.start_dim, self.end_dim) != (1, -1) else "Flatten()"

    def output_shape(self, input_shape: Shape) -> Shape:
        axes = len(input_shape)
        start, end = (dim + axes if dim < 0 else dim for dim in (self.start_dim, self.end_dim))
        if end == start - 1 == axes - 1:  # (N,) with the defaults: one feature per sample
            return (*input_shape, 1)
        if not 0 <= start <= end < axes:
            raise self.shape_error(
                f"cannot join axes {self.start_dim} to {self.end_dim} of an input of shape {input_shape}"
            )
        return (*input_shape[:start], prod(input_shape[start : end + 1]), *input_shape[end + 1 :])


@define(eq=False, slots=False, repr=False)
class Unflatten(_Reshaping):
    """Split one axis into several: the inverse of `Flatten`.

    Gradient: dy in the shape of x.

    Shape:
        x ``(…, L, …)`` with L on axis `dim` → y ``(…, *unflattened_size, …)``.

    Raises:
        ShapeError: x has no such axis, or its length is not the product of the sizes.

    >>> import numpy as np
    >>> Unflatten(1, (2, -1))(np.zeros((5, 24), np.float32)).shape
    (5, 2, 12)
    """

    dim: int = field(default=REQUIRED, metadata=doc("axis to split; negative counts from the end"))
    unflattened_size: tuple[int, ...] = field(
        default=REQUIRED, converter=sizes, validator=_shape, metadata=doc("sizes to split it into; one may be -1")
    )

    @dim.validator
    def _an_axis(self, option: Attribute[Any], value: Any) -> None:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ConfigError(f"dim of Unflatten must be an integer, got {value!r}.")

    def output_shape(self, input_shape: Shape) -> Shape:
        axes = len(input_shape)
        dim = self.dim + axes if self.dim < 0 else self.dim
        if not 0 <= dim < axes:
            raise self.shape_error(f"there is no axis {self.dim} to split in an input of shape {input_shape}")
        parts = self.filled(self.unflattened_size, input_shape[dim], input_shape)
        return (*input_shape[:dim], *parts, *input_shape[dim + 1 :])


@define(eq=False, slots=False, repr=False)
class Reshape(_Reshaping):
    """Give every sample another shape: ``yₙ = xₙ`` in C order; the batch axis stays.

    Gradient: dy in the shape of x.

    Shape:
        x ``(N, …)`` → y ``(N, *shape)``.

    Raises:
        ShapeError: a sample has another number of elements.

    >>> import numpy as np
    >>> Reshape((1, 28, 28))(np.zeros((5, 784), np.float32)).shape
    (5, 1, 28, 28)
    """

    shape: tuple[int, ...] = field(
        default=REQUIRED, converter=sizes, validator=_shape, metadata=doc("of a sample in y; one size may be -1")
    )

    def output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape:
            raise self.shape_error("expected a batch of samples, got a single number")
        return (input_shape[0], *self.filled(self.shape, prod(input_shape[1:]), input_shape))
