"""Updates of tables of which a step uses few rows: only those rows are read and written.

    g := SumRows(100000)(ids, ct)                  places, rows, count := Distinct(100000)(ids)
    p := Sub(p, Mul(rate, g))               ->     g := SumRows(min(n, 100000))(places, ct)
                                                   p := PutRows(p, rows, count, Sub(Take(p, rows), Mul(rate, g)))

A row of the gradient of a table that no id names is zero. An update that is written element by element and that leaves a state as it is
where the gradient is zero is computed for the rows that ids name, in the same order of the same operations. That it does so is found by
following what is known of those other rows: that a value is a certain number, or is what a state was. Assumed is that zero times
a number is zero, and zero divided by one that is not known to be zero: not so for NaN and infinities, which the dense form would spread
over the whole table. (docs/decisions/touched_rows.md)
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from ..dims import Extent, evaluate, symbols_of
from ..ir import Graph, Node, Value
from ..ops.base import Array
from ..ops.elementwise import Add, Div, Maximum, Minimum, Mul, StopGradient, Sub, Where
from ..ops.index import Iota, Take
from ..ops.movement import BroadcastTo, Concat, Reshape, Slice, constant, reshape
from ..ops.rows import Distinct, PutRows, SumRows
from ..trace import emit, emit_all
from .rewrite import rewrite
from .simplify import scalar

TYPICAL = 32  # what a symbol stands for where sizes are compared
LEAST = 1 << 17  # elements of a table: below, the dense form costs less than the additional kernels
FAR = 1 << 22  # elements of a table from which on caches do not help
SHARES = 8, 3  # a table has so many times the rows that a typical batch names, or more: of the smaller ones, and of those


@dataclass(eq=False)
class _Table:
    """Sums into the rows of tables, and the updates made of them; `keys`: of the states that a value is the new one of."""

    sums: list[Node]
    keys: dict[Value, Hashable]


def _by_rows(node: Node, v: Value) -> bool:
    """Whether row r of what a node makes is made of row r of its operand v."""
    out = node.outputs[0]
    if node.op.kind != "elementwise" and not isinstance(node.op, Reshape):
        return False
    same_axes = out.ndim == v.ndim or isinstance(node.op, Reshape)
    return bool(out.shape and v.shape) and same_axes and out.shape[0] == v.shape[0]


# -- what is known of rows that are not touched: a number, the value of a state, or None

Fact: TypeAlias = "Array | Value | None"


def _zero(fact: Fact) -> bool:
    return isinstance(fact, np.ndarray) and bool(fact == 0)


def _fact(node: Node, facts: Sequence[Fact]) -> Fact:
    """What is known of a result, from what is known of its operands."""
    op = node.op
    if isinstance(op, Reshape):
        whole = isinstance(facts[0], Value) and facts[0].shape != node.outputs[0].shape
        return None if whole else facts[0]
    numbers = [f for f in facts if isinstance(f, np.ndarray)]
    if len(numbers) == len(facts):
        with np.errstate(all="ignore"):
            return np.asarray(op.reference(*numbers))
    if isinstance(op, StopGradient):
        return facts[0]
    if isinstance(op, Where):
        condition, a, b = facts
        if isinstance(condition, np.ndarray):
            return a if condition else b
        same = isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and bool(a == b)
        return a if same or a is b else None
    if len(facts) != 2:
        return None
    a, b = facts
    if isinstance(op, Add | Sub):
        return a if _zero(b) else b if _zero(a) and isinstance(op, Add) else None
    if isinstance(op, Mul | Div):
        return a if _zero(a) else b if _zero(b) and isinstance(op, Mul) else None
    return a if isinstance(op, Maximum | Minimum) and a is b else None


def _facts(graph: Graph, sums: set[Node], reached: set[Value]) -> dict[Value, Fact]:
    """What is known of states and of values that depend on sums."""
    known: dict[Value, Fact] = {v: v for v in graph.states.values()}
    for node in graph.nodes:
        v = node.outputs[0]
        if node in sums:
            known[v] = np.zeros((), v.dtype)
        elif v in reached:
            for u in node.inputs:
                number = scalar(u) if u not in known else None
                known.setdefault(u, None if number is None else np.asarray(number, u.dtype))
            known[v] = _fact(node, [known[u] for u in node.inputs])
    return known


# -- which tables


def _pays(node: Node) -> bool:
    """Whether a table is so large, and named so seldom, that it is worth it."""
    op = node.op
    if not isinstance(op, SumRows) or not isinstance(op.rows, int):
        return False
    count, inner = node.inputs[1].shape
    typical = evaluate(count, dict.fromkeys(symbols_of(count), TYPICAL))
    if not isinstance(inner, int) or op.rows * inner < LEAST:
        return False
    return op.rows >= SHARES[op.rows * inner >= FAR] * typical


def _reached(users: Mapping[Value, Sequence[Node]], start: Value) -> set[Value]:
    """All that is made of a value row by row."""
    found, stack = {start}, [start]
    while stack:
        v = stack.pop()
        new = {n.outputs[0] for n in users.get(v, ()) if _by_rows(n, v)} - found
        found |= new
        stack += new
    return found


def _tables(graph: Graph) -> list[_Table]:
    """The tables whose updates are computed by rows: nothing else may read what becomes of the sums."""
    order = {n: i for i, n in enumerate(graph.nodes)}
    users, outputs = graph.users(), set(graph.outputs)
    keys = {v: k for k, v in graph.updates.items()}
    groups: list[tuple[set[Node], set[Value]]] = []
    for node in filter(_pays, graph.nodes):
        sums, reached = {node}, _reached(users, node.outputs[0])
        for other in [g for g in groups if not reached.isdisjoint(g[1])]:
            groups.remove(other)
            sums, reached = sums | other[0], reached | other[1]
        groups.append((sums, reached))
    found: list[_Table] = []
    for sums, reached in groups:
        facts = _facts(graph, sums, reached)
        new = {v: keys[v] for v in reached if v in keys and facts[v] is graph.states[keys[v]]}
        seen, stack = set[Value](), [n.outputs[0] for n in sums]
        whole = False  # whether someone reads a value in its whole size that is no new state
        while stack and not whole:
            v = stack.pop()
            if v not in seen and v not in new:
                seen.add(v)
                whole = v in outputs or v in keys or not all(_by_rows(n, v) for n in users.get(v, ()))
                stack += [n.outputs[0] for n in users.get(v, ())]
        first = min((order[v.node] for v in new if v.node is not None), default=-1)
        if not whole and max(order[n] for n in sums) < first:  # all that is needed for the rows is there before they are
            found.append(_Table(sorted(sums, key=order.__getitem__), new))
    return found


# -- the rows


class _Rows:
    """The rows that ids name, of everything that has a row for each row of a table."""

    def __init__(self, graph: Graph, table: _Table):
        self.graph, self.table = graph, table
        self.of: dict[Value, Value] = {}
        self.numbers: Value | None = None

    def start(self) -> Value:
        """The numbers of the rows; before anything else is asked for."""
        if self.numbers is not None:
            return self.numbers
        by_ids = {n.inputs[0]: n for n in self.table.sums}
        (op,) = {n.op for n in self.table.sums}
        assert isinstance(op, SumRows) and isinstance(op.rows, int)
        ids = list(by_ids)
        if len(ids) > 1:  # each is checked by itself, so that an error is about its layer and its position there
            ids = [_from(emit(Take(0), emit(Iota(op.rows)), v), n) for v, n in by_ids.items()]
        places, self.numbers, self.count = emit_all(Distinct(op.rows), emit(Concat(0), *ids) if len(ids) > 1 else ids[0])
        _from(places, self.table.sums[0])
        at: Extent = 0
        parts: dict[Value, Value] = {}
        for v in by_ids:
            parts[v] = emit(Slice((at,), v.shape, (1,)), places) if len(ids) > 1 else places
            at = at + v.shape[0]
        for node in self.table.sums:
            total = emit(SumRows(self.numbers.shape[0]), parts[node.inputs[0]], node.inputs[1])
            self.of[node.outputs[0]] = _from(total, node)
        return self.numbers

    def rows(self, v: Value) -> Value:
        """The rows of a value."""
        numbers, stack = self.start(), [v]
        while stack:
            u = stack[-1]
            node = u.node
            through = node is not None and (node.op.kind == "elementwise" or isinstance(node.op, Reshape))
            parts = [w for w in node.inputs if _by_rows(node, w)] if node is not None and through else []
            missing = [w for w in parts if w not in self.of]
            if u in self.of or not missing:
                stack.pop()
            else:
                stack += missing
            if u in self.of or missing:
                continue
            if node is None or not parts:
                number = scalar(u)
                shape = (*numbers.shape, *u.shape[1:])
                one = None if number is None else emit(BroadcastTo(shape), constant(number, u.dtype))
                self.of[u] = emit(Take(0), u, numbers) if one is None else one
            elif isinstance(node.op, Reshape):
                self.of[u] = reshape(self.of[parts[0]], (*numbers.shape, *u.shape[1:]))
            else:
                self.of[u] = emit(node.op, *[self.of[w] if w in parts else w for w in node.inputs])
        return self.of[v]

    def update(self, v: Value) -> Value:
        """The new value of a state."""
        rows, numbers = self.rows(v), self.start()
        new = emit(PutRows(), self.graph.states[self.table.keys[v]], numbers, self.count, rows)
        self.of[new] = rows  # for updates made of this one
        return _from(new, self.table.sums[0])


def _from(v: Value, node: Node) -> Value:
    """The value, made for the layer that a node was made for."""
    assert v.node is not None
    v.node.origin = node.origin
    return v


def touched_rows(graph: Graph) -> Graph:
    """The graph with updates by rows where that is proven to be the same, and where it pays."""
    updates = {v.node: (rows, v) for rows in [_Rows(graph, t) for t in _tables(graph)] for v in rows.table.keys}

    def rule(node: Node) -> tuple[Value, ...] | None:
        if node not in updates:
            return None
        rows, v = updates[node]
        return (rows.update(v),)

    return rewrite(graph, rule) if updates else graph
