"""The table that `model.summary()` prints."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from .. import tree

LINE = 76


def readable_size(nbytes: int) -> str:
    """Bytes as people write them.

    >>> readable_size(52), readable_size(3_670_016)
    ('52.00 B', '3.50 MB')
    """
    units = ("B", "KB", "MB", "GB", "TB", "PB")
    step = min(int(math.log(nbytes, 1024)), len(units) - 1) if nbytes else 0
    return f"{nbytes / 1024**step:.2f} {units[step]}"


def count(variables: Iterable[Any]) -> int:
    """The number of elements of variables, each counted once."""
    return sum(int(np.prod(v.shape, dtype=object)) for v in {id(v): v for v in variables}.values())


def _bytes(variables: Iterable[Any]) -> int:
    return sum(v.array.nbytes for v in {id(v): v for v in variables}.values())


def output_shape(layer: Any) -> str:
    """The output shape of a layer's first call, or of the shapes it was built for; a question mark where neither is known."""
    if layer.nodes:
        shapes = [x.shape for x in tree.flatten(layer.nodes[0].outputs) if hasattr(x, "shape")]
    elif getattr(layer, "built", False) and layer._build_shapes:
        try:
            found = layer.compute_output_shape(*layer._build_shapes.values())
        except Exception:  # a shape that cannot be told must not spoil the table
            return "?"
        shapes = [found] if tree.is_shape(found) else [tree.map_shape_structure(tuple, s) for s in found]
    else:
        return "?"
    return ", ".join(str(tuple(s)) for s in shapes)


def connections(layer: Any, nodes: set[int]) -> str:
    """Where the inputs of a layer come from: name[call][output]."""
    found: list[str] = []
    for node in layer.nodes:
        if id(node) in nodes or not nodes:
            found += [f"{x.history.operation.name}[{x.history.node_index}][{x.history.tensor_index}]" for x in node.input_tensors]
    return ", ".join(found) or "-"


def is_chain(model: Any) -> bool:
    """True where each layer takes one tensor from the layer before."""
    nodes = getattr(model, "graph_nodes", None)
    if nodes is None:
        return True
    readers: dict[int, int] = {}
    for node in nodes:
        if len(node.input_tensors) > 1:
            return False
        for x in node.input_tensors:
            readers[id(x)] = readers.get(id(x), 0) + 1
    return all(n == 1 for n in readers.values()) and len({id(n.operation) for n in nodes}) == len(nodes)


def kind(operation: Any) -> str:
    """The class name of a layer or op."""
    function = getattr(operation, "function", None)
    return getattr(function, "class_name", None) or type(operation).__name__


def steps(model: Any) -> list[Any]:
    """The layers of a model, and for a functional one the ops between them."""
    return list(getattr(model, "operations", None) or model.layers)


def _rows(model: Any, depth: int, expand: bool, trainable: bool, chain: bool, layers: Sequence[Any]) -> list[list[str]]:
    nodes = {id(n) for n in getattr(model, "graph_nodes", ())}
    rows: list[list[str]] = []
    for layer in layers:
        prefix = "   " * depth + "└ " if depth else ""
        weights = getattr(layer, "weights", [])
        number = f"{count(weights):,}" if getattr(layer, "built", True) else f"{count(weights):,} (unbuilt)"
        row = [f"{prefix}{layer.name} ({kind(layer)})", output_shape(layer), number]
        if not chain:
            row.append(connections(layer, nodes))
        if trainable:
            row.append(("Y" if layer.trainable else "N") if weights else "-")
        rows.append(row)
        if expand and hasattr(layer, "layers"):
            rows += _rows(layer, depth + 1, expand, trainable, chain, steps(layer))
    return rows


def _in_range(layers: list[Any], bounds: Sequence[str] | None) -> list[Any]:
    if bounds is None:
        return layers
    if len(bounds) != 2 or not all(isinstance(b, str) for b in bounds):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"`layer_range` must be a list of two names. Received: layer_range={bounds}")
    first = [i for i, x in enumerate(layers) if re.match(bounds[0], x.name)]
    last = [i for i, x in enumerate(layers) if re.match(bounds[1], x.name)]
    if not first or not last:
        raise ValueError(
            f"`layer_range` matches no layers. Received: layer_range={list(bounds)}, layers: {[x.name for x in layers]}"
        )
    start, stop = min(first), max(last)
    return layers[min(start, stop) : max(start, stop) + 1]


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width`, broken at spaces where there are any."""
    lines: list[str] = []
    for word in text.split(" "):
        while len(word) > width:
            lines.append(word[:width])
            word = word[width:]
        if lines and len(lines[-1]) + 1 + len(word) <= width and len(lines[-1]) < width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines or [""]


def _table(header: list[str], rows: list[list[str]], widths: list[int], right: set[int], centre: set[int]) -> list[str]:
    def line(left: str, middle: str, end: str, bar: str) -> str:
        return left + middle.join(bar * (w + 2) for w in widths) + end

    def body(row: list[str], edge: str) -> list[str]:
        cells = [_wrapped(text, w) for text, w in zip(row, widths, strict=True)]
        height = max(map(len, cells))
        out: list[str] = []
        for i in range(height):
            parts: list[str] = []
            for j, (cell, w) in enumerate(zip(cells, widths, strict=True)):
                text = cell[i] if i < len(cell) else ""
                parts.append(text.rjust(w) if j in right else text.center(w) if j in centre else text.ljust(w))
            out.append(f"{edge} " + f" {edge} ".join(parts) + f" {edge}")
        return out

    out = [line("┏", "┳", "┓", "━"), *body(header, "┃"), line("┡", "╇", "┩", "━")]
    for i, row in enumerate(rows):
        out += body(row, "│")
        if i + 1 < len(rows):
            out.append(line("├", "┼", "┤", "─"))
    return [*out, line("└", "┴", "┘", "─")]


def summary_text(
    model: Any,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> str:
    """The whole text of `summary()`."""
    chain = is_chain(model) or hasattr(model, "pop")
    header = ["Layer (type)", "Output Shape", "Param #"]
    ends = [0.45, 0.80, 1.0] if chain else [0.3, 0.56, 0.74, 1.0]
    if not chain:
        header.append("Connected to")
    if show_trainable:
        header.append("Train?")
        ends = [e * 0.87 for e in ends] + [1.0]
    total = line_length or LINE
    if positions:
        ends = list(positions)
        if len(ends) < len(header):
            raise ValueError(f"`positions` must have {len(header)} entries. Received: positions={list(positions)}")
        if ends[-1] > 1:
            total, ends = int(ends[-1]), [p / ends[-1] for p in ends]
    places = [round(e * (total - 1)) for e in ends[: len(header)]]
    widths = [max(b - a - 3, 4) for a, b in zip([0, *places[:-1]], places, strict=True)]
    rows = _rows(model, 0, expand_nested, show_trainable, chain, _in_range(steps(model), layer_range))
    centre = {len(header) - 1} if show_trainable else set[int]()
    lines = [f'Model: "{model.name}"', *_table(header, rows, widths, {2}, centre)]
    trainable, other = model.trainable_weights, model.non_trainable_weights
    kinds = [("Trainable params", trainable), ("Non-trainable params", other)]
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and getattr(optimizer, "built", False) and getattr(optimizer, "variables", None):
        kinds.append(("Optimizer params", list(optimizer.variables)))
    everything = [v for _, vs in kinds for v in vs]
    for name, variables in [("Total params", everything), *kinds]:
        lines.append(f" {name}: {count(variables):,} ({readable_size(_bytes(variables))})")
    return "\n".join(lines) + "\n"
