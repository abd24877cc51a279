"""Words, atomics, the barrier between real threads, errors, calls by address, random bits."""

from __future__ import annotations

import threading

import graphnn_compiler.simd as simd
import numpy as np
import pytest
from graphnn_compiler import simd_arith, simd_convert, simd_libm, simd_memory, simd_ops, simd_sync
from graphnn_compiler.runtime import context, loader
from graphnn_compiler.runtime.spec import KernelSpec
from simd_tools import TARGETS, apply, kernel, run

PAIRS = pytest.mark.parametrize("target", list(TARGETS.values()), ids=list(TARGETS))


def test_every_function_is_exported():
    kind = type(simd.exp)
    for module in (simd_arith, simd_convert, simd_libm, simd_memory, simd_ops, simd_sync):
        functions = {n for n, v in vars(module).items() if isinstance(v, kind) and not n.startswith("_")}
        assert functions <= set(simd.__all__), module
    assert len(set(simd.__all__)) == len(simd.__all__) and all(hasattr(simd, n) for n in simd.__all__)
    assert all(getattr(simd, n).__name__ == n for n in simd.__all__ if isinstance(getattr(simd, n), kind))


WORDS = """
def kernel(dims, bufs, ctx, tid, n):
    a = word(bufs, 0)
    set_word(a, 1, word(a, 0) + 5)
    set_word(a, 2, atomic_add(a, 0, 100))
    set_word(a, 3, atomic_load(a, 0))
    atomic_store(a, 4, -3)
    prefetch(a)
    prefetch_write(a)
    pause()
    sched_yield()
    return 0
"""


def test_words_and_atomics():
    a = np.array([7, 0, 0, 0, 0], np.int64)
    assert run(WORDS, [a]) == 0
    assert a.tolist() == [107, 12, 7, 107, -3]


RING = """
def kernel(dims, bufs, ctx, tid, n):
    a = word(bufs, 0)
    bad = 0
    for step in range(word(dims, 0)):
        set_word(a, 8 * tid, step * n + tid)
        barrier(ctx, tid, n)
        other = tid + 1 if tid + 1 < n else 0
        if word(a, 8 * other) != step * n + other:
            bad += 1
        barrier(ctx, tid, n)
    return bad
"""


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_barrier(n):
    steps = 2000 if n <= 2 else 200  # more threads than cores must give way to each other
    shared, ctx = np.zeros(8 * n, np.int64), context.new_context(n)
    dims, bufs = np.array([steps], np.int64), np.array([shared.ctypes.data], np.int64)
    f, codes = kernel(RING), [-1] * n

    def work(tid: int) -> None:
        codes[tid] = f(dims.ctypes.data, bufs.ctypes.data, ctx.ctypes.data, tid, n)

    threads = [threading.Thread(target=work, args=(t,)) for t in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert codes == [0] * n
    assert ctx[context.BARRIER] == (0 if n == 1 else 2 * steps * n)


FAIL = """
def kernel(dims, bufs, ctx, tid, n):
    fail(ctx, tid, word(dims, 0), word(dims, 1))
    return 3
"""


def test_fail_keeps_the_first_error_of_a_thread():
    ctx = context.new_context(3)
    f = kernel(FAIL)
    for position, value in ((12, -5), (4, 9)):
        dims = np.array([position, value], np.int64)
        assert f(dims.ctypes.data, 0, ctx.ctypes.data, 2, 3) == 3
        line = ctx[context.LINES + 2 * context.LINE :]
        line[context.CODE] = 3  # what the runner does
        assert (line[context.POSITION], line[context.VALUE]) == (12, -5)
    assert not ctx[context.LINES : context.LINES + 2 * context.LINE].any()


CALLEE = """
def kernel(dims, bufs, ctx, tid, n):
    set_word(bufs, 0, dims + 10 * ctx + 100 * tid + 1000 * n)
    return 42
"""
CALLER = """
def kernel(dims, bufs, ctx, tid, n):
    return call_kernel(word(dims, 0), 1, word(bufs, 0), 2, 3, 4) + 1
"""


def test_call_kernel():
    address = loader.address(KernelSpec("simd_test", source=CALLEE))
    out = np.zeros(1, np.int64)
    assert run(CALLER, [out], [address]) == 43
    assert out[0] == 4321


def test_call_tile():
    import ctypes

    seen = []

    @ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 7)
    def tile(*args: int) -> int:
        seen.append(args)
        return 7

    address = ctypes.cast(tile, ctypes.c_void_p).value
    text = "def kernel(dims, bufs, ctx, tid, n):\n    return call_tile(word(dims, 0), 1, 2, 3, 4, 5, 6, 7)\n"
    assert run(text, [], [address]) == 7
    assert seen == [(1, 2, 3, 4, 5, 6, 7)]


@PAIRS
def test_philox_known_answers(target):
    # From the test vectors of Random123: counter, key, result.
    cases = [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ]
    inputs = [np.array([[*key, *counter][k] for counter, key, _ in cases], np.uint32) for k in range(6)]
    formulas = [f"{p}(x0, x1, x2, x3, x4, x5)" for p in ("philox", "philox_1", "philox_2", "philox_3")]
    formulas += [f"philox_word(const_u32({k}), x0, x1, x2, x3, x4, x5)" for k in (0, 1, 2, 3, 4, 7)]
    for k, got in zip((0, 1, 2, 3, 0, 1, 2, 3, 0, 3), apply(formulas, inputs, ["u32"] * 10, target), strict=True):
        assert got.tolist() == [result[k] for _, _, result in cases]
