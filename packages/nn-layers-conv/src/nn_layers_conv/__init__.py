"""Convolution, pooling and 2-D normalization layers for nn-core."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nn_core.lazy import lazy_exports

__version__ = "0.1.0"

if TYPE_CHECKING:
    from nn_layers_conv.batchnorm import BatchNorm2d as BatchNorm2d
    from nn_layers_conv.convolution import Conv2d as Conv2d
    from nn_layers_conv.pooling import MaxPool2d as MaxPool2d
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "batchnorm": ["BatchNorm2d"],
            "convolution": ["Conv2d"],
            "pooling": ["MaxPool2d"],
        },
    )
