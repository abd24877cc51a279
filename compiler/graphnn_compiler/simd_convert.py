"""Conversions between element types, and the same bits as another type."""

from __future__ import annotations

from typing import Any

from .simd_emit import Emit, Vec
from .simd_ops import ANY
from .simd_types import ELEMENTS, F64, I32, LANES, VECTORS, alike, define, fixed, ir, types


def _to_odd_f32(x: Vec) -> Vec:
    """f64 -> f32 where an inexact result has an odd last bit, so that rounding it again rounds only once."""
    near = x.to("f32")
    back = near.to("f64")
    away = back.unary("fabs").gt(x.unary("fabs")).to("u32")
    return ((near.bits("u32") - away) | back.ne(x).to("u32")).bits("f32")


def _to(name: str) -> Any:
    def emit(em: Emit, sig: Any, v: Any) -> Any:
        x = em.vec(sig.args[0].element, v)
        if name != "f16":
            return x.to(name).v
        single = _to_odd_f32(x) if x.element == "f64" else _to_odd_f32(x.to("f64")) if x.kind in "iu" else x.to("f32")
        return em.b.fpext(em.b.fptrunc(single.v, ir.VectorType(ir.HalfType(), LANES)), single.v.type)

    doc = "Converted values: floats are truncated, stop at the limits of the type, and NaN gives 0; to b1: != 0."
    return define(f"to_{name}", "x", alike(ANY, VECTORS[name]), emit, doc)


# fmt: off
(
    to_f16, to_f32, to_f64, to_i8, to_i16, to_i32, to_i64, to_u8, to_u16, to_u32, to_u64, to_b1,
) = map(_to, ELEMENTS)
# fmt: on


def _make_bitcast(pair: tuple[str, str]) -> Any:
    source, target = pair

    def emit(em: Emit, _: Any, v: Any) -> Any:
        return em.vec(source, v).bits(target).v

    return define(
        f"bitcast_{source}_{target}", "x", fixed(VECTORS[target], VECTORS[source]), emit, f"Bits as {target}."
    )


bitcast_i32_f32, bitcast_u32_f32, bitcast_f32_i32, bitcast_f32_u32 = map(
    _make_bitcast, (("i32", "f32"), ("u32", "f32"), ("f32", "i32"), ("f32", "u32"))
)
bitcast_i64_f64, bitcast_u64_f64, bitcast_f64_i64, bitcast_f64_u64 = map(
    _make_bitcast, (("i64", "f64"), ("u64", "f64"), ("f64", "i64"), ("f64", "u64"))
)


def _const_bits(em: Emit, sig: Any, x: Any) -> Any:
    lane = ELEMENTS[sig.return_type.element].lane
    bits = x if lane == F64 else em.b.trunc(x, I32)
    return em.splat(em.b.bitcast(bits, lane))


const_bits_f32 = define("const_bits_f32", "bits", fixed(VECTORS["f32"], types.int64), _const_bits, "By its bits.")
const_bits_f64 = define("const_bits_f64", "bits", fixed(VECTORS["f64"], types.int64), _const_bits, "By its bits.")
