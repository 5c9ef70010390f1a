"""Classes: their weights, some of them alone, and one-hot rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from attrs import evolve

from nn_core import ArrayDataset, ConfigError, DataError
from nn_core.typing import Array
from nn_data.datasets.info import DatasetInfo


def one_hot(labels: Any, num_classes: int | None = None, dtype: Any = np.float32) -> Array:
    """Return a row per label that is 1 in the label's column and 0 elsewhere.

    Shape:
        labels ``(N,)`` integers → ``(N, num_classes)``.

    Args:
        labels: from 0.
        num_classes: one more than the largest label if left out.
        dtype: of the result.

    Raises:
        DataError: a label is not an integer from 0 to below `num_classes`.

    >>> one_hot([2, 0])
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    labels = checked_labels(labels)
    count = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    if labels.size and not 0 <= labels.min() <= labels.max() < count:
        wrong = labels[(labels < 0) | (labels >= count)][0]
        raise DataError(f"Labels are from 0 to {count - 1} for num_classes={count}, got {wrong}.")
    rows = np.zeros((len(labels), count), dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def class_weights(labels: Any, num_classes: int | None = None) -> Array:
    """Return the weight of each class that gives all classes the same influence: N / (classes · samples of the class).

    As ``CrossEntropyLoss(weight=…)`` takes them; a class that does not occur has the weight 0.

    Shape:
        labels ``(N,)`` integers → ``(num_classes,)`` float32.

    Raises:
        DataError: as for `one_hot`, or there are no labels.

    >>> class_weights([0, 0, 0, 1])
    array([0.6666667, 2.       ], dtype=float32)
    """
    labels = checked_labels(labels)
    if not labels.size:
        raise DataError("There are no labels to weigh classes by.")
    counts = one_hot(labels, num_classes, np.float64).sum(axis=0)
    present = np.count_nonzero(counts)
    weights = np.divide(len(labels), present * counts, out=np.zeros_like(counts), where=counts > 0)
    result: Array = weights.astype(np.float32)
    return result


def keep_classes(dataset: Any, classes: Sequence[int]) -> ArrayDataset:
    """Return the samples of some classes alone, whose labels become 0, 1, … in the order in which they are given.

    >>> some = keep_classes(ArrayDataset(np.arange(4), np.array([5, 7, 6, 7])), [7, 5])
    >>> some.x, some.y
    (array([0, 1, 3]), array([1, 0, 0]))

    Args:
        dataset: with integer labels ``(N,)``; all of it is read.
        classes: which labels, each once.

    Raises:
        ConfigError: a class is given twice, or none is.
        DataError: the targets are no labels, or a class does not occur.
    """
    wanted = np.asarray(list(classes))
    if not wanted.size or wanted.dtype.kind not in "iu" or len(np.unique(wanted)) < len(wanted):
        raise ConfigError(f"classes must be different labels, at least one, got {list(classes)}.")
    x, y, *weight = dataset.take(np.arange(len(dataset)))
    labels = checked_labels(y)
    matches = labels[:, None] == wanted
    absent = wanted[~matches.any(axis=0)]
    if absent.size:
        raise DataError(f"There is no sample of class {absent[0]}; there are {np.unique(labels).tolist()}.")
    kept = np.flatnonzero(matches.any(axis=1))
    info = getattr(dataset, "info", None)
    if isinstance(info, DatasetInfo) and info.class_names:
        info = evolve(info, class_names=tuple(info.class_names[label] for label in wanted))
    rows = tuple(part[kept] for part in x) if isinstance(x, tuple) else x[kept]
    weights = weight[0][kept] if weight else None
    return ArrayDataset(rows, matches[kept].argmax(axis=1), weights, info)


def checked_labels(labels: Any) -> Array:
    """Return labels as an array ``(N,)`` of integers.

    Raises:
        DataError: they are something else.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise DataError(f"Labels are integers, one per sample, got {array.dtype} of shape {array.shape}.")
    return array.astype(np.int64, copy=False)
