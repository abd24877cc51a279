"""The one import of kernels: vectors of 16 lanes, their memory, arithmetic and maths, atomics and errors.

Every public name is a plain function (or a float constant) for code compiled by Numba with error_model="numpy"; none
needs the Python runtime. The texts of all `simd*.py` files are part of the key of every kernel.
"""

# An index, one family per line.
# ruff: noqa: I001, RUF022
# fmt: off
from __future__ import annotations

from .simd_memory import (
    load_f16, load_f32, load_f64, load_i8, load_i16, load_i32, load_i64, load_u8, load_u16, load_u32, load_u64,
    load_b1,
    store_f16, store_f32, store_f64, store_i8, store_i16, store_i32, store_i64, store_u8, store_u16, store_u32,
    store_u64, store_b1,
    load_full_f16, load_full_f32, load_full_f64, load_full_i8, load_full_i16, load_full_i32, load_full_i64,
    load_full_u8, load_full_u16, load_full_u32, load_full_u64, load_full_b1,
    store_full_f16, store_full_f32, store_full_f64, store_full_i8, store_full_i16, store_full_i32, store_full_i64,
    store_full_u8, store_full_u16, store_full_u32, store_full_u64, store_full_b1,
    loads_f16, loads_f32, loads_f64, loads_i8, loads_i16, loads_i32, loads_i64, loads_u8, loads_u16, loads_u32,
    loads_u64, loads_b1,
    stores_f16, stores_f32, stores_f64, stores_i8, stores_i16, stores_i32, stores_i64, stores_u8, stores_u16,
    stores_u32, stores_u64, stores_b1,
    gather_f16, gather_f32, gather_f64, gather_i8, gather_i16, gather_i32, gather_i64, gather_u8, gather_u16,
    gather_u32, gather_u64, gather_b1,
    scatter_f16, scatter_f32, scatter_f64, scatter_i8, scatter_i16, scatter_i32, scatter_i64, scatter_u8,
    scatter_u16, scatter_u32, scatter_u64, scatter_b1,
    scalar_f16, scalar_f32, scalar_f64, scalar_i8, scalar_i16, scalar_i32, scalar_i64, scalar_u8, scalar_u16,
    scalar_u32, scalar_u64, scalar_b1,
    set_scalar_f16, set_scalar_f32, set_scalar_f64, set_scalar_i8, set_scalar_i16, set_scalar_i32, set_scalar_i64,
    set_scalar_u8, set_scalar_u16, set_scalar_u32, set_scalar_u64, set_scalar_b1,
    splat_load_f16, splat_load_f32, splat_load_f64, splat_load_i8, splat_load_i16, splat_load_i32, splat_load_i64,
    splat_load_u8, splat_load_u16, splat_load_u32, splat_load_u64, splat_load_b1,
)
from .simd_ops import (
    splat_f16, splat_f32, splat_f64, splat_i8, splat_i16, splat_i32, splat_i64, splat_u8, splat_u16, splat_u32,
    splat_u64, splat_b1,
    const_f16, const_f32, const_f64, const_i8, const_i16, const_i32, const_i64, const_u8, const_u16, const_u32,
    const_u64, const_b1,
    ramp_i32, ramp_i64, ramp_u32, ramp_u64,
    INF, NAN, lanes_below, lt, le, gt, ge, eq, ne, select, maximum, minimum, fma, isnan, isinf, isfinite, hsum,
    hprod, hmax, hmin, hall, hany, extract, insert,
)
from .simd_convert import (
    to_f16, to_f32, to_f64, to_i8, to_i16, to_i32, to_i64, to_u8, to_u16, to_u32, to_u64, to_b1,
    bitcast_i32_f32,
    bitcast_u32_f32,
    bitcast_f32_i32, bitcast_f32_u32,
    bitcast_i64_f64,
    bitcast_u64_f64,
    bitcast_f64_i64, bitcast_f64_u64,
    const_bits_f32, const_bits_f64,
)
from .simd_arith import (
    neg, abs_, sign, floor, ceil, trunc, round_, sqrt, rsqrt, signbit, copysign, div, floor_div, mod, pow_, philox,
    philox_1, philox_2, philox_3, philox_word,
)
from .simd_libm import (
    exp, exp2, expm1, log, log2, log10, log1p, tanh, sigmoid, erf, erfinv, sin, cos, erfc, tan, asin, acos, atan,
    sinh, cosh, asinh, acosh, atanh, lgamma, atan2, hypot,
)
from .simd_sync import (
    word, set_word, atomic_add, atomic_load, atomic_store, pause, sched_yield, prefetch, prefetch_write, barrier,
    fail, call_kernel, call_tile,
)

__all__ = [
    "load_f16", "load_f32", "load_f64", "load_i8", "load_i16", "load_i32", "load_i64", "load_u8", "load_u16",
    "load_u32", "load_u64", "load_b1",
    "store_f16", "store_f32", "store_f64", "store_i8", "store_i16", "store_i32", "store_i64", "store_u8",
    "store_u16", "store_u32", "store_u64", "store_b1",
    "load_full_f16", "load_full_f32", "load_full_f64", "load_full_i8", "load_full_i16", "load_full_i32",
    "load_full_i64", "load_full_u8", "load_full_u16", "load_full_u32", "load_full_u64", "load_full_b1",
    "store_full_f16", "store_full_f32", "store_full_f64", "store_full_i8", "store_full_i16", "store_full_i32",
    "store_full_i64", "store_full_u8", "store_full_u16", "store_full_u32", "store_full_u64", "store_full_b1",
    "loads_f16", "loads_f32", "loads_f64", "loads_i8", "loads_i16", "loads_i32", "loads_i64", "loads_u8",
    "loads_u16", "loads_u32", "loads_u64", "loads_b1",
    "stores_f16", "stores_f32", "stores_f64", "stores_i8", "stores_i16", "stores_i32", "stores_i64", "stores_u8",
    "stores_u16", "stores_u32", "stores_u64", "stores_b1",
    "gather_f16", "gather_f32", "gather_f64", "gather_i8", "gather_i16", "gather_i32", "gather_i64", "gather_u8",
    "gather_u16", "gather_u32", "gather_u64", "gather_b1",
    "scatter_f16", "scatter_f32", "scatter_f64", "scatter_i8", "scatter_i16", "scatter_i32", "scatter_i64",
    "scatter_u8", "scatter_u16", "scatter_u32", "scatter_u64", "scatter_b1",
    "scalar_f16", "scalar_f32", "scalar_f64", "scalar_i8", "scalar_i16", "scalar_i32", "scalar_i64", "scalar_u8",
    "scalar_u16", "scalar_u32", "scalar_u64", "scalar_b1",
    "set_scalar_f16", "set_scalar_f32", "set_scalar_f64", "set_scalar_i8", "set_scalar_i16", "set_scalar_i32",
    "set_scalar_i64", "set_scalar_u8", "set_scalar_u16", "set_scalar_u32", "set_scalar_u64", "set_scalar_b1",
    "splat_load_f16", "splat_load_f32", "splat_load_f64", "splat_load_i8", "splat_load_i16", "splat_load_i32",
    "splat_load_i64", "splat_load_u8", "splat_load_u16", "splat_load_u32", "splat_load_u64", "splat_load_b1",
    "splat_f16", "splat_f32", "splat_f64", "splat_i8", "splat_i16", "splat_i32", "splat_i64", "splat_u8",
    "splat_u16", "splat_u32", "splat_u64", "splat_b1",
    "const_f16", "const_f32", "const_f64", "const_i8", "const_i16", "const_i32", "const_i64", "const_u8",
    "const_u16", "const_u32", "const_u64", "const_b1",
    "ramp_i32", "ramp_i64", "ramp_u32", "ramp_u64",
    "INF", "NAN", "lanes_below", "lt", "le", "gt", "ge", "eq", "ne", "select", "maximum", "minimum", "fma",
    "isnan", "isinf", "isfinite", "hsum", "hprod", "hmax", "hmin", "hall", "hany", "extract", "insert",
    "to_f16", "to_f32", "to_f64", "to_i8", "to_i16", "to_i32", "to_i64", "to_u8", "to_u16", "to_u32", "to_u64",
    "to_b1",
    "bitcast_i32_f32",
    "bitcast_u32_f32",
    "bitcast_f32_i32", "bitcast_f32_u32",
    "bitcast_i64_f64",
    "bitcast_u64_f64",
    "bitcast_f64_i64", "bitcast_f64_u64",
    "const_bits_f32", "const_bits_f64",
    "neg", "abs_", "sign", "floor", "ceil", "trunc", "round_", "sqrt", "rsqrt", "signbit", "copysign", "div",
    "floor_div", "mod", "pow_", "philox", "philox_1", "philox_2", "philox_3", "philox_word",
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "tanh", "sigmoid", "erf", "erfinv", "sin", "cos",
    "erfc", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "lgamma", "atan2", "hypot",
    "word", "set_word", "atomic_add", "atomic_load", "atomic_store", "pause", "sched_yield", "prefetch",
    "prefetch_write", "barrier", "fail", "call_kernel", "call_tile",
]
