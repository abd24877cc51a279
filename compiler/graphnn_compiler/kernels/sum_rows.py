"""Sums of the updates of each row: out[r] = 0 + updates[i] + ... over all i with index[i] = r, in order of i. An index outside
0..rows-1 is reported.

dims: rows, inner extent, number of updates. bufs: index (int64), updates, out. Each thread owns a range of columns of out, or of rows where
there are few columns or more rows than updates, so the order of the sums is the same for any number of threads. Zeros are written up to
a row when the first update at or behind it comes, the rest at the end: no row is written twice before it is added to.
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
    load_full, store_full = getattr(simd, f"load_full_{t}"), getattr(simd, f"store_full_{t}")
    number = getattr(simd, f"const_{SUFFIX['float32' if dtype == 'float16' else dtype]}")

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        rows = word(dims, 0)
        inner = word(dims, 1)
        count = word(dims, 2)
        index = word(bufs, 0)
        updates = word(bufs, 1)
        out = word(bufs, 2)
        zero = number(0)
        by_column = inner >= 16 * n and rows < count
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
        fresh = first_row  # from here on nothing is written yet
        whole = end - (end - first) % 16
        m = lanes_below(end - whole)
        status = 0
        for i in range(count + 1):
            r = end_row
            if i < count:
                r = scalar_i64(index + i * 8)
                if r < 0 or r >= rows:
                    if status == 0:
                        fail(ctx, tid, i, r)
                        status = 1
                    r = first_row - 1
            if r >= fresh and (r < end_row or i == count):
                if end - first == inner:
                    total = (r - fresh) * inner
                    start = out + fresh * inner * size
                    for j in range(0, total - 15, 16):
                        store_full(start + j * size, zero)
                    store(start + (total - total % 16) * size, zero, lanes_below(total % 16))
                else:
                    for k in range(fresh, r):
                        target = out + k * inner * size
                        for j in range(first, whole, 16):
                            store_full(target + j * size, zero)
                        store(target + whole * size, zero, m)
                if i < count:
                    target = out + r * inner * size
                    source = updates + i * inner * size
                    for j in range(first, whole, 16):
                        store_full(target + j * size, zero + load_full(source + j * size))
                    store(target + whole * size, zero + load(source + whole * size, m), m)
                    fresh = r + 1
            elif r >= first_row and r < end_row:
                target = out + r * inner * size
                source = updates + i * inner * size
                for j in range(first, whole, 16):
                    store_full(target + j * size, load_full(target + j * size) + load_full(source + j * size))
                store(target + whole * size, load(target + whole * size, m) + load(source + whole * size, m), m)
        return status

    return kernel
