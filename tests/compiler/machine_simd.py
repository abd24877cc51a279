"""The vocabulary of simd.py in NumPy: vectors are arrays of 16 elements, and every access is checked by machine_memory.py."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from graphnn_compiler.ops.random import philox4x32, philox4x32_words
from graphnn_compiler.runtime import context
from machine_memory import MEMORY, at

LANES = 16
NUMPY = {
    "b1": np.bool_, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "u16": np.uint16,
    "u32": np.uint32, "u64": np.uint64, "f16": np.float16, "f32": np.float32, "f64": np.float64,
}  # fmt: skip
DTYPES = {np.dtype(v).name: v for v in NUMPY.values()}


def word(address: int, i: int) -> int:
    return ctypes.c_int64.from_address(address + 8 * i).value


def lanes_below(n: int) -> np.ndarray:
    return np.arange(LANES) < n


def _places(address: int, stride: Any, m: np.ndarray) -> np.ndarray:
    return address + (np.arange(LANES) * stride)[m]


def _load(dtype: Any, places: np.ndarray, m: np.ndarray) -> np.ndarray:
    out = np.zeros(LANES, dtype)
    size = np.dtype(dtype).itemsize
    MEMORY.read(places, size)
    if len(places):
        first = int(places.min())
        raw = at(first, np.uint8, int(places.max()) - first + size)
        out[m] = raw[((places - first)[:, None] + np.arange(size)).ravel()].view(dtype)
    return out.astype(np.float32) if dtype is np.float16 else out


def _store(dtype: Any, places: np.ndarray, v: np.ndarray, m: np.ndarray) -> None:
    size = np.dtype(dtype).itemsize
    assert v.dtype == (np.float32 if dtype is np.float16 else dtype), (v.dtype, dtype)
    MEMORY.write(places, size)
    for place, x in zip(places, v[m].astype(dtype), strict=True):
        at(int(place), dtype, 1)[0] = x


def _splat(dtype: Any, x: Any) -> np.ndarray:
    return np.full(LANES, x, np.float32 if dtype is np.float16 else dtype)


def _to(dtype: Any, v: np.ndarray) -> np.ndarray:
    v = v != 0 if dtype is np.bool_ else v.astype(dtype)
    return v.astype(np.float32) if dtype is np.float16 else v


def _vocabulary() -> dict[str, Any]:
    names: dict[str, Any] = {
        "word": word, "lanes_below": lanes_below, "extract": lambda v, i: v[i], "select": np.where, "INF": np.inf, "NAN": np.nan,
        "range": range, "min": min, "max": max, "neg": np.negative, "abs_": np.abs, "sign": np.sign, "floor": np.floor,
        "ceil": np.ceil, "round_": np.round, "trunc": np.trunc, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "tanh": np.tanh, "sin": np.sin, "cos": np.cos,
        "sigmoid": lambda v: 1 / (1 + np.exp(-v)), "log1p": np.log1p, "maximum": np.maximum, "minimum": np.minimum,
        "floor_div": np.floor_divide, "mod": np.mod, "pow_": np.power, "isnan": np.isnan, "lt": np.less, "le": np.less_equal,
        "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal, "hsum": lambda v: v.sum(dtype=v.dtype),
        "hprod": lambda v: v.prod(dtype=v.dtype), "hmax": np.max, "hmin": np.min, "hall": np.all, "hany": np.any, "fail": fail,
        "philox": lambda k0, k1, c0, c1, c2, c3: philox4x32((k0, k1), (c0, c1, c2, c3)),
        "philox_word": lambda i, k0, k1, c0, c1, c2, c3: np.choose(i & 3, philox4x32_words((k0, k1), (c0, c1, c2, c3))),
        "ramp_i64": lambda start, step: start + np.arange(LANES, dtype=np.int64) * step,
    }  # fmt: skip
    for t, dtype in NUMPY.items():
        size = np.dtype(dtype).itemsize
        one = np.arange(LANES) == 0
        names |= {
            f"const_{t}": lambda x, d=dtype: _splat(d, x),
            f"splat_{t}": lambda x, d=dtype: _splat(d, x),
            f"to_{t}": lambda v, d=dtype: _to(d, v),
            f"load_{t}": lambda a, m, d=dtype, s=size: _load(d, _places(a, s, m), m),
            f"loads_{t}": lambda a, s, m, d=dtype: _load(d, _places(a, s, m), m),
            f"splat_load_{t}": lambda a, d=dtype, one=one: _splat(d, _load(d, np.array([a]), one)[0]),
            f"gather_{t}": lambda a, o, m, d=dtype: _load(d, a + o[m], m),
            f"store_{t}": lambda a, v, m, d=dtype, s=size: _store(d, _places(a, s, m), v, m),
            f"stores_{t}": lambda a, s, v, m, d=dtype: _store(d, _places(a, s, m), v, m),
            f"set_scalar_{t}": lambda a, x, d=dtype, one=one: _store(d, np.array([a]), _splat(d, x), one),
        }
    return names


def fail(ctx: int, tid: int, position: int, value: int) -> int:
    """Notes the first error of a thread, as simd's `fail` does."""
    line = at(ctx + 8 * (context.LINES + context.LINE * tid), np.int64, context.LINE)
    if line[context.CODE] == 0 or (line[context.ROW] == 0 and position < line[context.POSITION]):  # the runner stamps rows
        line[context.CODE], line[context.POSITION], line[context.VALUE] = 1, position, value
    return 1


VOCABULARY = _vocabulary()
