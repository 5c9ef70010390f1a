"""Layers in the words of Keras: functions that make those of this package.

What differs is the order of axes, which is here ``(N, C, H, W)`` whatever the words.
"""

from __future__ import annotations

from typing import Any

from nn_core.typing import PerAxis
from nn_layers_conv.batchnorm import BatchNorm2d
from nn_layers_conv.convolution import Conv2d
from nn_layers_conv.pooling import MaxPool2d


def Conv2D(  # noqa: N802 - it stands for a class
    filters: int,
    kernel_size: PerAxis = (3, 3),
    stride: PerAxis = 1,
    padding: PerAxis | str = "same",
    use_bias: bool = True,
    **options: Any,
) -> Conv2d:
    """Return the `Conv2d` of `filters` output channels, whose input channels follow from the first input.

    Args:
        filters: O, the number of filters.
        kernel_size: k, of a filter.
        stride: step from one window to the next.
        padding: ``"same"`` for ⌈size / stride⌉ windows along an axis, ``"valid"`` for none, or as in `Conv2d`.
        use_bias: whether a bias is added.
        **options: the others of `Conv2d`.

    >>> Conv2D(8, stride=2)
    Conv2d(in_channels=None, out_channels=8, kernel_size=(3, 3), stride=(2, 2), padding='same', bias=True)
    """
    return Conv2d(
        out_channels=filters, kernel_size=kernel_size, stride=stride, padding=padding, bias=use_bias, **options
    )


def MaxPool2D(  # noqa: N802 - it stands for a class
    pool_size: PerAxis = (2, 2), stride: PerAxis | None = None, **options: Any
) -> MaxPool2d:
    """Return the `MaxPool2d` with windows of `pool_size`, next to each other unless `stride` says otherwise.

    Args:
        pool_size: k, of a window.
        stride: step from one window to the next; `pool_size` if left out.
        **options: the others of `MaxPool2d`.

    >>> MaxPool2D()
    MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))
    """
    return MaxPool2d(pool_size, pool_size if stride is None else stride, **options)


def BatchNorm2D(  # noqa: N802 - it stands for a class
    momentum: float = 0.9, eps: float = 1e-5, **options: Any
) -> BatchNorm2d:
    """Return the `BatchNorm2d` whose running statistics keep `momentum` of what they were: 1 − momentum there.

    Args:
        momentum: share of the old value in the new running statistics.
        eps: added to the variance under the root.
        **options: the others of `BatchNorm2d`.

    Raises:
        ConfigError: momentum is no number from 0 to 1.

    >>> BatchNorm2D(momentum=0.75)
    BatchNorm2d(num_features=None, momentum=0.25, eps=1e-05)
    """
    layer = BatchNorm2d(momentum=momentum, eps=eps, **options)  # which refuses a wrong one under its name
    layer.momentum = round(1 - layer.momentum, 12)  # 0.1 for 0.9
    return layer
