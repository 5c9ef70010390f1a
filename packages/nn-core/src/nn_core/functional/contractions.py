"""Einstein's notation for products and sums over named axes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from string import ascii_letters
from typing import Any

from nn_core.backends import backend
from nn_core.errors import ConfigError, ShapeError
from nn_core.functional.arithmetic import Needed
from nn_core.operations import operation
from nn_core.typing import Array, Backward, Shape


def einsum(subscripts: str, *operands: Any) -> Any:
    """Return the sum of products that `subscripts` spells, as in NumPy: ``"ij,jk->ik"`` is the matrix product.

    Axes with a letter missing in the output are summed over; a letter twice in one operand takes its diagonal; ``...``
    stands for axes that are broadcast; without ``->`` the output has the letters that occur once, in their order.

    Gradients: the same sum with dy in the place of the operand, back to the operand's letters.

    Raises:
        ConfigError: the subscripts cannot be read, or name another number of operands.
        ShapeError: an operand has another number of axes than letters, or axes of one letter differ in size.

    >>> import numpy as np
    >>> a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0])
    >>> einsum("ij,j->i", a, b), einsum("ii", a)
    (array([21., 43.]), np.float64(5.0))
    """
    if not isinstance(subscripts, str):
        raise ConfigError(f"einsum takes a text such as 'ij,jk->ik' first, not {type(subscripts).__name__}.")
    return einsum_of(*operands, subscripts=subscripts)


@operation
def einsum_of(*xs: Array, subscripts: str, needed: Needed | None = None) -> tuple[Array, Backward]:
    """Return `einsum`."""
    terms, output = spelled_out(subscripts, [x.shape for x in xs])
    sizes = _sizes(subscripts, terms, [x.shape for x in xs])
    xp = backend(xs[0])

    def backward(dy: Array) -> tuple[Array | None, ...]:
        return tuple(_gradient(i, dy) if needed is None or needed[i] else None for i in range(len(xs)))

    def _gradient(i: int, dy: Array) -> Array:
        x, letters = xs[i], "".join(dict.fromkeys(terms[i]))  # each once: the diagonal of repeated ones
        own = dict(zip(terms[i], x.shape, strict=True))
        others = [term for j, term in enumerate(terms) if j != i]
        met = set(output).union(*others)
        # What only this operand has was summed over: the gradient is the same along it. Where it was broadcast, sum.
        kept = "".join(letter for letter in letters if letter in met and own[letter] == sizes[letter])
        factors = [dy, *(other for j, other in enumerate(xs) if j != i)]
        gradient = xp.einsum(f"{','.join([output, *others])}->{kept}", *factors, optimize=True)
        found = dict(zip(kept, gradient.shape, strict=True))
        dx: Array = xp.zeros(x.shape, dy.dtype)
        diagonal = dx if letters == terms[i] else xp.einsum(f"{terms[i]}->{letters}", dx)  # a view
        diagonal[...] = gradient.reshape([found.get(letter, 1) for letter in letters])
        return dx

    return xp.einsum(f"{','.join(terms)}->{output}", *xs, optimize=True), backward


def spelled_out(subscripts: str, shapes: Sequence[Shape]) -> tuple[list[str], str]:
    """Return the letters of each operand and of the output, with letters for what ``...`` stands for.

    >>> spelled_out("...ij,jk", [(5, 2, 3), (3, 4)])
    (['aij', 'jk'], 'aik')
    """
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if not all(set(term.replace("...", "", 1)) <= set(ascii_letters) for term in [*terms, output]):
        raise ConfigError(f"einsum cannot read {subscripts!r}: it is made of letters, commas, '...' and one '->'.")
    if len(terms) != len(shapes):
        raise ConfigError(f"einsum got {len(shapes)} operands for the {len(terms)} of {subscripts!r}.")
    free = [letter for letter in ascii_letters if letter not in subscripts]
    hidden = ""  # the letters of the longest ...
    for i, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        letters = term.replace("...", "")
        count = len(shape) - len(letters)
        if count < 0 or (count and letters == term):
            raise ShapeError(
                f"einsum got an operand of shape {shape} for {term!r} in {subscripts!r}",
                "Give it a letter for every axis, or '...' for the rest.",
            )
        own = "".join(free[:count])[::-1]  # counted from the last axis, as in broadcasting
        terms[i] = term.replace("...", own)
        hidden = own if len(own) > len(hidden) else hidden
    if not arrow:
        times = Counter(inputs.replace("...", "").replace(",", ""))
        output = "..." + "".join(sorted(letter for letter, n in times.items() if n == 1))
    output = output.replace("...", hidden)
    if not set(output) <= set("".join(terms)) or len(set(output)) < len(output):
        raise ConfigError(f"einsum got {subscripts!r}: letters of the output stand there once, and in an operand, too.")
    return terms, output


def _sizes(subscripts: str, terms: Sequence[str], shapes: Sequence[Shape]) -> dict[str, int]:
    """Return the size of each letter; along the axes of size 1 an operand is broadcast."""
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, size in zip(term, shape, strict=True):
            known = sizes.setdefault(letter, size)
            if known == 1:
                sizes[letter] = size
            elif size not in (1, known):
                raise ShapeError(
                    f"einsum got shapes {' and '.join(map(str, shapes))} for {subscripts!r}, which differ in the size "
                    f"of one letter, {known} and {size}",
                    "Axes of the same letter must be equally long.",
                )
    return sizes
