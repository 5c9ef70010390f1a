"""Layers side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from itertools import accumulate
from numbers import Integral
from reprlib import recursive_repr
from typing import Any, ClassVar

import numpy as np

from nn_core import protocols
from nn_core.backends import backend
from nn_core.errors import BackwardError, ConfigError, ShapeError
from nn_core.layers.container import Container, forward_of, shape_of, total, tree
from nn_core.typing import Backward

MERGES = ("sum", "mean", "concat", None)


class Parallel(Container):
    """Layers side by side, each on the same input: ``y = f₁(x) + … + fₙ(x)``, their mean, or all joined along an axis.

    Gradient: the sum of those of the branches, each of which gets dy, dy / n, or its own part of dy.

    Args:
        *branches: the layers, built or not; or one dictionary of layers by name.
        merge: ``sum``, ``mean`` or ``concat``; None returns a tuple with what each branch returns.
        axis: along which ``concat`` joins; the others must agree.

    Shape:
        x as every branch takes it → y of the branches' shape, for ``concat`` with their sizes on `axis` added up.

    Raises:
        ShapeError: the branches' outputs do not fit together, or a branch cannot take x; the message names it.
        ConfigError: something is no layer, a name is unsuitable, or there are no branches when it is called.

    >>> from nn_core import Linear
    >>> Parallel(Linear(4, 2), Linear(4, 3), merge="concat")(np.ones((5, 4), np.float32)).shape
    (5, 5)
    """

    _built = True
    _called: ClassVar[str] = "branches"

    def __init__(
        self,
        *branches: protocols.Layer | Mapping[str, protocols.Layer],
        merge: str | None = "sum",
        axis: int = 1,
    ) -> None:
        if merge not in MERGES:
            raise ConfigError(
                f"merge of Parallel must be 'sum', 'mean', 'concat' or None, got {merge!r}. For something else put a "
                f"Lambda, which gets the branches' outputs, after a Parallel with merge=None."
            )
        if not isinstance(axis, Integral) or isinstance(axis, bool):
            raise ConfigError(f"axis of Parallel must be an integer, got {axis!r}.")
        self.merge: str | None = merge
        self.axis: int = int(axis)
        super().__init__(branches)

    @property
    def branches(self) -> list[Any]:
        """The layers."""
        return self.layers

    # The mathematics

    def forward(self, *xs: Any, input_gradient: bool = True) -> tuple[Any, Backward]:
        pairs = self._each(lambda branch: forward_of(branch, xs, input_gradient))
        closures = [closure for _, closure in pairs]
        ys = [y for y, _ in pairs]
        shapes = [shape_of(y) for y in ys]
        y = self._merged(xs, ys)
        del pairs, ys

        def backward(dy: Any) -> Any:
            if not closures:
                raise BackwardError("This backward pass has run already; call forward again for another one.")
            parts = self._split(dy, shapes)
            dx = None
            while closures:  # popping frees each branch's activations as soon as they are used
                dx = total(dx, closures.pop()(parts.pop()))
            return dx if input_gradient else None

        return y, backward

    def infer(self, *xs: Any) -> Any:
        return self._merged(xs, self._each(lambda branch: branch.infer(*xs)))

    def build(self, input_shape: Any, rng: np.random.Generator | None = None) -> None:
        self._each(lambda branch: branch.build(input_shape, rng))

    def output_shape(self, input_shape: Any) -> Any:
        return self._merged_shape(input_shape, self._each(lambda branch: branch.output_shape(input_shape)))

    def _each(self, run: Callable[[Any], Any]) -> list[Any]:
        """Run every branch; an error names the one that it concerns."""
        if not self.layers:
            raise ConfigError("Parallel has no branches: give it some, or append() them.")
        results = []
        try:
            for branch in self.layers:
                results.append(run(branch))  # noqa: PERF401 - an error names the branch by how many went before
        except ShapeError as error:
            error.within(self._place_of(len(results)))
            raise
        return results

    def _merged(self, xs: tuple[Any, ...], ys: list[Any]) -> Any:
        given = shape_of(xs[0] if len(xs) == 1 else xs)
        self._merged_shape(given, [shape_of(y) for y in ys])  # raises where they do not fit
        if self.merge is None:
            return tuple(ys)
        if self.merge == "concat":
            return backend(ys[0]).concatenate(ys, self.axis)
        y = reduce(total, ys)
        return y / len(ys) if self.merge == "mean" else y

    def _merged_shape(self, given: Any, shapes: list[Any]) -> Any:
        """Return the shape of the merged output, refusing shapes that do not fit, even if NumPy could broadcast."""
        if self.merge is None:
            return tuple(shapes)
        first, axis = shapes[0], self.axis
        if self.merge != "concat":
            if all(shape == first and _is_of_array(shape) for shape in shapes):
                return first
            verb = "add up" if self.merge == "sum" else "average"
            raise self.shape_error(
                f"the branches return {_listed(shapes)}, not one shape to {verb}, for x of shape {given}",
                "Change the branches, or join them with merge='concat'.",
            )
        axes = len(first)
        if -axes <= axis < axes and all(_is_of_array(shape) and len(shape) == axes for shape in shapes):
            joined = sum(shape[axis] for shape in shapes)
            whole = [_with(shape, axis, joined) for shape in shapes]
            if all(shape == whole[0] for shape in whole):
                return whole[0]
        raise self.shape_error(
            f"the branches return {_listed(shapes)}, which do not fit along axis {axis}, for x of shape {given}",
            "They must have that axis and agree on the others.",
        )

    def _split(self, dy: Any, shapes: list[Any]) -> list[Any]:
        """Return the gradient for each branch."""
        if self.merge is None:
            return list(dy)
        if self.merge == "concat":
            ends = list(accumulate(shape[self.axis] for shape in shapes))
            return list(backend(dy).split(dy, ends[:-1], self.axis))
        return [dy / len(shapes) if self.merge == "mean" else dy] * len(shapes)

    # The list

    @property
    def takes_integers(self) -> bool:  # type: ignore[override]  # what one branch needs, all get
        return any(getattr(branch, "takes_integers", False) for branch in self.layers)

    def _like(self, layers: list[Any]) -> Parallel:
        return Parallel(*layers, merge=self.merge, axis=self.axis)

    def config(self) -> dict[str, Any]:
        return super().config() | {"merge": self.merge, "axis": self.axis}

    @recursive_repr()
    def __repr__(self) -> str:
        return tree(self, f"merge={self.merge!r}" + (f", axis={self.axis}" if self.merge == "concat" else ""))


def _is_of_array(shape: Any) -> bool:
    return shape is not None and not any(isinstance(size, tuple) for size in shape)


def _with(shape: tuple[int, ...], axis: int, size: int) -> tuple[int, ...]:
    """Return a shape with another size on one axis."""
    sizes = list(shape)
    sizes[axis] = size
    return tuple(sizes)


def _listed(shapes: list[Any]) -> str:
    return " and ".join(str(shape) for shape in shapes)
