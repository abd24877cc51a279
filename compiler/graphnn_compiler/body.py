"""Sub-programs: what control-flow ops run. A body is a graph without states; what it takes from around it are its last inputs.

    w = state                                     w = state
    scan(lambda h, x: tanh(h @ w + x), ...)   ->  Scan(body)(h0, xs, w)    body: graph(h, x, w) -> tanh(h @ w + x)
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from .dims import evaluate
from .ir import Graph, Node, Value
from .states import State
from .trace import Tracer, active, emit_all, tracing

if TYPE_CHECKING:
    from .ops.base import Array, Spec  # ops know bodies

ROOTS = ("constant", "iota", "extent")  # kinds of ops without inputs


@dataclass(frozen=True, eq=False)
class Body:
    """A graph that an op runs. `env`: numbers of symbols, where the op is bound to numbers."""

    graph: Graph
    env: Mapping[str, int] = field(default_factory=dict[str, int])

    def bound(self, env: Mapping[str, int]) -> Body:
        """The body for given numbers of symbols."""
        return Body(self.graph, env)

    def __call__(self, *arrays: Array) -> list[Array]:
        """The outputs by NumPy."""
        from .interpret import interpret  # the interpreter knows the ops, and an op knows bodies

        return interpret(self.graph, arrays, {}, self.env)[0]

    @property
    def outputs(self) -> list[Spec]:
        """Shapes and dtypes of the outputs."""
        return [(v.shape, v.dtype) for v in self.graph.outputs]

    def output_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the outputs in numbers."""
        return [tuple(evaluate(d, self.env) for d in v.shape) for v in self.graph.outputs]

    def check(self, specs: Sequence[Spec]) -> None:
        """Raises ValueError where inputs of these shapes and dtypes do not fit."""
        own = [(v.shape, v.dtype) for v in self.graph.inputs]
        if own != list(specs):
            raise ValueError(f"a body with inputs {own} was given {list(specs)}")

    def __repr__(self) -> str:
        return f"body of {len(self.graph.nodes)} operations"


def record(nodes: Sequence[Node], known: dict[Value, Value]) -> None:
    """Records nodes once more, in the active trace; `known` says where their inputs are there, and takes their outputs."""
    tracer = active()
    assert tracer is not None
    path = tracer.path
    for node in nodes:
        tracer.path = [node.origin] if node.origin else path
        known.update(zip(node.outputs, emit_all(node.op, *(known.get(v, v) for v in node.inputs)), strict=True))
    tracer.path = path


@dataclass
class Captured:
    """A traced function of values: its graph, the values around it that it reads, and the states that it assigns.

    The graph's inputs are those of the function, the present values of assigned states, and what is read; its outputs those of
    the function and the new values of assigned states.
    """

    graph: Graph
    assigned: list[Hashable]
    consts: list[Value]


def capture(f: Callable[..., Sequence[Value]], specs: Sequence[Spec], assigned: Sequence[Hashable] = ()) -> Captured:
    """Traces a function inside the active trace.

    Args:
        f: takes values, gives values.
        specs: shapes and dtypes of its arguments.
        assigned: states that count as assigned, whether the function assigns them or not.
    """
    outer = active()
    if outer is None:
        raise RuntimeError("a body is traced while nothing is traced")
    inner = Tracer()
    inner.path = outer.path[-1:]
    with tracing(inner):
        values = [inner.input(shape, dtype) for shape, dtype in specs]
        outputs = list(f(*values))
        for key in assigned:
            if key not in inner.graph.states:
                inner.read(key, *state_spec(key))
    graph = inner.finish(outputs)
    if graph.data_extents:
        raise ValueError("the shape of a result inside a body depends on numbers of its inputs")
    keys = list(dict.fromkeys([*assigned, *graph.updates]))
    graph.inputs += [graph.states[k] for k in keys]
    graph.outputs += [graph.updates.get(k, graph.states[k]) for k in keys]
    consts: list[Value] = []
    for key, state in graph.states.items():
        if key not in keys:
            consts.append(outer.read(key, state.shape, state.dtype, state.name))
            graph.inputs.append(state)
    graph.states, graph.updates = {}, {}
    _close(graph, consts)
    return Captured(graph, keys, consts)


def state_spec(key: Hashable) -> Spec:
    """Shape and dtype of a state."""
    array = cast(State, key).array
    return array.shape, array.dtype.name


def _close(graph: Graph, consts: list[Value]) -> None:
    """Makes inputs of values from around the graph; what is made of no input at all is made again inside."""
    own = {*graph.inputs, *(v for n in graph.nodes for v in n.outputs)}
    inside: dict[Value, Value] = {}
    again = Tracer()

    def here(v: Value) -> Value:
        if v in own:
            return v
        if v not in inside:
            chain = _rootless(v)
            if chain is None:
                inside[v] = Value(v.shape, v.dtype, name=v.name)
                graph.inputs.append(inside[v])
                consts.append(v)
            else:
                with tracing(again):
                    record([n for n in chain if n.outputs[0] not in inside], inside)
        return inside[v]

    for node in graph.nodes:
        node.inputs = tuple(here(v) for v in node.inputs)
    graph.outputs = [here(v) for v in graph.outputs]
    graph.nodes[:0] = again.graph.nodes


def _rootless(v: Value) -> list[Node] | None:
    """The nodes behind a value that movement ops make of a constant or the like, in order; None for any other value."""
    chain: list[Node] = []
    while v.node is not None and v.node.op.kind == "movement" and len(v.node.inputs) == 1:
        chain.append(v.node)
        v = v.node.inputs[0]
    if v.node is None or v.node.op.kind not in ROOTS:
        return None
    return [v.node, *reversed(chain)]
