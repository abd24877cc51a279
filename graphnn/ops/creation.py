"""Tensors made from numbers: constants, ramps, and tensors like others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, elementwise, movement, transcendental
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..config import floatx, standard_dtype
from ..dispatch import op, value
from ._common import Tensorish, operands, pick, ramp
from .shaping import extents


def filled(shape: Any, number: float, dtype: Any) -> Value:
    """A number everywhere."""
    return build.broadcast_to(movement.constant(number, standard_dtype(dtype)), extents(shape))


@op
def zeros(shape: int | Sequence[int], dtype: Any = None) -> Value:
    """Zeros.

    Args:
        shape: the extents.
        dtype: by default `floatx()`.

    >>> zeros((2,)).tolist()
    [0.0, 0.0]
    """
    return filled(shape, 0, dtype)


@op
def ones(shape: int | Sequence[int], dtype: Any = None) -> Value:
    """Ones. Arguments as in `zeros`.

    >>> ones((2,)).tolist()
    [1.0, 1.0]
    """
    return filled(shape, 1, dtype)


@op
def empty(shape: int | Sequence[int], dtype: Any = None) -> Value:
    """A tensor whose numbers do not matter: zeros. Arguments as in `zeros`.

    >>> empty((2,)).shape
    (2,)
    """
    return filled(shape, 0, dtype)


@op(tensors=("fill_value",))
def full(shape: int | Sequence[int], fill_value: Tensorish, dtype: Any = None) -> Value:
    """A number, or a tensor that broadcasts, everywhere.

    Args:
        shape: the extents.
        fill_value: what to repeat.
        dtype: by default `floatx()`.

    >>> full((2,), 7).tolist()
    [7.0, 7.0]
    """
    return build.broadcast_to(cast(value(fill_value), standard_dtype(dtype)), extents(shape))


def _like(x: Tensorish, fill: Tensorish, dtype: Any) -> Value:
    v = value(x)
    return build.broadcast_to(cast(value(fill), v.dtype if dtype is None else standard_dtype(dtype)), v.shape)


@op
def zeros_like(x: Tensorish, dtype: Any = None) -> Value:
    """Zeros of the shape of x, and of its dtype if none is given.

    >>> zeros_like([1, 2]).tolist()
    [0, 0]
    """
    return _like(x, 0, dtype)


@op
def ones_like(x: Tensorish, dtype: Any = None) -> Value:
    """Ones of the shape of x, and of its dtype if none is given.

    >>> ones_like([1, 2]).tolist()
    [1, 1]
    """
    return _like(x, 1, dtype)


@op
def empty_like(x: Tensorish, dtype: Any = None) -> Value:
    """A tensor of the shape of x whose numbers do not matter.

    >>> empty_like([1, 2]).shape
    (2,)
    """
    return _like(x, 0, dtype)


@op(tensors=("fill_value",))
def full_like(x: Tensorish, fill_value: Tensorish, dtype: Any = None) -> Value:
    """`fill_value` in the shape of x, and in its dtype if none is given.

    >>> full_like([1, 2], 7).tolist()
    [7, 7]
    """
    return _like(x, fill_value, dtype)


@op(static=("start", "stop", "step"))
def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Value:
    """start, start + step, ... below `stop`.

    Args:
        start: the first number; with no `stop`, where to end, and the first number is 0.
        stop: where to end; it is not among the numbers.
        step: from one number to the next, by default 1.
        dtype: by default int32 for integers, else `floatx()`.

    Raises:
        ValueError: the step is 0.

    >>> arange(3).tolist(), arange(1.0, 2.0, 0.5).tolist()
    ([0, 1, 2], [1.0, 1.5])
    """
    first, last = (0, start) if stop is None else (start, stop)
    by = 1 if step is None else step
    if isinstance(by, int | float) and by == 0:
        raise ValueError("`arange` needs a `step` that is not 0")
    whole = all(not isinstance(n, float) for n in (first, last, by))
    kind = standard_dtype(dtype) if dtype is not None else "int32" if whole else floatx()
    if whole:
        n = -((first - last) // by)
        n = max(n, 0) if isinstance(n, int) else n
    else:
        n = max(math.ceil((last - first) / by), 0)
    exact = kind if whole and kind != "bool" else "float64"
    places = ramp(n, exact)
    steps = places if by == 1 else places * movement.constant(by, exact)
    if isinstance(first, int | float):
        return cast(steps + value(first, exact) if first else steps, kind)
    return cast(steps + build.count_value(first, exact), kind)  # the extent of a symbolic tensor


def _spread(start: Tensorish, stop: Tensorish, num: int, endpoint: bool, axis: int) -> tuple[Value, Value, Value]:
    """Evenly spaced numbers from `start` to `stop` along an axis, the end, and the step."""
    if num < 0:
        raise ValueError(f"`num` cannot be negative. Received: num={num}")
    a, b = operands(start, stop, floats=True)
    a, b = build.together(a, b)
    shape = build.broadcast(a.shape, b.shape)
    a, b = build.broadcast_to(a, shape), build.broadcast_to(b, shape)
    at = build.normal_axis(axis, a.ndim + 1)
    parts = num - 1 if endpoint else num
    step = (b - a) / parts if parts > 0 else (b - a) * math.nan
    places = build.reshape(ramp(num, a.dtype), tuple(num if i == at else 1 for i in range(a.ndim + 1)))
    low, high = build.expand(a, at), build.expand(b, at)
    if parts <= 0:
        return build.broadcast_to(low, tuple(num if i == at else n for i, n in enumerate(low.shape))), high, step
    y = low + places * build.expand(step, at)
    if endpoint:  # the last number is the end itself, not a sum that comes near it
        y = pick(emit(compare.Equal(), places, movement.constant(num - 1, a.dtype)), high, y)
    return y, high, step


def _kind(dtype: Any, v: Value) -> str:
    return v.dtype if dtype is None else standard_dtype(dtype)


def _whole(v: Value, dtype: str) -> Value:
    """Floats in a dtype; to integers they are rounded down."""
    return cast(v if is_float(dtype) else emit(transcendental.Floor(), v), dtype)


@op(static=("num", "endpoint", "retstep"), tensors=("start", "stop"))
def linspace(
    start: Tensorish,
    stop: Tensorish,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """`num` evenly spaced numbers from `start` to `stop`.

    Args:
        start, stop: numbers or tensors.
        num: how many.
        endpoint: whether `stop` is the last of them.
        retstep: whether to give also the distance between two.
        dtype: by default a float.
        axis: the place of the new axis in the result.

    Raises:
        ValueError: `num` is negative.

    >>> linspace(0.0, 1.0, 5).tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    y, _, step = _spread(start, stop, num, endpoint, axis)
    y = _whole(y, _kind(dtype, y))
    return (y, step) if retstep else y


@op(static=("num", "endpoint", "base"), tensors=("start", "stop"))
def logspace(
    start: Tensorish, stop: Tensorish, num: int = 50, endpoint: bool = True, base: float = 10, dtype: Any = None, axis: int = 0
) -> Value:
    """`num` numbers from base^start to base^stop whose logarithms are evenly spaced. Arguments as in `linspace`.

    >>> print(logspace(0.0, 2.0, 3).round(3))
    [  1.  10. 100.]
    """
    y, _, _ = _spread(start, stop, num, endpoint, axis)
    y = emit(elementwise.Pow(), movement.constant(base, y.dtype), y)
    return _whole(y, _kind(dtype, y))


@op(static=("num", "endpoint"), tensors=("start", "stop"))
def geomspace(start: Tensorish, stop: Tensorish, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Value:
    """`num` numbers from `start` to `stop`, each the one before times a constant. Arguments as in `linspace`.

    >>> print(geomspace(1.0, 8.0, 4).round(3))
    [1. 2. 4. 8.]
    """
    a, b = operands(start, stop, floats=True)
    sign = emit(elementwise.Sign(), a)
    low, high = (emit(transcendental.Log(), v * sign) for v in (a, b))
    y, _, _ = _spread(low, high, num, endpoint, axis)
    y = emit(transcendental.Exp(), y) * build.expand(sign, build.normal_axis(axis, sign.ndim + 1))
    return _whole(y, _kind(dtype, y))
