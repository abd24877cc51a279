"""Removes nodes whose results nobody needs.

    v1 = Exp(v0)
    v2 = Neg(v0)        ->    v1 = Exp(v0)
    return v1                 return v1
"""

from __future__ import annotations

from ..ir import Graph, Node, Value


def dce(graph: Graph) -> Graph:
    """The graph with only the nodes that its outputs and updates need."""
    needed: set[Value] = set(graph.results())
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if any(v in needed for v in node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    graph.nodes = kept[::-1]
    return graph
