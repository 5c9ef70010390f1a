"""What nn-layers-conv announces."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import KernelSpec, LayerSpec, hookimpl

NN_API = 1

# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py


@hookimpl
def nn_layers() -> Iterator[LayerSpec]:
    yield LayerSpec(name="conv2d", target="nn_layers_conv.convolution:Conv2d", summary="Convolution of images.")
    yield LayerSpec(name="max_pool2d", target="nn_layers_conv.pooling:MaxPool2d", summary="Largest value of windows.")
    yield LayerSpec(
        name="batch_norm2d",
        target="nn_layers_conv.batchnorm:BatchNorm2d",
        summary="Batch normalization of the channels of images.",
    )


@hookimpl
def nn_kernels() -> Iterator[KernelSpec]:
    yield KernelSpec(name="im2col", target="nn_layers_conv.windows:im2col", summary="Patches of images as columns.")
    yield KernelSpec(name="col2im", target="nn_layers_conv.windows:col2im", summary="Columns added back into images.")
    yield KernelSpec(name="window_max", target="nn_layers_conv.windows:window_max", summary="Maxima of windows.")
    yield KernelSpec(
        name="window_max_backward",
        target="nn_layers_conv.windows:window_max_backward",
        summary="Gradients sent back to the maxima of windows.",
    )
