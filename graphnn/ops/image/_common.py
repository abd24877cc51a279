"""What ops on images share: which axes are what, and numbers of other dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphnn_compiler.dims import show
from graphnn_compiler.dtypes import promote
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import transcendental
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import reshape, transpose
from graphnn_compiler.trace import emit

from ...config import standardize_data_format
from ...dispatch import value
from .._common import Tensorish
from ..core import saturate_cast


class Images:
    """Images as (batch, rows, columns, channels), and the way back to how they came.

    Args:
        images: a batch or, with one axis less, one image.
        data_format: where their channels are.
        rank: the number of spatial axes.

    Raises:
        ValueError: another number of axes, or an unknown data format.
    """

    def __init__(self, images: Tensorish, data_format: str | None, rank: int = 2, what: str = "images"):
        x = value(images)
        if x.ndim not in (rank + 1, rank + 2):
            raise ValueError(
                f"Invalid {what} rank: expected rank {rank + 1} (single image) or rank {rank + 2} (batch of images). "
                f"Received input with shape: {what}.shape={show(x.shape)}"
            )
        self.first = standardize_data_format(data_format) == "channels_first"
        self.single = x.ndim == rank + 1
        if self.single:
            x = reshape(x, (1, *x.shape))
        self.given = x
        self.value = transpose(x, (0, *range(2, x.ndim), 1)) if self.first else x

    def back(self, y: Value) -> Value:
        """A result (batch, ..., channels) in the form of the images."""
        if self.first:
            y = transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1)))
        return reshape(y, y.shape[1:]) if self.single else y


def in_floats(f: Callable[[Value], Value], x: Value) -> Value:
    """f of x as floats; the result of integers is rounded and kept within their range."""
    if is_float(x.dtype):
        return f(x)
    kind = "float64" if x.dtype in ("int32", "uint32", "int64", "uint64") else promote(x.dtype, float)
    return value(saturate_cast(emit(transcendental.Round(), f(cast(x, kind))), x.dtype))


def one_of(what: str, given: Any, allowed: Any) -> None:
    """Raises ValueError unless an argument has one of the allowed values."""
    if given not in allowed:
        raise ValueError(f"Invalid value for argument `{what}`. Expected of one {tuple(allowed)}. Received: {what}={given}")
