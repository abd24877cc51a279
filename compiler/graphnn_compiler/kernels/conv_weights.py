"""Transposes of convolutions in the kernel: w[m, f] = sum over places of A[m, place] dy[place, f], m a place of the kernel and a channel.

As in `conv`, A is looked up in images, read where they are or in a copy of a block with its halo; here the rows of a tile are the
m, and k runs over the places of a block, row by row of the image.

Arithmetic (the same bits for every tile, number of threads and CPU): the places are cut into blocks of a few hundred, and blocks
into a few segments, by the extents alone. A block's sum is one chain of fused multiply-adds from zero in the order of places; a
segment's sum adds its blocks' in order, and w adds the segments' in order. Threads share out segments and parts of w: each sum of a
segment is computed by one thread.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphnn_compiler.kernels.conv_fill import fill, move
from graphnn_compiler.kernels.conv_layout import PANEL, SUM_NAMES
from graphnn_compiler.kernels.gemm import Read, Writer
from graphnn_compiler.kernels.gemm_emit import Cell, Code, Word, kernel_function
from graphnn_compiler.kernels.gemm_layout import ROW, RUN, TILE_FIRST, TILE_WORDS, WORK, A, B, C
from graphnn_compiler.kernels.gemm_pack import add_block, copy_block
from graphnn_compiler.kernels.gemm_tile import Operands, Tiles
from graphnn_compiler.simd import barrier, word

HELPERS: tuple[str, ...] = ("kernels/gemm.py", "kernels/conv_fill.py", "kernels/conv_layout.py")

LEVEL = 1  # as the GEMM
PARTIAL = SUM_NAMES.index("partial")


def build(dtype: str, tall: int, small: int, vectors: int, each: bool) -> Callable[[int, int, int, int, int], int]:
    """The kernel of one element type and family of tiles; the arguments are those of `conv`."""
    writer = SumWriter(Tiles(tall, small, vectors, dtype, "runs", each), each)
    run_sums = kernel_function(f"conv_sums_{dtype}", "dims bufs ctx tid n", writer.sums)
    join = kernel_function(f"conv_join_{dtype}", "dims bufs ctx tid n", writer.join, result=True)

    def conv_weights(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        run_sums(dims, bufs, ctx, tid, n)
        if word(dims, PARTIAL) == 0:
            return 0
        if n > 1:
            barrier(ctx, tid, n)  # the sums of all segments are there
        return join(dims, bufs, ctx, tid, n)

    return conv_weights


class SumWriter(Writer):
    """Writes the kernel's loops."""

    def __init__(self, tiles: Tiles, each: bool) -> None:
        super().__init__(tiles, "runs")
        self.each, self.panel = each, PANEL * self.panel_row

    def place(self, chunk: Operands, row: Word, j: Word) -> Operands:
        a = chunk.a + j * self.size if self.each else chunk.a
        return replace(chunk, a=a, index=chunk.index + row * (8 * ROW), c=chunk.c + j * self.size)

    def sums(self, code: Code, dims: Word, bufs: Word, ctx: Word, tid: Word, n: Word) -> None:
        """One thread's items: by segments, then by parts of w."""
        d = Read(code, dims, SUM_NAMES)
        work = code.word(bufs, WORK) + tid * d.thread_bytes
        self.look_up(code, dims, work)
        down, across = (d.m + d.rows - 1) // d.rows, (d.n + d.columns - 1) // d.columns
        count = d.segments * down * across
        for item in code.range(count * (tid + 1) // n, start=count * tid // n):
            segment, part = item // (down * across), item % (down * across)
            row, column = part // across * d.rows, part % across * d.columns
            first, end = d.blocks * segment // d.segments, d.blocks * (segment + 1) // d.segments
            sums = code.word(bufs, WORK) + d.partial + segment * d.segment_bytes
            target = d.partial.differs(0).then(sums, code.word(bufs, C))
            with code.when(end.equals(first)):  # nothing to add up
                self.block(code, dims, bufs, work, code.number(0), code.number(0), code.number(0), row, column, target)
            for number in code.range(end, start=first):
                self.block(code, dims, bufs, work, number, number - first, code.number(1), row, column, target)

    def look_up(self, code: Code, dims: Word, work: Word) -> None:
        """Writes where the rows of A begin."""
        d = Read(code, dims, SUM_NAMES)
        to = work + d.table
        for tap in code.range(d.taps):
            a = code.word(dims + (d.tap_words + tap) * 8, 0)
            for channel in code.range(d.channels):
                m = tap * d.channels + channel
                code.store(to + m * (8 * ROW), a + channel * d.element, m)

    def block(self, code: Code, *words: Word) -> None:
        """Adds the sum of a block to a part of w; `there` is 0 where there is no block, and the sum is 0."""

        def body(
            code: Code, dims: Word, bufs: Word, work: Word, number: Word, add: Word, there: Word, row: Word, column: Word, c: Word
        ) -> None:
            d = Read(code, dims, SUM_NAMES)
            image, first = number // d.bands * d.block_images, number % d.bands * d.band
            images, left = (d.images - image).least(d.block_images), (d.places_0 - first).least(d.band)
            source = code.word(bufs, A) + image * d.image
            with code.when(d.in_place.equals(0) & there.differs(0)):
                low = first * d.band_step + d.low_0
                fill(code, self.dtype, SUM_NAMES, dims, source, work, images, low, d.rows_0)
            a = d.in_place.differs(0).then(source + first * d.band_step * d.step_0, work)
            b = code.word(bufs, B) + image * d.b_image + first * d.b_0
            lines = images * left * d.lines
            columns = (d.n - column).least(d.columns)
            for piece in code.range(d.pieces):
                runs = dims + (d.runs + (d.pieces > 1).then(piece, 0) * RUN) * 8
                count = there.differs(0).then((d.pieces > 1).then(1, lines), 0)
                for group in code.range(d.groups):
                    own = b + piece * d.b_piece + group * d.c_group + column * self.size
                    packed, panels = d.pack.differs(0), work + d.panels
                    with code.when(packed & there.differs(0)):
                        depth = count * code.word(runs, 1)
                        copy_block(code, self.dtype, self.tiles.width, self.panel, own, d.b_row, panels, columns, depth)
                    chunk = Operands(
                        a=a + group * d.a_group + (column * self.size if self.each else code.number(0)),
                        a_row=code.number(0),
                        a_column=d.a_column,
                        index=work + d.table + row * (8 * ROW),
                        b=packed.then(panels, own),
                        b_row=packed.then(self.panel_row, d.b_row),
                        b_panel=code.number(0),
                        c=c + group * d.c_group + column * self.size,
                        c_row=d.c_row,
                        m=(d.m - row).least(d.rows),
                        n=columns,
                        k=count,
                        add=add + piece,
                        resume=code.number(0),
                        runs=runs,
                    )
                    b_column = packed.then(self.panel // self.tiles.width, self.size)
                    self.strips(code, chunk, b_column, lambda i, high: None, lambda i, high: None)

        code.call(f"conv_block_{self.dtype}", body, *words)

    def join(self, code: Code, dims: Word, bufs: Word, ctx: Word, tid: Word, n: Word) -> Word:
        """Adds up the segments, some rows of w at a time, and finishes them."""
        d, result, frame = Read(code, dims, SUM_NAMES), Cell(code, 0), code.frame(TILE_WORDS)
        sums, c = code.word(bufs, WORK) + d.partial, code.word(bufs, C)
        count = (d.m + d.block - 1) // d.block
        columns = d.c_row // self.size
        for number in code.range(count * (tid + 1) // n, start=count * tid // n):
            row = number * d.block
            rows, at = (d.m - row).least(d.block), row * d.c_row
            for segment in code.range(d.segments, start=1):
                part = sums + segment * d.segment_bytes + at
                add_block(code, self.dtype, sums + at, d.c_row, part, d.c_row, rows, columns)

            def finish(row: Word = row, rows: Word = rows, at: Word = at) -> None:
                code.store(frame, row, rows, code.number(0), columns, sums + at, d.c_row)
                result.set(result.get() | code.call_address(d.tile, d.tile_dims, bufs + 8 * TILE_FIRST, ctx, tid, frame))

            def keep(rows: Word = rows, at: Word = at) -> None:
                move(code, self.dtype, c + at, sums + at, rows * d.c_row)

            code.choose(d.tile.differs(0), finish, keep)
        return result.get()
