"""Joins updates to rows: out = base, then out[index[i]] joined with updates[i] in order of i. An index outside 0..rows-1 is reported.

dims: rows, inner extent, number of updates. bufs: base, index (int64), updates, out. Each thread owns a range of columns of out,
or of rows where there are few columns, so the order of joins is the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import fail, lanes_below, maximum, minimum, scalar_i64, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str, mode: str) -> Callable[..., Any]:
    """The kernel for a dtype and a way of joining: add, mul, max, min or set."""
    size = itemsize(dtype)
    load, store = getattr(simd, f"load_{SUFFIX[dtype]}"), getattr(simd, f"store_{SUFFIX[dtype]}")
    adds, multiplies, takes_max, takes_min = (mode == m for m in ("add", "mul", "max", "min"))

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        rows = word(dims, 0)
        inner = word(dims, 1)
        count = word(dims, 2)
        base = word(bufs, 0)
        index = word(bufs, 1)
        updates = word(bufs, 2)
        out = word(bufs, 3)
        by_column = inner >= 16 * n
        vectors = (inner + 15) // 16
        first = 0
        end = inner
        first_row = 0
        end_row = rows
        if by_column:
            first = vectors * tid // n * 16
            end = min(inner, vectors * (tid + 1) // n * 16)
        else:
            first_row = rows * tid // n
            end_row = rows * (tid + 1) // n
        for r in range(first_row, end_row):
            for j in range(first, end, 16):
                m = lanes_below(end - j)
                at = (r * inner + j) * size
                store(out + at, load(base + at, m), m)
        status = 0
        for i in range(count):
            r = scalar_i64(index + i * 8)
            if r < 0 or r >= rows:
                if status == 0:
                    fail(ctx, tid, i, r)
                    status = 1
            elif r >= first_row and r < end_row:
                for j in range(first, end, 16):
                    m = lanes_below(end - j)
                    target = out + (r * inner + j) * size
                    x = load(updates + (i * inner + j) * size, m)
                    if adds:
                        x = load(target, m) + x
                    elif multiplies:
                        x = load(target, m) * x
                    elif takes_max:
                        x = maximum(load(target, m), x)
                    elif takes_min:
                        x = minimum(load(target, m), x)
                    store(target, x, m)
        return status

    return kernel
