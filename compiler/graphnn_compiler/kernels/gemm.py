"""Matrix products: C[b, i, j] = sum over k of A[b, i, k] B[b, k, j].

Strides are bytes. A's are arbitrary, B has contiguous rows or contiguous columns, C has contiguous rows. `gemm_layout` says
what is in dims and bufs, `gemm_plan` chooses.

Arithmetic (the same bits for every tile, blocking, number of threads and CPU):
    K is cut into segments, whose length depends on K alone, and segments into chunks of 512;
    a chunk's sum is one chain of fused multiply-adds from zero in the order of k;
    a segment's sum adds its chunks' in order, and C adds the segments' in order.

C is cut into items of `rows` x `columns` elements, which the threads share out. An item is done chunk by chunk: strips as
high as a tile pass over its columns, and a strip's epilogue follows its last chunk. B is read where it is, or a chunk of an
item's columns at a time is first copied into panels, which is what a transposed or a much used B wants. B may also come as
panels, as wide as a tile and as long as K, one after another: then a column is as far from the next as it is long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphnn_compiler.kernels.gemm_emit import Cell, Code, Word, kernel_function
from graphnn_compiler.kernels.gemm_layout import CHUNK, INDEX, NAMES, SIZES, TILE_FIRST, TILE_WORDS, WORK, A, B, C
from graphnn_compiler.kernels.gemm_pack import add_block, copy_block, prefetch_block, turn_block
from graphnn_compiler.kernels.gemm_row import row_of_columns, row_of_rows
from graphnn_compiler.kernels.gemm_tile import Operands, Tiles
from graphnn_compiler.runtime.context import CLAIM
from graphnn_compiler.simd import barrier, set_word, word

HELPERS: tuple[str, ...] = (
    "kernels/gemm_emit.py",
    "kernels/gemm_layout.py",
    "kernels/gemm_pack.py",
    "kernels/gemm_row.py",
    "kernels/gemm_tile.py",
    "runtime/context.py",
)

LEVEL = 1  # the tiles are written as LLVM shall run them; optimising them again takes twice the time and gains nothing
DYNAMIC = NAMES.index("dynamic")


def build(dtype: str, tall: int, small: int, vectors: int, indexed: str = "") -> Callable[[int, int, int, int, int], int]:
    """The kernel of one element type and family of tiles.

    Args:
        dtype: `"float32"` or `"float64"`.
        tall: rows of the tile that does most of the work.
        small: rows of the tile for what remains.
        vectors: vectors of 64 bytes in a row of either.
        indexed: `"rows"`: row i of A is the row bufs[INDEX][i] (int64) of a matrix; `"columns"`: so are A's columns.
    """
    writer = Writer(Tiles(tall, small, vectors, dtype, indexed), indexed)
    run_items = kernel_function(f"gemm_items_{dtype}", "dims bufs ctx tid n", writer.items, result=True)

    def gemm(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        if word(dims, DYNAMIC) != 0 and n > 1:
            barrier(ctx, tid, n)  # nobody is still claiming items of another product
            if tid == 0:
                set_word(ctx, CLAIM, 0)
            barrier(ctx, tid, n)
        return run_items(dims, bufs, ctx, tid, n)

    return gemm


class Read:
    """The dims, each read where it is used, so that LLVM does not make a copy of a loop for each of their values."""

    def __init__(self, code: Code, dims: Word, names: tuple[str, ...] = NAMES) -> None:
        self._code, self._dims, self._names = code, dims, names

    def __getattr__(self, name: str) -> Word:
        return self._code.word(self._dims, self._names.index(name))


class Writer:
    """Writes the kernel's loops."""

    def __init__(self, tiles: Tiles, indexed: str) -> None:
        self.tiles, self.indexed, self.dtype, self.size = tiles, indexed, tiles.dtype, SIZES[tiles.dtype]
        self.panel_row = tiles.width * self.size
        self.panel_bytes = CHUNK * self.panel_row

    def items(self, code: Code, dims: Word, bufs: Word, ctx: Word, tid: Word, n: Word) -> Word:
        """One thread's items: by columns, then by rows."""
        d = Read(code, dims)
        swapped, zero = d.swapped.differs(0), code.number(0)
        a, b = (swapped.then(code.word(bufs, i), code.word(bufs, j)) for i, j in ((B, A), (A, B)))
        c, work = code.word(bufs, C), code.word(bufs, WORK) + tid * d.thread_bytes
        index = code.word(bufs, INDEX) if self.indexed else zero
        kept = c.differs(0)  # else an item at a time is all there is of C
        c_row = kept.then(d.c_row, d.columns * self.size)
        frame = code.frame(TILE_WORDS)
        down, across = (d.m + d.rows - 1) // d.rows, (d.n + d.columns - 1) // d.columns
        count = d.outer * d.inner * down * across
        dynamic = d.dynamic.differs(0) & (n > 1)
        end = dynamic.then(count, count * (tid + 1) // n)
        result, item = Cell(code, 0), Cell(code, count * tid // n)
        with code.when(dynamic):
            item.set(code.claim(ctx, CLAIM))
        with code.forever() as leave_if:
            number = item.get()
            leave_if(number >= end)
            batch, j0, i0 = number // (across * down), number // down % across * d.columns, number % down * d.rows
            outer, inner = batch // d.inner, batch % d.inner
            whole = Operands(
                a=a + outer * d.a_outer + inner * d.a_inner + (zero if self.indexed == "rows" else i0 * d.a_row),
                a_row=d.a_row,
                a_column=d.a_column,
                index=index + i0 * 8 if self.indexed == "rows" else index,
                b=b + outer * d.b_outer + inner * d.b_inner + j0 * d.b_column,
                b_row=d.b_row,
                b_panel=zero,
                c=kept.then(c + outer * d.c_outer + inner * d.c_inner + i0 * d.c_row + j0 * self.size, work + d.scratch),
                c_row=c_row,
                m=(d.m - i0).least(d.rows),
                n=(d.n - j0).least(d.columns),
                k=d.k,
                add=zero,
                resume=zero,
                runs=zero,
            )

            def finish(i: Word, m: Word, batch: Word = batch, i0: Word = i0, j0: Word = j0, whole: Operands = whole) -> None:
                """The epilogue of rows i .. i + m of the item, in the rows and columns of the caller."""
                row = batch * swapped.then(d.n, d.m) + swapped.then(j0, i0 + i)
                column, rows, columns = swapped.then(i0 + i, j0), swapped.then(whole.n, m), swapped.then(m, whole.n)
                step = swapped.then(self.size, c_row)
                code.store(frame, row, rows, column, columns, whole.c + i * c_row, step)
                found = code.call_address(d.tile, d.tile_dims, bufs + 8 * TILE_FIRST, ctx, tid, frame)
                result.set(result.get() | found)

            self.item(code, d, whole, work, j0 + d.columns < d.n, finish)
            item.set(number + 1)
            with code.when(dynamic):
                item.set(code.claim(ctx, CLAIM))
        return result.get()

    def item(self, code: Code, d: Read, whole: Operands, work: Word, more: Word, finish: Callable[..., None]) -> None:
        """Chunk by chunk. K = 0 is one chunk of nothing."""
        packed, panels, one, position = d.pack.differs(0), work + d.panels, code.number(1), Cell(code, 0)
        with code.forever() as leave_if:
            p = position.get()
            k = (d.k - p).least(CHUNK)
            last = p + k >= d.k
            later = p >= d.segment  # not the first segment: it is summed up in the workspace
            moved = p * 8 if self.indexed == "columns" else code.number(0)
            chunk = replace(
                whole,
                a=whole.a if self.indexed == "columns" else whole.a + p * d.a_column,
                index=whole.index + moved,
                b=whole.b + p * d.b_row,
                c=later.then(work, whole.c),
                c_row=later.then(d.columns * self.size, whole.c_row),
                k=k,
                add=p % d.segment,
            )

            def strip_done(i: Word, high: Word, later: Word = later, last: Word = last, chunk: Operands = chunk) -> None:
                ends = later & (last | ((p + k) % d.segment).equals(0))
                with code.when(ends):
                    place, part = whole.c + i * whole.c_row, chunk.c + i * chunk.c_row
                    add_block(code, self.dtype, place, whole.c_row, part, chunk.c_row, high, whole.n)
                with code.when(last & d.tile.differs(0)):
                    finish(i, high)

            def one_row(chunk: Operands = chunk) -> None:
                self.row(code, d, chunk, work)
                strip_done(code.number(0), one)

            def many_rows(chunk: Operands = chunk) -> None:
                with code.when(packed):
                    self.pack(code, d, chunk, panels)
                ahead = self.ahead(code, d, whole, chunk, p, last, more)
                b, b_row = packed.then(panels, chunk.b), packed.then(self.panel_row, d.b_row)
                self.strips(code, replace(chunk, b=b, b_row=b_row), packed.then(CHUNK * self.size, d.b_column), ahead, strip_done)

            if self.indexed:
                many_rows()
            else:
                code.choose(d.single.differs(0), one_row, many_rows)
            position.set(p + k)
            leave_if(last)

    def pack(self, code: Code, d: Read, chunk: Operands, panels: Word) -> None:
        """panels[j // width][p, j % width] = B[p, j]."""
        width, size, n, k = self.tiles.width, self.panel_bytes, chunk.n, chunk.k
        code.choose(
            d.turned.equals(0),
            lambda: copy_block(code, self.dtype, width, size, chunk.b, d.b_row, panels, n, k),
            lambda: turn_block(code, self.dtype, width, size, chunk.b, d.b_column, panels, n, k),
        )

    def ahead(
        self, code: Code, d: Read, whole: Operands, chunk: Operands, p: Word, last: Word, more: Word
    ) -> Callable[[Word, Word], None]:
        """While the tiles compute, the chunk of B that comes next is on its way: each strip asks for its share."""
        by_rows, m, n = d.turned.equals(0), chunk.m, chunk.n
        following = last.then(whole.b + d.columns * d.b_column, chunk.b + CHUNK * d.b_row)
        depth = last.then(more.then(d.k.least(CHUNK), 0), (d.k - p - chunk.k).least(CHUNK))
        lines, length = by_rows.then(depth, n), by_rows.then(n, depth) * self.size
        stride = by_rows.then(d.b_row, d.b_column)
        worth = d.pack.differs(0) & (depth > CHUNK // 8)

        def ask(i: Word, high: Word) -> None:
            with code.when(worth):
                done = lines * i // m
                prefetch_block(code, following + done * stride, stride, lines * (i + high) // m - done, length)

        return ask

    def row(self, code: Code, d: Read, chunk: Operands, work: Word) -> None:
        """A chunk of a product of one row."""
        first, chain = chunk.add.equals(0), work + d.chain
        o = replace(chunk, c=first.then(chunk.c, chain), m=code.number(1), add=code.number(0))
        code.choose(
            d.turned.equals(0),
            lambda: row_of_rows(code, self.tiles, o, d.b_column),
            lambda: row_of_columns(code, self.tiles, o, d.b_column, work + d.panels),
        )
        with code.when(first.equals(0)):
            add_block(code, self.dtype, chunk.c, chunk.c_row, chain, chunk.c_row, code.number(1), chunk.n)

    def place(self, chunk: Operands, row: Word, j: Word) -> Operands:
        """A and C of the tile at a row and a column."""
        c = chunk.c + row * chunk.c_row + j * self.size
        if self.indexed == "rows":
            return replace(chunk, index=chunk.index + row * 8, c=c)
        return replace(chunk, a=chunk.a + row * chunk.a_row, c=c)

    def strips(
        self,
        code: Code,
        chunk: Operands,
        b_column: Word,
        ahead: Callable[[Word, Word], None],
        done: Callable[[Word, Word], None],
    ) -> None:
        """A chunk of an item: strips from top to bottom, in each the tiles from left to right."""
        tiles, row = self.tiles, Cell(code, 0)
        with code.forever() as leave_if:
            i = row.get()
            leave_if(i >= chunk.m)
            high = tiles.height(chunk.m - i)

            def at(tile: Callable[[Code, Operands], None], r: Word, j: Word, i: Word = i, high: Word = high) -> None:
                """One tile, from row r of the strip and column j on."""
                placed = self.place(chunk, i + r, j)
                tile(code, replace(placed, b=chunk.b + j * b_column, b_panel=b_column * tiles.width, m=high - r, n=chunk.n - j))

            top = code.number(0)

            def thin_strip() -> None:
                for j in code.range(chunk.n, step=tiles.thin_width):
                    at(tiles.thin, top, j)

            def at_edge(j: Word, high: Word = high) -> None:
                def small_tiles() -> None:
                    for r in code.range(high, step=tiles.small):
                        at(tiles.edge, r, j)

                code.choose(chunk.n - j <= tiles.lanes, lambda: at(tiles.narrow, top, j), small_tiles)

            def wide_strip(high: Word = high) -> None:
                for j in code.range(chunk.n, step=tiles.width):
                    inside = high.equals(tiles.tall) & (chunk.n - j >= tiles.width)
                    code.choose(inside, lambda j=j: at(tiles.full, top, j), lambda j=j: at_edge(j))

            code.choose(high.equals(1), thin_strip, wide_strip)
            ahead(i, high)
            done(i, high)
            row.set(i + high)
