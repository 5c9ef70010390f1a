"""Layers one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nn_core import protocols
from nn_core.errors import BackwardError, ShapeError
from nn_core.initialization import InitMap, choices_for
from nn_core.layers.container import Container, inputs_of, shape_of
from nn_core.parts import is_trained
from nn_core.registry import name_of
from nn_core.typing import Backward


class Sequential(Container):
    """Layers one after the other: ``y = fₙ(… f₂(f₁(x)))``.

    Gradient: the layers' closures in reverse order. Sizes that a layer leaves out follow from the layers before it, at
    the first call or at ``build(input_shape)``. Parameters are named by the layers' positions, as in ``0.weight``, or
    by their names, as in ``head.weight``. What a layer returns as a tuple is several inputs of the next one.

    Args:
        *layers: the layers, built or not; or one dictionary of layers by name.
        init: has `nn_core.initialize` choose first weights by the activations next to them: ``auto``, ``auto_uniform``
            or a map of one's own. Of Sequentials inside each other the outermost that has an `init` decides.

    Shape:
        that of the first layer's x → that of the last layer's y.

    Raises:
        ShapeError: a layer's input does not fit; the message names the layer and what came before it.
        ConfigError: something is no layer, or a name is taken, a number, or one of this class's attributes.

    >>> from nn_core import Linear, ReLU
    >>> Sequential(Linear(4, 8), ReLU(), Linear(out_features=2))
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=None, out_features=2, bias=True)
    )
    >>> model = Sequential({"features": Linear(4, 8), "head": Linear(8, 2)})
    >>> list(model.params)
    ['features.weight', 'features.bias', 'head.weight', 'head.bias']
    >>> model.head is model["head"] is model[1]
    True
    """

    _built = True  # it has no sizes of its own: each layer builds itself when it is first called

    def __init__(
        self, *layers: protocols.Layer | Mapping[str, protocols.Layer], init: InitMap | str | None = None
    ) -> None:
        self.init = init
        super().__init__(layers)

    def _changed(self) -> None:
        """Have those layers drawn again whose neighbors suggest another initializer than before."""
        if self.init is not None:
            for layer, choice in choices_for(self, self.init):
                if layer.chosen_init != choice:
                    layer.accept_init(choice)

    # The mathematics

    def forward(self, *xs: Any, input_gradient: bool = True) -> tuple[Any, Backward]:
        x = xs[0] if len(xs) == 1 else xs
        first = 0 if input_gradient or not self.layers or is_trained(self.layers[0]) else self._first_trained()
        closures: list[Backward] = []
        spent = False
        i = 0
        try:
            for i, layer in enumerate(self.layers):
                if i == first and not input_gradient and getattr(layer, "declines_input_gradient", False):
                    x, closure = layer.forward(*inputs_of(x), input_gradient=False)
                elif isinstance(x, tuple):
                    x, closure = layer.forward(*x)
                else:
                    x, closure = layer.forward(x)
                if i >= first:
                    closures.append(closure)
        except ShapeError as error:
            self._place(error, i, shape_of(x))
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

    def infer(self, *xs: Any) -> Any:
        x = xs[0] if len(xs) == 1 else xs
        del xs  # at most a layer's input and its output are alive at a time
        i = 0
        try:
            for i, layer in enumerate(self.layers):  # noqa: B007 - an error names it
                x = layer.infer(*inputs_of(x))
        except ShapeError as error:
            self._place(error, i, shape_of(x))
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
            shapes = shape if shape and isinstance(shape[0], tuple) else (shape,)
            sizes = " and ".join(str(tuple(shape[1:])) for shape in shapes)
            error.after(f"{name_of(type(self.layers[i - 1]), 'layer')} {sizes}")
        error.within(self._place_of(i))

    def _first_trained(self) -> int:
        """Return the position of the layer before which nothing is trained, so that no gradient need reach it."""
        for i, layer in enumerate(self.layers):
            if is_trained(layer):
                return i
        return len(self.layers)

    # The list

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]  # follows from the first layer
        return bool(self.layers) and getattr(self.layers[0], "takes_integers", False)

    def _like(self, layers: list[Any]) -> Sequential:
        return Sequential(*layers)

    def config(self) -> dict[str, Any]:
        return super().config() | ({} if self.init is None else {"init": self.init})
