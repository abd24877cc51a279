"""What a model was compiled to, as a scene for the HTML page: kernel calls in order, and which hands numbers to which.

Exports: kernels_of.
"""

from __future__ import annotations

from typing import Any

from graphnn_compiler.lowering.steps import LoopStep, Step, TiledStep

from .scene import scene_of
from .text import clean

__all__ = ["kernels_of"]


def kernels_of(model: Any, job: str = "train") -> dict[str, Any] | None:
    """The kernel calls of a job, for `plot_model(model, "m.html", kernels=...)`.

    Args:
        model: a model.
        job: "train", "test" or "predict"; another job is shown where the model did not do that one yet.

    Returns:
        The scene (see `graphnn.visualization.html`), or None before the first job.

    >>> import numpy as np
    >>> import graphnn
    >>> from graphnn.visualization.kernels import kernels_of
    >>> model = graphnn.Sequential([graphnn.Input((3,)), graphnn.layers.Dense(2, name="d")])
    >>> model.compile("sgd", "mse")
    >>> y = model.predict(np.ones((1, 3), "float32"), verbose=0)
    >>> [node["kind"] for node in kernels_of(model, "predict")["nodes"]]
    ['matmul']
    """
    done = dict(model._compiled.steps.named())
    if not done:
        return None
    name = job if job in done else next(iter(done))
    executable = done[name].executable
    keys: dict[str, str] = {}
    for node in scene_of(model).walk():
        keys.setdefault(node.name, node.key)
    nodes: list[dict[str, Any]] = []
    edges: list[list[Any]] = []
    writer: dict[Any, str] = {}
    lines = executable.report().lines
    for i, (step, line) in enumerate(zip(executable.lowered.steps, lines, strict=True)):
        key = f"k{i}"
        sources = list(dict.fromkeys(writer[b] for b in step.reads if b in writer))
        edges += [[source, key, 0, place] for place, source in enumerate(sources)]
        writer.update(dict.fromkeys(step.writes, key))
        layers = [keys[part] for path in line.layers if (part := path.rpartition("/")[2]) in keys]
        costs = {"operations": line.flops} if line.flops else {}
        nodes.append({"key": key, "name": f"{i}", "kind": line.kernel, "tint": "op", "lines": _wrapped(line.ops), "layers": layers,
                      "details": {"of": clean(", ".join(line.layers))}, "costs": costs, "source": _source(step)})  # fmt: skip
    return {"name": clean(f"{model.name}: {name}"), "nodes": nodes, "edges": edges, "inputs": [], "outputs": []}


def _wrapped(ops: tuple[str, ...], width: int = 28, most: int = 4) -> list[str]:
    """The ops in a few short lines."""
    lines = [""]
    for op in ops:
        if len(lines[-1]) + len(op) > width and lines[-1]:
            lines.append("")
        lines[-1] += f"{'+' if lines[-1] else ''}{op}"
    return lines if len(lines) <= most else [*lines[: most - 1], f"... {len(ops)} in all"]


def _source(step: Step) -> str:
    tile = step.epilogue if isinstance(step, TiledStep) else step
    return tile.spec.source if isinstance(tile, LoopStep) else ""
