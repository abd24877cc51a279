"""Weighted sums of neighbouring rows: out[o, i] = sum over k of weight[i, k] x[o, start[i] + k], in order of k, where a weight 0 takes
no part.

dims: outer extent, rows of x, inner extent, rows of out, weights per row; then start, count, and weights (float64) of each row of out.
bufs: x, out. Threads share out the rows of out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import lanes_below, scalar_f64, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str) -> Callable[..., Any]:
    """The kernel for a float dtype."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    load, store, const, splat = (getattr(simd, f"{name}_{t}") for name in ("load", "store", "const", "splat"))
    scalar = np.float64 if dtype == "float64" else np.float32

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        places = word(dims, 1)
        line = word(dims, 2) * size
        rows = word(dims, 3)
        taps = word(dims, 4)
        starts = 5
        counts = 5 + rows
        weights = dims + (5 + 2 * rows) * 8
        x = word(bufs, 0)
        out = word(bufs, 1)
        total = word(dims, 0) * rows
        for r in range(total * tid // n, total * (tid + 1) // n):
            o = r // rows
            i = r - o * rows
            source = x + (o * places + word(dims, starts + i)) * line
            count = word(dims, counts + i)
            table = weights + i * taps * 8
            for j in range(0, line, 16 * size):
                m = lanes_below((line - j) // size)
                y = const(0)
                for k in range(count):
                    w = scalar_f64(table + k * 8)
                    if w != 0.0:
                        y = y + splat(scalar(w)) * load(source + k * line + j, m)
                store(out + r * line + j, y, m)
        return 0

    return kernel
