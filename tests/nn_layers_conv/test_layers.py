"""Every layer of nn-layers-conv against the checks that all layers are held to; below, what is special to one."""

from __future__ import annotations

from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import BatchNorm2d, Conv2d, MaxPool2d

CASES = [
    LayerCase("conv2d", lambda: Conv2d(3, 4, 3), (2, 3, 6, 7)),
    LayerCase("conv2d, padding", lambda: Conv2d(2, 3, 3, padding=1, bias=False), (2, 2, 5, 4)),
    LayerCase("conv2d, stride", lambda: Conv2d(2, 3, (3, 2), stride=(2, 3), padding=(0, 1)), (2, 2, 8, 7)),
    LayerCase("conv2d, 1×1", lambda: Conv2d(3, 2, 1), (2, 3, 1, 1)),
    LayerCase("conv2d, inferred", lambda: Conv2d(out_channels=2, kernel_size=2), (2, 3, 4, 4)),
    LayerCase("max_pool2d", lambda: MaxPool2d(2), (2, 3, 6, 4)),
    LayerCase("max_pool2d, overlapping", lambda: MaxPool2d(3, stride=1, padding=1), (2, 2, 5, 4)),
    LayerCase("max_pool2d, rest left over", lambda: MaxPool2d((2, 3), stride=(3, 2)), (1, 2, 7, 6)),
    LayerCase("batch_norm2d", lambda: BatchNorm2d(3), (4, 3, 2, 3), min_batch=1),
    LayerCase("batch_norm2d, inferred, not affine", lambda: BatchNorm2d(affine=False), (2, 3, 4, 5), min_batch=1),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()
