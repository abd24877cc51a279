"""Ops that put tensors together or take them apart along an axis."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import ConcreteExtentNeeded, Extent, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.movement import split_at
from graphnn_compiler.ops.movement import transpose as permuted

from ..dispatch import op, value
from ._common import Tensorish, cut, flat, glued, operands


def _fitting(xs: Sequence[Value], axis: int) -> None:
    first = xs[0].shape
    for v in xs:
        rest = [n for i, n in enumerate(v.shape) if i != axis]
        if v.ndim != len(first) or rest != [n for i, n in enumerate(first) if i != axis]:
            if v.ndim == len(first) and not all(isinstance(n, int) for n in (*first, *v.shape)):
                raise ConcreteExtentNeeded(f"{', '.join(show(x.shape) for x in xs)} fit together only for some extents")
            raise ValueError(
                f"Tensors to be joined must have the same shape but for axis={axis}. Received: {', '.join(show(x.shape) for x in xs)}"
            )


@op(name="Concatenate")
def _concatenate(parts: Sequence[Tensorish], axis: int) -> Value:
    return _joined(_parts(parts, "concatenate"), axis)


def _joined(parts: list[Value], axis: int) -> Value:
    at = build.normal_axis(axis, parts[0].ndim)
    _fitting(parts, at)
    return glued(parts, at)


def concatenate(xs: Sequence[Tensorish], axis: int = 0) -> Value:
    """Tensors after one another along an axis.

    Args:
        xs: a list of tensors, of the same shape but for that axis.
        axis: along which axis.

    Raises:
        ValueError: the list is empty or the shapes do not fit.

    >>> concatenate([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    return _concatenate(xs, axis)


def _parts(xs: Any, name: str) -> list[Value]:
    if isinstance(xs, Value):
        xs = list(xs)
    if not xs:
        raise ValueError(f"`{name}` takes at least one tensor. Received: {xs}")
    return operands(*[value(x) for x in xs])


@op
def stack(x: Sequence[Tensorish], axis: int = 0) -> Value:
    """Tensors of the same shape along a new axis.

    Args:
        x: a list of tensors or numbers.
        axis: the place of the new axis in the result.

    Raises:
        ValueError: the list is empty or the shapes differ.

    >>> stack([[1, 2], [3, 4]], axis=1).tolist()
    [[1, 3], [2, 4]]
    """
    parts = _parts(x, "stack")
    at = build.normal_axis(axis, parts[0].ndim + 1)
    _fitting(parts, -1)
    return glued([build.expand(v, at) for v in parts], at)


@op
def append(x1: Tensorish, x2: Tensorish, axis: int | None = None) -> Value:
    """x2 after x1 along an axis; None takes all elements of both as one axis.

    >>> append([1, 2], [3]).tolist()
    [1, 2, 3]
    """
    a, b = operands(x1, x2)
    if axis is None:
        return glued([flat(a), flat(b)], 0)
    return _joined([a, b], axis)


@op(name="Hstack")
def _hstack(parts: Sequence[Tensorish]) -> Value:
    lines = [v if v.ndim else flat(v) for v in _parts(parts, "hstack")]
    return _joined(lines, 0 if lines[0].ndim == 1 else 1)


def hstack(xs: Sequence[Tensorish]) -> Value:
    """Tensors after one another along axis 1, or 0 where they have one axis.

    >>> hstack([[1, 2], [3]]).tolist()
    [1, 2, 3]
    """
    return _hstack(xs)


@op
def vstack(xs: Sequence[Tensorish]) -> Value:
    """Tensors after one another along axis 0; those of one axis are rows.

    >>> vstack([[1, 2], [3, 4]]).tolist()
    [[1, 2], [3, 4]]
    """
    return _joined([build.expand(flat(v), 0) if v.ndim < 2 else v for v in _parts(xs, "vstack")], 0)


@op
def dstack(xs: Sequence[Tensorish]) -> Value:
    """Tensors after one another along axis 2; those of fewer axes get it.

    >>> dstack([[1, 2], [3, 4]]).tolist()
    [[[1, 3], [2, 4]]]
    """
    found: list[Value] = []
    for v in _parts(xs, "dstack"):
        v = build.expand(flat(v), 0) if v.ndim < 2 else v
        found.append(build.expand(v, 2) if v.ndim == 2 else v)
    return _joined(found, 2)


def _pieces(v: Value, at: int, bounds: Sequence[Extent]) -> list[Value]:
    return [cut(v, at, a, b - a) for a, b in itertools.pairwise(bounds)]


@op(static=("indices_or_sections",))
def split(x: Tensorish, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Value]:
    """x in pieces along an axis.

    Args:
        x: a tensor.
        indices_or_sections: the number of equal pieces, or the places where the pieces after the first start.
        axis: along which axis.

    Raises:
        ValueError: the extent cannot be divided.

    >>> [piece.tolist() for piece in split([1, 2, 3, 4], [1, 3])]
    [[1], [2, 3], [4]]
    """
    return _split(value(x), indices_or_sections, axis)


def _split(v: Value, parts: int | Sequence[int], axis: int) -> list[Value]:
    at = build.normal_axis(axis, v.ndim)
    n = v.shape[at]
    if isinstance(parts, int):
        each = split_at(n, parts)
        return _pieces(v, at, [each * i for i in range(parts + 1)])
    places = [int(p) if p >= 0 or not isinstance(n, int) else max(n + int(p), 0) for p in parts]
    inside: list[Extent] = [min(p, n) if isinstance(n, int) else p for p in places]
    bounds: list[Extent] = [0, *inside, n]
    if isinstance(n, int):
        return [cut(v, at, a, max(b - a, 0)) for a, b in itertools.pairwise(bounds)]  # type: ignore[type-var,operator]
    return _pieces(v, at, bounds)


@op(static=("indices_or_sections",))
def array_split(x: Tensorish, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Value]:
    """x in pieces along an axis, the first ones longer by one where the extent cannot be divided. Arguments as in `split`.

    >>> [piece.tolist() for piece in array_split([1, 2, 3], 2)]
    [[1, 2], [3]]
    """
    v = value(x)
    if not isinstance(indices_or_sections, int):
        return _split(v, indices_or_sections, axis)
    n = int(v.shape[build.normal_axis(axis, v.ndim)])
    each, more = divmod(n, indices_or_sections)
    return _split(v, [each * i + min(i, more) for i in range(1, indices_or_sections)], axis)


@op(static=("indices_or_sections",))
def hsplit(x: Tensorish, indices_or_sections: int | Sequence[int]) -> list[Value]:
    """x in pieces along axis 1, or 0 where it has one axis.

    >>> [piece.tolist() for piece in hsplit([[1, 2], [3, 4]], 2)]
    [[[1], [3]], [[2], [4]]]
    """
    v = value(x)
    return _split(v, indices_or_sections, 0 if v.ndim == 1 else 1)


@op(static=("indices_or_sections",))
def vsplit(x: Tensorish, indices_or_sections: int | Sequence[int]) -> list[Value]:
    """x in pieces along axis 0.

    >>> [piece.tolist() for piece in vsplit([[1, 2], [3, 4]], 2)]
    [[[1, 2]], [[3, 4]]]
    """
    return _split(value(x), indices_or_sections, 0)


@op(static=("indices_or_sections",))
def dsplit(x: Tensorish, indices_or_sections: int | Sequence[int]) -> list[Value]:
    """x in pieces along axis 2.

    >>> [piece.tolist() for piece in dsplit([[[1, 2]]], 2)]
    [[[[1]]], [[[2]]]]
    """
    return _split(value(x), indices_or_sections, 2)


@op
def unstack(x: Tensorish, num: int | None = None, axis: int = 0) -> list[Value]:
    """The slices of x along an axis, without that axis.

    Args:
        x: a tensor.
        num: how many there are, if the extent is not known.
        axis: along which axis.

    >>> [row.tolist() for row in unstack([[1, 2], [3, 4]])]
    [[1, 2], [3, 4]]
    """
    v = value(x)
    at = build.normal_axis(axis, v.ndim)
    rest = tuple(n for i, n in enumerate(v.shape) if i != at)
    count = int(v.shape[at]) if num is None else num
    return [build.reshape(cut(v, at, i, 1), rest) for i in range(count)]


@op
def meshgrid(*x: Tensorish, indexing: str = "xy") -> list[Value]:
    """Coordinates of a grid: one tensor for each axis, all of the shape of the grid.

    Args:
        *x: tensors of one axis: the places along each axis of the grid.
        indexing: "xy": the first two axes of the grid exchanged; "ij": in the order given.

    Raises:
        ValueError: another word for `indexing`.

    >>> [m.tolist() for m in meshgrid([1, 2], [3, 4])]
    [[[1, 2], [1, 2]], [[3, 3], [4, 4]]]
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Valid values for `indexing` are 'xy' and 'ij', but received {indexing}.")
    lines = [flat(value(v)) for v in x]
    shape = tuple(v.shape[0] for v in lines)
    grids = [
        build.broadcast_to(build.reshape(v, tuple(n if i == j else 1 for j, n in enumerate(shape))), shape)
        for i, v in enumerate(lines)
    ]
    if indexing == "xy" and len(lines) > 1:
        grids = [permuted(g, (1, 0, *range(2, g.ndim))) for g in grids]
    return grids
