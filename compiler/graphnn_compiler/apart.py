"""Whether a graph computes each row of its results from that row of its inputs alone, so that rows can be cut into any batches."""

from __future__ import annotations

from .dims import Dim, Extent, quotient, symbols_of
from .ir import Graph, Node, Value
from .ops.attention import Attention
from .ops.base import Elementwise
from .ops.contract import MatMul
from .ops.conv import Conv, ConvInput
from .ops.index import ExtentOf, Take, TakeAlongAxis
from .ops.movement import BroadcastTo, Concat, Reshape, Slice, Transpose, Unslice
from .ops.ordering import ArgSort, Cumulate
from .ops.pool import AveragePool, MaxPool
from .ops.reduce import Reduce
from .ops.variance import Variance


def rows_apart(graph: Graph, rows: Extent) -> bool:
    """True where row i of each output depends on row i of the inputs and on states alone; what is not known to be so is not.

    Args:
        graph: as it was traced.
        rows: the extent of the rows, a symbol.

    >>> import graphnn_compiler.build as b
    >>> from graphnn_compiler.dims import symbol
    >>> from graphnn_compiler.trace import trace
    >>> n = symbol("n")
    >>> rows_apart(trace(lambda x: [x * 2.0 - b.mean(x, 1, True)], [((n, 3), "float32")]), n)
    True
    >>> rows_apart(trace(lambda x: [x - b.mean(x, 0, True)], [((n, 3), "float32")]), n)
    False
    """
    if graph.updates:
        return False
    of_rows = {v for v in graph.inputs if _has(v, rows)}
    if not all(_led(v, rows) for v in of_rows):
        return False
    for node in graph.nodes:
        if any(v in of_rows for v in node.inputs):
            if not _by_rows(node, [v in of_rows for v in node.inputs], rows):
                return False
            of_rows.update(node.outputs)
        elif _has(node.outputs[0], rows) or (isinstance(node.op, ExtentOf) and _mentions(node.op.extent, rows)):
            if not (isinstance(node.op, BroadcastTo) and _led(node.outputs[0], rows) and _same_in_rows(node)):
                return False
            of_rows.update(node.outputs)
    return all(v in of_rows and v.shape[0] == rows for v in graph.outputs)


def _mentions(extent: Extent, rows: Extent) -> bool:
    return isinstance(extent, Dim) and isinstance(rows, Dim) and not symbols_of(extent).isdisjoint(symbols_of(rows))


def _has(v: Value, rows: Extent) -> bool:
    return any(_mentions(d, rows) for d in v.shape)


def _led(v: Value, rows: Extent) -> bool:
    """Whether the elements of a row stand together: the first axis is that of rows, or made of it and the next ones."""
    if not v.shape or any(_mentions(d, rows) for d in v.shape[1:]):
        return False
    return not _mentions(quotient(v.shape[0], rows), rows)  # what does not divide still has both in it


def _same_in_rows(node: Node) -> bool:
    """Whether a broadcast repeats one row."""
    (x,), y = node.inputs, node.outputs[0]
    return x.ndim < y.ndim or x.shape[0] == 1


def _by_rows(node: Node, of_rows: list[bool], rows: Extent) -> bool:
    """Whether a node that reads values of rows gives a value whose row i is made of theirs."""
    op, shape = node.op, node.outputs[0].shape
    if not _led(node.outputs[0], rows):
        return False
    sources = [v.shape for v, r in zip(node.inputs, of_rows, strict=True) if r]
    full = all(len(s) == len(shape) and s[0] == shape[0] for s in sources)
    match op:
        case Elementwise() | BroadcastTo():
            return full
        case Reduce() | Variance():
            return 0 not in op.axes
        case MatMul():
            return full and (of_rows == [True, False] or len(shape) > 2)
        case Conv() | ConvInput():
            return of_rows == [True, False]
        case Concat():
            return op.axis != 0 and all(of_rows) and full
        case Reshape():
            return True
        case Transpose():
            return op.perm[0] == 0
        case Slice() | Unslice():
            return op.starts[0] == 0 and op.steps[0] == 1 and full
        case Take():
            return of_rows == ([False, True] if op.axis == 0 else [True, False])
        case TakeAlongAxis():
            return op.axis != 0 and all(of_rows)
        case MaxPool() | AveragePool():
            return all(of_rows)
        case Attention():
            return all(of_rows[:3]) and not op.rate  # which pairs are left out goes by the number of the row
        case ArgSort() | Cumulate():
            return len(shape) > 1
        case _:
            return False
