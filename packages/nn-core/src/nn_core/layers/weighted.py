"""What layers with one weight and perhaps a bias share: how the two are drawn, and drawn again."""

from __future__ import annotations

from zlib import crc32

import numpy as np

from nn_core.dtypes import default_dtype
from nn_core.errors import NotBuiltError
from nn_core.initializers import InitChoice, bias_like, draw, torch_linear
from nn_core.layer import Layer
from nn_core.parameter import Parameter
from nn_core.typing import Shape


class Weighted(Layer):
    """A layer with a weight (out, in, …) and, if `use_bias`, a bias (out,); transposed ones have (in, out, …).

    A subclass calls `draw_parameters` in its ``build``. The weight is drawn as `init` says or, where that is None, as
    `nn_core.initialize` chose for the layer, which also makes the bias zero, or else as PyTorch does.
    """

    use_bias: bool
    init: InitChoice | None
    weight: Parameter
    bias: Parameter | None

    chosen_init: InitChoice | None = None
    """What `nn_core.initialize` chose."""

    _drawn: int | None = None
    """The checksum of the values that were drawn without an `init`."""

    def draw_parameters(
        self, shape: Shape, rng: np.random.Generator | None = None, *, outputs: int | None = None
    ) -> None:
        """Make the parameters, the weight of this shape; one that was set before, tied weights for example, is kept.

        The bias has as many elements as the weight is long, or else `outputs`.

        Raises:
            ShapeError: what was set has another shape.
        """
        given = {name: getattr(self, name, None) for name in ("weight", "bias")}
        self.weight = Parameter(np.empty(shape, default_dtype()))
        self.bias = Parameter(np.empty(outputs or shape[0], default_dtype())) if self.use_bias else None
        self._fill(None, rng)
        for name, parameter in given.items():
            if parameter is not None:
                made = getattr(self, name)
                if made is None or parameter.shape != made.shape:
                    wanted = "none" if made is None else f"one of shape {made.shape}"
                    raise self.shape_error(
                        f"{name} was set to one of shape {parameter.shape}, and the layer has {wanted}"
                    )
                setattr(self, name, parameter)

    def reset_parameters(self, init: InitChoice | None = None, rng: np.random.Generator | None = None) -> None:
        """Draw the weight again, as `init` says or else as at first, and the bias with it.

        >>> from nn_core import Linear
        >>> layer = Linear(2, 2)
        >>> layer.reset_parameters("identity")
        >>> layer.weight.data
        array([[1., 0.],
               [0., 1.]], dtype=float32)

        Raises:
            NotBuiltError: the sizes are still to be inferred.
        """
        if not self._built:
            raise NotBuiltError(
                f"{type(self).__name__} infers its sizes from the first input and has no parameters to draw again. "
                f"Call the model on a batch, or model.build(input_shape), or give the sizes."
            )
        self._fill(init, rng)

    def accept_init(self, choice: InitChoice, rng: np.random.Generator | None = None) -> bool:
        """Draw as `nn_core.initialize` chose, now or once the layer is built, and say whether that is so.

        It is not if the layer has an `init` of its own, or other values than it drew: set by hand, trained or loaded.
        """
        if self.init is not None or (self._built and self._drawn != self._checksum()):
            return False
        self.chosen_init = choice
        if self._built:
            self._fill(None, rng)
        return True

    def _fill(self, init: InitChoice | None, rng: np.random.Generator | None) -> None:
        own = init if init is not None else self.init
        choice = own if own is not None else self.chosen_init
        self.weight.data[...] = draw(torch_linear if choice is None else choice, self.weight.shape, rng)
        if self.bias is not None:
            # The choice of `initialize` includes the bias; an initializer is for the weight alone.
            chosen = own is None and choice is not None
            self.bias.data[...] = 0 if chosen else bias_like(self.weight.data, rng, len(self.bias.data))
        self._drawn = self._checksum() if own is None else None

    def _checksum(self) -> int:
        """Return a number that changes with the values of the parameters, but not with their dtype or their memory."""
        checksum = 0
        for parameter in (self.weight, self.bias):
            if parameter is not None:
                checksum = crc32(np.asarray(parameter.data, np.float32, order="C").tobytes(), checksum)
        return checksum
