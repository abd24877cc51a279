"""Divides a graph into groups, each of which becomes one kernel.

    v1 = Exp(v0)                        group 0, loop over (n, 10), rows reduced along axis 1:
    v2 = Sum(axes=(1,))(v1)       ->        v1, v2 and v4 in two passes over each row
    v3 = Reshape(shape=(n, 1))(v2)
    v4 = Div(v1, v3)

A loop group has a space (a shape) and reduced axes. A value in it lives at one of two levels: *full* (a point of the space) or *kept*
(a point of the axes that are not reduced). Elementwise ops, reductions along those axes and gathers join the group of one of their
operands where their shapes put them at a level, where they read each member at its own place, and where no path leaves the group
and comes back. Matrix products, hand-written kernels, control flow and copies are groups of their own; an elementwise group that reads
a matrix product directly takes no reductions, so that it can run as the product's epilogue.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ..dims import Shape
from ..ir import Graph, Node, Value
from ..ops.compare import Compare
from ..ops.elementwise import Add, Mul, Sub
from ..ops.index import Take, TakeAlongAxis
from ..ops.reduce import Reduce
from ..views import At, Map, identity, onto_operand, strip

MOST_STATES = 1  # that an epilogue writes: an update with slots (Adam) is faster as a streaming pass of its own


@dataclass(eq=False)
class Group:
    """Nodes that run as one kernel. `kind`: loop, contract, kernel, control or copy."""

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


def behind_movement(v: Value) -> list[Value]:
    """A value and what it is a view of."""
    found = [v]
    while v.node is not None and v.node.op.kind == "movement" and v.node.inputs:
        v = v.node.inputs[0]
        found.append(v)
    return found


class Readers:
    """Who reads what, and what of it will lie in memory whoever reads it."""

    def __init__(self, graph: Graph):
        self.results = set(graph.results())
        self.of: dict[Value, list[Node]] = {}
        for node in graph.nodes:
            for v in node.inputs:
                self.of.setdefault(v, []).append(node)
        self.stored = {*graph.inputs, *graph.states.values(), *self.results}
        for node in graph.nodes:
            if node.op.kind in ("contract", "kernel", "control"):
                self.stored.update(u for v in node.inputs for u in behind_movement(v))
            if node.op.kind in ("kernel", "control"):
                self.stored.update(node.outputs)
        in_epilogue: set[Value] = set()
        for node in graph.nodes:
            v = node.outputs[0]
            follows = any(u in in_epilogue for w in node.inputs for u in behind_movement(w))
            if node.op.kind == "contract" or (node.op.kind == "elementwise" and follows):
                (self.stored if self.are_added_up(v) else in_epilogue).add(v)

    def all_of(self, v: Value) -> list[Node]:
        """The nodes that read a value, seen through movement ops."""
        found: list[Node] = []
        for node in self.of.get(v, []):
            found += self.all_of(node.outputs[0]) if node.op.kind == "movement" else [node]
        return found

    def are_added_up(self, v: Value) -> bool:
        """Whether a reduction of the value, or of what is made of it for that alone, is among its readers: no epilogue can do that."""
        return any(isinstance(n.op, Reduce) or (n.op.kind == "elementwise" and self.only_add_up(n)) for n in self.all_of(v))

    def only_add_up(self, node: Node) -> bool:
        """Whether all that becomes of a node's result is sums and the like."""
        readers = self.all_of(node.outputs[0])
        return bool(readers) and node.outputs[0] not in self.results and all(isinstance(n.op, Reduce) for n in readers)


def inlined(graph: Graph, readers: Readers) -> set[Node]:
    """Nodes that are computed again wherever they are used: numbers made of constants and extents; comparisons of what lies in
    memory with a constant (the mask of a relu is read off the relu's result); what is cheap and made of one value of its size that
    lies in memory and of smaller ones (the distance from a mean)."""
    found: set[Node] = set()
    for node in graph.nodes:
        if node.op.kind != "elementwise" or node.outputs[0] in readers.stored:
            continue
        sources = [v.node if v.shape == () else None for v in node.inputs]
        known = [n is not None and (n.op.kind in ("constant", "extent") or n in found) for n in sources]
        kept = [k or v in readers.stored for k, v in zip(known, node.inputs, strict=True)]
        if all(known) or (isinstance(node.op, Compare) and any(known) and all(kept)) or _cheap_again(node, readers, found):
            found.add(node)
    return found


def _cheap_again(node: Node, readers: Readers, found: set[Node]) -> bool:
    v = node.outputs[0]
    if not isinstance(node.op, Add | Sub | Mul) or len(set(readers.all_of(v))) < 2:
        return False
    whole = {u for u in node.inputs if u.shape == v.shape}
    smaller = all(len(dense(u.shape)) < len(dense(v.shape)) for u in node.inputs if u not in whole)
    return len(whole) == 1 and smaller and all(u in readers.stored or u.node in found for u in whole)


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
        self.readers = Readers(graph)
        self.inlined = inlined(graph, self.readers)
        self.group_of: dict[Node, Group] = {}
        self.order = {n: i for i, n in enumerate(graph.nodes)}
        self.bits: dict[Group, int] = {}
        self.earlier: dict[Group, int] = {}  # what is known of `before`

    def run(self) -> list[Group]:
        """The groups, in no particular order."""
        for node in self.graph.nodes:
            kind = node.op.kind
            if node in self.inlined:
                continue
            if kind in ("elementwise", "reduce", "index"):
                self.place(node)
            elif kind in ("contract", "kernel", "control"):
                self.alone(node, kind)
            elif kind == "movement" and type(node.op).__name__ in ("Concat", "Unslice", "SliceUpdate"):
                self.alone(node, "copy")
        self.merge()
        self.attach_epilogues()
        return self.groups

    def reads(self, node: Node) -> list[tuple[Value, Map]]:
        """What a node reads and where, through movement ops and what is computed again."""
        found: list[tuple[Value, Map]] = []
        stack = node_reads(node)[::-1]
        while stack:
            v, m = strip(*stack.pop())
            if v.node is not None and v.node in self.inlined:
                stack += [(u, onto_operand(u.shape, v.shape, m)) for u in v.node.inputs[::-1]]
            else:
                found.append((v, m))
        return found

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
        found = {self.group_of[p] for v in node.inputs for p in self.producers(v)} - {group}
        if not found <= group.after:
            group.after |= found
            self.changed(group)

    def place(self, node: Node) -> None:
        """Puts an elementwise, reduce or index node into a group of its operands, or into a new one."""
        reads = self.reads(node)
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
        if self.readers.only_add_up(node) and self.products(group):
            return False  # rather with its sums
        before, group.axes = group.axes, axes
        for v, m in reads:
            if v in group.level and not reads_at_own_place(group, reading, shape, v, m):
                group.axes = before
                return False
        outside = {self.group_of[p] for v in node.inputs for p in self.producers(v)} - {group}
        if not all(self.visible(group, v) for v, _ in reads) or self.depends(outside, group):
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
        """Whether one of `groups` is `on` or runs after it."""
        bit = self.bit(on)
        return any((self.before(g) | self.bit(g)) & bit for g in groups)

    def bit(self, group: Group) -> int:
        """The bit that stands for a group."""
        return self.bits.setdefault(group, 1 << len(self.bits))

    def before(self, group: Group) -> int:
        """The bits of all groups that have to run before one."""
        stack = [group]
        while stack:
            g = stack.pop()
            todo = [] if g in self.earlier else [a for a in g.after if a not in self.earlier]
            if todo:
                stack += [g, *todo]
            elif g not in self.earlier:
                self.earlier[g] = 0
                for a in g.after:
                    self.earlier[g] |= self.earlier[a] | self.bit(a)
        return self.earlier[group]

    def changed(self, group: Group) -> None:
        """Forgets what was known of a group, which has to wait for more now, and of those that wait for it."""
        bit = self.bit(group)
        self.earlier = {g: found for g, found in self.earlier.items() if g is not group and not found & bit}

    def products(self, group: Group) -> set[Group]:
        """The matrix products whose epilogue a group may become."""
        if group.axes:
            return set()
        return {g for g in group.after if g.kind == "contract" and g.nodes[0].outputs[0] not in self.readers.stored}

    def merge(self) -> None:
        """Joins whole groups where one pass over their common space serves both: a reader with its source, or readers of the same value."""
        inputs = {g: {v for n in g.nodes for v, _ in self.reads(n)} for g in self.groups if g.kind == "loop"}
        single = {g for g in inputs if dense(g.kept) == ()}
        at = {g: i for i, g in enumerate(self.groups)}
        for g in [g for g in self.groups if g in inputs]:
            near = [h for h in inputs if h in single or h in g.after or g in h.after or not inputs[g].isdisjoint(inputs[h])]
            for h in sorted(near, key=at.__getitem__):
                level = "" if h is g else self.common_level(g, h)
                if level and self.mergeable(g, h, level):
                    self.absorb(h, g, level)
                    inputs[h] |= inputs.pop(g)
                    break

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
            reads = self.reads(node)
            if not all(self.visible(other, v) for v, _ in reads):
                return False
            if isinstance(node.op, Take | TakeAlongAxis) and any(p in other.nodes for p in self.producers(node.inputs[0])):
                return False
            for v, m in reads:
                if v in other.level and not reads_at_own_place(both, reading, shape, v, m):
                    return False
        return True

    def absorb(self, into: Group, group: Group, level: str) -> None:
        """Moves the members of a group into another; `level` is where the full ones go."""
        either = self.bit(into) | self.bit(group)
        first = (self.before(into) | self.before(group)) & ~either
        self.earlier = {g: found | first | either if found & either else found for g, found in self.earlier.items()}
        self.earlier[into] = first
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
            if len(set(user.level) & updates) > MOST_STATES or self.overwrites(user, node):
                continue
            if any(other.epilogue is user for other in self.groups):
                continue
            g.epilogue = user

    def overwrites(self, user: Group, node: Node) -> bool:
        """Whether a group makes the new value of a state that a product reads: it can only write it when the product is done."""
        read = {strip(v, identity(v.ndim))[0] for v in node.inputs}
        return any(v in user.level and self.graph.states[key] in read for key, v in self.graph.updates.items())


def fuse(graph: Graph) -> tuple[list[Group], set[Node]]:
    """The groups of a graph, and the nodes that are in none because their readers compute them."""
    fuser = Fuser(graph)
    return fuser.run(), fuser.inlined
