"""The hooks a plugin may implement, one per kind of component. Each takes nothing and returns an iterable of its spec.

A generator is the natural form; an example stands in every docstring. Hooks run at discovery, so the plugin module must
not import what it announces: the `target` is imported when the component is first used.
"""

from __future__ import annotations

from collections.abc import Iterable

from nn_core.plugins import (
    BackendSpec,
    CallbackSpec,
    CommandSpec,
    DatasetSpec,
    FormatSpec,
    InitializerSpec,
    KernelSpec,
    LayerSpec,
    LossSpec,
    MetricSpec,
    OptimizerSpec,
    SchedulerSpec,
    hookspec,
)


@hookspec
def nn_layers() -> Iterable[LayerSpec]:
    """Announce layers.

    ::

        @hookimpl
        def nn_layers():
            yield LayerSpec(name="gate", target="nn_acme.gate:Gate", summary="Gated linear unit.")
    """
    return ()


@hookspec
def nn_losses() -> Iterable[LossSpec]:
    """Announce losses.

    ::

        @hookimpl
        def nn_losses():
            yield LossSpec(name="focal", target="nn_acme.focal:FocalLoss", summary="Focal loss on logits.")
    """
    return ()


@hookspec
def nn_optimizers() -> Iterable[OptimizerSpec]:
    """Announce optimizers.

    ::

        @hookimpl
        def nn_optimizers():
            yield OptimizerSpec(name="yogi", target="nn_acme.yogi:Yogi", summary="Adam with additive second moment.")
    """
    return ()


@hookspec
def nn_schedulers() -> Iterable[SchedulerSpec]:
    """Announce learning-rate schedulers.

    ::

        @hookimpl
        def nn_schedulers():
            yield SchedulerSpec(name="tri_stage", target="nn_acme.schedules:TriStage", summary="Warm up, hold, decay.")
    """
    return ()


@hookspec
def nn_metrics() -> Iterable[MetricSpec]:
    """Announce metrics.

    ::

        @hookimpl
        def nn_metrics():
            yield MetricSpec(name="brier", target="nn_acme.brier:Brier", summary="Mean squared error of probabilities.")
    """
    return ()


@hookspec
def nn_initializers() -> Iterable[InitializerSpec]:
    """Announce initializers.

    ::

        @hookimpl
        def nn_initializers():
            yield InitializerSpec(name="sparse", target="nn_acme.init:sparse", summary="Ten connections per unit.")
    """
    return ()


@hookspec
def nn_callbacks() -> Iterable[CallbackSpec]:
    """Announce callbacks of the training engine.

    ::

        @hookimpl
        def nn_callbacks():
            yield CallbackSpec(name="bell", target="nn_acme.bell:Bell", summary="Ring when training ends.")
    """
    return ()


@hookspec
def nn_datasets() -> Iterable[DatasetSpec]:
    """Announce datasets.

    ::

        @hookimpl
        def nn_datasets():
            yield DatasetSpec(name="spirals", target="nn_acme.spirals:spirals", summary="Two interleaved spirals.")
    """
    return ()


@hookspec
def nn_formats() -> Iterable[FormatSpec]:
    """Announce model-file formats.

    ::

        @hookimpl
        def nn_formats():
            yield FormatSpec(name="toml", target="nn_acme.toml:Toml", suffixes=(".toml",), summary="Weights as text.")
    """
    return ()


@hookspec
def nn_backends() -> Iterable[BackendSpec]:
    """Announce array libraries that speak NumPy's dialect.

    ::

        @hookimpl
        def nn_backends():
            yield BackendSpec(name="cupy", target="nn_cupy.backend:xp", array="cupy:ndarray", summary="CUDA arrays.")
    """
    return ()


@hookspec
def nn_kernels() -> Iterable[KernelSpec]:
    """Announce faster versions of single operations; the highest priority for an array type wins.

    ::

        @hookimpl
        def nn_kernels():
            yield KernelSpec(name="im2col", target="nn_fast.conv:im2col", priority=10, summary="im2col by numba.")
    """
    return ()


@hookspec
def nn_commands() -> Iterable[CommandSpec]:
    """Announce subcommands of ``nn-cli``.

    ::

        @hookimpl
        def nn_commands():
            yield CommandSpec(name="deploy", target="nn_acme.deploy:command", summary="Copy a model to a server.")
    """
    return ()
