"""Pooling to a given size.

Exports: AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D, AdaptiveMaxPooling1D, AdaptiveMaxPooling2D,
AdaptiveMaxPooling3D.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..config import standardize_data_format
from ..ops.pooling import integers
from .common import ConfiguredLayer
from .input_spec import InputSpec

__all__ = [
    "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]  # fmt: skip

Sizes = int | Sequence[int]


class _AdaptivePooling(ConfiguredLayer):
    """Equal parts of `rank` axes."""

    rank = 0
    pool: Any = None

    def __init__(self, output_size: Sizes, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        listed: Any = list(output_size) if isinstance(output_size, list | tuple) else output_size
        count = len(tuple(output_size)) if isinstance(output_size, list | tuple) else self.rank
        if not isinstance(listed, int | list) or (self.rank > 1 and count != self.rank):
            raise TypeError(
                f"{type(self).__name__}: `output_size` must be an integer or a tuple of {self.rank} integers. "
                f"Received: output_size={output_size!r}"
            )
        self.output_size = integers(listed, self.rank, "output_size")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        return type(self).pool(inputs, self.output_size, self.data_format)


class _AdaptiveMax(_AdaptivePooling):
    pool = staticmethod(ops.adaptive_max_pool)


class _AdaptiveAverage(_AdaptivePooling):
    pool = staticmethod(ops.adaptive_average_pool)


class AdaptiveAveragePooling1D(_AdaptiveAverage):
    """The mean of each of `output_size` parts of sequences, which overlap where the extents do not divide.

    Args:
        output_size: the spatial extents of the output, or one for all axes.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, steps, channels)` or `(batch, channels, steps)`; part i of an axis of extent n goes from
        `floor(i n / output_size)` to `ceil((i + 1) n / output_size) - 1`.

    Raises:
        TypeError: the size is neither an integer nor one for each axis.
        ValueError: a size is below 1.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AdaptiveAveragePooling1D(4)(np.ones((2, 6, 3), "float32")).shape
    (2, 4, 3)
    """

    rank = 1


class AdaptiveAveragePooling2D(_AdaptiveAverage):
    """The mean of each of `output_size` parts of images, which overlap where the extents do not divide.

    Args:
        output_size: the spatial extents of the output, or one for all axes.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`; part i of an axis of extent n goes from
        `floor(i n / output_size)` to `ceil((i + 1) n / output_size) - 1`.

    Raises:
        TypeError: the size is neither an integer nor one for each axis.
        ValueError: a size is below 1.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AdaptiveAveragePooling2D(4)(np.ones((2, 6, 6, 3), "float32")).shape
    (2, 4, 4, 3)
    """

    rank = 2


class AdaptiveAveragePooling3D(_AdaptiveAverage):
    """The mean of each of `output_size` parts of volumes, which overlap where the extents do not divide.

    Args:
        output_size: the spatial extents of the output, or one for all axes.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or `(batch, channels, depth, rows, columns)`; part i of an axis of extent n is
        `floor(i n / output_size)` to `ceil((i + 1) n / output_size) - 1`.

    Raises:
        TypeError: the size is neither an integer nor one for each axis.
        ValueError: a size is below 1.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AdaptiveAveragePooling3D(4)(np.ones((2, 6, 6, 6, 3), "float32")).shape
    (2, 4, 4, 4, 3)
    """

    rank = 3


class AdaptiveMaxPooling1D(_AdaptiveMax):
    """The maximum of each of `output_size` parts of sequences, which overlap where the extents do not divide.

    Args:
        output_size: the spatial extents of the output, or one for all axes.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, steps, channels)` or `(batch, channels, steps)`; part i of an axis of extent n goes from
        `floor(i n / output_size)` to `ceil((i + 1) n / output_size) - 1`.

    Raises:
        TypeError: the size is neither an integer nor one for each axis.
        ValueError: a size is below 1.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AdaptiveMaxPooling1D(4)(np.ones((2, 6, 3), "float32")).shape
    (2, 4, 3)
    """

    rank = 1


class AdaptiveMaxPooling2D(_AdaptiveMax):
    """The maximum of each of `output_size` parts of images, which overlap where the extents do not divide.

    Args:
        output_size: the spatial extents of the output, or one for all axes.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`; part i of an axis of extent n goes from
        `floor(i n / output_size)` to `ceil((i + 1) n / output_size) - 1`.

    Raises:
        TypeError: the size is neither an integer nor one for each axis.
        ValueError: a size is below 1.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AdaptiveMaxPooling2D(4)(np.ones((2, 6, 6, 3), "float32")).shape
    (2, 4, 4, 3)
    """

    rank = 2


class AdaptiveMaxPooling3D(_AdaptiveMax):
    """The maximum of each of `output_size` parts of volumes, which overlap where the extents do not divide.

    Args:
        output_size: the spatial extents of the output, or one for all axes.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or `(batch, channels, depth, rows, columns)`; part i of an axis of extent n is
        `floor(i n / output_size)` to `ceil((i + 1) n / output_size) - 1`.

    Raises:
        TypeError: the size is neither an integer nor one for each axis.
        ValueError: a size is below 1.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.AdaptiveMaxPooling3D(4)(np.ones((2, 6, 6, 6, 3), "float32")).shape
    (2, 4, 4, 4, 3)
    """

    rank = 3
