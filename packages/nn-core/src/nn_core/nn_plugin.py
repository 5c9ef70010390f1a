"""What nn-core announces. First-party components come in by the same door as everyone's."""

from __future__ import annotations

from collections.abc import Iterator

from nn_core.plugins import (
    BackendSpec,
    CallbackSpec,
    InitializerSpec,
    LayerSpec,
    LossSpec,
    MetricSpec,
    hookimpl,
)

NN_API = 1

# ruff: noqa: D103 - what each hook announces is said in nn_core/hookspecs.py


@hookimpl
def nn_layers() -> Iterator[LayerSpec]:
    for name, target, summary in (
        ("linear", "linear:Linear", "Affine map of the last axis."),
        ("relu", "activations:ReLU", "Rectified linear unit."),
        ("flatten", "shaping:Flatten", "Join axes, by default all but the first, into one."),
        ("dropout", "dropout:Dropout", "Zero a random part of the input in training."),
        ("batch_norm1d", "batchnorm:BatchNorm1d", "Batch normalization of feature vectors or sequences."),
        ("sequential", "sequential:Sequential", "Layers one after the other."),
    ):
        yield LayerSpec(name=name, target=f"nn_core.layers.{target}", summary=summary)


@hookimpl
def nn_losses() -> Iterator[LossSpec]:
    yield LossSpec(
        name="cross_entropy",
        target="nn_core.losses.cross_entropy:CrossEntropyLoss",
        summary="Cross-entropy between softmax(logits) and class indices or probabilities.",
    )


@hookimpl
def nn_metrics() -> Iterator[MetricSpec]:
    yield MetricSpec(
        name="accuracy", target="nn_core.metrics:Accuracy", summary="Share of samples whose largest output is right."
    )


@hookimpl
def nn_initializers() -> Iterator[InitializerSpec]:
    yield InitializerSpec(
        name="torch_linear",
        target="nn_core.initializers:torch_linear",
        summary="Uniform within 1/√fan_in, PyTorch's default for linear and convolution layers.",
    )


@hookimpl
def nn_callbacks() -> Iterator[CallbackSpec]:
    yield CallbackSpec(
        name="progress_bar",
        target="nn_core.callbacks.progress:ProgressBar",
        summary="One progress bar per epoch, on standard error.",
    )


@hookimpl
def nn_backends() -> Iterator[BackendSpec]:
    yield BackendSpec(
        name="numpy", target="nn_core.backends:numpy", array="numpy:ndarray", summary="NumPy itself, on the CPU."
    )
