"""Splits long sums over the first axis and others, so that threads can share the work: the order of a sum is fixed by its extents.

    v1: float32(16) = Sum(axes=(0, 1, 2))(v0: float32(n, 32, 32, 16))
        ->  v2: float32(n, 16) = Sum(axes=(1, 2))(v0);  v1 = Sum(axes=(0,))(v2)
"""

from __future__ import annotations

from ..dims import product
from ..ir import Graph, Node, Value
from ..ops.reduce import Sum
from ..trace import emit
from .rewrite import rewrite

SHORT = 64  # elements per index of the first axis, below which one pass over all is cheaper


def _rule(node: Node) -> tuple[Value, ...] | None:
    (x, *_), op = node.inputs or (None,), node.op
    if x is None or not isinstance(op, Sum) or 0 not in op.axes or len(op.axes) == 1 or x.shape[0] == 1:
        return None
    others = tuple(sorted(a for a in op.axes if a))
    length = product(x.shape[a] for a in others)
    if isinstance(length, int) and length < SHORT:
        return None
    return (emit(Sum((0,)), emit(Sum(others), x)),)


def split_sums(graph: Graph) -> Graph:
    """The graph with sums that are made of shorter ones."""
    return rewrite(graph, _rule)
