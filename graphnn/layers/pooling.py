"""Pooling over windows.

Exports: AveragePooling1D, AveragePooling2D, AveragePooling3D, MaxPooling1D, MaxPooling2D, MaxPooling3D.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..config import standardize_data_format
from ..ops.pooling import integers, padding_name
from .common import ConfiguredLayer
from .input_spec import InputSpec

__all__ = ["AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D"]

Sizes = int | Sequence[int]


class _Pooling(ConfiguredLayer):
    """Windows over `rank` axes."""

    rank = 0
    pool: Any = None

    def __init__(
        self, pool_size: Sizes = 2, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None,
        name: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(name=name, **kwargs)
        self.pool_size = integers(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else integers(strides, self.rank, "strides")
        self.padding = padding_name(padding)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return type(self).pool(inputs, self.pool_size, self.strides, self.padding, self.data_format)


class _MaxPooling(_Pooling):
    pool = staticmethod(ops.max_pool)


class _AveragePooling(_Pooling):
    pool = staticmethod(ops.average_pool)

    def __init__(
        self, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None,
        name: str | None = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)


class MaxPooling1D(_MaxPooling):
    """The largest element of each window of sequences, NaN where it holds one.

    Args:
        pool_size: the extents of the window, or one for all axes; default 2.
        strides: from a window to the next; default `pool_size`.
        padding: `"valid"`, windows inside the input, or `"same"`, one for each stride.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, steps, channels)` or `(batch, channels, steps)`; in the output an axis of extent n has
        `(n - pool_size) // strides + 1` windows ("valid") or `ceil(n / strides)` ("same").

    Raises:
        ValueError: a size below 1, an unknown padding or data format, or a window larger than the input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.MaxPooling1D(2)(np.ones((2, 6, 3), "float32")).shape
    (2, 3, 3)
    """

    rank = 1


class MaxPooling2D(_MaxPooling):
    """The largest element of each window of images, NaN where it holds one.

    Args:
        pool_size: the extents of the window, or one for all axes; default 2.
        strides: from a window to the next; default `pool_size`.
        padding: `"valid"`, windows inside the input, or `"same"`, one for each stride.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`; in the output an axis of extent n has
        `(n - pool_size) // strides + 1` windows ("valid") or `ceil(n / strides)` ("same").

    Raises:
        ValueError: a size below 1, an unknown padding or data format, or a window larger than the input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.MaxPooling2D(2)(np.ones((2, 6, 6, 3), "float32")).shape
    (2, 3, 3, 3)
    """

    rank = 2


class MaxPooling3D(_MaxPooling):
    """The largest element of each window of volumes, NaN where it holds one.

    Args:
        pool_size: the extents of the window, or one for all axes; default 2.
        strides: from a window to the next; default `pool_size`.
        padding: `"valid"`, windows inside the input, or `"same"`, one for each stride.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or `(batch, channels, depth, rows, columns)`; in the output an axis of extent n has
        `(n - pool_size) // strides + 1` windows ("valid") or `ceil(n / strides)` ("same").

    Raises:
        ValueError: a size below 1, an unknown padding or data format, or a window larger than the input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.MaxPooling3D(2)(np.ones((2, 6, 6, 6, 3), "float32")).shape
    (2, 3, 3, 3, 3)
    """

    rank = 3


class AveragePooling1D(_AveragePooling):
    """The mean of each window of sequences, over the elements inside the input.

    Args:
        pool_size: the extents of the window, or one for all axes.
        strides: from a window to the next; default `pool_size`.
        padding: `"valid"`, windows inside the input, or `"same"`, one for each stride.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, steps, channels)` or `(batch, channels, steps)`; in the output an axis of extent n has
        `(n - pool_size) // strides + 1` windows ("valid") or `ceil(n / strides)` ("same").

    Raises:
        ValueError: a size below 1, an unknown padding or data format, or a window larger than the input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AveragePooling1D(2)(np.ones((2, 6, 3), "float32")).shape
    (2, 3, 3)
    """

    rank = 1


class AveragePooling2D(_AveragePooling):
    """The mean of each window of images, over the elements inside the input.

    Args:
        pool_size: the extents of the window, or one for all axes.
        strides: from a window to the next; default `pool_size`.
        padding: `"valid"`, windows inside the input, or `"same"`, one for each stride.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`; in the output an axis of extent n has
        `(n - pool_size) // strides + 1` windows ("valid") or `ceil(n / strides)` ("same").

    Raises:
        ValueError: a size below 1, an unknown padding or data format, or a window larger than the input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AveragePooling2D(2)(np.ones((2, 6, 6, 3), "float32")).shape
    (2, 3, 3, 3)
    """

    rank = 2


class AveragePooling3D(_AveragePooling):
    """The mean of each window of volumes, over the elements inside the input.

    Args:
        pool_size: the extents of the window, or one for all axes.
        strides: from a window to the next; default `pool_size`.
        padding: `"valid"`, windows inside the input, or `"same"`, one for each stride.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or `(batch, channels, depth, rows, columns)`; in the output an axis of extent n has
        `(n - pool_size) // strides + 1` windows ("valid") or `ceil(n / strides)` ("same").

    Raises:
        ValueError: a size below 1, an unknown padding or data format, or a window larger than the input.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AveragePooling3D(2)(np.ones((2, 6, 6, 6, 3), "float32")).shape
    (2, 3, 3, 3, 3)
    """

    rank = 3
