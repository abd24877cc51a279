"""Reductions: sums, means, extrema, logic. `axis` is an axis, several, or None for all; `keepdims` keeps them with extent 1."""

from __future__ import annotations

import builtins
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, reduce, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.ops.variance import Variance
from graphnn_compiler.trace import emit

from ..config import standard_dtype
from ..dispatch import op, value
from ._common import Axis, Tensorish, floating, largest, like, operands, pick, root, smallest, stopped, truth
from ._common import total as added

_WIDE = {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}


def widened(x: Value) -> Value:
    """Small integers and bools in the dtype in which they are summed."""
    return cast(x, _WIDE.get(x.dtype, x.dtype))


@op
def sum(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The sum of elements.

    Args:
        x: a tensor; bools and integers of less than 32 bits are summed as int32 or uint32.
        axis: an axis, several, or None for all.
        keepdims: whether reduced axes stay, with extent 1.

    Raises:
        ValueError: x has no such axis.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0).tolist()
    [4.0, 6.0]
    """
    return added(widened(value(x)), axis, keepdims)


@op
def prod(x: Tensorish, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Value:
    """The product of elements. Arguments as in `sum`; `dtype` is that of the result.

    >>> prod([[1.0, 2.0], [3.0, 4.0]], axis=0).tolist()
    [3.0, 8.0]
    """
    v = value(x)
    return build.reduced(reduce.Prod, widened(v) if dtype is None else cast(v, standard_dtype(dtype)), axis, keepdims)


@op
def mean(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The arithmetic mean, a float. Arguments as in `sum`.

    >>> mean([[1.0, 2.0], [3.0, 4.0]], axis=0).tolist()
    [2.0, 3.0]
    """
    return averaged(floating(x), axis, keepdims)


def averaged(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The mean of floats; of float16 by way of float32."""
    if x.dtype == "float16":
        return cast(build.mean(cast(x, "float32"), axis, keepdims), "float16")
    return build.mean(x, axis, keepdims)


def variance(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """The mean of the squared distance from the mean, of floats; of float16 by way of float32."""
    if x.dtype == "float16":
        return cast(variance(cast(x, "float32"), axis, keepdims), "float16")
    axes = build.normal_axes(axis, x.ndim)
    y = emit(Variance(axes), x)
    return reshape(y, tuple(1 if i in axes else d for i, d in enumerate(x.shape))) if keepdims else y


@op
def var(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The variance: the mean of (x - mean(x))^2. Arguments as in `sum`.

    >>> var([1.0, 3.0]).tolist()
    1.0
    """
    return variance(floating(x), axis, keepdims)


@op
def std(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The standard deviation: sqrt(var(x)), with gradient 0 where it is 0. Arguments as in `sum`.

    >>> std([1.0, 3.0]).tolist()
    1.0
    """
    return root(variance(floating(x), axis, keepdims))


@op
def moments(x: Tensorish, axes: Axis, keepdims: bool = False, synchronized: bool = False) -> tuple[Value, Value]:
    """Mean and variance.

    Args:
        x: a tensor.
        axes: the axes to reduce.
        keepdims: whether they stay, with extent 1.
        synchronized: accepted for compatibility; there is one device.

    >>> [m.tolist() for m in moments([1.0, 3.0], axes=[0])]
    [2.0, 1.0]
    """
    v = floating(x)
    wide = cast(v, "float32") if v.dtype == "float16" else v
    centre = averaged(wide, axes, True)
    spread = variance(wide, axes, keepdims)
    return cast(reshape(centre, spread.shape), v.dtype), cast(spread, v.dtype)


def _extremum(v: Value, axis: Axis, keepdims: bool, initial: Any, high: bool) -> Value:
    axes = build.normal_axes(axis, v.ndim)
    if builtins.any(v.shape[a] == 0 for a in axes):
        if initial is None:
            raise ValueError(f"Cannot compute the {'max' if high else 'min'} of an empty tensor.")
        kept = tuple(1 if i in axes else n for i, n in enumerate(v.shape) if keepdims or i not in axes)
        return build.broadcast_to(like(initial, v), kept)
    y = (largest if high else smallest)(v, axis, keepdims)
    if initial is None:
        return y
    return emit(elementwise.Maximum() if high else elementwise.Minimum(), y, cast(value(initial), y.dtype))


@op(static=("initial",))
def max(x: Tensorish, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Value:
    """The largest element; NaN if there is one. Equal ones share the gradient.

    Args:
        x: a tensor.
        axis: an axis, several, or None for all.
        keepdims: whether reduced axes stay, with extent 1.
        initial: a number that takes part, and the result of no elements.

    Raises:
        ValueError: there are no elements and no `initial`.

    >>> max([[1.0, 5.0], [3.0, 4.0]], axis=0).tolist()
    [3.0, 5.0]
    """
    return _extremum(value(x), axis, keepdims, initial, True)


@op(static=("initial",))
def min(x: Tensorish, axis: Axis = None, keepdims: bool = False, initial: float | None = None) -> Value:
    """The smallest element; NaN if there is one. Equal ones share the gradient. Arguments as in `max`.

    >>> min([[1.0, 5.0], [3.0, 4.0]], axis=0).tolist()
    [1.0, 4.0]
    """
    return _extremum(value(x), axis, keepdims, initial, False)


@op
def amax(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The largest element, as `max`.

    >>> amax([[1.0, 5.0], [3.0, 4.0]], axis=0).tolist()
    [3.0, 5.0]
    """
    return _extremum(value(x), axis, keepdims, None, True)


@op
def amin(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """The smallest element, as `min`.

    >>> amin([[1.0, 5.0], [3.0, 4.0]], axis=0).tolist()
    [1.0, 4.0]
    """
    return _extremum(value(x), axis, keepdims, None, False)


@op
def ptp(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """Largest minus smallest element. Arguments as in `sum`.

    >>> ptp([1.0, 5.0, 3.0]).tolist()
    4.0
    """
    v = value(x)
    return largest(v, axis, keepdims) - smallest(v, axis, keepdims)


@op
def all(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """Whether all elements are true; numbers are where they are not 0. Arguments as in `sum`.

    >>> all([[True, False], [True, True]], axis=1).tolist()
    [False, True]
    """
    return build.reduced(reduce.All, truth(x), axis, keepdims)


@op
def any(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """Whether at least one element is true; numbers are where they are not 0. Arguments as in `sum`.

    >>> any([[True, False], [False, False]], axis=1).tolist()
    [True, False]
    """
    return build.reduced(reduce.Any, truth(x), axis, keepdims)


@op
def count_nonzero(x: Tensorish, axis: Axis = None) -> Value:
    """How many elements are not 0, as int32.

    >>> count_nonzero([[0, 1], [2, 3]], axis=1).tolist()
    [1, 2]
    """
    return added(cast(truth(x), "int32"), axis)


@op
def logsumexp(x: Tensorish, axis: Axis = None, keepdims: bool = False) -> Value:
    """log(sum(exp(x))), without overflow in between. Arguments as in `sum`.

    >>> print(logsumexp([1000.0, 1000.0]).round(2))
    1000.69
    """
    return log_of_sum(floating(x), axis, keepdims)


def log_of_sum(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """`logsumexp` of floats."""
    peak = stopped(largest(x, axis, True))
    peak = pick(emit(compare.IsFinite(), peak), peak, like(0, x))
    y = emit(transcendental.Log(), added(emit(transcendental.Exp(), x - peak), axis, True)) + peak
    return y if keepdims else reshape(y, tuple(n for i, n in enumerate(y.shape) if i not in build.normal_axes(axis, x.ndim)))


@op
def average(x: Tensorish, axis: Axis = None, weights: Tensorish = None) -> Value:
    """The weighted mean: sum(x weights) / sum(weights).

    Args:
        x: a tensor.
        axis: an axis, several, or None for all.
        weights: a tensor of the shape of x, or of one axis as long as `axis`; None for the plain mean.

    Raises:
        ValueError: the weights do not fit.

    >>> average([1.0, 4.0], weights=[2.0, 1.0]).tolist()
    2.0
    """
    if weights is None:
        return averaged(floating(x), axis)
    v, w = operands(x, weights, floats=True)
    if w.ndim != v.ndim:
        axes = build.normal_axes(axis, v.ndim)
        if w.ndim != 1 or len(axes) != 1 or w.shape[0] != v.shape[axes[0]]:
            raise ValueError(
                "`weights` must have the shape of `x` or be as long as one axis. "
                f"Received: weights.shape={show(w.shape)}, x.shape={show(v.shape)}"
            )
        w = reshape(w, tuple(n if i == axes[0] else 1 for i, n in enumerate(v.shape)))
    total = added(build.broadcast_to(w, v.shape), axis)
    return added(v * w, axis) / total
