"""Batch norm of images, beside the checks of all layers and those of batch norm in nn-core."""

from __future__ import annotations

import re

import numpy as np
import pytest

from nn_core import ShapeError
from nn_layers_conv import BatchNorm2d


def test_statistics_of_images_are_taken_per_channel_over_all_places():
    x = np.random.default_rng(0).normal(2, 3, size=(4, 3, 2, 5))
    layer = BatchNorm2d(3).astype("float64")
    mean, var = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    np.testing.assert_allclose(layer(x), (x - mean) / np.sqrt(var + 1e-5), rtol=1e-12)
    np.testing.assert_allclose(layer.running_mean.data, 0.1 * mean.ravel(), rtol=1e-12)
    np.testing.assert_allclose(layer.running_var.data, 0.9 + 0.1 * x.var((0, 2, 3), ddof=1), rtol=1e-12)


def test_batch_norm_of_images_takes_images_only():
    with pytest.raises(
        ShapeError, match=re.escape("batch_norm2d: expected an input of shape (N, C, H, W), got (4, 3)")
    ):
        BatchNorm2d(3)(np.zeros((4, 3), np.float32))
    with pytest.raises(ShapeError, match="expected more than one value per channel in training"):
        BatchNorm2d(3)(np.zeros((1, 3, 1, 1), np.float32))
