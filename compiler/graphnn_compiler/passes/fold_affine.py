"""What follows a product, channel by channel, becomes one factor and one summand: batch norm in inference costs a step of its epilogue.

    v1 = Conv(x, w)                                  f = Mul(Rsqrt(variance + e), gamma)
    v2 = Add(v1, bias)                               s = Add(Mul(Sub(bias, mean), f), beta)
    v3 = Sub(v2, mean)                      ->       v1 = Conv(x, w)
    v4 = Mul(v3, Mul(Rsqrt(variance + e), gamma))    v2 = Mul(v1, f)
    v5 = Add(v4, beta)                               v3 = Add(v2, s)

The numbers per channel are states or made of states alone, and are read when the program runs, so later changes of weights and
statistics are seen. The kernel itself is not multiplied: that would be a pass over all weights in each run, where the factor costs
nothing in the epilogue. Results differ from those of the chain by rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..ir import Graph, Node, Value
from ..ops.base import Op
from ..ops.contract import MatMul
from ..ops.conv import Conv, ConvInput
from ..ops.elementwise import Add, Mul, Neg, Sub
from ..ops.movement import Reshape
from ..trace import emit
from .rewrite import rewrite

FEWEST = 3  # steps of a chain that are worth it


@dataclass(frozen=True)
class Chain:
    """What happens to a product: (op, number per channel) after another."""

    base: Value
    steps: tuple[tuple[Op, Value], ...] = ()

    @property
    def scales(self) -> bool:
        """Whether channels are scaled each by its own number; arithmetic with plain numbers is left as it was written."""
        return any(isinstance(op, Mul) and other.ndim > 0 for op, other in self.steps)

    def folded(self) -> Value:
        """base * factor + summand, with the two computed first."""
        factor: Value | None = None
        summand: Value | None = None
        for op, other in self.steps:
            if isinstance(op, Mul):
                factor = other if factor is None else emit(Mul(), factor, other)
                summand = None if summand is None else emit(Mul(), summand, other)
            elif summand is None:
                summand = other if isinstance(op, Add) else emit(Neg(), other)
            else:
                summand = emit(op, summand, other)
        y = self.base if factor is None else emit(Mul(), self.base, factor)
        return y if summand is None else emit(Add(), y, summand)


class Chains:
    """The chains of a graph by the value that they end in."""

    def __init__(self, graph: Graph):
        self.users, self.results, self.states = graph.users(), set(graph.results()), set(graph.states.values())
        self.known: dict[Value, bool] = {}
        self.found: dict[Value, Chain] = {}
        for node in graph.nodes:
            chain = self.of(node)
            if chain is not None:
                self.found[node.outputs[0]] = chain

    def of(self, node: Node) -> Chain | None:
        """The chain that ends in a node's result; the one before it ends no longer where it did."""
        if not isinstance(node.op, Add | Sub | Mul):
            return None
        a, b = node.inputs
        for v, other in ((a, b), (b, a)):
            before = self.before(v)
            if before is None or not self.per_channel(other, v) or (isinstance(node.op, Sub) and v is b):
                continue
            self.found.pop(v, None)
            return Chain(before.base, (*before.steps, (node.op, other)))
        return None

    def before(self, v: Value) -> Chain | None:
        """The chain that ends in a value which only one node reads; a product begins one."""
        if v in self.results or len(self.users.get(v, ())) != 1:
            return None
        return Chain(v) if self.product(v) else self.found.get(v)

    def product(self, v: Value) -> bool:
        """Whether a value is a product of its own, or one under a shape with the same last axis."""
        node = v.node
        if node is not None and isinstance(node.op, Reshape) and len(self.users.get(node.inputs[0], ())) == 1:
            inner = node.inputs[0]
            return bool(v.shape and inner.shape) and v.shape[-1] == inner.shape[-1] and self.product(inner)
        return node is not None and isinstance(node.op, Conv | ConvInput | MatMul)

    def per_channel(self, v: Value, like: Value) -> bool:
        """Whether a value holds one number for each place of the last axis, or one for all, and is made of states."""
        fits = v.ndim <= like.ndim and all(d == 1 for d in v.shape[:-1]) and (not v.shape or v.shape[-1] in (1, like.shape[-1]))
        return fits and self.of_states(v)

    def of_states(self, v: Value) -> bool:
        """Whether a value is made of states and constants alone."""
        found = self.known.get(v)
        if found is None:
            node = v.node
            if node is None:
                found = v in self.states
            else:
                found = node.op.kind in ("constant", "elementwise", "movement") and all(self.of_states(u) for u in node.inputs)
            self.known[v] = found
        return found


def fold_affine(graph: Graph) -> Graph:
    """The graph with every chain of three steps or more in two, where a vector scales the channels."""
    ends = {v: c for v, c in Chains(graph).found.items() if len(c.steps) >= FEWEST and c.scales}

    def rule(node: Node) -> tuple[Value, ...] | None:
        chain = ends.get(node.outputs[0])
        return None if chain is None else (chain.folded(),)

    return rewrite(graph, rule) if ends else graph
