"""Sums over a batch of images in two steps, of which the first is many sums that threads can share out.

    v1: (c,) = Sum(axes=(0, 1, 2))(v0: (n, h, w, c))   ->   v2: (n, c) = Sum(axes=(1, 2))(v0);  v1 = Sum(axes=(0,))(v2)

A sum per channel has one chain per channel, and a vector of channels is all that one thread can do at a time. The order of the sum
stays a function of extents: places within an image, then images.
"""

from __future__ import annotations

from ..ir import Graph, Node, Value
from ..ops.reduce import Sum
from ..trace import emit
from .rewrite import rewrite

FEWEST_AXES = 3


def _rule(node: Node) -> tuple[Value, ...] | None:
    op = node.op
    if not isinstance(op, Sum) or node.inputs[0].ndim < FEWEST_AXES or node.outputs[0].dtype not in ("float32", "float64"):
        return None
    inner = tuple(a for a in op.axes if a)
    if 0 not in op.axes or len(inner) < node.inputs[0].ndim - 2:
        return None
    return (emit(Sum((0,)), emit(Sum(inner), node.inputs[0])),)


def split(graph: Graph) -> Graph:
    """The graph with long sums in two steps."""
    return rewrite(graph, _rule)
