"""The choice of the kernel `conv_weights` and of its blocking, from shapes alone. Nothing here imports Numba."""

from __future__ import annotations

from itertools import product

import numpy as np

from graphnn_compiler.kernels.conv_axes import Sliding, View, canonical, onto_places
from graphnn_compiler.kernels.conv_layout import DEEP, PANEL, SUM_NAMES
from graphnn_compiler.kernels.conv_plan import FINISHED, ConvPlan, spec_of, tiles_of
from graphnn_compiler.kernels.gemm_layout import ROW, SIZES, VECTOR
from graphnn_compiler.kernels.gemm_plan import up
from graphnn_compiler.runtime.spec import HOST, Target

SUM = 512  # places in one chain of the sum over places


def segments_of(elements: int, blocks: int) -> int:
    """Segments of the sum over places: a function of extents alone. Few where they are large, for each is a copy of w."""
    most = 8 if elements <= 1 << 13 else 4 if elements <= 1 << 15 else 2 if elements <= 1 << 18 else 1
    return max(1, min(most, blocks))


def plan_weights(
    c: Sliding, dtype: str, threads: int, target: Target = HOST, min_parallel: int = 1 << 20, scratch: bool = False
) -> ConvPlan:
    """Choose kernel and blocking of a convolution's transpose in the kernel; arguments as `gemm_plan.plan`."""
    size = SIZES[dtype]
    tall, small, vectors = tiles_of("conv_weights", c.by_channel, size, target)
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
            runs += [q * SUM * a_column, min(SUM, y2 - q * SUM), 0, 0]
    else:
        for line, (image, i, j) in enumerate(product(range(images), range(band), range(y1))):
            runs += [image * copy_image + i * axes[0].step * l0 + j * axes[1].step * l1, y2, 0, line * y2]
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
    words = np.array([dims[name] for name in SUM_NAMES] + runs + taps, np.int64)
    workspace = threads * thread_bytes + (segments * segment_bytes if partial else 0)
    return ConvPlan(spec_of("conv_weights", dtype, each, target), words, workspace, threads > 1, SUM_NAMES.index("tile"))
