"""The intermediate representation: values, nodes and graphs.

A `Graph` is a list of nodes in execution order. A node applies one op to values and makes values; a value knows its shape (extents
may be symbolic), its dtype and its node. Mutable things (weights, optimizer slots, random counters) are *states*: a graph reads
each once and assigns it at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from .dims import Shape, show

if TYPE_CHECKING:
    from .ops.base import Op


class Value:
    """One tensor of a graph: `shape`, `dtype`, the `node` that makes it (None for an input) and its place among that node's outputs."""

    __slots__ = ("shape", "dtype", "node", "index", "name", "__weakref__")

    def __init__(self, shape: Shape, dtype: str, node: Node | None = None, index: int = 0, name: str = ""):
        self.shape, self.dtype, self.node, self.index, self.name = shape, dtype, node, index, name

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<Value {self.dtype}{show(self.shape)}>"

    def __bool__(self) -> bool:
        raise TypeError(
            "a symbolic tensor has no truth value: the model is traced before any number is known. "
            "Use ops.where or ops.cond for a choice between values, or compile with run_eagerly=True to debug."
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("a symbolic tensor has no numbers; use graphnn.ops instead of numpy inside a model, or run_eagerly=True")

    def __iter__(self) -> Any:
        if not self.shape:
            raise TypeError("a symbolic tensor without axes cannot be iterated")
        n = self.shape[0]
        return (self[i] for i in range(int(n)))

    if TYPE_CHECKING:  # `build` gives values Python's operators, with promotion of dtypes

        def __add__(self, other: Any) -> Value: ...
        def __radd__(self, other: Any) -> Value: ...
        def __sub__(self, other: Any) -> Value: ...
        def __rsub__(self, other: Any) -> Value: ...
        def __mul__(self, other: Any) -> Value: ...
        def __rmul__(self, other: Any) -> Value: ...
        def __truediv__(self, other: Any) -> Value: ...
        def __rtruediv__(self, other: Any) -> Value: ...
        def __floordiv__(self, other: Any) -> Value: ...
        def __rfloordiv__(self, other: Any) -> Value: ...
        def __mod__(self, other: Any) -> Value: ...
        def __rmod__(self, other: Any) -> Value: ...
        def __pow__(self, other: Any) -> Value: ...
        def __rpow__(self, other: Any) -> Value: ...
        def __and__(self, other: Any) -> Value: ...
        def __rand__(self, other: Any) -> Value: ...
        def __or__(self, other: Any) -> Value: ...
        def __ror__(self, other: Any) -> Value: ...
        def __xor__(self, other: Any) -> Value: ...
        def __rxor__(self, other: Any) -> Value: ...
        def __lshift__(self, other: Any) -> Value: ...
        def __rlshift__(self, other: Any) -> Value: ...
        def __rshift__(self, other: Any) -> Value: ...
        def __rrshift__(self, other: Any) -> Value: ...
        def __matmul__(self, other: Any) -> Value: ...
        def __rmatmul__(self, other: Any) -> Value: ...
        def __lt__(self, other: Any) -> Value: ...
        def __le__(self, other: Any) -> Value: ...
        def __gt__(self, other: Any) -> Value: ...
        def __ge__(self, other: Any) -> Value: ...
        def equals(self, other: Any) -> Value: ...
        def __neg__(self) -> Value: ...
        def __abs__(self) -> Value: ...
        def __invert__(self) -> Value: ...
        def __getitem__(self, key: Any) -> Value: ...
        def __len__(self) -> int: ...


class Node:
    """One application of an op. `origin` is the path of the user's layer that asked for it."""

    __slots__ = ("op", "inputs", "outputs", "origin", "region")

    def __init__(self, op: Op, inputs: tuple[Value, ...], origin: str = ""):
        self.op, self.inputs, self.origin = op, inputs, origin
        self.outputs: tuple[Value, ...] = ()
        self.region: object = None  # of nodes that the backward pass computes again

    def __repr__(self) -> str:
        return f"<Node {self.op}>"


class Graph:
    """Inputs, states, nodes in order, outputs, and the new values of assigned states."""

    def __init__(self) -> None:
        self.inputs: list[Value] = []
        self.states: dict[Hashable, Value] = {}
        self.nodes: list[Node] = []
        self.outputs: list[Value] = []
        self.updates: dict[Hashable, Value] = {}
        self.data_extents: dict[str, Value] = {}  # symbols that are 1 + the largest number in an integer input

    def results(self) -> list[Value]:
        """Every value that must be computed: outputs, then new values of states."""
        return [*self.outputs, *self.updates.values()]

    def replace_results(self, f: Callable[[Value], Value]) -> None:
        """Sends outputs and updates through f."""
        self.outputs = [f(v) for v in self.outputs]
        self.updates = {k: f(v) for k, v in self.updates.items()}

    def users(self) -> dict[Value, list[Node]]:
        """For each value the nodes that read it."""
        found: dict[Value, list[Node]] = {}
        for node in self.nodes:
            for v in dict.fromkeys(node.inputs):
                found.setdefault(v, []).append(node)
        return found

    def names(self) -> dict[Value, str]:
        """Printable names: v0, v1, ... in order; no string of the user's is among them."""
        order: Iterable[Value] = [*self.inputs, *self.states.values(), *(v for n in self.nodes for v in n.outputs)]
        return {v: f"v{i}" for i, v in enumerate(order)}

    def __str__(self) -> str:
        """The graph as text, a line per node."""
        name = self.names()

        def typed(v: Value) -> str:
            return f"{name[v]}: {v.dtype}{show(v.shape)}"

        lines = ["graph(" + ", ".join(typed(v) for v in self.inputs) + ")"]
        lines += [f"  {typed(v)} = state" for v in self.states.values()]
        for node in self.nodes:
            left = ", ".join(typed(v) for v in node.outputs)
            lines.append(f"  {left} = {node.op.describe()}({', '.join(name[v] for v in node.inputs)})")
        for key, v in self.updates.items():
            lines.append(f"  {name[self.states[key]]} := {name[v]}")
        lines.append("  return " + ", ".join(name.get(v, "?") for v in self.outputs))
        return "\n".join(lines)
