"""Puts rows into a table: out = base, then out[numbers[i]] = rows[i] for the first `count` numbers, which are different ones. Where out is
base, only those rows are touched. A number outside of the table is passed over.

dims: rows of the table, inner extent, new rows. bufs: base, numbers (int64), count (int64), rows, out. Threads share out the new rows, as
the loop before that has made them; where the table is copied, the columns of out, or its rows where there are few columns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import lanes_below, scalar_i64, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str) -> Callable[..., Any]:
    """The kernel for a dtype."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    load, store = getattr(simd, f"load_{t}"), getattr(simd, f"store_{t}")
    load_full, store_full = getattr(simd, f"load_full_{t}"), getattr(simd, f"store_full_{t}")

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        rows = word(dims, 0)
        inner = word(dims, 1)
        base = word(bufs, 0)
        numbers = word(bufs, 1)
        count = min(scalar_i64(word(bufs, 2)), word(dims, 2))
        new = word(bufs, 3)
        out = word(bufs, 4)
        vectors = (inner + 15) // 16
        first = 0
        end = inner
        first_row = 0
        end_row = rows
        if base != out and inner >= 16 * n:
            first = vectors * tid // n * 16
            end = min(inner, vectors * (tid + 1) // n * 16)
        elif base != out:
            first_row = rows * tid // n
            end_row = rows * (tid + 1) // n
        whole = end - (end - first) % 16
        m = lanes_below(end - whole)
        if base != out:
            for r in range(first_row, end_row):
                for j in range(first, end, 16):
                    part = lanes_below(end - j)
                    at = (r * inner + j) * size
                    store(out + at, load(base + at, part), part)
        begin = 0
        stop = count
        if base == out:
            begin = count * tid // n
            stop = count * (tid + 1) // n
        for i in range(begin, stop):
            r = scalar_i64(numbers + i * 8)
            if r >= first_row and r < end_row:
                target = out + r * inner * size
                source = new + i * inner * size
                for j in range(first, whole, 16):
                    store_full(target + j * size, load_full(source + j * size))
                store(target + whole * size, load(source + whole * size, m), m)
        return 0

    return kernel
