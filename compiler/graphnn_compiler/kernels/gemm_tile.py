"""The GEMM micro-kernel.

A tile is rows x (16 vectors) elements of C that stay in registers while k runs:

    for p in range(k):                    b_0 .. b_v = a row of B;  a_i = an element of A's column, in every lane
        sum[i, v] = fma(a_i, b_v, sum[i, v])
    C = sum                               or, for the second and later chunks of K,  C = C + sum

So every element is one chain of fused multiply-adds from zero in the order of k, whatever the shape of the tile: the shape
is a matter of speed only. Addresses and strides are bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphnn_compiler.kernels.gemm_emit import Code, Int, Matrix, Word, least

BYTES_AHEAD = 1024


def tile(rows: int, vectors: int, dtype: str, edge: bool, panel: int = 0) -> Callable[..., None]:
    """A writer of calls `tile(code, a, b, c, k, a_row, a_column, b_row, c_row, add, m, n)`, each of one tile of C.

    Args:
        rows: rows of the tile.
        vectors: vectors in each of its rows.
        dtype: `"float32"` or `"float64"`.
        edge: whether the tile may stick out of C, of which then only m rows and n columns are there.
        panel: for the tile of one row: vectors in a panel of B, of which it spans several. It has two more arguments:
            the distance of panels in bytes, and whether C holds the beginning of the chain, which is then continued.
    """

    def body(code: Code, *args: Word) -> None:
        a, b, c, k, a_row, a_column, b_row, c_row, add, m, n, *more = args
        x, columns = Matrix(code, dtype), range(vectors)
        b_masks: list[Any] = x.mask(n, vectors) if edge else [None] * vectors
        c_masks = [x.mask(n, vectors, m > i) if edge else [None] * vectors for i in range(rows)]
        a_offsets = x.rows(a_row, rows, m if edge else None)
        b_offsets = [more[0] * (v // panel) + v % panel * x.bytes if panel else v * x.bytes for v in columns]
        c_rows = [c + offset for offset in x.rows(c_row, rows)]
        for row in c_rows:
            for v in columns:
                code.prefetch(row + v * x.bytes, write=True)

        begin = [x.zero] * (rows * vectors)
        if panel:
            begin = [x.load(c + v * x.bytes, mask) for v, mask in enumerate(x.mask(n, vectors, more[1].differs(0)))]
        sums = chain(x, k, begin, a, b, a_offsets, a_column, b_offsets, b_row, b_masks)

        def put(adding: bool) -> None:
            for i, row in enumerate(c_rows):
                for v in columns:
                    place, mask, value = row + v * x.bytes, c_masks[i][v], sums[i * vectors + v]
                    x.store(code.b.fadd(x.load(place, mask), value) if adding else value, place, mask)

        code.choose(add.equals(0), lambda: put(False), lambda: put(True))

    name = f"gemm_tile_{rows}x{vectors}_{dtype}{'_edge' if edge else ''}"
    return lambda code, *args: code.call(name, body, *args)


def chain(
    x: Matrix,
    k: Word,
    begin: list[Any],
    a: Word,
    b: Word,
    a_rows: list[Word],
    a_column: Word,
    b_vectors: list[Int],
    b_row: Word,
    masks: list[Any],
) -> list[Any]:
    """The sums over k of a tile, row after row: accumulators are loop-carried values, that is, registers."""
    build, vectors = x.b, len(masks)
    before, body, after = build.block, build.append_basic_block("k"), build.append_basic_block("k_end")
    start = [k.v, a.v, b.v, *begin]
    build.cbranch((k > 0).v, body, after)
    build.position_at_end(body)
    now = [build.phi(value.type) for value in start]
    left, a_p, b_p = (Word(build, phi) for phi in now[:3])
    sums = now[3:]
    if len(a_rows) == 1:  # little is done with each element of B, which comes from far away
        for offset in b_vectors:
            x.code.prefetch(b_p + offset + BYTES_AHEAD, level=2)
    row = [x.load(b_p + offset, mask) for offset, mask in zip(b_vectors, masks, strict=True)]
    following = [left - 1, a_p + a_column, b_p + b_row]
    new: list[Any] = [word.v for word in following]
    for i, offset in enumerate(a_rows):
        a_i = x.load_splat(a_p + offset)
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

    def __init__(self, tall: int, small: int, vectors: int, dtype: str) -> None:
        self.tall, self.small, self.width, self.thin_width = tall, small, 16 * vectors, 64
        self.full = tile(tall, vectors, dtype, edge=False)
        self.edge = tile(small, vectors, dtype, edge=True)
        self.narrow = tile(tall, 1, dtype, edge=True)
        self.thin = tile(1, 4, dtype, edge=True, panel=vectors)

    def height(self, left: Word) -> Word:
        """Rows of the next strip: tall ones, unless two small ones are just what remains."""
        return ((left >= self.tall) & left.differs(2 * self.small)).then(self.tall, least(left, self.small))
