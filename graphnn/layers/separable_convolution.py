"""Convolutions in two parts: in space for each channel, then over the channels at each place.

Exports: SeparableConv1D, SeparableConv2D.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from .common import Identifier, positive_integer, set_options
from .convolution_base import Numbers, SlidingKernel

__all__ = ["SeparableConv1D", "SeparableConv2D"]


class _SeparableConv(SlidingKernel):
    """A separable convolution over `rank` axes."""

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid",
        data_format: str | None = None, dilation_rate: Numbers = 1, depth_multiplier: int = 1,
        activation: Identifier = None, use_bias: bool = True, depthwise_initializer: Identifier = "glorot_uniform",
        pointwise_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
        depthwise_regularizer: Identifier = None, pointwise_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
        depthwise_constraint: Identifier = None, pointwise_constraint: Identifier = None,
        bias_constraint: Identifier = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive_integer(self, "filters", filters)
        self.depth_multiplier = positive_integer(self, "depth_multiplier", depth_multiplier)
        self.set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.set_finish(activation, use_bias)
        set_options(self, depthwise_initializer=depthwise_initializer, pointwise_initializer=pointwise_initializer)
        set_options(self, depthwise_regularizer=depthwise_regularizer, pointwise_regularizer=pointwise_regularizer)
        set_options(self, depthwise_constraint=depthwise_constraint, pointwise_constraint=pointwise_constraint)
        set_options(self, bias_initializer=bias_initializer, bias_regularizer=bias_regularizer, bias_constraint=bias_constraint)

    def build(self, input_shape: Any = None) -> None:
        channels = self.channels_of(input_shape)
        self.refuse_small(input_shape)
        middle = channels * self.depth_multiplier
        self.depthwise_kernel = self.add_part("depthwise", (*self.kernel_size, channels, self.depth_multiplier))
        self.pointwise_kernel = self.add_part("pointwise", (*(1,) * self.rank, middle, self.filters))
        self.add_bias(self.filters)

    def add_part(self, part: str, shape: tuple[int, ...]) -> Any:
        """The kernel of one of the two parts."""
        options: Any = {k: getattr(self, f"{part}_{k}") for k in ("initializer", "regularizer", "constraint")}
        return self.add_weight(name=f"{part}_kernel", shape=shape, **options)

    def call(self, inputs: Any) -> Any:
        y = ops.separable_conv(inputs, self.depthwise_kernel, self.pointwise_kernel, **self.options())
        return self.finished(y)


class SeparableConv1D(_SeparableConv):
    """A depthwise convolution along a sequence, followed by one that mixes the channels of each step.

    Args:
        filters: the number of channels of the result.
        kernel_size, strides, dilation_rate: of the first part: integers.
        padding: `"valid"` or `"same"`, as in `Conv1D`.
        data_format: `"channels_last"` or `"channels_first"`.
        depth_multiplier: the number of filters of each channel in the first part.
        activation: an activation function or its name; None is the identity.
        use_bias: whether there is a `bias`.
        depthwise_initializer, pointwise_initializer, bias_initializer: first values of the weights.
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        depthwise_constraint, pointwise_constraint, bias_constraint: applied to the weights after each update.

    Shapes:
        input `(batch, steps, channels)`, output `(batch, windows, filters)` (channels second with "channels_first");
        `depthwise_kernel` `(kernel_size, channels, depth_multiplier)`, `pointwise_kernel`
        `(1, channels x depth_multiplier, filters)`, `bias` `(filters,)`.

    Raises:
        ValueError: an argument that is none of these, an input of another rank or width, or one smaller than a window.

    Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2017 (arXiv:1610.02357).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.SeparableConv1D(4, 3)(np.ones((2, 9, 5), "float32")).shape
    (2, 7, 4)
    """

    rank = 1


class SeparableConv2D(_SeparableConv):
    """A depthwise convolution over images, followed by one that mixes the channels of each place.

    Args:
        filters: the number of channels of the result.
        kernel_size, strides, dilation_rate: of the first part: an integer, or one for rows and one for columns.
        padding, data_format, depth_multiplier: as in `SeparableConv1D`.
        activation, use_bias and the options of the weights: as in `SeparableConv1D`.

    Shapes:
        input `(batch, rows, columns, channels)`, output `(batch, new rows, new columns, filters)` (channels second with
        "channels_first"); `depthwise_kernel` `(*kernel_size, channels, depth_multiplier)`, `pointwise_kernel`
        `(1, 1, channels x depth_multiplier, filters)`, `bias` `(filters,)`.

    Raises:
        ValueError: as `SeparableConv1D`.

    Source: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2017 (arXiv:1610.02357).

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.SeparableConv2D(4, 3, depth_multiplier=2, padding="same")(np.ones((2, 9, 8, 5), "float32")).shape
    (2, 9, 8, 4)
    """

    rank = 2
