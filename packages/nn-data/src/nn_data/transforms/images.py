"""Transforms that cut, mirror and cover images: ``(N, channels, height, width)``, every image in its own way."""

from __future__ import annotations

from typing import Any

import numpy as np
from attrs import define, field

from nn_core import DataError
from nn_core.fields import not_negative, pair, positive, probability
from nn_core.typing import Array, IntOrPair
from nn_data.transforms.base import Transform, checked_images


@define(eq=False)
class RandomCrop(Transform):
    """Cuts a window out of every image, at a place of its own.

    Args:
        size: of the window, one number or (height, width).
        padding: rows and columns of zeros that are added on every side before.

    Shape:
        ``(N, C, H, W) → (N, C, *size)``.

    Raises:
        DataError: later, the window is larger than the padded image.
    """

    size: IntOrPair = field(validator=positive, converter=pair)
    padding: int = field(default=0, validator=not_negative)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        x = checked_images(x, "RandomCrop")
        height, width = self.size  # type: ignore[misc]  # the converter made it a pair
        p = self.padding
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p))) if p else x
        down, right = padded.shape[2] - height, padded.shape[3] - width
        if down < 0 or right < 0:
            raise DataError(f"A window of {height}×{width} does not fit into images of {x.shape[2:]} padded by {p}.")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
        top, left = rng.integers(0, down + 1, len(x)), rng.integers(0, right + 1, len(x))
        return windows[np.arange(len(x)), :, top, left]


@define(eq=False)
class RandomHorizontalFlip(Transform):
    """Mirrors an image left to right with probability `p`."""

    p: float = field(default=0.5, validator=probability)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        return _flipped(checked_images(x, "RandomHorizontalFlip"), 3, self.p, rng)


@define(eq=False)
class RandomVerticalFlip(Transform):
    """Turns an image upside down with probability `p`."""

    p: float = field(default=0.5, validator=probability)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        return _flipped(checked_images(x, "RandomVerticalFlip"), 2, self.p, rng)


def _flipped(x: Array, axis: int, p: float, rng: np.random.Generator) -> Array:
    chosen = rng.random(len(x)) < p
    return np.where(chosen[:, None, None, None], np.flip(x, axis), x)


@define(eq=False)
class Cutout(Transform):
    """Covers a square of every image with zeros, at a place of its own; at an edge a part of it falls outside.

    Args:
        size: of the square, in pixels.
        p: probability that an image is covered.

    Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.
    """

    size: int = field(validator=positive)
    p: float = field(default=1.0, validator=probability)

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        x = checked_images(x, "Cutout")
        covered = (rng.random(len(x)) < self.p)[:, None, None]
        rows, columns = (_within(rng.integers(0, side, len(x)), side, self.size) for side in x.shape[2:])
        hidden = rows[:, :, None] & columns[:, None, :] & covered
        return np.where(hidden[:, None], np.zeros((), x.dtype), x)


def _within(centers: Array, side: int, size: int) -> Array:
    """Return for every image which places along an axis lie in a stretch of `size` around its center."""
    first = centers[:, None] - size // 2
    places = np.arange(side)
    inside: Array = (places >= first) & (places < first + size)
    return inside
