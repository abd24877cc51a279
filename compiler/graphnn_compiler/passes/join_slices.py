"""Gradients of the parts that something was cut into, as one value.

    v2 = Unslice(v0 at 0) of (n, 6)
    v3 = Unslice(v1 at 3) of (n, 6)    ->    v4 = Concat(axis=1)(v0, v1)
    v4 = Add(v2, v3)
"""

from __future__ import annotations

from ..dims import Extent
from ..ir import Graph, Node, Value
from ..ops.elementwise import Add
from ..ops.movement import Concat, Unslice
from ..trace import emit
from .rewrite import rewrite


def _leaves(v: Value) -> list[Value]:
    node = v.node
    if node is not None and isinstance(node.op, Add) and all(u.shape == v.shape for u in node.inputs):
        return [leaf for u in node.inputs for leaf in _leaves(u)]
    return [v]


def _axis(node: Node) -> int | None:
    """The one axis along which a value is a part of the whole; None where there is no such axis."""
    op = node.op
    if not isinstance(op, Unslice) or any(s != 1 for s in op.steps):
        return None
    part = node.inputs[0].shape
    cut = [i for i, (start, d, whole) in enumerate(zip(op.starts, part, op.shape, strict=True)) if start != 0 or d != whole]
    return cut[0] if len(cut) == 1 else None


def _rule(node: Node) -> tuple[Value, ...] | None:
    if not isinstance(node.op, Add):
        return None
    nodes = [v.node for v in _leaves(node.outputs[0])]
    found = [n for n in nodes if n is not None]
    axes = {_axis(n) for n in found}
    if len(found) != len(nodes) or len(axes) != 1:
        return None
    (axis,) = axes
    if axis is None:
        return None
    parts: list[Value] = []
    at: Extent = 0
    while at != node.outputs[0].shape[axis]:
        here = [n for n in found if isinstance(n.op, Unslice) and n.op.starts[axis] == at]
        if len(here) != 1:
            return None
        parts.append(here[0].inputs[0])
        at = at + parts[-1].shape[axis]
    return (emit(Concat(axis), *parts),) if len(parts) == len(found) else None


def join_slices(graph: Graph) -> Graph:
    """The graph with sums of parts that fill a whole put side by side."""
    return rewrite(graph, _rule)
