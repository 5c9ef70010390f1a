"""What a transform is, and transforms made of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nn_core import ConfigError, DataError
from nn_core.batching import Batch
from nn_core.typing import Array


class Transform:
    """Changes a batch. Derive from it and define ``__call__``; one that also changes targets overrides `batch`.

    ::

        class Gamma(Transform):
            def __call__(self, x, rng):
                return x ** rng.uniform(0.8, 1.25, (len(x), 1, 1, 1)).astype(x.dtype)

    It must not write to what it gets.
    """

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        """Return the inputs of a batch, ``(N, …)``, transformed; `rng` is where randomness comes from."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(x, rng) or batch(batch, rng).")

    def batch(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return a batch (x, y) or (x, y, weight), transformed."""
        x, *rest = batch
        return (self(x, rng), *rest)


class Compose(Transform):
    """Does one transform after the other.

    Raises:
        ConfigError: one is neither a transform nor a function.
    """

    def __init__(self, transforms: Sequence[Any]) -> None:
        self.transforms = [composed(transform) for transform in transforms]

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        for transform in self.transforms:
            x = transform(x, rng)
        return x

    def batch(self, batch: Batch, rng: np.random.Generator) -> Batch:
        for transform in self.transforms:
            batch = transform.batch(batch, rng)
        return batch


class Function(Transform):
    """Does what a function of x does, of the inputs of a whole batch."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        y = self.function(x)
        if y is None:
            raise DataError(f"The transform {self.function!r} returned nothing.")
        return y


class PerSample(Transform):
    """Does what a function does, to one sample after the other.

    Args:
        function: of one sample, ``x[i]``; or with `random` of a sample and a generator.
        random: whether the function takes a generator.

    Raises:
        DataError: later, the results differ in shape, so that they make no batch.
    """

    def __init__(self, function: Callable[..., Any], random: bool = False) -> None:
        self.function = function
        self.random = random

    def __call__(self, x: Any, rng: np.random.Generator) -> Any:
        more = (rng,) if self.random else ()
        samples = [np.asarray(self.function(sample, *more)) for sample in x]
        shapes = {sample.shape for sample in samples}
        if len(shapes) > 1:
            raise DataError(f"The samples of a batch must have one shape, and PerSample made {sorted(shapes)}.")
        return np.stack(samples) if samples else x


def composed(choice: Any) -> Transform:
    """Return a transform for a transform, a function of x, or a list of them.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(choice, Transform):
        return choice
    if isinstance(choice, (list, tuple)):
        return Compose(choice)
    if callable(choice) and not isinstance(choice, type):
        return Function(choice)
    hint = f": write {choice.__name__}(…)" if isinstance(choice, type) else ""
    raise ConfigError(f"A transform is a Transform, a function of x or a list of them, got {choice!r}{hint}.")


def checked_images(x: Any, name: str) -> Array:
    """Return images, refusing what has not their shape.

    Raises:
        DataError: x is not ``(N, channels, height, width)``.
    """
    if not isinstance(x, np.ndarray) or x.ndim != 4:
        shape = x.shape if hasattr(x, "shape") else type(x).__name__
        raise DataError(
            f"{name} takes images of the shape (N, channels, height, width), got {shape}; ToImages makes some."
        )
    return x
