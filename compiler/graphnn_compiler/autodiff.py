"""Reverse-mode differentiation: walks the traced nodes backwards and writes gradients as ops of the same graph."""

from __future__ import annotations

from collections.abc import Sequence

from . import build  # noqa: F401  (gives values their operators)  # pyright: ignore[reportUnusedImport]
from .ir import Value
from .ops.base import is_float
from .ops.elementwise import Add
from .ops.movement import zeros_like
from .recompute import Copies
from .trace import active, emit


def gradients(outputs: Sequence[Value], cotangents: Sequence[Value], wrt: Sequence[Value]) -> list[Value]:
    """d(sum over i of outputs[i] . cotangents[i]) / d(wrt), recorded in the graph being traced; zeros where there is no path."""
    tracer = active()
    if tracer is None:
        raise RuntimeError("gradients are recorded while nothing is traced")
    nodes = list(tracer.graph.nodes)
    wanted: set[Value] = set(wrt)
    useful: set[Value] = set(wrt)
    for node in nodes:
        if any(v in useful for v in node.inputs):
            useful.update(v for v in node.outputs if is_float(v.dtype))
    total: dict[Value, Value] = {}
    copies = Copies(nodes)

    def accumulate(v: Value, ct: Value) -> None:
        if (ct.shape, ct.dtype) != (v.shape, v.dtype):
            raise ValueError(f"the gradient of a value of {v.dtype}{v.shape} came out as {ct.dtype}{ct.shape}")
        total[v] = emit(Add(), total[v], ct) if v in total else ct

    for v, ct in zip(outputs, cotangents, strict=True):
        accumulate(v, ct)
    for node in reversed(nodes):
        cts = [total.get(v) for v in node.outputs]
        if all(c is None for c in cts) or not any(v in useful for v in node.inputs):
            continue
        path = tracer.path
        tracer.path = [node.origin] if node.origin else path
        inputs, outs = copies.of(node, next(c for c in cts if c is not None))
        for v, ct in zip(node.inputs, node.op.gradient(inputs, outs, cts), strict=True):
            if ct is not None and v in useful:
                accumulate(v, ct)
        tracer.path = path
        for v in node.outputs:
            if v not in wanted:
                total.pop(v, None)
    return [total[v] if v in total else zeros_like(v) for v in wrt]
