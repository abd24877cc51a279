"""Images with more or less around them."""

from __future__ import annotations

from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import Extent, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import movement
from graphnn_compiler.trace import emit

from ...dispatch import op
from .._common import Tensorish, cut
from ._common import Images


def filled(x: Value, widths: tuple[tuple[Extent, Extent], ...], fill: Any = 0) -> Value:
    """x with a number around it."""
    shape = tuple(n + a + b for n, (a, b) in zip(x.shape, widths, strict=True))
    if shape == x.shape:
        return x
    starts, steps = tuple(a for a, _ in widths), (1,) * x.ndim
    if fill == 0:
        return emit(movement.Unslice(starts, steps, shape), x)
    return emit(movement.SliceUpdate(starts, steps), build.broadcast_to(movement.constant(fill, x.dtype), shape), x)


def _sides(n: Extent, before: Any, behind: Any, target: Any, names: tuple[str, str, str], sign: int) -> tuple[Any, Any]:
    """How much is added (sign 1) or left out (sign -1) at both ends of an axis, of which two of three numbers are given."""
    given = (before, behind, target)
    if sum(g is not None for g in given) != 2:
        told = ", ".join(f"{k}={v}" for k, v in zip(names, given, strict=True))
        raise ValueError(f"Must specify exactly two of {', '.join(names)}. Received: {told}")
    if before is None:
        before = (target - n) * sign - behind
    elif behind is None:
        behind = (target - n) * sign - before
    for name, amount in zip(names, (before, behind), strict=False):
        if isinstance(amount, int) and amount < 0:
            raise ValueError(f"{name} must be >= 0. Received: {name}={amount} for an extent of {n}")
    return before, behind


@op(
    static=(
        "top_padding", "left_padding", "bottom_padding", "right_padding", "target_height", "target_width"
    ),
    tensors=("images",),
)  # fmt: skip
def pad_images(
    images: Tensorish, top_padding: int | None = None, left_padding: int | None = None, bottom_padding: int | None = None,
    right_padding: int | None = None, target_height: int | None = None, target_width: int | None = None, data_format: str | None = None,
) -> Value:  # fmt: skip
    """Images with zeros around them. Of top, bottom and height, and of left, right and width, two are given.

    Args:
        images: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows.
        top_padding, left_padding, bottom_padding, right_padding: rows and columns of zeros at each side.
        target_height, target_width: the size of the result.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: more or fewer than two are given, or a side would be negative.

    >>> pad_images([[[1.0]]], 1, 0, target_height=3, target_width=2)[..., 0].tolist()
    [[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]]
    """
    shown = Images(images, data_format)
    x = shown.value
    rows = _sides(x.shape[1], top_padding, bottom_padding, target_height, ("top_padding", "bottom_padding", "target_height"), 1)
    columns = _sides(x.shape[2], left_padding, right_padding, target_width, ("left_padding", "right_padding", "target_width"), 1)
    return shown.back(filled(x, ((0, 0), rows, columns, (0, 0))))


@op(
    static=(
        "top_cropping", "left_cropping", "bottom_cropping", "right_cropping", "target_height", "target_width"
    ),
    tensors=("images",),
)  # fmt: skip
def crop_images(
    images: Tensorish, top_cropping: int | None = None, left_cropping: int | None = None, bottom_cropping: int | None = None,
    right_cropping: int | None = None, target_height: int | None = None, target_width: int | None = None, data_format: str | None = None,
) -> Value:  # fmt: skip
    """A part of images. Of top, bottom and height, and of left, right and width, two are given.

    Args:
        images: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows.
        top_cropping, left_cropping, bottom_cropping, right_cropping: rows and columns that are left out at each side.
        target_height, target_width: the size of the result.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: more or fewer than two are given, a side would be negative, or nothing would be left.

    >>> crop_images([[[1.0], [2.0], [3.0]]], 0, 1, 0, target_width=1).tolist()
    [[[2.0]]]
    """
    shown = Images(images, data_format)
    x = shown.value
    rows = _sides(x.shape[1], top_cropping, bottom_cropping, target_height, ("top_cropping", "bottom_cropping", "target_height"), -1)
    columns = _sides(x.shape[2], left_cropping, right_cropping, target_width, ("left_cropping", "right_cropping", "target_width"), -1)
    for axis, (before, behind) in ((1, rows), (2, columns)):
        size: Extent = x.shape[axis] - before - behind
        if isinstance(size, int) and size <= 0:
            raise ValueError(f"nothing is left of images of shape {show(x.shape)} (channels last): {before} and {behind} of an axis go")
        x = cut(x, axis, before, size)
    return shown.back(x)
