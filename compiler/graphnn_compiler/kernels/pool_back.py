"""Numbers of windows back to the places that they came from: to the first maximum, or in equal shares.

dims: as of pool.py. bufs: with mode "max" x, maxima, z, out; with "average" z, out. A thread owns rows of out (along the first spatial
axis) and goes in order through the windows that touch them, so each sum is in the order of the windows for any number of threads, and
nobody else writes there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import const_b1, eq, lanes_below, ne, select, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str, mode: str, adaptive: bool) -> Callable[..., Any]:
    """The kernel for a float dtype; mode: max or average; adaptive windows divide each axis into equal parts."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    load, store, const, splat = (getattr(simd, f"{name}_{t}") for name in ("load", "store", "const", "splat"))
    full, store_full = getattr(simd, f"load_full_{t}"), getattr(simd, f"store_full_{t}")
    chooses = mode == "max"
    scalar = np.float64 if dtype == "float64" else np.float32

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        i0 = word(dims, 1)
        i1 = word(dims, 2)
        i2 = word(dims, 3)
        channels = word(dims, 4)
        n0 = word(dims, 5)
        n1 = word(dims, 6)
        n2 = word(dims, 7)
        w0 = word(dims, 8)
        s0 = word(dims, 11)
        l0 = word(dims, 14)
        x = word(bufs, 0)
        top = x
        z = x
        out = word(bufs, 1)
        if chooses:
            top = word(bufs, 1)
            z = word(bufs, 2)
            out = word(bufs, 3)
        pixel = channels * size
        line = i2 * pixel
        plane = i1 * line
        zero = const(0)
        apart = not adaptive  # each place is in at most one window: its number is stored without reading what is there
        for k in range(3):
            if word(dims, 11 + k) < word(dims, 8 + k):
                apart = False
        rows = word(dims, 0) * i0
        row = rows * tid // n
        last = rows * (tid + 1) // n
        while row < last:
            image = row // i0
            start = row - image * i0  # this thread's rows of the image
            end = min(start + last - row, i0)
            row += end - start
            cleared = start
            if adaptive:
                first = start * n0 // i0
                stop = (end * n0 + i0 - 1) // i0
            else:
                first = max((start + l0 - w0) // s0 + 1, 0)
                stop = min((end - 1 + l0) // s0 + 1, n0)
            base = image * i0 * plane
            for o in range(first, stop):
                if adaptive:
                    a0 = o * i0 // n0
                    b0 = ((o + 1) * i0 + n0 - 1) // n0
                else:
                    a0 = o * s0 - l0
                    b0 = max(min(a0 + w0, i0), 0)
                    a0 = min(max(a0, 0), i0)
                until = max(min(b0, end), cleared)
                for p in range(out + base + cleared * plane, out + base + until * plane, 16 * size):
                    store(p, zero, lanes_below((out + base + until * plane - p) // size))
                cleared = until
                at = (image * n0 + o) * n1 * n2 * pixel
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
                        wide = pixel - pixel % (32 * size)
                        for j in range(0, wide, 32 * size):  # two vectors at once: what is read follows on in memory
                            g0 = full(z + at + j)
                            g1 = full(z + at + j + 16 * size)
                            best0 = g0
                            best1 = g1
                            found0 = const_b1(False)
                            found1 = found0
                            if chooses:
                                best0 = full(top + at + j)
                                best1 = full(top + at + j + 16 * size)
                            else:
                                c = splat(scalar(count))
                                g0 = g0 / c
                                g1 = g1 / c
                            for p0 in range(a0, b0):
                                mine = p0 >= start and p0 < end
                                for p1 in range(a1, b1):
                                    place = base + p0 * plane + p1 * line + j
                                    for p in range(place + a2 * pixel, place + b2 * pixel, pixel):
                                        r0 = g0
                                        r1 = g1
                                        if chooses:
                                            v0 = full(x + p)
                                            v1 = full(x + p + 16 * size)
                                            hit0 = (eq(v0, best0) | ne(v0, v0)) & ~found0
                                            hit1 = (eq(v1, best1) | ne(v1, v1)) & ~found1
                                            found0 = found0 | hit0
                                            found1 = found1 | hit1
                                            r0 = select(hit0, g0, zero)
                                            r1 = select(hit1, g1, zero)
                                        if mine:
                                            q = out + p
                                            if not apart:
                                                r0 = full(q) + r0
                                                r1 = full(q + 16 * size) + r1
                                            store_full(q, r0)
                                            store_full(q + 16 * size, r1)
                        for j in range(wide, pixel, 16 * size):
                            m = lanes_below((pixel - j) // size)
                            share = load(z + at + j, m)
                            best = share
                            found = const_b1(False)
                            if chooses:
                                best = load(top + at + j, m)
                            else:
                                share = share / splat(scalar(count))
                            for p0 in range(a0, b0):
                                mine = p0 >= start and p0 < end
                                for p1 in range(a1, b1):
                                    place = base + p0 * plane + p1 * line + j
                                    for p in range(place + a2 * pixel, place + b2 * pixel, pixel):
                                        part = share
                                        if chooses:
                                            v = load(x + p, m)
                                            hit = (eq(v, best) | ne(v, v)) & ~found
                                            found = found | hit
                                            part = select(hit, share, zero)
                                        if mine:
                                            if not apart:
                                                part = load(out + p, m) + part
                                            store(out + p, part, m)
                        at += pixel
            for p in range(out + base + cleared * plane, out + base + end * plane, 16 * size):
                store(p, zero, lanes_below((out + base + end * plane - p) // size))
        return 0

    return kernel
