"""Writes ops that have no kernel of their own in terms of ops that have.

    v2: int32(3, 5) = MatMul(v0, v1)   ->   v2 = Sum(axes=(2,))(Mul(v0 as (3, 1, 4), v1 transposed as (1, 5, 4)))
    v2: float16 = MatMul(v0, v1)       ->   v2 = Cast(float16)(MatMul(Cast(float32)(v0), Cast(float32)(v1)))
    v2: float16 = Conv(v0, v1)         ->   likewise
    v1 = Variance(axes=(1,))(v0)       ->   v1 = Sum(axes=(1,))(...) / n
"""

from __future__ import annotations

from ..ir import Graph, Node, Value
from ..ops.base import Composite
from ..ops.contract import MatMul, swap_last
from ..ops.elementwise import Mul, cast
from ..ops.movement import reshape
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
    if a.dtype in ("float32", "float64"):
        return None
    assert isinstance(node.op, MatMul)  # the only one that takes integers
    rows = reshape(a, (*a.shape[:-1], 1, a.shape[-1]))
    turned = swap_last(b)
    columns = reshape(turned, (*turned.shape[:-2], 1, *turned.shape[-2:]))
    products = emit(Mul(), rows, columns)
    return (emit(Sum((products.ndim - 1,)), products),)


def expand(graph: Graph) -> Graph:
    """The graph in ops that have kernels."""
    return rewrite(graph, _rule)
