"""The base class of layers. A layer is one method: `forward` returns the output and the closure that goes back."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import attrs
import numpy as np

from nn_core.batching import as_arrays
from nn_core.dtypes import default_dtype
from nn_core.errors import BackwardError, ConfigError, DTypeError, ShapeError
from nn_core.operations import constants, numbers, recorded
from nn_core.parts import Parts, inferring, is_trained
from nn_core.registry import build, check_options, name_of
from nn_core.services import built_once, served
from nn_core.tape import Node, recording
from nn_core.tensor import Tensor
from nn_core.typing import Backward


class Layer(Parts):
    """A differentiable function with parameters.

    A subclass defines ``forward(x) -> (y, backward)``; everything else follows from it and from the attributes: a
    `Parameter` is trained, a `Buffer` is saved, a `Layer` (also in a list or dictionary) is a part. A layer whose
    sizes depend on its input makes its parameters in ``build(input_shape, rng)``, which runs once, before `forward`;
    a layer of several inputs gets a tuple of shapes, and where `rng` is None the default generator is meant. Define
    `output_shape` where the output has another shape than the input, and set ``takes_integers = True`` where integers
    are meant, such as indices. The constructor's arguments are kept as attributes of their names, or `config` is
    defined. An attrs class is decorated with ``@define(eq=False, slots=False, repr=False)``: its fields are then the
    constructor, the documentation and the configuration. ``backward(dy)`` may not write to dy, which others may hold.

    >>> class Scale(Layer):
    ...     def __init__(self, factor):
    ...         self.factor = factor
    ...
    ...     def forward(self, x):
    ...         return x * self.factor, lambda dy: dy * self.factor
    >>> scale = Scale(3.0)
    >>> scale(np.ones(2, np.float32)), scale.backward(np.ones(2, np.float32))
    (array([3., 3.], dtype=float32), array([3., 3.], dtype=float32))
    """

    takes_integers: bool = False
    """Whether integer input is meant (an embedding's indices) and not a forgotten conversion."""

    declines_input_gradient: ClassVar[bool] = False
    """Whether `forward` knows ``input_gradient=False``, with which its closure may return None."""

    written_in_tensors: ClassVar[bool] = False
    """Whether `forward` was written in terms of Tensors (`nn_core.autograd`)."""

    built_for: Any = None
    """The input shape that `build` got, once it ran."""

    def __init_subclass__(cls, **kw: Any) -> None:
        """Give the methods that a subclass defines the services that every layer has."""
        super().__init_subclass__(**kw)
        defined = vars(cls)
        if defined.get("__slots__"):
            raise TypeError(
                f"{cls.__name__} cannot have slots, because a layer's parameters are attributes that come later: "
                f"write @define(eq=False, slots=False, repr=False)."
            )
        if "build" in defined and "_built" not in defined:  # a container says itself when it has to run
            cls._built = False
            setattr(cls, "build", built_once(defined["build"]))  # noqa: B010 - an assignment to a method is no type
        if "forward" in defined:
            cls.written_in_tensors = hasattr(defined["forward"], "on_tensors")
            options = inspect.signature(defined["forward"]).parameters
            cls.declines_input_gradient = cls.written_in_tensors or "input_gradient" in options
            setattr(cls, "forward", served(defined["forward"]))  # noqa: B010 - as above
        if "infer" in defined:
            setattr(cls, "infer", served(defined["infer"]))  # noqa: B010 - as above

    # The mathematics

    def forward(self, *xs: Any, **kw: Any) -> tuple[Any, Backward]:
        raise TypeError(f"{type(self).__name__} must define forward(x), returning (y, backward).")

    @served
    def infer(self, *xs: Any, **kw: Any) -> Any:
        token = inferring.set(True)
        try:
            return self.forward(*xs, **kw)[0]
        finally:
            inferring.reset(token)

    def __call__(self, *xs: Any, **kw: Any) -> Any:
        """Return the output: Tensors for Tensors, on the tape; for arrays or lists arrays.

        With arrays in training mode (and outside `no_grad`) the closure is kept for `backward`. Floating-point input is
        converted to the dtype of the parameters.

        Raises:
            DTypeError: integer input to a layer with floating-point parameters.
        """
        accepted = tuple(self.accept(x) for x in xs)
        for x in xs:
            if isinstance(x, Tensor):
                return self._on_tape(accepted, kw)
        if self.training and recording():
            y, closure = self.forward(*accepted, **kw)
            self._latest.backward, self._latest.shape = closure, _shape_of(y)
            return y
        self._latest.__dict__.pop("backward", None)  # `backward` is for the latest call, and this one keeps nothing
        return self.forward(*accepted, **kw)[0] if self.training else self.infer(*accepted, **kw)

    def backward(self, dy: Any) -> Any:
        """Go back through this thread's latest call: accumulate the parameters' gradients, return the input's.

        Raises:
            BackwardError: there was no call in training mode since the last `backward`.
            ShapeError: dy has not the shape of the output.
        """
        closure: Backward | None = self._latest.__dict__.pop("backward", None)
        if closure is None:
            raise BackwardError(
                f"{type(self).__name__}.backward needs a call in training mode before it, one for each backward. "
                f"Call train() and then the layer; inside another layer use forward(), which returns the closure."
            )
        expected, given = self._latest.shape, _shape_of(dy)
        if not _fits(given, expected):
            raise self.shape_error(
                f"backward takes the gradient of the output, of shape {expected}, and got one of shape {given}",
                "Call it with what the loss returned for this output.",
            )
        return closure(self.accept(dy) if isinstance(dy, np.ndarray) and dy.dtype.kind == "f" else dy)

    def _on_tape(self, xs: tuple[Any, ...], kw: dict[str, Any]) -> Any:
        """Return the output as Tensors; the layer, whatever it is made of, is one node of the graph."""
        arrays = [x.data if isinstance(x, Tensor) else x for x in xs]
        differentiable = any(isinstance(x, Tensor) and x.requires_grad for x in xs)
        if not recording() or not (differentiable or is_trained(self)):
            return constants(self.forward(*arrays, **kw)[0] if self.training else self.infer(*arrays, **kw))
        if not differentiable and self.declines_input_gradient:
            y, backward = self.forward(*arrays, **kw, input_gradient=False)
        else:
            y, backward = self.forward(*arrays, **kw)
        return recorded(Node(type(self).__name__, xs, backward, {"layer": self, **kw}), y)

    def accept(self, x: Any) -> Any:
        """Return an input as the layer computes with it: lists as arrays, floating-point arrays in its dtype.

        Raises:
            DTypeError: integers came to a layer with floating-point parameters, or something that is no number.
        """
        if isinstance(x, (list, int, float)) and not isinstance(x, bool):
            x = numbers(x)
            if not self.takes_integers:
                x = x.astype(self.dtype or default_dtype())
        elif type(x) is not np.ndarray and not isinstance(x, Tensor):
            # A table of pandas, for example, is no array but can become one.
            x = as_arrays(x if isinstance(x, tuple) or hasattr(x, "__array__") else numbers(x))
        kind = getattr(getattr(x, "dtype", None), "kind", "")
        if kind == "f":
            dtype = self.dtype
            return x if dtype is None or x.dtype == dtype else x.astype(dtype)
        if kind in ("i", "u") and not self.takes_integers and self.dtype is not None:
            raise DTypeError(
                f"{type(self).__name__} computes in {self.dtype} and got {x.dtype}. "
                f"Convert the input first, for example x.astype('float32') / 255 for 8-bit images. "
                f"(The class of a layer that is meant for integers says takes_integers = True.)"
            )
        return numbers(x) if kind not in "fiub" else x

    def build(self, input_shape: Any, rng: np.random.Generator | None = None) -> None:
        """Create what depends on the shape of the input; most layers have nothing to do here."""

    def output_shape(self, input_shape: Any) -> Any:
        """Return the output's shape: by default the input's; what zeros turn into, if made of parts or Tensors."""
        if not self.written_in_tensors and not any(self.children()):
            return input_shape
        shapes = input_shape if isinstance(input_shape[0], tuple) else (input_shape,)
        dtype = np.int64 if self.takes_integers else self.dtype or default_dtype()
        y = self.infer(*[np.zeros(shape, dtype) for shape in shapes])
        return tuple(part.shape for part in y) if isinstance(y, tuple) else y.shape

    # Configuration

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name: attrs fields, else the attributes named like the parameters."""
        cls = type(self)
        if attrs.has(cls):
            return {option.alias: getattr(self, option.name) for option in attrs.fields(cls) if option.init}
        names = list(inspect.signature(cls).parameters)
        try:
            return {name: getattr(self, name) for name in names}
        except AttributeError as error:
            raise ConfigError(
                f"{type(self).__name__} does not keep its constructor's argument {error.name!r} as an attribute "
                f"of that name. Keep it, or define config()."
            ) from None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make a layer from what `config` returned; parts may stand there as configurations ``{"type": name, …}``.

        Raises:
            ConfigError: an option is unknown, or a required one is missing.
        """
        check_options(cls.label(), cls, config)
        # What stands under "init" configures an initializer, which is no part.
        return cls(**{name: value if name == "init" else with_parts_built(value) for name, value in config.items()})

    @classmethod
    def label(cls) -> str:
        """Return the name under which the layer is registered, or else the name of the class."""
        return name_of(cls, "layer")

    def shape_error(self, problem: str, remedy: str = "") -> ShapeError:
        """Return the error that a layer raises about its input; containers add the place."""
        return ShapeError(problem, remedy, layer=self.label())

    def check_channels(self, input_shape: Any, option: str) -> None:
        """Raise unless axis 1 of the input is as long as this option of the layer says, if it is given."""
        expected, seen = getattr(self, option), input_shape[1]
        if seen == (expected or seen):
            return
        remedy = f"Leave {option} out to have it inferred, or set it to {seen}."
        if len(input_shape) > 2 and input_shape[-1] == expected:
            last = len(input_shape) - 1
            remedy = f"The channels seem to come last: put them first with x.transpose{(0, last, *range(1, last))}."
        raise self.shape_error(f"expected {expected} channels on axis 1, got {seen}", remedy)

    def __repr__(self) -> str:
        cls = type(self)
        if not attrs.has(cls):
            return f"{cls.__name__}()"
        shown = (option for option in attrs.fields(cls) if option.init and option.repr and not self._is_rare(option))
        return f"{cls.__name__}({', '.join(f'{option.alias}={getattr(self, option.name)!r}' for option in shown)})"

    def _is_rare(self, option: attrs.Attribute[Any]) -> bool:
        """Return whether an option is one that need not be shown, because it is at its default."""
        value = getattr(self, option.name)
        default = (option.default,) * len(value) if isinstance(value, tuple) else option.default
        return bool(option.metadata.get("rare") and value in (option.default, default))

    # What a call leaves behind

    @property
    def _latest(self) -> threading.local:
        """The place, of each thread, for the closure of its latest call."""
        try:
            latest: threading.local = self.__dict__["_closures"]
        except KeyError:
            latest = self.__dict__.setdefault("_closures", threading.local())
        return latest

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_closures"}


def _shape_of(y: Any) -> Any:
    """Return the shape of an array or a number, or those of several in a tuple; None stays."""
    if isinstance(y, tuple):
        return tuple(map(_shape_of, y))
    return None if y is None else np.shape(y)


def _fits(given: Any, expected: Any) -> bool:
    """Return whether a gradient has the shape of an output; among several, None stands for one that is not there."""
    if given == expected:
        return True
    if not isinstance(given, tuple) or not isinstance(expected, tuple) or len(given) != len(expected):
        return False
    return all(one is None or _fits(one, other) for one, other in zip(given, expected, strict=True))


def with_parts_built(option: Any) -> Any:
    """Return an option with layers in the place of their configurations, in lists too."""
    if isinstance(option, Mapping) and "type" in option:
        return build("layer", option)
    return [with_parts_built(item) for item in option] if isinstance(option, list) else option
