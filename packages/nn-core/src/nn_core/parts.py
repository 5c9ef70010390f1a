"""What a layer owns: parameters, buffers and parts, found by walking its attributes; their mode, dtype and state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from nn_core.dtypes import default_dtype, floating
from nn_core.errors import ModelFileError, NotBuiltError
from nn_core.parameter import Buffer, Parameter
from nn_core.typing import Array, DTypeLike

inferring: ContextVar[bool] = ContextVar("nn_core_inferring", default=False)


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
        for _, value in self._named((Parameter, Buffer), built=False):
            if value.data.dtype.kind == "f":
                found: np.dtype[Any] = value.data.dtype
                return found
        return None if all(_is_built(part) for _, part in self.named_layers()) else default_dtype()

    def astype(self, dtype: DTypeLike) -> Self:
        """Convert the parameters and the floating-point buffers in place.

        Raises:
            ConfigError: the dtype is not a floating-point one.
        """
        wanted = floating(dtype)
        for _, parameter in self.named_parameters():
            parameter.data = parameter.data.astype(wanted)
            parameter.grad = None
        for _, buffer in self.named_buffers():
            if buffer.data.dtype.kind == "f":
                buffer.data = buffer.data.astype(wanted)
        return self

    # Parts and state

    def children(self) -> Iterator[tuple[str, Any]]:
        """Yield (name, layer) of the direct parts."""
        for name, value in vars(self).items():
            if _is_layer(value):
                yield name, value
            elif isinstance(value, (list, tuple)):
                yield from ((f"{name}.{i}", part) for i, part in enumerate(value) if _is_layer(part))
            elif isinstance(value, dict):
                yield from ((f"{name}.{key}", part) for key, part in value.items() if _is_layer(part))

    def named_layers(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Yield (dotted path, layer) for this layer, whose path is `prefix`, and all its parts."""
        yield prefix, self
        for name, part in self.children():
            path = f"{prefix}.{name}" if prefix else name
            yield from part.named_layers(path) if isinstance(part, Parts) else [(path, part)]

    def parameters(self) -> list[Parameter]:
        """Return the parameters, each once.

        Raises:
            NotBuiltError: some sizes are still to be inferred.
        """
        return [parameter for _, parameter in self.named_parameters()]

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        return _each_once(self._named(Parameter))

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        return _each_once(self._named(Buffer))

    def _named(self, kind: type[Any] | tuple[type[Any], ...], built: bool = True) -> Iterator[tuple[str, Any]]:
        for path, layer in self.named_layers():
            if built and not _is_built(layer):
                name = f"{path} ({type(layer).__name__})" if path else type(layer).__name__
                raise NotBuiltError(
                    f"{name} infers its sizes from the first input and has not seen one. "
                    f"Call the model on a batch, or model.build(input_shape), or give the sizes."
                )
            for name, value in _held_by(layer):
                if isinstance(value, kind):
                    yield f"{path}.{name}" if path else name, value

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.zero_grad()

    def state_dict(self) -> dict[str, Array]:
        return {name: value.data.copy() for name, value in self._named((Parameter, Buffer))}

    def load_state_dict(self, state: Mapping[str, Array], strict: bool = True) -> None:
        """Copy arrays into the parameters and buffers of the same dotted paths; nothing is copied if anything is wrong.

        Args:
            state: arrays by path, as from `state_dict` or a PyTorch module's.
            strict: False ignores paths that only one side has.

        Raises:
            ModelFileError: a path is missing or unexpected (strict), or a shape differs.
        """
        own = dict(self._named((Parameter, Buffer)))
        missing, unexpected = sorted(set(own) - set(state)), sorted(set(state) - set(own))
        if strict and (missing or unexpected):
            found = [
                f"{word} {', '.join(keys)}" for word, keys in (("lacks", missing), ("has unknown", unexpected)) if keys
            ]
            raise ModelFileError(
                f"The state {' and '.join(found)}. Pass strict=False to load only what both sides have."
            )
        for name in own.keys() & state.keys():
            if own[name].data.shape != state[name].shape:
                raise ModelFileError(
                    f"{name} has shape {own[name].data.shape} in the model and {state[name].shape} in the state."
                )
        for name in own.keys() & state.keys():
            own[name].data[...] = state[name]


def _is_layer(value: Any) -> bool:
    if isinstance(value, (Parts, type)):
        return not isinstance(value, type)
    return hasattr(value, "forward") and hasattr(value, "named_parameters")


def _is_built(layer: Any) -> bool:
    return getattr(layer, "built", True)


def _held_by(layer: Any) -> Iterable[tuple[str, Any]]:
    """Return what a layer has beside its parts; one that only follows the protocol answers for its parts, too."""
    return vars(layer).items() if isinstance(layer, Parts) else [*layer.named_parameters(), *layer.named_buffers()]


def _each_once(named: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value
