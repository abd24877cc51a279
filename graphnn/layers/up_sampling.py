"""More steps, pixels and voxels made of few.

Exports: UpSampling1D, UpSampling2D, UpSampling3D.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..config import standardize_data_format
from ..ops._geometry import whole_numbers
from .common import ConfiguredLayer
from .input_spec import InputSpec

__all__ = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]


class UpSampling1D(ConfiguredLayer):
    """Repeats each step of a sequence.

    Args:
        size: how often, a positive integer.

    Shapes:
        input `(batch, steps, channels)`, output `(batch, steps x size, channels)`.

    Raises:
        TypeError: `size` is not an integer.
        ValueError: it is not positive.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]], "float32"))[0, :, 0].tolist()
    [1.0, 1.0, 2.0, 2.0]
    """

    def __init__(self, size: int = 2, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(size, int) or isinstance(size, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"UpSampling1D: `size` must be an integer. Received: size={size!r} (of type {type(size)})")
        if size <= 0:
            raise ValueError(f"UpSampling1D: `size` must be a positive integer. Received: size={size}")
        self.size = size
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.size, axis=1)


class UpSampling2D(ConfiguredLayer):
    """Enlarges images by whole factors.

    Args:
        size: the factor: an integer, or one for rows and one for columns.
        data_format: `"channels_last"` or `"channels_first"`.
        interpolation: `"nearest"` repeats pixels; `"bilinear"`, `"bicubic"`, `"lanczos3"` and `"lanczos5"` weigh
            neighbours, as in `ops.image.resize`.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`, output with more rows and columns.

    Raises:
        ValueError: an argument that is none of these.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.UpSampling2D((1, 2))(np.array([[[[1.0], [2.0]]]], "float32"))[0, :, :, 0].tolist()
    [[1.0, 1.0, 2.0, 2.0]]
    """

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.size = whole_numbers(size, 2, "size", what="UpSampling2D: ")
        self.data_format = standardize_data_format(data_format)
        self.interpolation = str(interpolation).lower()
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"UpSampling2D: `interpolation` must be one of {', '.join(map(repr, INTERPOLATIONS))}. "
                f"Received: interpolation={interpolation!r}"
            )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        if self.interpolation == "nearest":
            return repeated(inputs, self.size, self.data_format)
        first = 1 if self.data_format == "channels_last" else 2
        height, width = (int(n) * f for n, f in zip(inputs.shape[first : first + 2], self.size, strict=True))
        return ops.image.resize(inputs, (height, width), interpolation=self.interpolation, data_format=self.data_format)


INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class UpSampling3D(ConfiguredLayer):
    """Repeats the voxels of volumes.

    Args:
        size: how often: an integer, or one for each axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or with the channels second, output larger.

    Raises:
        ValueError: an argument that is none of these.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.UpSampling3D((1, 2, 3))(np.ones((1, 2, 2, 2, 1), "float32")).shape
    (1, 2, 4, 6, 1)
    """

    def __init__(self, size: int | Sequence[int] = (2, 2, 2), data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = whole_numbers(size, 3, "size", what="UpSampling3D: ")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Any) -> Any:
        return repeated(inputs, self.size, self.data_format)


def repeated(x: Any, size: Sequence[int], data_format: str) -> Any:
    """Each place repeated along the axes in space; with the channels last, as the layers around compute."""
    second = data_format == "channels_first"
    if second:
        x = ops.moveaxis(x, 1, -1)
    rows, *space, channels = ops.shape(x)
    apart = [n for extent in space for n in (extent, 1)]
    whole = [n for extent, times in zip(space, size, strict=True) for n in (extent, times)]
    joined = [extent * times for extent, times in zip(space, size, strict=True)]
    x = ops.broadcast_to(ops.reshape(x, (rows, *apart, channels)), (rows, *whole, channels))
    x = ops.reshape(x, (rows, *joined, channels))
    return ops.moveaxis(x, -1, 1) if second else x
