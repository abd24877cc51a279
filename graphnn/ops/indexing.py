"""Elements by index: taking, slicing, scattering. Negative indices count from the end; others out of range are an IndexError."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import Extent, Shape, product, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, index, movement
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ..indexing import get_item
from ._common import Tensorish, cut, flat, like, ramp
from .shaping import extents

__all__ = ["get_item", "scatter", "scatter_update", "slice", "slice_update", "take", "take_along_axis", "unravel_index"]


@op
def take(x: Tensorish, indices: Tensorish, axis: int | None = None) -> Value:
    """Elements of x at indices.

    Args:
        x: a tensor.
        indices: integers of any shape; negative ones count from the end.
        axis: along which axis; None counts through all elements.

    Raises:
        IndexError: an index is out of range.
        TypeError: the indices are not integers.

    >>> take([10, 20, 30], [2, -3]).tolist()
    [30, 10]
    """
    v, places = value(x), value(indices)
    if axis is None:
        v, axis = flat(v), 0
    return build.take(v, places, build.normal_axis(axis, v.ndim))


@op
def take_along_axis(x: Tensorish, indices: Tensorish, axis: int | None = None) -> Value:
    """Elements of x at an index of its own for each place of the result.

    Args:
        x: a tensor.
        indices: integers with as many axes as x; the other axes broadcast.
        axis: along which axis; None counts through all elements.

    Raises:
        IndexError: an index is out of range.
        ValueError: x and the indices have different numbers of axes.

    >>> take_along_axis([[1, 2], [3, 4]], [[1], [0]], axis=1).tolist()
    [[2], [3]]
    """
    v, places = value(x), value(indices)
    if axis is None:
        v, places, axis = flat(v), flat(places), 0
    at = build.normal_axis(axis, v.ndim)
    if places.ndim != v.ndim:
        raise ValueError(
            f"`x` and `indices` must have as many axes. Received: x.shape={show(v.shape)}, indices.shape={show(places.shape)}"
        )
    rest = build.broadcast((*v.shape[:at], 1, *v.shape[at + 1 :]), (*places.shape[:at], 1, *places.shape[at + 1 :]))
    v = build.broadcast_to(v, (*rest[:at], v.shape[at], *rest[at + 1 :]))
    places = build.broadcast_to(build.wrapped(places, v.shape[at]), (*rest[:at], places.shape[at], *rest[at + 1 :]))
    return emit(index.TakeAlongAxis(at), v, places)


def _starts(start: Any, ndim: int) -> list[Any]:
    """One start for each axis: a number, or a value without axes."""
    if isinstance(start, Value):
        line = flat(start)
        return [build.reshape(cut(line, 0, i, 1), ()) for i in range(int(line.shape[0]))]
    found = [value(s) if isinstance(s, Value) else s for s in extents(start)]
    if len(found) > ndim:
        raise ValueError(f"`start_indices` names {len(found)} axes of a tensor that has {ndim}")
    return found + [0] * (ndim - len(found))


def _known(starts: Sequence[Any], shape: Shape) -> tuple[Extent, ...] | None:
    """The starts where they are numbers, negative ones from the end; None where one is a value."""
    if any(isinstance(s, Value) for s in starts):
        return None
    return tuple(s if not isinstance(s, int) or s >= 0 else n + s for s, n in zip(starts, shape, strict=True))


@op(static=("start_indices",))
def slice(inputs: Tensorish, start_indices: Any, shape: Sequence[int]) -> Value:
    """A block of a tensor.

    Args:
        inputs: a tensor.
        start_indices: where the block starts, for each axis: numbers or a tensor.
        shape: its extents; -1 takes what is left.

    Raises:
        ValueError: the block leaves the tensor.

    >>> slice([[1, 2, 3], [4, 5, 6]], (0, 1), (2, 2)).tolist()
    [[2, 3], [5, 6]]
    """
    v = value(inputs)
    starts = _starts(start_indices, v.ndim)
    sizes = (*extents(shape), *v.shape[len(extents(shape)) :])
    known = _known(starts, v.shape)
    if known is not None:
        sizes = tuple(n - s if isinstance(d, int) and d == -1 else d for d, s, n in zip(sizes, known, v.shape, strict=True))
        return emit(movement.Slice(known, sizes, (1,) * v.ndim), v)
    for axis, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        if isinstance(start, Value):
            v = build.take(v, ramp(size, "int64") + cast(start, "int64"), axis)
        else:
            v = cut(v, axis, start, v.shape[axis] - start if isinstance(size, int) and size == -1 else size)
    return v


@op(static=("start_indices",), tensors=("updates",))
def slice_update(inputs: Tensorish, start_indices: Any, updates: Tensorish) -> Value:
    """A tensor with a block replaced.

    Args:
        inputs: a tensor.
        start_indices: where the block starts, for each axis: numbers or a tensor.
        updates: the new block, with as many axes.

    Raises:
        ValueError: the block leaves the tensor.

    >>> slice_update([[1, 2, 3], [4, 5, 6]], (0, 1), [[0, 0]]).tolist()
    [[1, 0, 0], [4, 5, 6]]
    """
    v = value(inputs)
    block = value(updates, v.dtype)
    if block.ndim != v.ndim:
        raise ValueError(f"`updates` must have as many axes as `inputs`. Received: {show(block.shape)} and {show(v.shape)}")
    starts = _starts(start_indices, v.ndim)
    known = _known(starts, v.shape)
    if known is not None:
        return emit(movement.SliceUpdate(known, (1,) * v.ndim), v, block)
    inside: Value | None = None
    for axis, start in enumerate(starts):
        size, n = block.shape[axis], v.shape[axis]
        place = ramp(n, "int64") - cast(value(start), "int64")
        last = index.extent_value(size) - 1
        near = emit(elementwise.Minimum(), emit(elementwise.Maximum(), place, like(0, place)), last)
        block = emit(index.Take(axis), block, near)
        hit = emit(compare.And(), place >= 0, place <= last)
        hit = movement.reshape(hit, tuple(n if i == axis else 1 for i in range(v.ndim)))
        inside = hit if inside is None else emit(compare.And(), inside, hit)
    assert inside is not None
    return emit(elementwise.Where(), inside, block, v)


def linear_index(places: Value, shape: Shape) -> Value:
    """Rows of coordinates (..., axes) as indices into the flattened axes; one that leaves its axis becomes one that leaves them all."""
    lined: Value | None = None
    wrong: Value | None = None
    whole = build.count_value(product(shape), "int64")
    for axis, n in enumerate(shape):
        one = build.reshape(cut(places, places.ndim - 1, axis, 1), places.shape[:-1])
        one = build.wrapped(one, n)
        limit = build.count_value(n, "int64")
        outside = emit(compare.Or(), one < 0, one >= limit)
        wrong = outside if wrong is None else emit(compare.Or(), wrong, outside)
        lined = one if lined is None else lined * limit + one
    assert lined is not None and wrong is not None
    return lined if len(shape) == 1 else emit(elementwise.Where(), wrong, whole, lined)


def scattered(base: Value, places: Value, updates: Value, mode: str) -> Value:
    """base with updates joined to the blocks that rows of coordinates name."""
    depth = int(places.shape[-1])
    if depth > base.ndim or depth == 0:
        raise ValueError(f"indices of {depth} coordinates do not fit a tensor of {base.ndim} axes")
    front, inner = base.shape[:depth], base.shape[depth:]
    block = build.broadcast_to(updates, (*places.shape[:-1], *inner))
    rows, width = product(places.shape[:-1]), product(inner)
    lined = build.reshape(linear_index(places, front), (rows,))
    y = emit(
        index.Scatter(mode),
        build.reshape(base, (product(front), width)),
        lined,
        build.reshape(cast(block, base.dtype), (rows, width)),
    )
    return build.reshape(y, base.shape)


@op
def scatter(indices: Tensorish, values: Tensorish, shape: Sequence[int]) -> Value:
    """Zeros with values added at coordinates.

    Args:
        indices: coordinates (..., k): the first k axes of the result.
        values: what is added: (..., rest of `shape`); at equal coordinates they are summed.
        shape: that of the result.

    Raises:
        IndexError: a coordinate is out of range.

    >>> scatter([[0], [0], [2]], [1.0, 2.0, 3.0], (4,)).tolist()
    [3.0, 0.0, 3.0, 0.0]
    """
    v = value(values)
    base = build.broadcast_to(like(0, v), extents(shape))
    return scattered(base, value(indices), v, "add")


@op(tensors=("indices", "updates"), static=("reduction",))
def scatter_update(inputs: Tensorish, indices: Tensorish, updates: Tensorish, reduction: str | None = None) -> Value:
    """A tensor with elements or blocks at coordinates replaced, or joined with updates.

    Args:
        inputs: a tensor.
        indices: coordinates (..., k): the first k axes of `inputs`.
        updates: (..., rest of the shape of `inputs`).
        reduction: None replaces, the last of equal coordinates wins; "add", "max", "min" and "mul" join.

    Raises:
        IndexError: a coordinate is out of range.
        ValueError: another word for `reduction`.

    >>> scatter_update([1.0, 2.0, 3.0], [[0], [2]], [7.0, 8.0]).tolist()
    [7.0, 2.0, 8.0]
    """
    modes = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "mul"}
    if reduction not in modes:
        raise ValueError(f"Invalid reduction: {reduction}. Supported values are: None, 'add', 'max', 'min', 'mul'.")
    return scattered(value(inputs), value(indices), value(updates), modes[reduction])


@op
def unravel_index(indices: Tensorish, shape: Sequence[int]) -> tuple[Value, ...]:
    """Indices into flattened axes as coordinates: a tensor of int32 for each axis.

    Args:
        indices: integers; negative ones count from the end.
        shape: the extents of the axes.

    >>> [t.tolist() for t in unravel_index([5, 7], (3, 4))]
    [[1, 1], [1, 3]]
    """
    dims = extents(shape)
    rest = build.wrapped(value(indices), product(dims))
    found: list[Value] = []
    for n in reversed(dims):
        size = build.count_value(n, "int64")
        found.append(cast(rest % size, "int32"))
        rest = emit(elementwise.FloorDiv(), rest, size)
    return tuple(reversed(found))
