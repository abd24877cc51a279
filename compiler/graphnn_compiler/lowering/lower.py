"""Lowers a graph to steps: the kernels in the order in which they run, each with its operands in memory."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from ..ir import Graph, Value
from ..ops.contract import MatMul
from ..passes.fuse import Group
from ..views import Buffer, Storage
from .control import control_steps
from .convolutions import conv_steps
from .layout import Layout
from .moves import copy_steps, kernel_steps
from .nests import build_step, copy_step
from .products import product_steps
from .steps import Step, TiledStep


@dataclass
class Lowered:
    """The steps in order; `guard`: how many of them precede the first write of a state."""

    graph: Graph
    steps: list[Step]
    guard: int
    inputs: list[Buffer]
    outputs: list[Buffer]
    states: dict[Hashable, Buffer]


def lower(graph: Graph, inputs: Sequence[Storage] | None = None) -> Lowered:
    """The steps of a graph; `inputs`: where they lie, by default each in a buffer of its own."""
    low = Layout(graph, inputs)
    copies_at_end = low.place_results()
    low.place_parts()
    done: set[Group] = set()
    while len(done) < len(low.groups):
        for g in [g for g in low.groups if g not in done]:
            done.add(g)
            for v in low.in_memory(g):
                if low.epilogue_of(g, v) is None:
                    low.storage_of(v)
                    if low.behind(v) in low.computed:
                        low.edges(low.unit[g]).add(low.computed[low.behind(v)])
    steps: list[Step] = [copy_step(source, aside, []) for source, aside in low.early]
    copied: set[Value] = set()
    guard: int | None = None
    for unit in low.order():
        later = low.in_memory(unit.epilogue) if unit.epilogue is not None else []
        for v in [*low.in_memory(unit), *(v for v in later if low.behind(v) is not unit.nodes[0].outputs[0])]:
            _copy_views(low, v, steps, copied)
        if guard is None and low.writes_state(unit):
            guard = len(steps)
        made = _steps_of(low, unit)
        steps += made
        if unit.epilogue is not None and not any(isinstance(s, TiledStep) and s.epilogue is not None for s in made):
            for v in later:  # copies of the product
                _copy_views(low, v, steps, copied)
            steps.append(build_step(unit.epilogue, low, low.stores(unit.epilogue)))
    for v in low.graph.results():
        _copy_views(low, v, steps, copied)
    guard = len(steps) if guard is None else guard
    steps += [copy_step(source, target, []) for source, target in copies_at_end]
    return Lowered(low.graph, steps, guard, low.inputs, low.outputs, low.states)


def _copy_views(low: Layout, v: Value, steps: list[Step], copied: set[Value]) -> None:
    """Emits the copies that views of v depend on, when what they copy is there."""
    chain: list[Value] = []
    while True:
        chain.append(v)
        if v.node is None or v.node.op.kind != "movement" or v.node in low.group_of:
            break
        v = v.node.inputs[0]
    for u in reversed(chain):
        if u in low.copies and u not in copied:
            copied.add(u)
            source, dense = low.copies[u]
            steps.append(copy_step(source, dense, []))


def _steps_of(low: Layout, unit: Group) -> list[Step]:
    if unit.kind == "loop":
        return [build_step(unit, low, low.stores(unit))]
    if unit.kind == "contract":
        return product_steps(low, unit) if isinstance(unit.nodes[0].op, MatMul) else conv_steps(low, unit)
    if unit.kind == "kernel":
        return [*kernel_steps(low, unit.nodes[0])]
    if unit.kind == "control":
        return control_steps(low, unit.nodes[0], lower)
    return copy_steps(low, unit.nodes[0])
