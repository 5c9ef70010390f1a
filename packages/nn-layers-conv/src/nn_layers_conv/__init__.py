"""Convolution, pooling and 2-D normalization layers for nn-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_layers_conv.adaptive_pooling import (
        AdaptiveAvgPool2d as AdaptiveAvgPool2d,
        AdaptiveMaxPool2d as AdaptiveMaxPool2d,
    )
    from nn_layers_conv.averaging import AvgPool1d as AvgPool1d, AvgPool2d as AvgPool2d, LPPool2d as LPPool2d
    from nn_layers_conv.batchnorm import BatchNorm2d as BatchNorm2d
    from nn_layers_conv.blocks import (
        DepthwiseSeparableConv2d as DepthwiseSeparableConv2d,
        ResidualBlock2d as ResidualBlock2d,
    )
    from nn_layers_conv.convolution import Conv1d as Conv1d, Conv2d as Conv2d, Conv3d as Conv3d
    from nn_layers_conv.dropout import Dropout2d as Dropout2d
    from nn_layers_conv.global_pooling import (
        GlobalAvgPool1d as GlobalAvgPool1d,
        GlobalAvgPool2d as GlobalAvgPool2d,
        GlobalMaxPool1d as GlobalMaxPool1d,
        GlobalMaxPool2d as GlobalMaxPool2d,
    )
    from nn_layers_conv.instancenorm import InstanceNorm2d as InstanceNorm2d
    from nn_layers_conv.padding import (
        CircularPad2d as CircularPad2d,
        ReflectionPad2d as ReflectionPad2d,
        ReplicationPad2d as ReplicationPad2d,
        ZeroPad2d as ZeroPad2d,
    )
    from nn_layers_conv.pooling import MaxPool1d as MaxPool1d, MaxPool2d as MaxPool2d, MaxPool3d as MaxPool3d
    from nn_layers_conv.spellings import BatchNorm2D as BatchNorm2D, Conv2D as Conv2D, MaxPool2D as MaxPool2D
    from nn_layers_conv.transposed import ConvTranspose1d as ConvTranspose1d, ConvTranspose2d as ConvTranspose2d
    from nn_layers_conv.upsampling import (
        PixelShuffle as PixelShuffle,
        PixelUnshuffle as PixelUnshuffle,
        Upsample as Upsample,
    )
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "adaptive_pooling": ["AdaptiveAvgPool2d", "AdaptiveMaxPool2d"],
            "averaging": ["AvgPool1d", "AvgPool2d", "LPPool2d"],
            "batchnorm": ["BatchNorm2d"],
            "blocks": ["DepthwiseSeparableConv2d", "ResidualBlock2d"],
            "convolution": ["Conv1d", "Conv2d", "Conv3d"],
            "dropout": ["Dropout2d"],
            "global_pooling": ["GlobalAvgPool1d", "GlobalAvgPool2d", "GlobalMaxPool1d", "GlobalMaxPool2d"],
            "instancenorm": ["InstanceNorm2d"],
            "padding": ["CircularPad2d", "ReflectionPad2d", "ReplicationPad2d", "ZeroPad2d"],
            "pooling": ["MaxPool1d", "MaxPool2d", "MaxPool3d"],
            "spellings": ["BatchNorm2D", "Conv2D", "MaxPool2D"],
            "transposed": ["ConvTranspose1d", "ConvTranspose2d"],
            "upsampling": ["PixelShuffle", "PixelUnshuffle", "Upsample"],
        },
    )
