"""Transforms that turn, move and enlarge images: ``(N, channels, height, width)``, every image in its own way.

The value of a pixel is interpolated bilinearly between the four around the place that it comes from; what lies outside
of the image is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import Attribute, define, field

from nn_core import ConfigError, DataError
from nn_core.fields import not_negative_number, probability
from nn_core.typing import Array
from nn_data.transforms.base import Transform, checked_images


@define(eq=False)
class RandomRotation(Transform):
    """Turns every image about its center by an angle from −`degrees` to `degrees`."""

    degrees: float = field(validator=not_negative_number)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        angle = np.deg2rad(rng.uniform(-self.degrees, self.degrees, len(x)))
        cos, sin = np.cos(angle), np.sin(angle)
        turns = np.stack([np.stack([cos, sin], axis=1), np.stack([-sin, cos], axis=1)], axis=1)
        return warp(x, turns, np.zeros((len(x), 2)), "RandomRotation")


@define(eq=False)
class RandomTranslation(Transform):
    """Moves every image by up to a share of its height, and of its width, in both directions.

    Args:
        share: from 0 to 1.
    """

    share: float = field(default=0.1, validator=probability)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        sides = np.array(checked_images(x, "RandomTranslation").shape[2:])
        moves = rng.uniform(-self.share, self.share, (len(x), 2)) * sides
        return warp(x, np.broadcast_to(np.eye(2), (len(x), 2, 2)), moves, "RandomTranslation")


def _range(owner: Any, option: Attribute[Any], value: Any) -> None:
    fits = isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, (int, float)) for v in value)
    if not fits or not 0 < value[0] <= value[1] < float("inf"):
        raise ConfigError(f"scale of RandomScaling must be (least, most), both above 0, got {value!r}.")


def _pair(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # as in a file


@define(eq=False)
class RandomScaling(Transform):
    """Enlarges every image about its center by a factor from the first number of `scale` to the second."""

    scale: tuple[float, float] = field(default=(0.9, 1.1), validator=_range, converter=_pair)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        factors = rng.uniform(*self.scale, len(x))
        return warp(x, np.eye(2) / factors[:, None, None], np.zeros((len(x), 2)), "RandomScaling")


def warp(x: Any, matrices: Array, moves: Array, name: str) -> Array:
    """Return images in which the pixel at p, from the center, has the value of the old image at ``M (p − move)``.

    Args:
        x: images ``(N, C, H, W)`` of floating numbers.
        matrices: ``(N, 2, 2)``, for (row, column).
        moves: ``(N, 2)``, in pixels.
        name: of the transform, for errors.

    Raises:
        DataError: x is something else.
    """
    x = checked_images(x, name)
    if x.dtype.kind != "f":
        raise DataError(f"{name} interpolates between floating numbers, got {x.dtype}; ToFloat makes some.")
    n, channels, height, width = x.shape
    center = (np.array([height, width]) - 1) / 2
    grid = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1).reshape(-1, 2) - center
    source = (grid - moves[:, None]) @ matrices.swapaxes(1, 2) + center  # (N, H·W, 2)
    corner = np.floor(source)
    fraction = (source - corner).astype(x.dtype)
    row, column = corner[..., 0].astype(np.int64), corner[..., 1].astype(np.int64)
    flat = x.reshape(n, channels, height * width)
    y = np.zeros(flat.shape, x.dtype)
    for down in (0, 1):
        for right in (0, 1):
            r, c = row + down, column + right
            inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
            weight = (fraction[..., 0] if down else 1 - fraction[..., 0]) * (
                fraction[..., 1] if right else 1 - fraction[..., 1]
            )
            place = np.where(inside, r * width + c, 0)[:, None]
            y += np.take_along_axis(flat, place, axis=2) * np.where(inside, weight, 0)[:, None]
    return y.reshape(x.shape)
