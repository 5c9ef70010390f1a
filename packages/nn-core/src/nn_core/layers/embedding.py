"""Vectors for indices."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from attrs import Attribute, define, field

from nn_core.backends import backend
from nn_core.errors import ConfigError, DataError, DTypeError
from nn_core.fields import REQUIRED, doc, positive
from nn_core.functional.indexing import add_rows
from nn_core.initializers import InitChoice, draw, known_initializer, normal
from nn_core.layer import Layer
from nn_core.parameter import Parameter
from nn_core.typing import Array, Backward, Shape


@define(eq=False, slots=False, repr=False)
class Embedding(Layer):
    """Look up a trained vector for each index: ``y = W[x]``.

    Gradient: ``∂W[i] = Σ dy`` over all places where x is i. Indices have no gradient, so the closure returns None.

    The row `padding_idx` starts at 0 and gets no gradient, so it stays as it is.

    Shape:
        x ``(…)``, integers from 0 to num_embeddings − 1 → y ``(…, embedding_dim)``;
        weight ``(num_embeddings, embedding_dim)``.

    Raises:
        DTypeError: x holds no integers.
        DataError: an index is out of range; it and its place are named.

    >>> words = Embedding(3, 2, init="ones")
    >>> words([[0, 2, 2]]).shape
    (1, 3, 2)
    >>> words.backward(np.ones((1, 3, 2), np.float32))
    >>> words.weight.grad
    array([[1., 1.],
           [0., 0.],
           [2., 2.]], dtype=float32)
    """

    takes_integers = True

    num_embeddings: int = field(default=REQUIRED, validator=positive, metadata=doc("how many indices there are"))
    embedding_dim: int = field(default=REQUIRED, validator=positive, metadata=doc("length of each vector"))
    padding_idx: int | None = field(
        default=None, metadata=doc("index whose vector is not trained; negative counts from the end")
    )
    init: InitChoice | None = field(
        default=None,
        repr=False,
        kw_only=True,
        validator=known_initializer,
        metadata=doc("how the weight is drawn, N(0, 1) if left out: a name, a table of name and options, a function"),
    )
    weight: Parameter = field(init=False, default=None)

    @padding_idx.validator
    def _an_index(self, option: Attribute[Any], value: Any) -> None:
        if value is None:
            return
        n = self.num_embeddings
        if not isinstance(value, Integral) or isinstance(value, bool) or not -n <= int(value) < n:
            raise ConfigError(f"padding_idx of Embedding must be an integer from {-n} to {n - 1}, got {value!r}.")

    def __attrs_post_init__(self) -> None:
        self.weight = Parameter(draw(self.init or normal, (self.num_embeddings, self.embedding_dim)))
        if self.padding_idx is not None:
            self.padding_idx %= self.num_embeddings
            self.weight.data[self.padding_idx] = 0

    def output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.embedding_dim)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        weight, indices = self.weight, self._checked(x)

        def backward(dy: Array) -> None:
            if not weight.requires_grad:
                return
            dw = backend(dy).zeros_like(weight.data)
            add_rows(dw, indices.reshape(-1), dy.reshape(-1, self.embedding_dim))
            if self.padding_idx is not None:
                dw[self.padding_idx] = 0
            weight.accumulate(dw)

        return backend(x).take(weight.data, indices, axis=0), backward

    def _checked(self, x: Array) -> Array:
        """Return the indices as int64, if there are rows for all of them."""
        if x.dtype.kind not in "iu":
            raise DTypeError(f"Embedding looks vectors up by integers and got {x.dtype}: convert x.astype('int64').")
        indices: Array = x.astype(np.int64, copy=False)
        wrong = backend(x).argwhere((indices < 0) | (indices >= self.num_embeddings))
        if len(wrong):
            place = tuple(int(i) for i in wrong[0])
            raise DataError(
                f"Embedding got the index {x[place]} at position {place}, but has {self.num_embeddings} vectors: "
                f"indices run from 0 to {self.num_embeddings - 1}."
            )
        return indices
