"""Images of another size, inside the model.

Exports: CenterCrop, Resizing.
"""

from __future__ import annotations

from typing import Any

from graphnn_compiler.ir import Value

from .. import ops
from ..ops._common import cut
from ..ops.image._common import Images, one_of
from ..ops.image.resizing import INTERPOLATIONS, cropped_to_shape, resized
from .common import positive_integer
from .image_layer import ImageLayer

__all__ = ["CenterCrop", "Resizing"]


class Resizing(ImageLayer):
    """Images of another size; same in training and inference.

    Args:
        height, width: the size of the output.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: whether as much of the border is left out first as gives images the shape of the output.
        pad_to_aspect_ratio: whether as much is added around the images first.
        fill_mode, fill_value: `"constant"`, and what is added then.
        antialias: whether, of a smaller output, each pixel is a mean over as much as it stands for.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; the output with
        `height` rows and `width` columns. Integers stay integers.

    Raises:
        ValueError: an argument is none of these.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.Resizing(8, 6)(np.ones((2, 4, 4, 3), "float32")).shape
    (2, 8, 6, 3)
    """

    def __init__(
        self, height: int, width: int, interpolation: str = "bilinear", crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False, fill_mode: str = "constant", fill_value: float = 0.0, antialias: bool = False,
        data_format: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(data_format, **kwargs)
        self.height = positive_integer(self, "height", height)
        self.width = positive_integer(self, "width", width)
        one_of("interpolation", interpolation, INTERPOLATIONS)
        one_of("fill_mode", fill_mode, ("constant",))
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Resizing: only one of `pad_to_aspect_ratio` and `crop_to_aspect_ratio` can be True.")
        self.interpolation = interpolation
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = fill_mode, fill_value
        self.antialias = antialias

    def call(self, inputs: Any) -> Any:
        return ops.image.resize(
            inputs, (self.height, self.width), self.interpolation, self.antialias, self.crop_to_aspect_ratio, self.pad_to_aspect_ratio,
            self.fill_mode, self.fill_value, self.data_format,
        )  # fmt: skip


class CenterCrop(ImageLayer):
    """The middle of images; of images that are too small the largest part that has its shape, enlarged. Same in training and inference.

    Args:
        height, width: the size of the output.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; the output with
        `height` rows and `width` columns.

    Raises:
        ValueError: a size below 1.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.CenterCrop(1, 2)(np.arange(12.0).reshape(1, 3, 4, 1)).ravel().tolist()
    [5.0, 6.0]
    """

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any):
        super().__init__(data_format, **kwargs)
        self.height = positive_integer(self, "height", height)
        self.width = positive_integer(self, "width", width)

    def call(self, inputs: Any) -> Any:
        shown = Images(ops.cast(inputs, self.compute_dtype), self.data_format)
        x = shown.value
        rows, columns = int(x.shape[1]), int(x.shape[2])
        if rows >= self.height and columns >= self.width:
            x = cut(x, 1, (rows - self.height) // 2, self.height)
            return shown.back(cut(x, 2, (columns - self.width) // 2, self.width))
        return shown.back(enlarged(x, self.height, self.width))


def enlarged(x: Value, height: int, width: int) -> Value:
    """The largest part in the middle that has the shape height to width, in that size."""
    return resized(cropped_to_shape(x, height, width), (1, 2), (height, width), "bilinear")
