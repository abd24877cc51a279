"""The DAG of layers: operations, their calls (nodes), and what a call on symbolic tensors gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, islice, permutations, product
from typing import Any

from graphnn_compiler.dims import ConcreteExtentNeeded, Dim, Shape, evaluate, symbol, symbols_of
from graphnn_compiler.ir import Value
from graphnn_compiler.trace import Tracer, tracing

from . import context, naming, tree
from .front import Front, Texts
from .tensor import BATCH, KerasHistory, KerasTensor


class Node:
    """One call of an operation on symbolic tensors."""

    __slots__ = ("operation", "args", "kwargs", "input_tensors", "output_tensors", "outputs")

    def __init__(self, operation: Operation, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any):
        self.operation, self.args, self.kwargs, self.outputs = operation, args, kwargs, outputs
        self.input_tensors: list[KerasTensor] = [x for x in tree.flatten([args, kwargs]) if isinstance(x, KerasTensor)]
        self.output_tensors: list[KerasTensor] = [x for x in tree.flatten(outputs) if isinstance(x, KerasTensor)]
        operation.nodes.append(self)
        for i, x in enumerate(self.output_tensors):
            x.history = KerasHistory(operation, len(operation.nodes) - 1, i)

    @property
    def is_input(self) -> bool:
        """True for the node of an `Input`."""
        return not self.input_tensors

    @property
    def parents(self) -> list[Node]:
        """The nodes that make the inputs, each once."""
        found: dict[int, Node] = {}
        for x in self.input_tensors:
            operation, index, _ = x.history
            node = operation.nodes[index]
            found[id(node)] = node
        return list(found.values())

    def filled(self, tensors: dict[int, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with `tensors[id(symbolic)]` in the place of symbolic tensors."""

        def number(x: Any) -> Any:
            return tensors[id(x)] if isinstance(x, KerasTensor) else x

        return tree.map_structure(number, self.args), tree.map_structure(number, self.kwargs)


class Operation:
    """Anything with a name that can be called on symbolic tensors: layers and ops.

    Args:
        name: by default made of the class name.
    """

    def __init__(self, name: str | None = None):
        if name is None:
            name = naming.auto_name(type(self).__name__)
        if not isinstance(name, str) or "/" in name:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name} (of type {type(name)})"
            )
        self.name = name
        self._inbound_nodes: list[Node] = []

    @property
    def nodes(self) -> list[Node]:
        """Its calls on symbolic tensors, in order."""
        return self._inbound_nodes

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """The maths of the operation."""
        raise NotImplementedError(f"{type(self).__name__} has no `call`")

    def _first_node(self, side: str) -> Node:
        if not self.nodes:
            raise AttributeError(f"The layer {self.name} has never been called and thus has no defined {side}.")
        return self.nodes[0]

    @property
    def input(self) -> Any:
        """The symbolic inputs of its first call."""
        node = self._first_node("input")
        if node.is_input:
            return node.outputs
        return node.input_tensors[0] if len(node.input_tensors) == 1 else node.input_tensors

    @property
    def output(self) -> Any:
        """The symbolic outputs of its first call."""
        return self._first_node("output").outputs

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


def symbolic_outputs(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """What a function gives for symbolic tensors: the same structure with `KerasTensor`s, found by tracing it on values.

    Where the code asks for the number of an unknown extent it is traced with two sets of numbers; what differs is unknown. Where
    the code fails on any numbers, as in a sum of shapes (n, 4) and (3, 4), unknown extents are those of other tensors' same axes.
    """
    tensors = list({id(x): x for x in tree.flatten([args, kwargs]) if isinstance(x, KerasTensor)}.values())
    try:
        specs, masks = _traced(function, args, kwargs, tensors, [x.dims for x in tensors])
    except ConcreteExtentNeeded:
        names = sorted({s for x in tensors for d in x.dims for s in symbols_of(d)})
        if not names:
            raise

        def trace(env: dict[str, int]) -> tuple[Any, list[Any]]:
            return _traced(function, args, kwargs, tensors, [_numbers(x.dims, env) for x in tensors])

        failure: ValueError | None = None
        for fixed in _equal_extents(tensors, names):
            try:
                first, second, a, b, masks = _probed(names, fixed, trace)
            except ValueError as e:
                failure = failure or e
                continue
            break
        else:
            assert failure is not None
            raise failure from None

        def joined(u: Any, v: Any) -> Any:
            return _joined(u, v, first, second)

        specs = tree.map_structure(joined, a, b)

    def symbolic(spec: Any) -> Any:
        return KerasTensor(spec.shape, spec.dtype) if isinstance(spec, Spec) else spec

    out = tree.map_structure(symbolic, specs)
    for x, mask in zip(tree.flatten(out), masks, strict=True):
        if isinstance(x, KerasTensor) and mask is not None:
            x.mask = KerasTensor(tuple(None if isinstance(d, Dim) else d for d in mask.shape), mask.dtype)
    return out


def _equal_extents(tensors: list[KerasTensor], names: list[str]) -> Iterator[dict[str, int]]:
    """Which unknown extents are those that other tensors have on the same axis: first none, then as few as possible."""
    choices: dict[str, set[int]] = {n: set() for n in names}
    for x, y in permutations(tensors, 2):
        for sign in (1, -1):  # axes are counted from the front in a join, from the end in a broadcast
            for d, e in zip(x.dims[::sign], y.dims[::sign], strict=False):
                for n in symbols_of(d):
                    if isinstance(e, int):
                        choices[n].add(e)
    unknown = [n for n in names if choices[n]]
    for count in range(len(unknown) + 1):
        for some in combinations(unknown, count):
            for numbers in islice(product(*(sorted(choices[n]) for n in some)), 64):
                yield dict(zip(some, numbers, strict=True))


def _probed(names: list[str], fixed: dict[str, int], trace: Callable[[dict[str, int]], tuple[Any, list[Any]]]) -> tuple[Any, ...]:
    """Two sets of numbers for unknown extents and what `trace` gives for them: small ones, and where those do not do (an axis that
    shall be split into equal parts) ones with many divisors.
    """

    def probe(pair: tuple[int, int], other: int) -> tuple[Any, ...]:
        first, second = ({n: k if n == BATCH else k + other for n in names} | fixed for k in pair)
        (a, masks), (b, _) = trace(first), trace(second)
        return first, second, a, b, masks

    try:
        return probe((5, 7), 59)
    except ValueError as error:
        try:
            return probe((5040, 7560), 2520)
        except ValueError:
            raise error from None


class Spec:
    """Shape and dtype of a traced result (a leaf of structures, unlike a tuple)."""

    __slots__ = ("shape", "dtype")

    def __init__(self, shape: Shape, dtype: str):
        self.shape, self.dtype = shape, dtype


def _numbers(dims: Shape, env: dict[str, int]) -> Shape:
    return tuple(evaluate(d, env) for d in dims)


def _joined(a: Any, b: Any, first: dict[str, int], second: dict[str, int]) -> Any:
    if not isinstance(a, Spec):
        return a
    known = {(first[n], second[n]): symbol(n) for n in reversed(first)}
    shape = tuple(m if m == n else known.get((m, n)) for m, n in zip(a.shape, b.shape, strict=True))  # type: ignore[index]
    return Spec(shape, a.dtype)  # type: ignore[arg-type]


def _traced(function: Any, args: Any, kwargs: Any, tensors: list[KerasTensor], shapes: list[Shape]) -> tuple[Any, list[Any]]:
    tracer = Tracer()
    with tracing(tracer):
        front = Front(tracer)
        values = {id(x): front.input(s, x.dtype) for x, s in zip(tensors, shapes, strict=True)}
        beside = context.collected(tracer)
        for x, s in zip(tensors, shapes, strict=True):
            mask = x.mask
            if mask is not None:
                beside.masks[values[id(x)]] = tracer.input(s[: mask.ndim], mask.dtype)

        def number(x: Any) -> Any:
            return values[id(x)] if isinstance(x, KerasTensor) else x

        result = function(*tree.map_structure(number, args), **tree.map_structure(number, kwargs))
        masks: list[Any] = []

        def spec(x: Any) -> Any:
            v = getattr(x, "value", x) if not isinstance(x, Value) and hasattr(x, "assign") else x
            masks.append(beside.masks.get(v) if isinstance(v, Value) else None)
            if isinstance(v, Value | Texts):
                return Spec(v.shape, v.dtype)
            if hasattr(v, "__array__"):
                from .dispatch import value as as_value

                v = as_value(v)
                return Spec(v.shape, v.dtype)
            return v

        return tree.map_structure(spec, result), masks
