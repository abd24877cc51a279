"""Norms and statistics of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, decomposition, elementwise, movement, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..dispatch import op
from ._common import Axis, Tensorish, floating, largest, like, operands, ramp, root, smallest
from ._common import total as added
from .contraction import contracted


def _vector_norm(v: Value, order: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    if order is None or order == 2:
        return root(added(v * v, axes, keepdims))
    if order == math.inf:
        return largest(abs(v), axes, keepdims)
    if order == -math.inf:
        return smallest(abs(v), axes, keepdims)
    if order == 0:
        return added(cast(emit(compare.NotEqual(), v, like(0, v)), v.dtype), axes, keepdims)
    if order == 1:
        return added(abs(v), axes, keepdims)
    if isinstance(order, str):
        raise ValueError(f"Invalid `ord` argument for vector norm. Received: ord={order!r}")
    power = added(emit(elementwise.Pow(), abs(v), like(float(order), v)), axes, keepdims)
    return emit(elementwise.Pow(), power, like(1 / float(order), v))


def _matrix_norm(v: Value, order: Any, axes: tuple[int, ...], keepdims: bool) -> Value:
    rows, columns = axes
    if order in (None, "fro"):
        return root(added(v * v, axes, keepdims))
    if order in (1, -1, math.inf, -math.inf):
        over, along = (rows, columns) if abs(order) == 1 else (columns, rows)
        sums = added(abs(v), over, True)
        y = largest(sums, along, True) if order > 0 else smallest(sums, along, True)
    elif order in (2, -2, "nuc"):
        rest = tuple(i for i in range(v.ndim) if i not in axes)
        s = decomposition.singular_values(movement.transpose(v, (*rest, rows, columns)))
        y = added(s, -1, True) if order == "nuc" else largest(s, -1, True) if order == 2 else smallest(s, -1, True)
        y = build.reshape(y, tuple(1 if i in axes else n for i, n in enumerate(v.shape)))
    else:
        raise ValueError(f"Invalid `ord` argument for matrix norm. Received: ord={order!r}")
    return y if keepdims else build.reshape(y, tuple(n for i, n in enumerate(y.shape) if i not in axes))


@op
def norm(x: Tensorish, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Value:
    """The norm of vectors or matrices.

    Args:
        x: a tensor.
        ord: of vectors: None or 2: sqrt(sum(x^2)); 1, 3, ...: sum(|x|^ord)^(1 / ord); inf, -inf: largest, smallest |x|; 0: how many are
            not 0. Of matrices: None or "fro": sqrt(sum(x^2)); 1, -1 and inf, -inf: largest, smallest sum of |x| of a column, of a row;
            2, -2: largest, smallest singular value; "nuc": the sum of them.
        axis: one axis of vectors, two of matrices; None with `ord` takes x of one or two axes as a whole, without it all elements.
        keepdims: whether reduced axes stay, with extent 1.

    Raises:
        ValueError: an unknown `ord`, or a number of axes that has no norm.

    >>> norm([3.0, 4.0]).tolist()
    5.0
    """
    v = floating(x)
    if axis is None and ord is None:
        return _vector_norm(v, None, tuple(range(v.ndim)), keepdims)
    if axis is None:
        axes: tuple[int, ...] = tuple(range(v.ndim))
    else:
        axes = tuple(build.normal_axis(int(a), v.ndim) for a in (axis if isinstance(axis, list | tuple) else [axis]))  # type: ignore[arg-type]
    if len(axes) == 1:
        return _vector_norm(v, ord, axes, keepdims)
    if len(axes) == 2 and axes[0] != axes[1]:
        return _matrix_norm(v, ord, axes, keepdims)
    raise ValueError(f"Improper number of dimensions to norm: {len(axes)}. Received: x.shape={show(v.shape)}, axis={axis}")


@op(tensors=("y",))
def cdist(x: Tensorish, y: Tensorish) -> Value:
    """The Euclidean distance of each row of x from each row of y, with gradient 0 where it is 0.

    Args:
        x: a tensor (..., n, d).
        y: a tensor (..., m, d).

    Returns:
        A tensor (..., n, m).

    >>> cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]]).tolist()
    [[5.0, 1.0]]
    """
    a, b = operands(x, y, floats=True)
    distance = build.expand(a, -2) - build.expand(b, -3)
    return root(added(distance * distance, -1))


@op(static=("max_val",))
def psnr(x1: Tensorish, x2: Tensorish, max_val: float) -> Value:
    """The peak signal-to-noise ratio: 20 log10(max_val) - 10 log10(mean((x1 - x2)^2)).

    Args:
        x1, x2: images.
        max_val: the largest number that a pixel can have.

    Raises:
        ValueError: the shapes differ.

    >>> print(psnr([0.0, 0.0], [1.0, 1.0], 10.0).round(4))
    20.0
    """
    a, b = operands(x1, x2, floats=True)
    if a.shape != b.shape:
        raise ValueError(f"Input shapes {show(a.shape)} and {show(b.shape)} must match for PSNR calculation.")
    distance = a - b
    return emit(transcendental.Log10(), build.mean(distance * distance)) * -10.0 + 20 * math.log10(max_val)


@op
def corrcoef(x: Tensorish) -> Value:
    """Pearson's correlation of each row with each row.

    Args:
        x: a tensor (variables, observations), or of one variable (observations,).

    >>> print(corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]).round(4))
    [[ 1. -1.]
     [-1.  1.]]
    """
    v = floating(x)
    rows = build.expand(v, 0) if v.ndim == 1 else v
    centred = rows - build.mean(rows, -1, True)
    covariance = contracted(centred, build.transpose(centred, (1, 0)))
    spread = emit(transcendental.Sqrt(), added(centred * centred, -1, True))
    y = covariance / spread / build.transpose(spread, (1, 0))
    y = emit(elementwise.Maximum(), emit(elementwise.Minimum(), y, like(1, y)), like(-1, y))
    return build.reshape(y, ()) if v.ndim == 1 else y


@op(static=("mode",))
def correlate(x1: Tensorish, x2: Tensorish, mode: str = "valid") -> Value:
    """The cross-correlation of two sequences: y[k] = sum over i of x1[i + k] x2[i].

    Args:
        x1, x2: tensors of one axis.
        mode: "valid": where both overlap wholly; "same": as long as the longer one; "full": wherever they overlap.

    Raises:
        ValueError: another mode, or other numbers of axes.

    >>> correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5]).tolist()
    [3.5]
    """
    a, b = operands(x1, x2, floats=True)
    if mode not in ("valid", "same", "full") or a.ndim != 1 or b.ndim != 1:
        raise ValueError(
            "`correlate` takes tensors of one axis and mode 'valid', 'same' or 'full'. "
            f"Received: {show(a.shape)}, {show(b.shape)}, {mode!r}"
        )
    n, m = int(a.shape[0]), int(b.shape[0])
    full = n + m - 1
    long, short = (a, b) if n >= m else (b, a)
    size, width = max(n, m), min(n, m)
    padded = emit(movement.Unslice((width - 1,), (1,), (size + 2 * (width - 1),)), long)
    place = build.expand(ramp(full, "int64"), 1) + ramp(width, "int64")
    y = contracted(build.take(padded, place, 0), short)
    if n < m:  # exchanging the two turns the sequence round
        y = emit(movement.Slice((full - 1,), (full,), (-1,)), y)
    kept = {"full": full, "same": size, "valid": size - width + 1}[mode]
    start = {"full": 0, "same": (full - size) // 2, "valid": width - 1}[mode]
    if mode == "same" and n < m:
        start = full - size - start
    return y if kept == full else emit(movement.Slice((start,), (kept,), (1,)), y)
