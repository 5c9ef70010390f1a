"""A function as a layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field

from nn_core.errors import ConfigError, DTypeError
from nn_core.fields import doc
from nn_core.layer import Layer
from nn_core.tensor import Tensor
from nn_core.tracing import autograd


def _a_function(owner: object, option: Any, value: Any) -> None:
    if not callable(value) or isinstance(value, (type, Layer)):
        raise ConfigError(f"function of Lambda must be a function of Tensors, got {value!r}.")


@define(eq=False, slots=False, repr=False)
class Lambda(Layer):
    """A function of Tensors as a layer without parameters: ``y = f(x)``.

    Gradient: that of the operations f is made of. Parameters that f uses besides its arguments are not the layer's: it
    does not list them, so a model is trained without them. A model file cannot hold a function, so a model with a
    Lambda cannot be saved. For either, write a class derived from `Layer`.

    Shape:
        x as f takes it, several if it takes several → y as f returns it, several if that is a tuple.

    Raises:
        DTypeError: f returns something else than Tensors.

    >>> from nn_core import Linear, Sequential
    >>> model = Sequential(Linear(2, 2), Lambda(lambda x: x * x.sigmoid()))
    >>> model([[1.0, 2.0]]).shape
    (1, 2)
    """

    function: Callable[..., Any] = field(
        validator=_a_function, metadata=doc("takes Tensors and returns one or a tuple of them")
    )

    @autograd
    def forward(self, *xs: Any) -> Any:
        y = self.function(*xs)
        for part in y if isinstance(y, tuple) else (y,):
            if not isinstance(part, Tensor):
                raise DTypeError(
                    f"{self!r} returned a {type(part).__name__}, through which no gradient goes: compute y with the "
                    f"operations of Tensor or nn_core.functional."
                )
        return y

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", None) or repr(self.function)
        return f"Lambda({name})"
