"""The types that signatures across the framework share, for those who annotate code of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Backward: TypeAlias = Callable[[Any], Any]
Initializer: TypeAlias = Callable[[Shape, np.random.Generator | None], Array]
InitFn: TypeAlias = Callable[[Shape], Array]
"""An initializer that is given the shape alone; every layer's ``init=`` takes it, too."""

IntOrPair: TypeAlias = int | tuple[int, int]
PerAxis: TypeAlias = int | Sequence[int]
"""A number for all spatial axes, or one for each."""

KernelSize: TypeAlias = IntOrPair
Stride: TypeAlias = IntOrPair
Padding: TypeAlias = IntOrPair
BetaCoefficients: TypeAlias = tuple[float, float]

Loader: TypeAlias = Iterable[tuple[Any, ...]]
"""Anything that yields batches (x, y) or (x, y, weight)."""

TrainTestEvalSets: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array], tuple[Array, Array]]
"""(x, y) for training, test and validation."""

if TYPE_CHECKING:
    from nn_core import protocols
    from nn_core.parameter import Parameter

    ListOfParameters: TypeAlias = list[Parameter]
    LossFunc: TypeAlias = protocols.Loss
    Optimizer: TypeAlias = protocols.Optimizer
else:

    def __getattr__(name: str) -> Any:
        """Look up, once everything is imported, what is made of modules that import this one."""
        if name not in ("ListOfParameters", "LossFunc", "Optimizer"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from nn_core import protocols
        from nn_core.parameter import Parameter

        return {"ListOfParameters": list[Parameter], "LossFunc": protocols.Loss, "Optimizer": protocols.Optimizer}[name]


__all__ = [
    "Array",
    "Backward",
    "BetaCoefficients",
    "DTypeLike",
    "InitFn",
    "Initializer",
    "IntOrPair",
    "KernelSize",
    "ListOfParameters",
    "Loader",
    "LossFunc",
    "Optimizer",
    "Padding",
    "PerAxis",
    "Shape",
    "Stride",
    "TrainTestEvalSets",
]
