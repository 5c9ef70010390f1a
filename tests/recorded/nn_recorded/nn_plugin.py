"""What the recorded plugin announces: a component of every kind that outsiders write, with every field of its spec."""

from nn_core.plugins import (
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
    hookimpl,
)

NN_API = 1


@hookimpl
def nn_layers():
    yield LayerSpec(name="rec_affine", target="nn_recorded.layers:Affine", summary="A closure with attrs.")
    yield LayerSpec(name="rec_gate", target="nn_recorded.layers:Gate", summary="Tensors, built from the input.")
    yield LayerSpec(name="rec_scale", target="nn_recorded.layers:Scale", summary="A plain class.")
    yield LayerSpec(name="rec_noise", target="nn_recorded.layers:Noise", summary="Random in training, with a buffer.")


@hookimpl
def nn_losses():
    return [LossSpec(name="rec_log_cosh", target="nn_recorded.others:LogCosh", summary="log cosh.")]


@hookimpl
def nn_optimizers():
    yield OptimizerSpec(name="rec_momentum", target="nn_recorded.others:Momentum", summary="Momentum.")


@hookimpl
def nn_schedulers():
    yield SchedulerSpec(name="rec_inverse", target="nn_recorded.others:Inverse", summary="1 / (1 + t).")


@hookimpl
def nn_metrics():
    yield MetricSpec(name="rec_near", target="nn_recorded.others:Near", summary="Share of near ones.")


@hookimpl
def nn_initializers():
    yield InitializerSpec(name="rec_small", target="nn_recorded.others:small", summary="Small numbers.")


@hookimpl
def nn_callbacks():
    yield CallbackSpec(name="rec_events", target="nn_recorded.others:Events", summary="Counts every event.")


@hookimpl
def nn_datasets():
    yield DatasetSpec(name="rec_line", target="nn_recorded.others:line", summary="Points on a line.")


@hookimpl
def nn_formats():
    yield FormatSpec(name="rec_npy", target="nn_recorded.others:Npz", summary="NumPy.", suffixes=(".recorded",))


@hookimpl
def nn_kernels():
    yield KernelSpec(
        name="rec_double", target="nn_recorded.others:fast_double", summary="x + x.", array="numpy:ndarray", priority=7
    )


@hookimpl
def nn_commands():
    yield CommandSpec(name="rec_greet", target="nn_recorded.others:greet", summary="Says hello.")
