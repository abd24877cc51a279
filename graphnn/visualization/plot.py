"""`plot_model` and `model_to_dot`.

Exports: Picture, model_to_dot, plot_model.
"""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import png
from .dot import Dot, dot
from .drawing import DIRECTIONS, draw
from .html import html
from .mermaid import mermaid
from .networks import to_networkx, write_graphml
from .scene import scene_of
from .style import Show
from .svg import svg

__all__ = ["Picture", "model_to_dot", "plot_model"]

SUFFIXES = (".png", ".svg", ".html", ".dot", ".mmd", ".graphml")


class Picture:
    """A model's picture: `path` is the file that was written (or None), `svg` the drawing. Notebooks show it."""

    def __init__(self, svg: str, path: Path | None = None):
        self.svg, self.path = svg, path

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<Picture {str(self.path)!r}>" if self.path else "<Picture>"


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    *,
    kernels: dict[str, Any] | None = None,
    **kwargs: Any,
) -> Picture:
    """Draws a model's graph into a file: PNG, SVG, an interactive HTML page, DOT, Mermaid or GraphML. No system tool is
    needed.

    Args:
        model: a model that is built.
        to_file: the file; its ending chooses the format: `.png` (needs Pillow: `pip install graphnn[plot]`; without it
            an `.svg` is written beside), `.svg`, `.html`, `.dot`, `.mmd` (Mermaid) or `.graphml`. None writes nothing.
        show_shapes: whether nodes show shapes of inputs and outputs.
        show_dtype: whether nodes show dtypes.
        show_layer_names: whether nodes show layer names beside classes.
        rankdir: the flow: "TB", "BT", "LR" or "RL".
        expand_nested: whether models inside are drawn with their layers. (In HTML they open and close by a click.)
        dpi: dots per inch.
        show_layer_activations: whether nodes show activation functions.
        show_trainable: whether nodes show if they are trainable.
        splines: accepted; edges are always routed around boxes.
        kernels: the compiled program as a scene (see `graphnn.visualization.html`), for the page's switch from layers
            to kernels.

    Returns:
        A `Picture`, which notebooks show.

    Raises:
        ValueError: the model is not built, or `to_file` or `rankdir` is not one of those named.

    >>> import graphnn
    >>> x = graphnn.Input((4,))
    >>> model = graphnn.Model(x, graphnn.layers.Dense(2)(x))
    >>> "Dense" in graphnn.utils.plot_model(model, to_file=None).svg
    True
    """
    if kwargs:
        raise ValueError(f"plot_model: unknown arguments {', '.join(kwargs)}")
    if rankdir not in DIRECTIONS:
        raise ValueError(f"plot_model: rankdir must be one of {', '.join(DIRECTIONS)}. Received: rankdir={rankdir!r}")
    path = None if to_file is None else Path(to_file)
    if path is not None and path.suffix.lower() not in SUFFIXES:
        raise ValueError(f"plot_model: the file must end in one of {', '.join(SUFFIXES)}. Received: to_file={str(path)!r}")
    scene = scene_of(model)
    show = Show(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    drawing = draw(scene, show, expand=expand_nested, rankdir=rankdir)
    picture = Picture(svg(drawing), path)
    if path is None:
        return picture
    match path.suffix.lower():
        case ".png" if png.available():
            png.write_png(drawing, path, dpi)
        case ".png" | ".svg":
            if path.suffix.lower() == ".png":
                path = picture.path = path.with_suffix(".svg")
                warnings.warn(
                    f"PNG needs Pillow (pip install graphnn[plot]), which is not installed: {path} is written instead",
                    stacklevel=2,
                )
            path.write_text(picture.svg, "utf-8")
        case ".html":
            path.write_text(html(scene, replace(show, names=True), expand=expand_nested, kernels=kernels), "utf-8")
        case ".dot":
            path.write_text(dot(scene, show, expand=expand_nested, rankdir=rankdir, dpi=dpi), "utf-8")
        case ".mmd":
            path.write_text(mermaid(scene, show, expand=expand_nested, rankdir=rankdir), "utf-8")
        case _:
            write_graphml(to_networkx(model, expand_nested=expand_nested), str(path))
    return picture


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Dot:
    """A model's graph as DOT text for Graphviz; the arguments are those of `plot_model`.

    Args:
        subgraph: whether to give a cluster that can stand inside another graph.

    Returns:
        A string (with pydot's `to_string` and `write`).

    >>> import graphnn
    >>> x = graphnn.Input((4,))
    >>> graphnn.utils.model_to_dot(graphnn.Model(x, graphnn.layers.Dense(2)(x))).startswith("digraph")
    True
    """
    if kwargs:
        raise ValueError(f"model_to_dot: unknown arguments {', '.join(kwargs)}")
    show = Show(show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable)
    return dot(scene_of(model), show, expand=expand_nested, rankdir=rankdir, dpi=dpi, subgraph=subgraph)
