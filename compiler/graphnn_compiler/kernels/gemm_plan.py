"""The choice of a GEMM kernel and of its blocking, from shapes alone. The kernel itself is `gemm`; nothing here imports Numba."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache

from graphnn_compiler.kernels.gemm_layout import CHUNK, SIZES, THIN, VECTOR, Dims
from graphnn_compiler.runtime.spec import HOST, KernelSpec, Target, resolve

LONG = 8192  # K from which on it is cut into segments
TILES = {  # (rows of the tall tile, of the small one, vectors) by register file and element size
    (True, 4): (12, 8, 2),
    (True, 8): (12, 8, 2),
    (False, 4): (6, 4, 1),
    (False, 8): (6, 4, 1),
}
NEAR, FAR, OFTEN = 3 << 18, 1 << 21, 96  # elements of B that caches hold more or less; rows of A by which B is used often
DYNAMIC = 1 << 26  # operations of one thread from which on items are claimed, so that a slow core does less


@dataclass(frozen=True)
class GemmPlan:
    """A product ready to be bound.

    Args:
        spec: the kernel.
        dims: its dims; the binder puts the epilogue into dims[TILE] and dims[TILE_DIMS].
        workspace: bytes that bufs[WORK] must offer, 64-byte aligned; 0 if it is not used.
        parallel: whether it is meant for all threads; right on one as well, where it may be slower.
        flops: floating-point operations.
    """

    spec: KernelSpec
    dims: list[int]
    workspace: int
    parallel: bool
    flops: int


@cache
def wide_registers(target: Target) -> bool:
    cpu, features = resolve(target)
    return "+avx512f" in features or cpu in ("skylake-avx512", "znver4", "znver5", "sapphirerapids")


def panel_width(dtype: str, target: Target = HOST) -> int:
    """Columns of a panel of B: those of a tile."""
    size = SIZES[dtype]
    return TILES[wide_registers(target), size][2] * (VECTOR // size)


def segment(k: int) -> int:
    """Elements of K that are summed up before the next segment begins: a function of K alone, as bit-equality wants."""
    return max(k, 1) if k <= LONG else max(LONG // 2, -(-k // (16 * CHUNK)) * CHUNK)


def up(x: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-x // step) * step


def _packs(m: int, n: int, k: int) -> bool:
    """Whether panels of B are worth their making: B is used often, or too large for the caches to be read in narrow columns."""
    return m > 1 and (k * n > FAR or (m >= OFTEN and k * n > NEAR))


def _item(m: int, n: int, parts: int, unit: int, small: int, limit: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of an item, so that there are about `parts` equal shares of them or many more."""
    m, n = max(m, 1), max(n, 1)
    rows, columns = m, up(n, unit)
    if parts > 1:
        by_columns, by_rows = up(-(-n // parts), unit), up(-(-m // parts), small)
        if m == 1 or by_columns * m <= by_rows * n:
            columns = by_columns
        else:
            rows = by_rows
    columns = up(-(-columns // -(-columns // limit[1])), unit)
    return rows if m == 1 else up(-(-rows // -(-rows // limit[0])), small), columns


def plan(
    m: int,
    n: int,
    k: int,
    batch: tuple[int, int],
    a_strides: tuple[int, int, int, int],
    b_strides: tuple[int, int, int, int],
    c_strides: tuple[int, int, int],
    dtype: str,
    threads: int,
    target: Target = HOST,
    min_parallel: int = 1 << 20,
    indexed: str = "",
    scratch: bool = False,
    panels: bool = False,
) -> GemmPlan:
    """Choose kernel and blocking for C[o, i] = A[o, i] B[o, i], where A[o, i] is m x k and B[o, i] is k x n.

    Args:
        m, n, k: extents; any of them may be 0.
        batch: two batch extents, (1, 1) for a plain product.
        a_strides: bytes between outer batch items, inner batch items, rows, columns of A; batch strides may be 0.
        b_strides: the same of B; rows or columns are contiguous.
        c_strides: bytes between outer batch items, inner batch items, rows of C, whose columns are contiguous.
        dtype: `"float32"` or `"float64"`.
        threads: threads that will call the kernel.
        target: the CPU it is for.
        min_parallel: floating-point operations below which one thread does it all.
        indexed: `"rows"`: row i of A is the row index[i] of a matrix; `"columns"`: so are A's columns; bufs[INDEX] is the
            address of the index, int64 and in range. `""`: neither.
        scratch: C is not kept: only an epilogue sees it, item by item in the workspace.
        panels: B is made of panels of `panel_width` columns, k rows each, one after another; b_strides do not count.

    Returns:
        A `GemmPlan`.

    Raises:
        ValueError: neither rows nor columns of B are contiguous.

    >>> plan(32, 64, 784, (1, 1), (0, 0, 3136, 4), (0, 0, 256, 4), (0, 0, 256), "float32", 2).flops
    3211264
    """
    size = SIZES[dtype]
    tall, small, vectors = TILES[wide_registers(target), size]
    lanes = VECTOR // size
    width = vectors * lanes
    swapped = n == 1 and m > 1 and not panels and c_strides[2] == size and size in a_strides[2:] and not indexed
    if swapped:  # a column is better computed as a row
        (a_strides, b_strides), (m, n) = ((*t[:2], t[3], t[2]) for t in (b_strides, a_strides)), (1, m)
    a_outer, a_inner, a_row, a_column = a_strides
    b_outer, b_inner, b_row, b_column = b_strides
    if panels:
        b_outer, b_inner, b_row, b_column = 0, 0, width * size, k * size
    outer, inner = batch
    items = outer * inner
    flops = 2 * items * m * n * k
    if not panels and (n == 1 or flops == 0):  # then it does not count
        b_column = size
    elif not panels and k <= 1 and b_column != size:
        b_row = size
    turned = not panels and b_column != size
    if turned and b_row != size:
        raise ValueError(f"B needs contiguous rows or columns; its strides are {b_row} and {b_column} bytes")
    if flops < min_parallel:
        threads = 1
    single = m == 1 and not indexed
    pack = turned or (not panels and _packs(m, n, k))
    if single:
        unit, limit = (lanes, lanes if k > CHUNK else 256) if turned else (THIN * lanes, 4096)
    else:
        unit, limit = width, 256 if pack or panels or m > 2 * small else 1024
    parts = -(-threads // max(items, 1)) if items < 4 * threads else 1
    rows, columns = _item(m, n, parts, unit, small, (4096 if pack or panels else 256, limit))
    dynamic = threads > 1 and flops > threads * DYNAMIC
    seg = segment(k)
    chain = up(rows * columns * size if k > seg else 0, 64)
    packed_at = chain + (up(columns * size, 64) if single else 0)
    thread_bytes = packed_at + (columns * CHUNK * size if pack and not single else 0) + (VECTOR * width if single else 0)
    tiles = thread_bytes
    thread_bytes += up(rows * columns * size, 64) if scratch else 0
    dims = Dims(
        *(m, n, k, outer, inner),
        *(a_row, a_column, b_row, b_column, c_strides[2]),
        *(a_outer, a_inner, b_outer, b_inner, *c_strides[:2]),
        *(0, 0, tiles),  # the epilogue
        rows=rows,
        columns=columns,
        segment=seg,
        turned=int(turned),
        pack=int(pack),
        dynamic=int(dynamic),
        single=int(single),
        swapped=int(swapped),
        thread_bytes=thread_bytes,
        chain=chain,
        panels=packed_at,
    )
    params = (("dtype", dtype), ("tall", tall), ("small", small), ("vectors", vectors), ("indexed", indexed))
    return GemmPlan(KernelSpec("gemm", params), list(astuple(dims)), threads * thread_bytes, threads > 1, flops)
