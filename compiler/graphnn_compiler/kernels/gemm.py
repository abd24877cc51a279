"""Matrix products: C[b, i, j] = sum over k of A[b, i, k] B[b, k, j].

Strides are bytes. A's are arbitrary, B has contiguous rows or contiguous columns, C has contiguous rows.

Arithmetic (the same bits for every tile, blocking, number of threads and CPU):
    K is cut into segments, whose length depends on K alone, and segments into chunks of 512;
    a chunk's sum is one chain of fused multiply-adds from zero in the order of k;
    a segment's sum adds its chunks' in order, and C adds the segments' in order.

C is cut into items of ROWS x COLUMNS elements, which the threads share out. An item is done chunk by chunk: strips as high
as a tile pass over its columns, and a strip's epilogue follows its last chunk. B is read where it is, or a chunk of an
item's columns at a time is first copied into panels, which is what a transposed or a much used B wants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphnn_compiler.kernels.gemm_emit import Cell, Code, Word, kernel_function, least, most
from graphnn_compiler.kernels.gemm_pack import add_block, copy_block, prefetch_block, turn_block
from graphnn_compiler.kernels.gemm_tile import Tiles
from graphnn_compiler.runtime.context import CLAIM
from graphnn_compiler.simd import barrier, set_word, word

HELPERS: tuple[str, ...] = (
    "kernels/gemm_emit.py",
    "kernels/gemm_pack.py",
    "kernels/gemm_tile.py",
    "runtime/context.py",
)

CHUNK = 512
DEPTH, TURNED_DEPTH = 16, 64  # rows of B that a product of one row reads at a time where rows are long; of B transposed
SIZES = {"float32": 4, "float64": 8}

# dims: extents and byte strides
M, N, K, OUTER, INNER = range(5)  # the batch is OUTER x INNER
A_ROW, A_COLUMN, B_ROW, B_COLUMN, C_ROW = range(5, 10)
A_OUTER, A_INNER, B_OUTER, B_INNER, C_OUTER, C_INNER = range(10, 16)
# the epilogue's address (0: none) and its dims (its bufs follow this kernel's own); where in a thread's workspace the tiles
# that it finishes lie, if C's address is 0
TILE, TILE_DIMS, SCRATCH = range(16, 19)
# what gemm_plan chose: the item; the length of a segment; whether B is packed, items are claimed, A and B are swapped (N = 1)
ROWS, COLUMNS, SEGMENT, PACK, DYNAMIC, SWAPPED = range(19, 25)
# bytes of workspace of one thread, which begins with the item's partial sum of a segment; where a row's partial sum of a
# chunk and where panels of B begin in it
THREAD_BYTES, CHAIN, PANELS = range(25, 28)
DIMS = 28
# bufs: addresses
A, B, C, WORK, TILE_FIRST = range(5)
# An epilogue is a kernel whose last argument is the address of these words instead of a number of threads: the rows and
# columns that it finishes, the address of the first element of the product there, and the bytes between rows of the product.
FIRST_ROW, TILE_ROWS, FIRST_COLUMN, TILE_COLUMNS, PRODUCT, PRODUCT_ROW = range(6)
TILE_WORDS = 6


def build(dtype: str, tall: int, small: int, vectors: int) -> Callable[[int, int, int, int, int], int]:
    """The kernel of one element type and family of tiles.

    Args:
        dtype: `"float32"` or `"float64"`.
        tall: rows of the tile that does most of the work.
        small: rows of the tile for what remains.
        vectors: vectors of 16 elements in a row of either.
    """
    writer = Writer(SIZES[dtype], Tiles(tall, small, vectors, dtype), dtype)
    run_items = kernel_function(f"gemm_items_{dtype}", "dims bufs ctx tid n", writer.items, result=True)

    def gemm(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        if word(dims, DYNAMIC) != 0 and n > 1:
            barrier(ctx, tid, n)  # nobody is still claiming items of another product
            if tid == 0:
                set_word(ctx, CLAIM, 0)
            barrier(ctx, tid, n)
        return run_items(dims, bufs, ctx, tid, n)

    return gemm


@dataclass(frozen=True)
class Block:
    """A chunk of an item as the tiles see it: addresses, byte strides, extents."""

    a: Word
    a_row: Word
    a_column: Word
    b: Word
    b_row: Word
    b_column: Word
    c: Word
    c_row: Word
    m: Word
    n: Word
    k: Word
    add: Word


@dataclass(frozen=True)
class Writer:
    """Writes the kernel's loops."""

    size: int
    tiles: Tiles
    dtype: str

    def items(self, code: Code, dims: Word, bufs: Word, ctx: Word, tid: Word, n: Word) -> Word:
        """One thread's items."""
        d = [code.word(dims, i) for i in range(DIMS)]
        swapped = d[SWAPPED].differs(0)
        a, b = (swapped.then(code.word(bufs, i), code.word(bufs, j)) for i, j in ((B, A), (A, B)))
        c, work = code.word(bufs, C), code.word(bufs, WORK)
        whole = c.differs(0)  # C is a matrix; else an item of it is all that ever exists
        d[C_ROW] = whole.then(d[C_ROW], d[COLUMNS] * self.size)
        frame = code.frame(TILE_WORDS)
        down, across = (d[M] + d[ROWS] - 1) // d[ROWS], (d[N] + d[COLUMNS] - 1) // d[COLUMNS]
        count = d[OUTER] * d[INNER] * down * across
        dynamic = d[DYNAMIC].differs(0) & (n > 1)
        end = dynamic.then(count, count * (tid + 1) // n)
        result, item = Cell(code, 0), Cell(code, count * tid // n)
        with code.when(dynamic):
            item.set(code.claim(ctx, CLAIM))
        with code.forever() as leave_if:
            number = item.get()
            leave_if(number >= end)
            batch, j0, i0 = number // (across * down), number // down % across * d[COLUMNS], number % down * d[ROWS]
            outer, inner = batch // d[INNER], batch % d[INNER]
            c_item = whole.then(
                c + outer * d[C_OUTER] + inner * d[C_INNER] + i0 * d[C_ROW] + j0 * self.size,
                work + tid * d[THREAD_BYTES] + d[SCRATCH],
            )
            first = batch * swapped.then(d[N], d[M])

            def finish(i: Word, m: Word, n: Word) -> None:
                """The epilogue of rows i.. of the item, in the caller's rows and columns."""
                rows, columns = swapped.then(n, m), swapped.then(m, n)
                row, column = first + swapped.then(j0, i0 + i), swapped.then(i0 + i, j0)
                step = swapped.then(self.size, d[C_ROW])
                code.store(frame, row, rows, column, columns, c_item + i * d[C_ROW], step)
                found = code.call_address(d[TILE], d[TILE_DIMS], bufs + 8 * TILE_FIRST, ctx, tid, frame)
                result.set(result.get() | found)

            self.item(
                code,
                d,
                a + outer * d[A_OUTER] + inner * d[A_INNER] + i0 * d[A_ROW],
                b + outer * d[B_OUTER] + inner * d[B_INNER] + j0 * d[B_COLUMN],
                c_item,
                work + tid * d[THREAD_BYTES],
                least(d[M] - i0, d[ROWS]),
                least(d[N] - j0, d[COLUMNS]),
                j0 + d[COLUMNS] < d[N],
                finish,
            )
            item.set(number + 1)
            with code.when(dynamic):
                item.set(code.claim(ctx, CLAIM))
        return result.get()

    def item(
        self, code: Code, d: list[Word], a: Word, b: Word, c: Word, work: Word, m: Word, n: Word, more: Word, finish: Callable[..., None]
    ) -> None:
        """Chunk by chunk. K = 0 is one chunk of nothing."""
        size, tiles = self.size, self.tiles
        packed, panels = d[PACK].differs(0), work + d[PANELS]
        position = Cell(code, 0)
        with code.forever() as leave_if:
            p = position.get()
            k = least(d[K] - p, CHUNK)
            b_chunk = b + p * d[B_ROW]
            single = d[M].equals(1)
            with code.when(packed & single.equals(0)):
                self.pack(code, d, b_chunk, panels, n, k)
            later = p >= d[SEGMENT]  # not the first segment: it is summed up in the workspace
            block = Block(
                a=a + p * d[A_COLUMN],
                a_row=d[A_ROW],
                a_column=d[A_COLUMN],
                b=packed.then(panels, b_chunk),
                b_row=packed.then(tiles.width * size, d[B_ROW]),
                b_column=packed.then(CHUNK * size, size),
                c=later.then(work, c),
                c_row=later.then(d[COLUMNS] * size, d[C_ROW]),
                m=m,
                n=n,
                k=k,
                add=p % d[SEGMENT],
            )
            last, segment_ends = p + k >= d[K], (p + k) % d[SEGMENT]

            def after(i: Word, high: Word) -> None:
                with code.when(later & (last | segment_ends.equals(0))):
                    add_block(code, self.dtype, c + i * d[C_ROW], d[C_ROW], block.c + i * block.c_row, block.c_row, high, n)
                with code.when(last & d[TILE].differs(0)):
                    finish(i, high, n)


            def row() -> None:
                self.row(code, d, block, b_chunk, work, packed)
                after(code.number(0), code.number(1))

            # while the tiles compute, the chunk of B that comes next is on its way
            by_row = d[B_COLUMN].equals(size)
            following = last.then(b + d[COLUMNS] * d[B_COLUMN], b_chunk + CHUNK * d[B_ROW])
            depth = last.then(more.then(least(d[K], CHUNK), 0), least(d[K] - p - k, CHUNK))
            some = packed & (depth > 64)
            lines, length = by_row.then(depth, n), by_row.then(n, depth) * size
            stride = by_row.then(d[B_ROW], d[B_COLUMN])

            def strip_done(i: Word, high: Word) -> None:
                with code.when(some):
                    done = lines * i // m
                    prefetch_block(code, following + done * stride, stride, lines * (i + high) // m - done, length)
                after(i, high)

            code.choose(single, row, lambda: self.strips(code, block, strip_done))
            position.set(p + k)
            leave_if(last)

    def pack(self, code: Code, d: list[Word], b: Word, panels: Word, n: Word, k: Word) -> None:
        """panels[j // width][p, j % width] = b[p, j]."""
        tiles, panel_bytes = self.tiles, CHUNK * self.tiles.width * self.size
        code.choose(
            d[B_COLUMN].equals(self.size),
            lambda: copy_block(code, self.dtype, tiles.width, panel_bytes, b, d[B_ROW], panels, n, k),
            lambda: turn_block(code, self.dtype, tiles.width, panel_bytes, b, d[B_COLUMN], panels, n, k),
        )

    def row(self, code: Code, d: list[Word], block: Block, b: Word, work: Word, packed: Word) -> None:
        """An item of one row, by which B is read only once: pieces of DEPTH of its rows, of as many columns as there are."""
        tiles, size = self.tiles, self.size
        first, chain, panels = block.add.equals(0), work + d[CHAIN], work + d[PANELS]
        to = first.then(block.c, chain)
        depth = packed.then(TURNED_DEPTH, (block.n > 8 * tiles.thin_width).then(DEPTH, CHUNK))
        for p in code.range(most(block.k, 1), step=depth):
            k = least(block.k - p, depth)
            for j in code.range(block.n, step=tiles.thin_width):
                n = block.n - j
                piece = b + p * d[B_ROW] + j * d[B_COLUMN]
                with code.when(packed):
                    self.pack(code, d, piece, panels, least(n, tiles.thin_width), k)
                panel = packed.then(CHUNK * tiles.width * size, tiles.width * size)
                tiles.thin(
                    code,
                    block.a + p * block.a_column,
                    packed.then(panels, piece),
                    to + j * size,
                    k,
                    block.a_row,
                    block.a_column,
                    block.b_row,
                    block.c_row,
                    code.number(0),
                    code.number(1),
                    n,
                    panel,
                    p,
                )
        with code.when(first.equals(0)):
            add_block(code, self.dtype, block.c, block.c_row, chain, block.c_row, code.number(1), block.n)

    def strips(self, code: Code, block: Block, after: Callable[..., None]) -> None:
        tiles = self.tiles
        row, none = Cell(code, 0), code.number(0)
        with code.forever() as leave_if:
            i = row.get()
            leave_if(i >= block.m)
            high = tiles.height(block.m - i)

            def at(tile: Callable[..., None], r: Word | int, j: Word, *more: Word) -> None:
                """One tile, from row r of the strip and column j on."""
                tile(
                    code,
                    block.a + (i + r) * block.a_row,
                    block.b + j * block.b_column,
                    block.c + (i + r) * block.c_row + j * self.size,
                    block.k,
                    block.a_row,
                    block.a_column,
                    block.b_row,
                    block.c_row,
                    block.add,
                    high - r,
                    block.n - j,
                    *more,
                )

            def thin_strip() -> None:
                for j in code.range(block.n, step=tiles.thin_width):
                    at(tiles.thin, 0, j, block.b_column * tiles.width, none)

            def at_edge(j: Word) -> None:
                def low_tiles() -> None:
                    for r in code.range(high, step=tiles.small):
                        at(tiles.edge, r, j)

                code.choose(block.n - j <= 16, lambda: at(tiles.narrow, 0, j), low_tiles)

            def wide_strip() -> None:
                for j in code.range(block.n, step=tiles.width):
                    inside = high.equals(tiles.tall) & (block.n - j >= tiles.width)
                    code.choose(inside, lambda: at(tiles.full, 0, j), lambda: at_edge(j))

            code.choose(high.equals(1), thin_strip, wide_strip)
            after(i, high)
            row.set(i + high)
