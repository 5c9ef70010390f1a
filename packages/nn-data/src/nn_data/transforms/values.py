"""Transforms of values and shapes."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np
from attrs import define, field

from nn_core import ConfigError, DataError
from nn_core.fields import not_negative_number
from nn_core.typing import Array, Shape
from nn_data.transforms.base import Transform


class Normalize(Transform):
    """Subtracts a mean and divides by a deviation: ``(x − mean) / std``, one number or one per channel (axis 1).

    Bytes are taken as they are, from 0 to 255, and become float32: with mean and deviation in these units, as `of`
    finds them, no `ToFloat` is needed; with those of numbers from 0 to 1 it has to come before.

    Args:
        mean: in the units of x.
        std: likewise, above 0.

    Raises:
        ConfigError: `std` is not above 0, or the sizes differ.
        DataError: later, x has another number of channels.

    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]], np.float32)
    >>> Normalize([2, 20], [1, 10])(x, np.random.default_rng())
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    """

    def __init__(self, mean: Any, std: Any) -> None:
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if self.mean.shape != self.std.shape or self.mean.ndim > 1:
            raise ConfigError(
                f"mean and std of Normalize are one number or one per channel, got shapes {self.mean.shape} and "
                f"{self.std.shape}."
            )
        if not (np.isfinite(self.mean) & np.isfinite(self.std) & (self.std > 0)).all():
            raise ConfigError(f"mean and std of Normalize must be finite, and std above 0, got {mean!r} and {std!r}.")

    @classmethod
    def of(cls, x: Any, per_channel: bool = True) -> Normalize:
        """Return the transform that gives these data mean 0 and deviation 1; a constant channel becomes 0.

        Args:
            x: the training part alone: an array ``(N, channels, …)``, or a dataset, whose x is read in parts.
            per_channel: whether every channel is normalized by itself.
        """
        count, mean, squares = 0, 0.0, 0.0
        for part in _parts(x):
            axes = (0, *range(2, part.ndim)) if per_channel else tuple(range(part.ndim))
            here = part.mean(axis=axes, dtype=np.float64)
            size = part.size // max(here.size, 1)
            shift, total = here - mean, count + size
            squares = squares + part.var(axis=axes, dtype=np.float64) * size + shift**2 * count * size / total
            mean, count = mean + shift * size / total, total
        if not count:
            raise DataError("There are no samples to normalize by.")
        std = np.sqrt(squares / count)
        return cls(mean, np.where(std > 0, std, 1.0))

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
        if self.mean.ndim and (x.ndim < 2 or x.shape[1] != len(self.mean)):
            raise DataError(f"Normalize is for {len(self.mean)} channels on axis 1, got the shape {x.shape}.")
        shape = (-1,) + (1,) * (x.ndim - 2) if self.mean.ndim else ()
        return (x - self.mean.reshape(shape).astype(dtype)) / self.std.reshape(shape).astype(dtype)

    def __repr__(self) -> str:
        return f"Normalize(mean={self.mean.tolist()}, std={self.std.tolist()})"


def _parts(x: Any) -> Iterator[Array]:
    """Yield the inputs of a dataset in parts, or an array as it is."""
    if hasattr(x, "take") and not hasattr(x, "dtype"):
        for start in range(0, len(x), 1024):
            yield np.asarray(x.take(np.arange(start, min(start + 1024, len(x))))[0])
    elif len(x):
        yield np.asarray(x)


@define(eq=False)
class ToFloat(Transform):
    """Turns bytes from 0 to 255 into numbers from 0 to 1: ``x / 255`` in float32; leaves floating numbers alone."""

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        return x if x.dtype.kind == "f" else x.astype(np.float32) / np.float32(255)


@define(eq=False)
class FlattenSamples(Transform):
    """Makes every sample a vector: ``(N, …) → (N, features)``."""

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        return x.reshape(len(x), prod(x.shape[1:]))


@define(eq=False)
class ToImages(Transform):
    """Makes every sample an image: ``(N, features) → (N, channels, height, width)``.

    Args:
        shape: of one sample, such as ``(1, 28, 28)``; the square of one channel if left out.

    Raises:
        DataError: later, the sizes do not fit.

    >>> ToImages()(np.zeros((5, 784)), np.random.default_rng()).shape
    (5, 1, 28, 28)
    """

    shape: Shape | None = field(default=None)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        size = prod(x.shape[1:])
        side = round(size**0.5)
        shape = self.shape or (1, side, side)
        if prod(shape) != size:
            wanted = f"an image of {shape}" if self.shape else "a square image; give ToImages the shape of a sample"
            raise DataError(f"Samples of shape {x.shape[1:]} do not make {wanted}.")
        return x.reshape(len(x), *shape)


@define(eq=False)
class GaussianNoise(Transform):
    """Adds normal noise of deviation `std`, in the units of x."""

    std: float = field(default=0.1, validator=not_negative_number)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        if x.dtype.kind != "f":
            raise DataError(f"GaussianNoise is added to floating numbers, got {x.dtype}; ToFloat makes some.")
        noise: Array = rng.standard_normal(x.shape, dtype=np.float32)
        return x + (noise * np.float32(self.std)).astype(x.dtype, copy=False)
