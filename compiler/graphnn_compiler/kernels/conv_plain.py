"""The three convolutions by loops over their definition, for any shape; the sums run over the kernel's places, then channels.

dims: N, C, F, groups, then per axis (three of them) the extents of x, of y and of the kernel, strides, dilation, low padding.
bufs: `conv`: x, w, y; `input`: dy, w, dx; `kernel`: x, dy, dw. Threads share out rows of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import fma, lanes_below, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str, what: str) -> Callable[..., Any]:
    """The kernel for a dtype and one of conv, input, kernel."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    load, store, splat = (getattr(simd, f"{name}_{t}") for name in ("load", "store", "splat_load"))
    const, spread = (getattr(simd, f"{name}_{t}") for name in ("const", "splat"))
    hsum = simd.hsum

    def conv(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        batch, channels, filters, groups = word(dims, 0), word(dims, 1), word(dims, 2), word(dims, 3)
        i0, i1, i2 = word(dims, 4), word(dims, 5), word(dims, 6)
        o0, o1, o2 = word(dims, 7), word(dims, 8), word(dims, 9)
        k0, k1, k2 = word(dims, 10), word(dims, 11), word(dims, 12)
        s0, s1, s2 = word(dims, 13), word(dims, 14), word(dims, 15)
        d0, d1, d2 = word(dims, 16), word(dims, 17), word(dims, 18)
        p0, p1, p2 = word(dims, 19), word(dims, 20), word(dims, 21)
        x, w, y = word(bufs, 0), word(bufs, 1), word(bufs, 2)
        cg = channels // groups
        fg = filters // groups
        rows = batch * o0
        for r in range(rows * tid // n, rows * (tid + 1) // n):
            image, a = r // o0, r % o0
            for b in range(o1):
                for c in range(o2):
                    out = y + ((r * o1 + b) * o2 + c) * filters * size
                    for g in range(groups):
                        for f in range(0, fg, 16):
                            m = lanes_below(fg - f)
                            total = const(0)
                            for ka in range(k0):
                                xa = a * s0 + ka * d0 - p0
                                if xa >= 0 and xa < i0:
                                    for kb in range(k1):
                                        xb = b * s1 + kb * d1 - p1
                                        if xb >= 0 and xb < i1:
                                            for kc in range(k2):
                                                xc = c * s2 + kc * d2 - p2
                                                if xc >= 0 and xc < i2:
                                                    at = x + ((((image * i0 + xa) * i1 + xb) * i2 + xc) * channels + g * cg) * size
                                                    of = w + ((((ka * k1 + kb) * k2 + kc) * cg) * filters + g * fg + f) * size
                                                    for q in range(cg):
                                                        total = fma(splat(at + q * size), load(of + q * filters * size, m), total)
                            store(out + (g * fg + f) * size, total, m)
        return 0

    def backward(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        batch, channels, filters, groups = word(dims, 0), word(dims, 1), word(dims, 2), word(dims, 3)
        i0, i1, i2 = word(dims, 4), word(dims, 5), word(dims, 6)
        o0, o1, o2 = word(dims, 7), word(dims, 8), word(dims, 9)
        k0, k1, k2 = word(dims, 10), word(dims, 11), word(dims, 12)
        s0, s1, s2 = word(dims, 13), word(dims, 14), word(dims, 15)
        d0, d1, d2 = word(dims, 16), word(dims, 17), word(dims, 18)
        p0, p1, p2 = word(dims, 19), word(dims, 20), word(dims, 21)
        y, w, x = word(bufs, 0), word(bufs, 1), word(bufs, 2)
        cg = channels // groups
        fg = filters // groups
        rows = batch * i0
        for r in range(rows * tid // n, rows * (tid + 1) // n):
            image, a = r // i0, r % i0
            for b in range(i1):
                for c in range(i2):
                    for q in range(channels):
                        g, one = q // cg, q % cg
                        total = const(0)
                        for ka in range(k0):
                            ya = a + p0 - ka * d0
                            if ya >= 0 and ya % s0 == 0 and ya // s0 < o0:
                                for kb in range(k1):
                                    yb = b + p1 - kb * d1
                                    if yb >= 0 and yb % s1 == 0 and yb // s1 < o1:
                                        for kc in range(k2):
                                            yc = c + p2 - kc * d2
                                            if yc >= 0 and yc % s2 == 0 and yc // s2 < o2:
                                                place = ((image * o0 + ya // s0) * o1 + yb // s1) * o2 + yc // s2
                                                at = y + (place * filters + g * fg) * size
                                                of = w + ((((ka * k1 + kb) * k2 + kc) * cg + one) * filters + g * fg) * size
                                                for f in range(0, fg, 16):
                                                    m = lanes_below(fg - f)
                                                    total = fma(load(at + f * size, m), load(of + f * size, m), total)
                        store(x + (((r * i1 + b) * i2 + c) * channels + q) * size, spread(hsum(total)), lanes_below(1))
        return 0

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        batch, channels, filters, groups = word(dims, 0), word(dims, 1), word(dims, 2), word(dims, 3)
        i0, i1, i2 = word(dims, 4), word(dims, 5), word(dims, 6)
        o0, o1, o2 = word(dims, 7), word(dims, 8), word(dims, 9)
        k0, k1, k2 = word(dims, 10), word(dims, 11), word(dims, 12)
        s0, s1, s2 = word(dims, 13), word(dims, 14), word(dims, 15)
        d0, d1, d2 = word(dims, 16), word(dims, 17), word(dims, 18)
        p0, p1, p2 = word(dims, 19), word(dims, 20), word(dims, 21)
        x, y, w = word(bufs, 0), word(bufs, 1), word(bufs, 2)
        cg = channels // groups
        fg = filters // groups
        rows = k0 * k1 * k2 * cg
        for r in range(rows * tid // n, rows * (tid + 1) // n):
            q, k = r % cg, r // cg
            ka, kb, kc = k // (k1 * k2), k // k2 % k1, k % k2
            for g in range(groups):
                for f in range(0, fg, 16):
                    m = lanes_below(fg - f)
                    total = const(0)
                    for image in range(batch):
                        for a in range(o0):
                            xa = a * s0 + ka * d0 - p0
                            if xa >= 0 and xa < i0:
                                for b in range(o1):
                                    xb = b * s1 + kb * d1 - p1
                                    if xb >= 0 and xb < i1:
                                        part = const(0)
                                        for c in range(o2):
                                            xc = c * s2 + kc * d2 - p2
                                            if xc >= 0 and xc < i2:
                                                at = x + ((((image * i0 + xa) * i1 + xb) * i2 + xc) * channels + g * cg + q) * size
                                                of = y + ((((image * o0 + a) * o1 + b) * o2 + c) * filters + g * fg + f) * size
                                                part = fma(splat(at), load(of, m), part)
                                        total = total + part
                    store(w + (r * filters + g * fg + f) * size, total, m)
        return 0

    return {"conv": conv, "input": backward, "kernel": kernel}[what]
