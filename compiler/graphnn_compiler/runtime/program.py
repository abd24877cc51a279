"""A program: a lowered graph bound to numbers. Binding evaluates extents, lays out the arena and fills the table; nothing is compiled.

A `Program` is immutable; each concurrent run takes a `Frame` from its pool: an arena, a context, and a copy of the addresses.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..dims import evaluate
from ..kernels.conv_plan import ConvPlan, plan_conv, spec_of
from ..kernels.conv_weights_plan import plan_weights
from ..kernels.gemm_layout import TILE
from ..kernels.gemm_plan import GemmPlan
from ..kernels.gemm_plan import plan as plan_gemm
from ..lowering.lower import Lowered
from ..lowering.products import FLOPS_PER_WORK
from ..lowering.steps import ConvStep, GemmStep, KernelStep, LoopStep, Place, Step, TiledStep
from ..memory import Lifetime
from ..memory import plan as plan_memory
from ..ops.base import itemsize
from ..ops.conv import ConvInput, ConvKernel
from ..ops.movement import Constant
from ..views import Buffer
from . import team
from .arena import ARENAS, LARGE, aligned
from .context import KernelError, errors, new_context
from .fork import own_lock
from .loader import addresses
from .pace import Pace
from .spec import KernelSpec
from .table import BARRIER, GUARD, PARALLEL

Words = npt.NDArray[np.int64]
RUN = KernelSpec("run")
TAKE_ROWS = KernelSpec("take_rows")
MIN_PARALLEL_WORK = 1 << 14
_NOTHING = aligned(0)


class OutOfMemory(MemoryError):
    """A program needs more memory than the machine has; nothing was run."""


def min_parallel_work() -> int:
    """Work per instruction below which one thread does it all."""
    text = os.environ.get("GRAPHNN_MIN_PARALLEL_WORK", "")
    if text and not text.isdecimal():
        raise ValueError(f"GRAPHNN_MIN_PARALLEL_WORK must be a whole number, received {text!r}")
    return int(text or MIN_PARALLEL_WORK)


@dataclass(frozen=True)
class Mode:
    """How inputs and outputs are handed over: each input whole ("whole"), by steps in place ("rows") or through an order ("order")."""

    inputs: tuple[str, ...]
    outputs_by_step: bool = False
    limits: tuple[int, ...] = ()  # rows of the data sets behind inputs in "order" mode


class _Table:
    """The rows under construction: dims, addresses and strides of each instruction, in words."""

    def __init__(self) -> None:
        self.dims: list[Words] = []
        self.length = 0  # of all dims
        self.bufs: list[tuple[str, object, int]] = []  # kind, slot, byte offset
        self.strides: list[int] = []
        self.rows: list[tuple[int, int, int, int, bool, bool]] = []  # kernel, dims, bufs, count, strided, parallel

    def add(
        self, kernel: int, dims: Sequence[int] | Words, bufs: Sequence[tuple[str, object, int]], strides: Sequence[int], parallel: bool
    ) -> None:
        self.rows.append((kernel, self.length, len(self.bufs), len(bufs), any(strides), parallel))
        self.dims.append(np.array(dims, np.int64))
        self.length += len(dims)
        self.bufs += bufs
        self.strides += strides


class Frame:
    """What one run of a program needs for itself. A large work space is lent to it for each run, and may be another one each time."""

    def __init__(self, program: Program):
        self.arena = aligned(program.arena_bytes) if program.arena_bytes < LARGE else ARENAS.take(program.arena_bytes)
        self.lent = program.arena_bytes >= LARGE
        self.base: int = self.arena.ctypes.data
        self.context = new_context(team.threads())
        self.bufs = program.bufs.copy()
        self.bufs[program.in_arena] += self.base
        self.table = program.table.copy()
        self.table[:, 2] += self.bufs.ctypes.data
        self.dims = np.array([self.table.ctypes.data, len(self.table), 1, 0], np.int64)
        self.context_address: int = self.context.ctypes.data
        self.dims_address: int = self.dims.ctypes.data

    def borrow(self, program: Program) -> None:
        """Takes a work space again."""
        self.arena = ARENAS.take(program.arena_bytes)
        if self.arena.ctypes.data != self.base:
            self.base = self.arena.ctypes.data
            self.bufs[program.in_arena] = program.bufs[program.in_arena] + self.base

    def give_back(self) -> None:
        """Lets others have the work space."""
        ARENAS.give(self.arena)
        self.arena = _NOTHING


class Program:
    """A lowered graph for given extents and ways of handing over its inputs."""

    def __init__(self, lowered: Lowered, env: Mapping[str, int], mode: Mode, threads: int):
        self.lowered, self.env, self.mode, self.threads = lowered, dict(env), mode, threads
        graph = lowered.graph
        self.input_shapes = [tuple(evaluate(d, env) for d in v.shape) for v in graph.inputs]
        self.output_shapes = [tuple(evaluate(d, env) for d in v.shape) for v in graph.outputs]
        self.output_dtypes = [np.dtype(v.dtype) for v in graph.outputs]
        self.constants: list[npt.NDArray[np.generic]] = []
        self._frames: list[Frame] = []
        self._lock = own_lock(self)
        self._bind()
        ARENAS.expect(self)

    # -- binding

    def _bind(self) -> None:
        env, low = self.env, self.lowered
        table = _Table()
        self._tile_dims: dict[int, int] = {}  # rows with an epilogue: which of their dims point to its own
        extra: list[tuple[int, int]] = []  # workspaces: (bytes, step)
        life: dict[Buffer, tuple[int, int]] = {}
        prefix = [i for i, m in enumerate(self.mode.inputs) if m == "order"]
        for i in prefix:
            life[low.inputs[i]] = (0, 0)
        for at, step in enumerate(low.steps, len(prefix)):
            for b in (*step.reads, *step.writes):
                if b.kind == "arena" or (b.kind == "input" and b in life):
                    first, _ = life.get(b, (at, at))
                    life[b] = (first, at)
        same = self._share(life, len(prefix))
        self._slots = {b: n for n, b in enumerate(life)}
        self._compile_missing(bool(prefix))
        sizes = [Lifetime(evaluate(b.size, env) * itemsize(b.dtype), *span) for b, span in life.items()]
        self._slots |= {b: self._slots[keeper] for b, keeper in same.items()}
        for i in prefix:
            self._take_rows(table, i)
        for at, step in enumerate(low.steps, len(prefix)):
            need = self._add(table, step, len(sizes) + len(extra))
            if need is not None:
                extra.append((need, at))
        sizes += [Lifetime(n, at, at) for n, at in extra]
        offsets, self.arena_bytes = plan_memory(sizes)
        results = zip(self.lowered.graph.outputs, self.output_shapes, strict=True)
        held = sum(math.prod(shape) * itemsize(v.dtype) for v, shape in results)
        check_memory(self.arena_bytes + held, f"this program, with work space of {self.arena_bytes:,} bytes and results of {held:,},")
        self._fill(table, offsets, low.guard + len(prefix))

    def _share(self, life: dict[Buffer, tuple[int, int]], first: int) -> dict[Buffer, Buffer]:
        """Lets a buffer take over the memory of one that its kernel reads for the last time, element by element.

        Merges the lifetimes in `life`; gives for each buffer that has no memory of its own the one whose memory it has.
        """
        same: dict[Buffer, Buffer] = {}
        for at, step in enumerate(self.lowered.steps, first):
            loop = step.epilogue if isinstance(step, TiledStep) else step
            if not isinstance(loop, LoopStep):
                continue
            factors = {p.buffer for p in step.places[:2]} if isinstance(step, TiledStep) else set[Buffer | None]()
            for out, read in loop.in_place:
                keeper = same.get(read, read)
                if out not in life or keeper not in life or keeper is out or read in factors or life[out][0] != at:
                    continue
                if life[keeper][1] == at and self._bytes(out) == self._bytes(keeper):
                    life[keeper] = (life[keeper][0], life.pop(out)[1])
                    same[out] = keeper
        return same

    def _bytes(self, b: Buffer) -> int:
        return evaluate(b.size, self.env) * itemsize(b.dtype)

    def _compile_missing(self, gathers: bool) -> None:
        """Asks for all kernels at once, so that those that are missing are compiled together."""
        wanted = [RUN, *team.KERNELS, *([TAKE_ROWS] if gathers else [])]
        for step in self.lowered.steps:
            if isinstance(step, TiledStep):
                wanted += [self._product_spec(step), *([step.epilogue.spec] if step.epilogue is not None else [])]
            elif isinstance(step, LoopStep | KernelStep):
                wanted.append(step.spec)
        addresses(list(dict.fromkeys(wanted)))

    def _take_rows(self, table: _Table, i: int) -> None:
        """Gathers the rows of a shuffled batch."""
        shape, buffer = self.input_shapes[i], self.lowered.inputs[i]
        row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * itemsize(buffer.dtype)
        bufs = [("input", i, 0), ("order", i, 0), ("arena", self._slots[buffer], 0)]
        work = shape[0] * row_bytes
        table.add(addresses([TAKE_ROWS])[0], [shape[0], row_bytes, self.mode.limits[i]], bufs, [0, 8 * shape[0], 0], self._parallel(work))

    def _parallel(self, work: int) -> bool:
        return self.threads > 1 and work >= min_parallel_work()

    def _add(self, table: _Table, step: Step, next_slot: int) -> int | None:
        """One instruction; gives the bytes of workspace that it wants."""
        env = self.env
        work = evaluate(step.work, env)
        parallel = self._parallel(work)
        places = [self._place(p) for p in step.places]
        strides = [self._stride(p) for p in step.places]
        if isinstance(step, LoopStep):
            table.add(addresses([step.spec])[0], [evaluate(d, env) for d in step.dims], places, strides, parallel)
            return None
        if isinstance(step, KernelStep):
            need = step.workspace(env, self.threads)
            if need:
                places.append(("arena", next_slot, 0))
                strides.append(0)
            table.add(addresses([step.spec])[0], step.dims(env), places, strides, parallel)
            return need or None
        assert isinstance(step, TiledStep)
        return self._tiled(table, step, places, strides, next_slot)

    def _product_spec(self, step: TiledStep) -> KernelSpec:
        """The kernel of a product, which its numbers have little influence on."""
        if isinstance(step, ConvStep):
            name = "conv_weights" if isinstance(step.op, ConvKernel) else "conv"
            return spec_of(name, step.dtype, step.sliding(self.env).by_channel)
        assert isinstance(step, GemmStep)
        unit = itemsize(step.dtype)
        return plan_gemm(1, 1, 1, (1, 1), (0, 0, unit, unit), (0, 0, unit, unit), (0, 0, unit), step.dtype, 1).spec

    def _plan(self, step: TiledStep) -> GemmPlan | ConvPlan:
        """How a product is computed."""
        env, scratch, least = self.env, step.epilogue is not None, min_parallel_work() * FLOPS_PER_WORK
        if isinstance(step, ConvStep):
            sliding = step.sliding(env)
            if isinstance(step.op, ConvKernel):
                return plan_weights(sliding, step.dtype, self.threads, min_parallel=least, scratch=scratch)
            turned = isinstance(step.op, ConvInput)
            return plan_conv(sliding, turned, step.dtype, self.threads, min_parallel=least, scratch=scratch)
        assert isinstance(step, GemmStep)
        size = itemsize(step.dtype)
        m, n, k = (evaluate(d, env) for d in (step.m, step.n, step.k))
        outer, inner = (evaluate(d, env) for d in step.batch)
        a, b, c = ([evaluate(s, env) * size for s in part] for part in (step.a_strides, step.b_strides, step.c_strides))
        return plan_gemm(
            m, n, k, (outer, inner), (a[0], a[1], a[2], a[3]), (b[0], b[1], b[2], b[3]), (c[0], c[1], c[2]), step.dtype,
            self.threads, min_parallel=least, scratch=scratch, panels=step.panels,
        )  # fmt: skip

    def _tiled(
        self, table: _Table, step: TiledStep, places: list[tuple[str, object, int]], strides: list[int], slot: int
    ) -> int | None:
        env, chosen = self.env, self._plan(step)
        dims = np.array(chosen.dims, np.int64)
        places = [*places, ("arena", slot, 0) if chosen.workspace else ("number", None, 0), ("number", None, 0)]
        strides = [*strides, 0, 0]
        if step.epilogue is not None:
            tile, at = step.epilogue, chosen.tile_at if isinstance(chosen, ConvPlan) else TILE
            dims[at] = addresses([tile.spec])[0]
            dims[at + 1] = len(dims)  # words from here to the epilogue's own dims, until their address is known
            self._tile_dims[len(table.rows)] = at + 1
            places += [self._place(p) for p in tile.places]
            strides += [self._stride(p) for p in tile.places]
            dims = np.concatenate([dims, np.array([evaluate(d, env) for d in tile.dims], np.int64)])
        table.add(addresses([chosen.spec])[0], dims, places, strides, chosen.parallel)
        return chosen.workspace or None

    def _place(self, p: Place) -> tuple[str, object, int]:
        offset = evaluate(p.offset, self.env)
        b = p.buffer
        if b is None:
            return ("number", None, offset)
        if b in self._slots:
            return ("arena", self._slots[b], offset)
        if b.kind == "constant":
            assert isinstance(b.slot, Constant)
            array = np.ascontiguousarray(b.slot.array())
            self.constants.append(array)
            return ("number", None, array.ctypes.data + offset)
        return (b.kind, b.slot, offset)

    def _stride(self, p: Place) -> int:
        """Bytes that an operand moves by from one step to the next."""
        b = p.buffer
        if b is None or b in self._slots:
            return 0
        if b.kind == "input" and isinstance(b.slot, int) and self.mode.inputs[b.slot] == "rows":
            return evaluate(b.size, self.env) * itemsize(b.dtype)
        if b.kind == "output" and self.mode.outputs_by_step:
            return evaluate(b.size, self.env) * itemsize(b.dtype)
        return 0

    def _fill(self, table: _Table, offsets: Sequence[int], guard: int) -> None:
        self.dims = np.concatenate([*table.dims, np.zeros(1, np.int64)])
        self.strides = np.array(table.strides or [0], np.int64)
        self.bufs = np.zeros(max(len(table.bufs), 1), np.int64)
        arena: list[int] = []
        self.patches: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for i, (kind, slot, offset) in enumerate(table.bufs):
            self.bufs[i] = offset
            if kind == "arena":
                assert isinstance(slot, int)
                self.bufs[i] += offsets[slot]
                arena.append(i)
            elif kind == "state":
                self.bufs[i] += slot.array.ctypes.data  # type: ignore[union-attr]
            elif kind != "number":
                assert isinstance(slot, int)
                self.patches.setdefault((kind, slot), []).append((i, offset))
        self.in_arena = np.array(arena, np.int64)
        n = len(table.rows)
        self.table = np.zeros((n, 8), np.int64)
        any_parallel = any(r[5] for r in table.rows)
        for r, (kernel, dims, bufs, count, strided, parallel) in enumerate(table.rows):
            following = table.rows[(r + 1) % n][5]
            flags = PARALLEL * parallel
            if any_parallel and (parallel or following):
                flags |= BARRIER
            if r == guard - 1:
                flags |= GUARD
            self.table[r, :6] = (
                kernel, self.dims.ctypes.data + 8 * dims, 8 * bufs, count, self.strides.ctypes.data + 8 * bufs if strided else 0, flags,
            )  # fmt: skip
        self.parallel = any_parallel
        self.pace = Pace()
        for r, at in self._tile_dims.items():
            at += table.rows[r][1]
            self.dims[at] = self.dims.ctypes.data + 8 * (table.rows[r][1] + self.dims[at])

    def step_of_row(self, r: int) -> Step | None:
        """The step behind a row of the table; None for the gathering of rows."""
        r -= sum(m == "order" for m in self.mode.inputs)
        return self.lowered.steps[r] if r >= 0 else None

    # -- running

    def run(
        self, inputs: Sequence[int], orders: Mapping[int, int], outputs: Sequence[int], steps: int
    ) -> KernelError | None:
        """Runs `steps` steps on the addresses of inputs, orders of rows and outputs. Gives the first error met, if any."""
        with self._lock:
            frame = self._frames.pop() if self._frames else None
        if frame is None:
            frame = Frame(self)
        elif frame.lent:
            frame.borrow(self)
        for (kind, slot), uses in self.patches.items():
            base = inputs[slot] if kind == "input" else outputs[slot] if kind == "output" else orders[slot]
            for i, offset in uses:
                frame.bufs[i] = base + offset
        code, done = 0, 0
        while done < steps and not code:
            now = time.perf_counter()
            together, count = self.pace.next(steps - done, now) if self.parallel else (False, steps - done)
            frame.dims[2], frame.dims[3] = count, done
            code = team.run(_entry(), frame.dims_address, frame.context_address, together)
            done += count
            if self.parallel:
                end = time.perf_counter()
                self.pace.took(together, (end - now) / count, end)
        if frame.lent:
            frame.give_back()
        failed = errors(frame.context) if code else None
        if code and failed is None:
            raise RuntimeError(f"a program ended with code {code}")
        with self._lock:
            if len(self._frames) < 8:
                self._frames.append(frame)
        return failed


_run_address = 0


def _entry() -> int:
    global _run_address
    if not _run_address:
        (_run_address,) = addresses([RUN])
    return _run_address


def check_memory(n: int, what: str) -> None:
    """An `OutOfMemory` where `n` bytes are more than the machine has.

    >>> check_memory(2**50, "the weight")
    Traceback (most recent call last):
    ...
    graphnn_compiler.runtime.program.OutOfMemory: the weight needs 1048576.0 GiB; the machine has ... GiB
    """
    try:
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return
    if n > available:
        raise OutOfMemory(f"{what} needs {n / 2**30:.1f} GiB; the machine has {available / 2**30:.1f} GiB")
