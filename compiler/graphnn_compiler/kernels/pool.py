"""Windows to numbers: the maximum, the average, or what stands at the place of the maximum, for 16 channels at a time.

dims: batch, spatial extents, channels, pooled extents, windows, strides, padding in front (3 axes of each). bufs: x, out; with mode
"pick" x, maxima, z, out. Threads share out the pooled rows. A window is cut to what exists, so no place outside of x is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import simd
from ..ops.base import is_float, itemsize
from ..ops.suffix import SUFFIX
from ..simd import const_b1, div, eq, lanes_below, maximum, ne, neg, select, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str, mode: str, adaptive: bool) -> Callable[..., Any]:
    """The kernel for a dtype; mode: max, average or pick; adaptive windows divide each axis into equal parts."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    load, store, const, splat = (getattr(simd, f"{name}_{t}") for name in ("load", "store", "const", "splat"))
    full, store_full = getattr(simd, f"load_full_{t}"), getattr(simd, f"store_full_{t}")
    floats = is_float(dtype)
    lowest = 0 if floats else int(np.iinfo(dtype).min)
    takes_max, averages, picks = (mode == m for m in ("max", "average", "pick"))
    scalar = (np.float64 if dtype == "float64" else np.float32) if floats else np.dtype(dtype).type
    infinity = simd.INF

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        i0 = word(dims, 1)
        i1 = word(dims, 2)
        i2 = word(dims, 3)
        channels = word(dims, 4)
        n0 = word(dims, 5)
        n1 = word(dims, 6)
        n2 = word(dims, 7)
        rows = word(dims, 0) * n0
        x = word(bufs, 0)
        top = word(bufs, 1)
        z = x
        out = top
        if picks:
            z = word(bufs, 2)
            out = word(bufs, 3)
        pixel = channels * size
        line = i2 * pixel
        plane = i1 * line
        for r in range(rows * tid // n, rows * (tid + 1) // n):
            image = r // n0
            o = r - image * n0
            if adaptive:
                a0 = o * i0 // n0
                b0 = ((o + 1) * i0 + n0 - 1) // n0
            else:
                a0 = o * word(dims, 11) - word(dims, 14)
                b0 = max(min(a0 + word(dims, 8), i0), 0)
                a0 = min(max(a0, 0), i0)
            base = image * i0 * plane
            at = r * n1 * n2 * pixel
            for o1 in range(n1):
                if adaptive:
                    a1 = o1 * i1 // n1
                    b1 = ((o1 + 1) * i1 + n1 - 1) // n1
                else:
                    a1 = o1 * word(dims, 12) - word(dims, 15)
                    b1 = max(min(a1 + word(dims, 9), i1), 0)
                    a1 = min(max(a1, 0), i1)
                for o2 in range(n2):
                    if adaptive:
                        a2 = o2 * i2 // n2
                        b2 = ((o2 + 1) * i2 + n2 - 1) // n2
                    else:
                        a2 = o2 * word(dims, 13) - word(dims, 16)
                        b2 = max(min(a2 + word(dims, 10), i2), 0)
                        a2 = min(max(a2, 0), i2)
                    count = max((b0 - a0) * (b1 - a1) * (b2 - a2), 1)
                    wide = 0
                    if not picks:  # two vectors at once: what is read follows on in memory
                        wide = pixel - pixel % (32 * size)
                        for j in range(0, wide, 32 * size):
                            if takes_max and floats:
                                t0 = neg(const(infinity))
                            else:
                                t0 = const(lowest)
                            t1 = t0
                            for p0 in range(a0, b0):
                                for p1 in range(a1, b1):
                                    start = x + base + p0 * plane + p1 * line + j
                                    for p in range(start + a2 * pixel, start + b2 * pixel, pixel):
                                        v0 = full(p)
                                        v1 = full(p + 16 * size)
                                        if takes_max:
                                            t0 = maximum(t0, v0)
                                            t1 = maximum(t1, v1)
                                        else:
                                            t0 = t0 + v0
                                            t1 = t1 + v1
                            if averages:
                                c = splat(scalar(count))
                                t0 = div(t0, c)
                                t1 = div(t1, c)
                            store_full(out + at + j, t0)
                            store_full(out + at + j + 16 * size, t1)
                    for j in range(wide, pixel, 16 * size):
                        m = lanes_below((pixel - j) // size)
                        if takes_max and floats:
                            total = neg(const(infinity))
                        else:
                            total = const(lowest)
                        best = total
                        found = const_b1(False)
                        if picks:
                            best = load(top + at + j, m)
                        for p0 in range(a0, b0):
                            for p1 in range(a1, b1):
                                place = base + p0 * plane + p1 * line + j
                                for p in range(x + place + a2 * pixel, x + place + b2 * pixel, pixel):
                                    v = load(p, m)
                                    if takes_max:
                                        total = maximum(total, v)
                                    if averages:
                                        total = total + v
                                    if picks:
                                        hit = (eq(v, best) | ne(v, v)) & ~found
                                        found = found | hit
                                        total = select(hit, load(z + (p - x), m), total)
                        if averages:
                            total = div(total, splat(scalar(count)))
                        store(out + at + j, total, m)
                    at += pixel
        return 0

    return kernel
