"""Moves a model with the channels second to the layout of the kernels, once: transposes sink to the results and cancel on the way.

    v1 = Conv(Transpose(x))                      v1 = Conv(Transpose(x))
    v2 = Transpose(v1)                           v2 = Relu(v1)
    v3 = Relu(v2)                       ->       v3 = Conv(v2)
    v4 = Conv(Transpose(v3))                     v4 = Transpose(v3)
    return Transpose(v4)                         return v4

An op on transposed values becomes the op on the values themselves, transposed; what is small (a bias along its channels) is
transposed the other way, which only changes addresses. A transpose that is left before a convolution moves in front of elementwise ops and
padding that nothing else reads, so that these write in the order in which the convolution reads.

Loops read steps along the first axis, models have them along the second: transposes between loops cancel alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..dims import Shape
from ..ir import Graph, Node, Value
from ..ops.contract import MatMul
from ..ops.control import Scan
from ..ops.movement import BroadcastTo, Concat, Slice, SliceUpdate, Transpose, Unslice, reshape, transpose
from ..ops.reduce import Reduce
from ..trace import emit
from .rewrite import rewrite

Perm = tuple[int, ...]
DEEPEST = 100  # ops that a transpose moves over


def turned(v: Value) -> tuple[Value, Perm] | None:
    """The value and the permutation behind a transpose that moves the channels of something with 1 to 3 axes in space, or steps."""
    node = v.node
    if node is None or not isinstance(node.op, Transpose):
        return None
    perm, last = node.op.perm, v.ndim - 1
    channels, steps = ((0, last, *range(1, last)), (0, *range(2, last + 1), 1)), (1, 0, *range(2, last + 1))
    if v.ndim < 3 or perm not in (*channels, steps):
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


class Lift:
    """Moves a transpose in front of elementwise ops and padding that nothing else reads, where it meets another there or the inputs."""

    def __init__(self, graph: Graph):
        self.users, self.results = graph.users(), set(graph.results())

    def cancels(self, v: Value, perm: Perm) -> bool:
        """Whether a value is the transpose that `perm` undoes."""
        found = turned(v)
        return found is not None and found[1] == inverse(perm)

    def passes(self, v: Value, perm: Perm) -> bool:
        """Whether a transpose of a value may move in front of what computes it."""
        if v.node is None or v in self.results or len(self.users.get(v, ())) != 1 or self.cancels(v, perm):
            return False
        return isinstance(v.node.op, Unslice) or v.node.op.kind == "elementwise"

    def sources(self, v: Value, perm: Perm, depth: int = 0) -> list[Value]:
        """Where a transpose would end up."""
        if v.node is None or depth == DEEPEST or not self.passes(v, perm):
            return [v]
        return [
            s
            for u in v.node.inputs
            if not small(u, v.shape) or isinstance(v.node.op, Unslice)
            for s in self.sources(u, perm, depth + 1)
        ]

    def lifted(self, v: Value, perm: Perm, depth: int = 0) -> Value:
        """A value transposed, by way of what it is made of."""
        node = v.node
        if node is None or depth == DEEPEST or not self.passes(v, perm):
            return node.inputs[0] if node is not None and self.cancels(v, perm) else transpose(v, perm)
        if isinstance(node.op, Unslice):
            op = node.op
            starts, steps, shape = (tuple(numbers[i] for i in perm) for numbers in (op.starts, op.steps, op.shape))
            return emit(Unslice(starts, steps, shape), self.lifted(node.inputs[0], perm, depth + 1))  # type: ignore[arg-type]
        back = inverse(perm)
        return emit(
            node.op,
            *[untransposed(u, back, v.shape) if small(u, v.shape) else self.lifted(u, perm, depth + 1) for u in node.inputs],
        )

    def rule(self, node: Node) -> tuple[Value, ...] | None:
        found = turned(node.outputs[0]) if isinstance(node.op, Transpose) else None
        if found is None:
            return None
        v, perm = found
        if small(v, v.shape):  # repeated numbers are repeated in the other order
            return (untransposed(v, inverse(perm), v.shape),)
        if not self.passes(v, perm):
            return None
        sources = self.sources(v, perm)
        if any(self.cancels(u, perm) for u in sources) or all(u.node is None for u in sources):
            return (self.lifted(v, perm),)
        return None


def _has_a_layout(node: Node) -> bool:
    convolution = node.op.kind == "contract" and not isinstance(node.op, MatMul)
    return convolution or isinstance(node.op, Scan) or "Pool" in type(node.op).__name__


def layout(graph: Graph) -> Graph:
    """The graph with as few transposes around its convolutions, pools and loops as there need be."""
    if not any(_has_a_layout(n) for n in graph.nodes):
        return graph
    sunk = rewrite(graph, _sink)
    return rewrite(sunk, Lift(sunk).rule)
