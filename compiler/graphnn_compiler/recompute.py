"""Values of the forward pass that are computed again for the backward pass instead of being kept (Chen, Xu, Zhang, Guestrin: Training deep
nets with sublinear memory cost, 2016).

    v1 = Tanh(v0)             v1 = Tanh(v0)
    v2 = Exp(v1)              v2 = Exp(v1)
    ...                  ->   ...
    v9 = Mul(v8, v2)          v6 = Behind(v0, v8);  v7 = Exp(Tanh(v6));  v9 = Mul(v8, v7)

The nodes of a region that is marked while it is traced are copied when the first gradient v8 of what it gives is at hand. Only what the
region takes from outside lives until then. The copies are the same arithmetic on the same values, hence the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence

from .ir import Node, Value
from .ops.behind import Behind
from .trace import emit, emit_all


def mark(nodes: Sequence[Node]) -> None:
    """Makes nodes a region; one inside another is absorbed."""
    region = object()
    for node in nodes:
        node.region = region


class Copies:
    """The second copies of the marked nodes among `nodes`, made region by region as they are asked for."""

    def __init__(self, nodes: Sequence[Node]):
        self.again: dict[Value, Value] = {}
        self.waiting: dict[object, list[Node]] = {}
        for node in nodes:
            if node.region is not None and node.inputs:
                self.waiting.setdefault(node.region, []).append(node)

    def of(self, node: Node, ct: Value) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        """Inputs and outputs of a node to take gradients with; the first call for a region copies it, to run when `ct` is there."""
        if node.region is None:
            return node.inputs, node.outputs
        later: dict[Value, Value] = {}
        for old in self.waiting.pop(node.region, ()):
            for v in old.inputs:
                if v not in self.again and v not in later and (v.node is None or v.node.inputs):
                    later[v] = emit(Behind(), v, ct)
            made = emit_all(old.op, *(self.again.get(v, later.get(v, v)) for v in old.inputs))
            self.again.update(zip(old.outputs, made, strict=True))
        return tuple(self.again.get(v, v) for v in node.inputs), tuple(self.again.get(v, v) for v in node.outputs)
