"""The runner: walks a table of instructions, once per step. It is a kernel, so a scan is a row that runs the runner.

dims: [address of the table, rows, steps, first step]; bufs is unused.
A row is 8 int64: kernel, dims, bufs, number of buffers, strides (or 0), flags, its number for errors, 0.

Every thread of the team walks the same table. A step is abandoned only at a guard, where thread 0 decides for all. Each
thread keeps the step it is at in its own line of the context (NOW), since others may be some instructions ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..runtime.context import (
    ABANDONED,
    CODE,
    DECISION,
    LINE,
    LINES,
    NOTED,
    NOW,
    ROW,
    STEP,
    STEP_OF,
    STOP,
    STOPPED,
)
from ..runtime.table import BARRIER, BUFS, COUNT, DIMS, FLAGS, GUARD, ID, KERNEL, PARALLEL, ROW_BYTES, STRIDES
from ..simd import atomic_load, barrier, call_kernel, set_word, word
from ..simd_types import I64, define, fixed, ir, types

HELPERS = ("runtime/context.py", "runtime/table.py")

LOW = 0xFFFFFFFF


def _stack_words(em: Any, _: Any, count: Any) -> Any:
    return em.b.ptrtoint(em.b.alloca(I64, size=count), ir.IntType(64))


stack_words = define(
    "stack_words",
    "count",
    fixed(types.int64, types.int64),
    _stack_words,
    "Address of int64s that live as long as the call; never in a loop.",
)


def build() -> Callable[..., Any]:
    """The runner."""

    def run(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        table = word(dims, 0)
        end = table + word(dims, 1) * ROW_BYTES
        step = word(dims, 3)
        last = step + word(dims, 2)
        mine = ctx + 8 * (LINES + LINE * tid)
        calling_step = word(mine, NOW)
        most = 0
        row = table
        while row < end:
            if word(row, STRIDES) != 0:
                most = max(most, word(row, COUNT))
            row += ROW_BYTES
        moved = stack_words(most)
        decision = 0
        while step < last and decision == 0:
            set_word(mine, NOW, step)
            if tid == 0:
                set_word(ctx, STEP, step)
            row = table
            while row < end and decision == 0:
                flags = word(row, FLAGS)
                team = n if flags & PARALLEL else 1
                if tid < team:
                    buffers = word(row, BUFS)
                    strides = word(row, STRIDES)
                    if strides != 0:
                        i = 0
                        while i < word(row, COUNT):
                            set_word(moved, i, word(buffers, i) + step * word(strides, i))
                            i += 1
                        buffers = moved
                    before = word(mine, CODE)
                    code = call_kernel(word(row, KERNEL), word(row, DIMS), buffers, ctx, tid, team)
                    if code != 0 and before == 0:
                        if code == NOTED:
                            pass
                        elif word(mine, CODE) != 0:  # noted by a runner inside
                            set_word(mine, ROW, (word(mine, ROW) & LOW) + ((word(row, ID) + 1) << 32))
                            set_word(mine, STEP_OF, (word(mine, STEP_OF) & LOW) + ((step + 1) << 32))
                        elif code != STOPPED and code != ABANDONED:
                            set_word(mine, CODE, code)
                            set_word(mine, ROW, word(row, ID))
                            set_word(mine, STEP_OF, step)
                if flags & (BARRIER | GUARD):
                    barrier(ctx, tid, n)
                if flags & GUARD:
                    if tid == 0:
                        if atomic_load(ctx, STOP) != 0:
                            decision = STOPPED
                        i = 0
                        while i < n:
                            if word(ctx, LINES + LINE * i + CODE) != 0:
                                decision = ABANDONED
                            i += 1
                    # Alone, a runner must not touch the shared word: others may still have to read an older decision.
                    if n > 1:
                        if tid == 0:
                            set_word(ctx, DECISION, decision)
                        barrier(ctx, tid, n)
                        decision = word(ctx, DECISION)
                row += ROW_BYTES
            step += 1
        set_word(mine, NOW, calling_step)
        if decision == 0 and word(mine, CODE) != 0:  # so that a table around this one knows, before its guard
            decision = ABANDONED
        return decision

    return run
