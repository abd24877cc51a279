"""Patches of images and volumes, as rows of numbers."""

from __future__ import annotations

import itertools
from typing import Any

from graphnn_compiler.dims import Extent, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import movement, pool
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.trace import emit

from ...dispatch import op
from .._common import Tensorish, glued
from ..pooling import integers, padding_name
from ._common import Images
from .borders import filled


def _patches(shown: Images, size: Any, strides: Any, dilation_rate: Any, padding: str) -> Value:
    """(batch, *positions, product(size) * channels): within a patch row by row, each place with its channels."""
    x = shown.value
    rank = x.ndim - 2
    window = integers(size, rank, "size")
    steps = window if strides is None else integers(strides, rank, "strides")
    rates = integers(dilation_rate, rank, "dilation_rate")
    spans = [(w - 1) * r + 1 for w, r in zip(window, rates, strict=True)]
    widths: list[tuple[Extent, Extent]] = [(0, 0)] * x.ndim
    if padding_name(padding) == "same":
        for axis in range(rank):
            widths[axis + 1] = pool.same_padding(x.shape[axis + 1], spans[axis], steps[axis])
    counts: list[Extent] = []
    for axis in range(rank):
        n = x.shape[axis + 1]
        count: Extent = (n + steps[axis] - 1) // steps[axis] if padding_name(padding) == "same" else (n - spans[axis]) // steps[axis] + 1
        if isinstance(count, int) and count <= 0:
            raise ValueError(f"patches of size {window} with dilation {rates} do not fit into a shape of {show(x.shape)} (channels last)")
        counts.append(count)
    x = filled(x, tuple(widths))
    parts: list[Value] = []
    for place in itertools.product(*map(range, window)):
        starts = (0, *(p * r for p, r in zip(place, rates, strict=True)), 0)
        sizes = (x.shape[0], *counts, x.shape[-1])
        part = emit(movement.Slice(starts, sizes, (1, *steps, 1)), x)
        parts.append(reshape(part, (*sizes[:-1], 1, sizes[-1])))
    joined = glued(parts, x.ndim - 1)
    return shown.back(reshape(joined, (x.shape[0], *counts, x.shape[-1] * len(parts))))


@op(static=("size",), tensors=("images",))
def extract_patches(
    images: Tensorish, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid", data_format: str | None = None
) -> Value:
    """Patches of images: (batch, rows, columns, height width channels).

    Args:
        images: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows; with a size of three
            numbers volumes, as `extract_patches_3d` takes.
        size: (height, width) of a patch, or one number for both.
        strides: from a patch to the next; by default `size`.
        dilation_rate: from a pixel of a patch to the next.
        padding: "valid", or "same": one patch for each stride, with zeros outside the images.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        TypeError: the size is neither an integer nor a tuple.
        ValueError: a size below 1, or patches larger than the images.

    >>> extract_patches([[[1.0], [2.0], [3.0], [4.0]]], (1, 2)).tolist()
    [[[1.0, 2.0], [3.0, 4.0]]]
    """
    if not isinstance(size, int | list | tuple):
        raise TypeError(f"Invalid `size` argument. Expected an int or a tuple. Received: size={size} of type {type(size).__name__}")
    rank = 2 if isinstance(size, int) else len(tuple(size))  # pyright: ignore[reportUnknownArgumentType]
    if rank not in (2, 3):
        raise ValueError(f"Invalid `size` argument. Expected a tuple of length 2 or 3. Received: size={size}")
    return _patches(Images(images, data_format, rank), size, strides, dilation_rate, padding)


@op(static=("size",), tensors=("volumes",))
def extract_patches_3d(
    volumes: Tensorish, size: Any, strides: Any = None, dilation_rate: Any = 1, padding: str = "valid", data_format: str | None = None
) -> Value:
    """Patches of volumes: (batch, depth, rows, columns, product(size) channels).

    Args:
        volumes: (batch, depth, rows, columns, channels), one volume without the batch, or with channels in front of depth.
        size: (depth, height, width) of a patch, or one number for all.
        strides, dilation_rate, padding, data_format: as in `extract_patches`.

    Raises:
        ValueError: as `extract_patches`.

    >>> import numpy as np
    >>> extract_patches_3d(np.zeros((1, 4, 4, 4, 2), "float32"), 2).shape
    (1, 2, 2, 2, 16)
    """
    return _patches(Images(volumes, data_format, 3, "volumes"), size, strides, dilation_rate, padding)
