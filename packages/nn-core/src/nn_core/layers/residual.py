"""A skip connection around some layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from reprlib import recursive_repr
from typing import Any, Self

import numpy as np

from nn_core import protocols
from nn_core.errors import ShapeError
from nn_core.layer import Layer
from nn_core.layers.container import check_is_layer, forward_of, layers_from, shape_of, total, tree
from nn_core.layers.sequential import Sequential
from nn_core.typing import Backward


class Residual(Layer):
    """Layers with a connection around them: ``y = f(x) + s(x)``, where s is the identity without a shortcut.

    Gradient: ``∂x = ∂f(dy) + ∂s(dy)``. Parameters are named as in ``layers.0.weight`` and ``shortcut.weight``.

    Args:
        *layers: the layers of f, as `Sequential` takes them, which `layers` then is.
        shortcut: the layer s, where f changes the shape.

    Shape:
        that of x in f → that of y in f, which must be that of s(x).

    Raises:
        ShapeError: f(x) and s(x) differ in shape; the message names both.

    Source: He et al., "Deep residual learning for image recognition", 2015.

    >>> from nn_core import Linear, ReLU
    >>> Residual(Linear(4, 8), ReLU(), Linear(8, 2), shortcut=Linear(4, 2))(np.ones((5, 4), np.float32)).shape
    (5, 2)
    """

    _built = True

    def __init__(
        self,
        *layers: protocols.Layer | Mapping[str, protocols.Layer],
        shortcut: protocols.Layer | None = None,
    ) -> None:
        if shortcut is not None:
            check_is_layer(self, shortcut, "shortcut")
        self.layers = Sequential(*layers)
        self.shortcut: Any = shortcut

    def forward(self, *xs: Any, input_gradient: bool = True) -> tuple[Any, Backward]:
        y, inner = self.layers.forward(*xs, input_gradient=input_gradient)
        x = xs[0] if len(xs) == 1 else xs
        aside, outer = self._around(lambda layer: forward_of(layer, xs, input_gradient), (x, _identity))
        self._check(shape_of(x), shape_of(y), shape_of(aside))

        def backward(dy: Any) -> Any:
            dx, around = inner(dy), outer(dy)
            return total(dx, around) if input_gradient else None

        return total(y, aside), backward

    def infer(self, *xs: Any) -> Any:
        y = self.layers.infer(*xs)
        x = xs[0] if len(xs) == 1 else xs
        aside = self._around(lambda layer: layer.infer(*xs), x)
        self._check(shape_of(x), shape_of(y), shape_of(aside))
        return total(y, aside)

    def build(self, input_shape: Any, rng: np.random.Generator | None = None) -> None:
        self.layers.build(input_shape, rng)
        self._around(lambda layer: layer.build(input_shape, rng), None)

    def output_shape(self, input_shape: Any) -> Any:
        shape = self.layers.output_shape(input_shape)
        aside = self._around(lambda layer: layer.output_shape(input_shape), input_shape)
        self._check(input_shape, shape, aside)
        return shape

    def _around(self, run: Callable[[Any], Any], without: Any) -> Any:
        """Run the shortcut, or return what there is without one; an error names it."""
        if self.shortcut is None:
            return without
        try:
            return run(self.shortcut)
        except ShapeError as error:
            error.within("shortcut")
            raise

    def _check(self, x: Any, y: Any, aside: Any) -> None:
        """Refuse shapes that differ, even if NumPy could broadcast one to the other."""
        if y == aside:
            return
        if self.shortcut is None:
            flat = len(x) == len(y) == 2
            example = f", such as shortcut=Linear({x[1]}, {y[1]})" if flat else ", such as a convolution with kernel 1"
            raise self.shape_error(
                f"the layers return shape {y}, and what is added to it, x, has shape {x}",
                f"Give a shortcut that changes the shape as they do{example}.",
            )
        raise self.shape_error(
            f"the layers return shape {y} and the shortcut {aside}, which cannot be added, for x of shape {x}",
            "Change the shortcut so that it returns what the layers return.",
        )

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]  # follows from the layers
        return self.layers.takes_integers

    def config(self) -> dict[str, Any]:
        return self.layers.config() | {"shortcut": self.shortcut}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        layers, names, options = layers_from(cls, "layers", config)
        made = cls(*layers, **options)
        if names is not None:
            made.layers.name_layers(names)
        return made

    @recursive_repr()
    def __repr__(self) -> str:
        return tree(self)


def _identity(dy: Any) -> Any:
    return dy
