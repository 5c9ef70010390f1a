"""Dividing samples into parts: by share or number, by class, by group, in the order of time, or into folds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nn_core import ConfigError, DataError
from nn_core.batching import ArrayDataset, Subset
from nn_core.typing import Array


def split(
    data: Any,
    *,
    test_size: float | int = 0.2,
    validation: float | int = 0,
    labels: Any = None,
    groups: Any = None,
    ordered: bool = False,
    seed: int = 0,
) -> tuple[Any, ...]:
    """Return the parts (train, test) of some data, or (train, validation, test) where a validation part is asked for.

    >>> train, test = split(np.arange(10), test_size=3, ordered=True)
    >>> test
    array([7, 8, 9])

    Args:
        data: an array, a tuple of arrays, a table of pandas or Arrow, or a dataset; the parts are of the same kind.
        test_size: see `split_indices`, as for the following.
        validation: share or number.
        labels: class of every sample, for parts in which every class keeps its share; or the column of a table.
        groups: group of every sample, for parts that have no group in common; likewise.
        ordered: whether the parts follow one another.
        seed: which samples they have.

    Raises:
        DataError: see `split_indices`, or the data cannot be divided.
    """
    if isinstance(labels, str):
        labels = data[labels]
    if isinstance(groups, str):
        groups = data[groups]
    parts = split_indices(
        _length(data),
        test_size=test_size,
        validation=validation,
        labels=labels,
        groups=groups,
        ordered=ordered,
        seed=seed,
    )
    return tuple(_rows_of(data, part) for part in parts)


def split_indices(
    n: int,
    *,
    test_size: float | int = 0.2,
    validation: float | int = 0,
    labels: Any = None,
    groups: Any = None,
    ordered: bool = False,
    seed: int = 0,
) -> tuple[Array, ...]:
    """Return the sorted indices of the parts (train, test), or (train, validation, test), of `n` samples.

    Every sample is in exactly one part, and the same arguments give the same parts.

    Args:
        n: number of samples.
        test_size: share of the samples in the test part, rounded up, or their number.
        validation: share of the samples in the validation part, or their number; 0 for none.
        labels: class of every sample, ``(N,)``: each class keeps its share in each part to within one sample.
        groups: group of every sample, ``(N,)``: all samples of a group are in the same part, and the shares are those
            of the groups.
        ordered: whether the parts follow one another, the test part last, as for samples in the order of time.
        seed: which samples those are, unless `ordered`.

    Raises:
        DataError: a part would be empty, or `labels` or `groups` are not one per sample.
        ConfigError: more than one of `labels`, `groups` and `ordered` is given.
    """
    if (labels is not None) + (groups is not None) + bool(ordered) > 1:
        raise ConfigError("A split is by labels, by groups or ordered: give only one of them.")
    if groups is not None:
        names, members = np.unique(_one_per_sample("groups", groups, n), return_inverse=True)
        parts = split_indices(len(names), test_size=test_size, validation=validation, seed=seed)
        return tuple(np.flatnonzero(np.isin(members, part)) for part in parts)
    if ordered:
        bounds = [n - _count("test_size", test_size, n)]
        if validation:
            bounds.insert(0, bounds[0] - _count("validation", validation, n, taken=n - bounds[0]))
        return tuple(np.split(np.arange(n), bounds))
    order = None if labels is None else _one_per_sample("labels", labels, n)
    rng = np.random.default_rng(seed % 2**64)
    left = np.arange(n)
    held_out: list[Array] = []
    for name, size in (("test_size", test_size), ("validation", validation)):
        if name == "test_size" or validation:
            count = _count(name, size, n, taken=n - len(left))
            chosen = _chosen(left, count, order, rng)
            held_out.insert(0, chosen)
            left = np.setdiff1d(left, chosen, assume_unique=True)
    return (left, *held_out)


def stratified_split(labels: Any, test_size: float | int, seed: int = 0) -> tuple[Array, Array]:
    """Return the sorted indices (train, test) of a split in which every class keeps its share to within one sample.

    Args:
        labels: class of every sample, ``(N,)``.
        test_size: share of the samples in the test part, or their number.
        seed: which samples those are.

    Raises:
        DataError: `test_size` is out of range, or one of the parts would be empty.

    >>> train, test = stratified_split([0, 0, 0, 0, 1, 1], test_size=3, seed=0)
    >>> len(train), len(test)
    (3, 3)
    """
    train, test = split_indices(len(labels), test_size=test_size, labels=labels, seed=seed)
    return train, test


def k_fold(
    n: Any, k: int = 5, *, labels: Any = None, groups: Any = None, ordered: bool = False, seed: int | None = 0
) -> Iterator[tuple[Array, Array]]:
    """Yield the sorted indices (train, test) of `k` divisions of `n` samples, in which each is tested once.

    >>> [test.tolist() for train, test in k_fold(5, 2, seed=None)]
    [[0, 1, 2], [3, 4]]
    >>> [(train.tolist(), test.tolist()) for train, test in k_fold(6, 2, ordered=True)]
    [([0, 1], [2, 3]), ([0, 1, 2, 3], [4, 5])]

    Args:
        n: number of samples, or something with a length.
        k: number of folds.
        labels: class of every sample: each fold has of each class the same number to within one.
        groups: group of every sample: all samples of a group are in the same fold; the largest groups are dealt out
            first, each to the smallest fold.
        ordered: whether each fold follows what is trained on, as for samples in the order of time: there are `k` folds
            of ``n // (k + 1)`` samples at the end, each with all before it as training part.
        seed: which samples a fold has, None for stretches of neighbors.

    Raises:
        DataError: there are fewer samples, or groups, than folds.
        ConfigError: `k` is no integer of at least 2 (1 if `ordered`), or more than one of `labels`, `groups` and
            `ordered` is given.
    """
    if (labels is not None) + (groups is not None) + bool(ordered) > 1:
        raise ConfigError("Folds are by labels, by groups or ordered: give only one of them.")
    n = n if isinstance(n, (int, np.integer)) else _length(n)
    least = 1 if ordered else 2
    if not isinstance(k, (int, np.integer)) or isinstance(k, bool) or k < least:
        raise ConfigError(f"k must be an integer of at least {least}, got {k!r}.")
    if n < k + ordered:
        raise DataError(f"{n} samples do not make {k} folds.")
    return _ordered_folds(n, k) if ordered else _folds(n, _fold_of_each(n, k, labels, groups, seed), k)


def _ordered_folds(n: int, k: int) -> Iterator[tuple[Array, Array]]:
    size = n // (k + 1)
    for start in range(n - k * size, n, size):
        yield np.arange(start), np.arange(start, start + size)


def _folds(n: int, fold: Array, k: int) -> Iterator[tuple[Array, Array]]:
    for i in range(k):
        yield np.flatnonzero(fold != i), np.flatnonzero(fold == i)


def _fold_of_each(n: int, k: int, labels: Any, groups: Any, seed: int | None) -> Array:
    """Return the number of the fold that each sample is tested in."""
    rng = None if seed is None else np.random.default_rng(seed % 2**64)
    order = np.arange(n) if rng is None else rng.permutation(n)
    fold = np.empty(n, np.int64)
    if groups is not None:
        names, members, sizes = np.unique(_one_per_sample("groups", groups, n), return_inverse=True, return_counts=True)
        if len(names) < k:
            raise DataError(f"{len(names)} groups do not make {k} folds.")
        filled, home = np.zeros(k, np.int64), np.empty(len(names), np.int64)
        shuffled = np.arange(len(names)) if rng is None else rng.permutation(len(names))
        for group in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
            home[group] = filled.argmin()
            filled[home[group]] += sizes[group]
        fold[:] = home[members]
        return fold
    if labels is None:
        fold[order] = np.repeat(np.arange(k), [n // k + (i < n % k) for i in range(k)])
    else:  # the samples, one class after the other, are dealt out in turn
        classes = _one_per_sample("labels", labels, n)
        fold[order[np.argsort(classes[order], kind="stable")]] = np.arange(n) % k
    return fold


def _chosen(left: Array, count: int, labels: Array | None, rng: np.random.Generator) -> Array:
    """Return `count` of the samples that are `left`, sorted; of each class its share."""
    if labels is None:
        return np.sort(rng.permutation(left)[:count])
    classes, members = np.unique(labels[left], return_inverse=True)
    exact = np.bincount(members) * (count / len(left))
    counts = np.floor(exact).astype(np.int64)
    largest_remainders = np.argsort(counts - exact, kind="stable")
    counts[largest_remainders[: count - counts.sum()]] += 1
    chosen = [rng.permutation(np.flatnonzero(members == i))[: counts[i]] for i in range(len(classes))]
    kept: Array = left[np.sort(np.concatenate(chosen))]
    return kept


def _count(name: str, size: float | int, n: int, taken: int = 0) -> int:
    """Return how many samples a share, rounded up, or a number stands for."""
    is_number = isinstance(size, (int, float, np.integer, np.floating)) and not isinstance(size, bool)
    wanted = size if isinstance(size, (int, np.integer)) else -(-size * n // 1) if is_number else 0
    if isinstance(size, bool) or not 0 < wanted < n - taken:
        raise DataError(
            f"{name} must be a share or a number that leaves no part of the {n} samples empty, got {size!r}."
        )
    return int(wanted)


def _one_per_sample(name: str, values: Any, n: int) -> Array:
    array = np.asarray(values)
    if array.shape != (n,):
        raise DataError(f"{name} must be one per sample, of shape ({n},), got {array.shape}.")
    return array.astype(str) if array.dtype == object else array  # words, among which one may be missing


def _length(data: Any) -> int:
    if isinstance(data, tuple) and data and all(hasattr(part, "__len__") for part in data):
        lengths = {len(part) for part in data}
        if len(lengths) > 1:
            raise DataError(f"Arrays that are divided together must have the same length, got {sorted(lengths)}.")
        return lengths.pop()
    if not hasattr(data, "__len__"):
        raise DataError(f"{type(data).__name__} has no length, so that it cannot be divided.")
    return len(data)


def _rows_of(data: Any, indices: Array) -> Any:
    if isinstance(data, tuple):
        return tuple(_rows_of(part, indices) for part in data)
    if isinstance(data, list):
        return [data[i] for i in indices]
    if type(data) is ArrayDataset:
        x, y, *weight = data.take(indices)
        return ArrayDataset(x, y, weight[0] if weight else None, data.info)
    if hasattr(data, "iloc"):  # a table of pandas, which takes rows by position
        return data.iloc[indices]
    if hasattr(data, "schema") or hasattr(data, "dtype"):  # a table of Arrow, an array
        return data.take(indices, axis=0) if hasattr(data, "dtype") else data.take(indices)
    if hasattr(data, "take"):
        return Subset(data, indices)
    raise DataError(f"{type(data).__name__} cannot be divided: it is no array, table or dataset.")
