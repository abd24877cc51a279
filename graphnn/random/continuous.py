"""Draws of continuous numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, movement, transcendental
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.trace import emit

from ..dispatch import op, value
from ..ops.shaping import extents
from .bits import ROOT2, float_dtype, open_unit, standard_normal, unit, wide
from .seeds import prepared

_GAMMA_TRIES = 12  # each is taken with a probability of at least 0.95


@op(static=("shape",), tensors=("minval", "maxval"))
def _uniform(shape: Any, minval: Any, maxval: Any, dtype: str, key: Any) -> Value:
    low, high = value(minval, dtype), value(maxval, dtype)
    return unit(key, shape, dtype) * (high - low) + low


def uniform(shape: Sequence[int], minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Uniform numbers in [minval, maxval).

    Args:
        shape: the extents.
        minval, maxval: the bounds.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or None.

    Raises:
        ValueError: the dtype is no float.

    >>> x = uniform((1000,), seed=1)
    >>> 0 <= float(x.min()) and float(x.max()) < 1
    True
    """
    return _uniform(extents(shape), minval, maxval, float_dtype(dtype, "uniform"), prepared(seed, minval, maxval))


@op(static=("shape",), tensors=("mean", "stddev"))
def _normal(shape: Any, mean: Any, stddev: Any, dtype: str, key: Any) -> Value:
    return standard_normal(key, shape, dtype) * value(stddev, dtype) + value(mean, dtype)


def normal(shape: Sequence[int], mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers.

    Args:
        shape: the extents.
        mean, stddev: mean and standard deviation.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or None.

    Raises:
        ValueError: the dtype is no float.

    >>> x = normal((10000,), mean=5.0, seed=1)
    >>> round(float(x.mean()), 1), round(float(x.std()), 1)
    (5.0, 1.0)
    """
    return _normal(extents(shape), mean, stddev, float_dtype(dtype, "normal"), prepared(seed, mean, stddev))


@op(static=("shape",), tensors=("mean", "stddev"))
def _truncated_normal(shape: Any, mean: Any, stddev: Any, dtype: str, key: Any) -> Value:
    wide = "float64" if dtype == "float64" else "float32"
    edge = math.erf(2.0 / ROOT2)
    y = emit(transcendental.Erfinv(), (open_unit(key, shape, wide) * 2.0 - 1.0) * edge) * ROOT2
    y = emit(elementwise.Maximum(), emit(elementwise.Minimum(), y, value(2.0, wide)), value(-2.0, wide))
    return cast(y * value(stddev, wide) + value(mean, wide), dtype)


def truncated_normal(shape: Sequence[int], mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers within two standard deviations of the mean. Arguments as in `normal`.

    >>> bool(abs(truncated_normal((1000,), seed=1)).max() <= 2)
    True
    """
    return _truncated_normal(extents(shape), mean, stddev, float_dtype(dtype, "truncated_normal"), prepared(seed, mean, stddev))


def _standard_gamma(key: Any, shape: Any, alpha: Value, dtype: str, stream: int) -> Value:
    """G. Marsaglia, W. Tsang, A simple method for generating gamma variables, 2000, with a fixed number of tries."""
    small = alpha < 1.0
    d = emit(elementwise.Where(), small, alpha + 1.0, alpha) - 1.0 / 3.0
    c = 1.0 / emit(transcendental.Sqrt(), d * 9.0)
    y = d
    for k in reversed(range(_GAMMA_TRIES)):
        x = standard_normal(key, shape, dtype, stream + 4 * k)
        log_u = emit(transcendental.Log(), open_unit(key, shape, dtype, stream + 4 * k + 2))
        t = x * c + 1.0
        valid = t > 0.0
        cube = t * t * t
        log_cube = emit(transcendental.Log(), emit(elementwise.Where(), valid, cube, movement.constant(1, dtype)))
        taken = log_u < x * x * 0.5 + d - d * cube + d * log_cube
        y = emit(elementwise.Where(), taken & valid, d * cube, y)
    boost = open_unit(key, shape, dtype, stream + 4 * _GAMMA_TRIES)
    boost = emit(
        transcendental.Exp(), emit(transcendental.Log(), boost) / emit(elementwise.Where(), small, alpha, alpha * 0.0 + 1.0)
    )
    return emit(elementwise.Where(), small, y * boost, y)


@op(static=("shape",), tensors=("alpha",))
def _gamma(shape: Any, alpha: Any, dtype: str, key: Any) -> Value:
    a = build.broadcast_to(value(alpha, wide(dtype)), extents(shape))
    return cast(_standard_gamma(key, shape, a, wide(dtype), 0), dtype)


def gamma(shape: Sequence[int], alpha: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Gamma numbers of shape parameter `alpha` and scale 1.

    Args:
        shape: the extents.
        alpha: the shape parameter, a number or a tensor that broadcasts.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or None.

    >>> round(float(gamma((20000,), 3.0, seed=1).mean()), 1)
    3.0
    """
    return _gamma(extents(shape), alpha, float_dtype(dtype, "gamma"), prepared(seed, alpha))


@op(static=("shape",), tensors=("alpha", "beta"))
def _beta(shape: Any, alpha: Any, beta: Any, dtype: str, key: Any) -> Value:
    kind = wide(dtype)
    a, b = (build.broadcast_to(value(v, kind), extents(shape)) for v in (alpha, beta))
    x = _standard_gamma(key, shape, a, kind, 0)
    return cast(x / (x + _standard_gamma(key, shape, b, kind, 4 * _GAMMA_TRIES + 4)), dtype)


def beta(shape: Sequence[int], alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Beta numbers: a / (a + b) of gamma numbers a and b of shape parameters `alpha` and `beta`. Other arguments as in `gamma`.

    >>> round(float(beta((20000,), 1.0, 3.0, seed=1).mean()), 2)
    0.25
    """
    return _beta(extents(shape), alpha, beta, float_dtype(dtype, "beta"), prepared(seed, alpha, beta))
