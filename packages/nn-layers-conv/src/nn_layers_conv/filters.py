"""What convolutions of every kind have in common: the channels, and the filters that slide over them."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from nn_core import Layer
from nn_core.errors import ConfigError
from nn_core.fields import (
    REQUIRED,
    doc,
    each_axis,
    not_negative,
    optional_positive,
    per_axis,
    per_axis_or_word,
    positive,
)
from nn_core.layers.weighted import Weighted
from nn_core.typing import Shape
from nn_layers_conv.geometry import or_same_or_valid


@define(eq=False, slots=False, repr=False)
class FilterOptions(Layer):
    """The options that all kinds begin with, and the check of the channels."""

    rank: ClassVar[int]
    """The number of spatial axes."""

    in_channels: int | None = field(
        default=None, validator=optional_positive, metadata=doc("C; inferred from the first input if left out")
    )
    out_channels: int = field(default=REQUIRED, validator=positive, metadata=doc("O, the number of filters"))
    kernel_size: Shape = field(
        default=REQUIRED, converter=per_axis, validator=each_axis(positive), metadata=doc("k, of a filter")
    )
    stride: Shape = field(
        default=1, converter=per_axis, validator=each_axis(positive), metadata=doc("step from one window to the next")
    )
    padding: Any = field(  # Shape or str
        default=0,
        converter=per_axis_or_word,
        validator=or_same_or_valid(each_axis(not_negative)),
        metadata=doc(
            "p, added on both sides; 'valid' is 0, 'same' keeps the size, or divides it by stride, rounded up "
            "(multiplies it, where transposed)"
        ),
    )

    def __attrs_post_init__(self) -> None:
        if self.in_channels is not None:
            self.build((1, self.in_channels))

    def check_input_channels(self, input_shape: Shape) -> None:
        """Raise unless the input has the channels that the filters are for."""
        self.check_channels(input_shape, "in_channels")
        if not input_shape[1]:
            raise self.shape_error("expected at least one channel on axis 1, got none")


@define(eq=False, slots=False, repr=False)
class Filters(FilterOptions, Weighted):
    """Filters that are one weight, whose channels may be in groups."""

    groups: int = 1  # each kind puts it where PyTorch has it among its arguments

    def __attrs_post_init__(self) -> None:
        for name, channels in (("in_channels", self.in_channels), ("out_channels", self.out_channels)):
            if channels is not None and channels % self.groups:
                raise ConfigError(
                    f"{name} of {type(self).__name__} must be a multiple of groups, "
                    f"got {channels} channels for {self.groups} groups."
                )
        super().__attrs_post_init__()

    def check_input_channels(self, input_shape: Shape) -> None:
        """Raise unless the input has the channels that the filters are for, and they form groups."""
        super().check_input_channels(input_shape)
        if input_shape[1] % self.groups:
            raise self.shape_error(f"cannot form {self.groups} groups of {input_shape[1]} channels")
