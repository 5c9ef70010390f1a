"""The contracts. Any object with these members is a layer, a loss, an optimizer; the base classes are a convenience."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from nn_core.parameter import Buffer, Parameter
from nn_core.typing import Array, Backward, Shape


@runtime_checkable
class Layer(Protocol):
    """A differentiable function with parameters. `nn_core.Layer` supplies all but `forward`."""

    @property
    def training(self) -> bool:
        """Whether `__call__` is to behave as in training (dropout drops, batch norm uses the batch)."""

    def forward(self, *xs: Any, **kw: Any) -> tuple[Any, Backward]:
        """Return the output y and the closure that takes dy and returns one gradient per input.

        The closure gets what y is (an array or a tuple), accumulates the parameters' gradients and returns an array for
        one input, else a tuple, with None for integer inputs and masks. Neither `xs` nor dy may be written to, and a
        closure runs at most once.
        """

    def infer(self, *xs: Any, **kw: Any) -> Any:
        """Return the output as in evaluation, whatever the mode; nothing is kept for a backward pass."""

    def __call__(self, *xs: Any, **kw: Any) -> Any:
        """Return the output; in training mode keep the closure for `backward`."""

    def backward(self, dy: Any) -> Any:
        """Go back through the latest call and return the gradient of its input."""

    def build(self, input_shape: Any, rng: np.random.Generator | None = None) -> None:
        """Create the parameters whose sizes follow from the input's shape (batch axis included); idempotent."""

    def output_shape(self, input_shape: Any) -> Any:
        """Return the output's shape for an input's, batch axis included."""

    def train(self) -> Any:
        """Switch to training mode and return the layer."""

    def eval(self) -> Any:
        """Switch to evaluation mode and return the layer."""

    def parameters(self) -> list[Parameter]:
        """Return the parameters, each once."""

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield (dotted path, parameter), each parameter once."""

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield (dotted path, buffer), each buffer once."""

    def state_dict(self) -> dict[str, Array]:
        """Return copies of all parameters and buffers by dotted path."""

    def load_state_dict(self, state: Mapping[str, Array], strict: bool = True) -> None:
        """Copy arrays into the parameters and buffers of the same paths."""

    def config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""


@runtime_checkable
class Loss(Protocol):
    """A scalar to minimize. `nn_core.Loss` supplies weighting and reduction."""

    def value_and_grad(self, pred: Any, target: Any, weight: Array | None = None) -> tuple[Any, Any]:
        """Return the value and its gradient with respect to `pred`; `weight` is per sample."""

    def __call__(self, pred: Any, target: Any, weight: Array | None = None) -> Any:
        """Return `value_and_grad` for arrays."""


@runtime_checkable
class Optimizer(Protocol):
    """Something that changes parameters by their gradients. `nn_core.Optimizer` supplies all but the rule."""

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient; `closure` re-evaluates the loss and is called once first."""

    def zero_grad(self) -> None:
        """Forget all gradients."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state and the options of every parameter group."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` returned."""


@runtime_checkable
class Metric(Protocol):
    """A figure of merit that is gathered batch by batch."""

    def update(self, pred: Any, target: Any, weight: Array | None = None) -> None:
        """Take in one batch."""

    def compute(self) -> float:
        """Return the value over everything taken in since the last reset."""

    def reset(self) -> None:
        """Start over."""


@runtime_checkable
class Dataset(Protocol):
    """Samples by index."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def take(self, indices: Array) -> tuple[Any, ...]:
        """Return (x, y) or (x, y, weight) of these samples, gathered in one go."""


@runtime_checkable
class Collective(Protocol):
    """The members that share one batch, seen from one of them."""

    @property
    def rank(self) -> int:
        """This member's number; 0 writes buffers."""

    @property
    def size(self) -> int:
        """The number of members."""

    def all_reduce(self, x: Array) -> Array:
        """Return the sum of every member's `x`."""


@runtime_checkable
class Format(Protocol):
    """A format of model files: arrays and words by name, in the bytes of one file. Made without arguments."""

    def encode(self, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
        """Return the file's bytes; they are written under a temporary name that is then changed."""

    def decode(self, path: Path) -> tuple[Mapping[str, str], Mapping[str, Array]]:
        """Return what `encode` was given, (metadata, arrays), of a file that exists, without running code from it.

        Raises:
            ModelFileError: the file is damaged, or of another kind.
        """


class Callback(Protocol):
    """The events of the training engine. A callback has any of these methods; each gets the `nn_core.TrainingState`.

    ::

        class Slowest:
            kept = ("seconds",)

            def __init__(self):
                self.seconds = 0.0

            def on_epoch_end(self, state):
                self.seconds = max(self.seconds, state.history.rows[-1]["seconds"])
                state.columns["slowest"] = self.seconds  # a column of the history

    What a checkpoint is to keep of it, it names in `kept`, attributes that are numbers, words, arrays or lists and
    dictionaries of them, or it has ``state_dict()`` and ``load_state_dict(state)``. Callbacks run in the order in which
    they are given; one with ``runs_last = True`` after the others, one with ``runs_first = True`` before them.
    """

    def on_fit_start(self, state: Any) -> None:
        """Do something before the first epoch; a run that is resumed is already where it was."""

    def on_epoch_start(self, state: Any) -> None:
        """Do something before the first batch of an epoch; not where a run is resumed in the middle of one."""

    def on_batch_start(self, state: Any) -> None:
        """Do something before a batch goes through the model."""

    def on_update_start(self, state: Any) -> None:
        """Do something with the gradients of an update, before they are clipped and used."""

    def on_batch_end(self, state: Any) -> None:
        """Do something after a batch, and after the update if there was one; ``state.logs`` has the averages so far."""

    def on_validation_start(self, state: Any) -> None:
        """Do something before validation, if there is any."""

    def on_validation_end(self, state: Any) -> None:
        """Do something after validation; ``state.logs`` has ``val_…``, too."""

    def on_epoch_end(self, state: Any) -> None:
        """Do something after an epoch, whose row is the last of ``state.history``."""

    def on_fit_end(self, state: Any) -> None:
        """Do something at the end of a run that came to its end."""

    def on_exception(self, state: Any, error: BaseException) -> None:
        """Do something when an error, or Ctrl-C, ends the run; the error goes on."""


EVENTS: Sequence[str] = tuple(name for name in vars(Callback) if name.startswith("on_"))

__all__ = ["EVENTS", "Callback", "Collective", "Dataset", "Format", "Layer", "Loss", "Metric", "Optimizer", "Shape"]
