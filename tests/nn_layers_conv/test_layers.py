"""Every layer of nn-layers-conv that convolves or pools against the checks that all layers are held to."""

from __future__ import annotations

from nn_core.testing import LayerCase, parametrize_layer_checks
from nn_layers_conv import (
    AvgPool1d,
    AvgPool2d,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    LPPool2d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)

CASES = [
    LayerCase("conv1d", lambda: Conv1d(2, 3, 3, stride=2, padding=1), (2, 2, 7)),
    LayerCase("conv1d, same", lambda: Conv1d(out_channels=2, kernel_size=2, padding="same", dilation=3), (2, 2, 5)),
    LayerCase("conv2d", lambda: Conv2d(3, 4, 3), (2, 3, 6, 7)),
    LayerCase("conv2d, padding", lambda: Conv2d(2, 3, 3, padding=1, bias=False), (2, 2, 5, 4)),
    LayerCase("conv2d, stride", lambda: Conv2d(2, 3, (3, 2), stride=(2, 3), padding=(0, 1)), (2, 2, 8, 7)),
    LayerCase("conv2d, 1×1", lambda: Conv2d(3, 2, 1), (2, 3, 1, 1)),
    LayerCase("conv2d, inferred", lambda: Conv2d(out_channels=2, kernel_size=2), (2, 3, 4, 4)),
    LayerCase("conv2d, depthwise", lambda: Conv2d(3, 6, 3, groups=3, padding=1), (2, 3, 4, 5)),
    LayerCase("conv2d, many images", lambda: Conv2d(1, 2, 3, padding=1), (65, 1, 3, 2)),
    *[
        LayerCase(f"conv2d, {mode}", lambda mode=mode: Conv2d(2, 2, 3, padding=(1, 2), padding_mode=mode), (2, 2, 3, 4))
        for mode in ("reflect", "replicate", "circular")
    ],
    LayerCase("conv3d", lambda: Conv3d(1, 2, 2, padding=(1, 0, 1)), (2, 1, 2, 3, 2)),
    LayerCase("conv_transpose1d", lambda: ConvTranspose1d(2, 3, 3, stride=2, output_padding=1), (2, 2, 4)),
    LayerCase("conv_transpose2d", lambda: ConvTranspose2d(2, 4, 2, stride=2, groups=2), (2, 2, 3, 2)),
    LayerCase(
        "conv_transpose2d, inferred",
        lambda: ConvTranspose2d(out_channels=2, kernel_size=3, padding="same", stride=2, bias=False),
        (2, 3, 2, 3),
    ),
    LayerCase("max_pool1d", lambda: MaxPool1d(3, 2, 1), (2, 2, 7)),
    LayerCase("max_pool2d", lambda: MaxPool2d(2), (2, 3, 6, 4)),
    LayerCase("max_pool2d, overlapping", lambda: MaxPool2d(3, stride=1, padding=1), (2, 2, 5, 4)),
    LayerCase("max_pool2d, rest left over", lambda: MaxPool2d((2, 3), stride=(3, 2)), (1, 2, 7, 6)),
    LayerCase("max_pool2d, dilation", lambda: MaxPool2d(2, dilation=2, ceil_mode=True), (2, 2, 6, 5)),
    LayerCase("max_pool3d", lambda: MaxPool3d(2, padding=1), (2, 1, 3, 2, 3)),
    LayerCase("avg_pool1d", lambda: AvgPool1d(3, 2, 1), (2, 2, 7)),
    LayerCase("avg_pool2d", lambda: AvgPool2d(2), (2, 3, 6, 4)),
    LayerCase("avg_pool2d, counted", lambda: AvgPool2d(3, 2, 1, True, False), (2, 2, 5, 6)),
    LayerCase("lp_pool2d", lambda: LPPool2d(2, 2), (2, 2, 4, 5)),
    LayerCase("batch_norm2d", lambda: BatchNorm2d(3), (4, 3, 2, 3), min_batch=1),
    LayerCase("batch_norm2d, inferred, not affine", lambda: BatchNorm2d(affine=False), (2, 3, 4, 5), min_batch=1),
]


@parametrize_layer_checks(CASES)
def test_layer(check):
    check()
