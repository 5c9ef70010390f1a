"""Layers in the words of Keras are the layers of this package."""

from __future__ import annotations

import numpy as np
import pytest

from nn_core import ConfigError
from nn_layers_conv import BatchNorm2D, BatchNorm2d, Conv2D, Conv2d, MaxPool2D, MaxPool2d


@pytest.mark.parametrize(
    ("spelt", "layer"),
    [
        (Conv2D(4), Conv2d(out_channels=4, kernel_size=3, padding="same")),
        (Conv2D(4, (3, 2), 2, "valid", False), Conv2d(None, 4, (3, 2), stride=2, padding="valid", bias=False)),
        (Conv2D(filters=4, kernel_size=5, dilation=2, in_channels=3), Conv2d(3, 4, 5, padding="same", dilation=2)),
        (MaxPool2D(), MaxPool2d(2)),
        (MaxPool2D((3, 2)), MaxPool2d((3, 2))),
        (MaxPool2D(pool_size=3, stride=2, padding=1), MaxPool2d(3, 2, 1)),
        (BatchNorm2D(), BatchNorm2d(momentum=0.1)),
        (BatchNorm2D(0.75, 1e-3, affine=False), BatchNorm2d(momentum=0.25, eps=1e-3, affine=False)),
    ],
)
def test_the_words_make_the_same_layer(spelt, layer):
    assert type(spelt) is type(layer)
    assert spelt.config() == layer.config()


@pytest.mark.parametrize(("size", "stride"), [((28, 28), 1), ((28, 27), 2), ((5, 7), 3)])
def test_same_padding_keeps_the_size_divided_by_the_stride_and_rounded_up(size, stride):
    y = Conv2D(2, (3, 2), stride=stride)(np.zeros((1, 3, *size), np.float32))
    assert y.shape == (1, 2, *(-(-n // stride) for n in size))


def test_running_statistics_keep_as_much_as_momentum_says():
    layer = BatchNorm2D(momentum=0.75)
    x = np.random.default_rng(0).normal(3, 2, size=(4, 2, 3, 3)).astype("float32")
    layer(x)
    np.testing.assert_allclose(layer.running_mean.data, 0.25 * x.mean((0, 2, 3)), rtol=1e-5)


def test_a_wrong_momentum_is_refused_as_it_was_written():
    with pytest.raises(ConfigError, match=r"momentum of BatchNorm2d must be a number from 0 to 1, got 1\.5"):
        BatchNorm2D(momentum=1.5)
