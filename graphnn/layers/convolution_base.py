"""What the layers that slide a kernel over space share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, ops
from ..config import standardize_data_format
from ..ops._geometry import padding_mode, pads_of, refuse_empty, whole_numbers
from .common import ConfiguredLayer, Identifier, positive_integer
from .input_spec import InputSpec

__all__: list[str] = []

Numbers = int | Sequence[int]


class SlidingKernel(ConfiguredLayer):
    """Base of the convolutions: the window's arguments, the axis of the channels, bias and activation."""

    rank = 0
    causal_too = False  # whether padding="causal" is known
    bias: Any = None

    def set_window(
        self, kernel_size: Numbers, strides: Numbers, padding: str, data_format: str | None, dilation_rate: Numbers
    ) -> None:
        """Checks and keeps what describes the window."""
        what = f"{type(self).__name__}: "
        self.kernel_size = whole_numbers(kernel_size, self.rank, "kernel_size", what=what)
        self.strides = whole_numbers(strides, self.rank, "strides", what=what)
        self.dilation_rate = whole_numbers(dilation_rate, self.rank, "dilation_rate", what=what)
        self.padding = padding_mode(padding, ("valid", "same", "causal") if self.causal_too else ("valid", "same"), what)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def refuse_strides_with_dilation(self) -> None:
        """Raises ValueError where both are above 1."""
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"{type(self).__name__}: `strides` above 1 and `dilation_rate` above 1 do not go together. "
                f"Received: strides={self.strides}, dilation_rate={self.dilation_rate}"
            )

    def set_finish(self, activation: Identifier, use_bias: bool) -> None:
        """Keeps what is done to the result."""
        self.activation = activations.get(activation)
        self.use_bias = use_bias

    @property
    def channel_axis(self) -> int:
        """The axis of the channels."""
        return -1 if self.data_format == "channels_last" else 1

    def channels_of(self, input_shape: Any) -> int:
        """The number of channels of an input; the layer accepts no other from now on."""
        shape = tuple(input_shape)
        if len(shape) != self.rank + 2:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the input must have {self.rank + 2} axes (batch, channels and {self.rank} in "
                f"space). Received: input_shape={shape}"
            )
        channels = shape[self.channel_axis]
        if channels is None:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: the number of channels (axis {self.channel_axis} of the input, "
                f"data_format={self.data_format!r}) must be known to make the weights. Received: input_shape={shape}"
            )
        self.input_spec = InputSpec(ndim=len(shape), axes={self.channel_axis: channels})
        return channels

    def refuse_small(self, input_shape: Any) -> None:
        """Raises ValueError for inputs that hold no whole window."""
        shape = tuple(input_shape)
        space = shape[1:-1] if self.data_format == "channels_last" else shape[2:]
        axes = list(zip(space, self.kernel_size, self.strides, self.dilation_rate, strict=True))
        known = [a for a in axes if a[0] is not None]
        if known:
            extents, size, strides, dilation = (list(numbers) for numbers in zip(*known, strict=True))
            pads = pads_of(self.padding, extents, size, strides, dilation)
            refuse_empty(extents, size, dilation, pads, f"{type(self).__name__} {self.name!r}: ")

    def add_bias(self, filters: int) -> None:
        """Makes the bias where there is one."""
        self.bias = None
        if self.use_bias:
            options: Any = {k: getattr(self, f"bias_{k}") for k in ("initializer", "regularizer", "constraint")}
            self.bias = self.add_weight(name="bias", shape=(filters,), **options)

    def options(self) -> dict[str, Any]:
        """The window's arguments as the ops take them."""
        return {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }

    def get_config(self) -> dict[str, Any]:
        return {"activity_regularizer": None, **super().get_config()}

    def finished(self, y: Any) -> Any:
        """Bias and activation."""
        if self.bias is not None:
            along = (1, -1, *(1,) * self.rank)
            y = ops.add(y, self.bias if self.channel_axis == -1 else ops.reshape(self.bias, along))
        return self.activation(y)


def filters_in_groups(layer: SlidingKernel, filters: Any, groups: Any) -> tuple[int, int]:
    """The two arguments after a check."""
    filters, groups = positive_integer(layer, "filters", filters), positive_integer(layer, "groups", groups)
    if filters % groups:
        raise ValueError(f"{type(layer).__name__}: `groups` must divide `filters`. Received: filters={filters}, groups={groups}")
    return filters, groups
