"""Softmax and its relatives: activations that work along an axis."""

from __future__ import annotations

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, movement, ordering, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..dispatch import op
from ._common import Axis, Tensorish, backwards, cut, floating, from_last, largest, like, pick, ramp, stopped, to_last
from ._common import total as added
from .sorting import sorted_last


def _from_peak(x: Value, axis: Axis) -> Value:
    """x minus its maximum along axes: nothing overflows, and no gradient passes through the maximum."""
    return x - stopped(largest(x, axis, True))


@op
def softmax(x: Tensorish, axis: Axis = -1) -> Value:
    """exp(x) / sum(exp(x)) along axes.

    Args:
        x: a tensor.
        axis: an axis, several, or None for all.

    >>> softmax([[1.0, 1.0]]).tolist()
    [[0.5, 0.5]]
    """
    powers = emit(transcendental.Exp(), _from_peak(floating(x), axis))
    return powers / added(powers, axis, True)


@op
def log_softmax(x: Tensorish, axis: Axis = -1) -> Value:
    """log(softmax(x)), computed so that nothing overflows. Arguments as in `softmax`.

    >>> print(log_softmax([[1.0, 1.0]]).round(4))
    [[-0.6931 -0.6931]]
    """
    return log_shares(floating(x), axis)


def log_shares(x: Value, axis: Axis) -> Value:
    """`log_softmax` of floats."""
    distance = _from_peak(x, axis)
    return distance - emit(transcendental.Log(), added(emit(transcendental.Exp(), distance), axis, True))


@op
def sparsemax(x: Tensorish, axis: int = -1) -> Value:
    """max(x - t, 0) with the threshold t of sparsemax (A. Martins, R. Astudillo, From softmax to sparsemax, 2016).

    As in Keras 3, t is (sum of the running sums of the support - 1) / size of the support: where more than one element is in the
    support, the result does not sum to 1.

    >>> sparsemax([[1.0, 3.0]]).tolist()
    [[0.0, 1.0]]
    """
    v = floating(x)
    at = build.normal_axis(axis, v.ndim)
    z = to_last(v, at)
    falling = backwards(sorted_last(z), z.ndim - 1)
    running = emit(ordering.Cumulate("add"), falling)
    rank = ramp(z.shape[-1], v.dtype) + 1.0
    inside = falling * rank + 1.0 > running
    count = added(cast(inside, v.dtype), -1, True)
    level = (added(pick(inside, running, like(0, v)), -1, True) - 1.0) / count
    return from_last(emit(elementwise.Relu(), z - level), at)


@op
def glu(x: Tensorish, axis: int = -1) -> Value:
    """The first half of x along an axis times the sigmoid of the second half (Y. Dauphin et al., Language modeling with gated
    convolutional networks, 2016).

    Raises:
        ValueError: the extent is odd.

    >>> glu([[4.0, 0.0]]).tolist()
    [[2.0]]
    """
    v = floating(x)
    at = build.normal_axis(axis, v.ndim)
    half = movement.split_at(v.shape[at], 2)
    return cut(v, at, 0, half) * emit(transcendental.Sigmoid(), cut(v, at, half, half))
