"""A product with one row, C[0, j] = sum over k of A[0, k] B[k, j]: B is read once, so its way from memory is all that counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from graphnn_compiler.kernels.gemm_emit import Code, Matrix, Word
from graphnn_compiler.kernels.gemm_layout import CHUNK
from graphnn_compiler.kernels.gemm_pack import transpose, turn_block
from graphnn_compiler.kernels.gemm_tile import Operands, Tiles
from graphnn_compiler.simd_types import I64

DEPTH = 16  # long rows of B that are read side by side
BYTES_AHEAD = 512


def row_of_rows(code: Code, tiles: Tiles, o: Operands, b_column: Word) -> None:
    """A chunk of the product where B's rows are contiguous: pieces of some rows of B, as long as they are; panels one by one."""
    size, width = Matrix(code, tiles.dtype).size, tiles.thin_width
    depth = ((o.n > 8 * width) & b_column.equals(size)).then(DEPTH, CHUNK)
    for p in code.range(o.k.most(1), step=depth):
        for j in code.range(o.n, step=width):
            tiles.thin(
                code,
                o.at(
                    a=o.a + p * o.a_column,
                    b=o.b + p * o.b_row + j * b_column,
                    b_panel=b_column * tiles.width,
                    c=o.c + j * size,
                    n=o.n - j,
                    k=(o.k - p).least(depth),
                    resume=p,
                ),
            )


def row_of_columns(code: Code, tiles: Tiles, o: Operands, b_column: Word, panels: Word) -> None:
    """A chunk of the product where B's columns are contiguous: as many at a time as a vector has lanes."""
    size = Matrix(code, tiles.dtype).size
    panel_bytes = CHUNK * tiles.width * size
    whole = o.k - o.k % tiles.lanes
    rest = o.k - whole
    for j in code.range(o.n, step=tiles.lanes):
        b, c, n = o.b + j * b_column, o.c + j * size, (o.n - j).least(tiles.lanes)
        with code.when(whole > 0):
            turned_chain(code, tiles.dtype)(o.a, o.a_column, b, b_column, c, n, whole)
        with code.when((rest > 0) | o.k.equals(0)):
            turn_block(code, tiles.dtype, tiles.width, panel_bytes, b + whole * size, b_column, panels, n, rest)
            tiles.thin(
                code,
                o.at(
                    a=o.a + whole * o.a_column,
                    b=panels,
                    b_row=code.number(tiles.width * size),
                    b_panel=code.number(panel_bytes),
                    c=c,
                    n=n,
                    k=rest,
                    resume=whole,
                ),
            )


def turned_chain(code: Code, dtype: str) -> Callable[..., None]:
    """Calls chain(a, a_column, b, b_column, c, n, k): C[0, :n] for at most a vector's columns, k > 0 a multiple of its lanes.

    Square blocks are transposed in registers and used at once.
    """

    def body(code: Code, a: Word, a_column: Word, b: Word, b_column: Word, c: Word, n: Word, k: Word) -> None:
        x, build = Matrix(code, dtype), code.b
        columns = [b + b_column * number for number in x.rows(x.lanes, n)]
        before, loop, after = build.block, build.append_basic_block("k"), build.append_basic_block("k_end")
        build.branch(loop)
        build.position_at_end(loop)
        phi, begin = build.phi(I64), build.phi(x.vector)
        p, total = Word(build, phi), begin
        for column in columns:
            code.prefetch(column + p * x.size + BYTES_AHEAD, level=2)
        rows: list[Any] = transpose(code, [x.load(column + p * x.size) for column in columns])
        for r, row in enumerate(rows):
            total = code.e.llvm("fma", x.load_splat(a + (p + r) * a_column), row, total)
        phi.add_incoming(ir.Constant(I64, 0), before)
        phi.add_incoming((p + x.lanes).v, loop)
        begin.add_incoming(x.zero, before)
        begin.add_incoming(total, loop)
        build.cbranch((p + x.lanes < k).v, loop, after)
        build.position_at_end(after)
        x.store(total, c, x.mask(n, 1)[0])

    return lambda *args: code.call(f"gemm_turned_chain_{dtype}", body, *args)
