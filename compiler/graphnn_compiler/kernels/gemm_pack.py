"""Packing for GEMM: a block of B becomes panels, [k][width] each, whose rows lie next to each other in memory.

Lanes past the edge of the matrix are not read; in a panel they hold zeros, copies or nothing in particular, and nothing that
is computed from them is stored.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from graphnn_compiler.kernels.gemm_emit import Code, Matrix, Word
from graphnn_compiler.simd_types import I32

ROWS_AHEAD, BYTES_AHEAD, LINE = 8, 256, 64  # how far ahead of packing memory is asked for; bytes of a cache line


def copy_block(code: Code, dtype: str, width: int, panel_bytes: int, *args: Word) -> None:
    """Call copy(source, stride, panels, n, k): panels[j // width][p, j % width] = source[p, j] for j < n, p < k."""

    def body(code: Code, source: Word, stride: Word, panels: Word, n: Word, k: Word) -> None:
        x = Matrix(code, dtype)
        vectors = width // x.lanes
        for p in code.range(k):
            for j in code.range(n, step=width):
                row, out = source + p * stride + j * x.size, panels + j // width * panel_bytes + p * (width * x.size)
                for v in range(vectors):
                    code.prefetch(row + stride * ROWS_AHEAD + v * x.bytes, level=2)
                for v, mask in enumerate(x.mask(n - j, vectors)):
                    x.store(x.load(row + v * x.bytes, mask), out + v * x.bytes)

    code.call(f"gemm_copy_block_{dtype}", body, *args)


def turn_block(code: Code, dtype: str, width: int, panel_bytes: int, *args: Word) -> None:
    """Call turn(source, stride, panels, n, k): panels[j // width][p, j % width] = source[j, p] for j < n, p < k.

    Whole square blocks are written, as wide as a vector, the last over the one before; where k is less, rows after row k are
    written, too.
    """

    def body(code: Code, source: Word, stride: Word, panels: Word, n: Word, k: Word) -> None:
        x = Matrix(code, dtype)
        (mask,) = x.mask(k, 1)
        for j in code.range(n, step=x.lanes):
            columns = [source + (number + j) * stride for number in x.rows(x.lanes, n - j)]
            panel = panels + j // width * panel_bytes + j % width * x.size
            for whole in code.range(k, step=x.lanes):
                p = whole.least((k - x.lanes).most(0))
                out = panel + p * (width * x.size)
                for column in columns:
                    code.prefetch(column + p * x.size + BYTES_AHEAD, level=2)
                for r, value in enumerate(transpose(code, [x.load(column + p * x.size, mask) for column in columns])):
                    x.store(value, out + r * width * x.size)

    code.call(f"gemm_turn_block_{dtype}", body, *args)


def transpose(code: Code, rows: list[Any]) -> list[Any]:
    """As many rows as they have lanes become their columns: round d = 1, 2, 4, ... swaps the d x d blocks beside the diagonal."""
    n = len(rows)
    d = 1
    while d < n:
        left = [i - d + n if i & d else i for i in range(n)]
        right = [i + n if i & d else i + d for i in range(n)]
        turned = list(rows)
        for r in (r for r in range(n) if not r & d):
            for to, picks in ((r, left), (r + d, right)):
                numbers = ir.Constant(ir.VectorType(I32, n), picks)
                turned[to] = code.b.shuffle_vector(rows[r], rows[r + d], numbers)
        rows, d = turned, 2 * d
    return rows


def add_block(code: Code, dtype: str, *args: Word) -> None:
    """Call add(target, target_row, source, source_row, m, n): target[:m, :n] += source[:m, :n]."""

    def body(code: Code, target: Word, target_row: Word, source: Word, source_row: Word, m: Word, n: Word) -> None:
        x = Matrix(code, dtype)
        for i in code.range(m):
            for j in code.range(n, step=x.lanes):
                (mask,) = x.mask(n - j, 1)
                to, of = target + i * target_row + j * x.size, source + i * source_row + j * x.size
                x.store(code.b.fadd(x.load(to, mask), x.load(of, mask)), to, mask)

    code.call(f"gemm_add_block_{dtype}", body, *args)


def prefetch_block(code: Code, *args: Word) -> None:
    """Call prefetch(source, stride, rows, length): the first `length` bytes of each row are wanted soon."""

    def body(code: Code, source: Word, stride: Word, rows: Word, length: Word) -> None:
        for i in code.range(rows):
            for j in code.range(length, step=LINE):
                code.prefetch(source + i * stride + j)

    code.call("gemm_prefetch_block", body, *args)
