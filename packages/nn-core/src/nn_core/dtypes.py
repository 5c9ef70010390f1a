"""The floating-point type that new parameters and converted lists get."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core.errors import ConfigError
from nn_core.typing import DTypeLike

_default: np.dtype[Any] = np.dtype(np.float32)


def default_dtype() -> np.dtype[Any]:
    """Return the dtype of new parameters: float32 unless `set_default_dtype` changed it."""
    return _default


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype of new parameters for this process.

    >>> set_default_dtype("float64"); default_dtype()
    dtype('float64')
    >>> set_default_dtype("float32")

    Raises:
        ConfigError: the dtype is not a floating-point one.
    """
    global _default
    _default = floating(dtype)


def floating(dtype: DTypeLike) -> np.dtype[Any]:
    """Return `dtype` as a NumPy dtype, refusing all that are not floating-point."""
    try:
        found = None if dtype is None else np.dtype(dtype)  # NumPy would take None for float64
    except TypeError:
        found = None
    if found is None or found.kind != "f":
        seen = repr(dtype) if found is None else found
        raise ConfigError(f"Parameters need a floating-point dtype such as float32, got {seen}.")
    return found
