"""The layer DAG as a networkx graph, for analysis and GraphML."""

from __future__ import annotations

import importlib
from typing import Any

from .dot import ends
from .scene import Node, Scene, scene_of
from .text import clean


def to_networkx(model: Any, *, expand_nested: bool = False) -> Any:
    """The model's layers as a `networkx.MultiDiGraph`.

    Nodes are layer names; a layer that is called again is `name:1`, `name:2`, ..., a layer of an expanded model
    `model/name`. Their attributes are `layer` (the class), `parameters`, `trainable`, `input_shapes`, `output_shapes`,
    `dtypes`, `activation`; an edge has `output` and `input`, the places of the tensor among the outputs of one and the
    inputs of the other.

    Args:
        model: a model that is built.
        expand_nested: whether models inside it are replaced by their layers.

    >>> import graphnn
    >>> x = graphnn.Input((4,), name="x")
    >>> model = graphnn.Model(x, graphnn.layers.Dense(2, name="y")(x))
    >>> sorted(model.to_networkx().edges())
    [('x', 'y')]
    """
    nx: Any = importlib.import_module("networkx")
    graph = nx.MultiDiGraph(name=str(model.name))
    scene = scene_of(model)
    names: dict[str, str] = {}
    _add(graph, scene, names, expand_nested, "")
    return graph


def _add(graph: Any, scene: Scene, names: dict[str, str], expand: bool, prefix: str) -> None:
    nested = {n.key: n for n in scene.nodes if expand and n.inner and n.inner.nodes}
    for node in scene.nodes:
        if node.key in nested:
            assert node.inner is not None
            _add(graph, node.inner, names, expand, f"{prefix}{node.name}/")
            continue
        name, again = f"{prefix}{node.name}", 0
        while name in graph:
            again += 1
            name = f"{prefix}{node.name}:{again}"
        names[node.key] = name
        graph.add_node(name, **attributes(node))
    for edge in scene.edges:
        a, b = ends(edge, nested)
        graph.add_edge(names[a], names[b], output=edge.out, input=edge.into)


def attributes(node: Node) -> dict[str, Any]:
    """What a node of the graph tells of its layer, as plain values."""
    found: dict[str, Any] = {"layer": node.kind, "parameters": node.parameters, "activation": node.activation}
    found |= {
        "input_shapes": " ".join(node.inputs),
        "output_shapes": " ".join(node.outputs),
        "dtypes": " ".join(node.dtypes),
    }
    return found if node.trainable is None else {**found, "trainable": node.trainable}


def write_graphml(graph: Any, path: str) -> None:
    """Writes GraphML; characters that XML cannot hold are written out in names."""
    nx: Any = importlib.import_module("networkx")
    safe: Any = nx.relabel_nodes(graph, {n: clean(n) for n in graph if clean(n) != n})
    for _, data in safe.nodes(data=True):
        data.update({k: clean(v) for k, v in data.items() if isinstance(v, str)})
    safe.graph = {k: clean(v) for k, v in safe.graph.items()}
    nx.write_graphml_xml(safe, path, encoding="utf-8")
