"""Diagonals, triangles and matrices made of them."""

from __future__ import annotations

from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import ConcreteExtentNeeded, Extent, show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, movement
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..config import standard_dtype
from ..dispatch import op, value
from ._common import Tensorish, cut, flat, like, operands, ramp
from ._common import total as added
from .reductions import widened


def _offsets(rows: Extent, columns: Extent) -> Value:
    """column - row for each place of a matrix."""
    return ramp(columns) - build.expand(ramp(rows), 1)


@op(static=("N", "M"))
def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Value:
    """Ones where column <= row + k, zeros above.

    Args:
        N: rows.
        M: columns, by default as many.
        k: the diagonal up to which there are ones.
        dtype: by default `floatx()`.

    >>> tri(2, 3).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]]
    """
    return cast(_offsets(N, N if M is None else M) <= k, standard_dtype(dtype))


@op(static=("N", "M"))
def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Value:
    """Ones on the kth diagonal, zeros elsewhere. Arguments as in `tri`.

    >>> eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    offsets = _offsets(N, N if M is None else M)
    return cast(emit(compare.Equal(), offsets, like(k, offsets)), standard_dtype(dtype))


@op(static=("n",))
def identity(n: int, dtype: Any = None) -> Value:
    """The identity matrix.

    >>> identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return eye(n, dtype=dtype)


def _triangle(x: Tensorish, k: int, lower: bool) -> Value:
    v = value(x)
    if v.ndim < 2:
        raise ValueError(
            f"`{'tril' if lower else 'triu'}` takes a tensor of at least two axes. Received: x.shape={show(v.shape)}"
        )
    offsets = _offsets(v.shape[-2], v.shape[-1])
    return emit(elementwise.Where(), offsets <= k if lower else offsets >= k, v, like(0, v))


@op
def tril(x: Tensorish, k: int = 0) -> Value:
    """x with zeros above the kth diagonal of its last two axes.

    >>> tril([[1, 2], [3, 4]]).tolist()
    [[1, 0], [3, 4]]
    """
    return _triangle(x, k, True)


@op
def triu(x: Tensorish, k: int = 0) -> Value:
    """x with zeros below the kth diagonal of its last two axes.

    >>> triu([[1, 2], [3, 4]]).tolist()
    [[1, 2], [0, 4]]
    """
    return _triangle(x, k, False)


def main_diagonal(x: Value, offset: int = 0) -> Value:
    """The diagonal of the last two axes, as the last axis."""
    rows, columns = x.shape[-2:]
    if isinstance(rows, int) and isinstance(columns, int):
        first, start = (0, offset) if offset >= 0 else (-offset, 0)
        length = max(min(rows - first, columns - start), 0)
        front = x.shape[:-2]
        lined = build.reshape(x, (*front, rows * columns))
        if length == 0:
            return cut(lined, x.ndim - 2, 0, 0)
        return cut(lined, x.ndim - 2, first * columns + start, length, columns + 1)
    if offset or rows != columns:
        raise ConcreteExtentNeeded(f"the length of diagonal {offset} of {show(x.shape)}")
    offsets = _offsets(rows, columns)
    return added(emit(elementwise.Where(), emit(compare.Equal(), offsets, like(0, offsets)), x, like(0, x)), -1)


def _diagonal(x: Tensorish, offset: int, axis1: int, axis2: int) -> Value:
    v = value(x)
    if v.ndim < 2:
        raise ValueError(f"a diagonal needs a tensor of at least two axes. Received: x.shape={show(v.shape)}")
    a, b = build.normal_axis(axis1, v.ndim), build.normal_axis(axis2, v.ndim)
    if a == b:
        raise ValueError(f"a diagonal needs two different axes. Received: axis1={axis1}, axis2={axis2}")
    return main_diagonal(movement.transpose(v, (*[i for i in range(v.ndim) if i not in (a, b)], a, b)), offset)


@op(static=("offset",))
def diagonal(x: Tensorish, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The diagonal of two axes, as the last axis of the result.

    Args:
        x: a tensor of at least two axes.
        offset: which diagonal; above the main one is positive.
        axis1, axis2: rows and columns.

    >>> diagonal([[1, 2], [3, 4]]).tolist()
    [1, 4]
    """
    return _diagonal(x, offset, axis1, axis2)


@op(static=("offset",))
def trace(x: Tensorish, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    """The sum of the diagonal of two axes. Arguments as in `diagonal`.

    >>> trace([[1, 2], [3, 4]]).tolist()
    5
    """
    return added(widened(_diagonal(x, offset, axis1, axis2)), -1)


def _matrix_of(line: Value, k: int) -> Value:
    n: Extent = line.shape[0] + abs(k)
    offsets = _offsets(n, n)
    rows = movement.reshape(line, (line.shape[0], 1))
    if k:
        rows = emit(movement.Unslice((max(-k, 0), 0), (1, 1), (n, 1)), rows)
    return emit(elementwise.Where(), emit(compare.Equal(), offsets, like(k, offsets)), rows, like(0, rows))


@op
def diag(x: Tensorish, k: int = 0) -> Value:
    """Of one axis: a matrix with x on its kth diagonal. Of two: the kth diagonal of x.

    Raises:
        ValueError: x has another number of axes.

    >>> diag([1, 2]).tolist()
    [[1, 0], [0, 2]]
    """
    v = value(x)
    if v.ndim not in (1, 2):
        raise ValueError(f"`diag` takes a tensor of one or two axes. Received: x.shape={show(v.shape)}")
    return _matrix_of(v, k) if v.ndim == 1 else main_diagonal(v, k)


@op
def diagflat(x: Tensorish, k: int = 0) -> Value:
    """A matrix with all elements of x on its kth diagonal.

    >>> diagflat([[1, 2]]).tolist()
    [[1, 0], [0, 2]]
    """
    return _matrix_of(flat(value(x)), k)


@op(static=("N", "increasing"))
def vander(x: Tensorish, N: int | None = None, increasing: bool = False) -> Value:
    """The Vandermonde matrix: column j holds x to the power N - 1 - j, or j where `increasing`.

    Args:
        x: a tensor of one axis.
        N: columns, by default as many as rows.
        increasing: the order of the powers.

    Raises:
        ValueError: x has another number of axes.

    >>> vander([2, 3], 3).tolist()
    [[4, 2, 1], [9, 3, 1]]
    """
    v = value(x)
    if v.ndim != 1:
        raise ValueError(f"Input tensor must have shape (n,). Received: x.shape={show(v.shape)}")
    n = v.shape[0] if N is None else N
    powers = ramp(n)
    if not increasing:
        powers = cast(build.count_value(n - 1, "int64"), "int32") - powers
    a, b = operands(build.expand(v, 1), cast(powers, v.dtype), numbers=True)
    return emit(elementwise.Pow(), a, b)
