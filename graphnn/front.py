"""Texts in models. They never enter the compiler: layers that make numbers of texts do so in Python, in front of a compiled program.

While a model is traced, an input of dtype "string" is a `Texts`, a shape without numbers. A layer that takes texts asks it for numbers
(`Texts.numbered`): that adds an input to the program, and a call of the layer to the `Front` of the program, which makes that input of the
texts of each batch before the program runs. Ops that only move elements give `Texts` again; all others raise a TypeError. So texts work
wherever programs are traced: in the steps of `fit`, in calls on arrays, in the DAG of layers, in code of users.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

import numpy as np
from graphnn_compiler.apart import rows_apart
from graphnn_compiler.dims import Dim, Shape, symbol, symbols_of
from graphnn_compiler.executable import Rows
from graphnn_compiler.interpret import bind_symbols, interpret
from graphnn_compiler.ir import Graph, Value
from graphnn_compiler.trace import Tracer, active, tracing

from . import tree
from .context import collected
from .tensor import Array, KerasTensor, Operators
from .texts import STRING, TextError, TextRows, decoded, text_rows

TABLE = 256 << 20  # bytes of numbers up to which those of a data set are kept from epoch to epoch
# The ops that texts may go through.
MOVES = frozenset(
    "broadcast_to concatenate expand_dims get_item moveaxis ravel reshape split squeeze stack swapaxes transpose unstack".split()
)


_lengths = count()


def new_length() -> Dim:
    """A new symbol for the number of words in the longest text of a batch."""
    return symbol(f"words{next(_lengths)}")


# ---- texts in a trace


def holds_texts(x: Any) -> bool:
    """Whether x is texts: in a trace, symbolic, or data."""
    return x.dtype == STRING if isinstance(x, KerasTensor | Texts | Value) else text_rows(x) is not None


class Texts(Operators):
    """Texts inside a trace: those of an input, or what an op that moves elements makes of some.

    Attributes:
        front: of the trace.
        shape: its extents.
        places: the numbers of the inputs of the traced function that they are, or are made of.
    """

    __array_ufunc__ = None
    dtype = STRING

    def __init__(self, front: Front, shape: Shape, places: Sequence[int], made: tuple[Graph, Sequence[Texts], int] | None = None):
        self.front, self.shape, self.places, self._made = front, shape, places, made

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<texts of shape {self.shape}>"

    def numbered(self, layer: Any) -> Value:
        """The integers that a layer makes of these texts, as an input of the program."""
        return self.front.call(layer, self)

    def of(self, rows: Callable[[int], Array]) -> Array:
        """The texts as data, from those of the inputs."""
        given = [rows(p) for p in self.places]
        if self._made is None:
            return given[0].view(np.ndarray)
        graph, sources, i = self._made
        extents = bind_symbols([self.front.inputs[p] for p in self.places], [a.shape for a in given])  # pyright: ignore[reportArgumentType]
        return interpret(graph, [s.of(rows) for s in sources], {}, extents)[0][i]

    def by_rows(self) -> bool:
        """Whether each row is made of the same row of an input."""
        if self._made is None:
            return True
        graph, sources, _ = self._made
        return all(s.by_rows() for s in sources) and rows_apart(graph, self.shape[0])


def moved(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A public op on texts.

    Args:
        function: the body of the op.
        args, kwargs: its arguments, with `Texts` among them.

    Raises:
        TextError: the op does more than to move elements.
    """
    name, leaves = function.__name__.strip("_"), tree.flatten([args, kwargs])
    sources = list({id(x): x for x in leaves if isinstance(x, Texts)}.values())
    if name not in MOVES or any(isinstance(x, Value) for x in leaves):
        raise refusal(f"ops.{name}")
    tracer = Tracer()
    with tracing(tracer):  # it moves bytes, in a graph of its own
        values = {id(x): tracer.input(x.shape, "int8") for x in sources}

        def stand_in(x: Any) -> Any:
            return values.get(id(x), x)

        found = function(*tree.map_structure(stand_in, args), **tree.map_structure(stand_in, kwargs))
        outputs: list[Value] = tree.flatten(found)
        graph = tracer.finish(outputs)
    if any(node.op.kind != "movement" for node in graph.nodes):
        raise refusal(f"ops.{name} with these arguments")
    places = sorted({p for s in sources for p in s.places})
    texts = [Texts(sources[0].front, v.shape, places, (graph, sources, i)) for i, v in enumerate(outputs)]
    return tree.pack_sequence_as(found, texts)


def refusal(what: str = "") -> TextError:
    """The error of an op on texts that needs numbers; it names the layer in whose call that happens."""
    tracer = active()
    layer = f"layer {tracer.path[-1]!r}" if tracer is not None and tracer.path else ""
    who = " in ".join([w for w in (what, layer) if w]) or "an op"
    return TextError(
        f"{who} works on numbers, but was given texts (a tensor of dtype string). TextVectorization, StringLookup and Hashing make "
        "numbers of texts"
    )


# ---- in front of a program


class Call:
    """A call of a layer on texts; `value` is the input of the program that takes its numbers."""

    def __init__(self, layer: Any, texts: Texts, value: Value):
        self.layer, self.texts, self.value = layer, texts, value
        same = value.shape[:1] == texts.front.inputs[texts.places[0]].shape[:1]
        extents = all(isinstance(n, int) for n in value.shape[1:])
        # Whether a row of numbers depends on the same row of texts alone, so that it may be made at any time, with any others.
        self.by_rows = bool(value.shape) and same and extents and layer.each_text_alone and texts.by_rows()

    def numbers(self, rows: Callable[[int], Array]) -> Array:
        """The numbers for some rows of the inputs."""
        try:
            return np.ascontiguousarray(self.layer.ids_of(decoded(self.texts.of(rows), self.layer.encoding)), "int64")
        except Exception as e:
            e.add_note(f"in front of the compiled program, in layer {self.layer.name!r} (of type {type(self.layer).__name__})")
            raise

    def all_rows(self, inputs: Sequence[Array | Rows], steps: int) -> Rows:
        """The numbers for the rows of some steps; where there is memory for all, no row's are made twice."""
        first = inputs[self.texts.places[0]]
        assert isinstance(first, Rows) and isinstance(first.array, TextRows)
        chosen: Array = np.arange(first.first, first.first + steps * first.batch)
        if first.order is not None:
            chosen = first.order[chosen]
        n, trailing = len(first.array), [d for d in self.value.shape[1:] if isinstance(d, int)]  # all of them

        def part(where: Array) -> Array:
            def rows(place: int) -> Array:
                x: Any = inputs[place]
                return x.array[where]

            return self.numbers(rows)

        if 8 * n * math.prod(trailing) > TABLE:
            return Rows(part(chosen), first.batch)
        if self not in first.array.kept:
            first.array.kept[self] = np.empty((n, *trailing), "int64"), np.zeros(n, bool)
        table, done = first.array.kept[self]
        missing: Array = chosen[~done[chosen]]
        if missing.size:
            table[missing] = part(missing)
            done[missing] = True
        return Rows(table, first.batch, first.first, first.order)


class Front:
    """What is done in Python before a program runs: it turns what a function was given into the inputs of its program.

    Attributes:
        inputs: of the traced function: values, and `Texts` for those of dtype string.
        calls: the calls of layers on texts.
    """

    def __init__(self, tracer: Tracer):
        self.tracer = tracer
        self.inputs: list[Value | Texts] = []
        self.calls: list[Call] = []
        self._told: list[int] = []  # the texts whose shapes the program must be told

    def input(self, shape: Shape, dtype: str, name: str = "") -> Any:
        """The next input of the function."""
        x = Texts(self, shape, [len(self.inputs)]) if dtype == STRING else self.tracer.input(shape, dtype, name)
        self.inputs.append(x)
        return x

    def call(self, layer: Any, texts: Texts) -> Value:
        """The numbers that a layer makes of texts, as an input of the program."""
        for c in self.calls:
            if c.layer is layer and c.texts is texts:
                return c.value
        first = all(c.layer is not layer for c in self.calls)
        length = layer.length if first else new_length()
        self.calls.append(Call(layer, texts, self.tracer.input(layer.ids_shape(texts.shape, length), "int64")))
        return self.calls[-1].value

    def ready(self) -> Front | None:
        """Itself, where there are texts; called when all is traced.

        Raises:
            RuntimeError: a layer has to learn first.
        """
        known = _plain_symbols(self.tracer.graph.inputs)
        for i, x in enumerate(self.inputs):
            if isinstance(x, Texts) and not known >= _plain_symbols([x]):
                self.tracer.input((*x.shape, 0), "int8")  # no numbers, but extents that no other input has
                self._told.append(i)
        for layer in [c.layer for c in self.calls] + collected(self.tracer).unready:
            layer.check_ready()
        return self if any(isinstance(x, Texts) for x in self.inputs) else None

    @property
    def by_rows(self) -> bool:
        """Whether several batches may be prepared together."""
        return not self._told and all(c.by_rows for c in self.calls)

    def names(self, names: Sequence[str]) -> list[str]:
        """What the inputs of the program are called, where those of the function are called `names`."""
        plain = [n for n, x in zip(names, self.inputs, strict=True) if not isinstance(x, Texts)]
        made = [f"{c.layer.name}({_given(c, names)})" for c in self.calls]
        return plain + made + [f"the shape of {names[i]}" for i in self._told]

    def places(self) -> list[int]:
        """For each input of the program, the number of the function's input that it is, or is made of."""
        plain = [i for i, x in enumerate(self.inputs) if not isinstance(x, Texts)]
        return plain + [c.texts.places[0] for c in self.calls] + self._told

    def describe(self, names: Sequence[str]) -> tuple[str, ...]:
        """The calls for reports, a line for each."""
        return tuple(f"{type(c.layer).__name__}({_given(c, names)}) in Python  {c.layer.name}" for c in self.calls)

    def __call__(self, inputs: Sequence[Array | Rows], steps: int = 1) -> list[Any]:
        """The inputs of the program for those of the function: arrays, or the rows of some steps."""

        def rows(place: int) -> Array:
            x = inputs[place]
            return x.at(0) if isinstance(x, Rows) else x

        found: list[Any] = [x for x, v in zip(inputs, self.inputs, strict=True) if not isinstance(v, Texts)]
        for c in self.calls:
            together = c.by_rows and isinstance(inputs[c.texts.places[0]], Rows)
            if not together and steps > 1:
                raise RuntimeError(f"the texts of {steps} batches cannot be prepared together")
            found.append(c.all_rows(inputs, steps) if together else c.numbers(rows))
        return found + [np.empty((*rows(i).shape, 0), "int8") for i in self._told]


def _given(call: Call, names: Sequence[str]) -> str:
    return ", ".join([names[p] for p in call.texts.places])


def _plain_symbols(inputs: Iterable[Value | Texts]) -> set[str]:
    """The symbols that stand alone as an extent."""
    alone = {d for x in inputs for d in x.shape if isinstance(d, Dim)}
    return {n for d in alone for n in symbols_of(d) if d == symbol(n)}
