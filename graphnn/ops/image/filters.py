"""Blur, edges, bending, and how alike two images are."""

from __future__ import annotations

import math
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.ops.resample import Resample
from graphnn_compiler.trace import emit

from ...dispatch import op
from .._common import Tensorish, cut, glued, operands
from ..pooling import integers
from ..reductions import averaged
from ._common import Images, in_floats, one_of
from .borders import filled
from .transforms import FILL_MODES, ORDERS, coordinate_dtype, pixels, read


def bell(size: int, sigma: float) -> tuple[float, ...]:
    """exp(-d^2 / (2 sigma^2)) at distances d from the middle of `size` places, scaled to the sum 1."""
    found = [math.exp(-0.5 * ((i - (size - 1) / 2) / sigma) ** 2) for i in range(size)]
    return tuple(v / sum(found) for v in found)


def blurred(x: Value, sizes: tuple[int, int], sigmas: tuple[float, float]) -> Value:
    """Images (batch, rows, columns, channels) blurred along rows and columns; outside of them is 0."""
    for axis, size, sigma in zip((1, 2), sizes, sigmas, strict=True):
        x = emit(Resample(axis, x.shape[axis], "window", False, bell(size, sigma)), x)
    return x


def sigmas_argument(sigma: Any) -> tuple[float, float]:
    """Two positive numbers, from one for both or two."""
    found = (sigma, sigma) if isinstance(sigma, int | float) else tuple(sigma)
    if len(found) != 2 or not all(isinstance(s, int | float) and s > 0 for s in found):
        raise ValueError(f"`sigma` must be a tuple of 2 positive numbers. Received: sigma={sigma}")
    return float(found[0]), float(found[1])


@op(static=("kernel_size", "sigma"), tensors=("images",))
def gaussian_blur(images: Tensorish, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None) -> Value:
    """Each pixel as a mean of its neighbourhood, weighed by exp(-d^2 / (2 sigma^2)); outside of the images is 0.

    Args:
        images: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows. Integers are rounded.
        kernel_size: (height, width) of the neighbourhood.
        sigma: standard deviations along rows and columns.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: sizes or deviations that are not positive.

    >>> print(gaussian_blur([[[0.0], [1.0], [0.0]]], (1, 3)).ravel().round(4))
    [0.2741 0.4519 0.2741]
    """
    sizes, deviations = integers(kernel_size, 2, "kernel_size"), sigmas_argument(sigma)
    shown = Images(images, data_format)
    return shown.back(in_floats(lambda x: blurred(x, (sizes[0], sizes[1]), deviations), shown.value))


@op(tensors=("images",))
def sobel_edges(images: Tensorish, data_format: str | None = None) -> Value:
    """How much images change downwards and to the right (I. Sobel, G. Feldman, 1968): the last axis holds both.

    Args:
        images: (batch, rows, columns, channels), or with channels in front of rows.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Returns:
        (batch, rows, columns, channels, 2), or with channels in front of rows.

    Raises:
        ValueError: the images have no 4 axes.

    >>> import numpy as np
    >>> sobel_edges(np.zeros((1, 3, 3, 1), "float32")).shape
    (1, 3, 3, 1, 2)
    """
    shown = Images(images, data_format)
    if shown.single:
        raise ValueError(f"`sobel_edges` takes a batch of images. Received: images.shape={show(shown.given.shape[1:])}")
    x = shown.value

    def edges(axis: int) -> Value:
        """The difference of the neighbours along an axis, smoothed along the other."""
        padded = filled(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        n = x.shape[axis]
        change = cut(padded, axis, 2, n) - cut(padded, axis, 0, n)
        other = 3 - axis
        m = x.shape[other]
        return cut(change, other, 0, m) + cut(change, other, 1, m) * 2.0 + cut(change, other, 2, m)

    found = [shown.back(edges(axis)) for axis in (1, 2)]
    return glued([reshape(v, (*v.shape, 1)) for v in found], 4)


def elastic_noise(shape: Any, seed: Any, dtype: str) -> tuple[Any, Any]:
    """Normal numbers for both directions."""
    from ... import random

    return random.normal(shape, dtype=dtype, seed=seed), random.normal(shape, dtype=dtype, seed=seed)


def bent(x: Value, noise: tuple[Value, Value], alpha: Any, sigma: float, interpolation: str, fill_mode: str, fill_value: Any) -> Value:
    """Images read at places that smoothed noise (batch, rows, columns) has moved."""
    dtype = coordinate_dtype(x)
    size = math.ceil(6 * sigma) | 1

    def smooth(v: Value) -> Value:
        wide = reshape(cast(v, dtype), (*v.shape, 1))
        return reshape(blurred(wide, (size, size), (sigma, sigma)), v.shape) * alpha

    y, column = pixels(x.shape, dtype)
    across, down = (smooth(v) for v in noise)
    return read(x, y + down, column + across, interpolation, fill_mode, fill_value)


@op(static=("alpha", "sigma", "fill_value"), tensors=("images", "across", "down"))
def _elastic_transform(
    images: Tensorish, across: Tensorish, down: Tensorish, alpha: float, sigma: float, interpolation: str, fill_mode: str,
    fill_value: float, data_format: str | None,
) -> Value:  # fmt: skip
    shown = Images(images, data_format)
    noise = build.value(across), build.value(down)
    return shown.back(bent(shown.value, noise, alpha, sigma, interpolation, fill_mode, fill_value))


def elastic_transform(
    images: Any, alpha: float = 20.0, sigma: float = 5.0, interpolation: str = "bilinear", fill_mode: str = "reflect",
    fill_value: float = 0.0, seed: Any = None, data_format: str | None = None,
) -> Any:  # fmt: skip
    """Images bent at random (P. Simard et al., Best practices for convolutional neural networks, 2003): each pixel is read at a place
    moved by normal noise that is blurred by `sigma` and multiplied by `alpha`.

    Args:
        images: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows.
        alpha: how far places move.
        sigma: how smooth the movement is.
        interpolation: "nearest" or "bilinear".
        fill_mode, fill_value: what stands outside, as in `map_coordinates`.
        seed: an integer, a `SeedGenerator`, or None.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: an argument is none of these.

    >>> import numpy as np
    >>> elastic_transform(np.ones((2, 4, 4, 1), "float32"), seed=1).shape
    (2, 4, 4, 1)
    """
    from ...config import standardize_data_format
    from ..core import shape as shape_of

    one_of("interpolation", interpolation, ORDERS)
    one_of("fill_mode", fill_mode, FILL_MODES)
    extents = shape_of(images)
    if len(extents) not in (3, 4):
        raise ValueError(f"Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). Received: {extents}")
    first = standardize_data_format(data_format) == "channels_first"
    rows = extents[-2:] if first else extents[-3:-1]
    shape = (extents[0] if len(extents) == 4 else 1, *rows)
    kind = "float64" if str(getattr(images, "dtype", "")) == "float64" else "float32"
    across, down = elastic_noise(shape, seed, kind)
    return _elastic_transform(images, across, down, alpha, sigma, interpolation, fill_mode, fill_value, data_format)


@op(static=("max_val", "filter_size", "filter_sigma", "k1", "k2"), tensors=("image1", "image2"))
def ssim(
    image1: Tensorish, image2: Tensorish, max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01,
    k2: float = 0.03, data_format: str | None = None,
) -> Value:  # fmt: skip
    """How alike images are, 1 for the same (Z. Wang et al., Image quality assessment, 2004).

    Args:
        image1, image2: (batch, rows, columns, channels), one image without the batch, or with channels in front of rows.
        max_val: the span of the values of pixels.
        filter_size, filter_sigma: extent and standard deviation of the window of local means.
        k1, k2: the constants of the measure.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Returns:
        (batch,), or a number for one image.

    Raises:
        ValueError: shapes that differ, or images smaller than the window.

    >>> import numpy as np
    >>> image = np.linspace(0, 1, 432, dtype="float32").reshape(1, 12, 12, 3)
    >>> ssim(image, image).tolist()
    [1.0]
    """
    first, second = operands(image1, image2, floats=True)
    if first.shape != second.shape:
        raise ValueError(f"images of the same shape are compared. Received: {show(first.shape)} and {show(second.shape)}")
    a, b = Images(first, data_format), Images(second, data_format)
    x, y = a.value, b.value
    for n in x.shape[1:3]:
        if isinstance(n, int) and n < filter_size:
            raise ValueError(f"images of shape {show(first.shape)} are smaller than the window of {filter_size} pixels")
    before = (filter_size - 1) // 2

    def local(v: Value) -> Value:
        wide = blurred(v, (filter_size, filter_size), (filter_sigma, filter_sigma))
        for axis in (1, 2):
            wide = cut(wide, axis, before, v.shape[axis] - (filter_size - 1))
        return wide

    mean_x, mean_y = local(x), local(y)
    var_x, var_y = local(x * x) - mean_x * mean_x, local(y * y) - mean_y * mean_y
    shared = local(x * y) - mean_x * mean_y
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    top = (mean_x * mean_y * 2.0 + c1) * (shared * 2.0 + c2)
    bottom = (mean_x * mean_x + mean_y * mean_y + c1) * (var_x + var_y + c2)
    found = averaged(top / bottom, (1, 2, 3), False)
    return reshape(found, ()) if a.single else found

