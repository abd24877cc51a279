"""The choice of convolution kernels and of their blocking, from shapes alone. The kernels are `conv` and `conv_weights`.

Spatial axes are three, of which the first is cut into bands: (height, 1, width) of images, (depth, height, width) of volumes.
Nothing here imports Numba.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from math import prod

from graphnn_compiler.kernels.conv_layout import CHUNK, DEEP, NAMES, PANEL, PHASE, SUM_NAMES
from graphnn_compiler.kernels.gemm_layout import CHUNK as CHAIN
from graphnn_compiler.kernels.gemm_layout import ROW, SIZES, VECTOR
from graphnn_compiler.kernels.gemm_plan import DYNAMIC, FAR, NEAR, OFTEN, TILES, wide_registers
from graphnn_compiler.runtime.spec import HOST, KernelSpec, Target

AXES = 3
IN_CACHE, IN_CACHES = 1 << 18, 1 << 21  # bytes of an item's copy, where B stays in the cache beside it, and where B is packed for it
FEW, MANY = 192, 1024  # rows of an item, likewise
ALL_PANELS = 1 << 21  # bytes of panels of B that are all packed first
FINISHED = 1 << 14  # bytes of the result that are finished at once
CLIP_IMAGES, CLIP_PLACES = 4, 4096  # images that are done together at least, places of an image at most, where borders are clipped
SUM = 512  # places in one chain of the sum over places


@dataclass(frozen=True)
class Sliding:
    """A convolution in numbers; spatial tuples are of one length, 1 to 3.

    Args:
        images: the batch.
        x, y, kernel: spatial extents.
        channels, filters, groups: of x and y.
        strides, dilation, low: per spatial axis; low: zeros before x, negative where some of x is left out.
    """

    images: int
    x: tuple[int, ...]
    y: tuple[int, ...]
    kernel: tuple[int, ...]
    channels: int
    filters: int
    groups: int
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    low: tuple[int, ...]

    @property
    def flops(self) -> int:
        """Floating-point operations."""
        each = self.channels // self.groups
        return 2 * self.images * prod(self.y) * prod(self.kernel) * each * self.filters

    @property
    def by_channel(self) -> bool:
        """Whether each channel is summed up by itself."""
        return self.groups > 1 and self.channels == self.filters == self.groups

    def axis(self, i: int) -> tuple[int, int, int, int, int, int]:
        """Extents of x, y and the kernel, stride, dilation and low padding of an axis."""
        return self.x[i], self.y[i], self.kernel[i], self.strides[i], self.dilation[i], self.low[i]


@dataclass(frozen=True)
class ConvPlan:
    """A convolution ready to be bound; see `GemmPlan`. `tile_at`: the word of dims for the epilogue, the next is for its dims."""

    spec: KernelSpec
    dims: list[int]
    workspace: int
    parallel: bool
    tile_at: int


@dataclass(frozen=True)
class Tap:
    """A place of the kernel along an axis, how far from the phase's first place it lies in the source, its number among those that
    the places of the result meet there, whether or not they are inside."""

    place: int
    offset: int
    number: int


@dataclass(frozen=True)
class Part:
    """A phase along one axis: places `first`, `first + every`, ... of the result, which meet the same taps, of `all_taps`."""

    first: int
    extent: int
    taps: tuple[Tap, ...]
    all_taps: int


@dataclass(frozen=True)
class Axis:
    """A spatial axis as the kernel walks it.

    Args:
        source: extent of the source.
        step: indices of the source per index of a phase.
        every: indices of the result per index of a phase.
        parts: the phases.
        result: extent of the result.
    """

    source: int
    step: int
    every: int
    parts: tuple[Part, ...]
    result: int

    @property
    def extent(self) -> int:
        """The longest extent of a phase."""
        return max((p.extent for p in self.parts), default=0)

    @property
    def offsets(self) -> tuple[int, int]:
        """The least and the greatest offset of a tap."""
        found = [t.offset for p in self.parts if p.extent > 0 for t in p.taps]
        return min(found, default=0), max(found, default=0)

    @property
    def inside(self) -> bool:
        """Whether no tap leaves the source."""
        parts = [p for p in self.parts if p.extent > 0]
        return all(t.offset >= 0 and (p.extent - 1) * self.step + t.offset < self.source for p in parts for t in p.taps)

    def reach(self, count: int) -> int:
        """Indices of the source that so many indices of a phase meet."""
        low, high = self.offsets
        return max(count - 1, 0) * self.step + high - low + 1

    def clipped(self) -> Axis:
        """The axis with phases of their own for places near the border, without the taps that leave the source."""
        parts: list[Part] = []
        for part in self.parts:
            ends = {0, part.extent}
            for t in part.taps:
                first, end = -(t.offset // self.step), (self.source - 1 - t.offset) // self.step + 1
                ends |= {min(max(first, 0), part.extent), min(max(end, 0), part.extent)}
            for first, end in pairwise(sorted(ends)):
                moved = [replace(t, offset=t.offset + first * self.step) for t in part.taps]
                taps = tuple(t for t in moved if 0 <= t.offset < self.source)
                parts.append(Part(part.first + first * self.every, end - first, taps, part.all_taps))
        return replace(self, parts=tuple(parts))


def onto_places(x: int, y: int, k: int, s: int, d: int, low: int) -> Axis:
    """The axis as a convolution walks it: each place of y meets every place of the kernel."""
    return Axis(x, s, 1, (Part(0, y, tuple(Tap(i, i * d - low, i) for i in range(k)), k),), y)


def onto_input(x: int, y: int, k: int, s: int, d: int, low: int) -> Axis:
    """The axis as the transpose in the input walks it: places of x that are a stride apart meet the same places of the kernel."""
    parts: list[Part] = []
    for r in range(s):
        met = [i for i in range(k) if (r + low - i * d) % s == 0]
        taps = tuple(Tap(i, (r + low - i * d) // s, n) for n, i in enumerate(met))
        parts.append(Part(r, max(0, -(-(x - r) // s)), taps, len(taps)))
    return Axis(y, 1, s, tuple(parts), x)


NOTHING = Axis(1, 1, 1, (Part(0, 1, (Tap(0, 0, 0),), 1),), 1)


def up(x: int, step: int) -> int:
    """The next multiple of a step."""
    return -(-x // step) * step


def chunk_length(k: int) -> int:
    """Elements of a sum over k in one chain: a function of k alone, as bit-equality wants."""
    parts = max(1, -(-(k - (DEEP - CHAIN)) // CHAIN))
    return max(1, -(-k // parts))


@dataclass
class View:
    """How the source is addressed, in place or in a copy; bytes from one image, and one index of each axis, to the next."""

    axes: Sequence[Axis]
    pixel: int
    in_place: bool

    @property
    def source(self) -> tuple[int, int, int]:
        """Strides of the source."""
        _, x1, x2 = (a.source for a in self.axes)
        return x1 * x2 * self.pixel, x2 * self.pixel, self.pixel

    @property
    def strides(self) -> tuple[int, int, int]:
        """Strides of what is read."""
        if self.in_place:
            return self.source
        p1, p2 = (a.reach(a.extent) for a in self.axes[1:])
        return p1 * p2 * self.pixel, p2 * self.pixel, self.pixel

    @property
    def base(self) -> tuple[int, ...]:
        """The source's index that is the first one of what is read."""
        return (0, 0, 0) if self.in_place else tuple(a.offsets[0] for a in self.axes)

    def offset(self, taps: Iterable[int]) -> int:
        """Bytes from where a place of the result begins to where it meets a tap with these offsets."""
        return sum((e - b) * s for e, b, s in zip(taps, self.base, self.strides, strict=True))

    def words(self, images: int, band: int) -> dict[str, int]:
        """The dims of `Source`."""
        a0, a1, a2 = self.axes
        s0, s1, s2 = self.source
        low_0, low_1, low_2 = (a.offsets[0] for a in self.axes)
        rows, (width, extent) = a0.reach(band), (a2.reach(a2.extent), a2.source)
        lead, skip = min(max(-low_2, 0), width), max(low_2, 0)
        take = max(0, min(extent - skip, width - lead))
        l0, l1, _ = self.strides
        return {
            "images": images, "image": a0.source * s0, "step_0": s0, "band_step": a0.step, "in_place": int(self.in_place), "start": 0,
            "extent_0": a0.source, "extent_1": a1.source, "low_0": low_0, "low_1": low_1, "rows_0": rows, "rows_1": a1.reach(a1.extent),
            "step_1": s1, "lead": lead * s2, "skip": skip * s2, "take": take * s2, "trail": (width - lead - take) * s2,
            "copy_image": rows * l0, "copy_0": l0, "copy_1": l1,
        }  # fmt: skip

    def copy_bytes(self, images: int, band: int) -> int:
        """Bytes of the copy."""
        return 0 if self.in_place else images * self.axes[0].reach(band) * self.strides[0]


def spec_of(name: str, dtype: str, each: bool, target: Target = HOST) -> KernelSpec:
    """A convolution kernel for a target."""
    tall, small, vectors = TILES[wide_registers(target), SIZES[dtype]]
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
    clip = clips(c.images, axes)
    if clip:
        axes = [a.clipped() for a in axes]
    of_x, of_y = (c.channels, c.filters) if not turned else (c.filters, c.channels)  # of the source, of the result
    view = View(axes, of_x * size, all(a.inside for a in axes))
    groups = 1 if each else c.groups
    depth, n = (1, of_y) if each else (of_x // groups, of_y // groups)  # of k per tap; columns of a group
    per_filter = c.filters * size
    tap_rows = 1 if each else c.channels // c.groups  # rows of w per tap
    threads = threads if c.flops >= min_parallel else 1
    places = c.images * prod(a.result for a in axes)
    most = prod(c.kernel) * depth
    if each:
        pack = 2 if turned or clip else 0
    elif turned:
        pack = 2
    else:
        pack = 1 if most * n > FAR or (places >= OFTEN and most * n > NEAR) else 2 if clip else 0
    phases: list[list[int]] = []
    sums: list[tuple[int, list[list[tuple[int, int, int]]]]] = []
    step = 0
    l0, l1, l2 = view.strides
    r0, r1, r2 = (a.result for a in axes)
    before = 0
    for p0, p1, p2 in product(*[a.parts for a in axes]):
        if min(p0.extent, p1.extent, p2.extent) <= 0:
            continue
        taps: list[tuple[int, int, int, int]] = []  # number of the first k, offset in A, length, offset in B
        for t0, t1, t2 in product(p0.taps, p1.taps, p2.taps):
            place = (t0.place * axes_kernel(c, 1) + t1.place) * axes_kernel(c, 2) + t2.place
            number = (t0.number * p1.all_taps + t1.number) * p2.all_taps + t2.number
            taps.append((number * depth, view.offset((t0.offset, t1.offset, t2.offset)), depth, place * tap_rows * per_filter))
        if each and len(p2.taps) > 1:
            step = (p2.taps[1].offset - p2.taps[0].offset) * l2
        length = chunk_length(p0.all_taps * p1.all_taps * p2.all_taps * depth)
        chunks = cut(taps, length, step if each else size, size if turned and not each else per_filter)
        sums.append((before, chunks))
        before += len(chunks)
        e0, e1, e2 = (a.every for a in axes)
        phases.append(
            [p0.extent, p1.extent, p2.extent, axes[0].step * l0, axes[1].step * l1, axes[2].step * l2,
             (p0.first * r1 + p1.first) * r2 + p2.first, e0 * r1 * r2, e1 * r2, e2]
        )  # fmt: skip
    if not phases:  # an empty result
        phases, sums, before = [[0] * 10], [(0, [list[tuple[int, int, int]]()])], 1
    columns = up(-(-n // -(-n // 256)), width) if n else width
    across = max(1, -(-n // columns))
    chunk_panels = columns // width * PANEL * width * size
    if pack == 2 and before * groups * across * chunk_panels > ALL_PANELS and before * groups * across > 1:
        pack = 1
    images, band, columns = share(c.images, axes, view, n, groups, width, pack, columns, threads, clip)
    across = max(1, -(-n // columns))
    chunk_panels = columns // width * PANEL * width * size
    bands = max(1, -(-axes[0].extent // band))
    item_rows = images * min(band * axes[0].every, max(r0, 1)) * r1 * r2
    row_bytes = images * max([min(p[0], band) * p[1] * p[2] for p in phases], default=0) * 8 * ROW
    copy = up(view.copy_bytes(images, band), VECTOR)
    panels = up(copy + len(phases) * row_bytes, VECTOR)
    packed = chunk_panels * (before * groups * across if pack == 2 else 1 if pack else 0)
    tiles = panels + packed
    thread_bytes = tiles + (up(item_rows * columns * size, VECTOR) if scratch else 0)
    dims = view.words(c.images, band) | {
        "phases": len(phases), "groups": groups, "item_images": images, "band": band, "bands": bands, "columns": columns, "n": n,
        "a_group": depth * size, "b_group": n * size if not turned or each else depth * size, "a_column": step if each else size,
        "b_row": per_filter, "turned": int(turned and not each), "b_column": per_filter if turned and not each else size,
        "c_row": of_y * size, "c_image": r0 * r1 * r2, "c_0": r1 * r2, "c_step": axes[0].every, "c_extent": r0,
        "tile": 0, "tile_dims": 0, "scratch": tiles, "block": max(tall, FINISHED // max(columns * size, 1)), "pack": pack,
        "chunk_panels": chunk_panels, "dynamic": int(threads > 1 and c.flops > threads * DYNAMIC), "thread_bytes": thread_bytes,
        "rows": copy, "row_bytes": row_bytes, "panels": panels,
    }  # fmt: skip
    words = [dims[name] for name in NAMES]
    at = len(words) + len(phases) * PHASE
    for phase, (first, chunks) in zip(phases, sums, strict=True):
        words += [*phase, at, len(chunks), first]
        at += len(chunks) * CHUNK
    runs: list[int] = []
    for _, chunks in sums:
        start = 0
        for chunk in chunks:
            length = sum(run[1] for run in chunk)
            words += [at + len(runs), len(chunk), length, start * per_filter]
            start += length
            runs += [x for run in chunk for x in run]
    words += runs
    name = spec_of("conv", dtype, each, target)
    return ConvPlan(name, words, threads * thread_bytes, threads > 1, NAMES.index("tile"))


def canonical(c: Sliding, walk: Callable[..., Axis], long_first: bool) -> list[Axis]:
    """The three axes; of a convolution over one axis it is the first (`long_first`) or the last."""
    found = [walk(*c.axis(i)) for i in range(len(c.x))]
    if len(found) == 1:
        return [found[0], NOTHING, NOTHING] if long_first else [NOTHING, NOTHING, found[0]]
    return [found[0], NOTHING, found[1]] if len(found) == 2 else found


def clips(images: int, axes: Sequence[Axis]) -> bool:
    """Whether places near the border are phases of their own, which saves the copy and the products with zeros. It makes many small
    phases, so several images have to be done together."""
    places = prod(a.result for a in axes)
    return images >= 2 * CLIP_IMAGES and 0 < places <= CLIP_PLACES and not all(a.inside for a in axes)


def axes_kernel(c: Sliding, i: int) -> int:
    """The kernel's extent along one of the three axes, where the long axis of one comes first."""
    if len(c.kernel) == 1:
        return 1
    return (c.kernel[0], 1, c.kernel[1])[i] if len(c.kernel) == 2 else c.kernel[i]


def cut(
    taps: Sequence[tuple[int, int, int, int]], length: int, a_step: int, b_step: int
) -> list[list[tuple[int, int, int]]]:
    """Runs by chunks: taps cut where a chunk ends, and joined where A and B go on as within a tap. Empty chunks are left out."""
    chunks: list[list[tuple[int, int, int]]] = [[]]
    now = -1
    for number, a, left, b in taps:
        while left:
            take = min(left, length - number % length)
            if number // length != now:
                now = number // length
                chunks.append([])
            chunk = chunks[-1]
            if chunk and chunk[-1][0] + chunk[-1][1] * a_step == a and chunk[-1][2] + chunk[-1][1] * b_step == b:
                chunk[-1] = (chunk[-1][0], chunk[-1][1] + take, chunk[-1][2])
            else:
                chunk.append((a, take, b))
            number, a, b, left = number + take, a + take * a_step, b + take * b_step, left - take
    return chunks[1:] or chunks


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


def segments_of(elements: int, blocks: int) -> int:
    """Segments of the sum over places: a function of extents alone. Few where they are large, for each is a copy of w."""
    most = 8 if elements <= 1 << 13 else 4 if elements <= 1 << 15 else 2 if elements <= 1 << 18 else 1
    return max(1, min(most, blocks))


def plan_weights(
    c: Sliding, dtype: str, threads: int, target: Target = HOST, min_parallel: int = 1 << 20, scratch: bool = False
) -> ConvPlan:
    """Choose kernel and blocking of a convolution's transpose in the kernel; arguments as `gemm_plan.plan`."""
    size = SIZES[dtype]
    tall, small, vectors = TILES[wide_registers(target), size]
    width, each = vectors * VECTOR // size, c.by_channel
    axes = canonical(c, onto_places, long_first=False)
    view = View(axes, c.channels * size, all(a.inside for a in axes))
    groups = 1 if each else c.groups
    channels, n = (1, c.filters) if each else (c.channels // groups, c.filters // groups)
    threads = threads if c.flops >= min_parallel else 1
    y0, y1, y2 = (a.result for a in axes)
    pieces = max(1, -(-y2 // SUM)) if y1 == 1 else 1
    per_image = y0 * y1 * y2
    images, band = 1, max(y0, 1)
    if 0 < per_image <= SUM:
        images = max(1, min(SUM // per_image, c.images))
    elif per_image:
        band = 1 if pieces > 1 else max(1, min(y0, SUM // (y1 * y2)))
    band = -(-max(y0, 1) // -(-max(y0, 1) // band))
    bands = -(-max(y0, 1) // band)
    blocks = -(-c.images // images) * bands if per_image else 0
    l0, l1, l2 = view.strides
    a_column = axes[2].step * l2
    copy_image = axes[0].source * view.source[0] if view.in_place else axes[0].reach(band) * l0
    runs: list[int] = []
    if pieces > 1:
        for q in range(pieces):
            runs += [q * SUM * a_column, min(SUM, y2 - q * SUM), 0]
    else:
        for image, i, j in product(range(images), range(band), range(y1)):
            runs += [image * copy_image + i * axes[0].step * l0 + j * axes[1].step * l1, y2, 0]
    taps = [view.offset((t0.offset, t1.offset, t2.offset)) for t0, t1, t2 in product(*[a.parts[0].taps for a in axes])]
    m, b_row = len(taps) * channels, c.filters * size
    elements = m * c.filters
    segments = segments_of(elements, blocks)
    rows, columns = up(max(m, 1), tall), up(max(n, 1), width)
    parts = -(-threads // segments)
    if parts > 1:
        if n >= parts * width:
            columns = up(-(-n // parts), width)
        elif m >= parts * small:
            rows = up(-(-m // parts), tall)
    depth = min(SUM, y2) if pieces > 1 else images * band * y1 * y2
    pack = not each and n > 2 * width and m > 8 * tall and depth <= DEEP
    table = up(view.copy_bytes(images, band), VECTOR)
    panels = up(table + m * 8 * ROW, VECTOR)
    thread_bytes = panels + (columns // width * PANEL * width * size if pack else 0)
    segment_bytes = up(elements * size, VECTOR)
    partial = segments > 1 or scratch
    dims = view.words(c.images, band) | {
        "groups": groups, "block_images": images, "band": band, "bands": bands, "places_0": y0, "lines": y1, "blocks": blocks,
        "segments": segments, "pieces": pieces, "runs": len(SUM_NAMES), "b_piece": SUM * b_row, "a_column": a_column, "m": m, "n": n,
        "taps": len(taps), "tap_words": len(SUM_NAMES) + len(runs), "channels": channels, "element": size, "a_group": channels * size,
        "b_row": b_row, "b_image": per_image * b_row, "b_0": y1 * y2 * b_row, "depth": depth, "c_row": b_row, "c_group": n * size,
        "rows": rows, "columns": columns, "partial": threads * thread_bytes if partial else 0, "segment_bytes": segment_bytes,
        "tile": 0, "tile_dims": 0, "block": max(1, FINISHED // max(b_row, 1)), "pack": int(pack), "thread_bytes": thread_bytes,
        "table": table, "panels": panels,
    }  # fmt: skip
    words = [dims[name] for name in SUM_NAMES] + runs + taps
    workspace = threads * thread_bytes + (segments * segment_bytes if partial else 0)
    return ConvPlan(spec_of("conv_weights", dtype, each, target), words, workspace, threads > 1, SUM_NAMES.index("tile"))

