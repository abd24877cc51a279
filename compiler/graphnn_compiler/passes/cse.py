"""Common subexpressions: the same op on the same values is computed once.

    v1 = Exp(v0)
    v2 = Exp(v0)        ->    v1 = Exp(v0)
    v3 = Add(v1, v2)          v3 = Add(v1, v1)
"""

from __future__ import annotations

from ..ir import Graph, Node, Value
from ..ops.base import Op


def cse(graph: Graph) -> Graph:
    """The graph with equal nodes merged."""
    replaced: dict[Value, Value] = {}
    seen: dict[tuple[Op, tuple[Value, ...]], Node] = {}
    kept: list[Node] = []
    for node in graph.nodes:
        node.inputs = tuple(replaced.get(v, v) for v in node.inputs)
        same = seen.setdefault((node.op, node.inputs), node)
        if same is node:
            kept.append(node)
        else:
            replaced.update(zip(node.outputs, same.outputs, strict=True))
    graph.nodes = kept
    graph.replace_results(lambda v: replaced.get(v, v))
    return graph
