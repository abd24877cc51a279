"""Runs a graph op by op with each op's NumPy reference: the oracle of the compiler, `run_eagerly`, and constant folding."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from .dims import Dim, evaluate
from .ir import Graph, Node, Value
from .ops.base import Array, Op
from .ops.index import IndexOutOfRange, NotIntegral


def concrete(op: Op, env: Mapping[str, int]) -> Op:
    """The op with numbers for its symbolic extents."""

    def number(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(number(e) for e in x)  # type: ignore[misc]
        if hasattr(x, "bound"):  # a body
            return x.bound(env)
        return evaluate(x, env) if isinstance(x, Dim) else x

    changed = {f.name: number(getattr(op, f.name)) for f in fields(op)}
    return replace(op, **changed) if changed else op


def bind_data(graph: Graph, inputs: Sequence[Array]) -> dict[str, int]:
    """The numbers of the symbols that depend on the data of inputs."""
    place = {v: i for i, v in enumerate(graph.inputs)}
    return {name: int(inputs[place[v]].max(initial=-1)) + 1 for name, v in graph.data_extents.items()}


def bind_symbols(
    values: Sequence[Value], shapes: Sequence[tuple[int, ...]], around: Mapping[str, int] | None = None
) -> dict[str, int]:
    """The numbers of the symbols in the shapes of inputs, besides those known; a ValueError where arrays and shapes disagree."""
    env: dict[str, int] = dict(around or {})
    for v, shape in zip(values, shapes, strict=True):
        if len(shape) != v.ndim:
            raise ValueError(f"an input of {v.ndim} axes was given an array of shape {shape}")
        for d, n in zip(v.shape, shape, strict=True):
            if isinstance(d, Dim) and len(d.terms) == 1 and d.terms[0][1] == 1 and len(d.terms[0][0]) == 1:
                atom = d.terms[0][0][0]
                if atom.kind == "sym" and env.setdefault(atom.name, n) != n:
                    raise ValueError(f"extent {atom.name} is {env[atom.name]} in one input and {n} in another")
    for v, shape in zip(values, shapes, strict=True):
        for d, n in zip(v.shape, shape, strict=True):
            if evaluate(d, env) != n:
                raise ValueError(f"an input of shape {v.shape} was given an array of shape {shape}")
    return env


def interpret(
    graph: Graph, inputs: Sequence[Array], states: Mapping[Hashable, Array], env: Mapping[str, int] | None = None
) -> tuple[list[Array], dict[Hashable, Array]]:
    """Outputs and new values of states; nothing is written in place. `env`: numbers of symbols that inputs do not tell."""
    known: dict[Value, Array] = {}
    for _ in _walk(graph, inputs, states, known, env):
        pass
    return [known[v] for v in graph.outputs], {k: known[v] for k, v in graph.updates.items()}


def _walk(
    graph: Graph,
    inputs: Sequence[Array],
    states: Mapping[Hashable, Array],
    known: dict[Value, Array] | None = None,
    around: Mapping[str, int] | None = None,
) -> Iterator[tuple[Node, list[Array]]]:
    """Each node in order and what it gives; `known` takes all values."""
    env = dict(around or {}) | bind_symbols(graph.inputs, [a.shape for a in inputs], around) | bind_data(graph, inputs)
    known = {} if known is None else known
    known.update(zip(graph.inputs, inputs, strict=True))
    for key, v in graph.states.items():
        known[v] = states[key]
    for node in graph.nodes:
        with np.errstate(all="ignore"):
            try:
                out = concrete(node.op, env).reference(*[known[v] for v in node.inputs])
            except (IndexOutOfRange, NotIntegral) as error:
                raise error.at(node.origin) from None
        found = [np.asarray(a) for a in (out if isinstance(out, tuple) else (out,))]
        known.update(zip(node.outputs, found, strict=True))
        yield node, found


def first_not_finite(graph: Graph, inputs: Sequence[Array], states: Mapping[Hashable, Array]) -> Node | None:
    """The first node that makes NaN of finite numbers, else the first that makes infinity; None where all stays finite."""
    infinite: Node | None = None
    for node, out in _walk(graph, inputs, states):
        for a in out:
            if a.dtype.kind == "f" and not np.isfinite(a).all():
                if np.isnan(a).any():
                    return node
                infinite = infinite or node
    return infinite
