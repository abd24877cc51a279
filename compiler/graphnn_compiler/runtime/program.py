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

from ..dims import evaluate
from ..lowering.lower import Lowered
from ..lowering.steps import Step
from ..ops.base import itemsize
from ..views import Buffer
from . import team
from .arena import ARENAS, LARGE, aligned
from .bind import RUN, Binder
from .context import KernelError, errors, new_context
from .fork import own_lock
from .loader import addresses
from .pace import Pace
from .rows import Address, Slot, Table
from .table import BUFS, ID, ROW_BYTES, ROW_WORDS

_NOTHING = aligned(0)


class OutOfMemory(MemoryError):
    """A program needs more memory than the machine has; nothing was run."""


@dataclass(frozen=True)
class Mode:
    """How inputs and outputs are handed over: each input whole ("whole"), by steps in place ("rows") or through an order ("order")."""

    inputs: tuple[str, ...]
    outputs_by_step: bool = False
    limits: tuple[int, ...] = ()  # rows of the data sets behind inputs in "order" mode


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
        self.table[:, BUFS] += self.bufs.ctypes.data
        self.bufs[program.in_table] += self.table.ctypes.data
        self.dims = np.array([self.table.ctypes.data, program.rows, 1, 0], np.int64)
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
        self._frames: list[Frame] = []
        self._lock = own_lock(self)
        self._bind()
        ARENAS.expect(self)

    # -- binding

    def _bind(self) -> None:
        low, gathers = self.lowered, dict[int, tuple[int, int, int]]()
        for i, m in enumerate(self.mode.inputs):
            if m == "order":
                shape = self.input_shapes[i]
                row_bytes = math.prod(shape[1:]) * itemsize(low.inputs[i].dtype)
                gathers[i] = (shape[0], row_bytes, self.mode.limits[i])
        binder = Binder(self.env, self.threads)
        self.constants, self.lanes = binder.constants, binder.lanes
        self.arena_bytes = binder.program(low, self._outside, gathers)
        results = zip(self.lowered.graph.outputs, self.output_shapes, strict=True)
        held = sum(math.prod(shape) * itemsize(v.dtype) for v, shape in results)
        check_memory(self.arena_bytes + held, f"this program, with work space of {self.arena_bytes:,} bytes and results of {held:,},")
        self._fill(binder.tables)

    def _outside(self, b: Buffer) -> Address:
        """Where a buffer is that is not in the work space; data sets and results by step move from one step to the next."""
        if b.kind == "state":
            return Address("number", None, b.slot.array.ctypes.data)  # type: ignore[union-attr]
        assert isinstance(b.slot, int)
        moves = self.mode.inputs[b.slot] == "rows" if b.kind == "input" else self.mode.outputs_by_step
        return Address(b.kind, b.slot, 0, evaluate(b.size, self.env) * itemsize(b.dtype) if moves else 0)

    def _fill(self, tables: Sequence[Table]) -> None:
        rows = [row for table in tables for row in table.rows]
        self.steps = [row.step for row in rows]
        self.rows = len(tables[0].rows)
        self.parallel = tables[0].parallel
        self.pace = Pace()
        self.dims = np.concatenate([*(row.dims for row in rows), np.zeros(1, np.int64)])
        operands = [a for row in rows for a in row.operands]
        self.strides = np.array([a.stride for a in operands] or [0], np.int64)
        self.bufs = np.zeros(max(len(operands), 1), np.int64)
        self.patches: dict[tuple[str, int], list[tuple[int, int]]] = {}
        arena: list[int] = []
        in_table: list[int] = []
        first = np.cumsum([0, *(len(t.rows) for t in tables)])
        for i, a in enumerate(operands):
            self.bufs[i] = a.offset
            if isinstance(a.slot, Slot):
                self.bufs[i] += a.slot.absolute
                arena.append(i)
            elif a.kind == "table":
                assert isinstance(a.slot, int)
                self.bufs[i] = ROW_BYTES * first[a.slot]
                in_table.append(i)
            elif a.kind != "number":
                assert isinstance(a.slot, int)
                self.patches.setdefault((a.kind, a.slot), []).append((i, a.offset))
        self.in_arena, self.in_table = np.array(arena, np.int64), np.array(in_table, np.int64)
        self.table = np.zeros((len(rows), ROW_WORDS), np.int64)
        flags = [t.flags(i, self.parallel) for t in tables for i in range(len(t.rows))]
        dims, bufs = self.dims.ctypes.data, 0
        for r, row in enumerate(rows):
            strided = any(a.stride for a in row.operands)
            strides = self.strides.ctypes.data + 8 * bufs if strided else 0
            self.table[r, : ID + 1] = (row.kernel, dims, 8 * bufs, len(row.operands), strides, flags[r], r)
            if row.tile >= 0:
                at = (dims - self.dims.ctypes.data) // 8 + row.tile
                self.dims[at] = dims + 8 * self.dims[at]
            dims += 8 * len(row.dims)
            bufs += len(row.operands)

    def step_of_row(self, r: int) -> Step | None:
        """The step behind a row of the table; None for the gathering of rows."""
        return self.steps[r]

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
