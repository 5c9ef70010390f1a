"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from textwrap import indent
from typing import Any, Self, overload

import numpy as np

from nn_core import protocols
from nn_core.errors import BackwardError, ConfigError, NotBuiltError, ShapeError
from nn_core.layer import Layer, with_parts_built
from nn_core.registry import name_of
from nn_core.typing import Backward


class Sequential(Layer):
    """Layers one after the other: ``y = fₙ(… f₂(f₁(x)))``.

    Gradient: the layers' closures in reverse order. Sizes that a layer leaves out follow from the layers before it, at
    the first call or at ``build(input_shape)``. Parameters are named by position, as in ``0.weight``.

    Shape:
        that of the first layer's x → that of the last layer's y.

    Raises:
        ShapeError: a layer's input does not fit; the message names the layer and what came before it.

    >>> from nn_core import Linear, ReLU
    >>> Sequential(Linear(4, 8), ReLU(), Linear(out_features=2))
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=None, out_features=2, bias=True)
    )
    """

    _built = True  # it has no sizes of its own: each layer builds itself when it is first called

    def __init__(self, *layers: protocols.Layer) -> None:
        for i, layer in enumerate(layers):
            if isinstance(layer, type) or not callable(getattr(layer, "forward", None)):
                hint = f": write {layer.__name__}()" if isinstance(layer, type) else ""
                raise ConfigError(f"Sequential takes layers, and argument {i} is {layer!r}{hint}.")
        self.layers: list[Any] = list(layers)

    # The mathematics

    def forward(self, x: Any, input_gradient: bool = True) -> tuple[Any, Backward]:
        first = 0 if input_gradient else self._first_with_parameters()
        closures: list[Backward] = []
        spent = False
        i = 0
        try:
            for i, layer in enumerate(self.layers):
                if i == first and not input_gradient and getattr(layer, "declines_input_gradient", False):
                    x, closure = layer.forward(x, input_gradient=False)
                else:
                    x, closure = layer.forward(x)
                if i >= first:
                    closures.append(closure)
        except ShapeError as error:
            self._place(error, i, getattr(x, "shape", None))
            raise

        def backward(dy: Any) -> Any:
            nonlocal spent
            if spent:
                raise BackwardError("This backward pass has run already; call forward again for another one.")
            spent = True
            while closures:  # popping frees each layer's activations as soon as they are used
                dy = closures.pop()(dy)
            return dy if input_gradient else None

        return x, backward

    def infer(self, x: Any) -> Any:
        i = 0
        try:
            for i, layer in enumerate(self.layers):  # noqa: B007 - an error names it
                x = layer.infer(x)
        except ShapeError as error:
            self._place(error, i, getattr(x, "shape", None))
            raise
        return x

    def build(self, input_shape: Any, rng: np.random.Generator | None = None) -> None:
        self._propagate(input_shape, lambda layer, shape: layer.build(shape, rng))

    def output_shape(self, input_shape: Any) -> Any:
        return self._propagate(input_shape, lambda layer, shape: None)

    def _propagate(self, shape: Any, visit: Callable[[Any, Any], None]) -> Any:
        """Show every layer to `visit` with the shape of its input, and return the shape of the output."""
        i = 0
        try:
            for i, layer in enumerate(self.layers):  # noqa: B007 - an error names it
                visit(layer, shape)
                shape = layer.output_shape(shape)
        except ShapeError as error:
            self._place(error, i, shape)
            raise
        return shape

    def _place(self, error: ShapeError, i: int, shape: Any) -> None:
        """Tell an error which layer it concerns and which layer's output that layer could not take."""
        if i > 0 and shape is not None:
            error.after(f"{name_of(type(self.layers[i - 1]), 'layer')} {tuple(shape[1:])}")
        error.within(f"layers[{i}]")

    def _first_with_parameters(self) -> int:
        """Return the position of the layer before which nothing is trained, so that no gradient need reach it."""
        return next((i for i, layer in enumerate(self.layers) if _is_trained(layer)), len(self.layers))

    # The list

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]  # follows from the first layer
        return bool(self.layers) and getattr(self.layers[0], "takes_integers", False)

    def append(self, layer: protocols.Layer) -> Self:
        """Add a layer at the end."""
        self.layers.append(layer)
        return self

    def children(self) -> Iterator[tuple[str, Any]]:
        yield from ((str(i), layer) for i, layer in enumerate(self.layers))
        # A subclass may have further parts as attributes.
        yield from (part for part in super().children() if not part[0].startswith("layers."))

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Any:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]

    def config(self) -> dict[str, Any]:
        return {"layers": list(self.layers)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        unknown = set(config) - {"layers"}
        layers = config.get("layers")
        if unknown or not isinstance(layers, (list, tuple)):
            raise ConfigError(f"Sequential needs 'layers', a list of layers, and nothing else; got {dict(config)!r}.")
        return cls(*with_parts_built(list(layers)))

    def __repr__(self) -> str:
        lines = "".join(indent(f"({name}): {layer!r}\n", "  ") for name, layer in self.children())
        return f"{type(self).__name__}(\n{lines})" if lines else f"{type(self).__name__}()"


def _is_trained(layer: Any) -> bool:
    try:
        return bool(layer.parameters())
    except NotBuiltError:  # it gets parameters once it has seen its input
        return True
