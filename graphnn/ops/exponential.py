"""Exponentials, logarithms, and special functions built of them. Integers become floats."""

from __future__ import annotations

import math

from graphnn_compiler.ir import Value
from graphnn_compiler.ops import compare, special, transcendental
from graphnn_compiler.ops import elementwise as e
from graphnn_compiler.trace import emit

from ..dispatch import op
from ._common import Tensorish, exact_floating, floating, like, operands, pick, smooth

_SERIES_BELOW = 20.0  # where the series of I0 hands over to its asymptotic form


@op
def exp(x: Tensorish) -> Value:
    """e to the power x.

    >>> print(exp([0.0, 1.0]).round(4))
    [1.     2.7183]
    """
    return smooth(transcendental.Exp(), x)


@op
def exp2(x: Tensorish) -> Value:
    """2 to the power x.

    >>> exp2([0.0, 3.0]).tolist()
    [1.0, 8.0]
    """
    return smooth(transcendental.Exp2(), x)


@op
def expm1(x: Tensorish) -> Value:
    """exp(x) - 1, exact near 0.

    >>> print(expm1([0.0, 1.0]).round(4))
    [0.     1.7183]
    """
    return smooth(transcendental.Expm1(), x)


@op
def log(x: Tensorish) -> Value:
    """Natural logarithm; -inf at 0, NaN below.

    >>> print(log([1.0, 2.0]).round(4))
    [0.     0.6931]
    """
    return smooth(transcendental.Log(), x)


@op
def log1p(x: Tensorish) -> Value:
    """log(1 + x), exact near 0.

    >>> print(log1p([0.0, 1.0]).round(4))
    [0.     0.6931]
    """
    return smooth(transcendental.Log1p(), x)


@op
def log2(x: Tensorish) -> Value:
    """Logarithm to base 2.

    >>> log2([1.0, 8.0]).tolist()
    [0.0, 3.0]
    """
    return smooth(transcendental.Log2(), x)


@op
def log10(x: Tensorish) -> Value:
    """Logarithm to base 10.

    >>> print(log10([1.0, 1000.0]).round(4))
    [0. 3.]
    """
    return smooth(transcendental.Log10(), x)


@op
def logaddexp(x1: Tensorish, x2: Tensorish) -> Value:
    """log(exp(x1) + exp(x2)), without overflow in between.

    >>> print(logaddexp([0.0], [0.0]).round(4))
    [0.6931]
    """
    return _log_add(x1, x2, transcendental.Exp(), 1.0)


@op
def logaddexp2(x1: Tensorish, x2: Tensorish) -> Value:
    """log2(2^x1 + 2^x2), without overflow in between.

    >>> print(logaddexp2([0.0], [0.0]).round(4))
    [1.]
    """
    return _log_add(x1, x2, transcendental.Exp2(), 1 / math.log(2.0))


def _log_add(x1: Tensorish, x2: Tensorish, power: e.Elementwise, unit: float) -> Value:
    """The larger operand plus log(1 + power(the other one - the larger)), the logarithm in `unit`s."""
    a, b = operands(x1, x2, floats=True)
    high, low = emit(e.Maximum(), a, b), emit(e.Minimum(), a, b)
    same = emit(compare.Equal(), high, low)  # the distance of two equal infinities is 0, not NaN
    y = emit(transcendental.Log1p(), emit(power, pick(same, like(0, a), low - high)))
    return high + (y if unit == 1.0 else y * unit)


@op
def erf(x: Tensorish) -> Value:
    """Error function: 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    >>> print(erf([0.0, 1.0]).round(4))
    [0.     0.8427]
    """
    return smooth(transcendental.Erf(), x)


@op
def erfc(x: Tensorish) -> Value:
    """1 - erf(x), exact where that is small.

    >>> print(erfc([0.0, 1.0]).round(4))
    [1.     0.1573]
    """
    return smooth(special.Erfc(), x)


@op
def erfinv(x: Tensorish) -> Value:
    """Inverse of the error function, on -1 to 1.

    >>> print(erfinv([0.0, 0.5]).round(4))
    [0.     0.4769]
    """
    return smooth(transcendental.Erfinv(), x)


@op
def sinc(x: Tensorish) -> Value:
    """sin(pi x) / (pi x), 1 at 0.

    >>> print(sinc([0.0, 0.5]).round(4))
    [1.     0.6366]
    """
    v = floating(x)
    none = emit(compare.Equal(), v, like(0, v))
    t = pick(none, like(1, v), v) * math.pi
    return pick(none, like(1, v), emit(transcendental.Sin(), t) / t)


@op
def i0(x: Tensorish) -> Value:
    """The modified Bessel function of the first kind, order 0.

    Series and asymptotic form: M. Abramowitz, I. Stegun, Handbook of mathematical functions, 9.6.10 and 9.7.1.

    >>> print(i0([0.0, 1.0]).round(4))
    [1.     1.2661]
    """
    v = abs(exact_floating(x))
    near = v < _SERIES_BELOW
    quarter = pick(near, v, like(0, v))
    quarter = quarter * quarter * 0.25
    series = like(1, v)
    for k in range(48, 0, -1):
        series = series * quarter * (1.0 / (k * k)) + 1.0
    far = pick(near, like(_SERIES_BELOW, v), v)
    inverse = 0.125 / far
    tail = like(1, v)
    for k in range(18, 0, -1):
        tail = tail * inverse * ((2 * k - 1) ** 2 / k) + 1.0
    half = emit(transcendental.Exp(), far * 0.5)  # exp(x) in two factors: it overflows before the result does
    return pick(near, series, half * (tail / emit(transcendental.Sqrt(), far * (2 * math.pi))) * half)
