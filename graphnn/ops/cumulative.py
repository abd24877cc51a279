"""Running totals, differences and integrals along an axis."""

from __future__ import annotations

from typing import Any

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.ordering import Cumulate
from graphnn_compiler.trace import emit

from ..config import standard_dtype
from ..dispatch import op, value
from ._common import Tensorish, cut, flat, floating, from_last, number, operands, to_last
from ._common import total as added


def _running(mode: str, x: Tensorish, axis: int | None, dtype: Any) -> Value:
    v = number(value(x))
    if dtype is not None:
        v = cast(v, standard_dtype(dtype))
    if axis is None:
        return emit(Cumulate(mode), flat(v))
    at = build.normal_axis(axis, v.ndim)
    return from_last(emit(Cumulate(mode), to_last(v, at)), at)


@op
def cumsum(x: Tensorish, axis: int | None = None, dtype: Any = None) -> Value:
    """Running sum along an axis.

    Args:
        x: a tensor; bools count as int32.
        axis: an axis; None runs through all elements and gives one axis.
        dtype: that of the result.

    >>> cumsum([1.0, 2.0, 3.0]).tolist()
    [1.0, 3.0, 6.0]
    """
    return _running("add", x, axis, dtype)


@op
def cumprod(x: Tensorish, axis: int | None = None, dtype: Any = None) -> Value:
    """Running product along an axis. Arguments as in `cumsum`.

    >>> cumprod([1.0, 2.0, 3.0]).tolist()
    [1.0, 2.0, 6.0]
    """
    return _running("mul", x, axis, dtype)


@op(static=("n",))
def diff(a: Tensorish, n: int = 1, axis: int = -1) -> Value:
    """Differences of neighbours: a[i + 1] - a[i]; of bools: whether they differ.

    Args:
        a: a tensor of at least one axis.
        n: how often to take differences.
        axis: along which axis.

    Raises:
        ValueError: n is negative, or a has no axis.

    >>> diff([1.0, 4.0, 9.0]).tolist()
    [3.0, 5.0]
    """
    v = value(a)
    if n < 0 or v.ndim == 0:
        raise ValueError(f"`diff` takes n >= 0 of a tensor of at least one axis. Received: n={n}, a.ndim={v.ndim}")
    at = build.normal_axis(axis, v.ndim)
    for _ in range(n):
        extent = v.shape[at]
        if extent == 0:
            return v
        left, right = cut(v, at, 0, extent - 1), cut(v, at, 1, extent - 1)
        v = emit(compare.NotEqual(), right, left) if v.dtype == "bool" else right - left
    return v


@op(static=("dx",))
def trapezoid(y: Tensorish, x: Tensorish = None, dx: float = 1.0, axis: int = -1) -> Value:
    """The integral of y by the trapezoidal rule: sum((y[i] + y[i + 1]) (x[i + 1] - x[i])) / 2.

    Args:
        y: a tensor.
        x: where y was sampled, one axis or as many as y; by default with distance `dx`.
        dx: the distance between samples.
        axis: along which axis.

    >>> trapezoid([1.0, 2.0, 3.0]).tolist()
    4.0
    """
    v = floating(y)
    at = build.normal_axis(axis, v.ndim)
    n = v.shape[at] - 1
    if x is None:
        step: Any = dx
    else:
        v, places = operands(v, x, floats=True)
        if places.ndim == 1:
            places = build.reshape(places, tuple(places.shape[0] if i == at else 1 for i in range(v.ndim)))
        step = cut(places, at, 1, n) - cut(places, at, 0, n)
    return added((cut(v, at, 1, n) + cut(v, at, 0, n)) * step, at) * 0.5
