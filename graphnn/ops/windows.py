"""Window functions of signal processing, as tensors of one axis of `floatx()`."""

from __future__ import annotations

import math

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, transcendental
from graphnn_compiler.trace import emit

from ..config import floatx
from ..dispatch import op, value
from ._common import like, ramp, root
from .exponential import i0


def _ones(n: int) -> Value:
    return build.broadcast_to(value(1.0, floatx()), (n,))


def _cosines(n: int, weights: tuple[float, ...]) -> Value:
    """Sum over k of weights[k] cos(2 pi k i / (n - 1))."""
    if n < 2:
        return _ones(n)
    phase = ramp(n, floatx()) * (2 * math.pi / (n - 1))
    y = emit(transcendental.Cos(), phase) * weights[1] + weights[0]
    for k, weight in enumerate(weights[2:], 2):
        y = y + emit(transcendental.Cos(), phase * k) * weight
    return y


@op(static=("x",))
def bartlett(x: int) -> Value:
    """The triangle: 1 - |2 i / (n - 1) - 1|.

    Args:
        x: the length n.

    >>> bartlett(5).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    n = int(x)
    if n < 2:
        return _ones(n)
    return 1.0 - abs(ramp(n, floatx()) * (2 / (n - 1)) - 1.0)


@op(static=("x",))
def hanning(x: int) -> Value:
    """The Hann window: 0.5 - 0.5 cos(2 pi i / (n - 1)).

    Args:
        x: the length n.

    >>> print(hanning(5).round(4))
    [0.  0.5 1.  0.5 0. ]
    """
    return _cosines(int(x), (0.5, -0.5))


@op(static=("x",))
def hamming(x: int) -> Value:
    """The Hamming window: 0.54 - 0.46 cos(2 pi i / (n - 1)).

    Args:
        x: the length n.

    >>> print(hamming(5).round(4))
    [0.08 0.54 1.   0.54 0.08]
    """
    return _cosines(int(x), (0.54, -0.46))


@op(static=("x",))
def blackman(x: int) -> Value:
    """The Blackman window: 0.42 - 0.5 cos(2 pi i / (n - 1)) + 0.08 cos(4 pi i / (n - 1)).

    Args:
        x: the length n.

    >>> print(abs(blackman(5)).round(4))
    [0.   0.34 1.   0.34 0.  ]
    """
    return _cosines(int(x), (0.42, -0.5, 0.08))


@op(static=("x", "beta"))
def kaiser(x: int, beta: float) -> Value:
    """The Kaiser window: I0(beta sqrt(1 - (2 i / (n - 1) - 1)^2)) / I0(beta).

    Args:
        x: the length n.
        beta: its shape; 0 is flat.

    >>> print(kaiser(5, 3.0).round(4))
    [0.2049 0.7269 1.     0.7269 0.2049]
    """
    n = int(x)
    if n < 2:
        return _ones(n)
    place = ramp(n, floatx()) * (2 / (n - 1)) - 1.0
    inside = emit(elementwise.Maximum(), 1.0 - place * place, like(0, place))
    return i0(root(inside) * float(beta)) / i0(value(float(beta), floatx()))
