"""Pooling over all of the spatial axes.

Exports: GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D, GlobalMaxPooling2D,
GlobalMaxPooling3D.
"""

from __future__ import annotations

from typing import Any

from .. import ops
from ..config import standardize_data_format
from .common import ConfiguredLayer
from .input_spec import InputSpec

__all__ = [
    "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]  # fmt: skip


class _GlobalPooling(ConfiguredLayer):
    """A reduction of `rank` axes."""

    rank = 0

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def axes(self) -> tuple[int, ...]:
        """The spatial axes."""
        first = 1 if self.data_format == "channels_last" else 2
        return tuple(range(first, first + self.rank))


class _GlobalMax(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, self.axes, keepdims=self.keepdims)


class _GlobalAverage(_GlobalPooling):
    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, self.axes, keepdims=self.keepdims)


class GlobalAveragePooling1D(_GlobalPooling):
    """The mean over all steps; of those that a mask names, where there is one.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.
        keepdims: whether the axis of steps is kept with extent 1.

    Shapes:
        input `(batch, steps, channels)` or `(batch, channels, steps)`, output `(batch, channels)`. A `mask` in the call has the shape
        `(batch, steps)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> x = np.array([[[1.0], [3.0], [9.0]]], "float32")
    >>> layers.GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]])).tolist()
    [[2.0]]
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(data_format, keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        (steps,) = self.axes
        if mask is None:
            return ops.mean(inputs, steps, keepdims=self.keepdims)
        counted = ops.expand_dims(ops.cast(mask, inputs.dtype), 2 if steps == 1 else 1)
        total = ops.sum(ops.multiply(inputs, counted), steps, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(counted, steps, keepdims=self.keepdims))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """None: the steps are gone."""
        return None


class GlobalAveragePooling2D(_GlobalAverage):
    """The mean over all rows and columns.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.
        keepdims: whether the spatial axes are kept with extent 1.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`, output `(batch, channels)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.GlobalAveragePooling2D()(np.ones((2, 6, 6, 3), "float32")).shape
    (2, 3)
    """

    rank = 2


class GlobalAveragePooling3D(_GlobalAverage):
    """The mean over all depth, rows and columns.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.
        keepdims: whether the spatial axes are kept with extent 1.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or `(batch, channels, depth, rows, columns)`, output `(batch, channels)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.GlobalAveragePooling3D()(np.ones((2, 6, 6, 6, 3), "float32")).shape
    (2, 3)
    """

    rank = 3


class GlobalMaxPooling1D(_GlobalMax):
    """The maximum over all steps.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.
        keepdims: whether the spatial axes are kept with extent 1.

    Shapes:
        input `(batch, steps, channels)` or `(batch, channels, steps)`, output `(batch, channels)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.GlobalMaxPooling1D()(np.ones((2, 6, 3), "float32")).shape
    (2, 3)
    """

    rank = 1


class GlobalMaxPooling2D(_GlobalMax):
    """The maximum over all rows and columns.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.
        keepdims: whether the spatial axes are kept with extent 1.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`, output `(batch, channels)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.GlobalMaxPooling2D()(np.ones((2, 6, 6, 3), "float32")).shape
    (2, 3)
    """

    rank = 2


class GlobalMaxPooling3D(_GlobalMax):
    """The maximum over all depth, rows and columns.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.
        keepdims: whether the spatial axes are kept with extent 1.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or `(batch, channels, depth, rows, columns)`, output `(batch, channels)`.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.GlobalMaxPooling3D()(np.ones((2, 6, 6, 6, 3), "float32")).shape
    (2, 3)
    """

    rank = 3
