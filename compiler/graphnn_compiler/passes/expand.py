"""Writes ops that have no kernel of their own in terms of ops that have.

    v2: int32(3, 5) = MatMul(v0, v1)   ->   v2 = Sum(axes=(2,))(Mul(v0 as (3, 1, 4), v1 transposed as (1, 5, 4)))
    v2: float16 = MatMul(v0, v1)       ->   v2 = Cast(float16)(MatMul(Cast(float32)(v0), Cast(float32)(v1)))
    v2: float16 = Conv(v0, v1)         ->   likewise
    v1 = Variance(axes=(1,))(v0)       ->   v1 = Sum(axes=(1,))(...) / n
    v2 = Conv(v0, v1), a 1 x 1 kernel  ->   v2 = MatMul(v0 as (n * h * w, c), v1 as (c, f)), and so its transposes
    v2 = Conv(v0, v1), one channel in
         each group, several out       ->   v2 = Conv(v0 with each channel repeated, v1), one out
"""

from __future__ import annotations

from dataclasses import replace

from ..dims import product, quotient
from ..ir import Graph, Node, Value
from ..ops.base import Composite
from ..ops.contract import MatMul, swap_last
from ..ops.conv import Conv, ConvInput, ConvKernel
from ..ops.elementwise import Mul, cast
from ..ops.movement import BroadcastTo, reshape
from ..ops.reduce import Sum
from ..trace import emit
from .rewrite import rewrite


def _rule(node: Node) -> tuple[Value, ...] | None:
    if isinstance(node.op, Composite):
        return (node.op.expanded(*node.inputs),)
    if node.op.kind != "contract":
        return None
    a, b = node.inputs
    if a.dtype == "float16":
        return (cast(emit(node.op, cast(a, "float32"), cast(b, "float32")), "float16"),)
    if isinstance(node.op, Conv | ConvInput | ConvKernel):
        return _pointwise(node.op, a, b) or _multiplied(node.op, a, b)
    if a.dtype in ("float32", "float64"):
        return None
    assert isinstance(node.op, MatMul)  # the only one that takes integers
    rows = reshape(a, (*a.shape[:-1], 1, a.shape[-1]))
    turned = swap_last(b)
    columns = reshape(turned, (*turned.shape[:-2], 1, *turned.shape[-2:]))
    products = emit(Mul(), rows, columns)
    return (emit(Sum((products.ndim - 1,)), products),)


def _pointwise(op: Conv | ConvInput | ConvKernel, a: Value, b: Value) -> tuple[Value, ...] | None:
    """A kernel of one place that meets every place of the image: a product of matrices."""
    kernel = op.kernel if isinstance(op, ConvKernel) else b.shape[:-2]
    plain = all(p == (0, 0) for p in op.padding) and all(s == 1 for s in op.strides)
    if op.groups != 1 or not plain or any(k != 1 for k in kernel):
        return None
    rows = product(a.shape[:-1])
    left, right = reshape(a, (rows, a.shape[-1])), reshape(b, (product(b.shape[:-1]), b.shape[-1]))
    if isinstance(op, ConvKernel):
        return (reshape(emit(MatMul(), swap_last(left), right), (*kernel, a.shape[-1], b.shape[-1])),)
    y = emit(MatMul(), left, swap_last(right) if isinstance(op, ConvInput) else right)
    return (reshape(y, (*a.shape[:-1], y.shape[-1])),)


def _multiplied(op: Conv | ConvInput | ConvKernel, a: Value, b: Value) -> tuple[Value, ...] | None:
    """A group of one channel with several filters: as many groups of that channel with one filter each."""
    filters = b.shape[-1]
    if op.groups == 1 or filters == op.groups or (a.shape[-1] if isinstance(op, ConvKernel) else b.shape[-2] * op.groups) != op.groups:
        return None
    each, single = quotient(filters, op.groups), replace(op, groups=filters)
    if isinstance(op, ConvInput):
        dx = emit(single, a, b)
        parts = reshape(dx, (*dx.shape[:-1], op.groups, each))
        return (emit(Sum((parts.ndim - 1,)), parts),)
    spread = emit(BroadcastTo((*a.shape, each)), reshape(a, (*a.shape, 1)))
    return (emit(single, reshape(spread, (*a.shape[:-1], filters)), b),)


def expand(graph: Graph) -> Graph:
    """The graph in ops that have kernels."""
    return rewrite(graph, _rule)
