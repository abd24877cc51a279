"""Builds the loop nest of a group: operands from storages and maps, terms from nodes, axes collapsed where all operands allow it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

from ..codegen.nest import Access, Apply, Expr, Fold, Gather, Load, Nest, Scalar, Store, Term
from ..codegen.text import keep_costly, literal, render
from ..dims import Extent, product
from ..ir import Node, Value
from ..ops.base import Elementwise
from ..ops.index import ExtentOf, Iota, Take, TakeAlongAxis
from ..ops.movement import Constant
from ..ops.reduce import Reduce
from ..ops.suffix import SUFFIX
from ..passes.fuse import Group
from ..runtime.spec import KernelSpec
from ..views import FIXED, At, Buffer, Map, Storage, collapse, contiguous, identity, onto_operand, strip
from .steps import IndexCheck, LoopStep, Place

CHEAP = {
    "Add", "Sub", "Mul", "Neg", "Abs", "Maximum", "Minimum", "Where", "Relu", "Cast", "StopGradient", "Less", "LessEqual", "Greater",
    "GreaterEqual", "Equal", "NotEqual", "And", "Or", "Xor", "Not", "IsNan", "IsInf", "IsFinite", "SignBit", "Sign",
}  # fmt: skip

class Memory(Protocol):
    """What the builder asks: where values outside the group are, and which nodes their readers compute."""

    inlined: set[Node]

    def storage_of(self, v: Value) -> Storage:
        """The storage of a value."""
        ...


@dataclass
class Fixed:
    """A memory that holds one storage."""

    storage: Storage
    inlined: set[Node] = field(default_factory=set[Node])

    def storage_of(self, v: Value) -> Storage:
        """The one storage."""
        return self.storage


class NotATile(Exception):
    """An operand of an epilogue does not have one stride along rows and one along columns."""


class NestBuilder:
    """The nest of one group under construction."""

    def __init__(self, group: Group, memory: Memory):
        self.group, self.memory = group, memory
        axes = [i for i, d in enumerate(group.space) if d != 1]
        self.kept_axes = [i for i in axes if i not in group.axes]
        self.reduced_axes = [i for i in axes if i in group.axes]
        self.order = self.kept_axes + self.reduced_axes
        self.accesses: list[Access] = []
        self.terms: list[Term] = []
        self.term_of: dict[object, int] = {}
        self.stores: list[Store] = []
        self.notes: list[Node] = []
        self.checks: list[IndexCheck] = []

    # -- reading

    def shape_axes(self, level: str, shape: tuple[Extent, ...]) -> dict[int, int]:
        """For each axis of a member's shape its place among the nest's axes."""
        own = self.kept_axes if level == "kept" else [i for i, d in enumerate(self.group.space) if d != 1]
        places = [i for i, d in enumerate(shape) if d != 1]
        return {p: self.order.index(a) for p, a in zip(places, own, strict=True)}

    def access(self, storage: Storage, m: Map, to_nest: dict[int, int]) -> Access:
        """An operand: a storage read through a map from a member's axes."""
        moved = tuple(At(at.offset, None, 0) if at.axis is not None and at.axis not in to_nest else at for at in m)
        moved = tuple(replace(at, axis=to_nest[at.axis]) if at.axis is not None else at for at in moved)
        offset, strides = storage.read(moved, len(self.order))
        return Access(storage.buffer, storage.buffer.dtype, offset, strides)

    def operand(self, access: Access) -> int:
        if access not in self.accesses:
            self.accesses.append(access)
        return self.accesses.index(access)

    def term(self, key: object, expr: Expr, dtype: str, level: str, note: str = "") -> int:
        if key not in self.term_of:
            self.term_of[key] = len(self.terms)
            self.terms.append(Term(expr, dtype, level, note))
        return self.term_of[key]

    def load(self, access: Access) -> int:
        p = self.operand(access)
        moves = not self.reduced_axes or any(s != 0 for s in access.strides[len(self.kept_axes) :])
        return self.term(access, Load(p), access.dtype, "full" if moves else "kept")

    def read(self, v: Value, m: Map, to_nest: dict[int, int], level: str) -> int:
        """The term of a value read by a member at `level` through m."""
        v, m = strip(v, m)
        if v in self.group.level:
            return self.term_of[v]
        node = v.node
        if node is not None and isinstance(node.op, Constant) and not node.op.shape:
            text = literal(node.op.array().item(), v.dtype)
            return self.term(text, Scalar(text), v.dtype, "kept")
        if node is not None and isinstance(node.op, ExtentOf):
            return self.term(node.op, Scalar("", node.op.extent), node.op.dtype, "kept")
        if node in self.memory.inlined:
            args = tuple(self.read(u, onto_operand(u.shape, v.shape, m), to_nest, level) for u in node.inputs)
            at = "full" if any(self.terms[a].level == "full" for a in args) else "kept"
            return self.term((v, m), self.apply(node, args), v.dtype, at, f"{type(node.op).__name__} again")
        if node is not None and isinstance(node.op, Iota):
            nowhere = Storage(Buffer(0, v.dtype), v.shape, 0, (1,))
            found = self.access(nowhere, m, to_nest)
            return self.load(Access(None, v.dtype, found.offset, found.strides))
        return self.load(self.access(self.memory.storage_of(v), m, to_nest))

    # -- members

    def add(self, node: Node) -> None:
        """The terms of one member."""
        v, op, group = node.outputs[0], node.op, self.group
        level = group.level[v]
        reading, shape = ("full", node.inputs[0].shape) if isinstance(op, Reduce) else (level, v.shape)
        to_nest = self.shape_axes(reading, shape)
        whole = identity(len(shape))
        note = f"{type(op).__name__} {v.dtype} {level}"
        if isinstance(op, Reduce):
            arg = self.read(node.inputs[0], whole, to_nest, "full")
            t = SUFFIX["float32" if v.dtype == "float16" else v.dtype]
            expr: Expr = Fold(arg, op.init(t), op.combine(t, "{0}", "{1}"), op.horizontal)
        elif isinstance(op, Take | TakeAlongAxis):
            expr = self.gather(node, op, whole, to_nest, level)
        else:
            expr = self.apply(node, tuple(self.read(u, onto_operand(u.shape, shape, whole), to_nest, level) for u in node.inputs))
        self.term(v, expr, v.dtype, level, note)

    def apply(self, node: Node, args: tuple[int, ...]) -> Apply:
        """The expression of an elementwise op."""
        assert isinstance(node.op, Elementwise)
        source = node.inputs[0].dtype
        t = SUFFIX["float32" if source == "float16" else source]
        names = tuple(f"{{{i}}}" for i in range(len(args)))
        return Apply(node.op.template(t, *names), args, type(node.op).__name__ not in CHEAP)

    def gather(self, node: Node, op: Take | TakeAlongAxis, whole: Map, to_nest: dict[int, int], level: str) -> Expr:
        table, idx = node.inputs
        axis = op.axis
        if isinstance(op, Take):
            index_map = whole[axis : axis + idx.ndim]
            table_map = (*whole[:axis], FIXED, *whole[axis + idx.ndim :])
        else:
            index_map = whole
            table_map = (*whole[:axis], FIXED, *whole[axis + 1 :])
        i = self.read(idx, index_map, to_nest, level)
        self.checks.append(IndexCheck(table.shape[axis], node.origin))
        if table.node is not None and isinstance(table.node.op, Iota):  # nothing but a check: element i is i
            p = self.operand(Access(None, table.dtype, 0, (0,) * len(self.order)))
            return Gather(p, i, table.shape[axis], 1, self.index_operand(i))
        storage = self.memory.storage_of(table)
        p = self.operand(self.access(storage, table_map, to_nest))
        return Gather(p, i, table.shape[axis], storage.strides[axis], self.index_operand(i))

    def index_operand(self, i: int) -> int:
        """The operand in memory that a term's integers come from, -1 if there is none."""
        expr = self.terms[i].expr
        if isinstance(expr, Load):
            access = self.accesses[expr.operand]
            return expr.operand if access.buffer is not None and access.dtype[0] in "iu" else -1
        found = [self.index_operand(a) for a in expr.args] if isinstance(expr, Apply) else []
        return max(found, default=-1)

    def store(self, v: Value, storage: Storage) -> Access:
        """Writes a member to memory."""
        access = self.access(storage, identity(v.ndim), self.shape_axes(self.group.level[v], v.shape))
        self.stores.append(Store(self.operand(access), self.term_of[v]))
        return access

    # -- the whole

    def nest(self, split: int | None = None, product_buffer: Buffer | None = None) -> Nest:
        """The nest with collapsed axes; `split` makes a tile of two axes: those before it and those from it on."""
        extents = [self.group.space[a] for a in self.order]
        strides = [list(a.strides) for a in self.accesses]
        cut = len(self.kept_axes) if split is None else split
        front = collapse(extents[:cut], [s[:cut] for s in strides])
        back = [[cut + i for i in g] for g in collapse(extents[cut:], [s[cut:] for s in strides])]
        if split is not None and (len(front) > 1 or len(back) > 1):
            raise NotATile
        groups = front + back
        if split is not None:
            groups = [front[0] if front else [], back[0] if back else []]
        kept: list[Extent] = [product(extents[i] for i in g) for g in front]
        reduced: list[Extent] = [product(extents[i] for i in g) for g in back]
        if split is not None:
            kept, reduced = [product(extents[:cut]), product(extents[cut:])], []
        accesses = [replace(a, strides=tuple(s[g[-1]] if g else 0 for g in groups)) for a, s in zip(self.accesses, strides, strict=True)]
        if split is not None:
            self.check_tile(accesses, product_buffer, (kept[1] if groups[0] else 0, 1 if groups[1] else 0))
        if not kept and not reduced:
            kept = [1]
            accesses = [replace(a, strides=(1 if a.buffer is not None else 0,)) for a in accesses]
        last = max((a for a in self.order), default=0)
        lane = "r" if reduced and (not kept or last in self.group.axes) else "k"
        return Nest(kept, reduced, lane, accesses, self.terms, self.stores, product_buffer)

    def check_tile(self, accesses: list[Access], tile: Buffer | None, strides: tuple[Extent, ...]) -> None:
        """Refuses an epilogue that reads its product at another place than its own: transposed, or by an index."""
        tables = {t.expr.operand for t in self.terms if isinstance(t.expr, Gather)}
        for i, a in enumerate(accesses):
            if a.buffer is tile and (i in tables or a.offset != 0 or a.strides != strides):
                raise NotATile


def build_step(
    group: Group, memory: Memory, stores: list[tuple[Value, Storage]], split: int | None = None, tile: Buffer | None = None
) -> LoopStep:
    """The step of a loop group that leaves `stores` in memory; with `split`, the epilogue of the product in buffer `tile`."""
    builder = NestBuilder(group, memory)
    for node in group.nodes:
        builder.add(node)
    for v, storage in stores:
        builder.store(v, storage)
    if split is None:
        by_term = {i: v for v, i in builder.term_of.items() if isinstance(v, Value)}
        for i in keep_costly(builder.nest()):
            v = by_term[i]
            builder.store(v, contiguous(Buffer(product(v.shape), v.dtype), v.shape))
    return finish(builder, split, tile)


def finish(builder: NestBuilder, split: int | None = None, tile: Buffer | None = None) -> LoopStep:
    """The step of a built nest."""
    nest = builder.nest(split, tile)
    spec = KernelSpec("loop" if tile is None else "tile", (), render(nest))
    places = [Place(None if a.buffer is tile else a.buffer, a.offset * a.size) for a in nest.operands]
    written = {s.operand for s in nest.stores}
    reads = [a.buffer for i, a in enumerate(nest.operands) if a.buffer not in (None, tile) and i not in written]
    used = {e.operand for e in (t.expr for t in nest.terms) if isinstance(e, Load | Gather)}
    reads += [a.buffer for i, a in enumerate(nest.operands) if a.buffer is not None and i in written and i in used]
    writes = [a.buffer for i, a in enumerate(nest.operands) if i in written and a.buffer is not None]
    cost = sum(8 if isinstance(t.expr, Apply) and t.expr.costly else 1 for t in nest.terms)
    work = product([*nest.kept, *nest.reduced]) * cost
    return LoopStep(builder.group.nodes, places, reads, writes, work, builder.checks, spec, nest.dims(), _in_place(nest))


def _in_place(nest: Nest) -> list[tuple[Buffer, Buffer]]:
    """Pairs (written, read) of buffers of which each element is read just before it is written: they may share memory."""
    pairs: list[tuple[Buffer, Buffer]] = []
    written = {s.operand for s in nest.stores}
    for w in written if not nest.reduced else ():
        for r, access in enumerate(nest.operands):
            out = nest.operands[w]
            if r in written or access.buffer is None or out.buffer is None or access.buffer is nest.tile:
                continue
            if sum(a.buffer is access.buffer for a in nest.operands) > 1:  # read at another place too
                continue
            if (access.offset, access.strides, access.size) == (out.offset, out.strides, out.size):
                pairs.append((out.buffer, access.buffer))
    return pairs


def copy_step(source: Storage | Value, target: Storage, nodes: list[Node], scalar: str = "") -> LoopStep:
    """Copies a storage into another of the same shape, or fills it with a literal."""
    group = Group("loop", target.shape, nodes=nodes)
    builder = NestBuilder(group, Fixed(target))
    to_nest = builder.shape_axes("full", target.shape)
    whole = identity(len(target.shape))
    if isinstance(source, Storage):
        term = builder.load(builder.access(source, whole, to_nest))
    else:
        term = builder.term("fill", Scalar(scalar), target.buffer.dtype, "kept")
        builder.terms[term] = Term(Scalar(scalar), target.buffer.dtype, "kept")
        term = builder.term("filled", Apply("{0}", (term,)), target.buffer.dtype, "full")
    builder.stores.append(Store(builder.operand(builder.access(target, whole, to_nest)), term))
    return finish(builder)
