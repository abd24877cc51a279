"""Rows of tables: what is computed of each looked-up row and of fixed values is a row of what is computed of the whole table.

    v2 = Take(table, ids);  v3 = Add(MatMul(Reshape(v2), w), b)      ->      k = Add(MatMul(table, w), b), once;  v3 = Reshape(Take(k, ids))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from .dims import Extent, product
from .ir import Node, Value
from .ops.base import itemsize
from .ops.contract import MatMul
from .ops.index import Take
from .ops.movement import Reshape, Transpose
from .trace import emit


@dataclass(frozen=True)
class Looked:
    """A value that consists of rows of a table.

    Attributes:
        take: looks them up in a table that is fixed.
        views: move them, in this order.
        node: computes the table, of that of `of` in the place of its input number `place`; None where it is the one that `take` reads.
        width: of the table.
        dtype: of the table.
        operations: of the products that computed a row.
    """

    take: Node
    views: tuple[Node, ...]
    node: Node | None
    of: Looked | None
    place: int
    width: int
    dtype: str
    operations: int

    @property
    def rows(self) -> Extent:
        """How many rows are looked up."""
        return product(self.take.inputs[1].shape)

    @property
    def of_table(self) -> int:
        """How many rows the table has."""
        return int(self.take.inputs[0].shape[0])

    @property
    def per_row(self) -> int:
        """Operations of the last step to a row of the table."""
        return self.operations - (self.of.operations if self.of is not None else 0)

    @property
    def bytes(self) -> int:
        """The size of the table."""
        return self.of_table * self.width * itemsize(self.dtype)

    def table(self, made: Callable[[Value], Value]) -> Value:
        """Computes the table; `made` gives fixed values."""
        if self.node is None or self.of is None:
            return made(self.take.inputs[0])
        operands = [self.of.table(made) if i == self.place else _of_a_row(made(v)) for i, v in enumerate(self.node.inputs)]
        return emit(self.node.op, *operands)

    def found_in(self, table: Value, ids: Value) -> Value:
        """The value, looked up in its table."""
        x = emit(self.take.op, table, ids)
        for node in self.views:
            op = node.op
            x = emit(replace(op, shape=(*op.shape[:-1], self.width)) if isinstance(op, Reshape) else op, x)
        return x


def look_up(node: Node, found: Mapping[Value, Looked], fixed: Collection[Value]) -> Looked | None:
    """What the result of a node consists of, if that is rows of a table.

    Args:
        node: the node.
        found: values before it that consist of rows.
        fixed: values that do not change from run to run.
    """
    op, out = node.op, node.outputs[0]
    if isinstance(op, Take):
        table, ids = node.inputs
        if op.axis == 0 and table.ndim == 2 and table in fixed and ids not in fixed:
            return Looked(node, (), None, None, 0, int(table.shape[1]), out.dtype, 0)
        return None
    places = [i for i, v in enumerate(node.inputs) if v in found]
    if len(places) != 1 or not out.shape:
        return None
    place = places[0]
    of, others = found[node.inputs[place]], [v for i, v in enumerate(node.inputs) if i != place]
    if _moves_rows(node):
        return replace(of, views=(*of.views, node))
    if not all(v in fixed for v in others):
        return None
    if type(op) is MatMul:
        if place or others[0].ndim != 2:
            return None
        width = int(others[0].shape[1])
        return Looked(of.take, of.views, node, of, 0, width, out.dtype, of.operations + 2 * of.width * width)
    same = op.kind == "elementwise" and out.shape == node.inputs[place].shape and all(product(v.shape[:-1]) == 1 for v in others)
    return Looked(of.take, of.views, node, of, place, of.width, out.dtype, of.operations) if same else None


def _moves_rows(node: Node) -> bool:
    """Whether a node moves whole rows, the last axis, and nothing else."""
    op, shape = node.op, node.inputs[0].shape
    if isinstance(op, Reshape):
        return bool(shape) and node.outputs[0].shape[-1:] == shape[-1:]
    return isinstance(op, Transpose) and op.perm[-1] == len(shape) - 1


def _of_a_row(v: Value) -> Value:
    """A fixed operand as a row of a table meets it: at most two axes."""
    return emit(Reshape(v.shape[-1:]), v) if v.ndim > 2 else v
