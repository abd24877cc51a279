"""Weighted sums of neighbouring rows: out[o, i] = sum over k of weight[i, k] x[o, start[i] + k], in order of k, where a weight 0 takes
no part.

dims: outer extent, rows of x, inner extent, rows of out, weights per row, whether rows are narrow. Then wide rows have start, count, and
weights (float64) of each row of out; narrow ones, for each element of (rows of out, inner), where its first operand lies, and
for each k the weights of all elements. bufs: x, out. Threads share out rows, or vectors of elements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import const_i64, lanes_below, load_f64, load_i64, ne, scalar_f64, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str) -> Callable[..., Any]:
    """The kernel for a float dtype."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    load, store, const, splat = (getattr(simd, f"{name}_{t}") for name in ("load", "store", "const", "splat"))
    gather, full, store_full = (getattr(simd, f"{name}_{t}") for name in ("gather", "load_full", "store_full"))
    narrowed = simd.to_f64 if dtype == "float64" else simd.to_f32
    scalar = np.float64 if dtype == "float64" else np.float32

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        places = word(dims, 1)
        inner = word(dims, 2)
        line = inner * size
        rows = word(dims, 3)
        taps = word(dims, 4)
        x = word(bufs, 0)
        out = word(bufs, 1)
        if word(dims, 5):
            length = rows * inner
            offsets = dims + 6 * 8
            weights = offsets + length * 8
            vectors = (length + 15) // 16
            units = word(dims, 0) * vectors
            for u in range(units * tid // n, units * (tid + 1) // n):
                o = u // vectors
                j = (u - o * vectors) * 16
                m = lanes_below(length - j)
                source = x + o * places * line
                at = load_i64(offsets + j * 8, m) * const_i64(size)
                y = const(0)
                for k in range(taps):
                    w = narrowed(load_f64(weights + (k * length + j) * 8, m))
                    y = y + w * gather(source + k * line, at, m & ne(w, const(0)))
                store(out + (o * length + j) * size, y, m)
            return 0
        weights = dims + (6 + 2 * rows) * 8
        total = word(dims, 0) * rows
        wide = line - line % (32 * size)
        for r in range(total * tid // n, total * (tid + 1) // n):
            o = r // rows
            i = r - o * rows
            source = x + (o * places + word(dims, 6 + i)) * line
            count = word(dims, 6 + rows + i)
            table = weights + i * taps * 8
            for j in range(0, wide, 32 * size):
                y0 = const(0)
                y1 = const(0)
                for k in range(count):
                    w = scalar_f64(table + k * 8)
                    if w != 0.0:
                        c = splat(scalar(w))
                        p = source + k * line + j
                        y0 = y0 + c * full(p)
                        y1 = y1 + c * full(p + 16 * size)
                q = out + r * line + j
                store_full(q, y0)
                store_full(q + 16 * size, y1)
            for j in range(wide, line, 16 * size):
                m = lanes_below((line - j) // size)
                y = const(0)
                for k in range(count):
                    w = scalar_f64(table + k * 8)
                    if w != 0.0:
                        y = y + splat(scalar(w)) * load(source + k * line + j, m)
                store(out + r * line + j, y, m)
        return 0

    return kernel
