"""Weights at rest: while no state changes, what a graph makes of states alone is computed once and kept.

Panels are packed by NumPy, so that a weight of another size never needs a kernel that the graph itself does not.

    v2 = Rsqrt(Add(variance, e))                    kept once:   k1 = Rsqrt(Add(variance, e));  k2 = panels of w
    v3 = Mul(MatMul(x, w), v2)           ->         in each run: v3 = Mul(PanelMatMul(x, k2), k1)

Both graphs do the same operations on each element, so results have the same bits as before.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .dims import product
from .ir import Graph, Node, Value
from .kernels.gemm_plan import panel_width
from .ops.base import itemsize
from .ops.contract import MatMul
from .ops.panels import PanelMatMul, in_panels
from .passes.dce import dce
from .runtime.arena import aligned
from .states import State
from .trace import Tracer, tracing

LEAST, MOST = 1 << 15, 1 << 23  # elements of a matrix that comes in panels
PADDED = 1.25  # of them with the panels' unused columns, at most
MADE_OF = 4  # times the bytes of all states are kept at most


@dataclass(frozen=True)
class Rest:
    """A graph in parts: `before`, then `packing` write what is kept into states, `main` reads them. `kept`: their bytes."""

    before: Graph
    packing: Graph
    main: Graph
    kept: int


def at_rest(graph: Graph) -> Rest | None:
    """The two graphs of one that has been through all passes; None where it writes states itself, or there is nothing to keep."""
    if graph.updates or not graph.states:
        return None
    split = _Split(graph)
    if not split.bytes:
        return None
    return Rest(dce(split.before.finish([])), split.packing.finish([]), dce(split.main.finish(split.outputs)), split.bytes)


class _Kept(State):
    """What is kept: writing it changes nothing that others depend on."""

    def write(self, numbers: Any) -> None:
        """Takes new numbers."""
        np.copyto(self.array, numbers)


class _Split:
    """The graphs under construction."""

    def __init__(self, graph: Graph):
        self.before, self.packing, self.main = Tracer(), Tracer(), Tracer()
        self.keys = {v: k for k, v in graph.states.items()}
        self.room = MADE_OF * sum(product(v.shape) * itemsize(v.dtype) for v in self.keys)
        self.fixed: set[Value] = set()  # made of constants alone
        self.made: set[Value] = set(self.keys)  # of states and constants alone
        self.ahead: dict[Value, Value] = {}  # where values are in `before`
        self.kept: dict[Value, _Kept] = {}
        self.panels: dict[Value, _Kept] = {}
        self.bytes = 0
        here: dict[Value, Value] = {v: self.main.input(v.shape, v.dtype, v.name) for v in graph.inputs}
        here |= {v: self.main.read(k, v.shape, v.dtype, v.name) for v, k in self.keys.items()}
        results = set(graph.outputs)
        for node in graph.nodes:
            self.classify(node)
            if all(self.computed(v) for v in node.outputs) and results.isdisjoint(node.outputs):
                continue
            new = self.product(node, here) or Node(node.op, tuple(self.operand(v, here) for v in node.inputs), node.origin)
            here |= zip(node.outputs, _add(self.main, new, node), strict=True)
        self.main.graph.data_extents = {k: here[v] for k, v in graph.data_extents.items()}
        self.outputs = [here[v] for v in graph.outputs]

    def classify(self, node: Node) -> None:
        """Notes whether a node's results are made of states and constants alone, element by element."""
        if node.op.kind not in ("constant", "elementwise", "movement"):
            return
        if not all(isinstance(d, int) for v in node.outputs for d in v.shape):
            return
        if all(v in self.fixed for v in node.inputs):
            self.fixed.update(node.outputs)
        elif all(v in self.fixed or v in self.made for v in node.inputs):
            self.made.update(node.outputs)

    def computed(self, v: Value) -> bool:
        """Whether a value is better kept: it was computed of states, and does not need much more memory than they do."""
        computed = v in self.made and v.node is not None and v.node.op.kind == "elementwise"
        return computed and product(v.shape) * itemsize(v.dtype) <= self.room

    def operand(self, v: Value, here: dict[Value, Value]) -> Value:
        """A value in `main`: read from what is kept, if it is better kept."""
        return _read(self.main, self.keep(v)) if self.computed(v) else here[v]

    def product(self, node: Node, here: dict[Value, Value]) -> Node | None:
        """A matrix product with a weight that is better read in panels."""
        if type(node.op) is not MatMul or node.inputs[0] in self.made or node.inputs[1] not in self.made:
            return None
        a, b = node.inputs
        if b.ndim != 2 or b.dtype not in ("float32", "float64"):
            return None
        width, (k, n) = panel_width(b.dtype), (int(d) for d in b.shape)
        columns = -(-n // width) * width
        if not LEAST <= k * n <= MOST or columns > PADDED * n:
            return None
        return Node(PanelMatMul(n), (self.operand(a, here), _read(self.main, self.in_panels(b, width))), node.origin)

    def keep(self, v: Value) -> _Kept:
        """The state that `before` writes a value into."""
        if v not in self.kept:
            self.kept[v] = self.state(self.before, self.make(v))
        return self.kept[v]

    def in_panels(self, v: Value, width: int) -> _Kept:
        """The state that `packing` writes the panels of a value into."""
        if v not in self.panels:
            with tracing(self.packing):
                self.panels[v] = self.state(self.packing, in_panels(self.moved(v), width))
        return self.panels[v]

    def moved(self, v: Value) -> Value:
        """A value in `packing`."""
        if v.node is None:
            return self.packing.read(self.keys[v], v.shape, v.dtype, v.name)
        if v.node.op.kind == "elementwise":
            return _read(self.packing, self.keep(v))
        return _add(self.packing, Node(v.node.op, tuple(self.moved(u) for u in v.node.inputs), v.node.origin), v.node)[v.index]

    def state(self, tracer: Tracer, value: Value) -> _Kept:
        """A new state that a graph writes a value into."""
        shape = tuple(int(d) for d in value.shape)
        size = prod(shape) * itemsize(value.dtype)
        found = _Kept(aligned(size).view(value.dtype).reshape(shape))
        _read(tracer, found)
        tracer.assign(found, value)
        self.bytes += size
        return found

    def make(self, v: Value) -> Value:
        """A value in `before`."""
        found = self.ahead.get(v)
        if found is None:
            if v.node is None:
                found = self.before.read(self.keys[v], v.shape, v.dtype, v.name)
            else:
                new = Node(v.node.op, tuple(self.make(u) for u in v.node.inputs), v.node.origin)
                found = _add(self.before, new, v.node)[v.index]
            self.ahead[v] = found
        return found


def _read(tracer: Tracer, state: State) -> Value:
    return tracer.read(state, state.array.shape, state.array.dtype.name)


def _add(tracer: Tracer, new: Node, like: Node) -> tuple[Value, ...]:
    """Appends a node with the results of another one; gives its own."""
    new.outputs = tuple(Value(v.shape, v.dtype, new, i, v.name) for i, v in enumerate(like.outputs))
    tracer.graph.nodes.append(new)
    return new.outputs
