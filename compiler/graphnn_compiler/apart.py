"""Whether a graph computes each row of its results from that row of its inputs alone, so that rows can be cut into any batches.

For each value the walk knows which axis holds the rows, and how: index i of that axis is of row (i // inner) % rows. So rows may stand
behind the steps of a sequence, or be one with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .dims import Dim, Extent, Shape, product, quotient, symbols_of
from .ir import Graph, Node, Value
from .ops.attention import Attention
from .ops.base import Elementwise
from .ops.contract import MatMul
from .ops.control import Scan
from .ops.conv import Conv, ConvInput
from .ops.index import ExtentOf, Take, TakeAlongAxis
from .ops.movement import BroadcastTo, Concat, Reshape, Slice, Transpose, Unslice
from .ops.ordering import ArgSort, Cumulate
from .ops.pool import AveragePool, MaxPool
from .ops.reduce import Reduce
from .ops.variance import Variance


@dataclass(frozen=True)
class Place:
    """Where rows are: index i of the axis is of row (i // inner) % rows."""

    axis: int
    inner: Extent = 1


FIRST = Place(0)
Places = dict[Value, Place]


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
    inputs = [v for v in graph.inputs if _has(v, rows)]
    if not all(v.shape[0] == rows and not any(_mentions(d, rows) for d in v.shape[1:]) for v in inputs):
        return False
    places = _follow(graph, dict.fromkeys(inputs, FIRST), rows)
    return places is not None and all(places.get(v) == FIRST and v.shape[0] == rows for v in graph.outputs)


def _follow(graph: Graph, places: Places, rows: Extent) -> Places | None:
    """Where the rows of all values of a graph are, given those of its inputs; None where rows meet, or it is not known."""
    for node in graph.nodes:
        if any(v in places for v in node.inputs):
            found = _places(node, [places.get(v) for v in node.inputs], rows)
        elif isinstance(node.op, ExtentOf) and _mentions(node.op.extent, rows):
            return None
        else:
            found = [None if not _has(v, rows) else _repeated(node, rows) for v in node.outputs]
        for v, place in zip(node.outputs, found, strict=True):
            if place is not None:
                places[v] = place
            elif _has(v, rows) or any(u in places for u in node.inputs):
                return None
    return places


def _mentions(extent: Extent, rows: Extent) -> bool:
    return isinstance(extent, Dim) and isinstance(rows, Dim) and not symbols_of(extent).isdisjoint(symbols_of(rows))


def _has(v: Value, rows: Extent) -> bool:
    return any(_mentions(d, rows) for d in v.shape)


def _repeated(node: Node, rows: Extent) -> Place | None:
    """Where the rows of a broadcast are, if it repeats one row."""
    if not isinstance(node.op, BroadcastTo):
        return None
    x, shape = node.inputs[0].shape, node.outputs[0].shape
    axes = [i for i, d in enumerate(shape) if _mentions(d, rows)]
    before = len(shape) - len(x)
    if len(axes) != 1 or shape[axes[0]] != rows or (axes[0] >= before and x[axes[0] - before] != 1):
        return None
    return Place(axes[0])


def _aligned(sources: Sequence[tuple[Shape, Place | None]], shape: Shape) -> Place | None:
    """Where rows are in `shape`, that sources of it are broadcast to, if all that have rows agree."""
    found: set[Place | None] = set()
    for source, place in sources:
        if place is not None:
            axis = len(shape) - len(source) + place.axis
            found.add(Place(axis, place.inner) if source[place.axis] == shape[axis] else None)
    return found.pop() if len(found) == 1 else None


def _reshaped(old: Shape, place: Place, new: Shape, rows: Extent) -> Place | None:
    """Where rows are after a reshape: as many elements as before lie between a row and the next."""
    step = place.inner * product(old[place.axis + 1 :])
    axes = [i for i, d in enumerate(new) if _mentions(d, rows)]
    if len(axes) != 1:
        return None
    behind = product(new[axes[0] + 1 :])
    inner = quotient(step, behind)
    if inner * behind != step or _mentions(inner, rows):
        return None
    outer = quotient(new[axes[0]], rows * inner)
    return Place(axes[0], inner) if not _mentions(outer, rows) and outer * rows * inner == new[axes[0]] else None


def _places(node: Node, given: list[Place | None], rows: Extent) -> Sequence[Place | None]:
    """Where the rows of the results of a node are that reads values with rows; None for what is not known."""
    op, sources = node.op, [v.shape for v in node.inputs]
    if isinstance(op, Scan):
        return _of_scan(op, given, rows) or [None] * len(node.outputs)
    if isinstance(op, Attention):
        ok = given[:3] == [FIRST] * 3 and all(p in (None, FIRST) for p in given[3:])
        return [FIRST if ok else None] * len(node.outputs)
    return [_place(node, given, sources, node.outputs[0].shape, rows)]


def _place(node: Node, given: list[Place | None], sources: list[Shape], shape: Shape, rows: Extent) -> Place | None:
    op, place = node.op, given[0]
    match op:
        case Elementwise() | BroadcastTo():
            return _aligned(list(zip(sources, given, strict=True)), shape)
        case MatMul():
            return _of_product(sources, given, shape)
        case Take():
            if given[0] is None and given[1] is not None:
                return Place(given[1].axis + op.axis, given[1].inner)
            if given[1] is not None or place is None or place.axis == op.axis:
                return None
            return Place(place.axis + (len(sources[1]) - 1 if place.axis > op.axis else 0), place.inner)
        case Conv() | ConvInput():
            return FIRST if given == [FIRST, None] else None
        case Concat() | TakeAlongAxis() | MaxPool() | AveragePool() if any(p != place for p in given):
            return None
        case _:
            return _of_one(node, place, sources[0], shape, rows) if place is not None else None


def _of_one(node: Node, place: Place, source: Shape, shape: Shape, rows: Extent) -> Place | None:
    """As above, where all that a node reads has its rows in one place."""
    op, axis = node.op, place.axis
    match op:
        case Reduce() | Variance():
            return None if axis in op.axes else Place(axis - sum(a < axis for a in op.axes), place.inner)
        case Reshape():
            return _reshaped(source, place, shape, rows)
        case Transpose():
            return Place(op.perm.index(axis), place.inner)
        case Slice() | Unslice():
            return place if op.starts[axis] == 0 and op.steps[axis] == 1 and source[axis] == shape[axis] else None
        case Concat() | TakeAlongAxis():
            return place if op.axis != axis else None
        case MaxPool() | AveragePool():
            return place if place == FIRST else None
        case ArgSort() | Cumulate():
            return place if axis != len(shape) - 1 else None
        case _:
            return None


def _of_product(sources: list[Shape], given: list[Place | None], shape: Shape) -> Place | None:
    (a, b), (p, q) = sources, given
    if p is not None and q is not None:
        batches = p.axis < len(a) - 2 and q.axis < len(b) - 2
        return _aligned([(a, p), (b, q)], shape) if batches else None
    if p is not None:
        return _aligned([(a, p)], shape) if p.axis != len(a) - 1 else None
    return _aligned([(b, q)], shape) if q is not None and q.axis != len(b) - 2 else None


def _of_scan(op: Scan, given: list[Place | None], rows: Extent) -> list[Place | None] | None:
    """A loop over something else than rows, in whose steps they are apart."""
    c, x = op.carries, op.carries + op.xs
    if any(p is not None and p.axis == 0 for p in given[c:x]):
        return None
    inside = [*given[:c], *(None if p is None else Place(p.axis - 1, p.inner) for p in given[c:x]), *given[x:]]
    body = op.body.graph
    places = _follow(body, {v: p for v, p in zip(body.inputs, inside, strict=True) if p is not None}, rows)
    if places is None:
        return None
    found = [places.get(v) for v in body.outputs]
    if found[:c] != given[:c]:
        return None
    return [*found[:c], *(None if p is None else Place(p.axis + 1, p.inner) for p in found[c:])]
