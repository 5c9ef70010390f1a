"""Normalization of images."""

from __future__ import annotations

from typing import ClassVar

from attrs import define

from nn_core.layers.batchnorm import BatchNorm


@define(eq=False, slots=False, repr=False)
class BatchNorm2d(BatchNorm):
    """Batch normalization of the channels of images: ``y = (x − μ) / √(σ² + eps) · weight + bias``.

    In training μ and σ² (biased) are taken per channel over N, H and W, and the running statistics move towards them:
    ``running ← (1 − momentum) · running + momentum · batch`` (unbiased variance). In evaluation they take their place.

    Gradients, over the m = N·H·W values of a channel, with x̂ the normalized x: ``∂weight = Σ dy·x̂``, ``∂bias = Σ dy``,
    ``∂x = weight / √(σ² + eps) · (dy − ∂bias / m − x̂ · ∂weight / m)``.

    Shape:
        x ``(N, C, H, W)`` → y of the same.

    Raises:
        ShapeError: x has other axes or channels, or in training one value per channel.

    Source: Ioffe and Szegedy, "Batch normalization", 2015.

    >>> import numpy as np
    >>> BatchNorm2d()(np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)).round(2)
    array([[[[-1.34, -0.45],
             [ 0.45,  1.34]]]], dtype=float32)
    """

    axes: ClassVar[tuple[str, ...]] = ("NCHW",)
