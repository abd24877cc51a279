"""Moves a model with the channels second to the layout of the kernels, once: transposes sink to the results and cancel on the way.

    v1 = Conv(Transpose(x))                      v1 = Conv(Transpose(x))
    v2 = Transpose(v1)                           v2 = Relu(v1)
    v3 = Relu(v2)                       ->       v3 = Conv(v2)
    v4 = Conv(Transpose(v3))                     v4 = Transpose(v3)
    return Transpose(v4)                         return v4

An op on transposed values becomes the op on the values themselves, transposed; what is small (a bias along its channels) is
transposed the other way, which only changes addresses. A transpose that is left before a convolution is swapped with the elementwise
op that nothing else reads, so that this op writes in the order in which the convolution reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..dims import Shape
from ..ir import Graph, Node, Value
from ..ops.contract import MatMul
from ..ops.movement import BroadcastTo, Concat, Slice, SliceUpdate, Transpose, Unslice, reshape, transpose
from ..ops.reduce import Reduce
from ..trace import emit
from .rewrite import rewrite

Perm = tuple[int, ...]


def turned(v: Value) -> tuple[Value, Perm] | None:
    """The value and the permutation behind a transpose that moves the channels of something with 1 to 3 axes in space."""
    node = v.node
    if node is None or not isinstance(node.op, Transpose):
        return None
    perm, last = node.op.perm, v.ndim - 1
    if v.ndim < 3 or perm not in ((0, last, *range(1, last)), (0, *range(2, last + 1), 1)):
        return None
    return node.inputs[0], perm


def inverse(perm: Perm) -> Perm:
    """The permutation that undoes another."""
    return tuple(perm.index(i) for i in range(len(perm)))


def small(v: Value, shape: Shape) -> bool:
    """Whether a value is repeated along some axis when it meets `shape`."""
    while v.node is not None and isinstance(v.node.op, BroadcastTo) and v.shape == shape:
        v = v.node.inputs[0]
    return v.shape != shape


def untransposed(v: Value, perm: Perm, shape: Shape) -> Value:
    """The value which, transposed by `perm`, is `v` as it broadcasts to `shape`."""
    found = turned(v)
    if found is not None and found[1] == perm:
        return found[0]
    back = inverse(perm)
    if v.node is not None and isinstance(v.node.op, BroadcastTo) and v.shape == shape:
        inner = untransposed(v.node.inputs[0], perm, shape)
        return emit(BroadcastTo(tuple(shape[i] for i in back)), inner)
    if all(d == 1 for d in v.shape):
        return v
    return transpose(reshape(v, (*(1,) * (len(perm) - v.ndim), *v.shape)), back)


def _elementwise(node: Node) -> Value | None:
    shape = node.outputs[0].shape
    found = [turned(v) for v in node.inputs]
    perms = {f[1] for f, v in zip(found, node.inputs, strict=True) if f is not None and v.shape == shape}
    if len(perms) != 1:
        return None
    (perm,) = perms
    if not all(small(v, shape) or (f is not None and f[1] == perm) for f, v in zip(found, node.inputs, strict=True)):
        return None
    return transpose(emit(node.op, *[untransposed(v, perm, shape) for v in node.inputs]), perm)


def _reduce(op: Reduce, x: Value, perm: Perm) -> Value:
    kept = [perm[i] for i in range(len(perm)) if i not in op.axes]
    y = emit(replace(op, axes=tuple(sorted(perm[a] for a in op.axes))), x)
    return transpose(y, tuple(sorted(kept).index(a) for a in kept))


def _moved(node: Node) -> Value | None:
    """A movement op on transposed values, as the transpose of a movement op."""
    op, found = node.op, [turned(v) for v in node.inputs]
    sources = [f for f in found if f is not None]
    if len(sources) != len(found) or not sources or len({p for _, p in sources}) != 1:
        return None
    x, perm = sources[0]
    back = inverse(perm)

    def swapped(numbers: Sequence[object]) -> tuple[object, ...]:
        return tuple(numbers[i] for i in back)

    if isinstance(op, Transpose):
        return transpose(x, tuple(perm[p] for p in op.perm))
    if isinstance(op, Concat):
        y = emit(Concat(perm[op.axis]), *[s for s, _ in sources])
    elif isinstance(op, Slice):
        y = emit(Slice(swapped(op.starts), swapped(op.sizes), swapped(op.steps)), x)  # type: ignore[arg-type]
    elif isinstance(op, Unslice):
        y = emit(Unslice(swapped(op.starts), swapped(op.steps), swapped(op.shape)), x)  # type: ignore[arg-type]
    elif isinstance(op, SliceUpdate):
        y = emit(SliceUpdate(swapped(op.starts), swapped(op.steps)), x, sources[1][0])  # type: ignore[arg-type]
    elif isinstance(op, BroadcastTo) and len(op.shape) == x.ndim:
        y = emit(BroadcastTo(swapped(op.shape)), x)  # type: ignore[arg-type]
    else:
        return None
    return transpose(y, perm)


def _sink(node: Node) -> tuple[Value, ...] | None:
    if not node.inputs:
        return None
    y: Value | None = None
    if node.op.kind == "elementwise":
        y = _elementwise(node)
    elif isinstance(node.op, Reduce):
        found = turned(node.inputs[0])
        y = _reduce(node.op, *found) if found is not None else None
    elif node.op.kind == "movement":
        y = _moved(node)
    return None if y is None else (y,)


def _lift(graph: Graph) -> Graph:
    """Swaps a transpose with the elementwise op before it, where nothing else reads that and other transposes cancel."""
    users, results = graph.users(), set(graph.results())

    def rule(node: Node) -> tuple[Value, ...] | None:
        found = turned(node.outputs[0]) if isinstance(node.op, Transpose) else None
        if found is None or found[0].node is None:
            return None
        y, perm = found
        before = y.node
        if before is None or before.op.kind != "elementwise" or y in results or users.get(y) != [node]:
            return None
        back = inverse(perm)
        whole = [v for v in before.inputs if not small(v, y.shape)]
        if not any((f := turned(v)) is not None and f[1] == back for v in whole):
            return None
        return (emit(before.op, *[transpose(v, perm) if v in whole else untransposed(v, back, y.shape) for v in before.inputs]),)

    return rewrite(graph, rule)


def layout(graph: Graph) -> Graph:
    """The graph with as few transposes around its convolutions and pools as there need be."""
    if not any(n.op.kind == "contract" and not isinstance(n.op, MatMul) or "Pool" in type(n.op).__name__ for n in graph.nodes):
        return graph
    return rewrite(_lift(rewrite(graph, _sink)), _sink)
