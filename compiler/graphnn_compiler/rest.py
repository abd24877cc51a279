"""Weights at rest: while no state changes, what a graph makes of states alone is computed once and kept.

Panels are packed by NumPy, so that a weight of another size never needs a kernel that the graph itself does not.

    v2 = Rsqrt(Add(variance, e))                    kept once:   k1 = Rsqrt(Add(variance, e));  k2 = panels of w
    v3 = Mul(MatMul(x, w), v2)           ->         in each run: v3 = Mul(PanelMatMul(x, k2), k1)

Both graphs do the same operations on each element, so results have the same bits as before. A larger form also keeps products of whole
tables of which rows are looked up (`look_up.py`), and what follows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .dims import product
from .ir import Graph, Node, Value
from .kernels.gemm_plan import panel_width
from .look_up import Looked, look_up
from .ops.base import itemsize
from .ops.contract import MatMul
from .ops.panels import PanelMatMul, in_panels
from .passes.dce import dce
from .runtime.arena import aligned
from .states import State
from .trace import Tracer, tracing

LEAST, MOST = 1 << 15, 1 << 23  # elements of a matrix that comes in panels
PADDED = 1.25  # of them with the panels' unused columns, at most
MADE_OF = 4  # times the bytes of all states are kept at most,
TABLES = 1 << 26  # bytes of tables


@dataclass(frozen=True)
class Rest:
    """A graph in parts: `before`, then `packing` write what is kept into states, `main` reads them. `kept`: their bytes.

    `look_ups`: products of looked-up rows that `main` computes anew in each run.
    """

    before: Graph
    packing: Graph
    main: Graph
    kept: int
    look_ups: tuple[Looked, ...] = ()


def at_rest(graph: Graph, tables: bool = False) -> Rest | None:
    """The parts of a graph that has been through all passes; None where it writes states itself, or there is nothing to keep.

    Args:
        graph: the graph; it stays as it is.
        tables: whether to keep products of whole tables of which rows are looked up.
    """
    if graph.updates or not graph.states:
        return None
    split = _Split(graph, tables)
    if not split.bytes and not split.look_ups:
        return None
    before, packing, main = dce(split.before.finish([])), split.packing.finish([]), dce(split.main.finish(split.outputs))
    return Rest(before, packing, main, split.bytes, tuple(split.look_ups))


class _Kept(State):
    """What is kept: writing it changes nothing that others depend on."""

    def write(self, numbers: Any) -> None:
        """Takes new numbers."""
        np.copyto(self.array, numbers)


class _Split:
    """The graphs under construction."""

    def __init__(self, graph: Graph, tables: bool):
        self.tables = tables
        self.before, self.packing, self.main = Tracer(), Tracer(), Tracer()
        self.keys = {v: k for k, v in graph.states.items()}
        self.room = MADE_OF * sum(product(v.shape) * itemsize(v.dtype) for v in self.keys)
        self.fixed: set[Value] = set()  # made of constants alone
        self.made: set[Value] = set(self.keys)  # of states and constants, with at least one state
        self.known: set[Value] = set(self.keys)  # either of them
        self.looked: dict[Value, Looked] = {}
        self.look_ups: list[Looked] = []
        self.in_tables = 0  # bytes
        self.ahead: dict[Value, Value] = {}  # where values are in `before`
        self.kept: dict[Value, _Kept] = {}
        self.panels: dict[Value, _Kept] = {}
        self.bytes = 0
        self.here: dict[Value, Value] = {v: self.main.input(v.shape, v.dtype, v.name) for v in graph.inputs}
        self.here |= {v: self.main.read(k, v.shape, v.dtype, v.name) for v, k in self.keys.items()}
        results = set(graph.outputs)
        for node in graph.nodes:
            self.classify(node)
            if all(self.computed(v) for v in node.outputs) and results.isdisjoint(node.outputs):
                continue
            if not self.follows(node):
                self.here |= zip(node.outputs, self.again(node), strict=True)
        self.main.graph.data_extents = {k: self.value(v) for k, v in graph.data_extents.items()}
        self.outputs = [self.value(v) for v in graph.outputs]

    def classify(self, node: Node) -> None:
        """Notes whether a node's results are made of states and constants alone, element by element."""
        if node.op.kind not in ("constant", "elementwise", "movement"):
            return
        if not all(isinstance(d, int) for v in node.outputs for d in v.shape):
            return
        if all(v in self.fixed for v in node.inputs):
            self.fixed.update(node.outputs)
            self.known.update(node.outputs)
        elif all(v in self.fixed or v in self.made for v in node.inputs):
            self.made.update(node.outputs)
            self.known.update(node.outputs)

    def computed(self, v: Value) -> bool:
        """Whether a value is better kept: it was computed of states, and does not need much more memory than they do."""
        computed = v in self.made and v.node is not None and v.node.op.kind == "elementwise"
        return computed and product(v.shape) * itemsize(v.dtype) <= self.room

    def follows(self, node: Node) -> bool:
        """Notes rows of a table; whether it is better to look them up in one that is kept, when they are wanted."""
        one = look_up(node, self.looked, self.known)
        if one is None or not 0 < one.of_table * one.width <= MOST:
            return False
        self.looked[node.outputs[0]] = one
        if one.per_row and not self.tables:
            self.look_ups.append(one)
        return self.tables and one.operations > 0

    def value(self, v: Value) -> Value:
        """A value in `main`."""
        if v not in self.here:
            one, node = self.looked[v], v.node
            assert node is not None
            found = [self.rows(one, node.origin)] if self.in_tables + one.bytes <= TABLES else self.again(node)
            self.here |= zip(node.outputs, found, strict=True)
        return self.here[v]

    def rows(self, one: Looked, origin: str) -> Value:
        """Rows of a table that `before` computes."""
        self.in_tables += one.bytes
        with tracing(self.before):
            table = self.state(self.before, one.table(self.make))
        ids = self.operand(one.take.inputs[1])
        self.main.path = [origin] if origin else []
        with tracing(self.main):
            found = one.found_in(_read(self.main, table), ids)
        self.main.path = []
        return found

    def operand(self, v: Value) -> Value:
        """A value in `main`: read from what is kept, if it is better kept."""
        return _read(self.main, self.keep(v)) if self.computed(v) else self.value(v)

    def again(self, node: Node) -> Sequence[Value]:
        """The results of a node, computed in `main`."""
        new = self.product(node) or Node(node.op, tuple(self.operand(v) for v in node.inputs), node.origin)
        return _add(self.main, new, node)

    def product(self, node: Node) -> Node | None:
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
        return Node(PanelMatMul(n), (self.operand(a), _read(self.main, self.in_panels(b, width))), node.origin)

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
