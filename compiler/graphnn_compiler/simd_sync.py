"""What kernels need besides vectors: words of the argument blocks, atomics, the barrier, errors, calls by address."""

from __future__ import annotations

from typing import Any

from .runtime import context as words
from .simd_emit import Emit
from .simd_types import I8, I32, I64, VOID, define, fixed, ir, types

SPINS = 2000  # pauses before a waiting thread gives its core away: spinning on a busy machine is 10-100 times slower

_i64 = types.int64


def _c(x: int) -> Any:
    return ir.Constant(I64, x)


def _word(em: Emit, _: Any, address: Any, index: Any) -> Any:
    x = em.b.load(em.word(address, index))
    x.align = 8
    return x


def _set_word(em: Emit, _: Any, address: Any, index: Any, value: Any) -> None:
    em.b.store(value, em.word(address, index)).align = 8


def _atomic_add(em: Emit, _: Any, address: Any, index: Any, value: Any) -> Any:
    return em.b.atomic_rmw("add", em.word(address, index), value, "seq_cst")


def _atomic_load(em: Emit, _: Any, address: Any, index: Any) -> Any:
    return em.b.load_atomic(em.word(address, index), "acquire", 8)


def _atomic_store(em: Emit, _: Any, address: Any, index: Any, value: Any) -> None:
    em.b.store_atomic(value, em.word(address, index), "release", 8)


def _pause(em: Emit, _: Any) -> None:
    em.b.call(em.external("llvm.x86.sse2.pause", VOID, []), [])


def _sched_yield(em: Emit, _: Any) -> None:
    em.b.call(em.external("sched_yield", I32, []), [])


def _fetch(em: Emit, address: Any, write: int) -> None:
    p = em.pointer(address, I8)
    f = em.external("llvm.prefetch.p0", VOID, [p.type, I32, I32, I32])
    em.b.call(f, [p, ir.Constant(I32, write), ir.Constant(I32, 3), ir.Constant(I32, 1)])


def _prefetch(em: Emit, _: Any, address: Any) -> None:
    _fetch(em, address, 0)


def _prefetch_write(em: Emit, _: Any, address: Any) -> None:
    _fetch(em, address, 1)


def _line(em: Emit, tid: Any, field: int) -> Any:
    """Index of a word in the line of thread tid."""
    return em.b.add(em.b.mul(tid, _c(words.LINE)), _c(words.LINES + field))


def _barrier_body(em: Emit, ctx: Any, tid: Any, n: Any) -> None:
    b = em.b
    arrive, wait, spin, give, done = (b.append_basic_block(x) for x in ("arrive", "wait", "spin", "give", "done"))
    b.cbranch(b.icmp_signed("<=", n, _c(1)), done, arrive)
    b.position_at_end(arrive)
    phase = b.add(_word(em, None, ctx, _line(em, tid, words.PHASE)), _c(1))
    _set_word(em, None, ctx, _line(em, tid, words.PHASE), phase)
    target = b.mul(phase, n)  # arrivals are never reset within a run, so nobody can meet an old round
    _atomic_add(em, None, ctx, _c(words.BARRIER), _c(1))
    b.branch(wait)
    b.position_at_end(wait)
    spins = b.phi(I64)
    spins.add_incoming(_c(0), arrive)
    next_spins = b.add(spins, _c(1))
    arrived = _atomic_load(em, None, ctx, _c(words.BARRIER))
    pause = b.append_basic_block("pause")
    b.cbranch(b.icmp_signed(">=", arrived, target), done, spin)
    b.position_at_end(spin)
    b.cbranch(b.icmp_signed("<", spins, _c(SPINS)), pause, give)
    b.position_at_end(pause)
    _pause(em, None)
    spins.add_incoming(next_spins, b.block)
    b.branch(wait)
    b.position_at_end(give)
    _sched_yield(em, None)
    spins.add_incoming(next_spins, b.block)
    b.branch(wait)
    b.position_at_end(done)


def _barrier(em: Emit, _: Any, ctx: Any, tid: Any, n: Any) -> None:
    em.call_outlined("gn_barrier", VOID, [ctx, tid, n], _barrier_body)


def _fail_body(em: Emit, ctx: Any, tid: Any, position: Any, value: Any) -> None:
    clean = em.b.icmp_signed("==", _word(em, None, ctx, _line(em, tid, words.CODE)), _c(0))
    with em.b.if_then(clean):
        _set_word(em, None, ctx, _line(em, tid, words.POSITION), position)
        _set_word(em, None, ctx, _line(em, tid, words.VALUE), value)


def _fail(em: Emit, _: Any, ctx: Any, tid: Any, position: Any, value: Any) -> None:
    em.call_outlined("gn_fail", VOID, [ctx, tid, position, value], _fail_body)


def _call(em: Emit, _: Any, address: Any, *args: Any) -> Any:
    f = em.b.inttoptr(address, ir.FunctionType(I32, [I64] * len(args)).as_pointer())
    return em.b.call(f, args)


word = define("word", "address index", fixed(_i64, _i64, _i64), _word, "The int64 at address[index].")
set_word = define("set_word", "address index value", fixed(types.void, _i64, _i64, _i64), _set_word, "Store an int64.")
atomic_add = define(
    "atomic_add",
    "address index value",
    fixed(_i64, _i64, _i64, _i64),
    _atomic_add,
    "Add; the value before is the result.",
)
atomic_load = define("atomic_load", "address index", fixed(_i64, _i64, _i64), _atomic_load, "Load with acquire order.")
atomic_store = define(
    "atomic_store",
    "address index value",
    fixed(types.void, _i64, _i64, _i64),
    _atomic_store,
    "Store with release order.",
)
pause = define("pause", "", fixed(types.void), _pause, "Tell the core that this is a spin loop.")
sched_yield = define("sched_yield", "", fixed(types.void), _sched_yield, "Let another thread have the core.")
prefetch = define("prefetch", "address", fixed(types.void, _i64), _prefetch, "To be read soon.")
prefetch_write = define("prefetch_write", "address", fixed(types.void, _i64), _prefetch_write, "To be written soon.")
barrier = define(
    "barrier",
    "ctx tid n",
    fixed(types.void, _i64, _i64, _i64),
    _barrier,
    "Wait until all n threads are here. All barriers of a run have the same n, or n = 1, which costs nothing.",
)
fail = define(
    "fail",
    "ctx tid position value",
    fixed(types.void, _i64, _i64, _i64, _i64),
    _fail,
    "Note the first bad position this thread met; the kernel then returns a nonzero code.",
)
call_kernel = define(
    "call_kernel",
    "address dims bufs ctx tid n",
    fixed(types.int32, *[_i64] * 6),
    _call,
    "Call a kernel by its address.",
)
call_tile = define(
    "call_tile",
    "address dims bufs ctx i0 m j0 n",
    fixed(types.int32, *[_i64] * 8),
    _call,
    "Call an epilogue by its address.",
)
