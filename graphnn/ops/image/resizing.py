"""Images of another size."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.dims import Extent
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import index
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.resample import Resample
from graphnn_compiler.trace import emit

from ...dispatch import op
from .._common import Tensorish, cut, ramp
from ._common import Images, in_floats, one_of
from .borders import filled

INTERPOLATIONS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")


def size_argument(size: Any, name: str = "size") -> tuple[int, int]:
    """Height and width; ValueError for anything else than two positive integers."""
    if not isinstance(size, list | tuple) or len(size) != 2 or not all(isinstance(n, int) and n > 0 for n in size):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        raise ValueError(f"Expected `{name}` to be a tuple of 2 positive integers. Received: {name}={size}")
    return size[0], size[1]  # pyright: ignore[reportUnknownVariableType]


def nearest(x: Value, axis: int, size: Extent) -> Value:
    """Places floor((i + 1/2) n / size) of an axis of extent n."""
    if is_float(x.dtype):
        return emit(Resample(axis, size, "nearest"), x)
    odd = ramp(size, "int64") * 2 + 1
    return emit(index.Take(axis), x, (odd * index.extent_value(x.shape[axis])) // index.extent_value(size * 2))


def resized(x: Value, axes: tuple[int, ...], sizes: tuple[Extent, ...], interpolation: str, antialias: bool = False) -> Value:
    """x with other extents of some axes."""
    changed = [(a, s) for a, s in zip(axes, sizes, strict=True) if x.shape[a] != s]
    if interpolation == "nearest":
        for axis, size in changed:
            x = nearest(x, axis, size)
        return x

    def all_axes(v: Value) -> Value:
        for axis, size in changed:
            v = emit(Resample(axis, size, interpolation, antialias), v)
        return v

    return in_floats(all_axes, x) if changed else x


def crop_box(rows: int, columns: int, height: int, width: int) -> tuple[int, int, int, int]:
    """First row and column, rows and columns of the largest part in the middle that has the shape height to width."""
    high = max(min(rows, int(columns * height / width)), 1)
    wide = max(min(columns, int(rows * width / height)), 1)
    return int((rows - high) / 2), int((columns - wide) / 2), high, wide


def pad_sides(rows: int, columns: int, height: int, width: int) -> tuple[int, int]:
    """Rows above and below, columns at both sides, that give images the shape height to width."""
    high, wide = max(rows, int(columns * height / width)), max(columns, int(rows * width / height))
    return int((high - rows) / 2), int((wide - columns) / 2)


def cropped_to_shape(x: Value, height: int, width: int) -> Value:
    """The largest part in the middle of images that has the shape height to width."""
    top, left, high, wide = crop_box(int(x.shape[1]), int(x.shape[2]), height, width)
    return cut(cut(x, 1, top, high), 2, left, wide)


def _padded(x: Value, height: int, width: int, fill: Any) -> Value:
    top, left = pad_sides(int(x.shape[1]), int(x.shape[2]), height, width)
    return filled(x, ((0, 0), (top, top), (left, left), (0, 0)), fill)


@op(static=("size", "fill_value"), tensors=("images",))
def resize(
    images: Tensorish,
    size: Any,
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Value:
    """Images of another size. Pixel i of n is at (i + 1/2) / n.

    Args:
        images: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows. Integers are rounded.
        size: (height, width) of the result.
        interpolation: "nearest", "bilinear", "bicubic" (Keys, 1981), "lanczos3" or "lanczos5" (Duchon, 1979).
        antialias: whether, of a smaller result, each pixel is a mean over as much as it stands for.
        crop_to_aspect_ratio: whether first as much of the border is left out as gives the images the shape of the result.
        pad_to_aspect_ratio: whether first as much is added around the images.
        fill_mode, fill_value: "constant", and what is added then.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: an argument is none of these, or both crop and pad are asked for.

    >>> resize([[[0.0], [4.0]]], (1, 4)).ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    one_of("interpolation", interpolation, INTERPOLATIONS)
    if fill_mode != "constant":
        raise ValueError(f"Invalid value for argument `fill_mode`. Only `'constant'` is supported. Received: fill_mode={fill_mode}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio` & `crop_to_aspect_ratio` can be `True`.")
    height, width = size_argument(size)
    shown = Images(images, data_format)
    x = shown.value
    if crop_to_aspect_ratio:
        x = cropped_to_shape(x, height, width)
    elif pad_to_aspect_ratio:
        x = _padded(x, height, width, fill_value)
    return shown.back(resized(x, (1, 2), (height, width), interpolation, antialias))

