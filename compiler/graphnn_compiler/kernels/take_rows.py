"""Gathers rows: out[i] = table[order[i]], each row `bytes` long; a number outside 0..limit-1 is reported and its row left alone.

dims: rows, bytes per row, limit. bufs: table, order (int64), out. Threads share out the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..simd import fail, lanes_below, load_full_i32, load_u8, prefetch, scalar_i64, store_full_i32, store_u8, word

HELPERS: tuple[str, ...] = ()

AHEAD = 2  # rows


def build() -> Callable[..., Any]:
    """The kernel."""

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        rows = word(dims, 0)
        size = word(dims, 1)
        limit = word(dims, 2)
        table = word(bufs, 0)
        order = word(bufs, 1)
        out = word(bufs, 2)
        last = rows * (tid + 1) // n
        status = 0
        for i in range(rows * tid // n, last):
            r = scalar_i64(order + i * 8)
            if r < 0 or r >= limit:
                if status == 0:
                    fail(ctx, tid, i, r)
                status = 1
                continue
            source = table + r * size
            target = out + i * size
            if i + AHEAD < last:
                ahead = scalar_i64(order + (i + AHEAD) * 8)
                if ahead >= 0 and ahead < limit:
                    for j in range(0, size, 64):
                        prefetch(table + ahead * size + j)
            for j in range(0, size - 63, 64):
                store_full_i32(target + j, load_full_i32(source + j))
            for j in range(size - size % 64, size, 16):
                m = lanes_below(size - j)
                store_u8(target + j, load_u8(source + j, m), m)
        return status

    return kernel
