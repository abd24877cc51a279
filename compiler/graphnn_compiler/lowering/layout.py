"""Where values lie and in which order groups run.

States are written in place where every reader of the old value runs before; otherwise the new value is kept aside and copied at the end.
Whatever can fail runs before the first write of a state, so that a step is all or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..dims import Extent, product
from ..ir import Graph, Node, Value
from ..ops.control import can_fail
from ..ops.elementwise import StopGradient
from ..ops.index import ExtentOf, Iota, Take, TakeAlongAxis
from ..ops.movement import Concat, Constant, Slice
from ..ops.reduce import Reduce
from ..ops.rows import PutRows
from ..passes.fuse import Group, fuse, node_reads
from ..schedule import schedule
from ..views import Buffer, Map, Storage, contiguous, identity, strip, view


class Layout:
    """Where every value of a graph lies, and in which order its groups run. Asking for a value's storage makes its group store it."""

    def __init__(self, graph: Graph, inputs: Sequence[Storage] | None = None):
        self.graph = graph
        self.groups, self.inlined = fuse(graph)
        self.unit = {g: g for g in self.groups}  # an epilogue belongs to its product
        for g in self.groups:
            if g.epilogue is not None:
                self.unit[g.epilogue] = g
        self.group_of: dict[Node, Group] = {n: g for g in self.groups for n in g.nodes}
        self.storages: dict[Value, Storage] = {}
        self.computed: dict[Value, Group] = {}
        self.early: list[tuple[Storage, Storage]] = []  # old values of states, put aside before anything runs
        self.copies: dict[Value, tuple[Storage, Storage]] = {}
        self.needed: dict[Group, list[Value]] = {g: [] for g in self.groups}
        self.after: dict[Group, set[Group]] = {}
        self._reads: dict[Group, list[Value]] = {}
        self._readers: dict[Value, list[Group]] = {}
        self._indexed = 0  # groups in _readers
        self.joined: dict[Node, list[bool]] = {}  # which operands of a Concat are written to their places in it at once
        self.failing = {g for g in self.groups if any(can_fail(n.op) for n in g.nodes)}
        if inputs is None:
            inputs = [contiguous(Buffer(product(v.shape), v.dtype, "input", i), v.shape) for i, v in enumerate(graph.inputs)]
        self.inputs = [s.buffer for s in inputs]
        self.also: dict[Value, list[Storage]] = {}  # further places of results
        self.states = {k: Buffer(product(v.shape), v.dtype, "state", k) for k, v in graph.states.items()}
        self.outputs = [Buffer(product(v.shape), v.dtype, "output", i) for i, v in enumerate(graph.outputs)]
        self.storages.update(zip(graph.inputs, inputs, strict=True))
        for k, v in graph.states.items():
            self.storages[v] = contiguous(self.states[k], v.shape)

    # -- memory

    def place_parts(self) -> None:
        """Lets values that are put side by side be written to their places there by what makes them."""
        for group in self.groups:
            node = group.nodes[0]
            if isinstance(node.op, Concat):
                whole = self.storage_of(node.outputs[0])
                self.joined[node] = []
                starts: list[Extent] = [0] * node.outputs[0].ndim
                for v in node.inputs:
                    maker = self.group_of.get(v.node) if v.node is not None else None
                    # Control flow writes dense results, to fixed addresses.
                    dense = whole.buffer.kind != "output" and whole.contiguous and node.op.axis == 0
                    kinds = ("loop", "control") if dense else ("loop",)
                    direct = maker is not None and maker.kind in kinds and v not in self.storages
                    if direct:
                        assert maker is not None
                        self.storages[v] = part_of(whole, tuple(starts), v)
                        self.needed[maker].append(v)
                    self.joined[node].append(direct)
                    starts[node.op.axis] = starts[node.op.axis] + v.shape[node.op.axis]

    def storage_of(self, v: Value) -> Storage:
        """Where a value lies; asking makes its group store it."""
        if v in self.storages:
            return self.storages[v]
        node = v.node
        assert node is not None
        if isinstance(node.op, Constant):
            found = contiguous(Buffer(product(v.shape), v.dtype, "constant", node.op), v.shape)
        elif node in self.group_of:
            found = contiguous(Buffer(product(v.shape), v.dtype), v.shape)
            self.needed[self.group_of[node]].append(v)
        elif node.op.kind == "movement":
            source = self.storage_of(node.inputs[0])
            maybe = view(source, node)
            if maybe is None:
                dense = contiguous(Buffer(product(source.shape), v.dtype), source.shape)
                self.copies[v] = (source, dense)
                maybe = view(dense, node)
                assert maybe is not None
            found = maybe
        else:  # what is computed where it is used has to be in memory here
            found = contiguous(Buffer(product(v.shape), v.dtype), v.shape)
            self.compute_to_memory(node, v)
        self.storages[v] = found
        return found

    def compute_to_memory(self, node: Node, v: Value) -> None:
        """A group that writes what is else computed where it is read, for readers that take addresses only."""
        copy = Node(StopGradient(), (Value(v.shape, v.dtype, node),), node.origin)
        copy.outputs = (v,)
        group = Group("loop", v.shape, nodes=[copy], level={v: "full"})
        self.groups.append(group)
        self.unit[group] = group
        self.needed[group] = [v]
        self.computed[v] = group
        read = {self.behind(u) for u in self.in_memory(group)}
        group.after = {self.group_of[u.node] for u in read if u.node in self.group_of}
        self.edges(group).update(self.computed[u] for u in read if u in self.computed)
        for key, buffer in self.states.items():
            if self.graph.states[key] in read:  # before the state takes its new value
                for g, values in self.needed.items():
                    if any(u in self.storages and self.storages[u].buffer is buffer for u in values):
                        self.edges(self.unit[g]).add(group)

    def in_memory(self, group: Group) -> list[Value]:
        """The values that a group reads from memory."""
        if group not in self._reads:
            self._reads[group] = self._find_reads(group)
        return self._reads[group]

    def _find_reads(self, group: Group) -> list[Value]:
        out: list[Value] = []
        for node in group.nodes:
            if group.kind != "loop":
                out += list(node.inputs)
                continue
            for v, m in node_reads(node):
                out += self.leaves(group, v, m)
            table = node.inputs[0] if isinstance(node.op, Take | TakeAlongAxis) else None
            if table is not None and not (table.node is not None and isinstance(table.node.op, Iota)):
                out.append(table)
        return out

    def readers_of(self, v: Value) -> list[Group]:
        """The groups that read a value from memory, through movement ops or not."""
        for group in self.groups[self._indexed :]:
            for u in dict.fromkeys(self.behind(u) for u in self.in_memory(group)):
                self._readers.setdefault(u, []).append(group)
        self._indexed = len(self.groups)
        return self._readers.get(v, [])

    def leaves(self, group: Group, v: Value, m: Map) -> list[Value]:
        """What reading v from a group takes from memory."""
        base, _ = strip(v, m)
        node = base.node
        if base in group.level or (node is not None and isinstance(node.op, Iota | ExtentOf)):
            return []
        if node is not None and isinstance(node.op, Constant) and not node.op.shape:
            return []
        if node in self.inlined:
            return [u for x in node.inputs for u in self.leaves(group, x, identity(x.ndim))]
        return [base]

    # -- results

    def place_results(self) -> list[tuple[Storage, Storage]]:
        """Gives results their memory; what cannot be written there directly is copied at the end."""
        last: list[tuple[Storage, Storage]] = []
        taken: set[Value] = set()
        targets = [(self.states[k], v, k) for k, v in self.graph.updates.items()]
        targets += [(b, v, None) for b, v in zip(self.outputs, self.graph.outputs, strict=True)]
        for buffer, v, key in targets:
            target = contiguous(buffer, v.shape)
            node = v.node
            group = self.group_of.get(node) if node is not None else None
            direct = group is not None and group.kind != "control" and v not in taken and v not in self.storages
            if direct and key is not None:
                assert group is not None
                old = self.graph.states[key]
                direct = self.may_put(group, old) or (group.kind in ("loop", "contract") and self.may_write(group, v, old))
            if direct:
                assert group is not None
                taken.add(v)
                self.storages[v] = target
                self.needed[group].append(v)
            elif key is None and v in taken and group is not None and group.kind == "loop" and self.unit[group] is group:
                self.also.setdefault(v, []).append(target)
            else:
                source = self.storage_of(v)
                early = source.buffer.kind == "state" and self.behind(v) is self.graph.states[source.buffer.slot]  # type: ignore[index]
                if early and source.buffer.slot in self.graph.updates:
                    aside = contiguous(Buffer(product(source.shape), source.buffer.dtype), source.shape)
                    self.early.append((source, aside))
                    source = aside
                last.append((source, target))
        return last

    def may_write(self, group: Group, v: Value, old: Value) -> bool:
        """Whether a group may overwrite a state's old value: its own reads are at the same place, and all others can come first."""
        if self.fails(group):
            return False
        unit = self.unit[group]
        for node in group.nodes:
            for u, m in node_reads(node):
                base, through = strip(u, m)
                if base is old and (through != identity(base.ndim) or group.level.get(node.outputs[0]) != group.level.get(v)):
                    return False
                if base is old and group.kind != "loop":
                    return False
        if group.level.get(v) == "full" and _read_later(group, v, old):
            return False
        if unit is not group and any(strip(u, identity(u.ndim))[0] is old for n in unit.nodes for u in n.inputs):
            return False
        direct = {strip(u, m)[0] for node in group.nodes for u, m in node_reads(node)}
        if any(self.behind(u) is old and u not in direct for u in self.in_memory(group)):  # read by a node that is computed again
            return False
        return self.may_come_last(unit, old)

    def may_put(self, group: Group, old: Value) -> bool:
        """Whether a group puts rows into a state's old value, and can do so in place."""
        node = group.nodes[0]
        if not isinstance(node.op, PutRows) or node.inputs[0] is not old or any(self.behind(v) is old for v in node.inputs[1:]):
            return False
        return self.may_come_last(group, old)

    def may_come_last(self, unit: Group, old: Value) -> bool:
        """Whether all readers of a state's old value, and all that can fail, can run before a unit; then they do."""
        readers = {self.unit[g] for g in self.readers_of(old)} - {unit}
        failing = {self.unit[g] for g in self.failing}
        if any(self.reaches(after, unit) for after in readers | failing):
            return False
        self.edges(unit).update(readers)
        return True

    def behind(self, v: Value) -> Value:
        """The value that movement ops were applied to."""
        while v.node is not None and v.node.op.kind == "movement" and v.node not in self.group_of:
            v = v.node.inputs[0]
        return v

    def copied_from(self, v: Value, base: Value) -> bool:
        """Whether v is `base` seen through movement ops, one of which needs a copy of it."""
        copied = False
        while v is not base and v.node is not None and v.node.op.kind == "movement" and v.node not in self.group_of:
            copied = copied or v in self.copies
            v = v.node.inputs[0]
        return copied and v is base

    def fails(self, group: Group) -> bool:
        return group in self.failing

    # -- order

    def edges(self, unit: Group) -> set[Group]:
        if unit not in self.after:
            mine = {unit, unit.epilogue} if unit.epilogue is not None else {unit}
            before = {self.unit[g] for m in mine for g in m.after}
            self.after[unit] = before - {unit}
        return self.after[unit]

    def reaches(self, start: Group, goal: Group) -> bool:
        """Whether `start` has to run after `goal`."""
        seen: set[Group] = set()
        stack = [start]
        while stack:
            g = stack.pop()
            if g is goal:
                return True
            if g not in seen:
                seen.add(g)
                stack.extend(self.edges(g))
        return False

    def order(self) -> list[Group]:
        """Units in the order in which they run; what can fail comes before what writes states."""
        units = [g for g in self.groups if self.unit[g] is g]
        failing = [g for g in units if self.fails(g)]
        for w in [g for g in units if self.writes_state(g)]:
            self.edges(w).update(f for f in failing if f is not w and not self.reaches(f, w))
        parts = {u: [u] if u.epilogue is None else [u, u.epilogue] for u in units}
        reads = {u: [self.storages[v].buffer for p in parts[u] for v in self.in_memory(p) if v in self.storages] for u in units}
        writes = {u: [self.storages[v].buffer for p in parts[u] for v in self.needed[p]] for u in units}
        return schedule(units, {u: self.edges(u) for u in units}, reads, writes)

    def writes_state(self, unit: Group) -> bool:
        parts = [unit, unit.epilogue] if unit.epilogue is not None else [unit]
        return any(self.storages[v].buffer.kind == "state" for p in parts for v in self.needed[p] if v in self.storages)

    # -- what steps ask

    def epilogue_of(self, group: Group, v: Value) -> Group | None:
        """The product that hands v to this group tile by tile."""
        unit = self.unit[group]
        return unit if unit is not group and self.behind(v) is unit.nodes[0].outputs[0] else None

    def stores(self, group: Group) -> list[tuple[Value, Storage]]:
        """Where values of a group are written to."""
        return [(v, s) for v in dict.fromkeys(self.needed[group]) for s in (self.storages[v], *self.also.get(v, ()))]


def part_of(whole: Storage, starts: tuple[Extent, ...], v: Value, steps: tuple[int, ...] = ()) -> Storage:
    """The part of a storage that has the shape of v and begins at `starts`."""
    piece = Node(Slice(starts, v.shape, steps or (1,) * v.ndim), (Value(whole.shape, v.dtype),))
    piece.outputs = (Value(v.shape, v.dtype, piece),)
    found = view(whole, piece)
    assert found is not None
    return found


def _read_later(group: Group, v: Value, old: Value) -> bool:
    """Whether a pass over the reduced axes that follows the one which makes v reads `old`, for itself or to compute something again."""
    stage: dict[Value, int] = {}
    again: set[Value] = set()  # full members that are computed from `old`
    last = 0
    for node in group.nodes:
        sources = [strip(u, m)[0] for u, m in node_reads(node)]
        here, out = max((stage.get(u, 0) for u in sources), default=0), node.outputs[0]
        reduces = isinstance(node.op, Reduce)
        stage[out] = here + 1 if reduces else here
        if any(u is old or u in again for u in sources):
            last = max(last, here)
            if not reduces and group.level[out] == "full":
                again.add(out)
    return last > stage[v]
