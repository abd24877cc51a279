"""Trigonometric and hyperbolic functions, in radians. Integers become floats."""

from __future__ import annotations

import math

from graphnn_compiler.ir import Value
from graphnn_compiler.ops import transcendental as t

from ..dispatch import op
from ._common import Tensorish, exact_floating, joined, smooth


@op
def sin(x: Tensorish) -> Value:
    """Sine.

    >>> print(sin([0.0, 1.0]).round(4))
    [0.     0.8415]
    """
    return smooth(t.Sin(), x)


@op
def cos(x: Tensorish) -> Value:
    """Cosine.

    >>> print(cos([0.0, 1.0]).round(4))
    [1.     0.5403]
    """
    return smooth(t.Cos(), x)


@op
def tan(x: Tensorish) -> Value:
    """Tangent.

    >>> print(tan([0.0, 1.0]).round(4))
    [0.     1.5574]
    """
    return smooth(t.Tan(), x)


@op
def arcsin(x: Tensorish) -> Value:
    """Inverse sine, on -1 to 1; NaN outside.

    >>> print(arcsin([0.0, 1.0]).round(4))
    [0.     1.5708]
    """
    return smooth(t.Asin(), x)


@op
def arccos(x: Tensorish) -> Value:
    """Inverse cosine, on -1 to 1; NaN outside.

    >>> print(arccos([1.0, 0.0]).round(4))
    [0.     1.5708]
    """
    return smooth(t.Acos(), x)


@op
def arctan(x: Tensorish) -> Value:
    """Inverse tangent.

    >>> print(arctan([0.0, 1.0]).round(4))
    [0.     0.7854]
    """
    return smooth(t.Atan(), x)


@op
def arctan2(x1: Tensorish, x2: Tensorish) -> Value:
    """The angle of the point (x2, x1), from -pi to pi.

    >>> print(arctan2([1.0, -1.0], [1.0, -1.0]).round(4))
    [ 0.7854 -2.3562]
    """
    return joined(t.Atan2(), x1, x2, floats=True)


@op
def sinh(x: Tensorish) -> Value:
    """Hyperbolic sine.

    >>> print(sinh([0.0, 1.0]).round(4))
    [0.     1.1752]
    """
    return smooth(t.Sinh(), x)


@op
def cosh(x: Tensorish) -> Value:
    """Hyperbolic cosine.

    >>> print(cosh([0.0, 1.0]).round(4))
    [1.     1.5431]
    """
    return smooth(t.Cosh(), x)


@op
def tanh(x: Tensorish) -> Value:
    """Hyperbolic tangent.

    >>> print(tanh([0.0, 1.0]).round(4))
    [0.     0.7616]
    """
    return smooth(t.Tanh(), x)


@op
def arcsinh(x: Tensorish) -> Value:
    """Inverse hyperbolic sine.

    >>> print(arcsinh([0.0, 1.0]).round(4))
    [0.     0.8814]
    """
    return smooth(t.Asinh(), x)


@op
def arccosh(x: Tensorish) -> Value:
    """Inverse hyperbolic cosine, from 1 on; NaN below.

    >>> print(arccosh([1.0, 2.0]).round(4))
    [0.    1.317]
    """
    return smooth(t.Acosh(), x)


@op
def arctanh(x: Tensorish) -> Value:
    """Inverse hyperbolic tangent, on -1 to 1; NaN outside.

    >>> print(arctanh([0.0, 0.5]).round(4))
    [0.     0.5493]
    """
    return smooth(t.Atanh(), x)


@op
def deg2rad(x: Tensorish) -> Value:
    """Degrees as radians: x pi / 180.

    >>> print(deg2rad([180.0]).round(4))
    [3.1416]
    """
    return exact_floating(x) * (math.pi / 180)


@op
def rad2deg(x: Tensorish) -> Value:
    """Radians as degrees: x 180 / pi.

    >>> print(rad2deg([3.14159265]).round(4))
    [180.]
    """
    return exact_floating(x) * (180 / math.pi)
