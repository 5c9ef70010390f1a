"""Images of another size: by interpolation, or by turning channels into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from attrs import Attribute, converters, define, field, validators

from nn_core import Layer
from nn_core.backends import backend
from nn_core.errors import ConfigError
from nn_core.fields import REQUIRED, a_pair_of, boolean, doc, number, one_of, pair, positive
from nn_core.typing import Array, Backward, Shape
from nn_layers_conv import memory
from nn_layers_conv.geometry import by, check_axes, check_floating

Taps = tuple[tuple[Array, Array], ...]
"""A sparse matrix: row i is the sum over the taps (places, weights) of weights[i] in column places[i]."""


@lru_cache(maxsize=256)
def interpolation(size: int, out: int, step: float, mode: str, align_corners: bool) -> tuple[Taps, Taps]:
    """Return the matrix (out, size) that interpolates along an axis, and the transposed one.

    Element i of the output lies at ``(i + ½) · step − ½`` among those of the input, or with `align_corners`, so that
    first and last ones meet, at ``i · (size − 1) / (out − 1)``. It is made of the two elements around it, each
    weighted with the distance from the other one. In mode nearest it is element ``⌊i · step⌋``, computed in float32:
    the exact product would choose another one in rare cases, and PyTorch's choice is the standard.

    >>> (lower, share), (upper, rest) = interpolation(2, 4, 0.5, "bilinear", False)[0]
    >>> lower, upper, share + rest
    (array([0, 0, 0, 1]), array([1, 1, 1, 1]), array([1., 1., 1., 1.]))
    >>> rest
    array([0.  , 0.25, 0.75, 0.25])
    """
    i = np.arange(out)
    taps: Taps
    if mode == "nearest" or out == size:
        exact = out in (size, 2 * size)
        places = i * size // out if exact else (i.astype(np.float32) * np.float32(step)).astype(np.int64)
        taps = ((np.minimum(places, size - 1), np.ones(out)),)
    else:
        at = i * ((size - 1) / max(1, out - 1)) if align_corners else np.maximum(0, (i + 0.5) * step - 0.5)
        lower = np.minimum(at.astype(np.int64), size - 1)
        share = np.minimum(at - lower, 1)
        taps = (lower, 1 - share), (np.minimum(lower + 1, size - 1), share)
    return taps, transposed(taps, size)


def transposed(taps: Taps, size: int) -> Taps:
    """Return the transposed matrix; the matrix has `size` columns."""
    out = len(taps[0][0])
    matrix = np.zeros((size, out))
    for places, weights in taps:
        matrix[places, np.arange(out)] += weights
    used = matrix != 0
    count = max(1, used.sum(1).max())
    places = np.argsort(~used, axis=1, kind="stable")[:, :count].copy()  # of each row those in use come first
    weights = np.take_along_axis(matrix, places, 1)
    return tuple(zip(places.T, weights.T, strict=True))


def applied(taps: Taps, x: Any, axis: int) -> Any:
    """Return the product of the matrix with x along an axis: ``y = Σ weights · x[places]``, the sum over the taps."""
    xp = backend(x)
    y: Any = None
    for places, weights in taps:
        term = x.take(xp.asarray(places), axis)
        if not (weights == 1).all():
            factors = weights.astype(x.dtype)
            term *= xp.asarray(factors).reshape(-1, *[1] * (x.ndim - axis - 1))
        if y is None:
            y = term
        else:
            y += term
    return y


def _scales(value: float | Sequence[float]) -> tuple[float, ...]:
    """Return a number twice, and a tuple for a list; leave the rest to the validator."""
    members: Any = value if isinstance(value, (list, tuple)) else (value, value)
    return tuple(map(number, members))


def _pair_above_0(owner: object, option: Attribute[Any], value: Any) -> None:
    """Refuse all but pairs of finite numbers above 0."""
    above_0 = [isinstance(n, (int, float)) and not isinstance(n, bool) and 0 < n < float("inf") for n in value]
    if above_0 != [True, True]:
        raise ConfigError(
            f"{option.alias} of {type(owner).__name__} must be a number above 0 or a pair of them, got {value!r}."
        )


@define(eq=False, slots=False, repr=False)
class Upsample(Layer):
    """Interpolate images to another size, given as such or as multiples: ``yₙ꜀ = A xₙ꜀ Bᵀ``.

    The rows of the matrices A, for H, and B, for W, hold a single 1 in mode nearest, at the element that lies there or
    before, and in mode bilinear the weights of the two elements around. Sizes that are no multiples are rounded down.

    Gradient: ``∂xₙ꜀ = Aᵀ dyₙ꜀ B``.

    Shape:
        x ``(N, C, H, W)`` → y ``(N, C, *size)``, or ``(N, C, ⌊H · factor⌋, ⌊W · factor⌋)``.

    Raises:
        ShapeError: x is not of that shape, or x or y would be without a single element.

    >>> import numpy as np
    >>> x = np.array([[[[1.0, 2.0]]]])
    >>> Upsample(scale_factor=2)(x)
    array([[[[1., 1., 2., 2.],
             [1., 1., 2., 2.]]]])
    >>> Upsample((1, 4), mode="bilinear")(x)
    array([[[[1.  , 1.25, 1.75, 2.  ]]]])
    """

    rank: ClassVar[int] = 2

    size: tuple[int, int] | None = field(
        default=None,
        converter=pair,
        validator=validators.optional(a_pair_of(positive)),
        metadata=doc("h and w of y, or else scale_factor", rare=True),
    )
    scale_factor: tuple[float, ...] | None = field(
        default=None,
        converter=converters.optional(_scales),
        validator=validators.optional(_pair_above_0),
        metadata=doc("how much larger than x, in h and w, y is to be", rare=True),
    )
    mode: str = field(default="nearest", validator=one_of("nearest", "bilinear"), metadata=doc("of interpolation"))
    align_corners: bool | None = field(
        default=None,
        validator=validators.optional(boolean),
        metadata=doc(
            "whether mode bilinear puts corner pixels, instead of their outer borders, on each other", rare=True
        ),
    )

    def __attrs_post_init__(self) -> None:
        if (self.size is None) == (self.scale_factor is None):
            given = "neither" if self.size is None else "both"
            raise ConfigError(f"Upsample takes either size or scale_factor, got {given}.")
        if self.mode == "nearest" and self.align_corners is not None:
            raise ConfigError(
                f"align_corners of Upsample is for mode bilinear, got {self.align_corners} with mode nearest: "
                f"leave it out."
            )

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes(self, input_shape)
        places = input_shape[2:]
        out = self.size
        if out is None:
            h, w = (int(n * factor) for n, factor in zip(places, self.scale_factor or (), strict=True))
            out = h, w
        if 0 in (*places, *out):
            raise self.shape_error(
                f"cannot interpolate between images of {by(places)} and {by(out)}, without a single element",
                "Choose a larger scale_factor, or reduce the size less in the layers before.",
            )
        return (*input_shape[:2], *out)

    def forward(self, x: Array) -> tuple[Array, Backward]:
        out = self.output_shape(x.shape)
        if self.mode == "bilinear":
            check_floating(self, x)
        of_h, of_w = (
            interpolation(n, m, n / m if factor is None else 1 / factor, self.mode, bool(self.align_corners))
            for n, m, factor in zip(x.shape[2:], out[2:], self.scale_factor or (None, None), strict=True)
        )
        y = memory.samples_last(memory.samples_last_in_memory(x))
        y = applied(of_h[0], applied(of_w[0], y, 2), 1)

        def backward(dy: Array) -> Array:
            dx = memory.samples_last(memory.samples_last_in_memory(dy))
            return memory.samples_first(applied(of_w[1], applied(of_h[1], dx, 1), 2))

        return memory.samples_first(y), backward


def shuffled(x: Array, r: int) -> Array:
    """Return images (N, C, r·H, r·W) whose squares of r × r pixels come from r² channels each of x (N, C·r², H, W)."""
    n, c, h, w = x.shape
    c = c // r**2
    y = memory.empty(backend(x), (n, c, h * r, w * r), x.dtype)
    squares: Any = memory.samples_last(y)
    channels: Any = memory.samples_last(x)
    squares.reshape(c, h, r, w, r, n)[...] = channels.reshape(c, r, r, h, w, n).transpose(0, 3, 1, 4, 2, 5)
    return y


def unshuffled(x: Array, r: int) -> Array:
    """Return images (N, C·r², H, W) whose channels hold one pixel each of the squares of x (N, C, r·H, r·W)."""
    n, c, h, w = x.shape
    h, w = h // r, w // r
    y = memory.empty(backend(x), (n, c * r**2, h, w), x.dtype)
    channels: Any = memory.samples_last(y)
    squares: Any = memory.samples_last(x)
    channels.reshape(c, r, r, h, w, n)[...] = squares.reshape(c, h, r, w, r, n).transpose(0, 2, 4, 1, 3, 5)
    return y


@define(eq=False, slots=False, repr=False)
class PixelShuffle(Layer):
    """Turn every r² channels into one of r times the height and width: ``yₙ꜀,ᵣᵢ₊ₐ,ᵣⱼ₊ᵦ = xₙ,ᵣ²꜀₊ᵣₐ₊ᵦ,ᵢⱼ``.

    Gradient: ``∂x`` is `PixelUnshuffle` of dy.

    Shape:
        x ``(N, C·r², H, W)`` → y ``(N, C, H·r, W·r)`` with r the `upscale_factor`.

    Raises:
        ShapeError: x is not of that shape.

    Source: Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional
    neural network", 2016.

    >>> import numpy as np
    >>> PixelShuffle(2)(np.arange(8.0).reshape(1, 4, 1, 2))
    array([[[[0., 2., 1., 3.],
             [4., 6., 5., 7.]]]])
    """

    rank: ClassVar[int] = 2

    upscale_factor: int = field(
        default=REQUIRED, validator=positive, metadata=doc("r, how many times larger the image gets")
    )

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes(self, input_shape)
        n, c, h, w = input_shape
        r = self.upscale_factor
        if c % r**2:
            raise self.shape_error(f"expected a multiple of {r}×{r} channels on axis 1, got {c}")
        return n, c // r**2, h * r, w * r

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        return shuffled(x, self.upscale_factor), lambda dy: unshuffled(dy, self.upscale_factor)


@define(eq=False, slots=False, repr=False)
class PixelUnshuffle(Layer):
    """Turn squares of r × r pixels into as many channels: ``yₙ,ᵣ²꜀₊ᵣₐ₊ᵦ,ᵢⱼ = xₙ꜀,ᵣᵢ₊ₐ,ᵣⱼ₊ᵦ``.

    Gradient: ``∂x`` is `PixelShuffle` of dy.

    Shape:
        x ``(N, C, H·r, W·r)`` → y ``(N, C·r², H, W)`` with r the `downscale_factor`.

    Raises:
        ShapeError: x is not of that shape.

    >>> import numpy as np
    >>> PixelUnshuffle(2)(np.arange(8.0).reshape(1, 1, 2, 4)).ravel()
    array([0., 2., 1., 3., 4., 6., 5., 7.])
    """

    rank: ClassVar[int] = 2

    downscale_factor: int = field(
        default=REQUIRED, validator=positive, metadata=doc("r, how many times smaller the image gets")
    )

    def output_shape(self, input_shape: Shape) -> Shape:
        check_axes(self, input_shape)
        n, c, h, w = input_shape
        r = self.downscale_factor
        if h % r or w % r:
            raise self.shape_error(f"cannot divide images of {h}×{w} into squares of {r}×{r}")
        return n, c * r**2, h // r, w // r

    def forward(self, x: Array) -> tuple[Array, Backward]:
        self.output_shape(x.shape)  # raises where x does not fit
        return unshuffled(x, self.downscale_factor), lambda dy: shuffled(dy, self.downscale_factor)
