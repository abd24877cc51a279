"""Ops on stacks: what an op does to each of many values, as one op on their stacks along a new first axis.

    MatMul(x[t], w) for all t   ->   MatMul(x as (T * n, k), w) as (T, n, m)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .dims import Extent, product
from .ir import Node, Value
from .ops.base import Elementwise
from .ops.contract import MatMul
from .ops.conv import Conv
from .ops.index import Take
from .ops.movement import BroadcastTo, Concat, Reshape, Slice, Transpose, Unslice, reshape
from .ops.reduce import Reduce
from .ops.variance import Variance
from .trace import emit


def stacked(node: Node, values: Sequence[Value], many: Sequence[bool], count: Extent) -> Value | None:
    """The stack of a node's results, recorded in the active trace; None for ops that are not known to have one.

    Args:
        node: of one output.
        values: its operands; stacks where `many` says so.
        many: which operands are stacks, at least one.
        count: the extent of stacks.
    """
    op, out = node.op, node.outputs[0]
    x = values[0]

    def aligned(v: Value, is_stack: bool, rank: int) -> Value:
        """An operand that broadcasts against stacks of values of `rank` axes."""
        missing = rank + 1 - v.ndim
        return reshape(v, (count, *(1,) * missing, *v.shape[1:])) if is_stack and missing else v

    match op:
        case Elementwise():
            return emit(op, *(aligned(v, m, out.ndim) for v, m in zip(values, many, strict=True)))
        case MatMul():
            if many[0] and not many[1] and values[1].ndim == 2:
                flat = emit(op, reshape(x, (product(x.shape[:-1]), x.shape[-1])), values[1])
                return reshape(flat, (*x.shape[:-1], flat.shape[-1]))
            return emit(op, *(aligned(v, m, out.ndim) for v, m in zip(values, many, strict=True)))
        case Conv() if many == [True, False]:
            flat = emit(op, reshape(x, (x.shape[0] * x.shape[1], *x.shape[2:])), values[1])
            return reshape(flat, (count, *out.shape))
        case Reduce() | Variance():
            return emit(replace(op, axes=tuple(a + 1 for a in op.axes)), x)
        case Transpose():
            return emit(Transpose((0, *(p + 1 for p in op.perm))), x)
        case Reshape():
            return reshape(x, (count, *op.shape))
        case BroadcastTo():
            return emit(BroadcastTo((count, *op.shape)), aligned(x, True, len(op.shape)))
        case Slice():
            return emit(Slice((0, *op.starts), (count, *op.sizes), (1, *op.steps)), x)
        case Unslice():
            return emit(Unslice((0, *op.starts), (1, *op.steps), (count, *op.shape)), x)
        case Concat():
            parts = [v if m else emit(BroadcastTo((count, *v.shape)), v) for v, m in zip(values, many, strict=True)]
            return emit(Concat(op.axis + 1), *parts)
        case Take() if op.axis == 0 and many == [False, True]:
            return emit(op, *values)
        case _:
            return None
