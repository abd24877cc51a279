"""Normalizations: layer, root mean square, batch, and unit norm."""

from __future__ import annotations

from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.movement import reshape
from graphnn_compiler.trace import emit

from ..config import epsilon as fuzz
from ..dispatch import op, value
from ._common import Axis, Tensorish, floating, like, operands
from ._common import total as added
from .reductions import averaged, variance


def _spread(parameter: Tensorish, x: Value, axes: tuple[int, ...]) -> Value:
    """A parameter of the normalized axes in the rank and dtype of x."""
    p = value(parameter, x.dtype)
    if p.ndim == x.ndim:
        return p
    if p.ndim != len(axes):
        return p
    # By the extents of x: a layer's axes of mixed signs, [-1, 1], are in another order here than its weights'.
    extents = {i: x.shape[i] if isinstance(x.shape[i], int) else n for i, n in zip(axes, p.shape, strict=True)}
    return reshape(p, tuple(extents.get(i, 1) for i in range(x.ndim)))


def _scaled(x: Value, wide: Value, factor: Value, axes: tuple[int, ...], gamma: Tensorish, beta: Tensorish) -> Value:
    if gamma is not None:
        factor = factor * _spread(gamma, wide, axes)
    y = wide * factor
    if beta is not None:
        y = y + _spread(beta, wide, axes)
    return cast(y, x.dtype)


def _wide(x: Value) -> Value:
    return cast(x, "float32") if x.dtype == "float16" else x


@op(static=("epsilon",), tensors=("gamma", "beta"))
def layer_normalization(
    x: Tensorish, gamma: Tensorish = None, beta: Tensorish = None, axis: Axis = -1, epsilon: float | None = None, **kwargs: Any
) -> Value:
    """(x - mean(x)) / sqrt(var(x) + epsilon) gamma + beta (J. Ba et al., Layer normalization, 2016).

    Args:
        x: a tensor; float16 is computed as float32.
        gamma, beta: scale and offset, of the shape of the normalized axes; None for none.
        axis: the normalized axes.
        epsilon: by default `config.epsilon()`.
        **kwargs: rms_scaling=True divides by the standard deviation alone, with no mean taken away and no beta.

    >>> print(layer_normalization([[1.0, 2.0, 3.0]]).round(4))
    [[-1.2247  0.      1.2247]]
    """
    v = floating(x)
    wide, axes = _wide(v), build.normal_axes(axis, v.ndim)
    eps = fuzz() if epsilon is None else epsilon
    centred = wide - averaged(wide, axes, True)
    factor = emit(transcendental.Rsqrt(), variance(wide, axes, True) + eps)
    if kwargs.get("rms_scaling", False):
        return _scaled(v, wide, factor, axes, gamma, None)
    return _scaled(v, centred, factor, axes, gamma, beta)


@op(static=("epsilon",), tensors=("scale",))
def rms_normalization(x: Tensorish, scale: Tensorish = None, axis: Axis = -1, epsilon: float | None = None) -> Value:
    """x / sqrt(mean(x^2) + epsilon) scale (B. Zhang, R. Sennrich, Root mean square layer normalization, 2019).

    Args:
        x: a tensor; float16 is computed as float32.
        scale: of the shape of the normalized axes; None for none.
        axis: the normalized axes.
        epsilon: by default `config.epsilon()`.

    >>> print(rms_normalization([[1.0, 7.0]]).round(4))
    [[0.2 1.4]]
    """
    v = floating(x)
    wide, axes = _wide(v), build.normal_axes(axis, v.ndim)
    power = averaged(wide * wide, axes, True) + (fuzz() if epsilon is None else epsilon)
    return _scaled(v, wide, emit(transcendental.Rsqrt(), power), axes, scale, None)


@op(static=("epsilon",), tensors=("mean", "variance", "offset", "scale"), name="BatchNorm")
def batch_normalization(
    x: Tensorish,
    mean: Tensorish,
    variance: Tensorish,
    axis: int,
    offset: Tensorish = None,
    scale: Tensorish = None,
    epsilon: float = 1e-3,
) -> Value:
    """(x - mean) / sqrt(variance + epsilon) scale + offset (S. Ioffe, C. Szegedy, Batch normalization, 2015).

    Args:
        x: a tensor.
        mean, variance: statistics, one axis as long as `axis` of x.
        axis: the axis of channels.
        offset, scale: as long; None for none.
        epsilon: what is added to the variance.

    Raises:
        ValueError: the statistics do not fit the axis.

    >>> print(batch_normalization([[1.0, 2.0]], [0.0, 0.0], [1.0, 4.0], -1).round(3))
    [[1. 1.]]
    """
    v, centre, spread = operands(x, mean, variance, floats=True)
    at = build.normal_axis(axis, v.ndim)
    if centre.ndim == 1 and isinstance(v.shape[at], int) and centre.shape[0] != v.shape[at]:
        raise ValueError(
            f"`mean` must be as long as axis {axis} of `x`. Received: mean.shape={show(centre.shape)}, x.shape={show(v.shape)}"
        )
    factor = emit(transcendental.Rsqrt(), _spread(spread, v, (at,)) + epsilon)
    if scale is not None:
        factor = factor * _spread(scale, v, (at,))
    y = (v - _spread(centre, v, (at,))) * factor
    return y if offset is None else y + _spread(offset, v, (at,))


@op(static=("order", "epsilon"))
def normalize(x: Tensorish, axis: Axis = -1, order: Any = 2, epsilon: float | None = None) -> Value:
    """x / max(norm(x), epsilon) along axes.

    Args:
        x: a tensor.
        axis: the axes of a vector, None for all.
        order: that of the norm, from 1 on.
        epsilon: by default `config.epsilon()`.

    Raises:
        ValueError: the order is not an integer from 1 on.

    >>> print(normalize([[3.0, 4.0]]).round(4))
    [[0.6 0.8]]
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise ValueError(f"Argument `order` must be an int >= 1. Received: order={order}")
    given = floating(x)
    v = _wide(given)
    eps = fuzz() if epsilon is None else epsilon
    if order == 2:
        power = emit(elementwise.Maximum(), added(v * v, axis, True), like(eps**2, v))
        return cast(v * emit(transcendental.Rsqrt(), power), given.dtype)
    size = abs(v)
    if order > 1:
        size = emit(elementwise.Pow(), size, like(order, v))
    length = added(size, axis, True)
    if order > 1:
        length = emit(elementwise.Pow(), length, like(1 / order, v))
    return cast(v / emit(elementwise.Maximum(), length, like(eps, v)), given.dtype)
