"""Medians, quantiles and percentiles, and histograms."""

from __future__ import annotations

from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import product
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.index import Scatter, TakeAlongAxis
from graphnn_compiler.ops.movement import reshape, transpose
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ._common import Axis, Tensorish, cut, flat, floating, largest, like, smallest
from ._common import total as added
from .creation import linspace
from .sorting import sorted_last

METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(x: Tensorish, q: Tensorish, axis: Axis, method: str, keepdims: bool, skip_nan: bool) -> Value:
    if method not in METHODS:
        raise ValueError(f"`method` must be one of {', '.join(METHODS)}. Received: method={method!r}")
    v = floating(x)
    exact = "float32" if v.dtype == "float16" else v.dtype
    fraction = cast(value(q), exact)
    axes = build.normal_axes(axis, v.ndim)
    rest = tuple(i for i in range(v.ndim) if i not in axes)
    kept = tuple(v.shape[i] for i in rest)
    v = sorted_last(reshape(transpose(v, rest + axes), (*kept, product(v.shape[i] for i in axes))))
    n, last = v.shape[-1], v.ndim - 1
    if skip_nan:
        steps = added(cast(emit(compare.Not(), emit(compare.IsNan(), v)), exact), last, True) - 1
    else:
        steps = build.count_value(n, exact) - 1
    place = emit(elementwise.Maximum(), flat(fraction) * steps, like(0, fraction))
    place = build.broadcast_to(place, (*kept, product(fraction.shape)))

    def at(p: Value) -> Value:
        top = build.count_value(n, "int64") - 1
        return emit(TakeAlongAxis(last), v, emit(elementwise.Minimum(), cast(p, "int64"), top))

    below = emit(transcendental.Floor(), place)
    above = emit(transcendental.Ceil(), place)
    if method == "linear":
        y = at(below) + (at(above) - at(below)) * cast(place - below, v.dtype)
    elif method == "midpoint":
        y = (at(below) + at(above)) * 0.5
    else:
        y = at({"lower": below, "higher": above, "nearest": emit(transcendental.Round(), place)}[method])
    if not skip_nan:
        end = cut(v, last, n - 1, 1)  # NaN is sorted to the end
        y = emit(elementwise.Where(), emit(compare.IsNan(), end), end, y)
    y = transpose(y, (last, *range(last)))
    shape = tuple(1 if i in axes else d for i, d in enumerate(value(x).shape)) if keepdims else kept
    return reshape(y, (*fraction.shape, *shape))


@op(static=("method",), tensors=("q",))
def quantile(x: Tensorish, q: Tensorish, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Value:
    """The value below which a fraction q of the elements lies.

    Args:
        x: a tensor.
        q: a fraction from 0 to 1, or several: these are the first axis of the result.
        axis: an axis, several, or None for all.
        method: between two elements "linear", or "lower", "higher", "midpoint", "nearest".
        keepdims: whether reduced axes stay, with extent 1.

    Raises:
        ValueError: an unknown method.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5).tolist()
    2.5
    """
    return _quantile(x, q, axis, method, keepdims, False)


@op(static=("method",), tensors=("q",))
def percentile(x: Tensorish, q: Tensorish, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Value:
    """The quantile of q / 100. Other arguments as in `quantile`.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 50.0).tolist()
    2.5
    """
    return _quantile(x, floating(q) / 100.0, axis, method, keepdims, False)


@op
def median(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The middle element, or the mean of the two in the middle.

    >>> median([3.0, 1.0, 2.0]).tolist()
    2.0
    """
    return _quantile(x, 0.5, axis, "linear", keepdims, False)


@op(static=("method",), tensors=("q",))
def nanquantile(x: Tensorish, q: Tensorish, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Value:
    """The quantile of what is not NaN. Arguments as in `quantile`.

    >>> nanquantile([1.0, float("nan"), 3.0], 0.5).tolist()
    2.0
    """
    return _quantile(x, q, axis, method, keepdims, True)


@op(static=("method",), tensors=("q",))
def nanpercentile(x: Tensorish, q: Tensorish, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Value:
    """The percentile of what is not NaN. Arguments as in `quantile`.

    >>> nanpercentile([1.0, float("nan"), 3.0], 50.0).tolist()
    2.0
    """
    return _quantile(x, floating(q) / 100.0, axis, method, keepdims, True)


@op
def nanmedian(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The median of what is not NaN.

    >>> nanmedian([1.0, float("nan"), 3.0]).tolist()
    2.0
    """
    return _quantile(x, 0.5, axis, "linear", keepdims, True)


@op(static=("bins", "range"))
def histogram(x: Tensorish, bins: Any = 10, range: Any = None) -> tuple[Value, Value]:
    """How many elements fall into each of `bins` intervals of equal length, and the edges of these.

    Args:
        x: a tensor; all its elements count.
        bins: how many intervals; the last one holds its upper edge too.
        range: the first and the last edge, by default the extrema of x; elements outside do not count.

    Raises:
        ValueError: `bins` is not a positive integer, or `range` is none.
        TypeError: `bins` is not an integer.

    >>> [t.tolist() for t in histogram([1.0, 2.0, 2.0, 4.0], bins=3)]
    [[1.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0]]
    """
    if not isinstance(bins, int):
        raise TypeError(f"Argument `bins` must be of type `int`. Received: bins={bins}")
    if bins <= 0 or (range is not None and not range[0] < range[1]):
        raise ValueError(f"`bins` must be positive and `range` ascending. Received: bins={bins}, range={range}")
    v = flat(floating(x))
    low, high = (smallest(v), largest(v)) if range is None else (like(range[0], v), like(range[1], v))
    single = emit(compare.Equal(), low, high)
    half = emit(elementwise.Where(), single, like(0.5, v), like(0, v))
    low, high = low - half, high + half
    edges = linspace(low, high, bins + 1)
    place = added(cast(emit(compare.LessEqual(), edges, build.expand(v, 1)), "int64"), 1) - 1
    top = emit(compare.Equal(), v, high)
    place = emit(elementwise.Where(), top, value(bins - 1, "int64"), place)
    inside = emit(compare.And(), place >= 0, place < bins)
    place = emit(elementwise.Where(), inside, place, value(bins, "int64"))  # one row more for what is outside
    ones = build.broadcast_to(like(1, v), (v.shape[0], 1))
    counts = emit(Scatter("add"), build.broadcast_to(like(0, v), (bins + 1, 1)), place, ones)
    return cut(flat(counts), 0, 0, bins), edges
