"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_core.errors import ShapeError
from nn_core.functional.arithmetic import BOTH, Needed, multiply
from nn_core.functional.shapes import reshape
from nn_core.operations import operation, unbroadcast
from nn_core.typing import Array, Backward


@operation
def matmul(a: Array, b: Array, /, *, needed: Needed = BOTH) -> tuple[Array, Backward]:
    """Return the matrix product of the last two axes, broadcast over the others; vectors as in NumPy.

    Gradients: ``∂a = dy bᵀ``, ``∂b = aᵀ dy``.

    Shape:
        a ``(…, n, k)`` or ``(k,)``, b ``(…, k, m)`` or ``(k,)`` → y ``(…, n, m)`` without the axes of vectors.

    Raises:
        ShapeError: the inner sizes differ, or one side is a single number.
    """
    if not a.ndim or not b.ndim or a.shape[-1] != b.shape[max(b.ndim - 2, 0)]:
        raise ShapeError(
            f"matmul cannot multiply {a.shape} by {b.shape}: the last axis of the first must be as long as "
            f"the last but one of the second"
        )
    rows, columns = (a if a.ndim > 1 else a[None, :]), (b if b.ndim > 1 else b[:, None])

    def backward(dy: Array) -> tuple[Array | None, Array | None]:
        if a.ndim == 1:
            dy = dy[..., None, :] if b.ndim > 1 else dy[..., None]
        if b.ndim == 1:
            dy = dy[..., None]
        da = unbroadcast(dy @ columns.swapaxes(-1, -2), rows.shape).reshape(a.shape) if needed[0] else None
        db = unbroadcast(rows.swapaxes(-1, -2) @ dy, columns.shape).reshape(b.shape) if needed[1] else None
        return da, db

    return a @ b, backward


def dot(a: Any, b: Any) -> Any:
    """Return the product of vectors or matrices, as `matmul` does, or a multiple if one is a single number.

    Raises:
        ShapeError: a or b has more than two axes, or the inner sizes differ.
    """
    dims = [x.ndim if hasattr(x, "ndim") else np.ndim(x) for x in (a, b)]
    if 0 in dims:
        return multiply(a, b)
    if max(dims) > 2:
        raise ShapeError(f"dot is for vectors and matrices, got {dims[0]} and {dims[1]} axes", "Use matmul or einsum.")
    return matmul(a, b)


def outer(a: Any, b: Any) -> Any:
    """Return ``yᵢⱼ = aᵢ bⱼ`` of a and b, flattened."""
    return multiply(reshape(a, (-1, 1)), reshape(b, (1, -1)))
