"""What a plugin says: one frozen spec per component, handed over by hooks. Imports neither numpy nor any component.

A plugin module reads like this::

    from nn_core.plugins import LayerSpec, hookimpl

    NN_API = 1

    @hookimpl
    def nn_layers():
        yield LayerSpec(name="gate", target="nn_acme.gate:Gate", summary="Gated linear unit.")
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import pluggy
from attrs import Attribute, field, frozen
from attrs.validators import instance_of

NN_API = 1
ENTRY_POINT_GROUP = "nn.plugins"

hookspec = pluggy.HookspecMarker("nn")
hookimpl = pluggy.HookimplMarker("nn")

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SUFFIX = re.compile(r"\.[a-z0-9]+")
_TARGET = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")


def _snake_case(spec: Spec, attribute: Attribute[str], value: Any) -> None:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError(f"{spec.kind} name {value!r} is not snake_case (such as 'batch_norm2d')")


def _module_and_attribute(spec: Spec, attribute: Attribute[str], value: Any) -> None:
    if not isinstance(value, str) or not _TARGET.fullmatch(value):
        raise ValueError(f"{attribute.name} {value!r} of {spec.kind} {spec.name!r} is not of the form 'module:Name'")


def _endings(spec: Spec, attribute: Attribute[tuple[str, ...]], value: Any) -> None:
    fits = isinstance(value, tuple) and all(isinstance(s, str) and _SUFFIX.fullmatch(s) for s in value)
    if not fits:
        raise ValueError(f"suffixes of format {spec.name!r} must be a tuple such as ('.npz',), got {value!r}")


@frozen(kw_only=True)
class Spec:
    """One component: its `name` in configurations, the `target` to import when it is used, a one-line `summary`."""

    kind: ClassVar[str]
    plural: ClassVar[str]
    name: str = field(validator=_snake_case)
    target: str = field(validator=_module_and_attribute)
    summary: str = field(default="", validator=instance_of(str))


@frozen(kw_only=True)
class LayerSpec(Spec):
    """A layer class (`nn_core.protocols.Layer`)."""

    kind = "layer"
    plural = "layers"


@frozen(kw_only=True)
class LossSpec(Spec):
    """A loss class (`nn_core.protocols.Loss`)."""

    kind = "loss"
    plural = "losses"


@frozen(kw_only=True)
class OptimizerSpec(Spec):
    """An optimizer class (`nn_core.protocols.Optimizer`), called with the parameters first."""

    kind = "optimizer"
    plural = "optimizers"


@frozen(kw_only=True)
class SchedulerSpec(Spec):
    """A learning-rate scheduler class, called with the optimizer first."""

    kind = "scheduler"
    plural = "schedulers"


@frozen(kw_only=True)
class MetricSpec(Spec):
    """A metric class (`nn_core.protocols.Metric`)."""

    kind = "metric"
    plural = "metrics"


@frozen(kw_only=True)
class InitializerSpec(Spec):
    """A function ``(shape, rng) → array`` that draws the first values of a parameter."""

    kind = "initializer"
    plural = "initializers"


@frozen(kw_only=True)
class CallbackSpec(Spec):
    """A callback class: an object with some of the event methods of `nn_core.protocols.Callback`."""

    kind = "callback"
    plural = "callbacks"


@frozen(kw_only=True)
class DatasetSpec(Spec):
    """A function ``(**options) → (train, test)`` of datasets (`nn_core.protocols.Dataset`)."""

    kind = "dataset"
    plural = "datasets"


@frozen(kw_only=True)
class FormatSpec(Spec):
    """A format of model files (`nn_core.protocols.Format`), for paths with one of the `suffixes`, or by name alone."""

    kind = "format"
    plural = "formats"
    suffixes: tuple[str, ...] = field(default=(), validator=_endings)


@frozen(kw_only=True)
class BackendSpec(Spec):
    """An array library in NumPy's dialect: `target` is its namespace, `array` the array type it serves."""

    kind = "backend"
    plural = "backends"
    array: str = field(validator=_module_and_attribute)


@frozen(kw_only=True)
class KernelSpec(Spec):
    """An offer to do one operation (`name`) on one `array` type; the highest `priority` wins, the plain one has 0."""

    kind = "kernel"
    plural = "kernels"
    array: str = field(default="numpy:ndarray", validator=_module_and_attribute)
    priority: int = field(default=0, validator=instance_of(int))


@frozen(kw_only=True)
class CommandSpec(Spec):
    """A subcommand of ``nn-cli``: `target` is a click command."""

    kind = "command"
    plural = "commands"


SPECS: tuple[type[Spec], ...] = (
    LayerSpec,
    LossSpec,
    OptimizerSpec,
    SchedulerSpec,
    MetricSpec,
    InitializerSpec,
    CallbackSpec,
    DatasetSpec,
    FormatSpec,
    BackendSpec,
    KernelSpec,
    CommandSpec,
)
KINDS: dict[str, type[Spec]] = {spec.kind: spec for spec in SPECS}
HOOKS: dict[str, type[Spec]] = {f"nn_{spec.plural}": spec for spec in SPECS}
