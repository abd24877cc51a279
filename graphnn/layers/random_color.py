"""Colours of images changed at random while training.

Exports: RandomBrightness, RandomContrast.
"""

from __future__ import annotations

from typing import Any

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..ops._common import like
from .image_layer import RandomImageLayer, Range, factor_range, value_range_argument

__all__ = ["RandomBrightness", "RandomContrast"]


def kept_within(x: Value, bounds: tuple[float, float]) -> Value:
    """x with the bounds in place of what leaves them."""
    return emit(elementwise.Minimum(), emit(elementwise.Maximum(), x, like(bounds[0], x)), like(bounds[1], x))


class RandomContrast(RandomImageLayer):
    r"""Images with more or less contrast while training.

    $$y = \mathrm{clip}\bigl((x - \bar x)\,c + \bar x\bigr), \quad c \sim U(1 - \mathrm{lower}, 1 + \mathrm{upper})$$

    with the mean $\bar x$ over the pixels of each channel and image.

    Args:
        factor: lower and upper, from 0 to 1; one number is the upper one.
        value_range: the range of pixels, to which the output is cut.
        seed: an integer for draws that repeat from run to run.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; output the same.

    Raises:
        ValueError: the factor is not in 0..1, or the range is not two numbers.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.RandomContrast(0.2)(np.ones((2, 4, 4, 1), "float32"), training=True).shape
    (2, 4, 4, 1)
    """

    def __init__(self, factor: Range, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.factor = factor_range(self, factor, 0, 1)
        self.bounds = value_range_argument(self, value_range)
        self.value_range = tuple(value_range)

    def augmented(self, x: Value) -> Value:
        by = cast(self.drawn(x, (1.0 - self.factor[0], 1.0 + self.factor[1]), 4), x.dtype)
        mean = build.mean(x, (1, 2), keepdims=True)
        return kept_within((x - mean) * by + mean, self.bounds)


class RandomBrightness(RandomImageLayer):
    r"""Images made brighter or darker while training.

    $$y = \mathrm{clip}(x + b\,(\mathrm{high} - \mathrm{low})), \quad b \sim U(\mathrm{lower}, \mathrm{upper})$$

    Args:
        factor: lower and upper, from -1 to 1; one number f is -f to f.
        value_range: low and high, the range of pixels, to which the output is cut.
        seed: an integer for draws that repeat from run to run.
        data_format: `"channels_last"` or `"channels_first"`; default `config.image_data_format()`.

    Shapes:
        input `(batch, rows, columns, channels)`, one image without the batch, or with channels in front of rows; output the same.

    Raises:
        ValueError: the factor is not in -1..1, or the range is not two numbers.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.RandomBrightness((0.5, 0.5), (0, 1))(np.zeros((1, 1, 1, 1), "float32"), training=True).ravel().tolist()
    [0.5]
    """

    def __init__(self, factor: Range, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.factor = factor_range(self, factor, -1.0, 1.0)
        self.value_range = list(value_range_argument(self, value_range))

    def augmented(self, x: Value) -> Value:
        low, high = self.value_range
        by = cast(self.drawn(x, self.factor, 4), x.dtype)
        return kept_within(x + by * float(high - low), (low, high))
