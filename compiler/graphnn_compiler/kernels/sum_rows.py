"""Sums of the updates of each row: out[r] = 0 + updates[i] + ... over all i with index[i] = r, in order of i. An index outside
0..rows-1 is reported.

dims: rows, inner extent, number of updates. bufs: index (int64), updates, out. Each thread owns a range of columns of out, or of rows
where there are few columns, so the order of the sums is the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import fail, lanes_below, scalar_i64, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str) -> Callable[..., Any]:
    """The kernel for a dtype."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    load, store = getattr(simd, f"load_{t}"), getattr(simd, f"store_{t}")
    number = getattr(simd, f"const_{SUFFIX['float32' if dtype == 'float16' else dtype]}")

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        rows = word(dims, 0)
        inner = word(dims, 1)
        count = word(dims, 2)
        index = word(bufs, 0)
        updates = word(bufs, 1)
        out = word(bufs, 2)
        zero = number(0)
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
        if first == 0 and end == inner:
            total = (end_row - first_row) * inner
            for j in range(0, total, 16):
                store(out + (first_row * inner + j) * size, zero, lanes_below(total - j))
        else:
            for r in range(first_row, end_row):
                for j in range(first, end, 16):
                    store(out + (r * inner + j) * size, zero, lanes_below(end - j))
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
                    store(target, load(target, m) + load(updates + (i * inner + j) * size, m), m)
        return status

    return kernel
