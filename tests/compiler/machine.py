"""A machine in Python for programs: it walks a program's table and runs the generated source as it stands, lane by lane in NumPy.

No kernel is compiled, so thousands of graphs can be tried in a minute. Every access is checked: it must lie in memory that the
program was given, each buffer of the arena by itself if asked for, no byte may be read before it was written, and between two
barriers no byte may be written by one thread and touched by another. Hand-written kernels are replaced by NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
from graphnn_compiler.kernels import gemm_layout
from graphnn_compiler.kernels.gemm_layout import Dims
from graphnn_compiler.memory import Lifetime, plan
from graphnn_compiler.runtime import bind, context, program, team
from graphnn_compiler.runtime.source import check_source
from graphnn_compiler.runtime.spec import KernelSpec
from graphnn_compiler.runtime.table import BARRIER, GUARD, PARALLEL
from machine_memory import MEMORY, Fault, Memory, at, strided
from machine_simd import DTYPES, VOCABULARY, fail, word

Kernel = Callable[[int, int, int, int, int], int]
_specs: list[KernelSpec] = []
_kernels: dict[KernelSpec, Kernel] = {}


def addresses(specs: Sequence[KernelSpec]) -> list[int]:
    """Numbers that stand for kernels."""
    for spec in specs:
        if spec not in _specs:
            _specs.append(spec)
    return [_specs.index(spec) + 1 for spec in specs]


def kernel(number: int) -> Kernel:
    """The Python function behind a number."""
    spec = _specs[number - 1]
    if spec not in _kernels:
        if spec.source:
            check_source(spec.source, [n for n in VOCABULARY if n not in ("range", "min", "max")])
            space = dict(VOCABULARY)
            exec(compile(spec.source, spec.name, "exec"), space)
            _kernels[spec] = space["kernel"]
        else:
            function = BY_HAND[spec.name]
            params = dict(spec.params)
            _kernels[spec] = lambda *args: function(params, *args)
    return _kernels[spec]


def _buffers(bufs: int, n: int) -> list[int]:
    return [word(bufs, i) for i in range(n)]


def _gemm(params: Mapping[str, Any], dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
    if tid:
        return 0
    d, dtype = Dims(*(word(dims, i) for i in range(len(gemm_layout.NAMES)))), DTYPES[params["dtype"]]
    a_at, b_at, c_at = _buffers(bufs, 3)
    if d.swapped:
        a_at, b_at = b_at, a_at
    a = strided(a_at, dtype, (d.outer, d.inner, d.m, d.k), (d.a_outer, d.a_inner, d.a_row, d.a_column))
    b = strided(b_at, dtype, (d.outer, d.inner, d.k, d.n), (d.b_outer, d.b_inner, d.b_row, d.b_column))
    size = np.dtype(dtype).itemsize
    c = np.matmul(a, b)
    if c_at:
        strided(c_at, dtype, c.shape, (d.c_outer, d.c_inner, d.c_row, size), write=True)[...] = c
    if not d.tile:
        return 0
    c = c.swapaxes(2, 3) if d.swapped else c
    tile, tile_bufs, status = kernel(d.tile), bufs + 8 * gemm_layout.TILE_FIRST, 0
    for outer, inner in np.ndindex(d.outer, d.inner):
        first = (outer * d.inner + inner) * c.shape[2]
        for i0 in range(0, c.shape[2], 5):
            for j0 in range(0, c.shape[3], 32):
                part = np.ascontiguousarray(c[outer, inner, i0 : i0 + 5, j0 : j0 + 32])
                MEMORY.add(part.ctypes.data, part.nbytes, written=True, keep=part)
                box = np.array([first + i0, part.shape[0], j0, part.shape[1], part.ctypes.data, part.strides[0]], np.int64)
                status = tile(d.tile_dims, tile_bufs, ctx, 0, box.ctypes.data) or status
                MEMORY.remove(part.ctypes.data)
    return status


def _argsort(params: Mapping[str, Any], dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
    if tid == 0:
        rows, length = _buffers(dims, 2)
        dtype = DTYPES[params["dtype"]]
        s = np.dtype(dtype).itemsize
        x = strided(word(bufs, 0), dtype, (rows, length), (length * s, s))
        order = np.argsort(x, -1, kind="stable")
        if params["descending"]:
            order = (length - 1 - np.argsort(x[:, ::-1], -1, kind="stable"))[:, ::-1]
        strided(word(bufs, 1), np.int64, (rows, length), (length * 8, 8), write=True)[...] = order
        strided(word(bufs, 2), np.int64, (rows, length), (length * 8, 8), write=True)[...] = -99
    return 0


def _cumulate(params: Mapping[str, Any], dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
    if tid == 0:
        rows, length = _buffers(dims, 2)
        dtype = DTYPES[params["dtype"]]
        s = np.dtype(dtype).itemsize
        x = strided(word(bufs, 0), dtype, (rows, length), (length * s, s))
        f = np.cumsum if params["mode"] == "add" else np.cumprod
        strided(word(bufs, 1), dtype, x.shape, x.strides, write=True)[...] = f(x, -1, dtype=dtype)
    return 0


def _scatter(params: Mapping[str, Any], dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
    if tid:
        return 0
    rows, inner, count = _buffers(dims, 3)
    dtype, status = DTYPES[params["dtype"]], 0
    s = np.dtype(dtype).itemsize
    base = strided(word(bufs, 0), dtype, (rows, inner), (inner * s, s)).copy()
    index = strided(word(bufs, 1), np.int64, (count,), (8,))
    updates = strided(word(bufs, 2), dtype, (count, inner), (inner * s, s))
    join = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum, "set": lambda a, b: b}[params["mode"]]
    for i, r in enumerate(index):
        if 0 <= r < rows:
            base[r] = join(base[r], updates[i])
        else:
            status = fail(ctx, tid, i, int(r))
    strided(word(bufs, 3), dtype, base.shape, base.strides, write=True)[...] = base
    return status


def _take_rows(params: Mapping[str, Any], dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
    if tid:
        return 0
    rows, size, limit = _buffers(dims, 3)
    table, order, out = _buffers(bufs, 3)
    status = 0
    for i, r in enumerate(strided(order, np.int64, (rows,), (8,))):
        if 0 <= r < limit:
            strided(out + i * size, np.uint8, (size,), (1,), write=True)[...] = strided(table + int(r) * size, np.uint8, (size,), (1,))
        else:
            status = fail(ctx, tid, i, int(r))
    return status


BY_HAND = {"gemm": _gemm, "argsort": _argsort, "cumulate": _cumulate, "scatter": _scatter, "take_rows": _take_rows}


# -- the runner


def run(entry: int, dims: int, ctx: int, parallel: bool, bufs: int = 0) -> int:
    """What the runner does with a table: steps, rows, threads one after another, guards."""
    block = at(ctx, np.int64, context.LINES + context.LINE * word(ctx, context.CAPACITY))
    context.reset(block)
    n = team.threads() if parallel else 1
    MEMORY.races = n > 1
    MEMORY.barrier()
    first, rows, steps, step0 = _buffers(dims, 4)
    return walk(block, first, rows, steps, step0, n)


def walk(block: np.ndarray, first: int, rows: int, steps: int, step0: int, n: int) -> int:
    """Runs a table; `block` is the context."""
    ctx = block.ctypes.data
    for step in range(step0, step0 + steps):
        for r in range(rows):
            row = at(first + 64 * r, np.int64, 8)
            moved = at(int(row[2]), np.int64, int(row[3])).copy()
            if row[4]:
                moved += step * at(int(row[4]), np.int64, int(row[3]))
            block[context.STEP] = step
            for tid in reversed(range(n if row[5] & PARALLEL else 1)):
                MEMORY.thread = MEMORY.lane + tid
                with np.errstate(all="ignore"):
                    code = kernel(int(row[0]))(int(row[1]), moved.ctypes.data, ctx, tid, n if row[5] & PARALLEL else 1)
                line = block[context.LINES + context.LINE * tid :][: context.LINE]
                if code and not line[context.ROW] and line[context.CODE]:
                    line[context.ROW], line[context.STEP_OF] = row[6], step
            if row[5] & (BARRIER | GUARD):
                MEMORY.barrier()
            if row[5] & GUARD and block[context.LINES :].reshape(-1, context.LINE)[:, context.CODE].any():
                return context.ABANDONED
    return context.ABANDONED if block[context.LINES :].reshape(-1, context.LINE)[:, context.CODE].any() else 0


def _lanes(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
    block = at(ctx, np.int64, context.LINES + context.LINE * word(ctx, context.CAPACITY))
    lanes, words = word(dims, 1), word(dims, 2)
    for lane in range(tid, lanes, n):
        own = at(word(bufs, 0) + 8 * words * lane, np.int64, words)
        own[:] = 0
        own[context.CAPACITY] = 1
        MEMORY.lane = tid
        code = walk(own, word(bufs, lane + 1), word(dims, lane + 3), 1, int(block[context.STEP]), 1)
        MEMORY.lane = 0
        if code:
            line = context.LINES + context.LINE * tid
            block[line + context.CODE : line + context.NOW] = own[context.LINES + context.CODE : context.LINES + context.NOW]
            return code
    return 0


def _control(params: Mapping[str, Any], dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
    if params["kind"] == "lanes":
        return _lanes(dims, bufs, ctx, tid, n)
    if tid != n - 1:  # the last thread comes first here, and walks for all
        return 0
    block = at(ctx, np.int64, context.LINES + context.LINE * word(ctx, context.CAPACITY))
    code = 0
    if params["kind"] == "loop":
        code = walk(block, word(bufs, 0), word(dims, 1), word(dims, 2), 0, n)
    elif params["kind"] == "switch":
        chosen = min(max(int(strided(word(bufs, 0), np.int32, (1,), (4,))[0]), 0), word(dims, 1) - 1)
        code = walk(block, word(bufs, 1 + chosen), word(dims, 2 + chosen), 1, 0, n)
    else:
        while not code:
            code = walk(block, word(bufs, 1), word(dims, 1), 1, 0, n)
            if code or not strided(word(bufs, 0), np.uint8, (1,), (1,))[0]:
                break
            code = walk(block, word(bufs, 2), word(dims, 2), 1, 0, n)
    MEMORY.thread = MEMORY.lane + tid
    return code


BY_HAND["control"] = _control


@contextmanager
def machine(threads: int = 1, *, apart: bool = False) -> Iterator[Memory]:
    """Programs made and run inside are run by this machine; `apart`: every buffer of the arena has memory of its own."""
    MEMORY.clear()
    spans: list[tuple[int, int]] = []

    def plan_apart(lifetimes: Sequence[Lifetime]) -> tuple[list[int], int]:
        offsets, total = plan(lifetimes)
        if apart:
            total, offsets = 64, []
            for one in lifetimes:
                offsets.append(total)
                total += -(-one.size // 64) * 64 + 64
        spans[:] = [(o, one.size) for o, one in zip(offsets, lifetimes, strict=True)] if apart else [(0, total)]
        return offsets, total

    def aligned(n: int) -> np.ndarray:
        raw = ordinary(n)
        raw.fill(0xAB)
        for start, size in spans:
            MEMORY.add(raw.ctypes.data + start, size, written=False, keep=raw)
        return raw

    ordinary = program.aligned
    before = {"addresses": program.addresses, "team": program.team, "aligned": ordinary}
    before |= {"_run_address": program._run_address, "LARGE": program.LARGE}
    binding = {"addresses": bind.addresses, "plan_memory": bind.plan_memory, "min_parallel_work": bind.min_parallel_work}
    program.addresses, program.aligned = addresses, aligned  # type: ignore[assignment]
    bind.addresses, bind.plan_memory, bind.min_parallel_work = addresses, plan_apart, lambda: 0  # type: ignore[assignment]
    program.team = SimpleNamespace(run=run, threads=team.threads, KERNELS=team.KERNELS)  # type: ignore[assignment]
    program._run_address = 0
    program.LARGE = 1 << 62  # each run has a work space of its own, and of just the right size
    team.set_threads(threads)
    try:
        yield MEMORY
    finally:
        for name, value in before.items():
            setattr(program, name, value)
        for name, value in binding.items():
            setattr(bind, name, value)
        team.set_threads(None)


def allow(executable_program: program.Program, arrays: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
    """Lets a program touch its constants, its states, the given inputs and the given results."""
    states = [k.array for k in executable_program.lowered.states]  # type: ignore[attr-defined]
    for a in [*executable_program.constants, *states, *arrays]:
        MEMORY.add(a.ctypes.data, a.nbytes, written=True, keep=a)
    for a in results:
        MEMORY.add(a.ctypes.data, a.nbytes, written=False, keep=a)


__all__ = ["Fault", "allow", "machine"]
