"""The part of the layer DAG between given inputs and outputs: its nodes in order of execution, its operations in Keras's order."""

from __future__ import annotations

from collections.abc import Sequence

from ..node import Node, Operation
from ..tensor import KerasTensor


class Topology:
    """Nodes and operations between `inputs` and `outputs`.

    Operations are sorted by their greatest distance from an output, the farthest first, then by when a walk from the outputs meets them.

    Raises:
        ValueError: if an output does not depend on the inputs alone, or two operations share a name.
    """

    def __init__(self, inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]):
        found, met = _walk(inputs, outputs)
        depth: dict[int, int] = {}
        operation_depth: dict[int, int] = {}
        for node in reversed(found):
            d = max(depth.get(id(node), 0), operation_depth.get(id(node.operation), 0))
            depth[id(node)] = operation_depth[id(node.operation)] = d
            if not _is_start(node, inputs):
                for parent in node.parents:
                    depth[id(parent)] = max(d + 1, depth.get(id(parent), 0))
        for x in inputs:  # inputs that no output depends on are part of the model all the same
            operation, index, _ = x.history
            if id(operation) not in operation_depth:
                operation_depth[id(operation)] = 0
                met[id(operation)] = (-1, operation)
                node = operation.nodes[index]
                depth[id(node)] = 0
                found.append(node)
        self.nodes: list[Node] = sorted(found, key=lambda n: -depth[id(n)])
        order = sorted(met.values(), key=lambda m: (-operation_depth[id(m[1])], m[0]))
        self.operations: list[Operation] = [operation for _, operation in order]
        self._check_names()

    def _check_names(self) -> None:
        count: dict[str, int] = {}
        for operation in self.operations:
            count[operation.name] = count.get(operation.name, 0) + 1
        for name, n in count.items():
            if n > 1:
                raise ValueError(f'The name "{name}" is used {n} times in the model. All operation names should be unique.')


def _is_start(node: Node, inputs: Sequence[KerasTensor]) -> bool:
    return node.is_input or all(any(y is x for x in inputs) for y in node.output_tensors)


def _walk(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> tuple[list[Node], dict[int, tuple[int, Operation]]]:
    """Nodes, each after those it depends on, and each operation with the number of its first visit (no recursion: chains are long)."""
    starts = {id(x) for x in inputs}
    found: list[Node] = []
    done: set[int] = set()
    open_nodes: set[int] = set()
    met: dict[int, tuple[int, Operation]] = {}
    for output in outputs:
        stack: list[tuple[Node, bool]] = [(_maker(output), False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                open_nodes.discard(id(node))
                done.add(id(node))
                found.append(node)
                continue
            if id(node) in done:
                continue
            if id(node) in open_nodes:
                raise ValueError(f"Tensor from operation '{node.operation.name}' is part of a cycle.")
            met.setdefault(id(node.operation), (len(met), node.operation))
            open_nodes.add(id(node))
            stack.append((node, True))
            if node.is_input:
                if not any(id(y) in starts for y in node.output_tensors):
                    raise _disconnected(node, output, inputs, found)
            elif not all(id(y) in starts for y in node.output_tensors):
                parents = [_maker(x) for x in node.input_tensors]
                stack += [(p, False) for p in reversed(parents) if id(p) not in done]
    return found, met


def _maker(x: KerasTensor) -> Node:
    return x.history.operation.nodes[x.history.node_index]


def _disconnected(node: Node, output: KerasTensor, inputs: Sequence[KerasTensor], found: Sequence[Node]) -> ValueError:
    end = output.history.operation.name
    return ValueError(
        f"Graph disconnected: output of '{end}' is not connected to `inputs`: it needs the tensor of '{node.operation.name}' (shape "
        f"{node.output_tensors[0].shape}), which is none of the inputs {[x.history.operation.name for x in inputs]}. "
        f"Operations reached without it: {[n.operation.name for n in found]}"
    )


def with_inputs(inputs: Sequence[KerasTensor], outputs: Sequence[KerasTensor]) -> tuple[list[KerasTensor], list[KerasTensor]]:
    """Inputs and outputs of a copy of the DAG that starts at new `Input`s where a given input is made by a layer."""
    from ..layers.input_layer import Input

    if all(_maker(x).is_input for x in inputs):
        return list(inputs), list(outputs)
    new: dict[int, KerasTensor] = {}
    starts: list[KerasTensor] = []
    for x in inputs:
        start = x if _maker(x).is_input else Input(batch_shape=x.shape, dtype=x.dtype, name=_free_name(x))
        if start is not x:
            start.dims = x.dims
        new[id(x)] = start
        starts.append(start)
    for node in Topology(inputs, outputs).nodes:
        if all(id(y) in new for y in node.output_tensors):
            continue
        args, kwargs = node.filled({id(x): new.get(id(x), x) for x in node.input_tensors})
        copies = [KerasTensor(y.dims, y.dtype) for y in node.output_tensors]
        for y, copy in zip(node.output_tensors, copies, strict=True):
            copy.mask = y.mask
            new.setdefault(id(y), copy)
        Node(node.operation, args, kwargs, copies)
    return starts, [new[id(y)] for y in outputs]


def _free_name(x: KerasTensor) -> str | None:
    return None if x.name.startswith("keras_tensor") else x.name
