"""A scene as one HTML file with its viewer inside: it loads nothing, and runs offline.

The page's data is JSON; a `kernels` scene beside the layers' one fills the switch from layers to compiled kernels:
nodes with `key`, `name`, `kind`, and as wanted `lines`, `details`, `costs`, `layers` (keys of layer nodes) and
`source`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from typing import Any

from .scene import Node, Scene
from .style import TINTS, Show, tint_of
from .text import clean, shorten

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'">
<title>{title}</title><style>{css}</style></head><body>
<header><h1 id="title"></h1>
<input id="search" type="search" placeholder="Search layers" aria-label="Search layers"><span id="found"></span>
<button id="out" aria-label="Zoom out">-</button><button id="in" aria-label="Zoom in">+</button>
<button id="fit">Fit</button>
<button id="open">Expand all</button><button id="close">Collapse all</button><button id="view">Show kernels</button>
<select id="heat" aria-label="Colour by">
<option value="">Colour by class</option><option value="parameters">by parameters</option>{heats}</select>
</header><svg id="stage" width="100%" height="100%"><g id="world"></g></svg><aside id="side" hidden></aside>
<script type="application/json" id="data">{data}</script>
<script>{layout}</script><script>{viewer}</script></body></html>
"""


def html(scene: Scene, show: Show, *, expand: bool = False, kernels: dict[str, Any] | None = None) -> str:
    """The page."""
    layout, viewer, css = (_text(name) for name in ("layout.js", "viewer.js", "viewer.css"))
    shown = {
        "shapes": show.shapes,
        "dtype": show.dtype,
        "names": show.names,
        "activations": show.activations,
        "trainable": show.trainable,
    }
    data = {"scene": _scene(scene), "kernels": kernels, "show": shown, "expand": expand, "tints": TINTS}
    costs = sorted({k for n in (kernels or {}).get("nodes", []) for k in n.get("costs", {})})
    return _PAGE.format(
        hashes=" ".join(f"'sha256-{_digest(script)}'" for script in (layout, viewer)),
        title=_entities(clean(scene.name)),
        css=css,
        heats="".join(f'<option value="{_entities(k)}">by {_entities(k)}</option>' for k in costs),
        data=script_json(data),
        layout=layout,
        viewer=viewer,
    )


def script_json(data: Any) -> str:
    r"""JSON that can stand in a script element: no sign in it can end the element or begin a comment.

    >>> script_json({"a": "</script>"})
    '{"a":"\\u003c/script\\u003e"}'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _entities(text: str) -> str:
    return "".join(c if c.isalnum() or c in " _-." else f"&#{ord(c)};" for c in text)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _text(name: str) -> str:
    text = resources.files(__package__ or "").joinpath(name).read_text("utf-8")
    assert "</script" not in text
    return text


def _scene(scene: Scene) -> dict[str, Any]:
    return {
        "name": shorten(clean(scene.name), 200),
        "nodes": [_node(n) for n in scene.nodes],
        "edges": [[e.source, e.target, e.out, e.into] for e in scene.edges],
        "inputs": scene.inputs,
        "outputs": [list(o) for o in scene.outputs],
    }


def _node(n: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"key": n.key, "name": clean(n.name), "kind": clean(n.kind), "tint": tint_of(n.kind)}
    found |= {"inputs": n.inputs, "outputs": n.outputs, "dtypes": sorted(set(n.dtypes))}
    found |= {"activation": clean(n.activation), "trainable": n.trainable, "parameters": n.parameters}
    return {**found, "inner": _scene(n.inner)} if n.inner else found
