"""A function as a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from attrs import define, field

from nn_core.backends import backend
from nn_core.errors import ConfigError, DTypeError, ShapeError
from nn_core.fields import doc
from nn_core.loss import Loss, everywhere
from nn_core.tape import recording
from nn_core.tensor import Tensor
from nn_core.tracing import autograd
from nn_core.typing import Array, Backward


def _a_function(owner: object, option: Any, value: Any) -> None:
    if not callable(value) or isinstance(value, type) or hasattr(value, "parameters"):
        raise ConfigError(f"function of FunctionLoss must be a function of Tensors (pred, target), got {value!r}.")


@define(eq=False, slots=False, repr=False)
class FunctionLoss(Loss):
    """A function of Tensors as a loss: ``terms = f(pred, target)``.

    Gradient: that of the operations f is made of. `fit`, `evaluate` and ``Model.compile`` make one of a function they
    are given. The target comes as a Tensor that requires no gradient (of the dtype of pred, if it is floating-point),
    so NumPy's functions take it, too.

    A number per sample or per element is averaged like that of every loss, by weight if there are weights. A single
    number is taken as the mean over the batch: that is what each sample counts, and there can be no weights.

    Shape:
        pred and target as f takes them, pred a tuple if the model has several outputs → terms ``(N, …)`` or ``()``.

    Raises:
        DTypeError: f returns something else than a Tensor, or one that no gradient goes through.
        ShapeError: f returns something else than a scalar or terms of N samples, or a scalar where there are weights.

    >>> import numpy as np
    >>> FunctionLoss(lambda pred, target: (pred - target) ** 2)(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    (2.0, array([ 0., -2.]))
    """

    function: Callable[..., Any] = field(
        validator=_a_function, metadata=doc("takes pred and target and returns a scalar, or a number per sample")
    )

    averages_itself: ClassVar[bool] = True

    @autograd
    def forward(self, pred: Tensor, target: Any) -> Any:
        y = self.function(pred, target)
        if not isinstance(y, Tensor) or y.dtype.kind != "f" or (recording() and not y.requires_grad):
            seen = f"a Tensor of {y.dtype} that leads to no gradient" if isinstance(y, Tensor) else type(y).__name__
            raise DTypeError(
                f"{self!r} must return a Tensor that is made of pred by the operations of Tensor or "
                f"nn_core.functional; it returned {seen}."
            )
        return y

    def _checked_forward(self, pred: Any, target: Any, weight: Array | None) -> tuple[Array, Backward]:
        terms, backward = super()._checked_forward(pred, target, weight)
        samples = (pred[0] if isinstance(pred, tuple) else pred).shape[:1]
        if terms.shape[:1] == samples:
            return terms, backward
        if terms.shape != ():
            raise ShapeError(
                f"{self!r}: expected a scalar, or terms for the {samples[0] if samples else 1} samples of the batch "
                f"on the first axis, got shape {terms.shape}"
            )
        if weight is not None:
            raise ShapeError(
                f"{self!r} returned the mean over the batch, which weights of samples come too late for",
                "Return a number per sample, before the mean.",
            )
        xp = backend(terms)
        each = everywhere(float(terms), terms, samples)
        return each, lambda scale: backward(xp.asarray(scale.sum(dtype="float64"), dtype=terms.dtype))

    def __repr__(self) -> str:
        return f"FunctionLoss({getattr(self.function, '__name__', None) or repr(self.function)})"
