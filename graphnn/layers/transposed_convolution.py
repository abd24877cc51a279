"""Transposed convolutions over one, two and three axes.

Exports: Conv1DTranspose, Conv2DTranspose, Conv3DTranspose.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from ..ops._geometry import whole_numbers
from .common import Identifier, add_weight, positive_integer, set_options
from .convolution_base import Numbers, SlidingKernel

__all__ = ["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"]


class _ConvTranspose(SlidingKernel):
    """A transposed convolution over `rank` axes."""

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid",
        output_padding: Numbers | None = None, data_format: str | None = None, dilation_rate: Numbers = 1,
        activation: Identifier = None, use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None, bias_constraint: Identifier = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.filters = positive_integer(self, "filters", filters)
        self.set_window(kernel_size, strides, padding, data_format, dilation_rate)
        self.refuse_strides_with_dilation()
        self.output_padding = None
        if output_padding is not None:
            what = f"{type(self).__name__}: "
            self.output_padding = whole_numbers(output_padding, self.rank, "output_padding", 0, what)
            if any(a >= s for a, s in zip(self.output_padding, self.strides, strict=True)):
                raise ValueError(
                    f"{what}`output_padding` must be below `strides` on each axis. "
                    f"Received: output_padding={self.output_padding}, strides={self.strides}"
                )
        self.set_finish(activation, use_bias)
        set_options(self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer)
        set_options(self, kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer)
        set_options(self, kernel_constraint=kernel_constraint, bias_constraint=bias_constraint)

    def build(self, input_shape: Any = None) -> None:
        channels = self.channels_of(input_shape)
        self.kernel = add_weight(self, "kernel", (*self.kernel_size, self.filters, channels))
        self.add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        y = ops.conv_transpose(inputs, self.kernel, output_padding=self.output_padding, **self.options())
        return self.finished(y)


class Conv1DTranspose(_ConvTranspose):
    r"""The transpose of a convolution along a sequence: it makes more steps of few.

    Args:
        filters: the number of channels of the result.
        kernel_size, strides, dilation_rate: those of the convolution that is transposed: integers.
        padding: `"valid"`: all steps that the input reaches; `"same"`: steps x strides of them.
        output_padding: instead gives (steps - 1) strides + dilation_rate (kernel_size - 1) + 1 steps and this many more
            (0 to strides - 1), of which `"same"` takes off half a window at each end.
        data_format: `"channels_last"` or `"channels_first"`.
        activation, use_bias and the options of the weights: as in `Conv1D`.

    Shapes:
        input `(batch, steps, channels)`, output `(batch, more steps, filters)` (channels second with "channels_first");
        `kernel` `(kernel_size, filters, channels)`, `bias` `(filters,)`.

    Raises:
        ValueError: an argument that is none of these, strides and dilation both above 1, or an input of another rank or
            width.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Conv1DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 5, 3), "float32")).shape
    (2, 10, 4)
    """

    rank = 1


class Conv2DTranspose(_ConvTranspose):
    r"""The transpose of a convolution over images: it makes large images of small ones.

    Args:
        filters: the number of channels of the result.
        kernel_size, strides, dilation_rate: those of the convolution that is transposed: an integer, or one for rows and
            one for columns.
        padding, output_padding, data_format: as in `Conv1DTranspose`, for each axis.
        activation, use_bias and the options of the weights: as in `Conv1D`.

    Shapes:
        input `(batch, rows, columns, channels)`, output `(batch, more rows, more columns, filters)` (channels second with
        "channels_first"); `kernel` `(*kernel_size, filters, channels)`, `bias` `(filters,)`.

    Raises:
        ValueError: as `Conv1DTranspose`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((2, 5, 7, 3), "float32")).shape
    (2, 10, 14, 4)
    """

    rank = 2


class Conv3DTranspose(_ConvTranspose):
    r"""The transpose of a convolution over volumes.

    Args:
        filters: the number of channels of the result.
        kernel_size, strides, dilation_rate: those of the convolution that is transposed, of three axes.
        padding, data_format, output_padding: as in `Conv1DTranspose`, for each axis.
        activation, use_bias and the options of the weights: as in `Conv1D`.

    Shapes:
        input `(batch, depth, rows, columns, channels)`, output with larger extents and `filters` channels (channels second
        with "channels_first"); `kernel` `(*kernel_size, filters, channels)`, `bias` `(filters,)`.

    Raises:
        ValueError: as `Conv1DTranspose`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Conv3DTranspose(1, 2, strides=2)(np.ones((1, 2, 3, 4, 2), "float32")).shape
    (1, 4, 6, 8, 1)
    """

    rank = 3

    def __init__(
        self, filters: int, kernel_size: Numbers, strides: Numbers = 1, padding: str = "valid",
        data_format: str | None = None, output_padding: Numbers | None = None, dilation_rate: Numbers = 1,
        activation: Identifier = None, use_bias: bool = True, kernel_initializer: Identifier = "glorot_uniform",
        bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
        bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
        kernel_constraint: Identifier = None, bias_constraint: Identifier = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(
            filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer,
            kernel_constraint, bias_constraint, **kwargs,
        )  # fmt: skip
