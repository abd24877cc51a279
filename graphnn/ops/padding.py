"""Padding, and the moves between space and channels."""

from __future__ import annotations

from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import Extent
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, index, movement
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..config import standardize_data_format
from ..dispatch import op, value
from ._common import Tensorish, ramp

MODES = ("constant", "reflect", "symmetric", "edge", "wrap")


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """For each axis how much is added before and behind, from a number, a pair or pairs."""
    if isinstance(pad_width, int):
        return [(pad_width, pad_width)] * ndim
    pairs = list(pad_width)
    if len(pairs) == 2 and all(isinstance(p, int) for p in pairs):
        return [(int(pairs[0]), int(pairs[1]))] * ndim
    found = [(int(p), int(p)) if isinstance(p, int) else (int(p[0]), int(p[-1])) for p in pairs]
    if len(found) == 1:
        found *= ndim
    if len(found) != ndim:
        raise ValueError(f"`pad_width` must name each of {ndim} axes. Received: pad_width={pad_width}")
    return found


def _sources(mode: str, n: Extent, before: int, behind: int) -> Value:
    """For each place of the padded axis the place of x that it repeats."""
    whole = n + (before + behind)
    place = ramp(whole, "int64") - before
    count = index.extent_value(n)
    if mode == "edge":
        return emit(elementwise.Minimum(), emit(elementwise.Maximum(), place, movement.constant(0, "int64")), count - 1)
    if mode == "wrap":
        return place % count
    # Reflected sequences repeat after 2n places, or 2n - 2 where the border is not doubled.
    period = count * 2 if mode == "symmetric" else emit(elementwise.Maximum(), count * 2 - 2, movement.constant(1, "int64"))
    place = place % period
    back = period - place - (1 if mode == "symmetric" else 0)
    return emit(elementwise.Where(), place < count, place, back)


@op(static=("pad_width", "constant_values"))
def pad(x: Tensorish, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Value:
    """x with more elements around it.

    Args:
        x: a tensor.
        pad_width: ((before, behind), ...) for each axis, or one pair or number for all.
        mode: what is added: "constant"; "reflect": mirrored without the border; "symmetric": mirrored with it; "edge": the border;
            "wrap": the other end.
        constant_values: the number of mode "constant", by default 0.

    Raises:
        ValueError: an unknown mode, `constant_values` with another mode, or a `pad_width` that does not fit.

    >>> pad([1, 2], (1, 2)).tolist()
    [0, 1, 2, 0, 0]
    >>> pad([1, 2, 3], 2, mode="reflect").tolist()
    [3, 2, 1, 2, 3, 2, 1]
    """
    if mode not in MODES:
        raise ValueError(f"`mode` must be one of {', '.join(MODES)}. Received: mode={mode!r}")
    if constant_values is not None and mode != "constant":
        raise ValueError(f"Argument `constant_values` can only be provided when `mode == 'constant'`. Received: mode={mode}")
    v = value(x)
    widths = _widths(pad_width, v.ndim)
    if any(w < 0 for pair in widths for w in pair):
        raise ValueError(f"`pad_width` cannot be negative. Received: pad_width={pad_width}")
    if mode != "constant":
        for axis, (before, behind) in enumerate(widths):
            if before or behind:
                v = emit(index.Take(axis), v, _sources(mode, v.shape[axis], before, behind))
        return v
    shape = tuple(n + (a + b) for n, (a, b) in zip(v.shape, widths, strict=True))
    if shape == v.shape:
        return v
    starts, steps = tuple(a for a, _ in widths), (1,) * v.ndim
    if constant_values is None or constant_values == 0:
        return emit(movement.Unslice(starts, steps, shape), v)
    around = build.broadcast_to(cast(value(constant_values), v.dtype), shape)
    return emit(movement.SliceUpdate(starts, steps), around, v)


def _blocks(data_format: str | None, block_size: int, ndim: int) -> bool:
    if block_size < 2 or ndim != 4:
        raise ValueError(
            f"needs a `block_size` of at least 2 and a tensor of 4 axes. Received: block_size={block_size}, ndim={ndim}"
        )
    return standardize_data_format(data_format) == "channels_last"


@op(static=("block_size",))
def space_to_depth(x: Tensorish, block_size: int, data_format: str = "channels_last") -> Value:
    """Blocks of pixels as channels: (batch, h, w, c) becomes (batch, h / b, w / b, b b c).

    Args:
        x: images.
        block_size: the height and width b of a block.
        data_format: "channels_last" or "channels_first".

    Raises:
        ValueError: b is below 2, or x does not have 4 axes.

    >>> space_to_depth([[[[1], [2]], [[3], [4]]]], 2).tolist()
    [[[[1, 2, 3, 4]]]]
    """
    v, b = value(x), block_size
    last = _blocks(data_format, b, v.ndim)
    n, h, w, c = v.shape if last else (v.shape[0], v.shape[2], v.shape[3], v.shape[1])
    rows, columns = movement.split_at(h, b) if isinstance(h, int) else h // b, w // b
    if last:
        parts = build.reshape(v, (n, rows, b, columns, b, c))
        return build.reshape(movement.transpose(parts, (0, 1, 3, 2, 4, 5)), (n, rows, columns, c * (b * b)))
    parts = build.reshape(v, (n, c, rows, b, columns, b))
    return build.reshape(movement.transpose(parts, (0, 3, 5, 1, 2, 4)), (n, c * (b * b), rows, columns))


@op(static=("block_size",))
def depth_to_space(x: Tensorish, block_size: int, data_format: str = "channels_last") -> Value:
    """Channels as blocks of pixels: (batch, h, w, b b c) becomes (batch, h b, w b, c). Arguments as in `space_to_depth`.

    >>> depth_to_space([[[[1, 2, 3, 4]]]], 2).tolist()
    [[[[1], [2]], [[3], [4]]]]
    """
    v, b = value(x), block_size
    last = _blocks(data_format, b, v.ndim)
    n, h, w, c = v.shape if last else (v.shape[0], v.shape[2], v.shape[3], v.shape[1])
    deep = movement.split_at(c, b * b)
    if last:
        parts = movement.transpose(build.reshape(v, (n, h, w, b, b, deep)), (0, 1, 3, 2, 4, 5))
        return build.reshape(parts, (n, h * b, w * b, deep))
    parts = movement.transpose(build.reshape(v, (n, b, b, deep, h, w)), (0, 3, 4, 1, 5, 2))
    return build.reshape(parts, (n, deep, h * b, w * b))


@op(static=("sequence_length", "sequence_stride"))
def extract_sequences(x: Tensorish, sequence_length: int, sequence_stride: int) -> Value:
    """Windows along the last axis.

    Args:
        x: a tensor (..., time).
        sequence_length: the length of a window.
        sequence_stride: from the start of a window to the next.

    Returns:
        A tensor (..., windows, sequence_length).

    >>> extract_sequences([1.0, 2.0, 3.0, 4.0], 2, 1).tolist()
    [[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]]
    """
    v = value(x)
    windows = (v.shape[-1] - sequence_length) // sequence_stride + 1
    start = build.expand(ramp(windows, "int64"), 1) * sequence_stride
    return emit(index.Take(v.ndim - 1), v, start + ramp(sequence_length, "int64"))
