"""Small kernels and tables for the tests of the runtime."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from graphnn_compiler.runtime import context, loader, team
from graphnn_compiler.runtime.spec import KernelSpec
from graphnn_compiler.runtime.table import BARRIER, GUARD, PARALLEL

COMPILER = Path(__file__).resolve().parents[2] / "compiler"
RUN = KernelSpec("run")
ADD = KernelSpec(
    "test_add",
    (),
    """def kernel(dims, bufs, ctx, tid, n):
    # x[i] += k for the i of this thread; dims: count, k; bufs: x
    count = word(dims, 0)
    x = word(bufs, 0)
    for i in range(count * tid // n, count * (tid + 1) // n):
        set_word(x, i, word(x, i) + word(dims, 1))
    return 0
""",
)
CHECK = KernelSpec(
    "test_check",
    (),
    """def kernel(dims, bufs, ctx, tid, n):
    # fails with code dims[2] at the first x[i] >= dims[1] of this thread; dims: count, limit, code; bufs: x
    count = word(dims, 0)
    x = word(bufs, 0)
    for i in range(count * tid // n, count * (tid + 1) // n):
        if word(x, i) >= word(dims, 1):
            fail(ctx, tid, i, word(x, i))
            return word(dims, 2)
    return 0
""",
)
WHO = KernelSpec(
    "test_who",
    (),
    """def kernel(dims, bufs, ctx, tid, n):
    # counts calls per thread and remembers n and the thread's step; bufs: counts, ns, steps
    set_word(word(bufs, 0), tid, word(word(bufs, 0), tid) + 1)
    set_word(word(bufs, 1), tid, n)
    set_word(word(bufs, 2), tid, word(ctx, 64 + 8 * tid + 6))
    return 0
""",
)
# What other kernels left is read only after the barrier: wrong sums if a barrier lets a thread through early.
SHARE = KernelSpec(
    "test_share",
    (),
    """def kernel(dims, bufs, ctx, tid, n):
    a = word(bufs, 0)
    for r in range(word(dims, 0)):
        set_word(a, 8 * tid, word(a, 8 * tid) + 1)
        barrier(ctx, tid, n)
        for t in range(n):
            if word(a, 8 * t) != word(a, 8 * tid):
                fail(ctx, tid, r, t)
                return 7
        barrier(ctx, tid, n)
    return 0
""",
)


def ints(*values: int) -> Any:
    return np.array(values, np.int64)


class Table:
    """Rows for the runner; it keeps every array that they point to."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []
        self.keep: list[Any] = []

    def add(
        self,
        entry: int,
        dims: Sequence[int] = (),
        bufs: Sequence[Any] = (),
        flags: int = PARALLEL | BARRIER,
        strides: Sequence[int] = (),
    ) -> Table:
        d, b, s = ints(*dims), ints(*(a.ctypes.data for a in bufs)), ints(*strides)
        self.keep += [d, b, s, *bufs]
        self.rows.append([entry, d.ctypes.data, b.ctypes.data, len(b), s.ctypes.data if len(s) else 0, flags, len(self.rows), 0])
        return self

    def dims(self, steps: int = 1, first: int = 0) -> Any:
        rows = np.array(self.rows, np.int64).reshape(-1, 8)
        dims = ints(rows.ctypes.data, len(rows), steps, first)
        self.keep += [rows, dims]
        return dims

    def nest(self, inner: Table, steps: int, first: int = 0, flags: int = PARALLEL | BARRIER) -> Table:
        dims = inner.dims(steps, first)
        self.keep += [inner, dims]
        self.rows.append([loader.address(RUN), dims.ctypes.data, 0, 0, 0, flags, len(self.rows), 0])
        return self

    def run(self, steps: int = 1, first: int = 0, parallel: bool = True, ctx: Any = None) -> int:
        ctx = context.new_context(team.threads()) if ctx is None else ctx
        return team.run(loader.address(RUN), self.dims(steps, first).ctypes.data, ctx.ctypes.data, parallel)


@contextmanager
def team_of(n: int) -> Iterator[None]:
    team.set_threads(n)
    try:
        yield
    finally:
        team.set_threads(None)


def python(code: str, *args: str, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python code in a new process."""
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        env={**os.environ, "PYTHONPATH": f"{COMPILER}{os.pathsep}{Path(__file__).parent}", **env},
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def call(entry: int, dims: Any, bufs: Sequence[Any]) -> int:
    """Call a kernel alone."""
    b = ints(*(a.ctypes.data for a in bufs))
    ctx = context.new_context(1)
    return team.run(entry, dims.ctypes.data, ctx.ctypes.data, False, b.ctypes.data)


__all__ = [
    "ADD", "BARRIER", "CHECK", "COMPILER", "GUARD", "PARALLEL", "RUN", "SHARE", "WHO",
    "Callable", "Table", "call", "ctypes", "ints", "python", "team_of",
]  # fmt: skip
