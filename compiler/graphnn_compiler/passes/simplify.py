"""Algebra that holds for every number, and the folding of constants.

    Mul(x, 1) -> x          Add(x, 0) -> x  (integers)     Reshape(Reshape(x)) -> Reshape(x)
    Cast(t)(x: t) -> x      Transpose(Transpose(x)) -> one Transpose     StopGradient(x) -> x
    Transpose(Take(table, i)) -> Take(table, Transpose(i)) where rows stay rows
    Sum(axes=(i,)) of an axis of extent 1 -> Reshape                     f(constants) -> constant
    Scatter("add")(zeros, i, x) -> SumRows(i, x)
    f(BroadcastTo(c)) -> BroadcastTo(f(c)) for one number c
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dims import product
from ..interpret import concrete
from ..ir import Graph, Node, Value
from ..ops.base import Elementwise
from ..ops.elementwise import Add, Cast, Div, Mul, StopGradient, Sub
from ..ops.index import Scatter, Take
from ..ops.movement import BroadcastTo, Constant, Reshape, Transpose, constant, reshape, transpose
from ..ops.reduce import Reduce
from ..ops.rows import SumRows
from ..trace import emit
from .rewrite import rewrite

SMALL = 64  # elements of a constant that folding may make


def scalar(v: Value) -> Any:
    """The number that a value is everywhere, if that is known."""
    while v.node is not None and isinstance(v.node.op, BroadcastTo | Reshape):
        v = v.node.inputs[0]
    op = v.node.op if v.node is not None else None
    return op.array()[()] if isinstance(op, Constant) and not op.shape else None


def _identity(node: Node) -> Value | None:
    """x where the op leaves x as it is (x + 0.0 is not: -0.0 + 0.0 is 0.0)."""
    op, shape = node.op, node.outputs[0].shape
    if not isinstance(op, Add | Sub | Mul | Div) or node.outputs[0].dtype == "bool":
        return None
    integers = node.outputs[0].dtype[0] in "iu"
    (x, y) = node.inputs
    a, b = scalar(x), scalar(y)
    if x.shape == shape and b is not None:
        if isinstance(op, Mul | Div) and b == 1:
            return x
        if (isinstance(op, Add) and integers or isinstance(op, Sub)) and b == 0 and not np.signbit(float(b)):
            return x
    if y.shape == shape and a is not None and (isinstance(op, Mul) and a == 1 or isinstance(op, Add) and integers and a == 0):
        return y
    return None


def _on_scalars(node: Node) -> Value | None:
    """f(c repeated) -> f(c) repeated."""
    if not isinstance(node.op, Elementwise) or node.outputs[0].shape == ():
        return None
    sources: list[Value] = []
    for v in node.inputs:
        while v.shape != () and v.node is not None and isinstance(v.node.op, BroadcastTo | Reshape):
            v = v.node.inputs[0]
        sources.append(v)
    if any(v.shape != () for v in sources):
        return None
    return emit(BroadcastTo(node.outputs[0].shape), emit(node.op, *sources))


def _fold(node: Node) -> Value | None:
    if not isinstance(node.op, Elementwise | Reshape | Transpose | Reduce) or not node.inputs:
        return None
    ops = [v.node.op if v.node is not None else None for v in node.inputs]
    size = product(node.outputs[0].shape)
    if not isinstance(size, int) or size > SMALL or not all(isinstance(op, Constant) for op in ops):
        return None
    with np.errstate(all="ignore"):
        out = concrete(node.op, {}).reference(*[op.array() for op in ops if isinstance(op, Constant)])
    return constant(np.asarray(out), node.outputs[0].dtype)


def _zeros(v: Value) -> bool:
    number = scalar(v)
    return number is not None and number == 0 and not np.signbit(float(number))


def _rule(node: Node) -> tuple[Value, ...] | None:
    op = node.op
    if isinstance(op, Scatter) and op.mode == "add" and _zeros(node.inputs[0]) and node.inputs[0].dtype != "bool":
        return (emit(SumRows(node.inputs[0].shape[0]), *node.inputs[1:]),)
    if not node.inputs or op.kind == "kernel":
        return None
    x, y = node.inputs[0], node.outputs[0]
    inner = x.node.op if x.node is not None else None
    if isinstance(op, StopGradient) or (isinstance(op, Cast) and op.dtype == x.dtype):
        return (x,)
    if isinstance(op, Reshape | BroadcastTo) and x.shape == y.shape:
        return (x,)
    if isinstance(op, Reshape) and isinstance(inner, Reshape) and x.node is not None:
        return (reshape(x.node.inputs[0], op.shape),)
    if isinstance(op, BroadcastTo) and isinstance(inner, BroadcastTo) and x.node is not None:
        return (emit(op, x.node.inputs[0]),)
    if isinstance(op, Transpose):
        if op.perm == tuple(range(x.ndim)):
            return (x,)
        if isinstance(inner, Transpose) and x.node is not None:
            return (transpose(x.node.inputs[0], tuple(inner.perm[p] for p in op.perm)),)
        if isinstance(inner, Take) and inner.axis == 0 and x.node is not None:
            table, index = x.node.inputs
            if op.perm[index.ndim :] == tuple(range(index.ndim, x.ndim)):
                turned = emit(inner, table, transpose(index, op.perm[: index.ndim]))
                assert turned.node is not None
                turned.node.origin = x.node.origin  # whom a bad index is reported for
                return (turned,)
    if isinstance(op, Reduce):
        real = tuple(a for a in op.axes if x.shape[a] != 1)
        if real != op.axes:
            flat = emit(type(op)(real), x) if real else x
            return (reshape(flat, y.shape),)
    for rewriting in (_identity, _on_scalars, _fold):
        found = rewriting(node)
        if found is not None:
            return (found,)
    return None


def simplify(graph: Graph) -> Graph:
    """The graph with every rule applied, once, in order."""
    return rewrite(graph, _rule)
