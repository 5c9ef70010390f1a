"""What a layer owns: parameters, buffers and parts, found by walking its attributes; their mode, dtype and state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from nn_core.dtypes import default_dtype, floating
from nn_core.errors import ConfigError, ModelFileError, NotBuiltError, did_you_mean
from nn_core.loading import fitting
from nn_core.parameter import Buffer, Parameter
from nn_core.tensor import Tensor
from nn_core.typing import Array, DTypeLike

inferring: ContextVar[bool] = ContextVar("nn_core_inferring", default=False)


_STATE = (Parameter, Buffer)


class Parts:
    """Something made of parameters, buffers and parts that are made so in their turn."""

    _training = True
    _built = True

    @property
    def built(self) -> bool:
        """Whether the parameters of this layer exist (of its parts, each says so itself)."""
        return self._built

    # Mode and dtype

    @property
    def training(self) -> bool:
        return self._training and not inferring.get()

    def train(self) -> Self:
        return self._set_mode(True)

    def eval(self) -> Self:
        return self._set_mode(False)

    def _set_mode(self, training: bool) -> Self:
        self._training = training
        for _, part in self.children():
            part.train() if training else part.eval()
        return self

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """The dtype of the first floating-point parameter or buffer, or None for a layer without any."""
        found = _first_dtype(self)
        if found is not None:
            return found
        return None if all(_is_built(part) for _, part in self.named_layers()) else default_dtype()

    def astype(self, dtype: DTypeLike) -> Self:
        """Convert the parameters and the floating-point buffers in place.

        Raises:
            ConfigError: the dtype is not a floating-point one.
            NotBuiltError: some sizes are still to be inferred.
        """
        wanted = floating(dtype)
        parameters, buffers = self.parameters(), list(self.named_buffers())  # raises before anything is converted
        for parameter in parameters:
            parameter.data = parameter.data.astype(wanted)
            parameter.grad = None
        for _, buffer in buffers:
            if buffer.data.dtype.kind == "f":
                buffer.data = buffer.data.astype(wanted)
        return self

    # Parts and state

    def children(self) -> Iterator[tuple[str, Any]]:
        """Yield (name, layer) of the direct parts."""
        yield from ((name, value) for name, value in _attributes(self) if _is_layer(value))

    def named_layers(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Yield (dotted path, layer) for this layer, whose path is `prefix`, and all its parts.

        Raises:
            ConfigError: a layer is inside itself.
        """
        return _walk(self, prefix, ())

    def parameters(self) -> list[Parameter]:
        """Return the parameters, each once.

        Raises:
            NotBuiltError: some sizes are still to be inferred.
        """
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield (dotted path, parameter), each parameter once.

        Raises:
            NotBuiltError: some sizes are still to be inferred.
            ConfigError: a Tensor that wants a gradient is no `Parameter`, so that it would not be trained.
        """
        return _each_once(self._named(Parameter))

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        return _each_once(self._named(Buffer))

    def named_state(self) -> Iterator[tuple[str, Parameter | Buffer]]:
        """Yield (dotted path, parameter or buffer) of all that `state_dict` holds, for every place it stands in."""
        return self._named(_STATE)

    def _named(self, kind: type[Any] | tuple[type[Any], ...], built: bool = True) -> Iterator[tuple[str, Any]]:
        found: dict[str, Any] = {}
        for path, layer in self.named_layers():
            if built and not _is_built(layer):
                name = f"{path} ({type(layer).__name__})" if path else type(layer).__name__
                raise NotBuiltError(
                    f"{name} infers its sizes from the first input and has not seen one. "
                    f"Call the model on a batch, or model.build(input_shape), or give the sizes."
                )
            for name, value in _held_by(layer):
                if isinstance(value, kind):
                    place = f"{path}.{name}" if path else name
                    if found.setdefault(place, value) is not value:
                        raise ConfigError(f"Two parameters or buffers have the path {place!r}: rename one of them.")
                    yield place, value
                elif kind is Parameter and _is_forgotten(value):
                    place = f"{path}.{name}" if path else name
                    raise ConfigError(
                        f"{place} of {type(self).__name__} is a Tensor with requires_grad=True, which no optimizer "
                        f"trains: make it Parameter(…), or keep its detach() if it is not to be trained."
                    )

    @property
    def params(self) -> dict[str, Array]:
        """The arrays of the parameters by dotted path; they are not copies."""
        return {name: parameter.data for name, parameter in self.named_parameters()}

    @property
    def grads(self) -> dict[str, Array | None]:
        """The gradients of the parameters by dotted path, None where none arrived."""
        return {name: parameter.grad for name, parameter in self.named_parameters()}

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def freeze(self) -> Self:
        """Stop training all parameters, in parts too, and forget their gradients; running statistics still move.

        >>> from nn_core import Linear, Sequential
        >>> model = Sequential(Linear(2, 3).freeze(), Linear(3, 1))
        >>> [parameter.requires_grad for parameter in model.parameters()]
        [False, False, True, True]

        Raises:
            NotBuiltError: some sizes are still to be inferred, so the parameters are not there.
        """
        for parameter in self.parameters():
            parameter.requires_grad = False
            parameter.zero_grad()
        return self

    def unfreeze(self) -> Self:
        """Train all parameters, in parts too."""
        for parameter in self.parameters():
            parameter.requires_grad = True
        return self

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the arrays of all parameters and buffers by dotted path.

        Raises:
            NotBuiltError: some sizes are still to be inferred.
            ConfigError: two of them have one path.
        """
        return {name: value.data.copy() for name, value in self.named_state()}

    def load_state_dict(self, state: Mapping[str, Array], strict: bool = True) -> None:
        """Copy arrays into the parameters and buffers of the same dotted paths; nothing is copied if anything is wrong.

        Args:
            state: arrays by path, as from `state_dict` or a PyTorch module's.
            strict: False ignores paths that only one side has.

        Raises:
            ModelFileError: a path is missing or unexpected (strict), something is no array of numbers, a shape
                differs, or the arrays do for two paths of one parameter.
        """
        for target, array in fitting(dict(self.named_state()), state, strict):
            target.data[...] = array


def tie(model: Parts, path: str, first: str) -> None:
    """Put the parameter or buffer at the path `first` at another path, too, in the place of what is there.

    Raises:
        ModelFileError: a path leads nowhere, or the two differ in kind or shape.
    """
    own = dict(model.named_state())
    for name in (path, first):
        if name not in own:
            raise ModelFileError(f"The model has no parameter or buffer {name!r}.{did_you_mean(name, own)}")
    old, new = own[path], own[first]
    if type(old) is not type(new) or old.data.shape != new.data.shape:
        raise ModelFileError(f"{path}, {old!r}, cannot be one with {first}, {new!r}.")
    for prefix, layer in model.named_layers():
        for name, value in list(_held_by(layer)):
            if value is old and (f"{prefix}.{name}" if prefix else name) == path:
                _put(layer, name, new)
    if dict(model.named_state())[path] is not new:
        raise ModelFileError(f"{path} cannot be replaced by {first}: its layer keeps it where it cannot be set.")


def is_trained(layer: Any) -> bool:
    """Return whether some parameter of a layer is not frozen, or is still to be made."""
    for value in vars(layer).values():  # the rule, and quicker than a walk through all parts
        if isinstance(value, Parameter) and value.requires_grad:
            return True
    try:
        return any(parameter.requires_grad for _, parameter in layer.named_parameters())
    except NotBuiltError:
        return True


def _walk(layer: Any, path: str, around: tuple[Any, ...]) -> Iterator[tuple[str, Any]]:
    """Yield a layer and its parts by path; `around` are the layers that it is in."""
    if any(layer is outer for outer in around):
        raise ConfigError(f"{type(layer).__name__} is inside itself, as {path}: take it out of there.")
    yield path, layer
    if isinstance(layer, Parts):
        for name, part in layer.children():
            yield from _walk(part, f"{path}.{name}" if path else name, (*around, layer))


def _first_dtype(layer: Any) -> np.dtype[Any] | None:
    """Return the dtype of some floating-point parameter or buffer, the first that is found; every call asks."""
    for value in vars(layer).values():
        if isinstance(value, _STATE) and value.data.dtype.kind == "f":
            found: np.dtype[Any] = value.data.dtype
            return found
    for _, part in layer.children() if isinstance(layer, Parts) else ():
        if (dtype := _first_dtype(part)) is not None:
            return dtype
    for _, value in _held_by(layer):  # in lists and dictionaries, or as a protocol tells
        if isinstance(value, _STATE) and value.data.dtype.kind == "f":
            return np.dtype(value.data.dtype)
    return None


def _is_forgotten(value: Any) -> bool:
    """Return whether this is a leaf that wants a gradient and is no parameter."""
    return isinstance(value, Tensor) and value.requires_grad and value.node is None and not isinstance(value, Parameter)


def _is_layer(value: Any) -> bool:
    if isinstance(value, (Parts, type)):
        return not isinstance(value, type)
    return hasattr(value, "forward") and hasattr(value, "named_parameters")


def _is_built(layer: Any) -> bool:
    return getattr(layer, "built", True)


def _held_by(layer: Any) -> Iterable[tuple[str, Any]]:
    """Return what a layer has beside its parts; one that only follows the protocol answers for its parts, too."""
    return _attributes(layer) if isinstance(layer, Parts) else [*layer.named_parameters(), *layer.named_buffers()]


def _attributes(owner: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes by name, and what is in lists, tuples and dictionaries among them as ``name.position``."""
    for name, value in vars(owner).items():
        yield name, value
        if isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                yield f"{name}.{i}", item
        elif isinstance(value, dict):
            for key, item in value.items():
                yield f"{name}.{key}", item


def _put(holder: Any, name: str, value: Any) -> None:
    """Replace what `_held_by` calls by this name."""
    head, _, rest = name.partition(".")
    if isinstance(holder, list):
        holder[int(head)] = value
    elif isinstance(holder, dict):
        holder[next(key for key in holder if str(key) == name)] = value
    elif not rest:
        setattr(holder, head, value)
    elif isinstance(held := getattr(holder, head), tuple):
        setattr(holder, head, tuple(value if str(i) == rest else item for i, item in enumerate(held)))
    else:
        _put(held, rest, value)


def _each_once(named: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value
