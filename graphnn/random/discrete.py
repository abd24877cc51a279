"""Draws of integers, classes and orders, and dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler import build
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import elementwise, index, movement, ordering, transcendental
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.reduce import Sum
from graphnn_compiler.trace import emit

from ..config import floatx, standard_dtype
from ..dispatch import op, value
from ..ops.core import convert_to_numpy
from ..ops.shaping import extents
from ..ops.sorting import arg_extremum
from .bits import bits, float_dtype, open_unit, unit, wide
from .seeds import prepared

_WORD = 0xFFFFFFFF


@op(static=("shape",), tensors=("minval", "maxval"))
def _randint(shape: Any, minval: Any, maxval: Any, dtype: str, key: Any) -> Value:
    low, high = value(minval, "int64"), value(maxval, "int64")
    # The high word of bits * span; 64 bits of randomness leave a bias of at most span / 2^64.
    span = cast(emit(elementwise.Maximum(), high - low, value(1, "int64")), "uint64")
    first, second = (cast(bits(key, shape, s), "uint64") for s in (0, 1))
    upper, lower = span >> 32, span & _WORD
    carried = ((second * lower) >> 32) + first * lower
    middle = second * upper + (carried & _WORD)
    place = first * upper + (carried >> 32) + (middle >> 32)
    return cast(low + cast(place, "int64"), dtype)


def randint(shape: Sequence[int], minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None) -> Any:
    """Integers from minval to maxval - 1, all equally likely.

    Args:
        shape: the extents.
        minval, maxval: the bounds.
        dtype: an integer dtype.
        seed: an integer, a `SeedGenerator`, or None.

    Raises:
        ValueError: the dtype is no integer.

    >>> sorted(set(randint((100,), 0, 3, seed=1).tolist()))
    [0, 1, 2]
    """
    kind = standard_dtype(dtype)
    if is_float(kind) or kind == "bool":
        raise ValueError(f"`graphnn.random.randint` requires an integer `dtype`. Received: dtype={dtype}")
    return _randint(extents(shape), minval, maxval, kind, prepared(seed, minval, maxval))


@op(static=("num_samples",), tensors=("logits",))
def _categorical(logits: Any, num_samples: int, dtype: str, key: Any) -> Value:
    v = value(logits)
    if v.ndim != 2:
        raise ValueError(f"`logits` must have two axes (batch, classes). Received: logits.shape={show(v.shape)}")
    v = v if is_float(v.dtype) else cast(v, floatx())
    kind = wide(v.dtype)
    u = open_unit(key, (v.shape[0], num_samples, v.shape[1]), kind)
    noise = -emit(transcendental.Log(), -emit(transcendental.Log(), u))
    return cast(arg_extremum(build.expand(cast(v, kind), 1) + noise, 2, False, True), dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Classes drawn with probabilities softmax(logits): the largest of logits plus Gumbel noise.

    Args:
        logits: (batch, classes).
        num_samples: how many draws for each row.
        dtype: that of the result (batch, num_samples).
        seed: an integer, a `SeedGenerator`, or None.

    Raises:
        ValueError: the logits do not have two axes.

    >>> categorical([[0.0, 50.0]], 3, seed=1).tolist()
    [[1, 1, 1]]
    """
    return _categorical(logits, num_samples, standard_dtype(dtype), prepared(seed, logits))


@op(static=("rate", "noise_shape"), name="Dropout")
def _dropout(inputs: Any, rate: float, noise_shape: Any, key: Any) -> Value:
    v = value(inputs)
    if rate <= 0:
        return v
    if rate >= 1:
        return v * 0.0
    shape = v.shape if noise_shape is None else tuple(n if d is None else d for d, n in zip(noise_shape, v.shape, strict=True))
    kept = bits(key, shape) >= movement.constant(min(round(rate * 2**32), _WORD), "uint32")
    return emit(elementwise.Where(), kept, v * (1.0 / (1.0 - rate)), movement.constant(0, v.dtype))


def dropout(inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Any = None) -> Any:
    """Elements set to 0 with probability `rate`, the others times 1 / (1 - rate).

    Args:
        inputs: a tensor.
        rate: a probability.
        noise_shape: the shape of the decisions, which broadcasts to that of the inputs; None in it stands for their extent.
        seed: an integer, a `SeedGenerator`, or None.

    >>> sorted(set(dropout([1.0] * 100, 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    shape = None if noise_shape is None else tuple(noise_shape)
    return _dropout(inputs, float(rate), shape, prepared(seed, inputs))


@op
def _shuffle(x: Any, axis: int, key: Any) -> Value:
    v = value(x)
    at = build.normal_axis(axis, v.ndim)
    n = v.shape[at]
    # Two words for each element: equal keys do not occur in practice, so every order is as likely.
    high, low = (cast(bits(key, (n,), s), "uint64") for s in (0, 1))
    order = emit(ordering.ArgSort(), cast(((high << 32) | low) >> 1, "int64"))
    return emit(index.Take(at), v, order)


def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The slices of x along an axis in random order.

    Args:
        x: a tensor.
        axis: along which axis.
        seed: an integer, a `SeedGenerator`, or None.

    >>> sorted(shuffle([1, 2, 3], seed=1).tolist())
    [1, 2, 3]
    """
    return _shuffle(x, axis, prepared(seed, x))


@op(static=("shape", "most"), tensors=("counts", "probabilities"))
def _binomial(shape: Any, counts: Any, probabilities: Any, most: int, dtype: str, key: Any) -> Value:
    dims = extents(shape)
    n, p = (build.expand(build.broadcast_to(value(v, "float32"), dims), -1) for v in (counts, probabilities))
    trial = cast(emit(index.Iota(most)), "float32")
    hit = (unit(key, (*dims, most), "float32") < p) & (trial < n)
    return cast(build.reduced(Sum, cast(hit, "int32"), -1), dtype)


def binomial(shape: Sequence[int], counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Any:
    """How many of `counts` trials succeed, each with a probability.

    Args:
        shape: the extents.
        counts: how many trials; a number or an array that broadcasts.
        probabilities: of success; a number or a tensor that broadcasts.
        dtype: a float dtype, by default `floatx()`.
        seed: an integer, a `SeedGenerator`, or None.

    Raises:
        ValueError: `counts` is symbolic: the number of trials must be known.

    >>> round(float(binomial((5000,), 10, 0.5, seed=1).mean()))
    5
    """
    most = max(int(np.max(convert_to_numpy(counts), initial=0)), 1)
    return _binomial(extents(shape), counts, probabilities, most, float_dtype(dtype, "binomial"), prepared(seed, probabilities))
