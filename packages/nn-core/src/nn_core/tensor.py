"""Tensor: an array that remembers how it was made, so that gradients can go back to what it was made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nn_core import functional
from nn_core.backends import backend
from nn_core.dtypes import default_dtype
from nn_core.errors import BackwardError, DTypeError, ShapeError
from nn_core.operations import numbers
from nn_core.tape import Node, go_back, recording
from nn_core.tensor_methods import TensorMethods
from nn_core.typing import Array, DTypeLike


class Tensor(TensorMethods):
    """An array on the tape of reverse-mode automatic differentiation.

    Names that NumPy has behave as in NumPy, names that only PyTorch has as in PyTorch; ``dim`` and ``keepdim`` are
    understood for ``axis`` and ``keepdims``. An array, a number or a list that meets a Tensor takes its dtype.

    Args:
        data: an array, kept as it is; floating-point numbers and lists of them get the default dtype.
        requires_grad: whether `backward` of what is made from it puts a gradient into `grad`.
        dtype: what `data` is converted to, if it is given.

    Attributes:
        data: the array.
        grad: the gradient, an array like `data`, or None; calls of `backward` add to it.
        node: the operation that made this Tensor (`nn_core.tape.Node`), None for a leaf.

    Raises:
        DTypeError: `data` holds no numbers, or integers that cannot require a gradient.

    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = Tensor([2.0, 3.0, 4.0], requires_grad=True)
    >>> (x * y + x).sum().backward()
    >>> x.grad, y.grad
    (array([3., 4., 5.], dtype=float32), array([1., 2., 3.], dtype=float32))
    """

    __slots__ = ("__weakref__", "data", "grad", "node", "output", "requires_grad")

    decay: bool = True
    """Whether weight decay applies to it."""

    def __init__(self, data: Any, requires_grad: bool = False, dtype: DTypeLike | None = None) -> None:
        array = _array(data, requires_grad and dtype is None)
        self.data: Array = array if dtype is None else _array(array.astype(dtype), requires_grad)
        self.grad: Array | None = None
        self.node: Node | None = None
        self.output = 0
        self.requires_grad = requires_grad

    @classmethod
    def from_node(cls, data: Any, node: Node | None, output: int = 0) -> Tensor:
        """Return the Tensor that an operation makes; `output` is its place among several."""
        tensor = Tensor.__new__(Tensor)
        tensor.data = np.asarray(data) if isinstance(data, np.generic) else data
        tensor.grad = None
        tensor.node = node
        tensor.output = output
        tensor.requires_grad = node is not None
        return tensor

    # Going back

    def backward(self, gradient: Any = None) -> None:
        """Add the gradient of this Tensor with respect to every leaf that requires one to the leaf's `grad`.

        The graph is freed on the way, so it can be gone through once.

        Args:
            gradient: of some scalar with respect to this Tensor, in its shape; 1 if left out, for a scalar.

        Raises:
            BackwardError: nothing here requires a gradient, the graph was gone through before, or `gradient` is left
                out although this is no scalar.
            ShapeError: `gradient` is not of this Tensor's shape.
        """
        if not self.requires_grad:
            raise BackwardError(
                "This Tensor was made from nothing that requires a gradient (or inside no_grad). "
                "Create what you want gradients of as Tensor(…, requires_grad=True)."
            )
        if gradient is None:
            if self.data.size != 1:
                raise BackwardError(
                    f"backward() without a gradient starts from a scalar, and this Tensor has shape {self.shape}. "
                    f"Take its mean() or sum(), or pass the gradient with respect to it."
                )
            start = backend(self.data).ones_like(self.data)
        else:
            start = _array(gradient.data if isinstance(gradient, Tensor) else gradient, True)
            if start.shape != self.shape:
                raise ShapeError(f"backward got a gradient of shape {start.shape} for a Tensor of shape {self.shape}")
            start = start.astype(self.dtype, copy=False)
        go_back([(self, start)])

    def accumulate(self, gradient: Array, *, fresh: bool = False) -> None:
        """Add to `grad`, in this Tensor's dtype; frozen ones drop it.

        Args:
            gradient: of the shape of the data. It is copied, unless it is `fresh`.
            fresh: whether nobody else has the array or a part of it, so that it can be kept.

        Raises:
            ShapeError: the gradient is not of this Tensor's shape.
            DTypeError: this Tensor holds integers, which would cut the gradient off to whole numbers.
        """
        if gradient.shape != self.data.shape:
            kind = type(self).__name__.lower()
            raise ShapeError(f"a gradient of shape {gradient.shape} arrived at a {kind} of shape {self.data.shape}")
        if not self.requires_grad:
            return
        if self.grad is None:
            if self.data.dtype.kind != "f":
                raise _no_gradient(self.data.dtype)
            if fresh and gradient.dtype == self.data.dtype and type(gradient) is type(self.data):
                self.grad = gradient
            else:
                self.grad = backend(self.data).array(gradient, dtype=self.data.dtype)
        else:
            self.grad += gradient

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def detach(self) -> Tensor:
        """Return a Tensor of the same array that leads nowhere and requires no gradient."""
        return Tensor.from_node(self.data, None)

    # What it is

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.data.dtype

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def is_leaf(self) -> bool:
        """Whether it was given rather than computed."""
        return self.node is None

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        text = np.array2string(np.asarray(self.data), separator=", ", prefix="Tensor(")
        dtype = "" if self.dtype in (default_dtype(), np.int64, np.bool_) else f", dtype={self.dtype}"
        return f"Tensor({text}{dtype}{', requires_grad=True' if self.requires_grad else ''})"

    def __bool__(self) -> bool:
        return bool(self.data)

    # Changing it in place

    def __iadd__(self, other: Any) -> Tensor:
        return self._become(self + other)

    def __isub__(self, other: Any) -> Tensor:
        return self._become(self - other)

    def __imul__(self, other: Any) -> Tensor:
        return self._become(self * other)

    def __itruediv__(self, other: Any) -> Tensor:
        return self._become(self / other)

    def _become(self, result: Tensor) -> Tensor:
        """Take over the numbers of a leaf's update inside `no_grad`; what is no leaf to be trained is made anew."""
        if self.node is not None or not self.requires_grad:
            return result
        if recording():
            raise BackwardError(
                "A leaf that requires a gradient cannot change while operations are remembered: "
                "update it inside no_grad(), or write to its .data."
            )
        if result.shape != self.shape:
            raise ShapeError(f"a leaf of shape {self.shape} cannot take the result of shape {result.shape}")
        self.data[...] = result.data
        return self

    # As a number or text

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self.size == 1 else format(str(self), spec)

    def __float__(self) -> float:
        return float(self.data.item())

    def __int__(self) -> int:
        return int(self.data.item())

    def __index__(self) -> int:
        return self.data.__index__()

    __hash__ = object.__hash__

    # To and from NumPy

    def item(self) -> Any:
        """Return the only element as a Python number."""
        return self.data.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self.data.tolist()

    def numpy(self) -> Array:
        """Return the array, which is shared and not copied.

        Raises:
            DTypeError: the Tensor requires a gradient, which the array would not carry on.
        """
        if self.requires_grad:
            raise DTypeError(
                "An array cannot carry a gradient on: call detach() first, or use Tensor's methods instead of NumPy's "
                "(and Tensor(table) where a table of another library meets a Tensor)."
            )
        return self.data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = np.asarray(self.numpy(), dtype)
        return array.copy() if copy and array is self.data else array

    def __array_ufunc__(self, ufunc: Any, method: str, *args: Any, out: Any = None, **kw: Any) -> Any:
        """Have NumPy's functions, and its arrays on the left of an operator, make Tensors.

        Those that `nn_core.functional` has not take Tensors that require no gradient for the arrays they are.
        """
        found = functional.UFUNCS.get(ufunc.__name__)
        if found is None or method != "__call__" or out is not None or kw:
            how = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
            if out is not None:
                raise DTypeError(f"numpy.{how} cannot write a Tensor into an array: use y = x + … instead of x += ….")
            return getattr(ufunc, method)(*_constants(args, f"numpy.{how}"), **kw)
        return found(*args)

    def __array_function__(self, function: Any, types: Any, args: Any, kw: Any) -> Any:
        """Have those functions of NumPy that `nn_core.functional` has, too, make Tensors; the others as above."""
        name = f"{function.__module__}.{function.__name__}"
        found = getattr(functional, function.__name__, None) if function.__module__ == "numpy" else None
        if found is None:
            return function(*_constants(args, name), **{key: _constants(value, name) for key, value in kw.items()})
        return found(*args, **kw)

    def __dlpack__(self, **kw: Any) -> Any:
        array: Any = self.numpy()
        return array.__dlpack__(**kw)

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()

    def __reduce__(self) -> Any:
        if self.node is not None:
            raise DTypeError("Only a leaf can be copied or pickled, not a Tensor with a graph: detach() it first.")
        return Tensor, (self.data, self.requires_grad), (None, {"grad": self.grad})


def _constants(given: Any, name: str) -> Any:
    """Return what NumPy's function `name` was given with arrays in the place of Tensors, in lists and tuples, too.

    Raises:
        DTypeError: a Tensor requires a gradient, which the function would not carry on.
    """
    if isinstance(given, Tensor):
        if given.requires_grad:
            raise DTypeError(
                f"{name} carries no gradient on: give it x.detach().numpy(), or use what nn_core.functional offers."
            )
        return given.data
    return type(given)(_constants(part, name) for part in given) if type(given) in (list, tuple) else given


def _array(data: Any, floating: bool) -> Array:
    """Return data as an array, as floating-point numbers if they are to get a gradient."""
    if isinstance(data, Tensor):
        data = data.data
    if not hasattr(data, "__array__"):
        array = numbers(data)
        return array.astype(default_dtype()) if array.dtype.kind == "f" or floating else array
    array = numbers(data)
    if floating and array.dtype.kind != "f":
        raise _no_gradient(array.dtype)
    return array


def _no_gradient(dtype: np.dtype[Any]) -> DTypeError:
    return DTypeError(
        f"Only floating-point numbers have gradients, and this array holds {dtype}: convert it, as in "
        f"x.astype('float32')."
    )
