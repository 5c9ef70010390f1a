"""First weights that are matrices of a special form."""

from __future__ import annotations

import numpy as np

from nn_core.dtypes import default_dtype
from nn_core.initializers.gains import number, of_a_weight
from nn_core.random import chosen_rng
from nn_core.typing import Array, Shape


def orthogonal(shape: Shape, rng: np.random.Generator | None = None, *, gain: float = 1.0) -> Array:
    """Draw a matrix with orthonormal rows or, if it is tall, columns: ``W Wᵀ = gain² I`` or ``Wᵀ W = gain² I``.

    W is the factor Q of a normal random matrix, each column with the sign of R's diagonal, which makes all orthogonal
    matrices equally likely. Further axes, those of a kernel, are joined with the second one.

    Raises:
        ConfigError: `gain` is not a finite number.
        ShapeError: `shape` is not (out, in, …).

    Source: Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks", 2014;
    Mezzadri, "How to generate random matrices from the classical compact groups", 2007.

    >>> w = orthogonal((2, 3))
    >>> bool(np.allclose(w @ w.T, np.eye(2), atol=1e-6))
    True
    """
    gain = number("gain of orthogonal", gain)
    rows = of_a_weight(shape)[0]
    columns = int(np.prod(shape[1:]))
    drawn = chosen_rng(rng).standard_normal((rows, columns))
    q, r = np.linalg.qr(drawn if rows >= columns else drawn.T)
    q *= np.sign(np.diagonal(r))
    matrix = q if rows >= columns else q.T
    return (gain * matrix).reshape(shape).astype(default_dtype())


def identity(shape: Shape, rng: np.random.Generator | None = None) -> Array:
    """Return the weight that passes input i on as output i, as far as there are both, and nothing else.

    In a matrix it has ones on the diagonal; in a convolution, at the middle ``k // 2`` of each kernel (i, i).

    Raises:
        ShapeError: `shape` is not (out, in, …).

    >>> identity((2, 3))
    array([[1., 0., 0.],
           [0., 1., 0.]], dtype=float32)
    """
    weight = np.zeros(of_a_weight(shape), default_dtype())
    middle = tuple(size // 2 for size in shape[2:])
    for i in range(min(shape[:2])):
        weight[(i, i, *middle)] = 1
    return weight
