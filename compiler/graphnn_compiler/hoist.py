"""Moves out of a loop what does not depend on what it carries.

    scan(x): z = x @ w + b + h @ u        ->        a = X @ w + b (one product for all steps);  scan(a): z = a + h @ u

What is made of constants of the loop is computed once. Products of values of the steps, what these need and what is added to them are
computed for all steps at once, on stacks; the loop reads their parts.
"""

from __future__ import annotations

from collections.abc import Sequence

from .body import record
from .build import broadcast_to
from .dims import Extent
from .ir import Graph, Node, Value
from .ops.base import Elementwise
from .trace import Tracer, tracing
from .vectorize import stacked


class Hoisted:
    """A body without what was moved out, recorded in the active trace; its stacks and constants are `xs` and `consts` now.

    Args:
        graph: the body; its inputs are `carries` values, then the parts of `xs`, then `consts`. It is changed.
        xs, consts: values around the loop.
        length: steps.
    """

    def __init__(self, graph: Graph, carries: int, xs: Sequence[Value], consts: Sequence[Value], length: Extent):
        self.graph, self.length = graph, length
        first, last = carries, carries + len(xs)
        self.carried = graph.inputs[:first]
        self.stack = dict(zip(graph.inputs[first:last], xs, strict=True))  # parts inside -> stacks around
        self.const = dict(zip(graph.inputs[last:], consts, strict=True))
        self.depends = dict.fromkeys(self.stack, "step") | dict.fromkeys(self.carried, "loop")
        for node in graph.nodes:
            found = {self.depends.get(v, "") for v in node.inputs}
            for v in node.outputs:
                self.depends[v] = "loop" if "loop" in found else "step" if "step" in found else ""
        self.move_constants()
        self.move_steps()
        self.finish()

    def move_constants(self) -> None:
        """What is made of constants of the loop and not of none at all."""
        made = set(self.const)
        kept: list[Node] = []
        for node in self.graph.nodes:
            if any(v in made for v in node.inputs) and not self.depends[node.outputs[0]] and node.op.kind != "control":
                made.update(node.outputs)
                self.outside([v for v in node.inputs if v not in made])
                record([node], self.const)
            else:
                kept.append(node)
        self.graph.nodes = kept

    def outside(self, values: Sequence[Value]) -> None:
        """Records values that are made of nothing around the loop, too."""
        for v in values:
            if v not in self.const:
                assert v.node is not None
                self.outside(v.node.inputs)
                record([v.node], self.const)

    def move_steps(self) -> None:
        """Products of values of the steps, what they need, and what elementwise ops make of them."""
        wanted: set[Node] = set()
        for node in self.graph.nodes:
            if self.depends[node.outputs[0]] == "step":
                follows = isinstance(node.op, Elementwise) and any(v.node in wanted for v in node.inputs if v.node is not None)
                if node.op.kind == "contract" or follows:
                    wanted.add(node)
        moved: set[Node] = set()
        for node in self.graph.nodes:
            if node in wanted:
                self.lift(node, moved)
        self.graph.nodes = [n for n in self.graph.nodes if n not in moved]

    def lift(self, node: Node, moved: set[Node]) -> bool:
        """Records the stack of a node's results; False where that cannot be."""
        if node in moved:
            return True
        if len(node.outputs) != 1 or self.depends[node.outputs[0]] != "step":
            return False
        for v in node.inputs:
            if v not in self.stack and v not in self.const:
                if self.depends[v] == "step":
                    if v.node is None or not self.lift(v.node, moved):
                        return False
                else:
                    self.outside([v])
        found = stacked(
            node, [self.stack.get(v, self.const.get(v, v)) for v in node.inputs], [v in self.stack for v in node.inputs], self.length
        )
        if found is None:
            return False
        self.stack[node.outputs[0]] = found
        moved.add(node)
        return True

    def finish(self) -> None:
        """Inputs of the body are what is left to read."""
        read = {v for n in self.graph.nodes for v in n.inputs} | set(self.graph.outputs)
        made = {v for n in self.graph.nodes for v in n.outputs}
        parts = [v for v in self.stack if v in read]
        others = [v for v in self.const if v in read and v not in made]
        for v in (*parts, *others):
            v.node = None
        self.graph.inputs = [*self.carried, *parts, *others]
        self.xs, self.consts = [self.stack[v] for v in parts], [self.const[v] for v in others]


def on_stacks(graph: Graph, xs: Sequence[Value], consts: Sequence[Value], length: Extent) -> list[Value] | None:
    """The results of a body that carries nothing for all steps at once; None where an op of it has no form for stacks."""
    with tracing(Tracer()):  # a trial
        trial = _whole(graph, xs, consts, length)
    return None if trial is None else _whole(graph, xs, consts, length)


def _whole(graph: Graph, xs: Sequence[Value], consts: Sequence[Value], length: Extent) -> list[Value] | None:
    n = len(xs)
    stacks = dict(zip(graph.inputs[:n], xs, strict=True))
    single: dict[Value, Value] = dict(zip(graph.inputs[n:], consts, strict=True))
    for node in graph.nodes:
        if not any(v in stacks for v in node.inputs):
            record([node], single)
            continue
        if len(node.outputs) != 1:
            return None
        many = [v in stacks for v in node.inputs]
        found = stacked(node, [stacks.get(v, single.get(v, v)) for v in node.inputs], many, length)
        if found is None:
            return None
        stacks[node.outputs[0]] = found
    return [stacks[v] if v in stacks else broadcast_to(single[v], (length, *v.shape)) for v in graph.outputs]
