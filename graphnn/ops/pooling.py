"""Pooling over windows, and over equal parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.dims import Extent, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import pool, transcendental
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import transpose
from graphnn_compiler.trace import emit

from .. import tree
from ..config import standardize_data_format
from ..dispatch import op, value
from ._common import Tensorish, floating

Sizes = int | Sequence[int]


def integers(given: Any, count: int, name: str, lowest: int = 1) -> tuple[int, ...]:
    """An integer for each of `count` axes, from one for all or one for each.

    Raises:
        ValueError: it is neither, or one of them is below `lowest`.
    """
    found: list[Any] = list(given) if tree.is_list(given) else [given] * count
    if len(found) != count or any(not isinstance(i, int) or isinstance(i, bool) or i < lowest for i in found):
        limit = f", each at least {lowest}"
        raise ValueError(f"The `{name}` argument must be a tuple of {count} integers{limit}. Received {name}={given}")
    return tuple(found)


def padding_name(padding: Any) -> str:
    """"same" or "valid", in lower case."""
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in ("same", "valid"):
        raise ValueError(f"Invalid padding {padding!r}, must be 'same' or 'valid'.")
    return name


def _read(inputs: Tensorish, data_format: str | None, what: str) -> tuple[Value, bool]:
    """The inputs with their channels last, and whether they had them first."""
    x = value(inputs)
    if not 3 <= x.ndim <= 5:
        raise ValueError(f"`{what}` takes inputs of 3, 4 or 5 axes, for pooling over 1, 2 or 3. Received an input of shape {show(x.shape)}")
    first = standardize_data_format(data_format) == "channels_first"
    return (transpose(x, (0, *range(2, x.ndim), 1)) if first else x), first


def _back(y: Value, first: bool) -> Value:
    return transpose(y, (0, y.ndim - 1, *range(1, y.ndim - 1))) if first else y


def _windows(kind: Any, x: Value, pool_size: Sizes, strides: Any, padding: str) -> Any:
    rank = x.ndim - 2
    window = integers(pool_size, rank, "pool_size")
    steps = window if strides is None else integers(strides, rank, "strides")
    same = padding_name(padding) == "same"
    out: list[Extent] = []
    low: list[Extent] = []
    for n, w, s in zip(x.shape[1:-1], window, steps, strict=True):
        count: Extent = (n + (s - 1)) // s if same else pool.windows_of(n, w, s, 0, 0)
        if isinstance(count, int) and count <= 0:
            raise ValueError(
                f"Computed output size would be zero or negative. Received: inputs.shape={show(x.shape)} (channels last), "
                f"pool_size={window}, strides={steps}, padding={padding!r}"
            )
        out.append(count)
        low.append(pool.same_padding(n, w, s)[0] if same else 0)
    return kind(tuple(out), window, steps, tuple(low))


def _averaged(op: Any, x: Value) -> Value:
    """Averages; those of integers are rounded towards 0."""
    if x.dtype == "bool":
        raise TypeError("averages are taken of numbers. Received: inputs.dtype=bool")
    if is_float(x.dtype):
        return emit(op, x)
    return cast(emit(transcendental.Trunc(), emit(op, cast(x, "float64"))), x.dtype)


@op(static=("pool_size",))
def max_pool(
    inputs: Tensorish, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> Value:
    """The largest element of each window, NaN if it holds one; the first of equal ones takes the gradient.

    Args:
        inputs: `(batch, *spatial, channels)` with 1 to 3 spatial axes, or with the channels second.
        pool_size: the window's extents, or one for all axes.
        strides: from a window to the next; by default `pool_size`.
        padding: "valid": windows inside the inputs; "same": one for each stride, what they hold outside the inputs does not count.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: for another rank, sizes below 1, an unknown padding or data format, or a window larger than the inputs.

    >>> max_pool([[[1.0], [3.0], [2.0]]], 2, strides=1).tolist()
    [[[3.0], [3.0]]]
    """
    x, first = _read(inputs, data_format, "max_pool")
    windows = _windows(pool.MaxPool, x, pool_size, strides, padding)
    if x.dtype == "bool":
        return _back(cast(emit(windows, cast(x, "uint8")), "bool"), first)
    return _back(emit(windows, x), first)


@op(static=("pool_size",))
def average_pool(
    inputs: Tensorish, pool_size: Sizes, strides: Sizes | None = None, padding: str = "valid", data_format: str | None = None
) -> Value:
    """The mean of each window's elements; of a window that reaches beyond the inputs only what is inside counts.

    Args:
        inputs, pool_size, strides, padding, data_format: as in `max_pool`. Means of integers are rounded towards 0.

    Raises:
        ValueError: as `max_pool`.
        TypeError: for bools.

    >>> average_pool([[[1.0], [3.0], [2.0]]], 2, padding="same").tolist()
    [[[2.0], [2.0]]]
    """
    x, first = _read(inputs, data_format, "average_pool")
    return _back(_averaged(_windows(pool.AveragePool, x, pool_size, strides, padding), x), first)


@op(static=("output_size",))
def adaptive_max_pool(inputs: Tensorish, output_size: Sizes, data_format: str | None = None) -> Value:
    """The largest element of each of `output_size` parts: part i of an axis of extent n goes from floor(i n / size) to
    ceil((i + 1) n / size) - 1.

    Args:
        inputs: `(batch, *spatial, channels)` with 1 to 3 spatial axes, or with the channels second.
        output_size: the spatial extents of the result, or one for all axes.
        data_format: "channels_last" or "channels_first"; None is `config.image_data_format()`.

    Raises:
        ValueError: for another rank, or a size below 1.

    >>> adaptive_max_pool([[[1.0], [3.0], [2.0]]], 2).tolist()
    [[[3.0], [3.0]]]
    """
    x, first = _read(inputs, data_format, "adaptive_max_pool")
    windows = pool.MaxPool(integers(output_size, x.ndim - 2, "output_size"))
    if x.dtype == "bool":
        return _back(cast(emit(windows, cast(x, "uint8")), "bool"), first)
    return _back(emit(windows, x), first)


@op(static=("output_size",))
def adaptive_average_pool(inputs: Tensorish, output_size: Sizes, data_format: str | None = None) -> Value:
    """The mean of each of `output_size` parts; integers become floats.

    Args:
        inputs, output_size, data_format: as in `adaptive_max_pool`.

    Raises:
        ValueError: for another rank, or a size below 1.

    >>> adaptive_average_pool([[[1.0], [3.0], [2.0]]], 2).tolist()
    [[[2.0], [2.5]]]
    """
    x, first = _read(inputs, data_format, "adaptive_average_pool")
    return _back(emit(pool.AveragePool(integers(output_size, x.ndim - 2, "output_size")), floating(x)), first)
