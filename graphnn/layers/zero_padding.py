"""Zeros around sequences, images and volumes.

Exports: ZeroPadding1D, ZeroPadding2D, ZeroPadding3D.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import ops
from ..config import standardize_data_format
from .common import ConfiguredLayer, Layer
from .input_spec import InputSpec

__all__ = ["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]

Pair = tuple[int, int]
Widths = int | Sequence[int] | Sequence[int | Sequence[int]]


class _ZeroPadding(ConfiguredLayer):
    """Zeros at both ends of each axis in space."""

    rank = 0

    def __init__(self, padding: Widths = 1, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.padding: Any = ends(self, "padding", padding, self.rank)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any) -> Any:
        pairs = [self.padding] if self.rank == 1 else list(self.padding)
        around = [(0, 0), *pairs, (0, 0)] if self.data_format == "channels_last" else [(0, 0), (0, 0), *pairs]
        return ops.pad(inputs, around)


class ZeroPadding1D(_ZeroPadding):
    """Zeros before and behind a sequence.

    Args:
        padding: how many: an integer, or one for the front and one for the end.
        data_format: `"channels_last"` or `"channels_first"`.

    Shapes:
        input `(batch, steps, channels)`, output with more steps.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ZeroPadding1D((0, 1))(np.ones((1, 2, 1), "float32"))[0, :, 0].tolist()
    [1.0, 1.0, 0.0]
    """

    rank = 1


class ZeroPadding2D(_ZeroPadding):
    """Zeros around images.

    Args:
        padding: how many: an integer; one for rows and one for columns; or `((top, bottom), (left, right))`.
        data_format: `"channels_last"` or `"channels_first"`.

    Shapes:
        input `(batch, rows, columns, channels)` or `(batch, channels, rows, columns)`, output with more rows and columns.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ZeroPadding2D(((1, 0), (0, 1)))(np.ones((1, 1, 1, 1), "float32"))[0, :, :, 0].tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """

    rank = 2


class ZeroPadding3D(_ZeroPadding):
    """Zeros around volumes.

    Args:
        padding: how many: an integer; one for each axis; or a pair for each axis.
        data_format: `"channels_last"` or `"channels_first"`.

    Shapes:
        input `(batch, depth, rows, columns, channels)` or with the channels second, output larger.

    >>> import numpy as np
    >>> from graphnn import layers
    >>> layers.ZeroPadding3D((1, 0, 2))(np.ones((1, 1, 1, 1, 1), "float32")).shape
    (1, 3, 1, 5, 1)
    """

    rank = 3


def ends(layer: Layer, argument: str, given: Any, rank: int) -> Any:
    """Numbers of places at both ends of each axis: pairs of integers of 0 or more (one pair where the rank is 1)."""
    what = type(layer).__name__

    def number(x: Any) -> bool:
        return isinstance(x, int) and not isinstance(x, bool)

    def pair(x: Any) -> Pair:
        found: Any = (x, x) if number(x) else x
        if not isinstance(found, list | tuple) or len(found) != 2 or not all(number(n) and n >= 0 for n in found):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            raise ValueError(
                f"{what}: `{argument}` must hold, for each axis, an integer of 0 or more or a pair of them. "
                f"Received: {argument}={given!r}"
            )
        return (int(found[0]), int(found[1]))  # pyright: ignore[reportUnknownArgumentType]

    if rank == 1:
        return pair(given)
    axes: Any = (given,) * rank if number(given) else given
    if not isinstance(axes, list | tuple) or len(axes) != rank:  # pyright: ignore[reportUnknownArgumentType]
        raise ValueError(
            f"{what}: `{argument}` must be an integer or have {rank} elements, each an integer or a pair of integers. "
            f"Received: {argument}={given!r}"
        )
    return tuple(pair(x) for x in axes)  # pyright: ignore[reportUnknownVariableType]
