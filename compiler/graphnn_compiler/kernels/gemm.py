"""Matrix products: C[b, i, j] = sum over k of A[b, i, k] B[b, k, j].

A and B have any strides in rows and columns, B's rows or columns being contiguous; the rows of C are contiguous.

Arithmetic (the same bits for every tile, path, number of threads and CPU):
    K is cut into segments of `segment(K)` elements (K alone decides), segments into chunks of 512;
    a chunk's sum is one chain of fused multiply-adds from zero in the order of k;
    a segment's sum adds those of its chunks in order, C adds those of the segments in order.
"""

from __future__ import annotations

from collections.abc import Callable

from graphnn_compiler.kernels.gemm_pack import add_block, copy_panel, turn_panel
from graphnn_compiler.kernels.gemm_tile import tile
from graphnn_compiler.simd_sync import call_tile, word

HELPERS: tuple[str, ...] = ("kernels/gemm_tile.py", "kernels/gemm_pack.py")

CHUNK = 512
SIZES = {"float32": 4, "float64": 8}

# dims: extents, byte strides, the epilogue, and what gemm_plan chose
M, N, K, OUTER, INNER = range(5)  # the batch is OUTER x INNER
A_ROW, A_COLUMN, B_ROW, B_COLUMN, C_ROW = range(5, 10)
A_OUTER, A_INNER, B_OUTER, B_INNER, C_OUTER, C_INNER = range(10, 16)
TILE, TILE_DIMS, TILE_BUFS = range(16, 19)  # addresses; TILE = 0: no epilogue; TILE_BUFS = 0: bufs[EPILOGUE:] of this kernel
ROWS, COLUMNS, SEGMENT, PACK, THREAD_BYTES = range(19, 24)
DIMS = 24
# bufs: addresses
A, B, C, WORK, EPILOGUE = range(5)


def build(dtype: str, rows: int, vectors: int) -> Callable[[int, int, int, int, int], int]:
    """The kernel for one element type and tile: `rows` x 16 `vectors` elements.

    C is cut into items of ROWS x COLUMNS elements, numbered by batch, column and row; thread t of n takes the t-th n-th.
    """
    size, width = SIZES[dtype], 16 * vectors
    tall = rows
    full, edge = tile(rows, vectors, dtype, False), tile(rows, vectors, dtype, True)
    narrow, thin = tile(rows, 1, dtype, True), tile(1, 2 * vectors, dtype, True)
    copy, turn = copy_panel(vectors, dtype), turn_panel(dtype)
    add_to = add_block(dtype)
    panel_row = width * size
    panel_bytes = (CHUNK + 16) * panel_row

    def gemm(dims: int, bufs: int, ctx: int, tid: int, n: int) -> int:
        m_all, n_all, k_all = word(dims, M), word(dims, N), word(dims, K)
        a_row, a_column, c_row = word(dims, A_ROW), word(dims, A_COLUMN), word(dims, C_ROW)
        b_column = word(dims, B_COLUMN)
        segment, pack = word(dims, SEGMENT), word(dims, PACK)
        work = word(bufs, WORK) + tid * word(dims, THREAD_BYTES)
        epilogue, tile_dims, tile_bufs = word(dims, TILE), word(dims, TILE_DIMS), word(dims, TILE_BUFS)
        if tile_bufs == 0:
            tile_bufs = bufs + 8 * EPILOGUE
        block_m, block_n, inner = word(dims, ROWS), word(dims, COLUMNS), word(dims, INNER)
        down, across = (m_all + block_m - 1) // block_m, (n_all + block_n - 1) // block_n
        items = word(dims, OUTER) * inner * down * across
        partial = work + (block_n + width - 1) // width * panel_bytes
        code = 0
        for item in range(items * tid // n, items * (tid + 1) // n):
            batch, place = item // (down * across), item % (down * across)
            outer, within = batch // inner, batch % inner
            i0, j0 = place % down * block_m, place // down * block_n
            m, columns = min(block_m, m_all - i0), min(block_n, n_all - j0)
            a_item = word(bufs, A) + outer * word(dims, A_OUTER) + within * word(dims, A_INNER) + i0 * a_row
            b_item = word(bufs, B) + outer * word(dims, B_OUTER) + within * word(dims, B_INNER) + j0 * b_column
            c_item = word(bufs, C) + outer * word(dims, C_OUTER) + within * word(dims, C_INNER) + i0 * c_row + j0 * size
            p = 0
            while True:  # over the chunks of K; K = 0 is one chunk of nothing
                k, start = min(CHUNK, k_all - p), p % segment
                last = p + k >= k_all
                b_chunk, b_row, b_panel = b_item + p * word(dims, B_ROW), word(dims, B_ROW), panel_row
                if pack != 0:
                    for j in range(0, columns, width):
                        panel = work + j // width * panel_bytes
                        if b_column == size:
                            copy(b_chunk + j * size, b_row, panel, panel_row, columns - j, k)
                        else:
                            for j16 in range(j, min(j + width, columns), 16):
                                turn(b_chunk + j16 * b_column, b_column, panel + (j16 - j) * size, panel_row, columns - j16, k)
                    b_chunk, b_row, b_panel = work, panel_row, panel_bytes
                out, out_row = c_item, c_row
                if p >= segment:
                    out, out_row = partial, block_n * size
                for i in range(0, m, tall):
                    high = min(tall, m - i)
                    a_tile = a_item + i * a_row + p * a_column
                    j = 0
                    while j < columns:
                        wide = columns - j
                        b_tile, c_tile = b_chunk + j // width * b_panel, out + i * out_row + j * size
                        if high == 1 and pack == 0:
                            thin(a_tile, b_tile, c_tile, k, a_row, a_column, b_row, out_row, start, high, wide)
                            j += width
                        elif wide <= 16:
                            narrow(a_tile, b_tile, c_tile, k, a_row, a_column, b_row, out_row, start, high, wide)
                        elif high < tall or wide < width:
                            edge(a_tile, b_tile, c_tile, k, a_row, a_column, b_row, out_row, start, high, wide)
                        else:
                            full(a_tile, b_tile, c_tile, k, a_row, a_column, b_row, out_row, start, high, wide)
                        j += width
                    if p >= segment and (last or p % segment + k >= segment):
                        add_to(c_item + i * c_row, c_row, partial + i * out_row, out_row, columns, high)
                    if last and epilogue != 0:
                        code |= call_tile(epilogue, tile_dims, tile_bufs, ctx, batch * m_all + i0 + i, high, j0, columns)
                p += k
                if last:
                    break
        return code

    return gemm
