"""The operators and methods of Tensors; each is the operation of the same name in `nn_core.functional`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self

from nn_core.typing import DTypeLike

if TYPE_CHECKING:
    from nn_core.functional.reductions import Axis
    from nn_core.tensor import Tensor

    class _Functional:
        """What `nn_core.functional` is here: of Tensors, its functions make Tensors."""

        split: Callable[..., tuple[Tensor, ...]]

        def __getattr__(self, name: str) -> Callable[..., Tensor]: ...

    functional = _Functional()
else:
    from nn_core import functional


def unpacked(given: tuple[Any, ...]) -> Any:
    """Return sizes or axes that came one by one, or as one tuple, as a tuple."""
    return given[0] if len(given) == 1 else given


class TensorMethods:
    """What can be done with a Tensor."""

    __slots__ = ()

    # Operators

    def __add__(self, other: Any) -> Tensor:
        return functional.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return functional.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return functional.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return functional.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return functional.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return functional.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return functional.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return functional.divide(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return functional.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return functional.power(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return functional.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return functional.matmul(other, self)

    def __neg__(self) -> Tensor:
        return functional.negative(self)

    def __pos__(self) -> Self:
        return self

    def __abs__(self) -> Tensor:
        return functional.abs(self)

    def __eq__(self, other: object) -> Tensor:  # type: ignore[override]  # element by element, as in NumPy
        return functional.equal(self, other)

    def __ne__(self, other: object) -> Tensor:  # type: ignore[override]  # element by element, as in NumPy
        return functional.not_equal(self, other)

    def __lt__(self, other: Any) -> Tensor:
        return functional.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return functional.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return functional.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return functional.greater_equal(self, other)

    def __getitem__(self, index: Any) -> Tensor:
        return functional.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "A Tensor is not changed in place: make a new one with where() or scatter_add(), or write to .data."
        )

    # Element by element

    def exp(self) -> Tensor:
        return functional.exp(self)

    def log(self) -> Tensor:
        return functional.log(self)

    def sqrt(self) -> Tensor:
        return functional.sqrt(self)

    def square(self) -> Tensor:
        return functional.square(self)

    def expm1(self) -> Tensor:
        return functional.expm1(self)

    def log1p(self) -> Tensor:
        return functional.log1p(self)

    def abs(self) -> Tensor:
        return functional.abs(self)

    def sign(self) -> Tensor:
        return functional.sign(self)

    def clone(self) -> Tensor:
        return functional.clone(self)

    def sin(self) -> Tensor:
        return functional.sin(self)

    def cos(self) -> Tensor:
        return functional.cos(self)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return functional.clip(self, min=min, max=max)

    def maximum(self, other: Any) -> Tensor:
        return functional.maximum(self, other)

    def minimum(self, other: Any) -> Tensor:
        return functional.minimum(self, other)

    def astype(self, dtype: DTypeLike) -> Tensor:
        return functional.astype(self, dtype)

    # Reductions

    def sum(self, axis: Axis = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.sum(self, axis=axis, keepdims=keepdims, **words)

    def mean(self, axis: Axis = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.mean(self, axis=axis, keepdims=keepdims, **words)

    def var(self, axis: Axis = None, keepdims: bool = False, ddof: float = 0, **words: Any) -> Tensor:
        return functional.var(self, axis=axis, keepdims=keepdims, ddof=ddof, **words)

    def std(self, axis: Axis = None, keepdims: bool = False, ddof: float = 0, **words: Any) -> Tensor:
        return functional.std(self, axis=axis, keepdims=keepdims, ddof=ddof, **words)

    def max(self, axis: Axis = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.max(self, axis=axis, keepdims=keepdims, **words)

    def min(self, axis: Axis = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.min(self, axis=axis, keepdims=keepdims, **words)

    def cumsum(self, axis: int | None = None, **words: Any) -> Tensor:
        return functional.cumsum(self, axis=axis, **words)

    def prod(self, axis: Axis = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.prod(self, axis=axis, keepdims=keepdims, **words)

    def logsumexp(self, axis: Axis = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.logsumexp(self, axis=axis, keepdims=keepdims, **words)

    def argmax(self, axis: int | None = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.argmax(self, axis=axis, keepdims=keepdims, **words)

    def argmin(self, axis: int | None = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.argmin(self, axis=axis, keepdims=keepdims, **words)

    def all(self, axis: Axis = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.all(self, axis=axis, keepdims=keepdims, **words)

    def any(self, axis: Axis = None, keepdims: bool = False, **words: Any) -> Tensor:
        return functional.any(self, axis=axis, keepdims=keepdims, **words)

    # Shapes; sizes and axes are given one by one or as a tuple

    def reshape(self, *shape: Any) -> Tensor:
        return functional.reshape(self, unpacked(shape))

    def ravel(self) -> Tensor:
        return functional.ravel(self)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        return functional.flatten(self, start_dim=start_dim, end_dim=end_dim)

    def transpose(self, *axes: Any) -> Tensor:
        return functional.transpose(self, unpacked(axes) if axes else None)

    @property
    def T(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The transpose: all axes in reverse order."""
        return functional.transpose(self)

    @property
    def mT(self) -> Tensor:  # noqa: N802 - NumPy's name
        """The transpose of matrices: the last two axes exchanged."""
        return functional.swapaxes(self, -1, -2)

    def permute(self, *dims: Any) -> Tensor:
        return functional.permute(self, unpacked(dims))

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return functional.swapaxes(self, axis1, axis2)

    def moveaxis(self, source: int | tuple[int, ...], destination: int | tuple[int, ...]) -> Tensor:
        return functional.moveaxis(self, source, destination)

    def squeeze(self, axis: Axis = None, **words: Any) -> Tensor:
        return functional.squeeze(self, axis=axis, **words)

    def unsqueeze(self, dim: int) -> Tensor:
        return functional.unsqueeze(self, dim)

    def expand(self, *shape: Any) -> Tensor:
        return functional.expand(self, unpacked(shape))

    def broadcast_to(self, *shape: Any) -> Tensor:
        return functional.broadcast_to(self, unpacked(shape))

    # Picking, joining, products

    def take(self, indices: Any, axis: int | None = None, **words: Any) -> Tensor:
        return functional.take(self, indices, axis=axis, **words)

    def take_along_axis(self, indices: Any, *axis: int, **words: Any) -> Tensor:
        return functional.take_along_axis(self, indices, *axis, **words)

    def gather(self, dim: int, index: Any) -> Tensor:
        return functional.gather(self, dim, index)

    def scatter_add(self, dim: int, index: Any, src: Any) -> Tensor:
        return functional.scatter_add(self, dim, index, src)

    def split(self, indices_or_sections: int | Sequence[int], *axis: int, **words: Any) -> tuple[Tensor, ...]:
        return functional.split(self, indices_or_sections, *axis, **words)

    def pad(self, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Tensor:
        return functional.pad(self, pad_width, mode=mode, constant_values=constant_values)

    def matmul(self, other: Any) -> Tensor:
        return functional.matmul(self, other)

    def dot(self, other: Any) -> Tensor:
        return functional.dot(self, other)

    # Nonlinearities

    def relu(self) -> Tensor:
        return functional.relu(self)

    def leaky_relu(self, negative_slope: float = 0.01) -> Tensor:
        return functional.leaky_relu(self, negative_slope=negative_slope)

    def elu(self, alpha: float = 1.0) -> Tensor:
        return functional.elu(self, alpha=alpha)

    def selu(self) -> Tensor:
        return functional.selu(self)

    def gelu(self, approximate: str = "none") -> Tensor:
        return functional.gelu(self, approximate=approximate)

    def silu(self) -> Tensor:
        return functional.silu(self)

    def softplus(self, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
        return functional.softplus(self, beta=beta, threshold=threshold)

    def sigmoid(self) -> Tensor:
        return functional.sigmoid(self)

    def hard_sigmoid(self) -> Tensor:
        return functional.hard_sigmoid(self)

    def tanh(self) -> Tensor:
        return functional.tanh(self)

    def erf(self) -> Tensor:
        return functional.erf(self)

    def softmax(self, *axis: int, **words: Any) -> Tensor:
        return functional.softmax(self, *axis, **words)

    def log_softmax(self, *axis: int, **words: Any) -> Tensor:
        return functional.log_softmax(self, *axis, **words)
