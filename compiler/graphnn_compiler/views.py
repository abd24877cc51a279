"""Where the elements of a value lie: storages (buffer, offset, strides) and index maps that carry movement ops into addresses.

A *map* says, for each axis of a value, which index it has at a point of an iteration space: `offset + step * point[axis]`, or the
constant `offset` where `axis` is None. Reading a value through transposes, slices and broadcasts only changes the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .dims import Extent, Shape, product
from .ir import Node, Value
from .ops.behind import Behind
from .ops.movement import BroadcastTo, Reshape, Slice, Transpose


@dataclass(frozen=True)
class At:
    """The index of one axis at a point of the iteration space."""

    offset: Extent
    axis: int | None
    step: int


Map: TypeAlias = "tuple[At, ...]"
FIXED = At(0, None, 0)


def identity(ndim: int) -> Map:
    """The map of a value that has the iteration space's own shape."""
    return tuple(At(0, i, 1) for i in range(ndim))


def onto_operand(shape: Shape, result: Shape, m: Map) -> Map:
    """The map of an operand that broadcasts to a result read through m."""
    extra = len(result) - len(shape)
    return tuple(FIXED if d == 1 and result[i + extra] != 1 else m[i + extra] for i, d in enumerate(shape))


def _through_reshape(old: Shape, new: Shape, m: Map) -> Map | None:
    """Only axes of extent 1 may come or go."""
    if [d for d in old if d != 1] != [d for d in new if d != 1]:
        return None
    rest = iter(at for at, d in zip(m, new, strict=True) if d != 1)
    return tuple(FIXED if d == 1 else next(rest) for d in old)


def through(node: Node, m: Map) -> Map | None:
    """The map of a movement node's input, given that of its output; None where that is no map."""
    op = node.op
    if op.kind != "movement":
        return None
    if isinstance(op, Behind):
        return m
    shape = node.inputs[0].shape
    if isinstance(op, Transpose):
        return tuple(m[op.perm.index(i)] for i in range(len(shape)))
    if isinstance(op, BroadcastTo):
        return onto_operand(shape, op.shape, m)
    if isinstance(op, Slice):
        return tuple(
            At(start + step * at.offset, at.axis, step * at.step)
            for start, step, at in zip(op.starts, op.steps, m, strict=True)
        )
    if isinstance(op, Reshape):
        return _through_reshape(shape, op.shape, m)
    return None


def strip(v: Value, m: Map) -> tuple[Value, Map]:
    """Walks back over movement ops as far as maps go."""
    while v.node is not None:
        inner = through(v.node, m)
        if inner is None:
            break
        v, m = v.node.inputs[0], inner
    return v, m


class Buffer:
    """Memory for `size` elements: in the arena, or of a state, input, output or constant (`slot` says which)."""

    __slots__ = ("size", "dtype", "kind", "slot")

    def __init__(self, size: Extent, dtype: str, kind: str = "arena", slot: object = None):
        self.size, self.dtype, self.kind, self.slot = size, dtype, kind, slot

    def __repr__(self) -> str:
        return f"<{self.kind} {self.dtype} {self.size}>"


@dataclass(frozen=True)
class Storage:
    """A tensor in memory; offset and strides count elements."""

    buffer: Buffer
    shape: Shape
    offset: Extent
    strides: tuple[Extent, ...]

    @property
    def contiguous(self) -> bool:
        """Row-major without gaps."""
        return all(d == 1 or s == c for d, s, c in zip(self.shape, self.strides, row_major(self.shape), strict=True))

    def read(self, m: Map, ndim: int) -> tuple[Extent, tuple[Extent, ...]]:
        """Offset, and stride along each axis of an iteration space, of a read through m."""
        offset, strides = self.offset, [0] * ndim
        for at, s in zip(m, self.strides, strict=True):
            offset = offset + s * at.offset
            if at.axis is not None:
                strides[at.axis] = strides[at.axis] + s * at.step  # type: ignore[call-overload]
        return offset, tuple(strides)


def row_major(shape: Shape) -> tuple[Extent, ...]:
    """Strides of a contiguous tensor, in elements."""
    return tuple(product(shape[i + 1 :]) for i in range(len(shape)))


def contiguous(buffer: Buffer, shape: Shape) -> Storage:
    """A whole buffer as a row-major tensor."""
    return Storage(buffer, shape, 0, row_major(shape))


def view(storage: Storage, node: Node) -> Storage | None:
    """The storage of a movement node's output as a view of its input's; None where elements must be copied."""
    shape = node.outputs[0].shape
    if isinstance(node.op, Reshape):
        if storage.contiguous:
            return Storage(storage.buffer, shape, storage.offset, row_major(shape))
        strides = _split_merge(storage, shape)
        return None if strides is None else Storage(storage.buffer, shape, storage.offset, strides)
    m = through(node, identity(len(shape)))
    if m is None:
        return None
    offset, strides = storage.read(m, len(shape))
    return Storage(storage.buffer, shape, offset, strides)


def _split_merge(storage: Storage, shape: Shape) -> tuple[Extent, ...] | None:
    """Strides under a new shape where each new axis is a part of one old axis, or old axes that lie densely within each other."""
    old = [(d, s) for d, s in zip(storage.shape, storage.strides, strict=True) if d != 1]
    merged: list[tuple[Extent, Extent]] = []
    for d, s in old:
        if merged and merged[-1][1] == s * d:
            merged[-1] = (merged[-1][0] * d, s)
        else:
            merged.append((d, s))
    out: list[Extent] = []
    i, total = 0, 1
    part: list[Extent] = []
    for d in shape:
        part.append(d)
        total = total * d  # type: ignore[assignment]
        if i < len(merged) and total == merged[i][0]:
            inner = row_major(tuple(part))
            out += [s * merged[i][1] for s in inner]
            i, total, part = i + 1, 1, []
    if part and any(d != 1 for d in part):
        return None
    out += [0] * len(part)
    return tuple(out) if i == len(merged) else None


def collapse(extents: Sequence[Extent], strides: Sequence[Sequence[Extent]]) -> list[list[int]]:
    """Groups of neighbouring axes that every operand crosses as one: axis i joins i+1 where stride i = stride i+1 times extent i+1."""
    groups: list[list[int]] = []
    for i in range(len(extents)):
        if groups:
            j = groups[-1][-1]
            if all(s[j] == s[i] * extents[i] for s in strides):
                groups[-1].append(i)
                continue
        groups.append([i])
    return groups
