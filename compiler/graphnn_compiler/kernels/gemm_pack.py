"""Packing for GEMM: a block of A or B becomes a panel, [k][width], whose rows lie next to each other in memory.

`copy_panel` takes rows as they are, `turn_panel` transposes them in registers. Lanes past the edge of the matrix are not
read; in a panel they hold zeros or copies, and nothing that is computed from them is stored.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from graphnn_compiler.kernels.gemm_tile import Matrix, int64, loop, words
from graphnn_compiler.simd_emit import Emit
from graphnn_compiler.simd_types import I32, LANES, VOID, define


def transpose(e: Emit, rows: list[Any]) -> list[Any]:
    """16 rows of 16 become their columns: round d swaps the d x d blocks beside the diagonal, for d = 1, 2, 4, 8."""
    d = 1
    while d < LANES:
        left = [i - d + LANES if i & d else i for i in range(LANES)]
        right = [i + LANES if i & d else i + d for i in range(LANES)]
        turned = list(rows)
        for r in (r for r in range(LANES) if not r & d):
            for to, picks in ((r, left), (r + d, right)):
                turned[to] = e.b.shuffle_vector(rows[r], rows[r + d], ir.Constant(ir.VectorType(I32, LANES), picks))
        rows, d = turned, 2 * d
    return rows


def copy_panel(vectors: int, dtype: str) -> Any:
    """`copy(source, stride, panel, width, n, k)`: panel[p, :] = source[p, :n] and zeros up to `vectors` vectors, p < k."""

    def emit(e: Emit, source: Any, stride: Any, panel: Any, width: Any, n: Any, k: Any) -> None:
        x = Matrix(e, dtype)
        masks = [x.mask(n, v) for v in range(vectors)]
        with loop(e, k, source, panel) as over_k:
            row, out = over_k.now
            for v in range(vectors):
                x.store(x.load(x.at(row, v), masks[v]), x.at(out, v))
            over_k.next = [e.b.add(row, stride), e.b.add(out, width)]

    return _packing(f"gemm_copy_panel_{vectors}_{dtype}", emit)


def turn_panel(dtype: str) -> Any:
    """`turn(source, stride, panel, width, n, k)`: panel[p, r] = source[r, p] for r < n <= 16 and p < k.

    Whole 16 x 16 blocks are written: lanes from n on are copies of row n - 1, and up to 15 rows after row k are overwritten,
    so panels are filled in ascending order and the last is followed by that much room.
    """

    def emit(e: Emit, source: Any, stride: Any, panel: Any, width: Any, n: Any, k: Any) -> None:
        b, x = e.b, Matrix(e, dtype)
        offsets = x.rows(stride, LANES, n)
        blocks = b.ashr(b.add(k, int64(LANES - 1)), int64(4))
        with loop(e, blocks, source, panel, k) as over_k:
            block, out, left = over_k.now
            mask = x.mask(left, 0)
            for value in transpose(e, [x.load(b.add(block, offset), mask) for offset in offsets]):
                x.store(value, out)
                out = b.add(out, width)
            over_k.next = [x.at(block, 1), out, b.sub(left, int64(LANES))]

    return _packing(f"gemm_turn_panel_{dtype}", emit)


def add_block(dtype: str) -> Any:
    """`add(target, target_row, source, source_row, n, m)`: target[:m, :n] += source[:m, :n]."""

    def emit(e: Emit, target: Any, target_row: Any, source: Any, source_row: Any, n: Any, m: Any) -> None:
        b, x = e.b, Matrix(e, dtype)
        vectors = b.ashr(b.add(n, int64(LANES - 1)), int64(4))
        with loop(e, m, target, source) as over_rows:
            out, row = over_rows.now
            with loop(e, vectors, out, row, n) as over_columns:
                to, of, left = over_columns.now
                mask = x.mask(left, 0)
                x.store(b.fadd(x.load(to, mask), x.load(of, mask)), to, mask)
                over_columns.next = [x.at(to, 1), x.at(of, 1), b.sub(left, int64(LANES))]
            over_rows.next = [b.add(out, target_row), b.add(row, source_row)]

    name = f"gemm_add_block_{dtype}"
    return define(
        name,
        "target target_row source source_row n m",
        words(6),
        lambda e, _, *args: e.call_outlined(name, VOID, args, emit) and None,
    )


def _packing(name: str, emit: Any) -> Any:
    return define(
        name,
        "source stride panel width n k",
        words(6),
        lambda e, _, *args: e.call_outlined(name, VOID, args, emit) and None,
    )
