"""The argument blocks of the GEMM kernel: what is in dims and in bufs. Imported by those who bind it, so nothing is imported here."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Generic, TypeVar

T = TypeVar("T")

CHUNK = 512  # elements of K in one chain of fused multiply-adds
SIZES = {"float32": 4, "float64": 8}
VECTOR = 64  # bytes of a vector; LLVM splits it where registers are narrower
THIN = 4  # vectors of the tile of one row
RUN = 4  # words of a run: byte offset in A, length, byte offset in B where it is to be packed, its first row of B as tiles read it
ROW = 2  # words of a row that is looked up: byte offset in A, number of the row of C


@dataclass(frozen=True)
class Dims(Generic[T]):
    """The dims block, in this order. Strides are bytes."""

    # extents; the batch is outer x inner products
    m: T
    n: T
    k: T
    outer: T
    inner: T
    # strides within a product, and from one product of the batch to the next
    a_row: T
    a_column: T
    b_row: T
    b_column: T
    c_row: T
    a_outer: T
    a_inner: T
    b_outer: T
    b_inner: T
    c_outer: T
    c_inner: T
    # the epilogue: its address (0: none) and its dims; its bufs follow the kernel's own, from bufs[TILE_FIRST] on; where in a
    # thread's workspace the item lies that it finishes, if bufs[C] is 0
    tile: T
    tile_dims: T
    scratch: T
    # what the planner chose: the extents of an item; the length of a segment of K; whether B's columns are contiguous, B is packed,
    # items are claimed, there is one row and its own method is used, A and B have changed places because N = 1
    rows: T
    columns: T
    segment: T
    turned: T
    pack: T
    dynamic: T
    single: T
    swapped: T
    # bytes of workspace of one thread, which begins with an item's sum of a segment; where a row's sum of a chunk and
    # where the panels of B begin in it
    thread_bytes: T
    chain: T
    panels: T


NAMES = tuple(field.name for field in fields(Dims))
TILE, TILE_DIMS = NAMES.index("tile"), NAMES.index("tile_dims")

# bufs: INDEX is used by the indexed variants only; the epilogue's own buffers may follow
A, B, C, WORK, INDEX, TILE_FIRST = range(6)

# An epilogue is a kernel whose last argument is not a number of threads but the address of these words: the rows and columns of
# the product that it finishes, the address of the first element there, and the bytes from one row of the product to the next.
FIRST_ROW, TILE_ROWS, FIRST_COLUMN, TILE_COLUMNS, PRODUCT, PRODUCT_ROW = range(6)
TILE_WORDS = 6
