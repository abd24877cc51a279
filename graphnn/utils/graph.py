"""Questions about the DAG of layers."""

from __future__ import annotations

from typing import Any

from ..tensor import KerasTensor

__all__ = ["get_source_inputs"]


def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The outputs of `Input` that a symbolic tensor depends on.

    >>> import graphnn
    >>> x = graphnn.Input((2,))
    >>> graphnn.utils.get_source_inputs(graphnn.layers.Dense(1)(x))[0] is x
    True
    """
    found: dict[int, Any] = {}
    seen: set[int] = set()
    stack = [tensor]
    while stack:
        x = stack.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        operation, index, _ = x.history
        node = operation.nodes[index]
        if node.is_input:
            found[id(x)] = x
        else:
            stack += reversed(node.input_tensors)
    return list(found.values())
