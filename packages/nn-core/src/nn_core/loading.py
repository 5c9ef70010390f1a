"""Arrays for the parameters and buffers of a model, all checked before the first is copied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from nn_core.errors import ModelFileError
from nn_core.operations import numbers
from nn_core.parameter import Buffer, Parameter
from nn_core.tensor import Tensor
from nn_core.typing import Array


def fitting(
    own: Mapping[str, Parameter | Buffer], state: Mapping[str, Any], strict: bool
) -> list[tuple[Parameter | Buffer, Array]]:
    """Return what is to be copied into what, in the model's order.

    Args:
        own: the parameters and buffers of the model by path.
        state: arrays, Tensors, numbers or lists of them by path.
        strict: False ignores paths that only one side has.

    Raises:
        ModelFileError: something does not fit, or cannot be copied to.
    """
    if not isinstance(state, Mapping) or not all(isinstance(path, str) for path in state):
        raise ModelFileError(f"A state is a mapping of arrays by dotted path, as from state_dict(), got {state!r:.60}.")
    missing, unexpected = sorted(set(own) - set(state)), sorted(set(state) - set(own))
    if strict and (missing or unexpected):
        sides = (("lacks", missing), ("has unknown", unexpected))
        found = " and ".join(f"{word} {', '.join(keys)}" for word, keys in sides if keys)
        raise ModelFileError(f"The state {found}. Pass strict=False to load only what both sides have.")
    if own and state and len(missing) == len(own):
        raise ModelFileError(
            f"The state has nothing that the model has: its paths are like {next(iter(state))!r}, those of the model "
            f"like {next(iter(own))!r}. Rename them."
        )
    arrays = {path: _array(path, state[path]) for path in own if path in state}
    for path, array in arrays.items():
        target = own[path].data
        if target.shape != array.shape:
            raise ModelFileError(f"{path} has shape {target.shape} in the model and {array.shape} in the state.")
        if not getattr(target.flags, "writeable", True):
            raise ModelFileError(f"The array of {path} in the model is read-only: give it a copy of its own first.")
    for path, first in shared(own.items()).items():
        if {path, first} <= arrays.keys() and not np.array_equal(arrays[path], arrays[first], equal_nan=True):
            raise ModelFileError(f"{path} and {first} are one in the model, and two different arrays in the state.")
    return [(own[path], array.astype(own[path].data.dtype, copy=False)) for path, array in arrays.items()]


def _array(path: str, value: Any) -> Array:
    given = value.data if isinstance(value, (Tensor, Buffer)) else value
    if hasattr(given, "dtype") and not hasattr(given.dtype, "kind"):  # a tensor of PyTorch
        given = np.asarray(given)
    try:
        return numbers(given)
    except TypeError as error:
        raise ModelFileError(f"{path} in the state is {value!r:.60}, not an array of numbers.") from error


def shared(named: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Return the paths of what stands in several places, each with the first path of the same thing.

    >>> shared([("a", min), ("b", max), ("c", min)])
    {'c': 'a'}
    """
    first: dict[int, str] = {}
    places = [(path, first.setdefault(id(value), path)) for path, value in named]
    return {path: earliest for path, earliest in places if path != earliest}
