"""What all activation layers have in common, and how one is chosen by a name, a function or a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from nn_core import functional, protocols
from nn_core.errors import ConfigError
from nn_core.layer import Layer
from nn_core.operations import Operation
from nn_core.registry import build
from nn_core.typing import Backward

ActivationChoice: TypeAlias = str | Mapping[str, Any] | Callable[..., Any] | protocols.Layer | None
"""A registered name, a configuration ``{"type": name, option: value, …}``, a function, a layer, or None for none."""


class Nonlinearity(Layer):
    """The base class of activation layers, which says how weights next to the layer are best drawn.

    >>> from nn_core import LeakyReLU, Softmax
    >>> layer = LeakyReLU(0.2)
    >>> layer.name, layer.init_key, layer.activation_param
    ('leakyrelu', 'leakyrelu', 0.2)
    >>> Softmax().affect_init
    False
    """

    affect_init: bool = True
    """Whether `nn_core.initialize` heeds the layer; what only turns outputs into probabilities does not matter."""

    initialized_like: ClassVar[str] = ""
    """The `name` of the nonlinearity whose entry in a map of initializers suits this one, too; empty for its own."""

    @property
    def name(self) -> str:
        """The name of the class in lower case."""
        return type(self).__name__.lower()

    @property
    def activation_param(self) -> float | None:
        """The number on which the gain depends: a leaky ReLU's slope; else None."""
        return None

    @property
    def init_key(self) -> str | None:
        """The key under which a map of initializers has what suits the layer, None if `affect_init` is False."""
        return self.get_init_key()

    def get_init_key(self) -> str | None:
        """Return `init_key`."""
        return (self.initialized_like or self.name) if self.affect_init else None


class Activation(Nonlinearity):
    """The activation layer of a name: ``Activation("relu")`` does what ``ReLU()`` does.

    Args:
        name: a registered name; also a function such as ``functional.relu``, a configuration or a layer.
        options: those of the layer of that name.

    Shape:
        those of the layer.

    Raises:
        UnknownComponentError: no plugin provides a layer of that name.
        ConfigError: an option is unknown or wrong, or `name` is none of these.

    >>> Activation("leaky_relu", negative_slope=0.5)([-2.0, 2.0])
    array([-1.,  2.], dtype=float32)
    """

    _built = True  # the layer builds itself

    def __init__(self, name: ActivationChoice = None, **options: Any) -> None:
        if name is None:
            raise ConfigError("Activation needs 'name', that of a layer such as 'relu'.")
        self.layer: Any = activation(name, **options)

    def forward(self, *xs: Any, **kw: Any) -> tuple[Any, Backward]:
        result: tuple[Any, Backward] = self.layer.forward(*xs, **kw)
        return result

    def infer(self, *xs: Any, **kw: Any) -> Any:
        return self.layer.infer(*xs, **kw)

    def build(self, input_shape: Any, rng: np.random.Generator | None = None) -> None:
        self.layer.build(input_shape, rng)

    def output_shape(self, input_shape: Any) -> Any:
        return self.layer.output_shape(input_shape)

    def config(self) -> dict[str, Any]:
        return {"name": self.layer}

    def __repr__(self) -> str:
        return f"Activation({self.layer!r})"

    @property
    def affect_init(self) -> bool:  # type: ignore[override]  # follows from the layer
        return getattr(self.layer, "affect_init", False)

    @property
    def name(self) -> str:
        return getattr(self.layer, "name", type(self.layer).__name__.lower())

    @property
    def activation_param(self) -> float | None:
        return getattr(self.layer, "activation_param", None)

    def get_init_key(self) -> str | None:
        return getattr(self.layer, "init_key", None)


_MATHEMATICS = (
    *("relu", "leaky_relu", "elu", "selu", "gelu", "silu", "softplus"),
    *("sigmoid", "hard_sigmoid", "tanh", "softmax", "log_softmax"),
)
_NAMES: dict[Any, str] = {getattr(functional, name): name for name in _MATHEMATICS}
"""The functions that are the mathematics of a registered layer, which has the same name and the same defaults."""


def activation(choice: ActivationChoice, **options: Any) -> Any:
    """Return the layer that a choice of activation stands for, or None for None.

    A function such as ``functional.relu`` becomes the registered layer, so that it can be saved; any other function of
    Tensors becomes a `Lambda`.

    >>> activation("elu", alpha=2.0), activation(functional.relu), activation(None)
    (ELU(alpha=2.0), ReLU(), None)

    Raises:
        UnknownComponentError: no plugin provides a layer of that name.
        ConfigError: the choice is nothing of the kind, or an option is unknown or wrong.
    """
    if isinstance(choice, Operation):
        choice = _NAMES.get(choice, choice)
    if isinstance(choice, str):
        return build("layer", {"type": choice, **options})
    if options:
        raise ConfigError(f"Only an activation given by its name takes options, and {choice!r} came with {options!r}.")
    if isinstance(choice, Mapping):
        return build("layer", choice)
    if choice is None or (callable(getattr(choice, "forward", None)) and not isinstance(choice, (type, Operation))):
        return choice
    if isinstance(choice, type) or not callable(choice):
        hint = f": write {choice.__name__}()" if isinstance(choice, type) else ""
        raise ConfigError(f"An activation is a registered name, a function or a layer, got {choice!r}{hint}.")
    from nn_core import Lambda  # which is made of parts that come after this module

    return Lambda(choice)
