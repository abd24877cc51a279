"""A scene as Graphviz DOT text. Nodes are called n0, n1, ...; names stand in quoted labels only."""

from __future__ import annotations

from .scene import Edge, Node, Scene
from .style import TINTS, Show, label_of, tint_of
from .text import clean, shorten


class Dot(str):
    """DOT text, with the methods that users of pydot know."""

    def to_string(self) -> str:
        """The text."""
        return str(self)

    def write(self, path: str) -> None:
        """Writes the text to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self)


def quoted(text: str) -> str:
    r"""A DOT string.

    >>> quoted('a"b\\')
    '"a\\"b\\\\"'
    """
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def dot(
    scene: Scene, show: Show, *, expand: bool = False, rankdir: str = "TB", dpi: float = 200.0, subgraph: bool = False
) -> Dot:
    """The graph as DOT; `subgraph` makes it a cluster to be put into another graph."""
    head = f"subgraph {quoted('cluster_' + clean(scene.name))} {{" if subgraph else "digraph model {"
    lines = [
        head,
        f"  rankdir={rankdir}; dpi={dpi:g};" if not subgraph else f"  label={quoted(shorten(clean(scene.name)))};",
    ]
    lines += [
        '  node [shape=box style="rounded,filled" fontname="Helvetica" fontsize=11];',
        '  edge [color="#5f6b75" arrowsize=0.7];',
    ]
    _body(scene, show, expand, lines, "  ")
    return Dot("\n".join([*lines, "}"]) + "\n")


def _body(scene: Scene, show: Show, expand: bool, lines: list[str], indent: str) -> None:
    nested = {n.key: n for n in scene.nodes if expand and n.inner and n.inner.nodes}
    for node in scene.nodes:
        if node.key in nested:
            assert node.inner is not None
            lines.append(f"{indent}subgraph cluster_{node.key} {{")
            lines.append(f"{indent}  label={quoted(shorten(clean(node.inner.name)))}; style=dashed;")
            _body(node.inner, show, expand, lines, indent + "  ")
            lines.append(f"{indent}}}")
        else:
            label = label_of(node, show)
            text = quoted("\n".join([label.head, *label.lines])).replace("\n", "\\n")
            lines.append(f'{indent}{node.key} [label={text} fillcolor="{TINTS[tint_of(node.kind)][0]}"];')
    for edge in scene.edges:
        a, b = ends(edge, nested)
        lines.append(f"{indent}{a} -> {b};")


def ends(edge: Edge, nested: dict[str, Node]) -> tuple[str, str]:
    """The drawn nodes that an edge joins, where some models are expanded."""
    source, target = edge.source, edge.target
    out, into = edge.out, edge.into
    while source in nested and (inner := nested[source].inner) is not None:
        source, out = inner.outputs[min(out, len(inner.outputs) - 1)]
        nested = nested | {n.key: n for n in inner.nodes if n.inner and n.inner.nodes}
    while target in nested and (inner := nested[target].inner) is not None:
        target, into = inner.inputs[min(into, len(inner.inputs) - 1)], 0
        nested = nested | {n.key: n for n in inner.nodes if n.inner and n.inner.nodes}
    return source, target
