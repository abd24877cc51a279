"""What a picture of a model shows, free of any drawing: nodes, edges, and nested scenes for models inside models.

`scene_of(model)` is the only place here that knows graphnn's models. Keys (n0, n1, ...) name nodes in every format; the
user's names are labels only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Node:
    """A layer (or an op) at one place of the graph; `inner` is the scene of a nested model."""

    key: str
    name: str
    kind: str
    inputs: list[str] = field(default_factory=list[str])  # shapes as text
    outputs: list[str] = field(default_factory=list[str])
    dtypes: list[str] = field(default_factory=list[str])
    activation: str = ""
    trainable: bool | None = None  # None where there is nothing to train
    parameters: int = 0
    inner: Scene | None = None


@dataclass(frozen=True)
class Edge:
    """Output `out` of a node goes to input `into` of another."""

    source: str
    target: str
    out: int = 0
    into: int = 0


@dataclass
class Scene:
    """A graph: its nodes in an order of computation, its edges, and the keys of the nodes that take and give what comes
    from outside."""

    name: str
    nodes: list[Node] = field(default_factory=list[Node])
    edges: list[Edge] = field(default_factory=list[Edge])
    inputs: list[str] = field(default_factory=list[str])
    outputs: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])

    def walk(self) -> Iterator[Node]:
        """Every node, nested ones after the node that holds them."""
        for node in self.nodes:
            yield node
            if node.inner:
                yield from node.inner.walk()


def scene_of(model: Any) -> Scene:
    """The scene of a model: its graph if it has one, else its layers, unconnected.

    Raises:
        ValueError: the model is not built yet and has nothing to show.
    """
    return _Reader().read(model)


class _Reader:
    """Numbers nodes through all nested scenes."""

    def __init__(self) -> None:
        self.count = 0

    def key(self) -> str:
        self.count += 1
        return f"n{self.count - 1}"

    def read(self, model: Any) -> Scene:
        graph = graph_of(model)
        if graph is None:
            return self.unconnected(model)
        scene = Scene(model.name)
        key_of: dict[int, str] = {}
        for call in calls_of(graph):
            node = self.node(call.operation, call.input_tensors, call.output_tensors)
            key_of[id(call)] = node.key
            scene.nodes.append(node)
            for into, x in enumerate(call.input_tensors):
                operation, index, out = x._keras_history
                source = operation._inbound_nodes[index]
                scene.edges.append(Edge(key_of[id(source)], node.key, out, into))
        for x in flat(graph.inputs):
            operation, index, _ = x._keras_history
            scene.inputs.append(key_of[id(operation._inbound_nodes[index])])
        for x in flat(graph.outputs):
            operation, index, out = x._keras_history
            scene.outputs.append((key_of[id(operation._inbound_nodes[index])], out))
        return scene

    def unconnected(self, model: Any) -> Scene:
        layers = list(getattr(model, "layers", []))
        if not layers:
            raise ValueError(f"model {model.name!r} has no layers to show yet: call it on data or build it first")
        scene = Scene(model.name)
        scene.nodes = [self.node(layer, [], []) for layer in layers]
        if is_sequential(model):
            scene.edges = [Edge(a.key, b.key) for a, b in zip(scene.nodes, scene.nodes[1:], strict=False)]
        scene.inputs, scene.outputs = [scene.nodes[0].key], [(scene.nodes[-1].key, 0)]
        return scene

    def node(self, layer: Any, inputs: list[Any], outputs: list[Any]) -> Node:
        key = self.key()
        variables = list(getattr(layer, "weights", []) or [])
        activation = getattr(layer, "activation", None)
        return Node(
            key,
            str(layer.name),
            kind_of(layer),
            [shape_text(x) for x in inputs],
            [shape_text(x) for x in outputs],
            [str(x.dtype) for x in outputs] or [str(getattr(layer, "compute_dtype", "") or "")],
            activation_name(activation) if activation is not None else "",
            bool(layer.trainable) if variables and hasattr(layer, "trainable") else None,
            sum(size_of(v) for v in variables),
            self.read(layer) if graph_of(layer) is not None else None,
        )


def graph_of(layer: Any) -> Any:
    """The functional graph of a model (a Sequential's own one), or None."""
    inner = getattr(layer, "_functional", None)
    if inner is not None:
        return inner
    has_graph = hasattr(layer, "layers") and getattr(layer, "inputs", None) and getattr(layer, "outputs", None)
    return layer if has_graph else None


def is_sequential(model: Any) -> bool:
    """Whether its layers follow one another."""
    return any(c.__name__ == "Sequential" for c in type(model).__mro__)


def calls_of(graph: Any) -> list[Any]:
    """The calls (nodes of the layer DAG) that lead from inputs to outputs, each after those it needs."""
    boundary = {id(x) for x in flat(graph.inputs)}
    found: dict[int, Any] = {}
    todo: list[tuple[Any, bool]] = [(call_of(x), False) for x in reversed(flat(graph.outputs))]
    todo += [(call_of(x), False) for x in reversed(flat(graph.inputs))]
    while todo:
        call, ready = todo.pop()
        if id(call) in found:
            continue
        if ready:
            found[id(call)] = call
            continue
        todo.append((call, True))
        if not any(id(x) in boundary for x in call.output_tensors):
            todo += [(call_of(x), False) for x in reversed(call.input_tensors)]
    return list(found.values())


def call_of(x: Any) -> Any:
    """The call that makes a symbolic tensor."""
    operation, index, _ = x._keras_history
    return operation._inbound_nodes[index]


def flat(structure: Any) -> list[Any]:
    """The tensors of a structure."""
    from .. import tree

    return tree.flatten(structure)


def kind_of(layer: Any) -> str:
    """The class as a label; an op used directly shows the op's name."""
    function = getattr(layer, "function", None)
    name = getattr(function, "class_name", "")
    return name if name and type(layer).__name__ == "OpCall" else type(layer).__name__


def activation_name(activation: Any) -> str:
    """The name of an activation function or layer."""
    return str(getattr(activation, "__name__", None) or getattr(activation, "name", None) or type(activation).__name__)


def shape_text(x: Any) -> str:
    """A tensor's shape as text."""
    shape = tuple(x.shape)
    return f"({', '.join('None' if d is None else str(d) for d in shape)}{',' if len(shape) == 1 else ''})"


def size_of(variable: Any) -> int:
    """The number of elements of a weight."""
    n = 1
    for d in variable.shape:
        n *= int(d)
    return n
