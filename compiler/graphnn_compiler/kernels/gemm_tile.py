"""The GEMM micro-kernel.

A tile is rows x (vectors of 64 bytes) of C that stay in registers while k runs:

    for p in range(k):                    b_0 .. b_v = a row of B;  a_i = an element of A's column, in every lane
        sum[i, v] = fma(a_i, b_v, sum[i, v])
    C = sum                               or, for the second and later chunks of K,  C = C + sum

So every element is one chain of fused multiply-adds from zero in the order of k, whatever the shape of the tile: the shape
is a matter of speed only. Addresses and strides are bytes.

Convolutions sum over *runs*: stretches of k along which A is read at a constant stride, each from a place of its own, and from a row of
B of its own. Their rows are places in an image, so where a row of A begins and which row of C it makes is looked
up. Where each channel is summed up by itself (depthwise), a_i is a vector of A like b_v instead of one element in every lane.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

from graphnn_compiler.kernels.gemm_emit import Code, Int, Matrix, Word
from graphnn_compiler.kernels.gemm_layout import ROW, RUN, SIZES, THIN, VECTOR

LINES = 16  # rows that are asked for in turn, an element of a cache line each step; no tile has more rows
BYTES_AHEAD = 1024  # how far ahead the tile of one row, which does little with each element of B, asks for it
ROWS_AHEAD = 32  # the same of the other tiles


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
    runs: Word  # variants of runs: address of the first one's RUN words; k counts runs, index is the address of ROW words a row

    def at(self, **changes: Word) -> Operands:
        return replace(self, **changes)


def tile(
    rows: int, vectors: int, dtype: str, edge: bool, indexed: str = "", panel: int = 0, each: bool = False
) -> Callable[[Code, Operands], None]:
    """A writer of calls `tile(code, operands)`, each of one tile of C.

    Args:
        rows: rows of the tile.
        vectors: vectors in each of its rows.
        dtype: `"float32"` or `"float64"`.
        edge: whether the tile may stick out of C.
        indexed: `"rows"`: row i of A is the one with the number index[i]; `"columns"`: so are columns; `"runs"`: rows are looked
            up, and k is made of runs; `""`: neither.
        panel: vectors in a panel of B; only for the tile of one row, which may span several.
        each: a column of C is made of that column of A and of B, element by element; only for runs.
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
        c_numbers = [code.number(i) for i in range(rows)]
        if indexed == "runs":
            entries = [o.index + number * (8 * ROW) for number in numbers]
            a_rows = [code.word(entry, 0) for entry in entries]
            c_numbers = [code.word(entry, 1) for entry in entries]
        else:
            a_rows = [o.a_row * number for number in numbers]
        b_vectors: list[Int] = [
            v * x.bytes + (o.b_panel - panel * x.bytes) * (v // panel) if panel else v * x.bytes for v in columns
        ]
        c_rows = [o.c + o.c_row * number for number in c_numbers]
        for row in c_rows:
            for v in columns:
                code.prefetch(row + v * x.bytes, write=True)

        begin = [x.zero] * (rows * vectors)
        if panel and indexed != "runs":
            begin = [x.load(o.c + v * x.bytes, mask) for v, mask in enumerate(x.mask(o.n, vectors, o.resume.differs(0)))]
        if indexed == "runs":
            sums = chain_of_runs(x, o, begin, a_rows, b_vectors, b_masks, each)
        else:
            sums = chain(x, o, begin, a_rows, b_vectors, b_masks, indexed == "columns", rows > 1 and not edge and not indexed)

        def put(adding: bool) -> None:
            for i, row in enumerate(c_rows):
                for v in columns:
                    place, mask, value = row + v * x.bytes, c_masks[i][v], sums[i * vectors + v]
                    x.store(code.b.fadd(x.load(place, mask), value) if adding else value, place, mask)

        code.choose(o.add.equals(0), lambda: put(False), lambda: put(True))

    name = f"gemm_tile_{rows}x{vectors}_{dtype}{'_edge' if edge else ''}"
    return lambda code, operands: code.call(name, body, *(getattr(operands, field.name) for field in fields(Operands)))


def repeat(x: Matrix, count: Word, state: list[Any], body: Callable[[Word, list[Any]], list[Any]], surely: bool = False) -> list[Any]:
    """What `count` times body(how many are left, values) make of values that are carried in registers; `surely`: count is not 0."""
    build = x.b
    before, loop, after = build.block, build.append_basic_block("k"), build.append_basic_block("k_end")
    if surely:
        build.branch(loop)
    else:
        build.cbranch((count > 0).v, loop, after)
    build.position_at_end(loop)
    left, *now = [build.phi(value.type) for value in (count.v, *state)]
    new = body(Word(build, left), now)
    following = Word(build, left) - 1
    end = build.block
    build.cbranch((following > 0).v, loop, after)
    for phi, first, then in zip((left, *now), (count.v, *state), (following.v, *new), strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(then, end)
    build.position_at_end(after)
    if surely:
        return new
    results = [build.phi(value.type) for value in state]
    for phi, first, then in zip(results, state, new, strict=True):
        phi.add_incoming(first, before)
        phi.add_incoming(then, end)
    return results


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
    """The sums over k of a tile, row after row."""
    ahead = BYTES_AHEAD if len(a_rows) == 1 else o.b_row * ROWS_AHEAD

    def body(left: Word, state: list[Any]) -> list[Any]:
        column, b = (Word(x.b, value) for value in state[:2])
        for offset in b_vectors:
            x.code.prefetch(b + offset + ahead, level=2)
        if following_rows:
            # A line of one of the rows below, which come next: streams this short are none that hardware finds in time.
            x.code.prefetch(o.a + (left % LINES + len(a_rows)) * o.a_row + left // LINES * LINES * x.size)
        row = [x.load(b + offset, mask) for offset, mask in zip(b_vectors, masks, strict=True)]
        a = o.a + x.code.word(column, 0) * o.a_column if indexed else column
        new = [(column + (8 if indexed else o.a_column)).v, (b + o.b_row).v]
        return new + multiply_add(x, state[2:], [[x.load_splat(a + offset)] * len(masks) for offset in a_rows], row)

    return repeat(x, o.k, [(o.index if indexed else o.a).v, o.b.v, *begin], body)[2:]


def chain_of_runs(
    x: Matrix, o: Operands, begin: list[Any], a_rows: list[Word], b_vectors: list[Int], masks: list[Any], each: bool
) -> list[Any]:
    """The sums over all runs of a tile, row after row."""

    def body(_: Word, state: list[Any]) -> list[Any]:
        column, b = x.code.fixed(Word(x.b, state[0])), Word(x.b, state[1])
        row = [x.load(b + offset, mask) for offset, mask in zip(b_vectors, masks, strict=True)]
        if each:
            left = [[x.load(column + offset + v * x.bytes, mask) for v, mask in enumerate(masks)] for offset in a_rows]
        else:
            left = [[x.load_splat(column + offset)] * len(masks) for offset in a_rows]
        return [(column + o.a_column).v, (b + o.b_row).v, *multiply_add(x, state[2:], left, row)]

    def one_run(_: Word, state: list[Any]) -> list[Any]:
        run = Word(x.b, state[0])
        start = [(o.a + x.code.word(run, 0)).v, (o.b + o.b_row * x.code.word(run, 3)).v, *state[1:]]
        return [(run + 8 * RUN).v, *repeat(x, x.code.word(run, 1), start, body, surely=True)[2:]]

    return repeat(x, o.k, [o.runs.v, *begin], one_run)[1:]


def multiply_add(x: Matrix, sums: list[Any], left: list[list[Any]], row: list[Any]) -> list[Any]:
    """sums[i, v] + left[i][v] * row[v], row after row."""
    width = len(row)
    return [x.e.llvm("fma", a, row[v], sums[i * width + v]) for i, values in enumerate(left) for v, a in enumerate(values)]


class Tiles:
    """The tiles of a kernel, and which of them does what."""

    def __init__(self, tall: int, small: int, vectors: int, dtype: str, indexed: str, each: bool = False) -> None:
        self.tall, self.small, self.width, self.dtype = tall, small, vectors * VECTOR // SIZES[dtype], dtype
        self.lanes, self.thin_width = VECTOR // SIZES[dtype], THIN * VECTOR // SIZES[dtype]
        self.full = tile(tall, vectors, dtype, False, indexed, each=each)
        self.edge = tile(small, vectors, dtype, True, indexed, each=each)
        self.narrow = tile(tall, 1, dtype, True, indexed, each=each)
        self.thin = tile(1, THIN, dtype, True, indexed, panel=vectors, each=each)

    def height(self, left: Word) -> Word:
        """Rows of the next strip: tall ones, unless two small ones are just what remains."""
        return ((left >= self.tall) & left.differs(2 * self.small)).then(self.tall, left.least(self.small))
