"""Lowers a graph: decides what lies in memory and where, and in which order the kernels run.

States are written in place where every reader of the old value runs before; otherwise the new value is kept aside and copied at the end.
Whatever can fail runs before the first write of a state, so that a step is all or nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from ..codegen.text import literal
from ..dims import Extent, evaluate, product
from ..interpret import concrete
from ..ir import Graph, Node, Value
from ..ops.base import itemsize
from ..ops.contract import MatMul
from ..ops.elementwise import StopGradient
from ..ops.index import ExtentOf, Iota, Take, TakeAlongAxis
from ..ops.movement import Concat, Constant, Slice, SliceUpdate, Unslice
from ..passes.fuse import Group, fuse, node_reads
from ..runtime.spec import KernelSpec
from ..views import Buffer, Map, Storage, collapse, contiguous, identity, strip, view
from .nests import NotATile, build_step, copy_step
from .steps import GemmStep, IndexCheck, KernelStep, LoopStep, Place, Step


@dataclass
class Lowered:
    """The steps in order; `guard`: how many of them precede the first write of a state."""

    graph: Graph
    steps: list[Step]
    guard: int
    inputs: list[Buffer]
    outputs: list[Buffer]
    states: dict[Hashable, Buffer]


EPILOGUES = True
FLOPS_PER_WORK = 16  # a product does so many operations while a loop handles one element


class Lowering:
    """The state of one lowering."""

    def __init__(self, graph: Graph):
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
        self.inputs = [Buffer(product(v.shape), v.dtype, "input", i) for i, v in enumerate(graph.inputs)]
        self.states = {k: Buffer(product(v.shape), v.dtype, "state", k) for k, v in graph.states.items()}
        self.outputs = [Buffer(product(v.shape), v.dtype, "output", i) for i, v in enumerate(graph.outputs)]
        for v, b in zip(graph.inputs, self.inputs, strict=True):
            self.storages[v] = contiguous(b, v.shape)
        for k, v in graph.states.items():
            self.storages[v] = contiguous(self.states[k], v.shape)

    # -- memory

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
        """A group that writes an iota or an extent, for readers that take addresses only."""
        copy = Node(StopGradient(), (Value(v.shape, v.dtype, node),), node.origin)
        copy.outputs = (v,)
        group = Group("loop", v.shape, nodes=[copy], level={v: "full"})
        self.groups.append(group)
        self.unit[group] = group
        self.needed[group] = [v]
        self.computed[v] = group

    def in_memory(self, group: Group) -> list[Value]:
        """The values that a group reads from memory."""
        out: list[Value] = []
        for node in group.nodes:
            if group.kind != "loop":
                out += [v for v in node.inputs]
                continue
            for v, m in node_reads(node):
                out += self.leaves(group, v, m)
            if isinstance(node.op, Take | TakeAlongAxis):
                out.append(node.inputs[0])
        return out

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
            direct = group is not None and group.kind in ("loop", "contract", "kernel") and v not in taken and v not in self.storages
            if direct and key is not None:
                assert group is not None
                direct = group.kind != "kernel" and self.may_write(group, v, self.graph.states[key])
            if direct:
                assert group is not None
                taken.add(v)
                self.storages[v] = target
                self.needed[group].append(v)
            else:
                source = self.storage_of(v)
                if source.buffer.kind == "state" and source.buffer.slot in self.graph.updates:  # its old value is wanted
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
        if unit is not group and any(strip(u, identity(u.ndim))[0] is old for n in unit.nodes for u in n.inputs):
            return False
        direct = {strip(u, m)[0] for node in group.nodes for u, m in node_reads(node)}
        if any(self.behind(u) is old and u not in direct for u in self.in_memory(group)):  # read by a node that is computed again
            return False
        readers = {self.unit[g] for g in self.groups for u in self.in_memory(g) if self.behind(u) is old} - {unit}
        if any(self.reaches(reader, unit) for reader in readers):
            return False
        self.edges(unit).update(readers)
        return True

    def behind(self, v: Value) -> Value:
        """The value that movement ops were applied to."""
        while v.node is not None and v.node.op.kind == "movement" and v.node not in self.group_of:
            v = v.node.inputs[0]
        return v

    def fails(self, group: Group) -> bool:
        return any(isinstance(n.op, Take | TakeAlongAxis) or type(n.op).__name__ == "Scatter" for n in group.nodes)

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
        """Units in an order that respects all edges: those that can fail and what they need first, writers of states last."""
        units = [g for g in self.groups if self.unit[g] is g]
        index = {g: i for i, g in enumerate(units)}
        writers = [g for g in units if self.writes_state(g)]
        failing = [g for g in units if self.fails(g)]
        for w in writers:
            self.edges(w).update(f for f in failing if f is not w and not self.reaches(f, w))
        done: dict[Group, None] = {}

        def visit(g: Group) -> None:
            stack: list[tuple[Group, list[Group]]] = [(g, sorted(self.edges(g), key=index.__getitem__))]
            while stack:
                now, rest = stack[-1]
                nxt = next((r for r in rest if r not in done), None)
                if nxt is None:
                    done[now] = None
                    stack.pop()
                else:
                    stack.append((nxt, sorted(self.edges(nxt), key=index.__getitem__)))

        for g in [g for g in units if g not in writers] + writers:
            if g not in done:
                visit(g)
        return list(done)

    def writes_state(self, unit: Group) -> bool:
        parts = [unit, unit.epilogue] if unit.epilogue is not None else [unit]
        return any(self.storages[v].buffer.kind == "state" for p in parts for v in self.needed[p] if v in self.storages)

    # -- steps

    def run(self) -> Lowered:
        copies_at_end = self.place_results()
        done: set[Group] = set()
        while len(done) < len(self.groups):
            for g in [g for g in self.groups if g not in done]:
                done.add(g)
                for v in self.in_memory(g):
                    if self.epilogue_of(g, v) is None:
                        self.storage_of(v)
                        if self.behind(v) in self.computed:
                            self.edges(self.unit[g]).add(self.computed[self.behind(v)])
        steps: list[Step] = [copy_step(source, aside, []) for source, aside in self.early]
        copied: set[Value] = set()
        guard: int | None = None
        for unit in self.order():
            parts = [unit, unit.epilogue] if unit.epilogue is not None else [unit]
            for v in [v for p in parts for v in self.in_memory(p)]:
                self.copy_views(v, steps, copied)
            if guard is None and self.writes_state(unit):
                guard = len(steps)
            steps += self.steps_of(unit)
        for v in self.graph.results():
            self.copy_views(v, steps, copied)
        guard = len(steps) if guard is None else guard
        steps += [copy_step(source, target, []) for source, target in copies_at_end]
        return Lowered(self.graph, steps, guard, self.inputs, self.outputs, self.states)

    def copy_views(self, v: Value, steps: list[Step], copied: set[Value]) -> None:
        """Emits the copies that views of v depend on, when what they copy is there."""
        chain: list[Value] = []
        while True:
            chain.append(v)
            if v.node is None or v.node.op.kind != "movement" or v.node in self.group_of:
                break
            v = v.node.inputs[0]
        for u in reversed(chain):
            if u in self.copies and u not in copied:
                copied.add(u)
                source, dense = self.copies[u]
                steps.append(copy_step(source, dense, []))

    def epilogue_of(self, group: Group, v: Value) -> Group | None:
        """The product that hands v to this group tile by tile."""
        unit = self.unit[group]
        return unit if unit is not group and self.behind(v) is unit.nodes[0].outputs[0] else None

    def steps_of(self, unit: Group) -> list[Step]:
        if unit.kind == "loop":
            return [build_step(unit, self, self.stores(unit))]
        if unit.kind == "contract":
            return self.product_steps(unit)
        if unit.kind == "kernel":
            return [*self.kernel_steps(unit.nodes[0])]
        return self.copy_steps(unit.nodes[0])

    def stores(self, group: Group) -> list[tuple[Value, Storage]]:
        return [(v, self.storages[v]) for v in dict.fromkeys(self.needed[group])]

    def kernel_steps(self, node: Node) -> list[Step]:
        op, out = node.op, node.outputs[0]
        steps: list[Step] = []
        sources: list[Storage] = []
        for v in node.inputs:
            s = self.storage_of(v)
            if not s.contiguous:
                dense = contiguous(Buffer(product(v.shape), v.dtype), v.shape)
                steps.append(copy_step(s, dense, [node]))
                s = dense
            sources.append(s)
        target = self.storage_of(out)
        name, params = op.kernel([(v.shape, v.dtype) for v in node.inputs])  # type: ignore[attr-defined]
        shapes = [v.shape for v in node.inputs]

        def numbers(env: Mapping[str, int]) -> list[tuple[int, ...]]:
            return [tuple(evaluate(d, env) for d in s) for s in shapes]

        places = [Place(s.buffer, s.offset * itemsize(s.buffer.dtype)) for s in [*sources, target]]
        checks = [IndexCheck(node.inputs[0].shape[0], node.origin)] if name == "scatter" else []
        work: Extent = product(node.inputs[0].shape) + product(node.inputs[-1].shape)
        steps.append(
            KernelStep(
                [node], places, [s.buffer for s in sources], [target.buffer], work * 8, checks, KernelSpec(name, tuple(params.items())),
                lambda env: concrete(op, env).dims(numbers(env)),  # type: ignore[attr-defined]
                lambda env: concrete(op, env).workspace(numbers(env)) if hasattr(op, "workspace") else 0,  # type: ignore[attr-defined]
            )
        )  # fmt: skip
        return steps

    def copy_steps(self, node: Node) -> list[Step]:
        op, out = node.op, node.outputs[0]
        target = self.storage_of(out)

        def part(starts: tuple[Extent, ...], shape: tuple[Extent, ...], steps: tuple[int, ...]) -> Storage:
            piece = Node(Slice(starts, shape, steps), (out,))
            piece.outputs = (Value(shape, out.dtype, piece),)
            found = view(target, piece)
            assert found is not None
            return found

        if isinstance(op, Concat):
            steps: list[Step] = []
            at: Extent = 0
            for v in node.inputs:
                starts: list[Extent] = [0] * v.ndim
                starts[op.axis] = at
                steps.append(copy_step(self.storage_of(v), part(tuple(starts), v.shape, (1,) * v.ndim), [node]))
                at = at + v.shape[op.axis]
            return steps
        if isinstance(op, Unslice):
            x = node.inputs[0]
            zeros = copy_step(x, target, [node], literal(0, out.dtype))
            return [zeros, copy_step(self.storage_of(x), part(op.starts, x.shape, op.steps), [node])]
        assert isinstance(op, SliceUpdate)
        x, y = node.inputs
        whole = copy_step(self.storage_of(x), target, [node])
        return [whole, copy_step(self.storage_of(y), part(op.starts, y.shape, op.steps), [node])]

    # -- matrix products

    def product_steps(self, unit: Group) -> list[Step]:
        node = unit.nodes[0]
        assert isinstance(node.op, MatMul)
        c = node.outputs[0]
        steps: list[Step] = []
        a, b = (self.storage_of(v) for v in node.inputs)
        batch = c.shape[:-2]
        epilogue = self.epilogue_step(unit, c) if unit.epilogue is not None else None
        out = self.storage_of(c)
        a, b = (spread_batch(s, batch) for s in (a, b))
        if not (b.strides[-1] == 1 or b.strides[-2] == 1 or b.shape[-1] == 1 or b.shape[-2] == 1):
            b = self.dense(b, steps, node)
        groups = collapse(batch, [s.strides[:-2] for s in (a, b, out)]) if batch else []
        if len(groups) > 2:
            a, b = self.dense(a, steps, node), self.dense(b, steps, node)
            groups = collapse(batch, [s.strides[:-2] for s in (a, b, out)])
        sizes = [product(batch[i] for i in g) for g in groups]
        sizes = [1] * (2 - len(sizes)) + sizes

        def strides(s: Storage, last: int) -> tuple[Extent, ...]:
            outer = [s.strides[g[-1]] for g in groups]
            return (*([0] * (2 - len(outer))), *outer, *s.strides[len(batch) : len(batch) + last])

        m, k, n = c.shape[-2], node.inputs[0].shape[-1], c.shape[-1]
        size = itemsize(c.dtype)
        places = [Place(s.buffer, s.offset * size) for s in (a, b, out)]
        reads, writes = [a.buffer, b.buffer], [out.buffer]
        if epilogue is not None:  # tiles of the product live in the kernel's own work space
            places[2] = Place(None)
            reads, writes = reads + epilogue.reads, epilogue.writes
        nodes = [node, *(unit.epilogue.nodes if epilogue is not None and unit.epilogue is not None else [])]
        steps.append(
            GemmStep(
                nodes, places, reads, writes, product(batch) * m * n * k // FLOPS_PER_WORK * 2, epilogue.checks if epilogue else [], c.dtype, m, n, k,
                (sizes[0], sizes[1]), strides(a, 2), strides(b, 2), strides(out, 1), epilogue,
            )
        )  # fmt: skip
        if unit.epilogue is not None and epilogue is None:
            steps.append(build_step(unit.epilogue, self, self.stores(unit.epilogue)))
        return steps

    def epilogue_step(self, unit: Group, c: Value) -> LoopStep | None:
        """The tile kernel of a product's epilogue; None where its operands are not made of rows and columns."""
        assert unit.epilogue is not None
        out = contiguous(Buffer(product(c.shape), c.dtype), c.shape)
        self.storages.setdefault(c, out)
        split = rows_of(unit.epilogue, c)
        if not EPILOGUES or split is None:
            return None
        try:
            return build_step(unit.epilogue, self, self.stores(unit.epilogue), split, out.buffer)
        except NotATile:
            return None

    def dense(self, s: Storage, steps: list[Step], node: Node) -> Storage:
        target = contiguous(Buffer(product(s.shape), s.buffer.dtype), s.shape)
        steps.append(copy_step(s, target, [node]))
        return target


def rows_of(epilogue: Group, c: Value) -> int | None:
    """How many of an epilogue's axes make the rows of the product; None where no cut between them does."""
    axes = [d for d in epilogue.space if d != 1]
    columns: Extent = 1
    for i in range(len(axes), -1, -1):
        if columns == c.shape[-1] and product(axes[:i]) == product(c.shape[:-1]):
            return i
        if i:
            columns = columns * axes[i - 1]
    return None


def spread_batch(s: Storage, batch: tuple[Extent, ...]) -> Storage:
    """A factor with the batch axes of the result; stride 0 where it is the same for all."""
    own = s.shape[:-2]
    extra = len(batch) - len(own)
    strides = (0,) * extra + tuple(0 if d == 1 and e != 1 else t for d, e, t in zip(own, batch[extra:], s.strides, strict=False))
    return Storage(s.buffer, (*batch, *s.shape[-2:]), s.offset, (*strides, *s.strides[-2:]))


def lower(graph: Graph) -> Lowered:
    """The steps of a graph."""
    return Lowering(graph).run()

