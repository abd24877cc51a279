"""The grammar of the IR, checked between passes in tests: order, single assignment, and every shape and dtype rule once more."""

from __future__ import annotations

from .dims import show
from .ir import Graph, Value


class MalformedGraph(AssertionError):
    """A pass broke the IR; the message names the node."""


def verify(graph: Graph) -> None:
    """Raises `MalformedGraph` unless each value is made once, before its use, as its op's rule says."""
    known: set[Value] = set(graph.inputs) | set(graph.states.values())
    for i, node in enumerate(graph.nodes):
        where = f"node {i} ({node.op.describe()})"
        for v in node.inputs:
            if v not in known:
                raise MalformedGraph(f"{where} reads a value that nothing before it makes")
        specs = node.op.infer(*[(v.shape, v.dtype) for v in node.inputs])
        if len(specs) != len(node.outputs):
            raise MalformedGraph(f"{where} has {len(node.outputs)} outputs, its rule says {len(specs)}")
        for v, (shape, dtype) in zip(node.outputs, specs, strict=True):
            if v in known:
                raise MalformedGraph(f"{where} makes a value that exists already")
            if v.node is not node or v.shape != shape or v.dtype != dtype:
                raise MalformedGraph(f"{where} says {v.dtype}{show(v.shape)}, its rule {dtype}{show(shape)}")
            known.add(v)
    for v in graph.results():
        if v not in known:
            raise MalformedGraph("a result is made by no node")
    for key, v in graph.updates.items():
        state = graph.states.get(key)
        if state is None or state.shape != v.shape or state.dtype != v.dtype:
            raise MalformedGraph(f"the update of a state has another type: {v.dtype}{show(v.shape)}")
