"""The affine map with its activation in one layer."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from nn_core.errors import ConfigError
from nn_core.fields import boolean, doc
from nn_core.initializers import InitChoice, known_initializer
from nn_core.layers.activations import ActivationChoice, activation as activation_layer
from nn_core.layers.linear import Linear
from nn_core.typing import Array, Backward


@define(eq=False, slots=False, repr=False, init=False)
class Dense(Linear):
    """Affine map of the last axis and a nonlinearity: ``y = f(x Wᵀ + b)``.

    ``Dense(64)`` is given `out_features`, ``Dense(784, 64)`` `in_features` and `out_features`.

    Gradients: with ``z = x Wᵀ + b`` and ``dz = dy · f′(z)`` those of `Linear`: ``∂W = dzᵀ x``, ``∂b = Σₙ dz``,
    ``∂x = dz W``.

    Args:
        first: `out_features` if there is no second size, else `in_features`.
        second: `out_features`.
        units: `out_features` under the name that it has elsewhere.

    Shape:
        x ``(…, in_features)`` → y ``(…, out_features)``; weight ``(out_features, in_features)``,
        bias ``(out_features,)``.

    Raises:
        ConfigError: a size is given twice.
        ShapeError: the last axis of x is not ``in_features``.

    >>> Dense(3, 2, activation="relu")
    Dense(in_features=3, out_features=2, use_bias=True, activation=ReLU())
    """

    use_bias: bool = field(default=True, kw_only=True, validator=boolean, metadata=doc("whether b is added"))
    activation: Any = field(
        default=None,
        kw_only=True,
        converter=activation_layer,
        metadata=doc("f: a name, a function such as nn_core.functional.relu, a layer that keeps shapes, or none"),
    )
    init: InitChoice | None = field(
        default=None,
        kw_only=True,
        repr=False,
        validator=known_initializer,
        metadata=doc("how the weight is drawn: a name, a table of name and options, or a function"),
    )

    def __init__(
        self,
        first: int | None = None,
        second: int | None = None,
        /,
        *,
        in_features: int | None = None,
        out_features: int | None = None,
        units: int | None = None,
        use_bias: bool = True,
        activation: ActivationChoice = None,
        init: InitChoice | None = None,
    ) -> None:
        if second is None:
            first, second = None, first
        self.__attrs_init__(
            _once("in_features", first, in_features),
            _once("out_features", second, out_features, units),
            use_bias=use_bias,
            activation=activation,
            init=init,
        )

    def forward(self, x: Array, *, input_gradient: bool = True) -> tuple[Array, Backward]:
        z, back_to_x = super().forward(x, input_gradient=input_gradient)
        if self.activation is None:
            return z, back_to_x
        y, back_to_z = self.activation.forward(z)
        return y, lambda dy: back_to_x(back_to_z(dy))


def _once(name: str, *given: Any) -> Any:
    """Return the one size that is given, or None."""
    sizes = [size for size in given if size is not None]
    if len(sizes) > 1:
        raise ConfigError(f"{name} of Dense is given twice, as {sizes[0]} and as {sizes[1]}.")
    return sizes[0] if sizes else None
