"""A scene as Mermaid text, which GitHub and many editors draw. Names stand in quoted labels only, all marks in them as
character codes."""

from __future__ import annotations

from .dot import ends
from .scene import Scene
from .style import TINTS, Show, label_of, tint_of
from .text import clean, shorten


def coded(text: str) -> str:
    """Text with everything but letters, digits and a few harmless signs as codes.

    >>> coded('a"b <i>')
    'a#34;b #60;i#62;'
    """
    return "".join(c if c.isalnum() or c in " _.,-" else f"#{ord(c)};" for c in text)


def mermaid(scene: Scene, show: Show, *, expand: bool = False, rankdir: str = "TB") -> str:
    """The graph as a Mermaid flowchart."""
    lines = [f"flowchart {rankdir}"]
    used: dict[str, list[str]] = {}
    _body(scene, show, expand, lines, used, "  ")
    for tint, keys in used.items():
        fill, ink = TINTS[tint]
        lines.append(f"  classDef {tint}_ fill:{fill},color:{ink},stroke:#9aa3ab")
        lines.append(f"  class {','.join(keys)} {tint}_")
    return "\n".join(lines) + "\n"


def _body(scene: Scene, show: Show, expand: bool, lines: list[str], used: dict[str, list[str]], indent: str) -> None:
    nested = {n.key: n for n in scene.nodes if expand and n.inner and n.inner.nodes}
    for node in scene.nodes:
        if node.key in nested:
            assert node.inner is not None
            lines.append(f'{indent}subgraph {node.key}["{coded(shorten(clean(node.inner.name)))}"]')
            _body(node.inner, show, expand, lines, used, indent + "  ")
            lines.append(f"{indent}end")
        else:
            label = label_of(node, show)
            text = "<br/>".join(coded(line) for line in [label.head, *label.lines])
            lines.append(f'{indent}{node.key}["{text}"]')
            used.setdefault(tint_of(node.kind), []).append(node.key)
    for edge in scene.edges:
        a, b = ends(edge, nested)
        lines.append(f"{indent}{a} --> {b}")
