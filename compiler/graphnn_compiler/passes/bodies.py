"""Passes inside of control flow: bodies without what nobody reads, each optimised as a graph of its own.

    v1, v2 = Scan(f)(v0)    v2 is not read    ->    v1 = Scan(f without its second result)(v0)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..body import Body
from ..ir import Graph, Node, Value
from ..ops.control import Control, Scan, Switch
from ..trace import emit_all
from .dce import dce
from .rewrite import rewrite


def _copy(graph: Graph, inputs: Sequence[Value], outputs: Sequence[Value]) -> Graph:
    """The part of a graph that some outputs need."""
    part = Graph()
    part.inputs, part.nodes, part.outputs = list(inputs), list(graph.nodes), list(outputs)
    return dce(part)


def _needs(graph: Graph) -> dict[Value, set[Value]]:
    """The inputs that each output depends on."""
    found: dict[Value, set[Value]] = {v: {v} for v in graph.inputs}
    for node in graph.nodes:
        union = {u for v in node.inputs for u in found[v]}
        found.update((v, union) for v in node.outputs)
    return {v: found[v] for v in graph.outputs}


def _trim_scan(node: Node, op: Scan, used: set[Value]) -> tuple[Value, ...] | None:
    graph, c, x = op.body.graph, op.carries, op.carries + op.xs
    needs = _needs(graph)
    live = {i for i in range(c) if node.outputs[i] in used}
    results = [i for i in range(c, len(node.outputs)) if node.outputs[i] in used]
    while True:
        wanted = {u for i in (*live, *results) for u in needs[graph.outputs[i]]}
        more = {i for i in range(c) if graph.inputs[i] in wanted} - live
        if not more:
            break
        live |= more
    carried = sorted(live)
    read = [i for i in range(c, len(graph.inputs)) if graph.inputs[i] in wanted]
    if len(carried) == c and len(carried) + len(read) == len(graph.inputs) and len(carried) + len(results) == len(node.outputs):
        return None
    body = _copy(graph, [graph.inputs[i] for i in (*carried, *read)], [graph.outputs[i] for i in (*carried, *results)])
    trimmed = replace(op, body=Body(body), carries=len(carried), xs=sum(i < x for i in read))
    made = emit_all(trimmed, *(node.inputs[i] for i in (*carried, *read)))
    place = dict(zip((*carried, *results), made, strict=True))
    return tuple(place.get(i, v) for i, v in enumerate(node.outputs))


def _trim(node: Node, used: set[Value]) -> tuple[Value, ...] | None:
    op = node.op
    if isinstance(op, Scan):
        return _trim_scan(node, op, used)
    if isinstance(op, Switch):
        kept = [i for i, v in enumerate(node.outputs) if v in used]
        operands, branches = [node.inputs[0]], list[Body]()
        counts: list[int] = []
        for body, part in zip(op.branches, op.parts(node.inputs), strict=True):
            graph = _copy(body.graph, body.graph.inputs, [body.graph.outputs[i] for i in kept])
            read = {v for n in graph.nodes for v in n.inputs} | set(graph.outputs)
            pairs = [(v, w) for v, w in zip(graph.inputs, node.inputs[part], strict=True) if v in read]
            graph.inputs = [v for v, _ in pairs]
            operands += [w for _, w in pairs]
            counts.append(len(pairs))
            branches.append(Body(graph))
        if len(kept) == len(node.outputs) and len(operands) == len(node.inputs):
            return None
        place = dict(zip(kept, emit_all(Switch(tuple(branches), tuple(counts)), *operands), strict=True))
        return tuple(place.get(i, v) for i, v in enumerate(node.outputs))
    return None


def trim(graph: Graph) -> Graph:
    """Control flow without results that nobody reads, and without what only these need."""
    if not any(isinstance(n.op, Control) for n in graph.nodes):
        return graph
    read = {v for n in graph.nodes for v in n.inputs} | set(graph.results())
    return dce(rewrite(graph, lambda node: _trim(node, read)))


def inside(graph: Graph, optimize: Callable[[Graph], Graph]) -> Graph:
    """Runs all passes on the bodies of a graph."""
    for node in graph.nodes:
        if isinstance(node.op, Control):
            node.op = node.op.with_bodies([Body(optimize(body.graph)) for body in node.op.bodies])
    return graph


