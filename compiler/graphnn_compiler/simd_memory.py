"""Loads and stores of vectors and scalars. Addresses are int64, strides and offsets bytes, alignment is one element.

Suffix T is the type in memory: f16 is float32 in registers, b1 is a byte 0/1 in memory and one bit in registers.
"""

from __future__ import annotations

from typing import Any

from .simd_emit import Emit
from .simd_lanes import lanes_load, lanes_store, memory_vector
from .simd_types import (
    B1,
    ELEMENTS,
    F32,
    F64,
    I16,
    I32,
    I64,
    LANES,
    VECTORS,
    VOID,
    Element,
    family,
    fixed,
    ir,
    target_has_avx512,
    types,
)

ADDRESS = types.int64
OFFSETS = VECTORS["i64"]


def _to_register(em: Emit, e: Element, v: Any) -> Any:
    """Memory form -> register form, of a vector or a scalar."""
    wide = isinstance(v.type, ir.VectorType)
    if e.name == "f16":
        return em.b.fpext(v, ir.VectorType(e.lane, LANES) if wide else e.lane)
    if e.name == "b1":
        return em.b.icmp_unsigned("!=", v, ir.Constant(v.type, None))
    return v


def _to_memory(em: Emit, e: Element, v: Any) -> Any:
    wide = isinstance(v.type, ir.VectorType)
    if e.name == "f16":
        return em.b.fptrunc(v, memory_vector(e) if wide else e.memory)
    if e.name == "b1":
        return em.b.zext(v, memory_vector(e) if wide else e.memory)
    return v


def _plain_load(em: Emit, e: Element, address: Any) -> Any:
    v = em.b.load(em.pointer(address, memory_vector(e)))
    v.align = e.size
    return v


def _plain_store(em: Emit, e: Element, address: Any, v: Any) -> None:
    em.b.store(v, em.pointer(address, memory_vector(e))).align = e.size


def _as_bits(e: Element) -> Any:
    """Half floats are moved as int16: hardware masks them as integers."""
    return I16 if e.name == "f16" else e.memory


def _kind_suffix(t: Any) -> str:
    return f"v{LANES}" + ("f32" if t == F32 else "f64" if t == F64 else f"i{t.width}")


def _masked_load(em: Emit, e: Element, address: Any, mask: Any) -> Any:
    t = _as_bits(e)
    vt = ir.VectorType(t, LANES)
    name = f"llvm.masked.load.{_kind_suffix(t)}.p0"
    f = em.external(name, vt, [vt.as_pointer(), I32, mask.type, vt])
    v = em.b.call(f, [em.pointer(address, vt), ir.Constant(I32, e.size), mask, ir.Constant(vt, None)])
    return em.b.bitcast(v, memory_vector(e)) if t != e.memory else v


def _masked_store(em: Emit, e: Element, address: Any, v: Any, mask: Any) -> None:
    t = _as_bits(e)
    vt = ir.VectorType(t, LANES)
    v = em.b.bitcast(v, vt) if t != e.memory else v
    f = em.external(f"llvm.masked.store.{_kind_suffix(t)}.p0", VOID, [vt, vt.as_pointer(), I32, mask.type])
    em.b.call(f, [v, em.pointer(address, vt), ir.Constant(I32, e.size), mask])


def _part_load(em: Emit, e: Element, address: Any, mask: Any) -> Any:
    if target_has_avx512() or e.size >= 4:
        return _masked_load(em, e, address, mask)
    return lanes_load(em, e, address, ir.Constant(I64, e.size), mask)


def _part_store(em: Emit, e: Element, address: Any, v: Any, mask: Any) -> None:
    if target_has_avx512() or e.size >= 4:
        _masked_store(em, e, address, v, mask)
    else:
        lanes_store(em, e, address, ir.Constant(I64, e.size), v, mask)


def _load(em: Emit, e: Element, address: Any, mask: Any) -> Any:
    if target_has_avx512():
        return _to_register(em, e, _masked_load(em, e, address, mask))
    b = em.b  # masked accesses are slow on such targets
    full_block, part_block, done = (
        b.append_basic_block("full"),
        b.append_basic_block("part"),
        b.append_basic_block("loaded"),
    )
    _likely(em, em.mask_is_full(mask), full_block, part_block)
    b.position_at_end(full_block)
    full = _plain_load(em, e, address)
    b.branch(done)
    b.position_at_end(part_block)
    part = _part_load(em, e, address, mask)
    b.branch(done)
    b.position_at_end(done)
    v = b.phi(full.type)
    v.add_incoming(full, full_block)
    v.add_incoming(part, part_block)
    return _to_register(em, e, v)


def _store(em: Emit, e: Element, address: Any, v: Any, mask: Any) -> None:
    v = _to_memory(em, e, v)
    if target_has_avx512():
        _masked_store(em, e, address, v, mask)
        return
    b = em.b
    full_block, part_block, done = (
        b.append_basic_block("full"),
        b.append_basic_block("part"),
        b.append_basic_block("stored"),
    )
    _likely(em, em.mask_is_full(mask), full_block, part_block)
    b.position_at_end(full_block)
    _plain_store(em, e, address, v)
    b.branch(done)
    b.position_at_end(part_block)
    _part_store(em, e, address, v, mask)
    b.branch(done)
    b.position_at_end(done)


def _likely(em: Emit, condition: Any, then: Any, otherwise: Any) -> None:
    em.b.cbranch(condition, then, otherwise).set_weights([99, 1])


def _load_full(em: Emit, e: Element, address: Any) -> Any:
    return _to_register(em, e, _plain_load(em, e, address))


def _store_full(em: Emit, e: Element, address: Any, v: Any) -> None:
    _plain_store(em, e, address, _to_memory(em, e, v))


def _gather(em: Emit, e: Element, address: Any, where: Any, mask: Any) -> Any:
    """From address + where[lane], or address + lane * where."""
    if not target_has_avx512() or e.size < 4:
        return _to_register(em, e, lanes_load(em, e, address, where, mask))
    if not isinstance(where.type, ir.VectorType):
        where = em.b.mul(em.splat(where), em.ramp("i64").v)
    p = em.b.inttoptr(em.b.add(em.splat(address), where), ir.VectorType(e.memory.as_pointer(), LANES))
    vt = memory_vector(e)
    f = em.external(f"llvm.masked.gather.{_kind_suffix(e.memory)}.v{LANES}p0", vt, [p.type, I32, mask.type, vt])
    return em.b.call(f, [p, ir.Constant(I32, e.size), mask, ir.Constant(vt, None)])


def _scatter(em: Emit, e: Element, address: Any, where: Any, v: Any, mask: Any) -> None:
    lanes_store(em, e, address, where, _to_memory(em, e, v), mask)


def _scalar(em: Emit, e: Element, address: Any) -> Any:
    x = em.b.load(em.pointer(address, e.memory))
    x.align = e.size
    return _to_register(em, e, x)


def _set_scalar(em: Emit, e: Element, address: Any, x: Any) -> None:
    em.b.store(_to_memory(em, e, x), em.pointer(address, e.memory)).align = e.size


def _splat_load(em: Emit, e: Element, address: Any) -> Any:
    return em.splat(_scalar(em, e, address))


# One function per element type, in the order of NAMES.
# fmt: off
(
    load_f16, load_f32, load_f64, load_i8, load_i16, load_i32,
    load_i64, load_u8, load_u16, load_u32, load_u64, load_b1,
) = family(
    "load", "address mask", lambda n: fixed(VECTORS[n], ADDRESS, B1),
    _load, "16 elements; lanes off are 0 and not read."
)
(
    store_f16, store_f32, store_f64, store_i8, store_i16, store_i32,
    store_i64, store_u8, store_u16, store_u32, store_u64, store_b1,
) = family(
    "store", "address value mask", lambda n: fixed(types.void, ADDRESS, VECTORS[n], B1),
    _store, "16 elements; lanes off are not written."
)
(
    load_full_f16, load_full_f32, load_full_f64, load_full_i8, load_full_i16, load_full_i32,
    load_full_i64, load_full_u8, load_full_u16, load_full_u32, load_full_u64, load_full_b1,
) = family("load_full", "address", lambda n: fixed(VECTORS[n], ADDRESS), _load_full, "16 elements.")
(
    store_full_f16, store_full_f32, store_full_f64, store_full_i8, store_full_i16, store_full_i32,
    store_full_i64, store_full_u8, store_full_u16, store_full_u32, store_full_u64, store_full_b1,
) = family("store_full", "address value", lambda n: fixed(types.void, ADDRESS, VECTORS[n]), _store_full, "16 elements.")
(
    loads_f16, loads_f32, loads_f64, loads_i8, loads_i16, loads_i32,
    loads_i64, loads_u8, loads_u16, loads_u32, loads_u64, loads_b1,
) = family(
    "loads", "address stride mask", lambda n: fixed(VECTORS[n], ADDRESS, types.int64, B1),
    _gather, "Lane l from address + l * stride."
)
(
    stores_f16, stores_f32, stores_f64, stores_i8, stores_i16, stores_i32,
    stores_i64, stores_u8, stores_u16, stores_u32, stores_u64, stores_b1,
) = family(
    "stores", "address stride value mask", lambda n: fixed(types.void, ADDRESS, types.int64, VECTORS[n], B1),
    _scatter, "Lane l to address + l * stride, in lane order."
)
(
    gather_f16, gather_f32, gather_f64, gather_i8, gather_i16, gather_i32,
    gather_i64, gather_u8, gather_u16, gather_u32, gather_u64, gather_b1,
) = family(
    "gather", "address offsets mask", lambda n: fixed(VECTORS[n], ADDRESS, OFFSETS, B1),
    _gather, "Lane l from address + offsets[l]."
)
(
    scatter_f16, scatter_f32, scatter_f64, scatter_i8, scatter_i16, scatter_i32,
    scatter_i64, scatter_u8, scatter_u16, scatter_u32, scatter_u64, scatter_b1,
) = family(
    "scatter", "address offsets value mask", lambda n: fixed(types.void, ADDRESS, OFFSETS, VECTORS[n], B1),
    _scatter, "Lane l to address + offsets[l], in lane order."
)
(
    scalar_f16, scalar_f32, scalar_f64, scalar_i8, scalar_i16, scalar_i32,
    scalar_i64, scalar_u8, scalar_u16, scalar_u32, scalar_u64, scalar_b1,
) = family("scalar", "address", lambda n: fixed(ELEMENTS[n].scalar, ADDRESS), _scalar, "The element at address.")
(
    set_scalar_f16, set_scalar_f32, set_scalar_f64, set_scalar_i8, set_scalar_i16, set_scalar_i32,
    set_scalar_i64, set_scalar_u8, set_scalar_u16, set_scalar_u32, set_scalar_u64, set_scalar_b1,
) = family(
    "set_scalar", "address value", lambda n: fixed(types.void, ADDRESS, ELEMENTS[n].scalar),
    _set_scalar, "Store one element."
)
(
    splat_load_f16, splat_load_f32, splat_load_f64, splat_load_i8, splat_load_i16, splat_load_i32,
    splat_load_i64, splat_load_u8, splat_load_u16, splat_load_u32, splat_load_u64, splat_load_b1,
) = family(
    "splat_load", "address", lambda n: fixed(VECTORS[n], ADDRESS), _splat_load, "All lanes = the element at address."
)
# fmt: on
