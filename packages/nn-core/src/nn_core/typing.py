"""The types that signatures across the framework share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array: TypeAlias = NDArray[Any]
Shape: TypeAlias = tuple[int, ...]
Backward: TypeAlias = Callable[[Any], Any]
Initializer: TypeAlias = Callable[[Shape, np.random.Generator | None], Array]
IntOrPair: TypeAlias = int | tuple[int, int]

__all__ = ["Array", "Backward", "DTypeLike", "Initializer", "IntOrPair", "Shape"]
