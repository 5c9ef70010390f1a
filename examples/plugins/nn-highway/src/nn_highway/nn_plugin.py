"""What nn-highway announces; it imports none of it."""

from nn_core.plugins import LayerSpec, OptimizerSpec, hookimpl

NN_API = 1


@hookimpl
def nn_layers():
    """Announce both layers."""
    yield LayerSpec(name="highway", target="nn_highway.highway:Highway", summary="Learns how much of x to pass on.")
    yield LayerSpec(name="maxout", target="nn_highway.maxout:Maxout", summary="The largest of every few features.")


@hookimpl
def nn_optimizers():
    """Announce the optimizer."""
    yield OptimizerSpec(name="yogi", target="nn_highway.yogi:Yogi", summary="Adam whose second moment moves slowly.")
