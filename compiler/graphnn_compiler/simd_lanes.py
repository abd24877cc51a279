"""Memory accesses lane by lane, where the target has no instruction for them: internal functions with a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .simd_emit import Emit
from .simd_types import I1, I32, I64, LANES, VOID, Element, ir


def memory_vector(e: Element) -> Any:
    return ir.VectorType(e.memory, LANES)


def _lane_loop(em: Emit, mask: Any, each: Callable[[Any], None]) -> None:
    """Run each(lane as i64) for the lanes that are on."""
    b = em.b
    bits = b.zext(em.mask_bits(mask), I32)
    entry = b.block
    head, body, step, done = (b.append_basic_block(n) for n in ("lane", "on", "next", "done"))
    b.branch(head)
    b.position_at_end(head)
    lane = b.phi(I64)
    lane.add_incoming(ir.Constant(I64, 0), entry)
    on = b.trunc(b.lshr(bits, b.trunc(lane, I32)), I1)
    b.cbranch(on, body, step)
    b.position_at_end(body)
    each(lane)
    b.branch(step)
    b.position_at_end(step)
    following = b.add(lane, ir.Constant(I64, 1))
    lane.add_incoming(following, b.block)
    b.cbranch(b.icmp_unsigned("<", following, ir.Constant(I64, LANES)), head, done)
    b.position_at_end(done)


def _lane_pointer(em: Emit, e: Element, address: Any, stride_or_offsets: Any, lane: Any) -> Any:
    s = stride_or_offsets
    offset = em.b.extract_element(s, lane) if isinstance(s.type, ir.VectorType) else em.b.mul(s, lane)
    return em.pointer(em.b.add(address, offset), e.memory)


def lanes_load(em: Emit, e: Element, address: Any, where: Any, mask: Any) -> Any:
    """One lane after another, from address + lane * stride or address + offsets[lane]; an internal function."""
    vt = memory_vector(e)

    def body(em: Emit, address: Any, where: Any, mask: Any) -> Any:
        slot = em.b.alloca(vt)
        em.b.store(ir.Constant(vt, None), slot)

        def each(lane: Any) -> None:
            x = em.b.load(_lane_pointer(em, e, address, where, lane))
            x.align = e.size
            em.b.store(x, em.b.gep(em.b.bitcast(slot, e.memory.as_pointer()), [lane]))

        _lane_loop(em, mask, each)
        return em.b.load(slot)

    way = "at" if isinstance(where.type, ir.VectorType) else "by"
    return em.call_outlined(f"gn_lanes_load_{way}_{e.name}", vt, [address, where, mask], body)


def lanes_store(em: Emit, e: Element, address: Any, where: Any, v: Any, mask: Any) -> None:
    def body(em: Emit, address: Any, where: Any, v: Any, mask: Any) -> None:
        slot = em.b.alloca(v.type)
        em.b.store(v, slot)

        def each(lane: Any) -> None:
            x = em.b.load(em.b.gep(em.b.bitcast(slot, e.memory.as_pointer()), [lane]))
            em.b.store(x, _lane_pointer(em, e, address, where, lane)).align = e.size

        _lane_loop(em, mask, each)

    way = "at" if isinstance(where.type, ir.VectorType) else "by"
    em.call_outlined(f"gn_lanes_store_{way}_{e.name}", VOID, [address, where, v, mask], body)
