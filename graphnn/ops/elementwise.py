"""Arithmetic on each element by itself: signs, powers, roots, rounding, bounds, and the complex parts of real numbers."""

from __future__ import annotations

import builtins
import math

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, transcendental
from graphnn_compiler.ops import elementwise as e
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..config import floatx
from ..dispatch import op, value
from ._common import Tensorish, exact_floating, floating, like, number, operands, pick, smooth, weak


@op
def negative(x: Tensorish) -> Value:
    """-x.

    Raises:
        TypeError: x is bool.

    >>> negative([1.0, -2.0]).tolist()
    [-1.0, 2.0]
    """
    return emit(e.Neg(), value(x))


@op
def absolute(x: Tensorish) -> Value:
    """|x|; the gradient at 0 is 0.

    >>> absolute([1.0, -2.0]).tolist()
    [1.0, 2.0]
    """
    v = value(x)
    return v if v.dtype == "bool" else emit(e.Abs(), v)


@op
def abs(x: Tensorish) -> Value:
    """|x|, another name of `absolute`.

    >>> abs([1.0, -2.0]).tolist()
    [1.0, 2.0]
    """
    v = value(x)
    return v if v.dtype == "bool" else emit(e.Abs(), v)


@op
def fabs(x: Tensorish) -> Value:
    """|x| as a float.

    >>> fabs([1, -2]).tolist()
    [1.0, 2.0]
    """
    return smooth(e.Abs(), x)


@op
def sign(x: Tensorish) -> Value:
    """-1, 0 or 1, in the dtype of x.

    >>> sign([-2.0, 0.0, 3.0]).tolist()
    [-1.0, 0.0, 1.0]
    """
    v = value(x)
    return v if v.dtype == "bool" else emit(e.Sign(), v)


@op
def square(x: Tensorish) -> Value:
    """x^2; of bools: int32.

    >>> square([2.0, -3.0]).tolist()
    [4.0, 9.0]
    """
    v = number(value(x))
    return v * v


@op
def sqrt(x: Tensorish) -> Value:
    """Square root; NaN below 0.

    >>> sqrt([4.0, 9.0]).tolist()
    [2.0, 3.0]
    """
    return smooth(transcendental.Sqrt(), x)


@op
def rsqrt(x: Tensorish) -> Value:
    """1 / sqrt(x).

    >>> rsqrt([4.0, 16.0]).tolist()
    [0.5, 0.25]
    """
    return smooth(transcendental.Rsqrt(), x)


@op
def cbrt(x: Tensorish) -> Value:
    """The real cube root.

    >>> print(cbrt([8.0, -27.0]).round(4))
    [ 2. -3.]
    """
    v = exact_floating(x)
    size = builtins.abs(v)
    whole = emit(compare.And(), size > 0, emit(compare.IsFinite(), size))
    safe = pick(whole, size, like(1, size))
    y = emit(e.Pow(), safe, like(1 / 3, safe))
    y = y - (y - safe / (y * y)) / 3  # one step of Newton's method mends the rounding of 1/3
    return pick(whole, emit(e.Sign(), v) * y, v)


@op
def reciprocal(x: Tensorish) -> Value:
    """1 / x.

    >>> reciprocal([2.0, 4.0]).tolist()
    [0.5, 0.25]
    """
    v = floating(x)
    return like(1, v) / v


def _clipped(v: Value, low: Tensorish, high: Tensorish) -> Value:
    v, *bounds = operands(v, *[b for b in (low, high) if b is not None], numbers=True)
    if low is not None:
        v = pick(v < bounds[0], bounds[0], v)
    return v if high is None else pick(v > bounds[-1], bounds[-1], v)


@op
def clip(x: Tensorish, x_min: Tensorish, x_max: Tensorish) -> Value:
    """x kept within bounds: min(max(x, x_min), x_max). The gradient passes where x_min <= x <= x_max.

    Args:
        x: a tensor.
        x_min, x_max: numbers, tensors that broadcast with x, or None for no bound.

    >>> clip([-5.0, 0.5, 5.0], -1.0, 1.0).tolist()
    [-1.0, 0.5, 1.0]
    """
    return _clipped(value(x), x_min if x_min is None else weak(x_min), x_max if x_max is None else weak(x_max))


@op
def ceil(x: Tensorish) -> Value:
    """The smallest integer not below x, as a float.

    >>> ceil([1.2, -1.2]).tolist()
    [2.0, -1.0]
    """
    return smooth(transcendental.Ceil(), x)


@op
def floor(x: Tensorish) -> Value:
    """The largest integer not above x, as a float.

    >>> floor([1.2, -1.2]).tolist()
    [1.0, -2.0]
    """
    return smooth(transcendental.Floor(), x)


@op
def trunc(x: Tensorish) -> Value:
    """x without its fraction, in the dtype of x.

    >>> trunc([1.7, -1.7]).tolist()
    [1.0, -1.0]
    """
    v = value(x)
    return emit(transcendental.Trunc(), v) if is_float(v.dtype) else v


@op(static=("decimals",))
def round(x: Tensorish, decimals: int = 0) -> Value:
    """x rounded to a number of decimals, halves to even.

    Args:
        x: a tensor; integers stay integers.
        decimals: how many digits stay after the point; negative: tens, hundreds, ...

    >>> round([1.5, 2.5, -0.4]).tolist()
    [2.0, 2.0, -0.0]
    >>> round([1234.0], -2).tolist()
    [1200.0]
    """
    v = value(x)
    if not is_float(v.dtype):
        if decimals >= 0 or v.dtype == "bool":
            return v
        wide = "float32" if v.dtype in ("int8", "uint8", "int16", "uint16") else "float64"
        return cast(round(cast(v, wide), decimals), v.dtype)
    if decimals == 0:
        return emit(transcendental.Round(), v)
    scale = 10.0 ** builtins.abs(decimals)
    if decimals > 0:
        return emit(transcendental.Round(), v * scale) / scale
    return emit(transcendental.Round(), v / scale) * scale


@op(static=("nan", "posinf", "neginf"))
def nan_to_num(x: Tensorish, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Value:
    """x with NaN and infinities replaced.

    Args:
        x: a tensor.
        nan: what stands for NaN.
        posinf, neginf: what stands for the infinities; by default the largest and smallest finite numbers.

    >>> nan_to_num([float("nan"), 2.0, float("inf")], posinf=9.0).tolist()
    [0.0, 2.0, 9.0]
    """
    v = value(x)
    if not is_float(v.dtype):
        return v
    limits = np.finfo(v.dtype)
    high = float(limits.max) if posinf is None else posinf
    low = float(limits.min) if neginf is None else neginf
    v = pick(emit(compare.IsNan(), v), like(nan, v), v)
    v = pick(emit(compare.Equal(), v, like(math.inf, v)), like(high, v), v)
    return pick(emit(compare.Equal(), v, like(-math.inf, v)), like(low, v), v)


@op
def real(x: Tensorish) -> Value:
    """The real part: x itself.

    >>> real([1.0]).tolist()
    [1.0]
    """
    return value(x)


@op
def imag(x: Tensorish) -> Value:
    """The imaginary part of real numbers: 0.

    >>> imag([1.0]).tolist()
    [0.0]
    """
    v = value(x)
    return build.broadcast_to(like(0, v), v.shape)


@op
def conj(x: Tensorish) -> Value:
    """The complex conjugate of real numbers: x itself.

    >>> conj([1.0]).tolist()
    [1.0]
    """
    return value(x)


@op
def conjugate(x: Tensorish) -> Value:
    """The complex conjugate of real numbers: x itself.

    >>> conjugate([1.0]).tolist()
    [1.0]
    """
    return value(x)


@op
def angle(x: Tensorish) -> Value:
    """The angle of real numbers in the complex plane: pi where x < 0, else 0; NaN stays.

    >>> print(angle([-1.0, 2.0]).round(4))
    [3.1416 0.    ]
    """
    v = value(x)
    kind = v.dtype if is_float(v.dtype) else floatx()
    v = cast(v, kind)
    return pick(v < 0, like(math.pi, v), pick(emit(compare.IsNan(), v), v, like(0, v)))


@op
def copy(x: Tensorish) -> Value:
    """x in memory of its own.

    >>> copy([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return value(x)
