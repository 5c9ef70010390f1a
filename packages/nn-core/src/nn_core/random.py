"""Where random numbers come from: the default generator, and masks that are keyed instead of drawn from a stream."""

from __future__ import annotations

import threading
from math import prod

import numpy as np

from nn_core.errors import ConfigError
from nn_core.typing import Array, Shape

_generator = np.random.default_rng()


def seed(n: int) -> None:
    """Restart the default generator, which initializes parameters and draws dropout masks outside `fit`."""
    global _generator
    _generator = np.random.default_rng(n)


def default_rng() -> np.random.Generator:
    """Return the default generator."""
    return _generator


def chosen_rng(rng: np.random.Generator | None) -> np.random.Generator:
    """Return the generator that was given, the default one for None.

    Raises:
        ConfigError: it is something else, a seed for example.
    """
    if rng is None:
        return _generator
    if not isinstance(rng, np.random.Generator):
        raise ConfigError(f"rng must be a generator of NumPy, as numpy.random.default_rng(3) makes it, got {rng!r}.")
    return rng


class keyed:  # noqa: N801 - it is used like a function, in a with statement
    """Key all masks drawn inside by (seed, step, call, row), so that they do not depend on what was drawn before.

    It holds for the thread that enters it. A thread or process that holds rows `first_row` and up of a batch draws just
    the rows of the whole batch's mask.
    """

    def __init__(self, seed: int, step: int, first_row: int = 0) -> None:
        self.seed, self.step, self.first_row = seed, step, first_row

    def __enter__(self) -> None:
        self.call = 0  # counts the masks drawn so far
        self.around = _thread.key
        _thread.key = self

    def __exit__(self, *error: object) -> None:
        _thread.key = self.around


class _Thread(threading.local):
    key: keyed | None = None


_thread = _Thread()


def keep_mask(shape: Shape, drop: float, rng: np.random.Generator | None = None) -> Array:
    """Return a boolean array, False with probability `drop`: what a layer that is random in training draws.

    Inside `nn_core.fit` it is keyed by the run's seed, the step, the call in it and the row, so that it depends neither
    on threads nor on where a run was resumed; elsewhere it is drawn from `rng`, the default generator if left out.
    The keyed bits come from Philox (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), a function of
    key and counter: (seed, step) is the key, call and row choose the counter.
    """
    threshold = np.uint32(min(round(drop * 2**32), 2**32 - 1))
    key = _thread.key
    if key is None:
        return chosen_rng(rng).integers(0, 2**32, size=shape, dtype=np.uint32) >= threshold
    rows, row = shape[0] if shape else 1, prod(shape[1:])
    blocks = -(-row // 8)  # the counter advances once per 4 64-bit words, which are 8 draws
    bits = np.random.Philox(key=_words(key.seed, key.step), counter=[key.first_row * blocks, 0, key.call, 0])
    key.call += 1
    draws = bits.random_raw(rows * blocks * 4).view(np.uint32).reshape(rows, blocks * 8)[:, :row]
    mask: Array = (draws >= threshold).reshape(shape)
    return mask


def _words(*numbers: int) -> Array:
    return np.array([number % 2**64 for number in numbers], dtype=np.uint64)


def epoch_order(n: int, seed: int, epoch: int) -> Array:
    """Return the order in which `epoch` visits `n` samples: a permutation keyed by (seed, epoch).

    >>> bool((epoch_order(100, seed=0, epoch=3) == epoch_order(100, seed=0, epoch=3)).all())
    True
    """
    return np.random.default_rng([seed % 2**64, epoch]).permutation(n)
