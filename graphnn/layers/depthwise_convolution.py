"""Convolutions of each channel by itself.

Exports: DepthwiseConv1D, DepthwiseConv2D.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from .common import Identifier, positive_integer, set_options
from .convolution_base import Numbers, SlidingKernel

__all__ = ["DepthwiseConv1D", "DepthwiseConv2D"]


class _DepthwiseConv(SlidingKernel):
    """A depthwise convolution over `rank` axes."""

    def __init__(
        self, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid", depth_multiplier: int = 1,
        data_format: str | None = None, dilation_rate: Numbers = 1, activation: Identifier = None, use_bias: bool = True,
        depthwise_initializer: Identifier = "glorot_uniform", bias_initializer: Identifier = "zeros",
        depthwise_regularizer: Identifier = None, bias_regularizer: Identifier = None,
        activity_regularizer: Identifier = None, depthwise_constraint: Identifier = None,
        bias_constraint: Identifier = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.depth_multiplier = positive_integer(self, "depth_multiplier", depth_multiplier)
        self.set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.set_finish(activation, use_bias)
        set_options(self, depthwise_initializer=depthwise_initializer, bias_initializer=bias_initializer)
        set_options(self, depthwise_regularizer=depthwise_regularizer, bias_regularizer=bias_regularizer)
        set_options(self, depthwise_constraint=depthwise_constraint, bias_constraint=bias_constraint)

    def build(self, input_shape: Any = None) -> None:
        channels = self.channels_of(input_shape)
        self.refuse_small(input_shape)
        options: Any = {k: getattr(self, f"depthwise_{k}") for k in ("initializer", "regularizer", "constraint")}
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = self.add_weight(name="kernel", shape=shape, **options)
        self.add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        return self.finished(ops.depthwise_conv(inputs, self.kernel, **self.options()))


class DepthwiseConv1D(_DepthwiseConv):
    """A convolution of each channel of a sequence by filters of its own.

    Args:
        kernel_size, strides, dilation_rate: extent of the window, distance from window to window, from tap to tap:
            integers.
        padding: `"valid"` or `"same"`, as in `Conv1D`.
        depth_multiplier: the number of filters of each channel.
        data_format: `"channels_last"` or `"channels_first"`.
        activation: an activation function or its name; None is the identity.
        use_bias: whether there is a `bias`.
        depthwise_initializer, bias_initializer: first values of the weights.
        depthwise_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        depthwise_constraint, bias_constraint: applied to the weights after each update.

    Shapes:
        input `(batch, steps, channels)`, output `(batch, windows, channels x depth_multiplier)` (channels second with
        "channels_first"); `kernel` `(kernel_size, channels, depth_multiplier)`, `bias` as wide as the output.

    Raises:
        ValueError: an argument that is none of these, an input of another rank or width, or one smaller than a window.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 9, 5), "float32")).shape
    (2, 7, 10)
    """

    rank = 1


class DepthwiseConv2D(_DepthwiseConv):
    """A convolution of each channel of an image by filters of its own.

    Args:
        kernel_size, strides, dilation_rate: as in `DepthwiseConv1D`: an integer, or one for rows and one for columns.
        padding, depth_multiplier, data_format: as in `DepthwiseConv1D`.
        activation, use_bias and the options of the weights: as in `DepthwiseConv1D`.

    Shapes:
        input `(batch, rows, columns, channels)`, output `(batch, new rows, new columns, channels x depth_multiplier)`
        (channels second with "channels_first"); `kernel` `(*kernel_size, channels, depth_multiplier)`, `bias` as wide as
        the output.

    Raises:
        ValueError: as `DepthwiseConv1D`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.DepthwiseConv2D(3, padding="same")(np.ones((2, 9, 8, 5), "float32")).shape
    (2, 9, 8, 5)
    """

    rank = 2
