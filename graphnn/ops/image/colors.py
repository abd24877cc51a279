"""Colours: grey, and hue, saturation and value."""

from __future__ import annotations

from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, movement
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.trace import emit

from ...dispatch import op
from .._common import Tensorish, cut, glued, largest, like, pick, smallest, total
from ._common import Images

GREY = (0.2989, 0.587, 0.114)


def _rgb(images: Tensorish, data_format: str | None, grey: bool = False, floats: bool = True) -> Images:
    shown = Images(images, data_format)
    channels = shown.value.shape[-1]
    if floats and not is_float(shown.value.dtype):
        raise ValueError(f"Invalid images dtype: expected float dtype. Received: images.dtype={shown.value.dtype}")
    if channels != 3 and not (grey and channels == 1):
        raise ValueError(
            f"Invalid channel size: expected 3 (RGB){' or 1 (Grayscale)' if grey else ''}. "
            f"Received input with shape: images.shape={show(shown.given.shape)}"
        )
    return shown


@op(tensors=("images",))
def rgb_to_grayscale(images: Tensorish, data_format: str | None = None) -> Value:
    """0.2989 red + 0.587 green + 0.114 blue, as one channel; images that have one already are as they are.

    Args:
        images: (batch, rows, columns, 3), one image without the batch, or with channels in front of rows. Integers are rounded down.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: there are neither 3 channels nor 1.

    >>> print(rgb_to_grayscale([[[1.0, 1.0, 0.0]]]).round(4))
    [[[0.8859]]]
    """
    shown = _rgb(images, data_format, grey=True, floats=False)
    x = shown.value
    if x.shape[-1] == 1:
        return shown.back(x)

    def weighed(v: Value) -> Value:
        return total(v * movement.constant(GREY, v.dtype), -1, True)

    if is_float(x.dtype):
        return shown.back(weighed(x))
    return shown.back(elementwise.cast(weighed(elementwise.cast(x, "float32")), x.dtype))


@op(tensors=("images",))
def rgb_to_hsv(images: Tensorish, data_format: str | None = None) -> Value:
    """Hue (in turns), saturation and value of colours from 0 to 1 (A. R. Smith, Color gamut transform pairs, 1978).

    Args:
        images: floats (batch, rows, columns, 3), one image without the batch, or with channels in front of rows.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: there are not 3 channels, or no floats.

    >>> print(rgb_to_hsv([[[0.0, 1.0, 0.0]]]).round(4))
    [[[0.3333 1.     1.    ]]]
    """
    shown = _rgb(images, data_format)
    x = shown.value
    red, green, blue = (cut(x, 3, i, 1) for i in range(3))
    value, low = largest(x, -1, True), smallest(x, -1, True)
    spread = value - low
    zero, one = like(0, x), like(1, x)
    flat = emit(compare.Equal(), spread, zero)
    step = one / (pick(flat, one, spread) * 6.0)
    hue = pick(
        emit(compare.Equal(), value, red),
        (green - blue) * step,
        pick(emit(compare.Equal(), value, green), (blue - red) * step + 2.0 / 6.0, (red - green) * step + 4.0 / 6.0),
    )
    hue = pick(flat, zero, hue)
    hue = pick(hue < 0.0, hue + 1.0, hue)
    saturation = pick(value > 0.0, spread / pick(emit(compare.Equal(), value, zero), one, value), zero)
    return shown.back(glued([hue, saturation, value], 3))


@op(tensors=("images",))
def hsv_to_rgb(images: Tensorish, data_format: str | None = None) -> Value:
    """Red, green and blue of hue (in turns), saturation and value: undoes `rgb_to_hsv`.

    Args:
        images: floats (batch, rows, columns, 3), one image without the batch, or with channels in front of rows.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: there are not 3 channels, or no floats.

    >>> hsv_to_rgb([[[0.5, 1.0, 1.0]]]).tolist()
    [[[0.0, 1.0, 1.0]]]
    """
    shown = _rgb(images, data_format)
    x = shown.value
    hue, saturation, value = (cut(x, 3, i, 1) for i in range(3))
    zero, one = like(0, x), like(1, x)
    parts: list[Value] = []
    for turn in (5.0, 3.0, 1.0):  # red, green, blue
        at = (hue * 6.0 + turn) % 6.0
        dip = emit(elementwise.Minimum(), emit(elementwise.Minimum(), at, 4.0 - at), one)
        parts.append(value - value * saturation * emit(elementwise.Maximum(), dip, zero))
    return shown.back(glued(parts, 3))

