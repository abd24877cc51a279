"""Random bits, and uniform and standard normal numbers made of them, inside a trace."""

from __future__ import annotations

import math
from typing import Any

from graphnn_compiler import build
from graphnn_compiler.dims import product
from graphnn_compiler.ir import Value
from graphnn_compiler.ops import index, movement, transcendental
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import cast
from graphnn_compiler.ops.random import RandomBits
from graphnn_compiler.trace import emit

from ..config import standard_dtype
from ..dispatch import value
from ..ops.shaping import extents
from .seeds import draw_seed

ROOT2 = math.sqrt(2.0)


def float_dtype(dtype: Any, name: str) -> str:
    kind = standard_dtype(dtype)
    if not is_float(kind):
        raise ValueError(f"`graphnn.random.{name}` requires a floating point `dtype`. Received: dtype={dtype}")
    return kind


def bits(key: Any, shape: Any, stream: int = 0) -> Value:
    """32 random bits for each place of a shape; streams of one draw are independent."""
    words = value(draw_seed(key))
    dims = extents(shape)
    low, draws = (build.reshape(emit(movement.Slice((i,), (1,), (1,)), words), ()) for i in (0, 1))
    places = emit(index.Iota(product(dims), "uint32"))
    found = emit(RandomBits(stream), places, low, movement.constant(0, "uint32"), draws)
    return build.reshape(found, dims)


def unit(key: Any, shape: Any, dtype: str, stream: int = 0) -> Value:
    """Uniform numbers in [0, 1): multiples of 2^-24, of 2^-11 in float16, of 2^-53 in float64."""
    first = bits(key, shape, stream)
    if dtype == "float64":
        high = cast(first >> 5, "float64")
        return (high * 2.0**26 + cast(bits(key, shape, stream + 1) >> 6, "float64")) * 2.0**-53
    if dtype == "float16":
        return cast(cast(first >> 21, "float32") * 2.0**-11, "float16")
    return cast(first >> 8, dtype) * 2.0**-24


def open_unit(key: Any, shape: Any, dtype: str, stream: int = 0) -> Value:
    """Uniform numbers in (0, 1): the middles of the intervals of `unit`, never 0."""
    if dtype == "float64":
        return unit(key, shape, dtype, stream) + 2.0**-54
    wide = cast(bits(key, shape, stream) >> 9, "float32") + 0.5
    return wide * 2.0**-23


def standard_normal(key: Any, shape: Any, dtype: str, stream: int = 0) -> Value:
    """Normal numbers: sqrt(2) erfinv(2 u - 1)."""
    u = open_unit(key, shape, dtype, stream)
    return cast(emit(transcendental.Erfinv(), u * 2.0 - 1.0) * ROOT2, dtype)


def wide(dtype: str) -> str:
    """The dtype in which numbers of `dtype` are drawn."""
    return "float64" if dtype == "float64" else "float32"
