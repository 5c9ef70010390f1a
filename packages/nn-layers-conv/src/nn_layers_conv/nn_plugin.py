"""What nn-layers-conv announces."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import KernelSpec, LayerSpec, hookimpl

NN_API = 1

# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py


@hookimpl
def nn_layers() -> Iterator[LayerSpec]:
    for name, layer, summary in (
        ("conv1d", "convolution:Conv1d", "Convolution of sequences."),
        ("conv2d", "convolution:Conv2d", "Convolution of images."),
        ("conv3d", "convolution:Conv3d", "Convolution of volumes."),
        ("conv_transpose1d", "transposed:ConvTranspose1d", "Transposed convolution of sequences."),
        ("conv_transpose2d", "transposed:ConvTranspose2d", "Transposed convolution of images."),
        (
            "depthwise_separable_conv2d",
            "blocks:DepthwiseSeparableConv2d",
            "Convolution of each channel, then across them.",
        ),
        ("residual_block2d", "blocks:ResidualBlock2d", "Two convolutions with a connection around them."),
        ("max_pool1d", "pooling:MaxPool1d", "Largest value of windows over sequences."),
        ("max_pool2d", "pooling:MaxPool2d", "Largest value of windows over images."),
        ("max_pool3d", "pooling:MaxPool3d", "Largest value of windows over volumes."),
        ("avg_pool1d", "averaging:AvgPool1d", "Mean of windows over sequences."),
        ("avg_pool2d", "averaging:AvgPool2d", "Mean of windows over images."),
        ("lp_pool2d", "averaging:LPPool2d", "p-norm of windows over images."),
        ("global_avg_pool1d", "global_pooling:GlobalAvgPool1d", "Mean of every channel of sequences."),
        ("global_avg_pool2d", "global_pooling:GlobalAvgPool2d", "Mean of every channel of images."),
        ("global_max_pool1d", "global_pooling:GlobalMaxPool1d", "Largest value of every channel of sequences."),
        ("global_max_pool2d", "global_pooling:GlobalMaxPool2d", "Largest value of every channel of images."),
        ("adaptive_avg_pool2d", "adaptive_pooling:AdaptiveAvgPool2d", "Means of images down to a given size."),
        ("adaptive_max_pool2d", "adaptive_pooling:AdaptiveMaxPool2d", "Largest values of images down to a given size."),
        ("batch_norm2d", "batchnorm:BatchNorm2d", "Batch normalization of the channels of images."),
        ("instance_norm2d", "instancenorm:InstanceNorm2d", "Normalization of each channel of each image."),
        ("dropout2d", "dropout:Dropout2d", "Random channels zeroed in training."),
        ("zero_pad2d", "padding:ZeroPad2d", "Zeros around images."),
        ("reflection_pad2d", "padding:ReflectionPad2d", "Images mirrored at their borders."),
        ("replication_pad2d", "padding:ReplicationPad2d", "Images drawn out at their borders."),
        ("circular_pad2d", "padding:CircularPad2d", "Images repeated beyond their borders."),
        ("upsample", "upsampling:Upsample", "Images interpolated to another size."),
        ("pixel_shuffle", "upsampling:PixelShuffle", "Channels turned into pixels of larger images."),
        ("pixel_unshuffle", "upsampling:PixelUnshuffle", "Squares of pixels turned into channels."),
    ):
        yield LayerSpec(name=name, target=f"nn_layers_conv.{layer}", summary=summary)


@hookimpl
def nn_kernels() -> Iterator[KernelSpec]:
    for name, kernel, summary in (
        ("im2col", "windows:im2col", "Windows as the columns of matrices."),
        ("col2im", "windows:col2im", "Columns added back to where the windows are."),
        ("window_max", "sliding:window_max", "Maxima of windows."),
        ("window_max_backward", "sliding:window_max_backward", "Gradients sent back to the maxima of windows."),
        ("window_sum", "sliding:window_sum", "Sums of windows."),
        ("window_sum_backward", "sliding:window_sum_backward", "Gradients sent back to all that was summed."),
    ):
        yield KernelSpec(name=name, target=f"nn_layers_conv.{kernel}", summary=summary)
