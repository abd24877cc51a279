"""Convolutions and their transposes in the input: y[place, f] = sum over k of A[place, k] B[k, f], where A is looked up in images.

k counts the places of the kernel and, within each, channels, in this order. A row of A is scattered over an image: runs of k begin
at places of their own, and a tile's rows, which are places of the result, too (`gemm_tile`). There is no matrix A in memory. The
source is read where it is, or, if the kernel sticks out of it, in a copy of a band with its halo, made by the thread that uses it.

The transpose of a strided convolution has *phases*: places of the result that meet the same places of the kernel. Each phase is a
convolution of its own without strides, of the same copy.

Arithmetic (the same bits for every tile, band, number of threads and CPU): an element is a sum of chunks of k, whose length depends
on the number of k alone; a chunk's sum is one chain of fused multiply-adds from zero; the first chunk's sum is stored, each other is
added to what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from graphnn_compiler.kernels.conv_fill import fill
from graphnn_compiler.kernels.conv_layout import CHUNK, CHUNK_NAMES, NAMES, PANEL, PHASE, PHASE_NAMES
from graphnn_compiler.kernels.gemm import Read, Writer
from graphnn_compiler.kernels.gemm_emit import Cell, Code, Word, kernel_function
from graphnn_compiler.kernels.gemm_layout import ROW, RUN, TILE_FIRST, TILE_WORDS, WORK, A, B, C
from graphnn_compiler.kernels.gemm_pack import copy_block, turn_block
from graphnn_compiler.kernels.gemm_tile import Operands, Tiles
from graphnn_compiler.runtime.context import CLAIM
from graphnn_compiler.simd import barrier, set_word, word

HELPERS: tuple[str, ...] = ("kernels/gemm.py", "kernels/conv_fill.py", "kernels/conv_layout.py")

LEVEL = 1  # as the GEMM
DYNAMIC = NAMES.index("dynamic")


def build(dtype: str, tall: int, small: int, vectors: int, each: bool) -> Callable[[int, int, int, int, int], int]:
    """The kernel of one element type and family of tiles.

    Args:
        dtype: `"float32"` or `"float64"`.
        tall: rows of the tile that does most of the work.
        small: rows of the tile for what remains.
        vectors: vectors of 64 bytes in a row of either.
        each: each channel is summed up by itself.
    """
    writer = ConvWriter(Tiles(tall, small, vectors, dtype, "runs", each), each)
    run_items = kernel_function(f"conv_items_{dtype}", "dims bufs ctx tid n", writer.items, result=True)

    def conv(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        if word(dims, DYNAMIC) != 0 and n > 1:
            barrier(ctx, tid, n)  # nobody is still claiming items of another kernel
            if tid == 0:
                set_word(ctx, CLAIM, 0)
            barrier(ctx, tid, n)
        return run_items(dims, bufs, ctx, tid, n)

    return conv


class ConvWriter(Writer):
    """Writes the kernel's loops."""

    def __init__(self, tiles: Tiles, each: bool) -> None:
        super().__init__(tiles, "runs")
        self.each, self.panel = each, PANEL * self.panel_row

    def place(self, chunk: Operands, row: Word, j: Word) -> Operands:
        a = chunk.a + j * self.size if self.each else chunk.a
        return replace(chunk, a=a, index=chunk.index + row * (8 * ROW), c=chunk.c + j * self.size)

    def items(self, code: Code, dims: Word, bufs: Word, ctx: Word, tid: Word, n: Word) -> Word:
        """One thread's items: by bands, then by groups and columns."""
        d = Read(code, dims, NAMES)
        a, b, c = (code.word(bufs, i) for i in (A, B, C))
        work = code.word(bufs, WORK) + tid * d.thread_bytes
        across = (d.n + d.columns - 1) // d.columns
        with code.when(d.pack.equals(2)):
            self.pack_all(code, dims, b, work, across)
        down = (d.images + d.item_images - 1) // d.item_images * d.bands
        count = down * d.groups * across
        dynamic = d.dynamic.differs(0) & (n > 1)
        end = dynamic.then(count, count * (tid + 1) // n)
        frame, result = code.frame(TILE_WORDS), Cell(code, 0)
        item, filled = Cell(code, count * tid // n), Cell(code, 0)
        with code.when(dynamic):
            item.set(code.claim(ctx, CLAIM))
        with code.forever() as leave_if:
            number = item.get()
            leave_if(number >= end)
            high, beside = number // (d.groups * across), number % (d.groups * across)
            image, first = high // d.bands * d.item_images, high % d.bands * d.band
            images = (d.images - image).least(d.item_images)
            from_image = a + image * d.image
            with code.when(d.in_place.equals(0) & filled.get().differs(high + 1)):
                filled.set(high + 1)
                fill(code, self.dtype, NAMES, dims, from_image, work, images, first * d.band_step + d.low_0, d.rows_0)
            start = d.in_place.differs(0).then(from_image + first * d.band_step * d.step_0 + d.start, work)
            group, j0 = beside // across, beside % across * d.columns
            kept = c.differs(0)
            place = image * d.c_image + first * d.c_step * d.c_0
            columns = (d.n - j0).least(d.columns)
            column = group * d.n + j0
            c_row = kept.then(d.c_row, columns * self.size)
            c_item = kept.then(c + place * d.c_row + column * self.size, work + d.scratch)

            def finish(
                i: Word, m: Word, place: Word = place, column: Word = column, columns: Word = columns,
                c_row: Word = c_row, c_item: Word = c_item,
            ) -> None:  # fmt: skip
                """The epilogue of rows i .. i + m of the item."""
                code.store(frame, place + i, m, column, columns, c_item + i * c_row, c_row)
                found = code.call_address(d.tile, d.tile_dims, bufs + 8 * TILE_FIRST, ctx, tid, frame)
                result.set(result.get() | found)

            for p in code.range(d.phases):
                phase = Read(code, dims + (p * PHASE + len(NAMES)) * 8, PHASE_NAMES)
                left = (phase.extent_0 - first).most(0).least(d.band)
                whole = Operands(
                    a=start + group * d.a_group + (j0 * self.size if self.each else code.number(0)),
                    a_row=code.number(0),
                    a_column=d.a_column,
                    index=dims + phase.rows,
                    b=b + group * d.b_group + j0 * d.b_column,
                    b_row=d.b_row,
                    b_panel=code.number(0),
                    c=c_item,
                    c_row=c_row,
                    m=images * left * phase.extent_1 * phase.extent_2,
                    n=columns,
                    k=code.number(0),
                    add=code.number(0),
                    resume=code.number(0),
                    runs=code.number(0),
                )
                with code.when(whole.m > 0):
                    self.phase(code, dims, phase, whole, work + d.panels, beside, finish)
            with code.when(d.tile.differs(0) & (d.phases > 1)):
                rows = (d.c_extent - first * d.c_step).least(d.band * d.c_step)
                finish(code.number(0), images * rows * d.c_0)
            item.set(number + 1)
            with code.when(dynamic):
                item.set(code.claim(ctx, CLAIM))
        return result.get()

    def chunk(self, code: Code, dims: Word, phase: Read, number: Word) -> Read:
        """The words of a phase's chunk."""
        return Read(code, dims + (phase.chunks + number * CHUNK) * 8, CHUNK_NAMES)

    def pack_all(self, code: Code, dims: Word, b: Word, work: Word, across: Word) -> None:
        """All of B as panels: by chunks, then by groups and blocks of columns."""
        d = Read(code, dims, NAMES)
        panels = Cell(code, work + d.panels)
        for number in code.range(d.packs_count):
            chunk = Read(code, dims + (d.packs + number * CHUNK) * 8, CHUNK_NAMES)
            for group in code.range(d.groups):
                for block in code.range(across):
                    j0 = block * d.columns
                    source = b + group * d.b_group + j0 * d.b_column
                    self.pack_chunk(code, dims, chunk, source, panels.get(), (d.n - j0).least(d.columns))
                    panels.set(panels.get() + d.chunk_panels)

    def pack_chunk(self, code: Code, dims: Word, chunk: Read, source: Word, panels: Word, columns: Word) -> None:
        """panels[j // width][p, j % width] = B[p, j], run by run."""
        width, dtype = self.tiles.width, self.dtype

        def body(code: Code, dims: Word, runs: Word, count: Word, source: Word, panels: Word, columns: Word) -> None:
            d, row = Read(code, dims, NAMES), Cell(code, panels)
            for r in code.range(count):
                run, to = runs + r * (8 * RUN), row.get()
                depth, of = code.word(run, 1), source + code.word(run, 2)
                code.choose(
                    d.turned.differs(0),
                    lambda of=of, to=to, k=depth: turn_block(code, dtype, width, self.panel, of, d.b_column, to, columns, k),
                    lambda of=of, to=to, k=depth: copy_block(code, dtype, width, self.panel, of, d.b_row, to, columns, k),
                )
                row.set(to + depth * self.panel_row)

        code.call(f"conv_pack_{dtype}", body, dims, dims + chunk.runs * 8, chunk.count, source, panels, columns)

    def phase(
        self, code: Code, dims: Word, phase: Read, whole: Operands, panels: Word, beside: Word, finish: Callable[..., None]
    ) -> None:
        """A phase of an item, chunk by chunk; a sum of nothing is one chunk without runs."""
        d, position, packed, pending = Read(code, dims, NAMES), Cell(code, 0), Read(code, dims, NAMES).pack, Cell(code, 0)
        stride = d.groups * ((d.n + d.columns - 1) // d.columns)
        with code.forever() as leave_if:
            number = position.get()
            words = self.chunk(code, dims, phase, number)
            last = number + 1 >= phase.count
            of_all = (words.panel * stride + beside) * d.chunk_panels
            place = panels + packed.equals(2).then(of_all, 0)
            with code.when(packed.equals(1)):
                self.pack_chunk(code, dims, words, whole.b, place, whole.n)
            chunk = replace(
                whole,
                b=packed.differs(0).then(place, whole.b),
                b_row=packed.differs(0).then(self.panel_row, d.b_row),
                k=words.count,
                add=number,
                runs=dims + words.runs * 8,
            )

            def strip_done(i: Word, high: Word, last: Word = last) -> None:
                done, begun = i + high, pending.get()
                enough = (done - begun >= d.block) | (done >= whole.m)
                with code.when(last & d.phases.equals(1) & d.tile.differs(0) & enough):
                    finish(begun, done - begun)
                    pending.set(done)

            b_column = packed.differs(0).then(self.panel // self.tiles.width, self.size)
            self.strips(code, chunk, b_column, lambda i, high: None, strip_done)
            position.set(number + 1)
            leave_if(last)
