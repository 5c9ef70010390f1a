"""What nn-classroom announces; it imports none of it."""

from nn_core.plugins import CallbackSpec, CommandSpec, DatasetSpec, MetricSpec, hookimpl

NN_API = 1


@hookimpl
def nn_datasets():
    """Announce the dataset."""
    yield DatasetSpec(name="parity", target="nn_classroom.parity:parity", summary="Is the number of ones odd?")


@hookimpl
def nn_metrics():
    """Announce the metric."""
    yield MetricSpec(
        name="matthews", target="nn_classroom.matthews:Matthews", summary="Matthews correlation coefficient."
    )


@hookimpl
def nn_callbacks():
    """Announce the callback."""
    yield CallbackSpec(
        name="report_card", target="nn_classroom.report_card:ReportCard", summary="A table of the run in Markdown."
    )


@hookimpl
def nn_commands():
    """Announce the command."""
    yield CommandSpec(
        name="mistakes", target="nn_classroom.mistakes:mistakes", summary="Count what a model takes for what."
    )
