"""The GEMM micro-kernel.

A tile is rows x (vectors of 64 bytes) of C that stay in registers while k runs:

    for p in range(k):                    b_0 .. b_v = a row of B;  a_i = an element of A's column, in every lane
        sum[i, v] = fma(a_i, b_v, sum[i, v])
    C = sum                               or, for the second and later chunks of K,  C = C + sum

So every element is one chain of fused multiply-adds from zero in the order of k, whatever the shape of the tile: the shape
is a matter of speed only. Addresses and strides are bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from graphnn_compiler.kernels.gemm_emit import Code, Int, Matrix, Word
from graphnn_compiler.kernels.gemm_layout import SIZES, THIN, VECTOR

LINES = 16  # rows that are asked for in turn, an element of a cache line each step; no tile has more rows
BYTES_AHEAD = 1024  # how far ahead the tile of one row, which does little with each element of B, asks for it


@dataclass(frozen=True)
class Operands:
    """What a tile is called with."""

    a: Word  # A[0, 0] of the tile; in the indexed variants A[0, 0] of the matrix in the direction of the index
    a_row: Word
    a_column: Word
    index: Word  # indexed variants: address of the number of the first row, or of the first column, of A
    b: Word
    b_row: Word
    b_panel: Word  # the tile of one row: bytes from one panel of B to the next
    c: Word
    c_row: Word
    m: Word  # rows and columns that are there
    n: Word
    k: Word
    add: Word  # not 0: C holds the sum of earlier chunks
    resume: Word  # the tile of one row, not 0: C holds the beginning of the chain, which is continued

    def at(self, **changes: Word) -> Operands:
        return replace(self, **changes)


def tile(rows: int, vectors: int, dtype: str, edge: bool, indexed: str = "", panel: int = 0) -> Callable[[Code, Operands], None]:
    """A writer of calls `tile(code, operands)`, each of one tile of C.

    Args:
        rows: rows of the tile.
        vectors: vectors in each of its rows.
        dtype: `"float32"` or `"float64"`.
        edge: whether the tile may stick out of C.
        indexed: `"rows"`: row i of A is the one with the number index[i]; `"columns"`: so are columns; `""`: neither.
        panel: vectors in a panel of B; only for the tile of one row, which may span several.
    """

    def body(code: Code, *words: Word) -> None:
        o = Operands(*words)
        x, columns = Matrix(code, dtype), range(vectors)
        b_masks: list[Any] = x.mask(o.n, vectors) if edge else [None] * vectors
        c_masks = [x.mask(o.n, vectors, o.m > i) if edge else [None] * vectors for i in range(rows)]
        # Rows that are not there are the last one again: nothing outside of A is touched.
        numbers = x.rows(rows, o.m if edge else None)
        if indexed == "rows":
            numbers = [code.word(o.index + number * 8, 0) for number in numbers]
        a_rows = [o.a_row * number for number in numbers]
        b_vectors: list[Int] = [
            v * x.bytes + (o.b_panel - panel * x.bytes) * (v // panel) if panel else v * x.bytes for v in columns
        ]
        c_rows = [o.c + o.c_row * i for i in range(rows)]
        for row in c_rows:
            for v in columns:
                code.prefetch(row + v * x.bytes, write=True)

        begin = [x.zero] * (rows * vectors)
        if panel:
            begin = [x.load(o.c + v * x.bytes, mask) for v, mask in enumerate(x.mask(o.n, vectors, o.resume.differs(0)))]
        sums = chain(x, o, begin, a_rows, b_vectors, b_masks, indexed == "columns", rows > 1 and not edge and not indexed)

        def put(adding: bool) -> None:
            for i, row in enumerate(c_rows):
                for v in columns:
                    place, mask, value = row + v * x.bytes, c_masks[i][v], sums[i * vectors + v]
                    x.store(code.b.fadd(x.load(place, mask), value) if adding else value, place, mask)

        code.choose(o.add.equals(0), lambda: put(False), lambda: put(True))

    name = f"gemm_tile_{rows}x{vectors}_{dtype}{'_edge' if edge else ''}"
    return lambda code, operands: code.call(name, body, *(getattr(operands, field.name) for field in fields(Operands)))


def chain(
    x: Matrix,
    o: Operands,
    begin: list[Any],
    a_rows: list[Word],
    b_vectors: list[Int],
    masks: list[Any],
    indexed: bool,
    following_rows: bool,
) -> list[Any]:
    """The sums over k of a tile, row after row: accumulators are loop-carried values, that is, registers."""
    build, vectors = x.b, len(masks)
    before, body, after = build.block, build.append_basic_block("k"), build.append_basic_block("k_end")
    start = [o.k.v, (o.index if indexed else o.a).v, o.b.v, *begin]
    build.cbranch((o.k > 0).v, body, after)
    build.position_at_end(body)
    now = [build.phi(value.type) for value in start]
    left, column, b = (Word(build, phi) for phi in now[:3])
    sums = now[3:]
    if len(a_rows) == 1:
        for offset in b_vectors:
            x.code.prefetch(b + offset + BYTES_AHEAD, level=2)
    if following_rows:
        # A line of one of the rows below, which come next: streams this short are none that hardware finds in time.
        x.code.prefetch(o.a + (left % LINES + len(a_rows)) * o.a_row + left // LINES * LINES * x.size)
    row = [x.load(b + offset, mask) for offset, mask in zip(b_vectors, masks, strict=True)]
    following = [left - 1, column + (8 if indexed else o.a_column), b + o.b_row]
    new: list[Any] = [word.v for word in following]
    a = o.a + x.code.word(column, 0) * o.a_column if indexed else column
    for i, offset in enumerate(a_rows):
        a_i = x.load_splat(a + offset)
        new += [x.e.llvm("fma", a_i, row[v], sums[i * vectors + v]) for v in range(vectors)]
    build.cbranch((following[0] > 0).v, body, after)
    for phi, first, then in zip(now, start, new, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(then, body)
    build.position_at_end(after)
    results = [build.phi(x.vector) for _ in sums]
    for phi, first, then in zip(results, begin, new[3:], strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(then, body)
    return results


class Tiles:
    """The tiles of a kernel, and which of them does what."""

    def __init__(self, tall: int, small: int, vectors: int, dtype: str, indexed: str) -> None:
        self.tall, self.small, self.width, self.dtype = tall, small, vectors * VECTOR // SIZES[dtype], dtype
        self.lanes, self.thin_width = VECTOR // SIZES[dtype], THIN * VECTOR // SIZES[dtype]
        self.full = tile(tall, vectors, dtype, False, indexed)
        self.edge = tile(small, vectors, dtype, True, indexed)
        self.narrow = tile(tall, 1, dtype, True, indexed)
        self.thin = tile(1, THIN, dtype, True, indexed, panel=vectors)

    def height(self, left: Word) -> Word:
        """Rows of the next strip: tall ones, unless two small ones are just what remains."""
        return ((left >= self.tall) & left.differs(2 * self.small)).then(self.tall, left.least(self.small))
