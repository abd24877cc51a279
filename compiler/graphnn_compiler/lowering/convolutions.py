"""Steps of convolutions: operands made dense where they are not, and what follows as tiles of the result."""

from __future__ import annotations

from ..dims import product
from ..ops.base import itemsize
from ..ops.conv import Conv, ConvInput, ConvKernel
from ..passes.fuse import Group
from ..views import Buffer, Storage, contiguous
from .layout import Layout
from .nests import copy_step
from .products import FLOPS_PER_WORK, tile_of
from .steps import ConvStep, Place, Step


def conv_steps(low: Layout, unit: Group) -> list[Step]:
    """The steps of a convolution and of its epilogue."""
    node = unit.nodes[0]
    op, out = node.op, node.outputs[0]
    assert isinstance(op, Conv | ConvInput | ConvKernel)
    steps: list[Step] = []
    sources: list[Storage] = []
    for v in node.inputs:
        s = low.storage_of(v)
        if not s.contiguous:
            dense = contiguous(Buffer(product(v.shape), v.dtype), v.shape)
            steps.append(copy_step(s, dense, [node]))
            s = dense
        sources.append(s)
    epilogue = tile_of(low, unit, out) if unit.epilogue is not None else None
    target = low.storage_of(out)
    size = itemsize(out.dtype)
    places = [Place(s.buffer, s.offset * size) for s in (*sources, target)]
    reads, writes = [s.buffer for s in sources], [target.buffer]
    if epilogue is not None:  # tiles of the result live in the kernel's own work space
        places[2] = Place(None)
        reads, writes = reads + epilogue.reads, epilogue.writes
    a, b = (v.shape for v in node.inputs)
    x, w, y = (a, b, out.shape) if isinstance(op, Conv) else (out.shape, b, a) if isinstance(op, ConvInput) else (a, out.shape, b)
    nodes = [node, *(unit.epilogue.nodes if epilogue is not None and unit.epilogue is not None else [])]
    step = ConvStep(nodes, places, reads, writes, 0, epilogue.checks if epilogue else [], epilogue, op, out.dtype, x, w, y)
    step.work = step.flops // FLOPS_PER_WORK
    steps.append(step)
    return steps
