"""Activation functions. Integers become floats, except where a function only chooses among its arguments."""

from __future__ import annotations

import math

from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, transcendental
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ._common import Tensorish, floating, like, number, pick, smooth

_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


@op
def relu(x: Tensorish) -> Value:
    """max(x, 0); the gradient at 0 is 0.

    >>> relu([-1.0, 2.0]).tolist()
    [0.0, 2.0]
    """
    return emit(elementwise.Relu(), number(value(x)))


def _between(v: Value, low: int, high: int) -> Value:
    """v kept within bounds, the gradient at the bounds 0; NaN stays."""
    return emit(elementwise.Between(max(low, 0) if v.dtype.startswith("uint") else low, high), v)


@op
def relu6(x: Tensorish) -> Value:
    """min(max(x, 0), 6); the gradient at 0 and 6 is 0.

    >>> relu6([-1.0, 2.0, 9.0]).tolist()
    [0.0, 2.0, 6.0]
    """
    v = number(value(x))
    return _between(v, 0, 6)


@op
def hard_tanh(x: Tensorish) -> Value:
    """x kept within -1 and 1; the gradient at the bounds is 0.

    >>> hard_tanh([-2.0, 0.5, 2.0]).tolist()
    [-1.0, 0.5, 1.0]
    """
    v = number(value(x))
    return _between(v, -1, 1)


@op
def hard_sigmoid(x: Tensorish) -> Value:
    """x / 6 + 1/2 kept within 0 and 1.

    >>> hard_sigmoid([-4.0, 0.0, 4.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    v = floating(x)
    return pick(v <= -3.0, like(0, v), pick(v >= 3.0, like(1, v), v * (1 / 6) + 0.5))


def _hard_silu(x: Tensorish) -> Value:
    v = floating(x)
    inside = pick(abs(v) > 3.0, like(0, v), v)  # keeps the product finite where it is not used
    return pick(v <= -3.0, like(0, v), pick(v >= 3.0, v, inside * (inside * (1 / 6) + 0.5)))


@op
def hard_silu(x: Tensorish) -> Value:
    """x hard_sigmoid(x), also called hard swish (A. Howard et al., Searching for MobileNetV3, 2019).

    >>> hard_silu([-4.0, 3.0]).tolist()
    [0.0, 3.0]
    """
    return _hard_silu(x)


@op
def hard_swish(x: Tensorish) -> Value:
    """x hard_sigmoid(x), another name of `hard_silu`.

    >>> hard_swish([-4.0, 3.0]).tolist()
    [0.0, 3.0]
    """
    return _hard_silu(x)


@op
def sigmoid(x: Tensorish) -> Value:
    """1 / (1 + exp(-x)).

    >>> sigmoid([0.0]).tolist()
    [0.5]
    """
    return smooth(transcendental.Sigmoid(), x)


@op
def log_sigmoid(x: Tensorish) -> Value:
    """log(sigmoid(x)) = -softplus(-x).

    >>> print(log_sigmoid([0.0, -200.0]).round(4))
    [  -0.6931 -200.    ]
    """
    return -emit(transcendental.Softplus(), -floating(x))


@op
def softplus(x: Tensorish) -> Value:
    """log(1 + exp(x)).

    >>> print(softplus([0.0, 200.0]).round(4))
    [  0.6931 200.    ]
    """
    return smooth(transcendental.Softplus(), x)


@op
def softsign(x: Tensorish) -> Value:
    """x / (1 + |x|).

    >>> softsign([1.0, -3.0]).tolist()
    [0.5, -0.75]
    """
    v = floating(x)
    return v / (abs(v) + 1.0)


def _silu(x: Tensorish) -> Value:
    v = floating(x)
    return v * emit(transcendental.Sigmoid(), v)


@op
def silu(x: Tensorish) -> Value:
    """x sigmoid(x), also called swish (P. Ramachandran et al., Searching for activation functions, 2017).

    >>> print(silu([0.0, 1.0]).round(4))
    [0.     0.7311]
    """
    return _silu(x)


@op
def swish(x: Tensorish) -> Value:
    """x sigmoid(x), another name of `silu`.

    >>> print(swish([0.0, 1.0]).round(4))
    [0.     0.7311]
    """
    return _silu(x)


@op(static=("negative_slope",))
def leaky_relu(x: Tensorish, negative_slope: float = 0.2) -> Value:
    """x where positive, else `negative_slope` x.

    >>> leaky_relu([-2.0, 3.0], 0.5).tolist()
    [-1.0, 3.0]
    """
    v = floating(x)
    return pick(v > 0, v, v * negative_slope)


def _exponential_below(v: Value, scale: float) -> Value:
    """exp(v / scale) - 1 where v <= 0, and 0 where it is not used: there exp could overflow."""
    low = pick(v > 0, like(0, v), v)
    return emit(transcendental.Expm1(), low / scale if scale != 1.0 else low)


@op(static=("alpha",))
def elu(x: Tensorish, alpha: float = 1.0) -> Value:
    """x where positive, else alpha (exp(x) - 1) (D. Clevert et al., Fast and accurate deep network learning by exponential linear
    units, 2015).

    >>> print(elu([-1.0, 3.0]).round(4))
    [-0.6321  3.    ]
    """
    v = floating(x)
    return pick(v > 0, v, _exponential_below(v, 1.0) * alpha)


@op
def selu(x: Tensorish) -> Value:
    """`elu` scaled so that mean 0 and variance 1 persist (G. Klambauer et al., Self-normalizing neural networks, 2017).

    >>> print(selu([-1.0, 1.0]).round(4))
    [-1.1113  1.0507]
    """
    v = floating(x)
    return pick(v > 0, v, _exponential_below(v, 1.0) * _SELU_ALPHA) * _SELU_SCALE


@op(static=("alpha",))
def celu(x: Tensorish, alpha: float = 1.0) -> Value:
    """max(x, 0) + min(alpha (exp(x / alpha) - 1), 0) (J. Barron, Continuously differentiable exponential linear units, 2017).

    >>> print(celu([-1.0, 3.0]).round(4))
    [-0.6321  3.    ]
    """
    v = floating(x)
    return pick(v > 0, v, _exponential_below(v, float(alpha)) * alpha)


@op(static=("approximate",))
def gelu(x: Tensorish, approximate: bool = True) -> Value:
    """x times the probability that a standard normal number is below x (D. Hendrycks, K. Gimpel, Gaussian error linear units, 2016).

    Args:
        x: a tensor.
        approximate: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) in place of x/2 (1 + erf(x / sqrt(2))).

    >>> print(gelu([0.0, 1.0]).round(4))
    [0.     0.8412]
    """
    v = floating(x)
    if approximate:
        inner = (v + v * v * v * 0.044715) * math.sqrt(2 / math.pi)
        return v * 0.5 * (emit(transcendental.Tanh(), inner) + 1.0)
    return v * 0.5 * (emit(transcendental.Erf(), v * math.sqrt(0.5)) + 1.0)


@op(static=("b",))
def squareplus(x: Tensorish, b: float = 4) -> Value:
    """(x + sqrt(x^2 + b)) / 2 (J. Barron, Squareplus, 2021).

    >>> squareplus([0.0]).tolist()
    [1.0]
    """
    v = floating(x)
    return (v + emit(transcendental.Sqrt(), v * v + float(b))) * 0.5


@op
def tanh_shrink(x: Tensorish) -> Value:
    """x - tanh(x).

    >>> print(tanh_shrink([0.0, 1.0]).round(4))
    [0.     0.2384]
    """
    v = floating(x)
    return v - emit(transcendental.Tanh(), v)


@op(static=("threshold",))
def soft_shrink(x: Tensorish, threshold: float = 0.5) -> Value:
    """x moved towards 0 by `threshold`, 0 within it.

    >>> soft_shrink([-2.0, 0.25, 2.0]).tolist()
    [-1.5, 0.0, 1.5]
    """
    v = floating(x)
    return pick(v > threshold, v - threshold, pick(v < -threshold, v + threshold, v * 0.0))


@op(static=("threshold",))
def hard_shrink(x: Tensorish, threshold: float = 0.5) -> Value:
    """x, but 0 where |x| <= threshold.

    >>> hard_shrink([-2.0, 0.25, 2.0]).tolist()
    [-2.0, 0.0, 2.0]
    """
    v = floating(x)
    return pick(abs(v) <= threshold, like(0, v), v)


@op(static=("threshold", "default_value"))
def threshold(x: Tensorish, threshold: float, default_value: float) -> Value:
    """x where it is greater than `threshold`, else `default_value`.

    >>> threshold([-2.0, 2.0], 0.0, 9.0).tolist()
    [9.0, 2.0]
    """
    v = number(value(x))
    return pick(v > threshold, v, like(default_value, v))


@op
def sparse_plus(x: Tensorish) -> Value:
    """0 up to -1, x from 1 on, (x + 1)^2 / 4 between.

    >>> sparse_plus([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.25, 2.0]
    """
    v = floating(x)
    inside = pick(v >= 1.0, like(0, v), v) + 1.0  # keeps the square finite where it is not used
    return pick(v <= -1.0, like(0, v), pick(v >= 1.0, v, inside * inside * 0.25))


@op
def sparse_sigmoid(x: Tensorish) -> Value:
    """0 up to -1, 1 from 1 on, (x + 1) / 2 between.

    >>> sparse_sigmoid([-2.0, 0.0, 2.0]).tolist()
    [0.0, 0.5, 1.0]
    """
    v = floating(x)
    return pick(v <= -1.0, like(0, v), pick(v >= 1.0, like(1, v), (v + 1.0) * 0.5))
