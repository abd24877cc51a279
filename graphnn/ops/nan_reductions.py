"""Reductions that leave NaN out."""

from __future__ import annotations

import math
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ._common import Axis, Tensorish, floating, largest, like, pick, root, smallest
from ._common import total as added
from .cumulative import cumprod, cumsum
from .reductions import prod, sum
from .sorting import arg_extremum


def nan_mask(x: Value) -> Value:
    """Where floats are NaN."""
    return emit(compare.IsNan(), x)


def without_nan(x: Tensorish, number: float) -> Value:
    """x with a number in the place of NaN."""
    v = value(x)
    return pick(nan_mask(v), like(number, v), v) if is_float(v.dtype) else v


@op
def nansum(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The sum of what is not NaN. Arguments as in `sum`.

    >>> nansum([1.0, float("nan"), 3.0]).tolist()
    4.0
    """
    return sum(without_nan(x, 0), axis, keepdims)


@op
def nanprod(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The product of what is not NaN. Arguments as in `sum`.

    >>> nanprod([2.0, float("nan"), 3.0]).tolist()
    6.0
    """
    return prod(without_nan(x, 1), axis, keepdims)


def _mean(v: Value, axis: Axis, keepdims: bool) -> tuple[Value, Value]:
    """Mean and number of what is not NaN."""
    lost = nan_mask(v)
    count = added(cast(emit(compare.Not(), lost), v.dtype), axis, keepdims)
    return added(pick(lost, like(0, v), v), axis, keepdims) / count, count


@op
def nanmean(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The mean of what is not NaN; NaN where all is. Arguments as in `sum`.

    >>> nanmean([1.0, float("nan"), 3.0]).tolist()
    2.0
    """
    return _mean(floating(x), axis, keepdims)[0]


def _variance(v: Value, axis: Axis, keepdims: bool) -> Value:
    centre, count = _mean(v, axis, True)
    distance = pick(nan_mask(v), like(0, v), v - centre)
    y = added(distance * distance, axis, True) / count
    return y if keepdims else reshape(y, tuple(n for i, n in enumerate(y.shape) if i not in build.normal_axes(axis, v.ndim)))


@op
def nanvar(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The variance of what is not NaN. Arguments as in `sum`.

    >>> nanvar([1.0, float("nan"), 3.0]).tolist()
    1.0
    """
    return _variance(floating(x), axis, keepdims)


@op
def nanstd(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The standard deviation of what is not NaN. Arguments as in `sum`.

    >>> nanstd([1.0, float("nan"), 3.0]).tolist()
    1.0
    """
    return root(_variance(floating(x), axis, keepdims))


def _extremum(x: Tensorish, axis: Axis, keepdims: bool, high: bool) -> Value:
    v = value(x)
    reduced = largest if high else smallest
    if not is_float(v.dtype):
        return reduced(v, axis, keepdims)
    lost = nan_mask(v)
    y = reduced(pick(lost, like(-math.inf if high else math.inf, v), v), axis, keepdims)
    return pick(smallest(lost, axis, keepdims), like(math.nan, v), y)


@op
def nanmax(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest of what is not NaN; NaN where all is. Arguments as in `sum`.

    >>> nanmax([1.0, float("nan"), 3.0]).tolist()
    3.0
    """
    return _extremum(x, axis, keepdims, True)


@op
def nanmin(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The smallest of what is not NaN; NaN where all is. Arguments as in `sum`.

    >>> nanmin([1.0, float("nan"), 3.0]).tolist()
    1.0
    """
    return _extremum(x, axis, keepdims, False)


def _place(x: Tensorish, axis: int | None, keepdims: bool, high: bool) -> Value:
    v = value(x)
    place = arg_extremum(without_nan(v, -math.inf if high else math.inf), axis, keepdims, high)
    if not is_float(v.dtype):
        return place
    nothing = smallest(nan_mask(v), axis, keepdims)
    return emit(elementwise.Where(), nothing, like(-1, place), place)


@op
def nanargmax(x: Tensorish, axis: int | None = None, keepdims: bool = False) -> Value:
    """Where the largest of what is not NaN is, as int32; -1 where all is NaN.

    >>> nanargmax([1.0, float("nan"), 3.0]).tolist()
    2
    """
    return _place(x, axis, keepdims, True)


@op
def nanargmin(x: Tensorish, axis: int | None = None, keepdims: bool = False) -> Value:
    """Where the smallest of what is not NaN is, as int32; -1 where all is NaN.

    >>> nanargmin([float("nan"), 1.0, 3.0]).tolist()
    1
    """
    return _place(x, axis, keepdims, False)


@op
def nancumsum(x: Tensorish, axis: int | None = None, dtype: Any = None) -> Value:
    """Running sum in which NaN counts as 0. Arguments as in `cumsum`.

    >>> nancumsum([1.0, float("nan"), 3.0]).tolist()
    [1.0, 1.0, 4.0]
    """
    return cumsum(without_nan(x, 0), axis, dtype)


@op
def nancumprod(x: Tensorish, axis: int | None = None, dtype: Any = None) -> Value:
    """Running product in which NaN counts as 1. Arguments as in `cumsum`.

    >>> nancumprod([2.0, float("nan"), 3.0]).tolist()
    [2.0, 2.0, 6.0]
    """
    return cumprod(without_nan(x, 1), axis, dtype)
