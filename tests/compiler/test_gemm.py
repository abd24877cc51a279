"""Matrix products: right, the same bits however they are computed, nothing touched outside of the operands.

`python test_gemm.py front|back THREADS host|avx2` multiplies with all memory against inaccessible pages; a test starts it.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from graphnn_compiler.kernels import gemm_layout, gemm_plan
from graphnn_compiler.runtime import context, loader
from graphnn_compiler.runtime.spec import AVX2, HOST, KernelSpec, Target

Array = np.ndarray[Any, Any]
TARGETS = {"host": HOST, "avx2": AVX2}
SHAPES = [  # m, n, k
    *[(1, 1, 1), (1, 1, 700), (5, 7, 3), (8, 16, 4), (12, 32, 16), (13, 33, 17), (16, 10, 64), (31, 65, 40), (23, 130, 15)],
    *[(1, 100, 33), (1, 300, 1100), (300, 1, 77), (2, 2, 513), (3, 17, 1025), (61, 100, 333), (97, 48, 512), (130, 260, 600)],
    *[(0, 5, 4), (5, 0, 4), (4, 9, 0), (1, 9, 0), (0, 0, 0)],
]


def aligned(size: int) -> Array:
    raw = np.zeros(size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size]


def matrix(shape: tuple[int, ...], turned: bool, dtype: str, seed: int = 0) -> Array:
    """Random numbers, stored row by row or column by column."""
    rng = np.random.default_rng(seed)
    if turned:
        return rng.standard_normal((*shape[:-2], shape[-1], shape[-2])).astype(dtype).swapaxes(-1, -2)
    return rng.standard_normal(shape).astype(dtype)


def four(a: Array) -> Array:
    return a[(None,) * (4 - a.ndim)]


def panels_of(b: Array, target: Target, space: Callable[[int], Array]) -> Array:
    """B's columns in panels as wide as a tile; what is beyond the last column is not to be used."""
    k, n = b.shape
    width = gemm_plan.panel_width(b.dtype.name, target)
    count = -(-n // width)
    panels = space(count * k * width * b.itemsize).view(b.dtype).reshape(count, k, width)
    panels[...] = np.nan
    for j in range(n):
        panels[j // width, :, j % width] = b[:, j]
    return panels


def multiply(
    a: Array,
    b: Array,
    threads: int = 1,
    target: Target = HOST,
    c: Array | None = None,
    scratch: bool = False,
    index: Array | None = None,
    indexed: str = "",
    epilogue: tuple[int, list[int], list[int]] = (0, [], []),
    work: Callable[[int], Array] = aligned,
    panels: bool = False,
    **changes: int,
) -> Array:
    """C = A B by the kernel, on some threads; `changes` are words of its dims that are not as planned."""
    in_panels = panels_of(b, target, work) if panels else None
    a, b = four(a), four(b)
    outer, inner = (max(x, y) for x, y in zip(a.shape[:2], b.shape[:2], strict=True))
    k, n = b.shape[2:]
    m = len(index) if index is not None and indexed == "rows" else a.shape[2]
    if c is None:
        c = np.full((outer, inner, m, n), np.nan, a.dtype)
    c4 = four(c)
    a_strides, b_strides = (
        [0 if e == 1 else s for e, s in zip(x.shape[:2], x.strides, strict=False)] + list(x.strides[2:]) for x in (a, b)
    )
    plan = gemm_plan.plan(
        m,
        n,
        k,
        (outer, inner),
        tuple(a_strides),
        tuple(b_strides),
        c4.strides[:3],
        a.dtype.name,
        threads,
        target,
        0,
        indexed,
        scratch,
        panels,
    )
    dims = plan.dims
    for name, value in changes.items():
        dims[gemm_layout.NAMES.index(name)] = value
    bytes_needed = plan.workspace
    if changes:
        dims[gemm_layout.NAMES.index("chain")] = 1 << 19
        dims[gemm_layout.NAMES.index("panels")] = 1 << 20
        dims[gemm_layout.NAMES.index("thread_bytes")] = 1 << 22
        bytes_needed = threads << 22
    tile_dims = np.array([*epilogue[1], 0], np.int64)
    dims[gemm_layout.TILE], dims[gemm_layout.TILE_DIMS] = epilogue[0], tile_dims.ctypes.data
    block, space = np.array(dims, np.int64), work(bytes_needed)
    index_address = 0 if index is None else index.ctypes.data
    right = b if in_panels is None else in_panels
    order = [a.ctypes.data, right.ctypes.data, 0 if scratch else c4.ctypes.data, space.ctypes.data, index_address, *epilogue[2]]
    bufs, ctx = np.array(order, np.int64), context.new_context(threads)
    kernel = loader.function(loader.address(plan.spec, target))
    codes = [-1] * threads

    def part(t: int) -> None:
        codes[t] = kernel(block.ctypes.data, bufs.ctypes.data, ctx.ctypes.data, t, threads)

    others = [threading.Thread(target=part, args=(t,)) for t in range(1, threads)]
    for thread in others:
        thread.start()
    part(0)
    for thread in others:
        thread.join()
    assert codes == [0] * threads
    return c


def same(x: Array, y: Array) -> bool:
    return np.ascontiguousarray(x).tobytes() == np.ascontiguousarray(y).tobytes()


def close(c: Array, a: Array, b: Array) -> bool:
    """Within the bound of a sum of k products in chains of 512."""
    exact = a.astype(np.float64) @ b.astype(np.float64)
    scale = np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64)
    chain = min(a.shape[-1], 512) + a.shape[-1] // 512 + 1
    return bool((np.abs(c - exact) <= scale * chain * np.finfo(c.dtype).eps / 2 + 1e-300).all())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layouts_threads_and_targets_agree_bit_by_bit(shape: tuple[int, int, int], dtype: str) -> None:
    m, n, k = shape
    first: Array | None = None
    for turned_a, turned_b in itertools.product((False, True), repeat=2):
        a, b = matrix((m, k), False, dtype), matrix((k, n), False, dtype, 1)
        a = np.asfortranarray(a) if turned_a else a
        b = np.asfortranarray(b) if turned_b else b
        for threads, target in ((1, HOST), (2, HOST), (3, HOST), (4, AVX2), (1, AVX2)):
            c = multiply(a, b, threads, target)[0, 0]
            assert close(c, a, b), (turned_a, turned_b, threads)
            first = c if first is None else first
            assert same(c, first), (turned_a, turned_b, threads, target)
            if not turned_b:
                assert same(multiply(a, b, threads, target, panels=True)[0, 0], first), (turned_a, threads, target)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_blocking_never_changes_a_bit(dtype: str, target: str) -> None:
    for m, n, k in ((61, 100, 1100), (25, 70, 600), (3, 200, 40), (1, 200, 700)):
        a, b = matrix((m, k), False, dtype), matrix((k, n), False, dtype, 1)
        want = multiply(a, b)[0, 0]
        for rows, columns, pack, dynamic, threads in itertools.product((5, 24, 64), (64, 192), (0, 1), (0, 1), (1, 3)):
            got = multiply(a, b, threads, TARGETS[target], rows=rows, columns=columns, pack=pack, dynamic=dynamic, single=0)
            assert same(got[0, 0], want), (m, n, k, rows, columns, pack, dynamic, threads)


def test_the_order_of_the_sum_is_the_documented_one() -> None:
    """Products are exact in float64, and so is what is added to them: each float32 rounding can be repeated by NumPy."""
    rng = np.random.default_rng(0)
    for k in (100, 512, 1500, 8192, 9000, 20000):
        a = rng.integers(-4096, 4096, (3, k)).astype(np.float32)
        b = rng.integers(-4096, 4096, (k, 5)).astype(np.float32)
        segment, total = gemm_plan.segment(k), np.zeros((3, 5), np.float32)
        for s in range(0, k, segment):
            part = np.zeros((3, 5), np.float32)
            for p in range(s, min(s + segment, k), 512):
                chain = np.zeros((3, 5), np.float32)
                for i in range(p, min(p + 512, s + segment, k)):
                    chain = (np.outer(a[:, i].astype(np.float64), b[i]) + chain).astype(np.float32)
                part = chain if p == s else part + chain
            total = part if s == 0 else total + part
        assert same(multiply(a, b)[0, 0], total), k
        assert same(multiply(a[:1], np.asfortranarray(b), 2, AVX2)[0, 0], total[:1]), k


@pytest.mark.parametrize("k", [8193, 12000])
def test_long_sums(k: int) -> None:
    a, b = matrix((40, k), True, "float32"), matrix((k, 33), False, "float32", 1)
    want = multiply(a, b)[0, 0]
    assert close(want, a, b)
    assert gemm_plan.segment(k) % 512 == 0
    for threads, target in ((2, HOST), (3, AVX2)):
        assert same(multiply(a, b, threads, target)[0, 0], want)
        assert same(multiply(np.ascontiguousarray(a), np.asfortranarray(b), threads, target)[0, 0], want)
        assert same(multiply(a, b, threads, target, panels=True)[0, 0], want)
        assert same(multiply(a[:1], b, threads, target, panels=True)[0, 0], want[:1])
    row = multiply(a[:1], b, 2)[0, 0]
    assert same(row, want[:1])
    assert same(multiply(a[:1], np.asfortranarray(b), 2)[0, 0], want[:1])


def test_special_values_survive() -> None:
    a, b = matrix((14, 40), False, "float32"), matrix((40, 35), False, "float32", 1)
    a[3, 7], a[5, 2], b[9, 4] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        want = a.astype(np.float64) @ b
    for target in TARGETS.values():
        for right in (b, np.asfortranarray(b)):
            got = multiply(a, right, 2, target)[0, 0]
            assert (np.isnan(got) == np.isnan(want)).all()
            assert (got[np.isinf(want)] == want[np.isinf(want)]).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_batches(threads: int) -> None:
    for outer, inner, m, n, k in ((2, 3, 7, 20, 9), (1, 5, 33, 5, 600), (4, 1, 1, 70, 20), (3, 2, 9, 1, 8), (0, 3, 4, 4, 4)):
        a = matrix((outer, inner, m, k), False, "float32")
        for turned in (False, True):
            b = matrix((outer, inner, k, n), turned, "float32", 1)
            got = multiply(a, b, threads)
            for o, i in np.ndindex(outer, inner):
                assert same(got[o, i], multiply(a[o, i], b[o, i])[0, 0])
            one, row = multiply(a, b[:1, :1], threads), multiply(a, b[:, :1], threads)  # B is the same for all, for all inner
            for o, i in np.ndindex(outer, inner):
                assert same(one[o, i], multiply(a[o, i], b[0, 0])[0, 0])
                assert same(row[o, i], multiply(a[o, i], b[o, 0])[0, 0])


def test_strided_operands() -> None:
    """Views: A with gaps in both directions, rows of B and C with gaps; what lies between C's rows is left alone."""
    base_a, base_b = matrix((60, 90), False, "float32"), matrix((60, 90), False, "float32", 1)
    a, b = base_a[1::3, 2:82:2], base_b[5:45, 3:40]
    for threads, target in ((1, HOST), (3, AVX2)):
        out = np.full((20, 50), 7, np.float32)
        multiply(a, b, threads, target, c=out[:, 4:41])
        assert same(out[:, 4:41], multiply(np.ascontiguousarray(a), np.ascontiguousarray(b))[0, 0])
        assert (out[:, :4] == 7).all()
        assert (out[:, 41:] == 7).all()
    with pytest.raises(ValueError, match="B needs contiguous rows or columns"):
        multiply(a, base_a[:40, ::2])


EPILOGUE = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_int64] * 5)


def numbers(address: int, kind: Any, *shape: int) -> Array:
    """The array at an address."""
    return np.ctypeslib.as_array((kind * int(np.prod(shape))).from_address(address)).reshape(shape)


@pytest.mark.parametrize("scratch", [False, True])
def test_an_epilogue_meets_every_element_once(scratch: bool) -> None:
    """It copies what it is handed to the place that it was told."""
    lock = threading.Lock()
    result: list[Array] = [np.zeros(0)]

    def copy(dims: int, bufs: int, ctx: int, tid: int, words: int) -> int:
        total, width = numbers(dims, ctypes.c_int64, 2).tolist()
        i, m, j, n, place, step = numbers(words, ctypes.c_int64, gemm_layout.TILE_WORDS).tolist()
        out = numbers(int(numbers(bufs, ctypes.c_int64, 1)[0]), ctypes.c_float, total, width)
        with lock:
            for r in range(m):
                out[i + r, j : j + n] += numbers(place + r * step, ctypes.c_float, n)
                result[0][i + r, j : j + n] += 1
        return 0

    function = EPILOGUE(copy)
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    cases = [(1, 1, 30, 70, 20), (1, 1, 13, 10, 1100), (2, 3, 9, 33, 5), (1, 1, 40, 1, 30), (2, 1, 5, 1, 30), (1, 1, 1, 300, 600)]
    cases += [(1, 1, 4, 5, 0), (1, 1, 30, 300, 8300), (0, 2, 3, 3, 3)]
    for (outer, inner, m, n, k), threads, turned in itertools.product(cases, (1, 2, 3), (False, True)):
        a, b = matrix((outer, inner, m, k), False, "float32"), matrix((outer, inner, k, n), turned, "float32", 1)
        out, result[0] = np.zeros((outer, inner, m, n), np.float32), np.zeros((outer * inner * m, n))
        multiply(a, b, threads, scratch=scratch, epilogue=(address, [outer * inner * m, n], [out.ctypes.data]))
        assert (result[0] == 1).all()
        assert same(out, multiply(a, b) + np.float32(0))


def test_an_epilogue_s_error_is_the_result() -> None:
    function = EPILOGUE(lambda *_: 5)
    address = ctypes.cast(function, ctypes.c_void_p).value or 0
    with pytest.raises(AssertionError, match="5"):
        multiply(np.ones((3, 3), np.float32), np.ones((3, 3), np.float32), epilogue=(address, [], []))


@pytest.mark.parametrize("target", TARGETS)
def test_rows_and_columns_by_index(target: str) -> None:
    """A shuffled batch is read in place: the same bits as of the gathered rows."""
    rng = np.random.default_rng(0)
    x, weights, gradient = (
        matrix((200, 30), False, "float32"),
        matrix((30, 45), False, "float32", 1),
        matrix((90, 45), False, "float32", 2),
    )
    for threads, count in itertools.product((1, 3), (1, 2, 33, 90)):
        index = rng.integers(0, 200, count)
        got = multiply(x, weights, threads, TARGETS[target], index=index, indexed="rows")[0, 0]
        assert same(got, multiply(x[index], weights)[0, 0])
        for width in (30, 1):
            turned = x[:, :width].T[:, :count]  # only its strides and extents count
            got = multiply(turned, gradient[:count], threads, TARGETS[target], index=index, indexed="columns")[0, 0]
            assert same(got, multiply(x[index][:, :width].T, gradient[:count])[0, 0])
    index = rng.integers(0, 200, 1300)
    gradient = matrix((1300, 45), False, "float32", 2)
    got = multiply(np.broadcast_to(x.T[:, :1], (30, 1300)), gradient, index=index, indexed="columns", a_column=120)[0, 0]
    assert same(got, multiply(x[index].T, gradient)[0, 0])


def test_plans_need_few_kernels() -> None:
    """Whatever the shape, there is one kernel for each element type."""
    specs: set[KernelSpec] = set()
    for m, n, k in itertools.product((1, 3, 32, 100, 4096), repeat=3):
        for turned in (False, True):
            strides = (0, 0, 4, 4 * k) if turned else (0, 0, 4 * n, 4)
            plan = gemm_plan.plan(m, n, k, (1, 1), (0, 0, 4 * k, 4), strides, (0, 0, 4 * n), "float32", 2)
            specs.add(plan.spec)
            assert plan.flops == 2 * m * n * k
            assert plan.parallel == (plan.flops >= 1 << 20)
            assert plan.workspace % 64 == 0
    assert len(specs) == 1


@pytest.mark.parametrize("side", ["front", "back"])
@pytest.mark.parametrize(("threads", "target"), [(1, "host"), (4, "host"), (3, "avx2")])
def test_nothing_outside_is_touched(side: str, threads: int, target: str) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, __file__, side, str(threads), target]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 50


def guarded(size: int, front: bool) -> Array:
    """Bytes that begin right after, or end right before, pages that cannot be touched."""
    guard, page = 1 << 20, mmap.PAGESIZE
    whole = -(-max(size, 1) // page) * page
    memory = mmap.mmap(-1, whole + 2 * guard)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None).mprotect
    protect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for place in (address, address + guard + whole):
        if protect(place, guard, 0):
            raise OSError("mprotect failed")
    return np.frombuffer(memory, np.uint8, size, guard if front else guard + whole - size)


def main(side: str, threads: int, target: str) -> None:
    front = side == "front"

    def moved(x: Array) -> Array:
        if x.size == 0:
            return x
        turned = not x.flags.c_contiguous
        base = x.T if turned else x
        out = guarded(base.nbytes, front).view(base.dtype).reshape(base.shape)
        out[...] = base
        return out.T if turned else out

    count = 0
    shapes = [*SHAPES, (7, 9, 8200), (40, 31, 21), (9, 600, 20), (100, 1024, 1030)]
    for (m, n, k), dtype in itertools.product(shapes, ("float32", "float64")):
        for turned_a, turned_b in itertools.product((False, True), repeat=2):
            a, b = matrix((m, k), turned_a, dtype), matrix((k, n), turned_b, dtype, 1)
            c = guarded(m * n * a.itemsize, front).view(dtype).reshape(m, n)
            space = lambda size: guarded(-(-size // 64) * 64, front)  # noqa: E731
            multiply(moved(a), moved(b), threads, TARGETS[target], c=c, work=space)
            if not same(c, multiply(a, b)[0, 0]):
                raise AssertionError((m, n, k, dtype, turned_a, turned_b))
            if not turned_b:
                c.fill(0)
                multiply(moved(a), b, threads, TARGETS[target], c=c, work=space, panels=True)
                if not same(c, multiply(a, b)[0, 0]):
                    raise AssertionError((m, n, k, dtype, turned_a, "panels"))
            count += 1
    for indexed in ("rows", "columns"):
        x, index = moved(matrix((13, 7), False, "float32")), np.array([12, 0, 5, 12, 1] * 4)
        number = guarded(index.nbytes, front).view(np.int64)
        number[...] = index
        a = x if indexed == "rows" else np.lib.stride_tricks.as_strided(x, (7, 20), (x.strides[1], x.strides[0]))
        b = matrix((7 if indexed == "rows" else 20, 9), False, "float32", 1)
        want = (x[index] if indexed == "rows" else x[index].T) @ b
        got = multiply(a, moved(b), threads, TARGETS[target], index=number, indexed=indexed)[0, 0]
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)
        count += 1
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
