"""Running sums or products of each row, in order.

dims: rows, length. bufs: x, out. Threads share out the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import lanes_below, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str, mode: str) -> Callable[..., Any]:
    """The kernel for a dtype and a mode: add or mul."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    load, store = getattr(simd, f"load_{t}"), getattr(simd, f"store_{t}")
    start = getattr(simd, f"const_{t}")
    adds, first = mode == "add", 0 if mode == "add" else 1

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        rows = word(dims, 0)
        length = word(dims, 1)
        m = lanes_below(1)
        for r in range(rows * tid // n, rows * (tid + 1) // n):
            x = word(bufs, 0) + r * length * size
            out = word(bufs, 1) + r * length * size
            total = start(first)
            for i in range(length):
                if adds:
                    total = total + load(x + i * size, m)
                else:
                    total = total * load(x + i * size, m)
                store(out + i * size, total, m)
        return 0

    return kernel
