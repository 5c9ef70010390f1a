"""Turn a function on arrays that returns (y, backward) into one that also takes Tensors and goes on the tape."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import update_wrapper, wraps
from typing import Any

import numpy as np

from nn_core.dtypes import default_dtype
from nn_core.errors import ConfigError, DTypeError, NNError, ShapeError, sentence
from nn_core.tape import Node, recording
from nn_core.typing import Array, Backward

_SYNONYMS = {"dim": "axis", "keepdim": "keepdims"}
_HALF = np.dtype(np.float16)


class Operation:
    """A differentiable function of arrays or Tensors; `forward` is the function on arrays that it was made from.

    Positional-only parameters of `forward` are the inputs that gradients flow to, the others are attributes. An
    operation of several inputs may take a keyword ``needed``, a flag per input, and return None for those not needed.
    """

    def __init__(self, forward: Callable[..., tuple[Any, Backward]], floats: bool = False) -> None:
        parameters = inspect.signature(forward).parameters
        self.forward = forward
        self.name = forward.__name__
        self.__qualname__ = forward.__qualname__
        self.floats = floats
        self.inputs = sum(p.kind is p.POSITIONAL_ONLY for p in parameters.values())
        self.variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters.values())
        self.attributes = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        self.choosy = "needed" in parameters
        update_wrapper(self, forward)

    def __repr__(self) -> str:
        return f"<operation {self.name}{inspect.signature(self.forward).replace(return_annotation='')}>"

    def __reduce__(self) -> str:
        """Have it copied and pickled as functions are: by its name in its module."""
        return self.__qualname__

    def __call__(self, *args: Any, **attributes: Any) -> Any:
        if not self.variadic and len(args) > self.inputs:
            attributes = self._by_name(args[self.inputs :], attributes)
            args = args[: self.inputs]
        if attributes:
            attributes = self._in_numpys_words(attributes)
        arrays, wanted, on_tensors = self._arrays(args)
        wanted = wanted and recording()
        try:
            if self.choosy and on_tensors:
                needed = tuple(wanted and isinstance(x, tensor.Tensor) and x.requires_grad for x in args)
                result = self.forward(*arrays, needed=needed, **attributes)
            else:
                result = self.forward(*arrays, **attributes)
        except NNError:
            raise
        except (ValueError, TypeError) as error:
            raise self._explained(error, arrays) from error
        if type(result) is not tuple or len(result) != 2 or not callable(result[1]):
            raise self._unfit(result)
        y, backward = result
        if not on_tensors:
            return y
        if not hasattr(y, "dtype") and not (type(y) is tuple and all(hasattr(part, "dtype") for part in y)):
            raise self._unfit(result)
        if not wanted or (type(y) is not tuple and y.dtype.kind != "f"):
            return constants(y)
        return recorded(Node(self.name, args, backward, attributes), y)

    def _by_name(self, positional: tuple[Any, ...], attributes: dict[str, Any]) -> dict[str, Any]:
        """Return all attributes by name, those that were given by their position, too."""
        named = dict(zip(self.attributes, positional, strict=False))
        if len(positional) > len(named) or named.keys() & attributes.keys():
            takes = ", ".join(self.attributes) or "nothing"
            raise TypeError(f"{self.name} takes {takes} after its {self.inputs} inputs, each once.")
        return named | attributes

    def _in_numpys_words(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes with ``axis`` for ``dim``, ``keepdims`` for ``keepdim``, and axes as a tuple."""
        renamed = dict(attributes)
        for theirs, ours in _SYNONYMS.items():
            if theirs in renamed:
                if renamed.get(ours) is not None and renamed[ours] is not False:
                    raise ConfigError(f"{self.name} got both {ours} and {theirs}, which mean the same: give one.")
                renamed[ours] = renamed.pop(theirs)
        if isinstance(renamed.get("axis"), list):
            renamed["axis"] = tuple(renamed["axis"])
        for name, value in renamed.items():
            if isinstance(value, tensor.Tensor) and value.requires_grad and recording():
                raise DTypeError(
                    f"{self.name} carries no gradient to its {name}: give it a number or {name}.detach(), or compute "
                    f"with other operations, such as where, maximum or multiply."
                )
        return renamed

    def _unfit(self, result: Any) -> TypeError:
        """Return the error about a function that returns something else than it has to."""
        parts = result if isinstance(result, tuple) else (result,)
        return TypeError(
            f"{self.name} must return (y, backward), an array (or a tuple of them) and the function that goes back; "
            f"it returned {' and '.join(type(part).__name__ for part in parts) or 'nothing'}."
        )

    def _explained(self, error: Exception, arrays: list[Any]) -> Exception:
        """Return an error that adds the operation and the shapes to Python's or NumPy's."""
        shapes = [x.shape for x in arrays]
        if isinstance(error, TypeError):
            said = str(error).startswith(f"{self.name}(")
            return error if said else TypeError(f"{self.name}, given {_listed(shapes)}: {sentence(str(error))}")
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            return ShapeError(
                f"{self.name} cannot broadcast {' with '.join(map(str, shapes))}",
                "Counted from the last axis, sizes must be equal or one of them 1; reshape or unsqueeze one side.",
            )
        return ConfigError(f"{self.name}, given {_listed(shapes)}: {sentence(str(error))}")

    def _arrays(self, args: tuple[Any, ...]) -> tuple[list[Any], bool, bool]:
        """Return the inputs as arrays of one floating-point dtype, whether a gradient is wanted, and if Tensors came.

        What meets a Tensor (a number, a list, an array, integers) takes its dtype; booleans stay. Tensors of integers
        become what floating-point array they meet, or of the default dtype if they meet a floating-point number.
        """
        dtype: Any = None
        wanted = False
        uniform = True
        for x in args:
            if isinstance(x, tensor.Tensor):
                found = x.data.dtype
                if dtype is None:
                    dtype = found
                elif found != dtype:
                    uniform = False
                    dtype = _common(dtype, found, self.name)
                wanted = wanted or x.requires_grad
            else:
                uniform = False
        if dtype is None:
            return [x if hasattr(x, "dtype") else _in_default_dtype(numbers(x, self.name)) for x in args], False, False
        if dtype.kind != "f" and not uniform:
            dtype = _floating_among(args) or dtype
        if self.floats and dtype.kind != "f":
            dtype = default_dtype()
        elif uniform:
            return [x.data for x in args], wanted, True
        return [as_array(x, dtype, self.name) for x in args], wanted, True


def operation(forward: Callable[..., tuple[Any, Backward]]) -> Operation:
    """Make a function on arrays, returning (y, backward), a differentiable operation on arrays and Tensors.

    ``backward(dy)`` returns an array for one input, or a tuple, and may not write to dy, which others may hold, too.

    >>> @operation
    ... def double(x, /):
    ...     return 2 * x, lambda dy: 2 * dy
    >>> x = tensor.Tensor([1.0, 2.0], requires_grad=True)
    >>> double(x).sum().backward(); x.grad
    array([2., 2.], dtype=float32)
    """
    return Operation(forward)


def float_operation(forward: Callable[..., tuple[Any, Backward]]) -> Operation:
    """Do the same for a function whose result is no integer: integer Tensors are converted to the default dtype."""
    return Operation(forward, floats=True)


def in_float32(forward: Callable[..., tuple[Any, Backward]]) -> Callable[..., tuple[Any, Backward]]:
    """Have a function of one array that adds many numbers up do so in float32 if they are float16.

    A sum of float16 overflows beyond 65504, and 2048 + 1 is 2048.
    """

    @wraps(forward)
    def run(x: Array, /, *args: Any, **attributes: Any) -> tuple[Any, Backward]:
        if x.dtype != _HALF:
            return forward(x, *args, **attributes)
        y, backward = forward(x.astype(np.float32), *args, **attributes)
        return y.astype(_HALF), lambda dy: backward(dy.astype(np.float32)).astype(_HALF)

    return run


def recorded(node: Node, y: Any) -> Any:
    """Return the output of a node, or each of several, as a Tensor that leads back to it."""
    if isinstance(y, tuple):
        node.outputs = [np.broadcast_to(np.zeros((), part.dtype), part.shape) for part in y]
        return tuple(tensor.Tensor.from_node(part, node, i) for i, part in enumerate(y))
    return tensor.Tensor.from_node(y, node)


def constants(y: Any) -> Any:
    """Return an output, or each of several, as a Tensor that leads nowhere."""
    return (
        tuple(tensor.Tensor.from_node(part, None) for part in y)
        if isinstance(y, tuple)
        else tensor.Tensor.from_node(y, None)
    )


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which its input, of this `shape`, was broadcast.

    >>> unbroadcast(np.ones((2, 3)), (1, 3))
    array([[2., 2., 2.]])
    """
    if gradient.shape == shape:
        return gradient
    added = gradient.ndim - len(shape)
    stretched = tuple(i + added for i, size in enumerate(shape) if size == 1 and gradient.shape[i + added] != 1)
    dtype = np.float32 if gradient.dtype == _HALF else None  # as `in_float32`
    summed: Array = gradient.sum(axis=(*range(added), *stretched), keepdims=True, dtype=dtype).reshape(shape)
    return summed.astype(gradient.dtype, copy=False)


def _listed(shapes: list[Any]) -> str:
    return " and ".join(map(str, shapes)) or "nothing"


def as_array(x: Any, dtype: np.dtype[Any], user: str = "") -> Array:
    """Return an input that meets Tensors of a dtype as an array (or a NumPy number) of it.

    Boolean arrays stay what they are, and so do arrays of integers unless the dtype is a floating-point one.
    """
    array = x.data if isinstance(x, tensor.Tensor) else x
    if isinstance(array, (int, float)) and dtype.kind != "b":
        number: Array = dtype.type(array)
        return number
    given = numbers(array, user)
    stays = dtype.kind != "f" or given.dtype == dtype or given.dtype.kind == "b"
    kept: Array = given if stays else given.astype(dtype)
    return kept


def _floating_among(args: tuple[Any, ...]) -> np.dtype[Any] | None:
    """Return the floating-point dtype of what integer Tensors meet: an array's own, the default one for numbers."""
    for x in args:
        if not isinstance(x, tensor.Tensor):
            dtype: np.dtype[Any] = (x if hasattr(x, "dtype") else np.asarray(x)).dtype
            if dtype.kind == "f":
                return dtype if hasattr(x, "dtype") and not isinstance(x, float) else default_dtype()
    return None


def _in_default_dtype(array: Array) -> Array:
    """Return an array that was made of a number or a list: floating-point ones in the default dtype."""
    return array.astype(default_dtype()) if array.dtype.kind == "f" else array


def numbers(x: Any, user: str = "") -> Array:
    """Return what is given, to an operation of the name `user`, as an array, if it holds numbers.

    Raises:
        DTypeError: it is None, a text, a ragged list or something else that no computation takes.
    """
    try:
        array: Array = x if hasattr(x, "strides") and not isinstance(x, np.generic) else np.asarray(x)
        kind = array.dtype.kind
    except ValueError:  # lists of different lengths
        kind = "O"
    if kind not in "fiub":
        seen = repr(x) if len(repr(x)) < 60 else type(x).__name__
        place = f"{user}: " if user else ""
        raise DTypeError(f"{place}Expected an array, a number or a (nested) list of numbers, got {seen}.")
    return array


def _common(first: Any, second: Any, name: str) -> Any:
    """Return the dtype in which Tensors of two dtypes meet: integers and booleans take that of the floats."""
    if first.kind == "f" and second.kind == "f":
        raise DTypeError(
            f"{name} got Tensors of {first} and {second}: convert one, as in x.astype('{first}'). (The parameters of "
            f"a model have one dtype: model.astype('{default_dtype()}') gives it to all of them.)"
        )
    if "f" in (first.kind, second.kind):
        return first if first.kind == "f" else second
    return np.promote_types(first, second)


from nn_core import tensor  # noqa: E402 - its methods are operations, which need the definitions above
