"""Convolutions over one, two and three axes.

Exports: Conv1D, Conv2D, Conv3D.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from .common import Identifier, add_weight, set_options
from .convolution_base import Numbers, SlidingKernel, filters_in_groups
from .lora import LoraMixin

__all__ = ["Conv1D", "Conv2D", "Conv3D"]


class _Conv(SlidingKernel, LoraMixin):
    """A convolution over `rank` axes."""

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Numbers = 1, groups: int = 1, activation: Identifier = None,
        use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
        kernel_regularizer: Identifier = None, bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None, kernel_constraint: Identifier = None,
        bias_constraint: Identifier = None, lora_rank: int | None = None, lora_alpha: float | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters, self.groups = filters_in_groups(self, filters, groups)
        self.set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.refuse_strides_with_dilation()
        self.set_finish(activation, use_bias)
        set_options(self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer)
        set_options(self, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer)
        set_options(self, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint)
        self.set_lora(lora_rank, lora_alpha)

    def build(self, input_shape: Any = None) -> None:
        channels = self.channels_of(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: `groups` must divide the number of channels of the input. "
                f"Received: groups={self.groups}, {channels} channels, input_shape={tuple(input_shape)}"
            )
        self.refuse_small(input_shape)
        self.kernel = add_weight(self, "kernel", (*self.kernel_size, channels // self.groups, self.filters))
        self.add_bias(self.filters)
        self.built = True
        self.finish_lora()

    def call(self, inputs: Any) -> Any:
        return self.finished(ops.conv(inputs, self.adapted(self.kernel), **self.options()))


class Conv1D(_Conv):
    r"""A convolution along the steps of a sequence.

    $$y = \mathrm{activation}(x * W + b)$$

    Args:
        filters: the number of channels of the result.
        kernel_size, strides, dilation_rate: extent of the window, distance from window to window, from tap to tap:
            integers.
        padding: `"valid"`: windows lie inside the input; `"same"`: zeros are added on both sides so that there are
            ceil(steps / stride) windows; `"causal"`: zeros are added in front only, so that nothing is seen of later steps.
        data_format: `"channels_last"` or `"channels_first"`.
        groups: into how many groups, which do not see each other, channels and filters fall.
        activation: an activation function or its name; None is the identity.
        use_bias: whether there is a `bias`.
        kernel_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: applied to the weights after each update.
        lora_rank, lora_alpha: see `enable_lora`.

    Shapes:
        input `(batch, steps, channels)`, output `(batch, windows, filters)` (channels second with "channels_first");
        `kernel` `(kernel_size, channels / groups, filters)`, `bias` `(filters,)`.

    Raises:
        ValueError: an argument that is none of these, strides and dilation both above 1, groups that do not divide filters
            and channels, an input of another rank or width, or one smaller than a window.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Conv1D(4, 3, padding="causal")(np.ones((2, 9, 5), "float32")).shape
    (2, 9, 4)
    """

    rank = 1
    causal_too = True


class Conv2D(_Conv):
    r"""A convolution over images.

    $$y = \mathrm{activation}(x * W + b)$$

    Args:
        filters: the number of channels of the result.
        kernel_size, strides, dilation_rate: extent of the window, distance from window to window, from tap to tap: an
            integer, or one for rows and one for columns.
        padding: `"valid"`: windows lie inside the image; `"same"`: zeros are added on all sides so that there are
            ceil(extent / stride) windows.
        data_format: `"channels_last"` or `"channels_first"`.
        groups: into how many groups, which do not see each other, channels and filters fall.
        activation, use_bias and the options of the weights: as in `Conv1D`.

    Shapes:
        input `(batch, rows, columns, channels)`, output `(batch, new rows, new columns, filters)` (channels second with
        "channels_first"); `kernel` `(*kernel_size, channels / groups, filters)`, `bias` `(filters,)`.

    Raises:
        ValueError: as `Conv1D`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(np.ones((2, 9, 8, 3), "float32")).shape
    (2, 5, 4, 8)
    """

    rank = 2


class Conv3D(_Conv):
    r"""A convolution over volumes.

    $$y = \mathrm{activation}(x * W + b)$$

    Args:
        filters: the number of channels of the result.
        kernel_size, strides, dilation_rate: as in `Conv2D`, of three axes.
        padding, data_format, groups: as in `Conv2D`.
        activation, use_bias and the options of the weights: as in `Conv1D`.

    Shapes:
        input `(batch, depth, rows, columns, channels)`, output with new extents and `filters` channels (channels second
        with "channels_first"); `kernel` `(*kernel_size, channels / groups, filters)`, `bias` `(filters,)`.

    Raises:
        ValueError: as `Conv1D`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Conv3D(2, (1, 2, 2))(np.ones((1, 3, 4, 4, 1), "float32")).shape
    (1, 3, 3, 3, 2)
    """

    rank = 3
