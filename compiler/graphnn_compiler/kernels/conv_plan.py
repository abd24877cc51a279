"""The choice of the kernel `conv` and of its blocking, from shapes alone. Nothing here imports Numba."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from graphnn_compiler.kernels.conv_axes import Axis, Part, Sliding, View, axes_kernel, canonical, onto_input, onto_places
from graphnn_compiler.kernels.conv_layout import CHUNK, DEEP, NAMES, PANEL, PHASE
from graphnn_compiler.kernels.gemm_layout import CHUNK as CHAIN
from graphnn_compiler.kernels.gemm_layout import ROW, SIZES, VECTOR
from graphnn_compiler.kernels.gemm_plan import DYNAMIC, FAR, NEAR, OFTEN, TILES, up, wide_registers
from graphnn_compiler.runtime.spec import HOST, KernelSpec, Target

Words = npt.NDArray[np.int64]
IN_CACHE, IN_CACHES = 1 << 18, 1 << 21  # bytes of an item's copy, where B stays in the cache beside it, and where B is packed for it
FEW, MANY = 192, 1024  # rows of an item, likewise
ALL_PANELS, ALL_SPACE = 1 << 21, 1 << 24  # bytes of B, and of the space for its panels, that is all packed first
FINISHED = 1 << 14  # bytes of the result that are finished at once
CLIP_IMAGES, CLIP_PLACES = 4, 4096  # images that are done together at least, places of an image at most, where borders are clipped


@dataclass(frozen=True)
class ConvPlan:
    """A convolution ready to be bound; see `GemmPlan`. `tile_at`: the word of dims for the epilogue, the next is for its dims."""

    spec: KernelSpec
    dims: Words
    workspace: int
    parallel: bool
    tile_at: int


def chunk_length(k: int) -> int:
    """Elements of a sum over k in one chain: a function of k alone, as bit-equality wants."""
    parts = max(1, -(-(k - (DEEP - CHAIN)) // CHAIN))
    return max(1, -(-k // parts))


def tiles_of(name: str, each: bool, size: int, target: Target) -> tuple[int, int, int]:
    """Rows of the tall and of the small tile, and their vectors."""
    wide = wide_registers(target)
    return (9, 3, 2) if name == "conv_weights" and each and wide else TILES[wide, size]  # the places of a 3 x 3 kernel


def spec_of(name: str, dtype: str, each: bool, target: Target = HOST) -> KernelSpec:
    """A convolution kernel for a target."""
    tall, small, vectors = tiles_of(name, each, SIZES[dtype], target)
    params = (("dtype", dtype), ("tall", tall), ("small", small), ("vectors", vectors), ("each", each))
    return KernelSpec(name, params)


def plan_conv(
    c: Sliding, turned: bool, dtype: str, threads: int, target: Target = HOST, min_parallel: int = 1 << 20, scratch: bool = False
) -> ConvPlan:
    """Choose kernel and blocking of a convolution, or of its transpose in the input (`turned`); arguments as `gemm_plan.plan`."""
    size = SIZES[dtype]
    tall, _, vectors = TILES[wide_registers(target), size]
    width, each = vectors * VECTOR // size, c.by_channel
    axes = canonical(c, onto_input if turned else onto_places, long_first=True)
    of_x, of_y = (c.channels, c.filters) if not turned else (c.filters, c.channels)  # of the source, of the result
    groups = 1 if each else c.groups
    depth, n = (1, of_y) if each else (of_x // groups, of_y // groups)  # of k per tap; columns of a group
    per_filter = c.filters * size
    tap_rows = 1 if each else c.channels // c.groups  # rows of w per tap
    threads = threads if c.flops >= min_parallel else 1
    places = c.images * prod(a.result for a in axes)
    most = prod(c.kernel) * depth
    columns = up(-(-n // -(-n // 256)), width) if n else width
    if turned:
        space = prod(c.strides) * -(-most // CHAIN) * groups * up(n, width) * PANEL * size
        pack = 2 if most * n * groups * size <= ALL_PANELS and space <= ALL_SPACE else 1
    else:
        pack = 1 if not each and (most * n > FAR or (places >= OFTEN and most * n > NEAR)) else 0
    whole = list(axes)
    clip = pack != 1 and clips(c.images, axes)
    if clip:
        axes = [a.clipped() for a in axes]
    view = View(axes, of_x * size, all(a.inside for a in axes))
    step = 0
    l0, l1, l2 = view.strides
    b_step = size if turned and not each else per_filter

    def chunks_of(p0: Part, p1: Part, p2: Part) -> list[Pack]:
        """The chunks of a phase."""
        taps: list[tuple[int, int, int]] = []  # number of the first k, offset in A, offset in B
        for t0, t1, t2 in product(p0.taps, p1.taps, p2.taps):
            place = (t0.place * axes_kernel(c, 1) + t1.place) * axes_kernel(c, 2) + t2.place
            number = (t0.number * p1.all_taps + t1.number) * p2.all_taps + t2.number
            taps.append((number * depth, view.offset((t0.offset, t1.offset, t2.offset)), place * tap_rows * per_filter))
        length = chunk_length(p0.all_taps * p1.all_taps * p2.all_taps * depth)
        return cut(taps, depth, length, step if each else size, b_step, absolute=pack == 0)

    def kinds(*parts: Part) -> tuple[int, ...]:
        return tuple(p.kind for p in parts)

    for p2 in axes[2].parts:
        if each and len(p2.taps) > 1:
            step = (p2.taps[1].offset - p2.taps[0].offset) * l2
    first_panel: dict[tuple[int, ...], int] = {}
    packs: list[Pack] = []
    for parts in product(*[a.parts for a in whole]):
        first_panel[kinds(*parts)] = len(packs)
        packs += chunks_of(*parts)
    phases: list[list[int]] = []
    sums: list[list[tuple[int, Pack]]] = []
    r0, r1, r2 = (a.result for a in axes)
    e0, e1, e2 = (a.every for a in axes)
    for p0, p1, p2 in product(*[a.parts for a in axes]):
        if min(p0.extent, p1.extent, p2.extent) <= 0:
            continue
        panel = first_panel[kinds(p0, p1, p2)]
        sums.append([(panel + chunk.number, chunk) for chunk in chunks_of(p0, p1, p2)])
        phases.append(
            [p0.extent, p1.extent, p2.extent, axes[0].step * l0, axes[1].step * l1, axes[2].step * l2,
             (p0.first * r1 + p1.first) * r2 + p2.first, e0 * r1 * r2, e1 * r2, e2]
        )  # fmt: skip
    if not phases:  # an empty result
        phases, sums, packs = [[0] * 10], [[(0, Pack(0, []))]], []
    images, band, columns = share(c.images, axes, view, n, groups, width, pack, columns, threads, clip)
    across = max(1, -(-n // columns))
    chunk_panels = columns // width * PANEL * width * size
    bands = max(1, -(-axes[0].extent // band))
    item_rows = images * min(band * axes[0].every, max(r0, 1)) * r1 * r2
    source = view.words(c.images, band)
    tables = [rows_of(p, images, band, source["image" if view.in_place else "copy_image"], r0 * r1 * r2) for p in phases]
    copy = up(view.copy_bytes(images, band), VECTOR)
    packed = chunk_panels * (len(packs) * groups * across if pack == 2 else 1 if pack else 0)
    tiles = copy + packed
    thread_bytes = tiles + (up(item_rows * columns * size, VECTOR) if scratch else 0)
    dims = source | {
        "phases": len(phases), "groups": groups, "item_images": images, "band": band, "bands": bands, "columns": columns, "n": n,
        "a_group": depth * size, "b_group": n * size if not turned or each else depth * size, "a_column": step if each else size,
        "b_row": per_filter, "turned": int(turned and not each), "b_column": per_filter if turned and not each else size,
        "c_row": of_y * size, "c_image": r0 * r1 * r2, "c_0": r1 * r2, "c_step": axes[0].every, "c_extent": r0,
        "tile": 0, "tile_dims": 0, "scratch": tiles, "block": max(tall, FINISHED // max(columns * size, 1)), "pack": pack,
        "chunk_panels": chunk_panels, "dynamic": int(threads > 1 and c.flops > threads * DYNAMIC), "thread_bytes": thread_bytes,
        "panels": copy,
    }  # fmt: skip
    at = len(NAMES) + len(phases) * PHASE
    runs_at = at + CHUNK * (sum(map(len, sums)) + len(packs))
    chunk_words: list[int] = []
    runs: list[int] = []

    def put(panel: int, chunk: Pack) -> None:
        nonlocal chunk_words, runs
        chunk_words += [runs_at + len(runs), len(chunk.runs), panel]
        runs += [x for run in chunk.runs for x in run]

    for phase, chunks in zip(phases, sums, strict=True):
        phase += [at + len(chunk_words), len(chunks), 0]
        for panel, chunk in chunks:
            put(panel, chunk)
    dims |= {"packs": at + len(chunk_words), "packs_count": len(packs) if pack == 2 else 0}
    for panel, chunk in enumerate(packs):
        put(panel, chunk)
    rows_at = runs_at + len(runs)
    for phase, table in zip(phases, tables, strict=True):
        phase[-1], rows_at = 8 * rows_at, rows_at + len(table)
    head = [dims[name] for name in NAMES] + [x for phase in phases for x in phase] + chunk_words + runs
    words = np.concatenate([np.array(head, np.int64), *tables])
    name = spec_of("conv", dtype, each, target)
    return ConvPlan(name, words, threads * thread_bytes, threads > 1, NAMES.index("tile"))


def rows_of(phase: Sequence[int], images: int, band: int, image: int, result: int) -> Words:
    """The ROW words of an item's rows in a phase: where each begins in A, from the item's beginning on, and which row of C it is."""
    extents = [images, min(phase[0], band), phase[1], phase[2]]
    table = np.zeros((*extents, ROW), np.int64)
    for word, first, steps in ((0, 0, (image, *phase[3:6])), (1, phase[6], (result, *phase[7:10]))):
        table[..., word] = first
        for axis, (extent, step) in enumerate(zip(extents, steps, strict=True)):
            table[..., word] += (np.arange(extent) * step).reshape([-1 if i == axis else 1 for i in range(4)])
    return table.ravel()


def clips(images: int, axes: Sequence[Axis]) -> bool:
    """Whether places near the border are phases of their own, which saves the copy and the products with zeros. It makes many small
    phases, so several images have to be done together."""
    places = prod(a.result for a in axes)
    return images >= 2 * CLIP_IMAGES and 0 < places <= CLIP_PLACES and not all(a.inside for a in axes)


@dataclass(frozen=True)
class Pack:
    """A chunk of a sum: its number among those of all taps, and its runs (offset in A, length, offset in B, row of B)."""

    number: int
    runs: list[tuple[int, int, int, int]]


def cut(taps: Sequence[tuple[int, int, int]], depth: int, length: int, a_step: int, b_step: int, absolute: bool) -> list[Pack]:
    """Runs by chunks: taps of `depth` each, cut where a chunk ends, and joined where A and B go on as within a tap.

    Chunks of which no tap is there are left out, but for one. Rows of B count from the first one (`absolute`) or from the chunk's.
    """
    chunks: list[Pack] = []
    for number, a, b in taps:
        left = depth
        while left:
            take = min(left, length - number % length)
            if not chunks or chunks[-1].number != number // length:
                chunks.append(Pack(number // length, []))
            runs, row = chunks[-1].runs, number if absolute else number % length
            last = runs[-1] if runs else (0, 0, 0, -1)
            if last[0] + last[1] * a_step == a and last[2] + last[1] * b_step == b and last[3] + last[1] == row:
                runs[-1] = (last[0], last[1] + take, last[2], last[3])
            else:
                runs.append((a, take, b, row))
            number, a, b, left = number + take, a + take * a_step, b + take * b_step, left - take
    return chunks or [Pack(0, [])]


def share(
    images: int, axes: Sequence[Axis], view: View, n: int, groups: int, width: int, pack: int, columns: int, threads: int, clip: bool
) -> tuple[int, int, int]:
    """Images, indices of the first axis and columns of an item, so that it fits the caches and threads have equal shares."""
    extent = max(axes[0].extent, 1)
    per_row = max(axes[0].every * axes[1].result * axes[2].result, 1)
    rows, space = (MANY, IN_CACHES) if pack == 1 else (MANY if view.in_place else FEW, IN_CACHE)
    images = max(images, 1)
    if clip:
        per_row = max(prod(a.result for a in axes), 1)
        together = max(CLIP_IMAGES, -(-MANY // per_row))
        parts = up(max(1, images // together), threads) if images >= 2 * threads else max(1, images // together)
        return -(-images // parts), max(axes[0].result, 1), columns
    if extent * per_row <= rows:
        band = extent
        together = max(1, min(images, rows // (extent * per_row)))
        while together > 1 and view.copy_bytes(together, band) > space:
            together = -(-together // 2)
    else:
        together, band = 1, extent
        if view.in_place:
            band = max(1, min(extent, rows // per_row))
        while band > 1 and view.copy_bytes(1, band) > space and band * per_row > FEW // 4:
            band = -(-band // 2)
    if threads > 1:
        together = min(together, -(-images // threads))
        bands = -(-extent // band)
        found = -(-images // together) * bands * groups * -(-n // columns)
        if found < threads or (found % threads and found < 4 * threads):
            parts = -(-threads // (images * groups)) if images * groups < threads else 2
            blocks = -(-n // width)
            if (pack == 1 or extent < 2 * parts) and blocks >= parts:
                columns = min(columns, up(-(-n // parts), width))
            elif together == 1 and extent >= parts:
                band = -(-extent // (up(bands, parts)))
    band = -(-extent // -(-extent // band))
    together = -(-images // -(-images // together))
    return together, band, columns
