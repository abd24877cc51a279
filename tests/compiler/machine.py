"""A machine in Python for programs: it walks a program's table and runs the generated source as it stands, lane by lane in NumPy.

No kernel is compiled, so thousands of graphs can be tried in a minute. Every access is checked: it must lie in memory that the
program was given, each buffer of the arena by itself if asked for, no byte may be read before it was written, and between two
barriers no byte may be written by one thread and touched by another. Hand-written kernels are replaced by NumPy.
"""

from __future__ import annotations

import bisect
import ctypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import numpy as np
from graphnn_compiler.kernels import gemm_layout
from graphnn_compiler.kernels.gemm_layout import Dims
from graphnn_compiler.memory import Lifetime, plan
from graphnn_compiler.ops.random import philox4x32
from graphnn_compiler.runtime import context, program, team
from graphnn_compiler.runtime.source import check_source
from graphnn_compiler.runtime.spec import KernelSpec
from graphnn_compiler.runtime.table import BARRIER, GUARD, PARALLEL

LANES = 16
NUMPY = {
    "b1": np.bool_, "i8": np.int8, "i16": np.int16, "i32": np.int32, "i64": np.int64, "u8": np.uint8, "u16": np.uint16,
    "u32": np.uint32, "u64": np.uint64, "f16": np.float16, "f32": np.float32, "f64": np.float64,
}  # fmt: skip
DTYPES = {np.dtype(v).name: v for v in NUMPY.values()}


class Fault(Exception):
    """A program touched memory that it must not touch."""


class Memory:
    """The bytes that a program may touch, and who touched them since the last barrier."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.regions: list[Region] = []
        self.thread = 0
        self.races = False

    def add(self, start: int, size: int, *, written: bool, keep: Any = None) -> None:
        """Allows `size` bytes at an address; `written`: they hold something already."""
        if size == 0:
            return
        at = bisect.bisect(self.starts, start)
        self.starts.insert(at, start)
        self.regions.insert(at, Region(start, size, written, keep))

    def remove(self, start: int) -> None:
        """Forbids what began at an address."""
        at = self.starts.index(start)
        del self.starts[at], self.regions[at]

    def find(self, first: int, last: int) -> Region:
        """The region that holds bytes first..last."""
        at = bisect.bisect(self.starts, first) - 1
        if at < 0 or last >= self.starts[at] + self.regions[at].size:
            raise Fault(f"bytes {first}..{last} are no memory of the program")
        return self.regions[at]

    def read(self, places: np.ndarray, size: int) -> None:
        """Checks that the elements at some addresses may be read."""
        if len(places) == 0:
            return
        r = self.find(int(places.min()), int(places.max()) + size - 1)
        at = ((places - r.start)[:, None] + np.arange(size)).ravel()
        if not r.written[at].all():
            raise Fault("memory is read that nobody wrote")
        if self.races:
            others = r.writer[at]
            if ((others >= 0) & (others != self.thread)).any():
                raise Fault(f"thread {self.thread} reads what another writes")
            r.reader[at] = np.where((r.reader[at] >= 0) & (r.reader[at] != self.thread), 99, self.thread)

    def write(self, places: np.ndarray, size: int) -> None:
        """Checks that the elements at some addresses may be written."""
        if len(places) == 0:
            return
        r = self.find(int(places.min()), int(places.max()) + size - 1)
        at = ((places - r.start)[:, None] + np.arange(size)).ravel()
        r.written[at] = True
        if self.races:
            for who in (r.writer[at], r.reader[at]):
                if ((who >= 0) & (who != self.thread)).any():
                    raise Fault(f"thread {self.thread} writes what another touches")
            r.writer[at] = self.thread

    def barrier(self) -> None:
        """All threads have met."""
        if self.races:
            for r in self.regions:
                r.writer.fill(-1)
                r.reader.fill(-1)


class Region:
    """One stretch of memory."""

    def __init__(self, start: int, size: int, written: bool, keep: Any):
        self.start, self.size, self.keep = start, size, keep
        self.written = np.full(size, written)
        self.writer, self.reader = np.full(size, -1, np.int8), np.full(size, -1, np.int8)


MEMORY = Memory()


def at(address: int, dtype: Any, count: int) -> np.ndarray:
    """The array that lies at an address."""
    size = np.dtype(dtype).itemsize * count
    return np.frombuffer((ctypes.c_char * size).from_address(address), dtype, count) if count else np.empty(0, dtype)


def strided(address: int, dtype: Any, shape: Sequence[int], strides: Sequence[int], *, write: bool = False) -> np.ndarray:
    """A tensor with byte strides at an address, all of it checked."""
    size = np.dtype(dtype).itemsize
    offsets = np.zeros((), np.int64)
    for d, s in zip(shape, strides, strict=True):
        offsets = offsets[..., None] + np.arange(d) * s
    places = np.unique(offsets.ravel()) + address
    (MEMORY.write if write else MEMORY.read)(places, size)
    if not len(places):
        return np.zeros(tuple(shape), dtype)
    whole = at(int(places.min()), np.uint8, int(places.max() - places.min()) + size)
    return np.ndarray(tuple(shape), dtype, whole, address - int(places.min()), tuple(strides))


# -- the vocabulary of simd.py


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
    if line[context.CODE] == 0:
        line[context.CODE], line[context.POSITION], line[context.VALUE] = 1, position, value
    return 1


# -- kernels


Kernel = Callable[[int, int, int, int, int], int]
_specs: list[KernelSpec] = []
_kernels: dict[KernelSpec, Kernel] = {}
VOCABULARY = _vocabulary()


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
    for step in range(step0, step0 + steps):
        for r in range(rows):
            row = at(first + 64 * r, np.int64, 8)
            moved = at(int(row[2]), np.int64, int(row[3])).copy()
            if row[4]:
                moved += step * at(int(row[4]), np.int64, int(row[3]))
            for tid in reversed(range(n if row[5] & PARALLEL else 1)):
                MEMORY.thread = tid
                with np.errstate(all="ignore"):
                    code = kernel(int(row[0]))(int(row[1]), moved.ctypes.data, ctx, tid, n if row[5] & PARALLEL else 1)
                line = block[context.LINES + context.LINE * tid :][: context.LINE]
                if code and not line[context.ROW] and line[context.CODE]:
                    line[context.ROW], line[context.STEP_OF] = r, step
            if row[5] & (BARRIER | GUARD):
                MEMORY.barrier()
            if row[5] & GUARD and block[context.LINES :].reshape(-1, context.LINE)[:, context.CODE].any():
                return context.ABANDONED
    return context.ABANDONED if block[context.LINES :].reshape(-1, context.LINE)[:, context.CODE].any() else 0


@contextmanager
def machine(threads: int = 1, *, apart: bool = False) -> Iterator[Memory]:
    """Programs made and run inside are run by this machine; `apart`: every buffer of the arena has memory of its own."""
    global MEMORY
    MEMORY = Memory()
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
    before = {"addresses": program.addresses, "team": program.team, "plan_memory": program.plan_memory, "aligned": ordinary}
    before |= {"_run_address": program._run_address, "min_parallel_work": program.min_parallel_work}
    program.addresses, program.plan_memory, program.aligned = addresses, plan_apart, aligned  # type: ignore[assignment]
    program.team = SimpleNamespace(run=run, threads=team.threads, KERNELS=team.KERNELS)  # type: ignore[assignment]
    program._run_address, program.min_parallel_work = 0, lambda: 0
    team.set_threads(threads)
    try:
        yield MEMORY
    finally:
        for name, value in before.items():
            setattr(program, name, value)
        team.set_threads(None)


def allow(executable_program: program.Program, arrays: Sequence[np.ndarray], results: Sequence[np.ndarray]) -> None:
    """Lets a program touch its constants, its states, the given inputs and the given results."""
    states = [k.array for k in executable_program.lowered.states]  # type: ignore[attr-defined]
    for a in [*executable_program.constants, *states, *arrays]:
        MEMORY.add(a.ctypes.data, a.nbytes, written=True, keep=a)
    for a in results:
        MEMORY.add(a.ctypes.data, a.nbytes, written=False, keep=a)


__all__ = ["Fault", "allow", "machine"]
