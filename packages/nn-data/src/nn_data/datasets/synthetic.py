"""Datasets that are made: small problems whose answer is known, for teaching and for tests.

All take `samples`, `noise`, `test_size` (share of the samples in the test set, or their number) and `seed`, and return
(train, test). The same arguments make the same samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core import ArrayDataset, ConfigError
from nn_core.typing import Array
from nn_data.datasets.info import DatasetInfo
from nn_data.splits import split_indices

Parts = tuple[ArrayDataset, ArrayDataset]


def moons(samples: int = 1000, noise: float = 0.1, test_size: float | int = 0.2, seed: int = 0) -> Parts:
    """Return (train, test) of two half circles that reach into each other.

    Class 0 lies on the upper half of the unit circle, class 1 on the lower half of the one around (1, ½).

    Shape:
        x ``(N, 2)`` float32; y ``(N,)`` int64, 0 or 1.

    >>> train, test = moons(100)
    >>> train.x.shape, test.y[:4].dtype
    ((80, 2), dtype('int64'))
    """
    rng, y = _begin(samples, 2, noise, seed)
    angle = rng.uniform(0, np.pi, len(y))
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    x[y == 1] = np.array([1, 0.5]) - x[y == 1]
    return _classes("moons", "Two half circles.", x + rng.normal(0, noise, x.shape), y, test_size, seed)


def circles(
    samples: int = 1000, noise: float = 0.05, factor: float = 0.5, test_size: float | int = 0.2, seed: int = 0
) -> Parts:
    """Return (train, test) of two circles around the origin: class 0 with radius 1, class 1 with radius `factor`.

    Shape:
        x ``(N, 2)`` float32; y ``(N,)`` int64, 0 or 1.
    """
    rng, y = _begin(samples, 2, noise, seed)
    angle = rng.uniform(0, 2 * np.pi, len(y))
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) * np.where(y == 1, factor, 1.0)[:, None]
    return _classes("circles", "Two circles, one in the other.", x + rng.normal(0, noise, x.shape), y, test_size, seed)


def spirals(
    samples: int = 1000,
    noise: float = 0.05,
    classes: int = 3,
    turns: float = 1.0,
    test_size: float | int = 0.2,
    seed: int = 0,
) -> Parts:
    """Return (train, test) of spirals that begin at the origin, one per class, each turning by 2π `turns` to radius 1.

    Shape:
        x ``(N, 2)`` float32; y ``(N,)`` int64 from 0 to below `classes`.
    """
    rng, y = _begin(samples, classes, noise, seed)
    radius = np.sqrt(rng.uniform(0, 1, len(y)))
    angle = 2 * np.pi * (turns * radius + y / classes)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None]
    return _classes("spirals", "Spirals around the origin.", x + rng.normal(0, noise, x.shape), y, test_size, seed)


def blobs(
    samples: int = 1000,
    noise: float = 1.0,
    classes: int = 3,
    features: int = 2,
    test_size: float | int = 0.2,
    seed: int = 0,
) -> Parts:
    """Return (train, test) of normal distributions with deviation `noise` around centers drawn from [−10, 10].

    Shape:
        x ``(N, features)`` float32; y ``(N,)`` int64 from 0 to below `classes`.
    """
    rng, y = _begin(samples, classes, noise, seed)
    _check_count("features", features, 1)
    centers = rng.uniform(-10, 10, (classes, features))
    x = centers[y] + rng.normal(0, noise, (len(y), features))
    return _classes("blobs", "Normal distributions around random centers.", x, y, test_size, seed)


def xor(samples: int = 1000, noise: float = 0.0, test_size: float | int = 0.2, seed: int = 0) -> Parts:
    """Return (train, test) of points in the square [−1, 1]², of class 1 where the signs of the coordinates differ.

    Shape:
        x ``(N, 2)`` float32, moved by `noise` after the class is decided; y ``(N,)`` int64, 0 or 1.
    """
    rng, _ = _begin(samples, 2, noise, seed)
    x = rng.uniform(-1, 1, (samples, 2))
    y = (x[:, 0] * x[:, 1] < 0).astype(np.int64)
    return _classes("xor", "Points in four quadrants.", x + rng.normal(0, noise, x.shape), y, test_size, seed)


def linear_regression(
    samples: int = 1000,
    noise: float = 0.1,
    features: int = 10,
    informative: int | None = None,
    targets: int = 1,
    test_size: float | int = 0.2,
    seed: int = 0,
) -> Parts:
    """Return (train, test) of y = x w + ε, with x, w and ε normal, ε of deviation `noise`.

    Args:
        samples: number of samples.
        noise: see above.
        features: number of columns of x.
        informative: how many of them, the first, have a weight that is not 0; all if left out.
        targets: number of columns of y.
        test_size: share of the samples in the test set, or their number.
        seed: which samples there are.

    Shape:
        x ``(N, features)`` float32; y ``(N, targets)`` float32.
    """
    rng, _ = _begin(samples, 1, noise, seed)
    _check_count("features", features, 1)
    _check_count("targets", targets, 1)
    w = rng.normal(size=(features, targets))
    w[features if informative is None else informative :] = 0
    x = rng.normal(size=(samples, features))
    y = x @ w + rng.normal(0, noise, (samples, targets))
    return _numbers("linear_regression", "A linear function with noise.", x, y, test_size, seed)


def sine_waves(
    samples: int = 1000,
    noise: float = 0.1,
    periods: float = 2.0,
    waves: int = 1,
    test_size: float | int = 0.2,
    seed: int = 0,
) -> Parts:
    """Return (train, test) of yₖ = sin(π k · periods · x) + ε for k = 1 to `waves`, ε normal of deviation `noise`.

    Shape:
        x ``(N, 1)`` float32 from −1 to 1; y ``(N, waves)`` float32.
    """
    rng, _ = _begin(samples, 1, noise, seed)
    _check_count("waves", waves, 1)
    x = rng.uniform(-1, 1, (samples, 1))
    y = np.sin(np.pi * periods * x * np.arange(1, waves + 1)) + rng.normal(0, noise, (samples, waves))
    return _numbers("sine_waves", "Sine waves with noise.", x, y, test_size, seed)


def _begin(samples: int, classes: int, noise: float, seed: int) -> tuple[np.random.Generator, Array]:
    """Return the generator, and labels of which there are equally many to within one."""
    _check_count("samples", samples, 2)
    _check_count("classes", classes, 1)
    if isinstance(noise, bool) or not isinstance(noise, (int, float)) or not 0 <= noise < np.inf:
        raise ConfigError(f"noise must be a number of at least 0, got {noise!r}.")
    return np.random.default_rng(seed % 2**64), np.arange(samples) % classes


def _check_count(name: str, value: Any, least: int) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name} must be an integer of at least {least}, got {value!r}.")


def _classes(name: str, summary: str, x: Array, y: Array, test_size: float | int, seed: int) -> Parts:
    info = _info(name, summary, x, class_names=tuple(str(label) for label in range(int(y.max()) + 1)))
    return _parts(info, x, y.astype(np.int64), split_indices(len(y), test_size=test_size, labels=y, seed=seed))


def _numbers(name: str, summary: str, x: Array, y: Array, test_size: float | int, seed: int) -> Parts:
    info = _info(name, summary, x, target_names=_names("y", y.shape[1]))
    return _parts(info, x, y.astype(np.float32), split_indices(len(y), test_size=test_size, seed=seed))


def _info(name: str, summary: str, x: Array, **meaning: Any) -> DatasetInfo:
    return DatasetInfo(
        name=name,
        summary=summary,
        shape=x.shape[1:],
        feature_names=_names("x", x.shape[1]),
        licence="made on the spot",
        **meaning,
    )


def _names(letter: str, count: int) -> tuple[str, ...]:
    return tuple(f"{letter}{i}" for i in range(count))


def _parts(info: DatasetInfo, x: Array, y: Array, split: tuple[Array, ...]) -> Parts:
    x = x.astype(np.float32)
    train, test = (ArrayDataset(x[part], y[part], info=info) for part in split)
    return train, test
