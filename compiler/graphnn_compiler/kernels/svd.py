"""Singular value decomposition of small matrices by one-sided Jacobi rotations, in float64 whatever the dtype.

dims: matrices, rows m, columns n. bufs: a, out (k rows of 1 + m + n, or k numbers; k = min(m, n)), work space of
k (max(m, n) + k + 1) float64 for each matrix. Threads share out the matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import simd
from ..ops.base import itemsize
from ..ops.suffix import SUFFIX
from ..simd import extract, scalar_f64, set_scalar_f64, splat_f64, sqrt, word

HELPERS: tuple[str, ...] = ("ops/suffix.py", "ops/base.py")


def build(dtype: str, vectors: bool) -> Callable[..., Any]:
    """The kernel for a dtype; without `vectors` it gives the singular values alone."""
    size, t = itemsize(dtype), SUFFIX[dtype]
    element, set_element = getattr(simd, f"scalar_{t}"), getattr(simd, f"set_scalar_{t}")

    def kernel(dims: int, bufs: int, ctx: int, tid: int, n_threads: int) -> int:
        count = word(dims, 0)
        m = word(dims, 1)
        n = word(dims, 2)
        k = min(m, n)
        wide = max(m, n)
        for item in range(count * tid // n_threads, count * (tid + 1) // n_threads):
            a = word(bufs, 0) + item * m * n * size
            width = 1 + m + n if vectors else 1
            out = word(bufs, 1) + item * k * width * size
            w = word(bufs, 2) + item * k * (wide + k + 1) * 8
            turned = w + k * wide * 8
            lengths = turned + k * k * 8
            for i in range(k):
                for j in range(wide):
                    place = j * n + i if m >= n else i * n + j
                    set_scalar_f64(w + (i * wide + j) * 8, float(element(a + place * size)))
                for j in range(k):
                    set_scalar_f64(turned + (i * k + j) * 8, 1.0 if i == j else 0.0)
            sweep = 0
            quiet = False
            while sweep < 60 and not quiet:
                sweep += 1
                quiet = True
                for p in range(k - 1):
                    for q in range(p + 1, k):
                        row_p = w + p * wide * 8
                        row_q = w + q * wide * 8
                        alpha = 0.0
                        beta = 0.0
                        gamma = 0.0
                        for j in range(wide):
                            x = scalar_f64(row_p + j * 8)
                            y = scalar_f64(row_q + j * 8)
                            alpha += x * x
                            beta += y * y
                            gamma += x * y
                        if not gamma * gamma > 1e-30 * alpha * beta:
                            continue
                        quiet = False
                        zeta = (beta - alpha) / (2.0 * gamma)
                        sign = 1.0 if zeta >= 0.0 else -1.0
                        tangent = sign / (zeta * sign + extract(sqrt(splat_f64(1.0 + zeta * zeta)), 0))
                        c = 1.0 / extract(sqrt(splat_f64(1.0 + tangent * tangent)), 0)
                        s = c * tangent
                        for j in range(wide):
                            x = scalar_f64(row_p + j * 8)
                            y = scalar_f64(row_q + j * 8)
                            set_scalar_f64(row_p + j * 8, c * x - s * y)
                            set_scalar_f64(row_q + j * 8, s * x + c * y)
                        for j in range(k):
                            x = scalar_f64(turned + (p * k + j) * 8)
                            y = scalar_f64(turned + (q * k + j) * 8)
                            set_scalar_f64(turned + (p * k + j) * 8, c * x - s * y)
                            set_scalar_f64(turned + (q * k + j) * 8, s * x + c * y)
            for i in range(k):
                total = 0.0
                for j in range(wide):
                    x = scalar_f64(w + (i * wide + j) * 8)
                    total += x * x
                set_scalar_f64(lengths + i * 8, extract(sqrt(splat_f64(total)), 0))
            for rank in range(k):
                best = 0
                for i in range(k):  # a length that was taken is -1
                    held = scalar_f64(lengths + best * 8)
                    best = i if held < 0.0 or scalar_f64(lengths + i * 8) > held else best
                length = scalar_f64(lengths + best * 8)
                set_scalar_f64(lengths + best * 8, -1.0)
                row = out + rank * width * size
                set_element(row, length)
                if not vectors:
                    continue
                long = row + size if m >= n else row + (1 + m) * size
                short = row + (1 + m) * size if m >= n else row + size
                divisor = length if length > 0.0 else 1.0
                for j in range(wide):
                    set_element(long + j * size, scalar_f64(w + (best * wide + j) * 8) / divisor)
                for j in range(k):
                    set_element(short + j * size, scalar_f64(turned + (best * k + j) * 8))
        return 0

    return kernel
