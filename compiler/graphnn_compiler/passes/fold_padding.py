"""Zeros around an image are not written where a convolution reads it: its own padding takes them over.

    v1 = Unslice(x)                         v2 = Conv(padding=((1, 1), (1, 1)))(x, w)
    v2 = Conv(padding=((0, 0), (0, 0)))(v1, w)              ->

The gradients likewise: `ConvKernel` reads x itself, and `ConvInput` makes only what a slice of it keeps. A zero that is not there is not
multiplied, so that a kernel of infinities gives no NaN at the border, as with any padding.
"""

from __future__ import annotations

from dataclasses import replace

from ..dims import Extent, Shape
from ..ir import Graph, Node, Value
from ..ops.conv import Conv, ConvInput, ConvKernel, Pads
from ..ops.movement import Slice, Unslice
from ..trace import emit
from .rewrite import rewrite


def around(starts: Shape, part: Shape, whole: Shape) -> Pads | None:
    """What stands before and behind a part on the axes in space; None where batch or channels are a part too, or it is too large."""
    pads = [(start, n - start - m) for start, m, n in zip(starts, part, whole, strict=True)]
    if pads[0] != (0, 0) or pads[-1] != (0, 0):
        return None
    if any(isinstance(n, int) and n < 0 for pad in pads for n in pad):
        return None
    return tuple(pads[1:-1])


def added(padding: Pads, more: Pads) -> Pads:
    """Two paddings as one."""
    both: list[tuple[Extent, Extent]] = [(a + c, b + d) for (a, b), (c, d) in zip(padding, more, strict=True)]
    return tuple(both)


def _rule(node: Node) -> tuple[Value, ...] | None:
    op, inner = node.op, node.inputs[0].node if node.inputs else None
    if inner is None:
        return None
    if isinstance(op, Conv | ConvKernel) and isinstance(inner.op, Unslice) and all(s == 1 for s in inner.op.steps):
        x = inner.inputs[0]
        more = around(inner.op.starts, x.shape, inner.op.shape)
        if more is not None:
            return (emit(replace(op, padding=added(op.padding, more)), x, node.inputs[1]),)
    if isinstance(op, Slice) and isinstance(inner.op, ConvInput) and all(s == 1 for s in op.steps):
        more = around(op.starts, op.sizes, inner.outputs[0].shape)
        if more is not None:
            return (emit(replace(inner.op, padding=added(inner.op.padding, more), extents=op.sizes[1:-1]), *inner.inputs),)
    return None


def fold_padding(graph: Graph) -> Graph:
    """The graph with paddings as part of its convolutions."""
    if not any(isinstance(n.op, Conv | ConvInput | ConvKernel) for n in graph.nodes):
        return graph
    return rewrite(graph, _rule)
