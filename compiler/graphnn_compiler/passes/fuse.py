"""Divides a graph into groups, each of which becomes one kernel.

    v1 = Exp(v0)                        group 0, loop over (n, 10), rows reduced along axis 1:
    v2 = Sum(axes=(1,))(v1)       ->        v1, v2 and v4 in two passes over each row
    v3 = Reshape(shape=(n, 1))(v2)
    v4 = Div(v1, v3)

A loop group has a space (a shape) and reduced axes. A value in it lives at one of two levels: *full* (a point of the space) or *kept*
(a point of the axes that are not reduced). Elementwise ops, reductions along those axes and gathers join the group of one of their
operands where their shapes put them at a level, where they read each member at its own place, and where no path leaves the group
and comes back. Matrix products, hand-written kernels and copies are groups of their own; an elementwise group that reads a matrix
product directly takes no reductions, so that it can run as the product's epilogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..dims import Shape
from ..ir import Graph, Node, Value
from ..ops.compare import Compare
from ..ops.index import Take, TakeAlongAxis
from ..ops.reduce import Reduce
from ..views import At, Map, identity, onto_operand, strip
from .recompute import recompute

MOST_STATES = 1  # that an epilogue writes: an update with slots (Adam) is faster as a streaming pass of its own


@dataclass(eq=False)
class Group:
    """Nodes that run as one kernel. `kind`: loop, contract, kernel or copy."""

    kind: str
    space: Shape = ()
    axes: frozenset[int] = frozenset()
    nodes: list[Node] = field(default_factory=list[Node])
    level: dict[Value, str] = field(default_factory=dict[Value, str])
    after: set[Group] = field(default_factory=lambda: set[Group]())  # groups that must run before this one
    epilogue: Group | None = None

    @property
    def kept(self) -> Shape:
        """The shape of the kept level."""
        return tuple(d for i, d in enumerate(self.space) if i not in self.axes)


def dense(shape: Shape) -> Shape:
    """A shape without its axes of extent 1."""
    return tuple(d for d in shape if d != 1)


def inlined(graph: Graph) -> set[Node]:
    """Nodes that are computed again wherever they are used: numbers made of constants and extents, and comparisons of what lies in
    memory with a constant (the mask of a relu is read off the relu's result)."""
    stored = {*graph.inputs, *graph.states.values(), *graph.results()}
    for node in graph.nodes:
        if node.op.kind in ("contract", "kernel"):
            for v in node.inputs:
                stored.add(v)
                while v.node is not None and v.node.op.kind == "movement" and v.node.inputs:
                    v = v.node.inputs[0]
                    stored.add(v)
    found: set[Node] = set()
    for node in graph.nodes:
        if node.op.kind != "elementwise" or node.outputs[0] in stored:
            continue
        sources = [v.node if v.shape == () else None for v in node.inputs]
        known = [n is not None and (n.op.kind in ("constant", "extent") or n in found) for n in sources]
        compares = isinstance(node.op, Compare) and any(known) and all(k or v in stored for k, v in zip(known, node.inputs, strict=True))
        if all(known) or compares:
            found.add(node)
    return found


def node_reads(node: Node) -> list[tuple[Value, Map]]:
    """What a node reads at each point of its output's shape; a reduction: of its input's shape; of a gather, the indices."""
    op = node.op
    if isinstance(op, Reduce):
        return [(node.inputs[0], identity(node.inputs[0].ndim))]
    shape = node.outputs[0].shape
    whole = identity(len(shape))
    if isinstance(op, Take):
        return [(node.inputs[1], whole[op.axis : op.axis + node.inputs[1].ndim])]
    if isinstance(op, TakeAlongAxis):
        return [(node.inputs[1], whole)]
    return [(v, onto_operand(v.shape, shape, whole)) for v in node.inputs]


def reads_at_own_place(group: Group, level: str, shape: Shape, v: Value, m: Map) -> bool:
    """Whether a member at `level` with `shape` that reads member v through m reads the place where v is at hand."""
    places = [i for i, d in enumerate(shape) if d != 1]
    full = [i for i, d in enumerate(group.space) if d != 1]
    kept = [i for i in full if i not in group.axes]
    own = full if level == "full" else kept
    if len(places) != len(own):
        return False
    to_space = dict(zip(places, own, strict=True))
    want = full if group.level[v] == "full" else kept
    got: list[int | None] = []
    for at, d in zip(m, v.shape, strict=True):
        if d == 1:
            continue
        if at.axis is None or at != At(0, at.axis, 1):
            return False
        got.append(to_space.get(at.axis))
    return got == want


class Fuser:
    """The state of the pass: the group of each node, and which groups are written by what."""

    def __init__(self, graph: Graph):
        self.graph = graph
        self.groups: list[Group] = []
        self.inlined = inlined(graph)
        self.group_of: dict[Node, Group] = {}
        self.order = {n: i for i, n in enumerate(graph.nodes)}

    def run(self) -> list[Group]:
        """The groups, in no particular order."""
        for node in self.graph.nodes:
            kind = node.op.kind
            if node in self.inlined:
                continue
            if kind in ("elementwise", "reduce", "index"):
                self.place(node)
            elif kind == "contract":
                self.alone(node, "contract")
            elif kind == "kernel":
                self.alone(node, "kernel")
            elif kind == "movement" and type(node.op).__name__ in ("Concat", "Unslice", "SliceUpdate"):
                self.alone(node, "copy")
        self.merge()
        self.attach_epilogues()
        recompute(self)
        return self.groups

    def producers(self, v: Value) -> list[Node]:
        """The grouped nodes behind a value, through movement ops."""
        node = v.node
        if node is None or node.op.kind in ("constant", "iota", "extent"):
            return []
        return [node] if node in self.group_of else [p for u in node.inputs for p in self.producers(u)]

    def alone(self, node: Node, kind: str) -> None:
        group = Group(kind, node.outputs[0].shape, nodes=[node])
        self.adopt(group, node)
        self.groups.append(group)

    def adopt(self, group: Group, node: Node) -> None:
        self.group_of[node] = group
        for v in node.inputs:
            for p in self.producers(v):
                if self.group_of[p] is not group:
                    group.after.add(self.group_of[p])

    def place(self, node: Node) -> None:
        """Puts an elementwise, reduce or index node into a group of its operands, or into a new one."""
        reads = [strip(v, m) for v, m in node_reads(node)]
        candidates = list(dict.fromkeys(self.group_of[v.node] for v, _ in reads if v.node in self.group_of))
        for group in sorted(candidates, key=lambda g: (dense(g.space) != (), self.groups.index(g)), reverse=True):
            if group.kind == "loop" and self.join(group, node, reads):
                return
        reduce = isinstance(node.op, Reduce)
        group = Group("loop", node.inputs[0].shape if reduce else node.outputs[0].shape)
        if isinstance(node.op, Reduce):
            group.axes = frozenset(node.op.axes)
        self.groups.append(group)
        group.nodes.append(node)
        group.level[node.outputs[0]] = "kept" if reduce else "full"
        self.adopt(group, node)

    def join(self, group: Group, node: Node, reads: list[tuple[Value, Map]]) -> bool:
        """Adds the node to the group if levels, places and dependencies allow."""
        axes, op = group.axes, node.op
        if isinstance(op, Reduce):
            shape, reading = node.inputs[0].shape, "full"
            if shape != group.space or (axes and axes != frozenset(op.axes)):
                return False
            if not axes and self.products(group):
                return False
            axes, level = frozenset(op.axes), "kept"
        else:
            shape = node.outputs[0].shape
            same = dense(shape)
            level = reading = "full" if same == dense(group.space) else "kept" if axes and same == dense(group.kept) else ""
            if not level:
                return False
        before, group.axes = group.axes, axes
        for v, m in reads:
            if v in group.level and not reads_at_own_place(group, reading, shape, v, m):
                group.axes = before
                return False
        outside = {self.group_of[p] for v in node.inputs for p in self.producers(v)} - {group}
        if not all(self.visible(group, v) for v in node.inputs) or self.depends(outside, group):
            group.axes = before
            return False
        if isinstance(op, Take | TakeAlongAxis) and any(p in group.nodes for p in self.producers(node.inputs[0])):
            group.axes = before
            return False
        group.nodes.append(node)
        group.level[node.outputs[0]] = level
        self.adopt(group, node)
        return True

    def visible(self, group: Group, v: Value) -> bool:
        """False where v is a member seen through a movement op that is no map (it would have to be in memory)."""
        base, _ = strip(v, identity(v.ndim))
        return base in group.level or not any(p in group.nodes for p in self.producers(base))

    def depends(self, groups: set[Group], on: Group) -> bool:
        """Whether one of `groups` runs after `on`."""
        seen: set[Group] = set()
        stack = list(groups)
        while stack:
            g = stack.pop()
            if g is on:
                return True
            if g not in seen:
                seen.add(g)
                stack.extend(g.after)
        return False

    def products(self, group: Group) -> set[Group]:
        """The matrix products whose epilogue a group may become."""
        return set() if group.axes else {g for g in group.after if g.kind == "contract"}

    def merge(self) -> None:
        """Joins whole groups where one pass over their common space serves both: a reader with its source, or readers of the same value."""
        inputs = {g: {strip(v, identity(v.ndim))[0] for n in g.nodes for v in n.inputs} for g in self.groups if g.kind == "loop"}
        sources = {g: self.sources(found) for g, found in inputs.items()}
        for g in [g for g in self.groups if g in inputs]:
            for h in [h for h in self.groups if h in inputs and h is not g]:
                level = self.common_level(g, h)
                if not level:
                    continue
                near = h in g.after or g in h.after or dense(h.kept) == () or bool(inputs[g] & inputs[h])
                near = near or any(s.space == g.space for s in sources[g] & sources[h])
                if near and self.mergeable(g, h, level):
                    self.absorb(h, g, level)
                    inputs[h] |= inputs.pop(g)
                    sources[h] |= sources.pop(g)
                    for found in sources.values():
                        if g in found:
                            found.remove(g)
                            found.add(h)
                    break

    def sources(self, inputs: set[Value]) -> set[Group]:
        """The loops that make some values."""
        found = {self.group_of[v.node] for v in inputs if v.node is not None and v.node in self.group_of}
        return {g for g in found if g.kind == "loop"}

    def common_level(self, group: Group, into: Group) -> str:
        """The level of `into` at which the full members of `group` would live; empty where there is none."""
        if group.space == into.space and (group.axes == into.axes or not group.axes):
            return "full"
        return "kept" if into.axes and not group.axes and dense(group.space) == dense(into.kept) else ""

    def mergeable(self, group: Group, into: Group, level: str) -> bool:
        """Whether two groups can be one: no path leads through a third, and each reads members of the other at their own place."""
        theirs, ours = self.products(into), self.products(group)
        if ours and (into.axes or (theirs and theirs != ours)):
            return False
        if self.depends(into.after - {group}, group) or self.depends(group.after - {into}, into):
            return False
        levels = into.level | {v: level if was == "full" else was for v, was in group.level.items()}
        both = Group("loop", into.space, into.axes, level=levels)
        return self.reads_well(group, into, both) and self.reads_well(into, group, both)

    def reads_well(self, reader: Group, other: Group, both: Group) -> bool:
        """Whether the members of `reader` read members of `other` where they are at hand."""
        for node in reader.nodes:
            reduce = isinstance(node.op, Reduce)
            shape = node.inputs[0].shape if reduce else node.outputs[0].shape
            reading = "full" if reduce else both.level[node.outputs[0]]
            if not all(self.visible(other, v) for v in node.inputs):
                return False
            if isinstance(node.op, Take | TakeAlongAxis) and any(p in other.nodes for p in self.producers(node.inputs[0])):
                return False
            for v, m in (strip(v, m) for v, m in node_reads(node)):
                if v in other.level and not reads_at_own_place(both, reading, shape, v, m):
                    return False
        return True

    def absorb(self, into: Group, group: Group, level: str) -> None:
        """Moves the members of a group into another; `level` is where the full ones go."""
        into.nodes = sorted(into.nodes + group.nodes, key=self.order.__getitem__)
        into.level |= {v: level if was == "full" else was for v, was in group.level.items()}
        into.after = (into.after | group.after) - {into, group}
        for node in group.nodes:
            self.group_of[node] = into
        self.groups.remove(group)
        for other in self.groups:
            if group in other.after:
                other.after = (other.after - {group}) | {into}

    def attach_epilogues(self) -> None:
        """Gives a matrix product the one elementwise group that reads it, where nothing else does."""
        results, updates = set(self.graph.results()), set(self.graph.updates.values())
        readers: dict[Group, set[Group]] = {}
        for g in self.groups:
            for before in g.after:
                readers.setdefault(before, set()).add(g)
        seen_results = {p for v in results for p in self.producers(v) if v.node is not p or v in results}
        for g in [g for g in self.groups if g.kind == "contract"][::-1]:
            node = g.nodes[0]
            users = readers.get(g, set())
            if len(users) != 1 or node in seen_results:
                continue
            (user,) = users
            if user.kind != "loop" or user.axes or user.epilogue is not None or dense(user.space) == ():
                continue
            if len(set(user.level) & updates) > MOST_STATES:
                continue
            if any(other.epilogue is user for other in self.groups):
                continue
            g.epilogue = user


def fuse(graph: Graph) -> tuple[list[Group], set[Node]]:
    """The groups of a graph, and the nodes that are in none because their readers compute them."""
    fuser = Fuser(graph)
    return fuser.run(), fuser.inlined
