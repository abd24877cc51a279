"""Recording of ops into a graph.

`emit(op, *values)` applies the op's shape rule and appends a node to the graph being traced. Tracing is per thread; a nested trace
(a loss inside a model, a sub-program) has a graph of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .dims import Dim, Shape, symbol
from .ir import Graph, Node, Value

if TYPE_CHECKING:
    from .ops.base import Op


class Tracer:
    """The graph under construction, the current value of every state and the layer path of what is being called."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.current: dict[Hashable, Value] = {}
        self.path: list[str] = []

    def input(self, shape: Shape, dtype: str, name: str = "") -> Value:
        """A new input of the graph."""
        v = Value(shape, dtype, name=name)
        self.graph.inputs.append(v)
        return v

    def read(self, key: Hashable, shape: Shape, dtype: str, name: str = "") -> Value:
        """The present value of a state; the first read declares it."""
        if key not in self.graph.states:
            self.graph.states[key] = self.current[key] = Value(shape, dtype, name=name)
        return self.current[key]

    def assign(self, key: Hashable, value: Value) -> None:
        """Later reads of the state give `value`; the last one is written when the step is done."""
        state = self.graph.states[key]
        if (state.shape, state.dtype) != (value.shape, value.dtype):
            raise ValueError(f"a state of {state.dtype}{state.shape} cannot take {value.dtype}{value.shape}")
        self.current[key] = value

    def finish(self, outputs: Sequence[Value]) -> Graph:
        """The finished graph."""
        self.graph.outputs = list(outputs)
        self.graph.updates = {k: v for k, v in self.current.items() if v is not self.graph.states[k]}
        return self.graph


def largest_plus_one(v: Value) -> Dim:
    """1 + the largest number of an integer input, as an extent that is known when a program is bound to its inputs.

    Raises:
        ValueError: v is computed, so that no number of it is known before the program runs.
    """
    tracer = active()
    if tracer is None:
        raise RuntimeError("an extent of data is asked for while nothing is traced")
    while v.node is not None and (v.node.op.kind == "movement" or type(v.node.op).__name__ == "Cast"):
        v = v.node.inputs[0]
    inputs = tracer.graph.inputs
    if v not in inputs:
        raise ValueError("the shape of a result depends on numbers that are computed inside the model")
    name = f"top{inputs.index(v)}"
    tracer.graph.data_extents[name] = v
    return symbol(name)


class _Stack(threading.local):
    def __init__(self) -> None:
        self.tracers: list[Tracer] = []


_stack = _Stack()


def active() -> Tracer | None:
    """The tracer in charge of this thread, or None."""
    return _stack.tracers[-1] if _stack.tracers else None


@contextmanager
def tracing(tracer: Tracer | None = None) -> Generator[Tracer, None, None]:
    """Ops called inside are recorded by `tracer` (a new one by default)."""
    tracer = tracer or Tracer()
    _stack.tracers.append(tracer)
    try:
        yield tracer
    finally:
        _stack.tracers.pop()


def emit(op: Op, *inputs: Value) -> Value:
    """Records an op of one output and gives that output."""
    return emit_all(op, *inputs)[0]


def emit_all(op: Op, *inputs: Value) -> tuple[Value, ...]:
    """Records an op and gives all its outputs."""
    tracer = active()
    if tracer is None:
        raise RuntimeError(f"{op.describe()} is recorded while nothing is traced")
    node = Node(op, inputs, tracer.path[-1] if tracer.path else "")
    specs = op.infer(*[(v.shape, v.dtype) for v in inputs])
    node.outputs = tuple(Value(shape, dtype, node, i) for i, (shape, dtype) in enumerate(specs))
    tracer.graph.nodes.append(node)
    return node.outputs


def trace(f: Callable[..., Sequence[Value]], specs: Sequence[tuple[Shape, str]]) -> Graph:
    """The graph of a function of values."""
    with tracing() as tracer:
        values = [tracer.input(shape, dtype) for shape, dtype in specs]
        return tracer.finish(f(*values))
