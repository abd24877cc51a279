"""The table of `ops_cases.py` for convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from convolution_reference import first, reference, transposed_reference
from ops_cases import Case, f, i


def _all(rank: int, given: Any) -> tuple[int, ...]:
    return (given,) * rank if isinstance(given, int) else tuple(given)


def _last(call: Callable[..., Any]) -> Callable[..., Any]:
    """A reference with the channels last as one of both layouts."""

    def both(x: Any, *kernels: Any, data_format: str | None = None, **options: Any) -> Any:
        y = call(np.moveaxis(x, 1, -1) if data_format == "channels_first" else x, *kernels, **options)
        return first(y) if data_format == "channels_first" else y

    return both


def _conv(x: Any, w: Any, strides: Any = 1, padding: str = "valid", dilation_rate: Any = 1) -> Any:
    rank = x.ndim - 2
    y = reference(x, w, _all(rank, strides), padding, _all(rank, dilation_rate), x.shape[-1] // w.shape[-2])
    return y.astype(x.dtype)


def _depthwise(x: Any, w: Any, **options: Any) -> Any:
    return _conv(x, w.reshape(*w.shape[:-2], 1, -1), **options)


def _separable(x: Any, w: Any, point: Any, **options: Any) -> Any:
    return _depthwise(x, w, **options) @ point.reshape(point.shape[-2:])


def _transpose(x: Any, w: Any, strides: int = 1, padding: str = "valid", output_padding: int | None = None) -> Any:
    rank, size = x.ndim - 2, w.shape[0]
    if output_padding is None:
        extents = [n * strides + (max(size - strides, 0) if padding == "valid" else 0) for n in x.shape[1:-1]]
    else:
        cut = size // 2 * 2 if padding == "same" else 0
        extents = [(n - 1) * strides + size - cut + output_padding for n in x.shape[1:-1]]
    low = [max((n - 1) * strides + size - m, 0) // 2 for n, m in zip(x.shape[1:-1], extents, strict=True)]
    return transposed_reference(x, w, (strides,) * rank, low, extents, (1,) * rank)


def _case(call: Callable[..., Any], name: str, *args: Any, smooth: bool = True, **kwargs: Any) -> Case:
    return Case(name, args, kwargs, _last(call), smooth)


CASES = [
    _case(_conv, "conv", f(2, 6, 2), f(3, 2, 4)),
    _case(_conv, "conv", f(2, 6, 4), f(3, 2, 4), strides=2, padding="same"),
    _case(_conv, "conv", f(2, 6, 2), f(3, 2, 4), padding="causal", dilation_rate=2),
    _case(_conv, "conv", f(2, 5, 6, 3), f(3, 2, 3, 4), strides=(2, 1), padding="same"),
    _case(_conv, "conv", f(2, 3, 6, 7), f(3, 2, 3, 4), dilation_rate=2, data_format="channels_first"),
    _case(_conv, "conv", f(2, 3, 4, 3, 2), f(1, 2, 2, 2, 3), padding="same"),
    _case(_conv, "conv", i(2, 5, 3), i(3, 3, 2), smooth=False),
    _case(_transpose, "conv_transpose", f(2, 4, 3), f(3, 2, 3), strides=2),
    _case(_transpose, "conv_transpose", f(2, 3, 4, 2), f(3, 3, 4, 2), strides=2, padding="same"),
    _case(_transpose, "conv_transpose", f(2, 3, 4, 2), f(4, 4, 3, 2), strides=3, padding="same", output_padding=1),
    _case(_transpose, "conv_transpose", f(2, 2, 3, 4), f(3, 3, 3, 2), strides=2, data_format="channels_first"),
    _case(_depthwise, "depthwise_conv", f(2, 6, 3), f(3, 3, 2), padding="same"),
    _case(_depthwise, "depthwise_conv", f(2, 5, 6, 3), f(3, 2, 3, 1), strides=2),
    _case(_depthwise, "depthwise_conv", f(2, 3, 5, 6), f(3, 2, 3, 2), data_format="channels_first"),
    _case(_separable, "separable_conv", f(2, 6, 3), f(3, 3, 2), f(1, 6, 4), padding="same"),
    _case(_separable, "separable_conv", f(2, 5, 6, 3), f(3, 2, 3, 1), f(1, 1, 3, 4), strides=2),
]
