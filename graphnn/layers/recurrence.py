"""The loop over time of the recurrent layers: compiled as a loop, or unrolled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from graphnn_compiler import build, control
from graphnn_compiler.dims import show
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.elementwise import Where
from graphnn_compiler.ops.movement import Constant, constant
from graphnn_compiler.ops.reduce import Sum
from graphnn_compiler.trace import Tracer, emit, tracing

from .. import ops
from ..context import collected
from ..dispatch import value
from .recurrent_dropout import drawn_before

# One step: (the input of the step, states) -> (output, new states).
Step = Callable[[Value, list[Value]], tuple[Value, list[Value]]]


@dataclass
class Recurrence:
    """How a step is repeated.

    Attributes:
        step: the step, with as many new states as it takes.
        mask: (time, batch), False where a step does not count: there the states stay, and the output is that of the step before.
        backwards: from the last step to the first; all outputs are in the order of their computation.
        unroll: whether the graph has the step as often as there are steps; their number must be known.
        zero_masked: whether the output of a step that does not count is 0.
        all_outputs: whether the outputs of all steps are wanted, or the last one.
        again: how many steps gradients compute again at a time; 0: they keep what they need. It counts where the graph has a loop.
    """

    step: Step
    mask: Value | None = None
    backwards: bool = False
    unroll: bool = False
    zero_masked: bool = False
    all_outputs: bool = False
    again: int = 0

    def __call__(self, inputs: Value, states: Sequence[Value]) -> tuple[Value, list[Value]]:
        """The last output or all outputs (time, batch, ...), and the last states, for inputs (time, batch, ...)."""
        states = list(states)
        n = len(states)
        tracer = Tracer()
        output, place = self._trial(tracer, inputs, states)
        # An output that is a state need not be carried beside it. Before the first step that counts, though, it is 0.
        same = place is not None and not self.zero_masked and (self.mask is None or _is_zero(states[place]))
        carries_output = not same and not (self.all_outputs and (self.mask is None or self.zero_masked))
        first = [build.broadcast_to(constant(0, output.dtype), output.shape)] if carries_output else []
        losing: list[object] = []

        def body(carried: list[Value], parts: list[Value]) -> tuple[list[Value], list[Value]]:
            y, new = self.step(parts[0], carried[:n])
            if self.mask is not None:
                counts = parts[1]
                new = [_where(counts, a, b) for a, b in zip(new, carried, strict=False)]
                if same:
                    assert place is not None
                    y = new[place]
                else:
                    before = carried[n] if carries_output and not self.zero_masked else constant(0, y.dtype)
                    y = _where(counts, y, before)
            losses = collected().losses
            losing[:] = [layer for layer, _ in losses]
            stacked = [y] if self.all_outputs else []
            return [*new, *([y] if carries_output else [])], [*stacked, *(v for _, v in losses)]

        xs = [inputs] if self.mask is None else [inputs, self.mask]
        with drawn_before(tracer):
            if self.unroll:
                last, stacks = _unrolled(body, [*states, *first], xs, self.backwards)
            else:
                last, stacks = control.scan(body, [*states, *first], xs, reverse=self.backwards, recompute=self.again)
        self._pass_losses(losing, stacks)
        if self.all_outputs:
            result = ops.flip(stacks[0], axis=0) if self.backwards else stacks[0]
        else:
            result = last[n] if carries_output or place is None else last[place]
        return result, last[:n]

    def _trial(self, tracer: Tracer, inputs: Value, states: list[Value]) -> tuple[Value, int | None]:
        """What a step gives, and which of its new states the output is."""
        with tracing(tracer):
            carried = [tracer.input(s.shape, s.dtype) for s in states]
            output, new = self.step(tracer.input(inputs.shape[1:], inputs.dtype), carried)
        for i, (before, after) in enumerate(zip(states, new, strict=True)):
            if (before.shape, before.dtype) != (after.shape, after.dtype):
                raise ValueError(
                    f"state {i} of the cell is {before.dtype}{show(before.shape)} before a step and {after.dtype}{show(after.shape)} "
                    "after it; both must be the same"
                )
        return output, next((i for i, s in enumerate(new) if s is output), None)

    def _pass_losses(self, layers: Sequence[object], stacks: Sequence[Value]) -> None:
        """Losses that layers inside the step added are summed up over time."""
        for layer, v in zip(layers, stacks[1 if self.all_outputs else 0 :], strict=True):
            collected().losses.append((layer, emit(Sum((0,)), v)))


def _unrolled(
    body: Callable[[list[Value], list[Value]], tuple[list[Value], list[Value]]],
    carried: list[Value],
    xs: list[Value],
    reverse: bool,
) -> tuple[list[Value], list[Value]]:
    """As `control.scan`, each step by itself in the graph."""
    steps = range(int(xs[0].shape[0]))  # asks for the number where it is not known
    kept = collected().losses[:]
    found: list[list[Value]] = []
    for t in reversed(steps) if reverse else steps:
        collected().losses.clear()
        carried, ys = body(carried, [value(x[t]) for x in xs])
        found.append(ys)
    collected().losses[:] = kept
    if reverse:
        found.reverse()
    if not found:
        return carried, control.scan(body, carried, xs)[1]
    return carried, [value(ops.stack(list(ys), axis=0)) for ys in zip(*found, strict=True)]


def _where(counts: Value, a: Value, b: Value) -> Value:
    """a in the rows that count, b in the others."""
    rows = counts
    for _ in range(a.ndim - 1):
        rows = build.expand(rows, rows.ndim)
    return emit(Where(), rows, a, b)


def _is_zero(v: Value) -> bool:
    """Whether a value is known to be 0."""
    while v.node is not None and v.node.op.kind == "movement" and len(v.node.inputs) == 1:
        v = v.node.inputs[0]
    return v.node is not None and isinstance(v.node.op, Constant) and not v.node.op.array().any()
