"""Moves cheap values to where they are read, instead of through memory.

    group 0: v2 = v0 - v1, v3 = Sum(v2 * v2)            group 0: v2 = v0 - v1, v3 = Sum(v2 * v2)
    group 1: v5 = v2 * v4                          ->   group 1: v2 = v0 - v1, v5 = v2 * v4

A value that one loop makes and others read is written once and read as often. Where each of the others can compute it from what lies in
memory anyway, and reads no more than before for it, the value is not written at all.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..ir import Node, Value
from ..views import Map, identity, strip

if TYPE_CHECKING:
    from .fuse import Fuser, Group

CHEAP = frozenset(
    ("Add", "Sub", "Mul", "Neg", "Abs", "Maximum", "Minimum", "Where", "Relu", "Less", "LessEqual", "Greater", "GreaterEqual", "Equal",
     "NotEqual", "StopGradient", "SquareFromMean")
)  # fmt: skip
DEEPEST = 4  # values that are computed again for one
ROUNDS = 2  # what has moved away may let go what it read


class Recompute:
    """The pass, on the groups of a `Fuser`."""

    def __init__(self, fuser: Fuser):
        self.fuser = fuser
        self.results = {v for r in fuser.graph.results() for v in self.behind(r)}
        self.hidden = {g.nodes[0].outputs[0] for g in fuser.groups if g.epilogue is not None}  # seen by the epilogue only
        self.epilogues = {g.epilogue for g in fuser.groups if g.epilogue is not None}
        self.owners: dict[Node, list[Group]] = {}  # the groups that compute a node
        self.users: dict[Value, list[Node]] = {}  # the nodes that read a value, through movement too
        self.known: dict[Node, list[Value]] = {}
        for g in fuser.groups:
            for node in g.nodes:
                self.owners.setdefault(node, []).append(g)
        for node in self.owners:
            for v in dict.fromkeys(w for u in self.sources(node) for w in self.behind(u)):
                self.users.setdefault(v, []).append(node)

    def run(self) -> None:
        """Moves what can be moved, and drops what nobody needs then."""
        for _ in range(ROUNDS):
            for node in self.fuser.graph.nodes:
                home = self.fuser.group_of.get(node)
                if home is None or home.kind != "loop" or type(node.op).__name__ not in CHEAP:
                    continue
                if home.level.get(node.outputs[0]) == "full":
                    self.consider(node, home)
            self.drop()

    def behind(self, v: Value) -> list[Value]:
        """v, and what movement ops made it of."""
        found = [v]
        while v.node is not None and v.node.op.kind == "movement" and v.node not in self.fuser.group_of:
            if not v.node.inputs:
                break
            v = v.node.inputs[0]
            found.append(v)
        return found

    def readers(self, v: Value) -> list[Group]:
        """The groups that read a value, through movement too; those that compute it by themselves do not."""
        found = dict.fromkeys(g for n in self.users.get(v, ()) for g in self.owners[n])
        return [g for g in found if v not in g.level]

    def sources(self, node: Node) -> list[Value]:
        """A node's inputs; in place of those that their readers compute, what these are computed from."""
        if node in self.known:
            return self.known[node]
        found = self.known[node] = list[Value]()
        for v in node.inputs:
            base = self.behind(v)[-1]
            if base.node is not None and base.node in self.fuser.inlined:
                found += self.sources(base.node)
            else:
                found.append(v)
        return found

    def consider(self, node: Node, home: Group) -> None:
        """Moves one value if all of its readers in other groups can do without it."""
        v = node.outputs[0]
        if v in self.results:
            return
        readers = self.readers(v)
        plans = [self.plan(node, home, g) for g in readers]
        if not readers or any(p is None for p in plans):
            return
        for g, nodes in zip(readers, plans, strict=True):
            assert nodes is not None
            for n in nodes:
                self.add(n, g)

    def plan(self, node: Node, home: Group, reader: Group) -> list[Node] | None:
        """The nodes that a group has to compute in order to have a value at hand; None where that does not pay or cannot be."""
        if reader.kind != "loop" or reader in self.epilogues or reader.space != home.space or node.outputs[0].shape != reader.space:
            return None
        now = self.large_reads(reader, ())
        nodes = self.chain(node, reader, DEEPEST)
        if nodes is None or not self.fits(nodes, reader):
            return None
        after = self.large_reads(reader, nodes)
        return nodes if len(after) <= len(now) else None

    def chain(self, node: Node, reader: Group, depth: int) -> list[Node] | None:
        """`node` and those before it that have to be computed as well, in order."""
        if depth == 0 or type(node.op).__name__ not in CHEAP or node.outputs[0].shape != reader.space:
            return None
        found: list[Node] = []
        for u in self.sources(node):
            base, _ = strip(u, identity(u.ndim))
            if base in reader.level or self.in_memory(base):
                continue
            if base.node is None or self.fuser.group_of.get(base.node) is None:
                return None
            more = self.chain(base.node, reader, depth - 1)
            if more is None:
                return None
            found += [n for n in more if n not in found]
        return [*found, node]

    def in_memory(self, v: Value) -> bool:
        """Whether a value lies in memory, or takes none."""
        node = v.node
        if v in self.hidden:
            return False
        if node is None or v in self.results or node.op.kind in ("constant", "extent", "iota"):
            return True
        group = self.fuser.group_of.get(node)
        if group is None:
            return False
        if group.kind != "loop" or group.level.get(v) == "kept":
            return True
        return bool(self.readers(v))

    def fits(self, nodes: list[Node], reader: Group) -> bool:
        """Whether a group reads its own members at their own places once it computes these nodes as well."""
        from .fuse import Group, node_reads, reads_at_own_place

        both = Group("loop", reader.space, reader.axes, level=reader.level | {n.outputs[0]: "full" for n in nodes})
        for n in nodes:
            for u, m in node_reads(n):
                if not self.fuser.visible(both, u) or not self.at_own_place(both, u, m, n.outputs[0].shape):
                    return False
        new = {n.outputs[0] for n in nodes}
        for n in reader.nodes:
            shape = n.inputs[0].shape if n.op.kind == "reduce" else n.outputs[0].shape
            level = "full" if n.op.kind == "reduce" else both.level[n.outputs[0]]
            if n.op.kind == "index":
                return False
            for u, m in node_reads(n):
                base, through = strip(u, m)
                if any(w in new for w in self.behind(base)) and base not in new:
                    return False
                if base in new and not reads_at_own_place(both, level, shape, base, through):
                    return False
        return True

    def at_own_place(self, both: Group, u: Value, m: Map, shape: tuple[object, ...]) -> bool:
        from .fuse import node_reads, reads_at_own_place

        base, through = strip(u, m)
        if base in both.level:
            return reads_at_own_place(both, "full", shape, base, through)  # type: ignore[arg-type]
        if base.node is not None and base.node in self.fuser.inlined:
            return all(strip(w, n)[0] not in both.level for w, n in node_reads(base.node))
        return True

    def large_reads(self, reader: Group, more: Collection[Node]) -> set[Value]:
        """What a group takes from memory that is as large as its space, if it computes `more`."""
        own = set(reader.level) | {n.outputs[0] for n in more}
        found: set[Value] = set()
        for n in (*reader.nodes, *more):
            for u in self.sources(n):
                base, _ = strip(u, identity(u.ndim))
                if base not in own and [d for d in base.shape if d != 1] == [d for d in reader.space if d != 1]:
                    found.add(base)
        return found

    def add(self, node: Node, group: Group) -> None:
        """Lets a group compute a node, too."""
        if node.outputs[0] in group.level:
            return
        group.nodes = sorted([*group.nodes, node], key=self.fuser.order.__getitem__)
        self.owners[node].append(group)
        group.level[node.outputs[0]] = "full"
        for u in self.sources(node):
            for p in self.fuser.producers(u):
                if self.fuser.group_of[p] is not group:
                    group.after.add(self.fuser.group_of[p])

    def drop(self) -> None:
        """Takes out what no group reads any more."""
        for node in reversed(self.fuser.graph.nodes):
            v = node.outputs[0]
            if v in self.results or node.op.kind != "elementwise" or self.readers(v):
                continue
            for g in [g for g in self.owners.get(node, ()) if g.kind == "loop"]:
                if not any(g in self.owners[n] for n in self.users.get(v, ())):
                    g.nodes.remove(node)
                    self.owners[node].remove(g)
                    del g.level[v]
        for g in [g for g in self.fuser.groups if g.kind == "loop" and not g.nodes]:
            self.remove(g)

    def remove(self, group: Group) -> None:
        """Takes an empty group out; who waited for it waits for what it waited for."""
        self.fuser.groups.remove(group)
        for g in self.fuser.groups:
            if g.epilogue is group:
                g.epilogue = None
            if group in g.after:
                g.after = (g.after - {group}) | (group.after - {g})


def recompute(fuser: Fuser) -> None:
    """Moves cheap values to where they are read."""
    Recompute(fuser).run()
