"""From a layer's options to its windows: where they lie, how many there are, and what to say if there are none."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from attrs import Attribute, evolve

from nn_core.errors import ConfigError, DTypeError
from nn_core.typing import Array, Shape
from nn_layers_conv.windows import Windows

Pads = tuple[tuple[int, int], ...]
"""What is added before and after each spatial axis."""

THINGS = {1: ("sequences", "(N, C, L)"), 2: ("images", "(N, C, H, W)"), 3: ("volumes", "(N, C, D, H, W)")}


def or_same_or_valid(check: Any) -> Any:
    """Return a validator for padding: of all words it takes same and valid, and what is no word must pass `check`."""

    def validate(owner: Any, option: Attribute[Any], value: Any) -> None:
        if not isinstance(value, str):
            check(owner, option, value)
        elif value not in ("same", "valid"):
            raise ConfigError(
                f"{option.alias} of {type(owner).__name__} must be an integer for every axis, 'same' or 'valid', "
                f"got {value!r}."
            )

    return validate


def check_axes(layer: Any, input_shape: Shape) -> None:
    """Raise unless the input has samples, channels and as many spatial axes as the layer (`rank`)."""
    if len(input_shape) != layer.rank + 2:
        things, axes = THINGS[layer.rank]
        remedy = ""
        if len(input_shape) == layer.rank + 1:
            remedy = "Give a single sample its axis with x[None], or a single channel with x[:, None]."
        raise layer.shape_error(f"expected {things} of shape {axes}, got {input_shape}", remedy)


def check_floating(layer: Any, x: Array) -> None:
    """Raise where integers came to a layer that makes fractions of them."""
    if x.dtype.kind != "f":
        raise DTypeError(
            f"{type(layer).__name__} computes with floating-point numbers and got {x.dtype}. "
            f"Convert the input first, for example x.astype('float32') / 255 for 8-bit images."
        )


def windows_of(layer: Any, input_shape: Shape) -> tuple[Windows, Pads]:
    """Return the windows of a layer over an input (N, C, …), and the padding, which they reach into.

    The layer has `kernel_size`, `stride`, `padding` and perhaps `dilation` and `ceil_mode`. With ``padding="same"``
    there are ⌈size / stride⌉ windows, and an odd number of elements to add has one more after than before: as in
    TensorFlow and Keras for any stride, and as in PyTorch for stride 1, the only one it takes there.

    Raises:
        ShapeError: the input has other axes, or no window fits into it.
    """
    check_axes(layer, input_shape)
    dilation = getattr(layer, "dilation", (1,) * layer.rank)
    ceil = getattr(layer, "ceil_mode", False)
    windows, pads = laid(input_shape[2:], layer.kernel_size, layer.stride, layer.padding, dilation, ceil)
    if min(windows.out) < 1:
        raise layer.shape_error(
            f"kernel_size {layer.kernel_size}{_spread(windows)} with padding {layer.padding!r} does not fit into "
            f"{THINGS[layer.rank][0]} of {by(windows.size)}: the output would be {by(windows.out)}",
            "Choose a smaller kernel_size or more padding, or reduce the size less in the layers before.",
        )
    return windows, pads


@lru_cache(maxsize=256)
def laid(
    size: Shape, kernel_size: Shape, stride: Shape, padding: Shape | str, dilation: Shape, ceil: bool
) -> tuple[Windows, Pads]:
    """Return the windows of these options over an image, and the padding; there may be less than one."""
    reach = [spread * (taps - 1) + 1 for spread, taps in zip(dilation, kernel_size, strict=True)]
    if padding == "same":
        counts = [-(-n // step) for n, step in zip(size, stride, strict=True)]
        missing = [
            max(0, (count - 1) * step + taps - n)
            for count, step, taps, n in zip(counts, stride, reach, size, strict=True)
        ]
        pads = tuple((add // 2, add - add // 2) for add in missing)
    else:
        pads = tuple((margin, margin) for margin in ((0,) * len(size) if isinstance(padding, str) else padding))
    out = tuple(
        _count(n, taps, step, before, after, ceil)
        for n, taps, step, (before, after) in zip(size, reach, stride, pads, strict=True)
    )
    return Windows(size, out, kernel_size, stride, dilation, tuple(before for before, _ in pads)), pads


def _count(size: int, reach: int, step: int, before: int, after: int, ceil: bool) -> int:
    """Return how many windows fit along an axis; with `ceil`, the last one may end later but not begin after it."""
    room = before + size + after - reach
    if not ceil:
        return room // step + 1
    count = -(-room // step) + 1
    return count - 1 if (count - 1) * step >= size + before else count


def over_padded(windows: Windows, pads: Pads) -> Windows:
    """Return the same windows over the image with its padding."""
    padded = tuple(before + n + after for n, (before, after) in zip(windows.size, pads, strict=True))
    return evolve(windows, size=padded, before=(0,) * len(padded))


def _spread(windows: Windows) -> str:
    return f", dilation {windows.dilation}" if set(windows.dilation) != {1} else ""


def by(sizes: Shape) -> str:
    """Return sizes as in 3×4."""
    return "×".join(map(str, sizes))
