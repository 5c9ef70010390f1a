"""The affine map."""

from __future__ import annotations

from math import prod

import numpy as np
from attrs import define, field

from nn_core.fields import REQUIRED, boolean, doc, optional_positive, positive
from nn_core.initializers import InitChoice, known_initializer
from nn_core.layers.weighted import Weighted
from nn_core.parameter import Parameter
from nn_core.typing import Array, Backward, Shape


@define(eq=False, slots=False, repr=False)
class Linear(Weighted):
    """Affine map of the last axis: ``y = x Wᵀ + b``.

    Gradients: ``∂W = dyᵀ x``, ``∂b = Σₙ dy``, ``∂x = dy W``.

    Shape:
        x ``(…, in_features)`` → y ``(…, out_features)``; weight ``(out_features, in_features)``,
        bias ``(out_features,)``.

    Raises:
        ShapeError: the last axis of x is not ``in_features``.

    >>> Linear(3, 2)(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    in_features: int | None = field(
        default=None,
        validator=optional_positive,
        metadata=doc("columns of x; inferred from the first input if left out"),
    )
    out_features: int = field(default=REQUIRED, validator=positive, metadata=doc("columns of y"))
    use_bias: bool = field(default=True, alias="bias", validator=boolean, metadata=doc("whether b is added"))
    init: InitChoice | None = field(
        default=None,
        repr=False,
        validator=known_initializer,
        metadata=doc(
            "how the weight is drawn: a name, a table of name and options, or a function; as in PyTorch if left out"
        ),
    )
    weight: Parameter = field(init=False, default=None)
    bias: Parameter | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.in_features is not None:
            self.build((self.in_features,))

    def build(self, input_shape: Shape, rng: np.random.Generator | None = None) -> None:
        self.output_shape(input_shape)  # raises where x does not fit
        self.in_features = self.in_features or input_shape[-1]
        self.draw_parameters((self.out_features, self.in_features), rng)

    def output_shape(self, input_shape: Shape) -> Shape:
        if not input_shape or input_shape[-1] != (self.in_features or input_shape[-1]):
            seen = f"got {input_shape[-1]}" if input_shape else "got a single number"
            remedy = (
                f"Leave in_features out to have it inferred, or set it to {input_shape[-1]}." if input_shape else ""
            )
            if len(input_shape) > 2 and prod(input_shape[1:]) == self.in_features:
                remedy = "Put Flatten() before it, which makes one axis of these."
            raise self.shape_error(f"expected {self.in_features} features on the last axis, {seen}", remedy)
        return (*input_shape[:-1], self.out_features)

    def forward(self, x: Array, *, input_gradient: bool = True) -> tuple[Array, Backward]:
        if not x.ndim or x.shape[-1] != self.in_features:
            self.output_shape(x.shape)  # raises
        weight = self.weight.data
        rows = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
        y = rows.dot(weight.T)  # which is quicker than @ where there are few numbers
        if self.bias is not None:
            y += self.bias.data

        def backward(dy: Array) -> Array | None:
            drows = dy if dy.ndim == 2 else dy.reshape(-1, dy.shape[-1])
            if self.weight.requires_grad:
                self.weight.accumulate(drows.T.dot(rows), fresh=True)
            if self.bias is not None and self.bias.requires_grad:
                self.bias.accumulate(drows.sum(0), fresh=True)
            return drows.dot(weight).reshape(x.shape) if input_gradient else None

        return y if x.ndim == 2 else y.reshape(*x.shape[:-1], y.shape[-1]), backward
