"""The geometry of sliding windows along one axis: extents, padding, and what is refused. Extents may be symbolic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler.dims import Extent, quotient, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import movement

Pads = tuple[tuple[Extent, Extent], ...]


def whole_numbers(number: Any, rank: int, name: str, least: int = 1, what: str = "") -> tuple[int, ...]:
    """An argument as `rank` integers of at least `least`: one integer stands for all.

    Raises:
        ValueError: for anything else; `what` names who asks.
    """
    given: list[Any] = list(number) if isinstance(number, list | tuple) else [number] * rank  # pyright: ignore[reportUnknownArgumentType]
    given = [n.__index__() if hasattr(n, "__index__") and not isinstance(n, bool) else n for n in given]
    if len(given) != rank or any(type(n) is not int or n < least for n in given):
        kind = "integer" if rank == 1 else f"integer or a tuple of {rank} integers"
        raise ValueError(f"{what}`{name}` must be an {kind} of at least {least}. Received: {name}={number!r}")
    return tuple(given)


def padding_mode(padding: Any, modes: Sequence[str], what: str = "") -> str:
    """The name of a padding in lower case; a ValueError where it is none of `modes`."""
    mode = padding.lower() if isinstance(padding, str) else padding
    if mode not in modes:
        raise ValueError(f"{what}`padding` must be one of {', '.join(map(repr, modes))}. Received: padding={padding!r}")
    return mode


def spread(size: int, dilation: int) -> int:
    """The extent of a window whose taps stand `dilation` apart."""
    return dilation * (size - 1) + 1


def same_pads(n: Extent, size: int, stride: int, dilation: int) -> tuple[Extent, Extent]:
    """What "same" adds before and behind an axis, so that it has ceil(n / stride) windows; the odd place comes behind."""
    reach = spread(size, dilation) - 1
    if isinstance(n, int):
        total = max(reach - (n - 1) % stride, 0) if n else reach
        return total // 2, total - total // 2
    if stride == 1:
        return reach // 2, reach - reach // 2
    # max(reach - m, 0) for m = (n - 1) % stride: a step at each j counts the places that m takes off.
    m = (n - 1) % stride
    taken: Extent = m
    if reach < stride - 1:
        taken = 0
        for j in range(1, reach + 1):
            taken = taken + quotient(m + (stride - j), stride)
    low = quotient(reach - taken, 2)
    # Behind stands what makes the number of windows come out as ceil(n / stride) by algebra alone; it may be below 0.
    return low, (quotient(n + (stride - 1), stride) - 1) * stride + reach + 1 - n - low


def pads_of(mode: str, extents: Sequence[Extent], size: Sequence[int], strides: Sequence[int], dilation: Sequence[int]) -> Pads:
    """What a padding adds before and behind each axis."""
    if mode == "same":
        return tuple(same_pads(*one) for one in zip(extents, size, strides, dilation, strict=True))
    if mode == "causal":
        return tuple((spread(k, d) - 1, 0) for k, d in zip(size, dilation, strict=True))
    return ((0, 0),) * len(size)


def transposed(
    n: Extent, mode: str, size: int, stride: int, dilation: int, output_padding: int | None
) -> tuple[Extent, tuple[int, int]]:
    """The extent of a transposed convolution's result, and the padding of the convolution that it transposes."""
    taps = spread(size, dilation)
    if output_padding is None:
        extra = max(taps - stride, 0) if mode == "valid" else 0
        out, total = n * stride + extra, taps - stride - extra
    else:
        cut = 2 * (taps // 2) if mode == "same" else 0
        out, total = n * stride + (taps - stride - cut + output_padding), cut - output_padding
    low = max(total, 0) // 2
    return out, (low, total - low)


def to_channels_last(x: Value, data_format: str) -> Value:
    """A tensor (batch, channels, ...) with its channels at the end; one of channels_last as it is."""
    return x if data_format == "channels_last" else movement.transpose(x, (0, *range(2, x.ndim), 1))


def from_channels_last(x: Value, data_format: str) -> Value:
    """Undoes `to_channels_last`."""
    return x if data_format == "channels_last" else movement.transpose(x, (0, x.ndim - 1, *range(1, x.ndim - 1)))


def refuse_empty(spatial: Sequence[Extent], size: Sequence[int], dilation: Sequence[int], pads: Pads, what: str) -> None:
    """A ValueError where a window is larger than an axis with its padding."""
    for axis, (n, k, d, pad) in enumerate(zip(spatial, size, dilation, pads, strict=True)):
        whole = n + (pad[0] + pad[1])
        if isinstance(whole, int) and whole < spread(k, d):
            raise ValueError(
                f"{what}the result would be empty: a window of {spread(k, d)} (kernel {k}, dilation {d}) does not fit into spatial "
                f"axis {axis} of extent {n} with a padding of {pad}. Received: spatial shape {show(tuple(spatial))}"
            )
