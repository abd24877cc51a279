"""Shared by passes that replace nodes: a walk that rebuilds the list of nodes while a tracer records what replaces them."""

from __future__ import annotations

from collections.abc import Callable

from ..ir import Graph, Node, Value
from ..trace import Tracer, tracing

Rule = Callable[[Node], "tuple[Value, ...] | None"]


def rewrite(graph: Graph, rule: Rule) -> Graph:
    """Offers each node to `rule`; what it emits while it runs takes the node's place if it gives values, else it is dropped."""
    tracer = Tracer()
    nodes = tracer.graph.nodes
    replaced: dict[Value, Value] = {}
    with tracing(tracer):
        for node in graph.nodes:
            node.inputs = tuple(replaced.get(v, v) for v in node.inputs)
            tracer.path = [node.origin] if node.origin else []
            start = len(nodes)
            found = rule(node)
            if found is None:
                del nodes[start:]
                nodes.append(node)
            else:
                replaced.update(zip(node.outputs, found, strict=True))
    graph.nodes = nodes
    graph.replace_results(lambda v: replaced.get(v, v))
    return graph
