"""Convolutions, transposed, depthwise and separable ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.dims import Extent, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import movement
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.conv import Conv, ConvInput
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..config import standardize_data_format
from ..dispatch import op
from ._common import Tensorish, operands
from ._geometry import (
    Pads,
    from_channels_last,
    padding_mode,
    pads_of,
    refuse_empty,
    to_channels_last,
    transposed,
    whole_numbers,
)


def _computed(dtype: str) -> str:
    """The dtype that convolutions of a dtype are computed in: exact for small integers."""
    return dtype if dtype in ("float32", "float64") else "float32" if is_float(dtype) else "float64"


def _operands(inputs: Tensorish, data_format: str | None, **kernels: Tensorish) -> tuple[list[Value], str, str]:
    """Inputs with the channels last, and kernels, in the dtype of computation; the layout, and the dtype of the result."""
    x, *ws = operands(inputs, *kernels.values(), numbers=True)
    layout = standardize_data_format(data_format)
    for name, w in zip(kernels, ws, strict=True):
        if not 3 <= x.ndim <= 5 or w.ndim != x.ndim:
            raise ValueError(
                f"`inputs` must have 3 to 5 axes (batch, channels and 1 to 3 in space) and `{name}` as many. "
                f"Received: inputs.shape={show(x.shape)}, {name}.shape={show(w.shape)}"
            )
    kind = _computed(x.dtype)
    return [to_channels_last(cast(x, kind), layout), *(cast(w, kind) for w in ws)], layout, x.dtype


def _channels(x: Value, expected: Any, name: str, shape: Any) -> int:
    """The number of channels of the inputs, which must agree with what the kernel expects."""
    found: Any = x.shape[-1]
    if found != expected:
        raise ValueError(
            f"`{name}` of shape {show(shape)} expects {expected} channels. Received: inputs with {found} channels, of shape "
            f"{show(x.shape)} with the channels last"
        )
    return int(found)


def convolved(x: Value, w: Value, strides: tuple[int, ...], pads: Pads, dilation: tuple[int, ...], groups: int) -> Value:
    """A convolution of values with the channels last, after a check that something comes out."""
    refuse_empty(x.shape[1:-1], [int(k) for k in w.shape[:-2]], dilation, pads, "")
    return emit(Conv(strides, pads, dilation, groups), x, w)


def _windows(
    x: Value, w: Value, strides: Any, padding: str, dilation_rate: Any, modes: Sequence[str] = ("valid", "same")
) -> tuple[Any, Any, Pads]:
    """Strides, dilation and padding for each axis in space."""
    rank = x.ndim - 2
    step = whole_numbers(strides, rank, "strides")
    dilation = whole_numbers(dilation_rate, rank, "dilation_rate")
    mode = padding_mode(padding, modes)
    return step, dilation, pads_of(mode, x.shape[1:-1], [int(k) for k in w.shape[:rank]], step, dilation)


@op
def conv(
    inputs: Tensorish,
    kernel: Tensorish,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Value:
    r"""A convolution (without turning the kernel around) along one to three axes.

    $$y_{n,p,f} = \sum_{t,c} x_{n,\, p s + t d - \text{low},\, c} \; w_{t,c,f}$$

    Args:
        inputs: `(batch, *space, channels)`, or `(batch, channels, *space)` where `data_format` is "channels_first".
        kernel: `(*size, channels / groups, filters)`; where it has fewer channels than the inputs, the channels and the
            filters fall into groups that do not see each other.
        strides: s, from window to window: an integer or one for each axis.
        padding: "valid": windows lie inside; "same": zeros are added, evenly on both sides, so that there are
            ceil(extent / s) windows; "causal", for one axis in space: zeros are added in front only.
        data_format: "channels_last" or "channels_first", by default that of `config`.
        dilation_rate: d, from tap to tap in a window.

    Returns:
        A tensor `(batch, *windows, filters)`, or with the filters second.

    Raises:
        ValueError: shapes that do not fit, a window larger than the padded input, or an unknown `padding` or `data_format`.

    >>> import numpy as np
    >>> conv(np.arange(4.0).reshape(1, 4, 1), np.ones((2, 1, 1)))[0, :, 0].tolist()
    [1.0, 3.0, 5.0]
    """
    (x, w), layout, dtype = _operands(inputs, data_format, kernel=kernel)
    modes = ("valid", "same", "causal") if x.ndim == 3 else ("valid", "same")
    step, dilation, pads = _windows(x, w, strides, padding, dilation_rate, modes)
    channels: Any = x.shape[-1]
    each, filters = int(w.shape[-2]), int(w.shape[-1])
    groups = int(channels) // each if each else 0
    if groups * each != channels or groups == 0 or filters % groups:
        raise ValueError(
            f"`kernel` of shape {show(w.shape)} (space, channels / groups, filters) does not fit inputs of {channels} channels: "
            f"{each} must divide the channels, and the number of groups the {filters} filters. "
            f"Received: inputs.shape={show(x.shape)} with the channels last"
        )
    return from_channels_last(cast(convolved(x, w, step, pads, dilation, groups), dtype), layout)


@op(static=("output_padding",))
def conv_transpose(
    inputs: Tensorish,
    kernel: Tensorish,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    output_padding: int | Sequence[int] | None = None,
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Value:
    r"""The transpose of a convolution: what its gradient does to the cotangent of its result.

    $$y_{n,i,f} = \sum_{p,t:\; p s + t d - \text{low} = i} \; \sum_c x_{n,p,c} \; w_{t,f,c}$$

    Args:
        inputs: `(batch, *space, channels)`, or `(batch, channels, *space)` where `data_format` is "channels_first".
        kernel: `(*size, filters, channels)`.
        strides: s: an axis of extent n becomes one of about n s.
        padding: "valid" gives all places that any input reaches, "same" n s of them.
        output_padding: instead gives (n - 1) s + d (size - 1) + 1 places and this many more, of which "same" takes off
            half a window at each end.
        data_format: "channels_last" or "channels_first", by default that of `config`.
        dilation_rate: d, from tap to tap in a window.

    Returns:
        A tensor `(batch, *larger space, filters)`, or with the filters second.

    Raises:
        ValueError: shapes that do not fit, an `output_padding` not below the stride, an empty result, or an unknown
            `padding` or `data_format`.

    >>> import numpy as np
    >>> conv_transpose(np.array([[[1.0], [2.0]]]), np.ones((2, 1, 1)), strides=2)[0, :, 0].tolist()
    [1.0, 1.0, 2.0, 2.0]
    """
    (x, w), layout, dtype = _operands(inputs, data_format, kernel=kernel)
    rank = x.ndim - 2
    step = whole_numbers(strides, rank, "strides")
    dilation = whole_numbers(dilation_rate, rank, "dilation_rate")
    mode = padding_mode(padding, ("valid", "same"))
    _channels(x, w.shape[-1], "kernel", w.shape)
    more: tuple[int | None, ...] = (None,) * rank
    if output_padding is not None:
        more = given = whole_numbers(output_padding, rank, "output_padding", 0)
        if any(a >= s for a, s in zip(given, step, strict=True)):
            raise ValueError(
                f"`output_padding` must be below `strides`. Received: output_padding={output_padding}, strides={step}"
            )
    out: list[Extent] = []
    pads: list[tuple[int, int]] = []
    for n, k, s, d, extra in zip(x.shape[1:-1], w.shape[:rank], step, dilation, more, strict=True):
        extent, pad = transposed(n, mode, int(k), s, d, extra)
        if isinstance(extent, int) and extent <= 0:
            raise ValueError(
                f"the result of the transposed convolution would be empty. Received: inputs.shape={show(x.shape)} with the channels "
                f"last, kernel.shape={show(w.shape)}, strides={step}, padding={mode!r}, output_padding={output_padding}"
            )
        out.append(extent)
        pads.append(pad)
    y = emit(ConvInput(step, tuple(pads), dilation, 1, tuple(out)), x, w)
    return from_channels_last(cast(y, dtype), layout)


def _depthwise(x: Value, w: Value, strides: Any, padding: str, dilation_rate: Any, name: str) -> Value:
    """A depthwise convolution of values with the channels last."""
    step, dilation, pads = _windows(x, w, strides, padding, dilation_rate)
    channels = _channels(x, w.shape[-2], name, w.shape)
    # Filter m of channel c is filter c * multiplier + m of a convolution with a group for each channel.
    flat = movement.reshape(w, (*w.shape[:-2], 1, channels * w.shape[-1]))
    return convolved(x, flat, step, pads, dilation, channels)


@op
def depthwise_conv(
    inputs: Tensorish,
    kernel: Tensorish,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Value:
    """A convolution of each channel by filters of its own.

    Args:
        inputs: `(batch, *space, channels)`, or `(batch, channels, *space)` where `data_format` is "channels_first".
        kernel: `(*size, channels, multiplier)`.
        strides, padding, data_format, dilation_rate: as in `conv`.

    Returns:
        A tensor `(batch, *windows, channels multiplier)`, the results of one channel side by side, or with these second.

    Raises:
        ValueError: as in `conv`.

    >>> import numpy as np
    >>> depthwise_conv(np.ones((1, 2, 2)), np.array([[[1.0], [10.0]], [[2.0], [20.0]]])).tolist()
    [[[3.0, 30.0]]]
    """
    (x, w), layout, dtype = _operands(inputs, data_format, kernel=kernel)
    return from_channels_last(cast(_depthwise(x, w, strides, padding, dilation_rate, "kernel"), dtype), layout)


@op(tensors=("depthwise_kernel", "pointwise_kernel"))
def separable_conv(
    inputs: Tensorish,
    depthwise_kernel: Tensorish,
    pointwise_kernel: Tensorish,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: int | Sequence[int] = 1,
) -> Value:
    """A depthwise convolution followed by one that mixes the channels at each place.

    Args:
        inputs: `(batch, *space, channels)`, or `(batch, channels, *space)` where `data_format` is "channels_first".
        depthwise_kernel: `(*size, channels, multiplier)`.
        pointwise_kernel: (1, ..., channels multiplier, filters).
        strides, padding, data_format, dilation_rate: of the first, as in `conv`.

    Returns:
        A tensor `(batch, *windows, filters)`, or with the filters second.

    Raises:
        ValueError: as in `conv`, or the two kernels do not fit.

    >>> import numpy as np
    >>> separable_conv(np.ones((1, 2, 2)), np.ones((2, 2, 1)), np.ones((1, 2, 1))).tolist()
    [[[4.0]]]
    """
    kernels = {"depthwise_kernel": depthwise_kernel, "pointwise_kernel": pointwise_kernel}
    (x, w, point), layout, dtype = _operands(inputs, data_format, **kernels)
    middle = _depthwise(x, w, strides, padding, dilation_rate, "depthwise_kernel")
    if any(k != 1 for k in point.shape[:-2]):
        raise ValueError(
            f"`pointwise_kernel` must have the shape (1, ..., channels, filters). Received: pointwise_kernel.shape={show(point.shape)}"
        )
    _channels(middle, point.shape[-2], "pointwise_kernel", point.shape)
    ones = (1,) * (x.ndim - 2)
    y = convolved(middle, point, ones, ((0, 0),) * len(ones), ones, 1)
    return from_channels_last(cast(y, dtype), layout)
