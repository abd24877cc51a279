"""The stable order of each row: merge sort of indices, NaN last.

dims: rows, length. bufs: x, out (int64), work space as large as out. Threads share out the rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import simd
from ..ops.base import is_float, itemsize
from ..ops.suffix import SUFFIX
from ..simd import scalar_i64, set_scalar_i64, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str, descending: bool) -> Callable[..., Any]:
    """The kernel for a dtype and a direction."""
    size, floats = itemsize(dtype), is_float(dtype)
    element = getattr(simd, f"scalar_{SUFFIX[dtype]}")

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        rows = word(dims, 0)
        length = word(dims, 1)
        for r in range(rows * tid // n, rows * (tid + 1) // n):
            x = word(bufs, 0) + r * length * size
            out = word(bufs, 1) + r * length * 8
            source = out
            target = word(bufs, 2) + r * length * 8
            for i in range(length):
                set_scalar_i64(source + i * 8, i)
            width = 1
            while width < length:
                for start in range(0, length, 2 * width):
                    a = start
                    b = min(start + width, length)
                    middle = b
                    end = min(start + 2 * width, length)
                    for k in range(start, end):
                        left = a < middle
                        if left and b < end:
                            u = element(x + scalar_i64(source + a * 8) * size)
                            v = element(x + scalar_i64(source + b * 8) * size)
                            if floats and u != u:  # NaN: only another NaN comes after it
                                left = v != v if not descending else True
                            elif floats and v != v:
                                left = not descending
                            elif descending:
                                left = u >= v
                            else:
                                left = u <= v
                        if left:
                            set_scalar_i64(target + k * 8, scalar_i64(source + a * 8))
                            a += 1
                        else:
                            set_scalar_i64(target + k * 8, scalar_i64(source + b * 8))
                            b += 1
                swap = source
                source = target
                target = swap
                width *= 2
            if source != out:
                for i in range(length):
                    set_scalar_i64(out + i * 8, scalar_i64(source + i * 8))
        return 0

    return kernel
