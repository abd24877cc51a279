"""Steps of matrix products: batch axes collapsed to two, factors made dense where the kernel cannot read them, epilogues as tiles."""

from __future__ import annotations

from ..dims import Extent, product
from ..ir import Node, Value
from ..ops.base import itemsize
from ..ops.contract import MatMul
from ..ops.panels import PanelMatMul
from ..passes.fuse import Group
from ..views import Buffer, Storage, collapse, contiguous
from .layout import Layout
from .nests import NotATile, build_step, copy_step
from .steps import GemmStep, LoopStep, Place, Step

FLOPS_PER_WORK = 16  # a product does so many operations while a loop handles one element


def product_steps(low: Layout, unit: Group) -> list[Step]:
    node = unit.nodes[0]
    assert isinstance(node.op, MatMul)
    c = node.outputs[0]
    steps: list[Step] = []
    a, b = (low.storage_of(v) for v in node.inputs)
    batch = c.shape[:-2]
    epilogue = tile_of(low, unit, c) if unit.epilogue is not None else None
    out = low.storage_of(c)
    a, panels = _spread_batch(a, batch), isinstance(node.op, PanelMatMul)
    if panels:
        b = b if b.contiguous else _dense(b, steps, node)
        b = Storage(b.buffer, c.shape, b.offset, (0,) * len(c.shape))  # where its elements are follows from the extents
    else:
        b = _spread_batch(b, batch)
    if not panels and not (b.strides[-1] == 1 or b.strides[-2] == 1 or b.shape[-1] == 1 or b.shape[-2] == 1):
        b = _dense(b, steps, node)
    groups = collapse(batch, [s.strides[:-2] for s in (a, b, out)]) if batch else []
    if len(groups) > 2:
        a, b = _dense(a, steps, node), b if panels else _dense(b, steps, node)
        groups = collapse(batch, [s.strides[:-2] for s in (a, b, out)])
    sizes = [product(batch[i] for i in g) for g in groups]
    sizes = [1] * (2 - len(sizes)) + sizes

    def strides(s: Storage, last: int) -> tuple[Extent, ...]:
        outer = [s.strides[g[-1]] for g in groups]
        return (*([0] * (2 - len(outer))), *outer, *s.strides[len(batch) : len(batch) + last])

    m, k, n = c.shape[-2], node.inputs[0].shape[-1], c.shape[-1]
    size = itemsize(c.dtype)
    places = [Place(s.buffer, s.offset * size) for s in (a, b, out)]
    reads, writes = [a.buffer, b.buffer], [out.buffer]
    if epilogue is not None:  # tiles of the product live in the kernel's own work space
        places[2] = Place(None)
        reads, writes = reads + epilogue.reads, epilogue.writes
    work = product(batch) * m * n * k * 2 // FLOPS_PER_WORK
    nodes = [node, *(unit.epilogue.nodes if epilogue is not None and unit.epilogue is not None else [])]
    steps.append(
        GemmStep(
            nodes, places, reads, writes, work, epilogue.checks if epilogue else [], epilogue, c.dtype, m, n, k,
            (sizes[0], sizes[1]), strides(a, 2), strides(b, 2), strides(out, 1), panels,
        )
    )  # fmt: skip
    return steps


def tile_of(low: Layout, unit: Group, c: Value) -> LoopStep | None:
    """The tile kernel of a product's epilogue; None where operands are not made of rows and columns, or a copy of the product is read."""
    assert unit.epilogue is not None
    out = contiguous(Buffer(product(c.shape), c.dtype), c.shape)
    low.storages.setdefault(c, out)
    for v in low.in_memory(unit.epilogue):
        low.storage_of(v)
        if low.copied_from(v, c):
            return None
    split = _rows_of(unit.epilogue, c)
    if split is None:
        return None
    try:
        return build_step(unit.epilogue, low, low.stores(unit.epilogue), split, out.buffer)
    except NotATile:
        return None


def _dense(s: Storage, steps: list[Step], node: Node) -> Storage:
    target = contiguous(Buffer(product(s.shape), s.buffer.dtype), s.shape)
    steps.append(copy_step(s, target, [node]))
    return target


def _rows_of(epilogue: Group, c: Value) -> int | None:
    """How many of an epilogue's axes make the rows of the product; None where no cut between them does."""
    axes = [d for d in epilogue.space if d != 1]
    columns: Extent = 1
    for i in range(len(axes), -1, -1):
        if columns == c.shape[-1] and product(axes[:i]) == product(c.shape[:-1]):
            return i
        if i:
            columns = columns * axes[i - 1]
    return None


def _spread_batch(s: Storage, batch: tuple[Extent, ...]) -> Storage:
    """A factor with the batch axes of the result; stride 0 where it is the same for all."""
    own = s.shape[:-2]
    extra = len(batch) - len(own)
    strides = (0,) * extra + tuple(0 if d == 1 and e != 1 else t for d, e, t in zip(own, batch[extra:], s.strides, strict=False))
    return Storage(s.buffer, (*batch, *s.shape[-2:]), s.offset, (*strides, *s.strides[-2:]))
