"""Steps of control flow: bodies are lowered as programs of their own, on buffers of the program around them.

What a loop carries are states of its body, written in place; the parts of stacks are inputs and outputs that move from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING

from ..body import Body
from ..dims import Extent, product
from ..ir import Graph, Node, Value
from ..ops.base import itemsize
from ..ops.control import Control, Scan, Switch, While
from ..views import Buffer, Storage, contiguous
from .layout import Layout
from .nests import copy_step
from .steps import ControlStep, Place, Section, Step

if TYPE_CHECKING:
    from .lower import Lowered

Lower = Callable[[Graph, Sequence[Storage]], "Lowered"]
SMALLEST = 1 << 10  # work that a step counts for at least


def control_steps(low: Layout, node: Node, lower: Lower) -> list[Step]:
    """The steps of one node of control flow."""
    assert isinstance(node.op, Control)
    return _Control(low, node, lower).run()


class _Control:
    def __init__(self, low: Layout, node: Node, lower: Lower):
        self.low, self.node, self.lower = low, node, lower
        self.steps: list[Step] = []
        self.reads: list[Buffer] = []
        self.results = [low.storage_of(v) for v in node.outputs]

    def run(self) -> list[Step]:
        op, inputs = self.node.op, self.node.inputs
        sections: list[Section]
        places: list[Place] = []
        steps: Extent = 1
        if isinstance(op, Scan):
            c, x = op.carries, op.carries + op.xs
            self.carry(inputs[:c])
            stacks, others = [self.operand(v) for v in inputs[c:x]], [self.operand(v) for v in inputs[x:]]
            sections, steps, name = [self.section(op.body, c, stacks, others, self.results[c:], op)], op.length, "loop"
        elif isinstance(op, While):
            c, k = op.carries, op.carries + op.consts
            self.carry(inputs[:c])
            holds = contiguous(Buffer(1, "bool"), ())
            self.results.append(holds)
            test = self.section(op.condition, 0, [], [*self.results[:c], *(self.operand(v) for v in inputs[c:k])], [holds])
            body = self.section(op.body, c, [], [self.operand(v) for v in inputs[k:]], [])
            places, sections, name = [Place(holds.buffer)], [test, body], "while_loop"
        else:
            assert isinstance(op, Switch)
            index = self.operand(inputs[0])
            places, name = [Place(index.buffer, index.offset * itemsize("int32"))], "switch"
            sections = [
                self.section(body, 0, [], [self.operand(v) for v in inputs[part]], self.results)
                for body, part in zip(op.branches, op.parts(inputs), strict=True)
            ]
        work: Extent = 0
        for section in sections:
            for step in section.lowered.steps:
                work = work + step.work + SMALLEST
        writes = [s.buffer for s in self.results]
        checks = [c for s in sections for step in s.lowered.steps for c in step.checks]
        step = ControlStep([self.node], places, self.reads, writes, work * steps, checks, name, sections, steps)
        return [*self.steps, step]

    def operand(self, v: Value) -> Storage:
        """Where a value around the body is; what a run of the program moves is copied, since bodies know fixed addresses only."""
        s = self.low.storage_of(v)
        if s.buffer.kind in ("input", "output"):
            dense = contiguous(Buffer(product(s.shape), s.buffer.dtype), s.shape)
            self.steps.append(copy_step(s, dense, [self.node]))
            s = dense
        self.reads.append(s.buffer)
        return s

    def carry(self, init: Sequence[Value]) -> None:
        """Puts first values where the loop carries them."""
        for v, target in zip(init, self.results, strict=False):
            self.steps.append(copy_step(self.low.storage_of(v), target, [self.node]))

    def section(
        self,
        body: Body,
        carried: int,
        stacks: Sequence[Storage],
        others: Sequence[Storage],
        results: Sequence[Storage],
        loop: Scan | None = None,
    ) -> Section:
        """A body with the first `carried` of its inputs and outputs as states, which are the first results of the node."""
        graph, given = Graph(), body.graph
        states = given.inputs[:carried]
        graph.inputs, graph.nodes, graph.outputs = given.inputs[carried:], given.nodes, given.outputs[carried:]
        graph.states = dict(enumerate(states))
        graph.updates = {i: v for i, v in enumerate(given.outputs[:carried]) if v is not states[i]}
        storages: list[Storage] = []
        inputs: list[tuple[Place, Extent]] = []
        for i, (v, s) in enumerate(zip(graph.inputs, [*stacks, *others], strict=True)):
            moves, size = i < len(stacks), itemsize(s.buffer.dtype)
            buffer = Buffer(product(v.shape), v.dtype, "input" if moves else "fixed", i)
            storages.append(Storage(buffer, v.shape, 0, s.strides[1:] if moves else s.strides))
            inputs.append(_part(s, loop) if moves and loop is not None else (Place(s.buffer, s.offset * size), 0))
        outputs = [_part(s, loop) if loop is not None else (Place(s.buffer, s.offset * itemsize(s.buffer.dtype)), 0) for s in results]
        kept = enumerate(self.results[:carried])
        places: dict[Hashable, Place] = {i: Place(s.buffer, s.offset * itemsize(s.buffer.dtype)) for i, s in kept}
        return Section(self.lower(graph, storages), inputs, outputs, places)


def _part(s: Storage, loop: Scan) -> tuple[Place, Extent]:
    """Where the element of a stack is that the first step of a loop uses, and the bytes to that of the next step."""
    size = itemsize(s.buffer.dtype)
    stride = s.strides[0] * size
    if loop.reverse:
        return Place(s.buffer, s.offset * size + (loop.length - 1) * stride), -1 * stride
    return Place(s.buffer, s.offset * size), stride
