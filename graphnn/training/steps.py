"""The compiled steps of a model: forward, loss, gradients, the optimizer's update and metrics traced into one graph.

A step is traced once for a layout of the data (structure, dtypes, row shapes; the number of rows stays symbolic, and so do extents that
are None in the model's inputs) and run by the compiler for many batches at a time.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from graphnn_compiler.apart import rows_apart
from graphnn_compiler.dims import ConcreteExtentNeeded, Dim, Extent, Shape, evaluate, symbol, symbols_of
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.interpret import bind_symbols
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.index import IndexOutOfRange
from graphnn_compiler.report import Report
from graphnn_compiler.runtime.fork import own_lock
from graphnn_compiler.trace import Tracer, tracing

from .. import tree
from ..config import floatx
from ..dispatch import value
from ..front import Front, Texts
from ..layers.calling import epoch
from ..tensor import BATCH, Array
from ..texts import TextError
from ..utils.packing import pack_x_y_sample_weight
from ..variable import Variable
from . import checks
from .blocks import Blocks
from .hints import check_step
from .layout import Layout
from .pace import Pace
from .watch import FinitenessWatch

JOBS = ("train", "test", "predict")


class Step:
    """A traced job of a model for one layout of the data.

    Attributes:
        executable: what runs it.
        front: what is done to texts before, None without texts.
        results: the structure of what the job gives, with the numbers of outputs in it.
        narrowed: the arrays whose numbers must be looked at before an integer input takes them, as `checks.narrowed` gives them.
        targets: for each output with a loss (number of the array with its targets, loss, shape of the predictions, name).
    """

    def __init__(self, model: Any, job: str, layout: Layout, shapes: Sequence[Shape], watch: FinitenessWatch | None):
        self.layout, self.watch, self.epoch = layout, watch, epoch()
        self.paces: dict[int, Pace] = {}
        method = {"train": model.train_step, "test": model.test_step, "predict": model.predict_step}[job]
        check_step(method, type(model).__name__)
        tracer = Tracer()
        with tracing(tracer):
            front = Front(tracer)
            inputs = [
                front.input(shape, dtype, name)
                for shape, (dtype, _), name in zip(shapes, layout.specs, layout.names, strict=True)
            ]
            wide = checks.wide_inputs(model, layout)
            data = layout.fill([_floats(v, keep=i in wide) for i, v in enumerate(inputs)])
            found = method(data if data[2] is not None else pack_x_y_sample_weight(*data))
            if job != "predict":
                found = _logs(found, job, model)
            outputs: list[Value] = []
            self.results = _places(found, outputs)
            if watch is not None:
                watch.guard(tracer, found, model)
            graph = tracer.finish(outputs)
        self.inputs = inputs
        self.front = front.ready()
        self.names = layout.names if self.front is None else front.names(layout.names)
        self.apart = job == "predict" and not model.run_eagerly and rows_apart(graph, symbol(BATCH))
        self.executable = Executable(graph, eager=bool(model.run_eagerly), job=f"{job} step of {model.name}")
        self.blocks = Blocks(self.executable)
        self.shapes = [v.shape for v in outputs]
        self.dtypes = [v.dtype for v in outputs]
        # These may share memory with a weight or an input.
        self.shared = [i for i, v in enumerate(outputs) if v.node is None or v.node.op.kind in ("movement", "constant")]
        self.targets = checks.targets_of(model, layout) if job != "predict" else []
        self.narrowed = checks.narrowed(model, layout)

    def pace(self, batch: int) -> Pace:
        """The pace of batches of a size."""
        found = self.paces.get(batch)
        if found is None:
            if len(self.paces) > 64:
                self.paces.clear()
            found = self.paces[batch] = Pace()
        return found

    def run(self, inputs: Sequence[Array | Rows], steps: int = 1, outputs: Sequence[Array] | None = None) -> list[Array]:
        """Runs some steps; an index of the data that is out of range names the targets where it is one of theirs."""
        numbers, n = self.numbers(inputs, steps), steps
        if outputs is not None and self.apart:
            numbers, n = self.blocks.cut(numbers, steps)
        try:
            found = self.executable.run(numbers, n, outputs)
        except IndexOutOfRange as error:
            self._blame(inputs, steps)
            raise self._located(error, inputs, steps, numbers, n) from None
        if outputs is None:
            for i in self.shared:
                found[i] = np.array(found[i])
        return found

    def numbers(self, inputs: Sequence[Array | Rows], steps: int) -> Sequence[Array | Rows]:
        """The inputs of the program: numbers, those made of texts behind the others."""
        return inputs if self.front is None else self.front(inputs, steps)

    def by_batches(self, arrays: Sequence[Array], batch: int) -> list[Array] | None:
        """The outputs for many rows, of a step that serves any number; None where that may take too long for one native call."""
        rows, pace = len(arrays[0]), self.pace(batch)
        steps = rows // batch
        if pace.next() < steps:
            return None
        shapes = self.output_shapes([a.shape for a in arrays])
        found = [np.empty((rows, *trailing), d) for (_, *trailing), d in zip(shapes, self.dtypes, strict=True)]
        start = time.perf_counter()
        self.run([Rows(a, batch) for a in arrays], steps, found)
        pace.took(steps, time.perf_counter() - start)
        if rows % batch:
            for whole, rest in zip(found, self.run([a[steps * batch :] for a in arrays]), strict=True):
                whole[steps * batch :] = rest
        return found

    def _blame(self, inputs: Sequence[Array | Rows], steps: int) -> None:
        """Raises the error of a bad class number where there is one among the targets."""
        for place, loss, shape, name in self.targets:
            given = inputs[place]
            rows = np.concatenate([given.at(s) for s in range(steps)]) if isinstance(given, Rows) else given
            try:
                checks.check_target(loss, rows, shape, name)
            except ValueError as better:
                raise better from None

    def _located(
        self, error: IndexOutOfRange, inputs: Sequence[Array | Rows], steps: int, numbers: Sequence[Array | Rows], n: int
    ) -> Exception:
        """The error with the row of the data that has the bad number, where it is in the data as it is, or in what texts became."""
        places = range(len(inputs)) if self.front is None else self.front.places()
        for name, place, made in zip(self.names, places, numbers, strict=True):
            x = inputs[place]
            rows = np.arange(len(x)) if not isinstance(x, Rows) else np.arange(x.first, x.first + steps * x.batch)
            if isinstance(x, Rows) and x.order is not None:
                rows = x.order[rows]
            part = np.concatenate([made.at(s) for s in range(n)]) if isinstance(made, Rows) else made
            bad = np.flatnonzero(part == error.value)
            if bad.size and part.dtype.kind in "iuf" and len(part) == len(rows):
                row = rows[bad[0] * len(rows) // part.size]
                more = f". It is in row {row} of {name}"
                return IndexOutOfRange(error.value, error.position, error.limit, error.where, more)
        return error

    def report(self) -> Report:
        """What was compiled, and what runs before it."""
        found = self.executable.report()
        return found if self.front is None else replace(found, before=self.front.describe(self.layout.names))

    def check(self, found: Sequence[Any]) -> None:
        """Refuses data that integer inputs cannot hold; `found` are columns, or arrays ready for `run`."""
        if self.narrowed:
            checks.check_narrowed(self.narrowed, found, self.layout.names)

    def fill(self, arrays: Sequence[Any]) -> Any:
        """The structure of the results with arrays in it."""
        if isinstance(self.results, Place):
            return arrays[self.results.index]

        def array(p: Any) -> Any:
            return arrays[p.index] if isinstance(p, Place) else p

        return tree.map_structure(array, self.results)

    def logs(self, arrays: Sequence[Array]) -> dict[str, Any]:
        """The results of a train or test step as numbers by name."""
        return {k: _number(arrays[p.index]) if isinstance(p, Place) else p for k, p in self.results.items()}

    def output_shapes(self, shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """The shapes of the outputs for inputs of some shapes."""
        env = bind_symbols(self.inputs, shapes)
        return [tuple(evaluate(d, env) for d in s) for s in self.shapes]

    @property
    def general(self) -> bool:
        """Whether the step serves any number of rows."""
        return all(v.shape and isinstance(v.shape[0], Dim) for v in self.inputs)

    @property
    def by_rows(self) -> bool:
        """Whether every output has the rows of the batch in front, so that batches can be written one behind the other."""
        known = {n for v in self.inputs for d in v.shape for n in symbols_of(d)}  # the length of texts is not
        return all(s and s[0] == symbol(BATCH) and all(known >= symbols_of(d) for d in s[1:]) for s in self.shapes)


class Place:
    """The place of an output of the graph in the structure of the results."""

    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


def _floats(v: Value, keep: bool) -> Value:
    """Floats in the default float dtype, as Keras hands data to a model; an input of float64 keeps its digits."""
    return v if keep or not v.dtype.startswith("float") or v.dtype == floatx() else value(v, floatx())


def _number(a: Any) -> Any:
    return a.item() if a.ndim == 0 else a.copy()


def _logs(found: Any, job: str, model: Any) -> dict[str, Any]:
    """What a step returned, flat and in the order of names."""
    if not tree.is_dict(found):
        raise TypeError(
            f"{type(model).__name__}.{job}_step must return a dictionary of names and numbers. Received: {type(found).__name__}"
        )
    flat: dict[str, Any] = {}
    for k, v in found.items():
        flat.update(_logs(v, job, model) if tree.is_dict(v) else {str(k): v})
    return {k: flat[k] for k in sorted(flat)}


def _places(found: Any, outputs: list[Value]) -> Any:
    """The structure with a `Place` for each value; numbers and None stay."""

    def place(x: Any) -> Any:
        if isinstance(x, Texts):
            raise TextError("the result of a step must be numbers, but it is texts (a tensor of dtype string)")
        if isinstance(x, Variable):
            x = x.value
        elif isinstance(x, np.ndarray | np.generic):
            x = value(x)
        if isinstance(x, Value):
            outputs.append(x)
            return Place(len(outputs) - 1)
        return x

    return tree.map_structure(place, found)


def symbolic_shapes(model: Any, layout: Layout) -> list[Shape]:
    """Shapes of the arrays with the rows, and what is None in the model's inputs and outputs, symbolic."""
    batch = symbol(BATCH)
    shapes: list[list[Extent]] = [[batch, *trailing] for _, trailing in layout.specs]
    for place, tensor in checks.symbolic_leaves(model, layout):
        mine = shapes[place]
        for axis in range(1, min(len(mine), tensor.ndim)):
            if isinstance(tensor.dims[axis], Dim):
                mine[axis] = tensor.dims[axis]
    return [tuple(s) for s in shapes]


class Steps:
    """The steps of a model that were traced so far. A copy of the model starts without."""

    def __init__(self) -> None:
        self._for: dict[Hashable, Step] = {}  # by layout: quick
        self._kept: dict[Hashable, tuple[str, Step]] = {}  # by symbolic shapes: one for all lengths
        self._exact: set[Hashable] = set()  # what asked for the numbers of its extents
        self._lock = own_lock(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Steps:
        return Steps()

    def get(self, model: Any, job: str, layout: Layout, rows: int, watch: FinitenessWatch | None = None) -> Step:
        """The step for a layout, traced if there is none.

        Args:
            model: the model.
            job: train, test or predict.
            layout: of the data.
            rows: of the batch that comes; they matter only where the trace asks for numbers.
            watch: refuses updates that are not finite.
        """
        start = (job, watch is not None, model.run_eagerly)
        subject = _subject(model, job)
        for n in (0, rows):
            found = self._for.get((start, subject, layout, n))
            if found is not None and found.epoch == epoch():
                return found
        with self._lock:
            return self._traced(model, job, layout, rows, watch, start)

    def named(self) -> list[tuple[str, Step]]:
        """The steps with the name of their job, numbered where there are several."""
        found: list[tuple[str, Step]] = []
        for job, step in list(self._kept.values()):
            n = sum(name.split(" ")[0] == job for name, _ in found)
            found.append((f"{job} {n + 1}" if n else job, step))
        return found

    def _traced(self, model: Any, job: str, layout: Layout, rows: int, watch: FinitenessWatch | None, start: Hashable) -> Step:
        if len(self._for) > 256 or len(self._kept) > 64:
            self._for.clear()
            self._kept.clear()
        shapes = symbolic_shapes(model, layout)
        step, n = None, 0
        if (start, layout) not in self._exact:
            try:
                step = self._one(model, job, layout, shapes, watch, start)
            except ConcreteExtentNeeded:
                self._exact.add((start, layout))
        if step is None:
            n = rows
            shapes = [(rows, *trailing) for _, trailing in layout.specs]
            try:
                step = self._one(model, job, layout, shapes, watch, start)
            except ConcreteExtentNeeded as error:
                raise TypeError(f"the {job} step of model {model.name!r} could not be traced: {error}") from error
        self._for[(start, _subject(model, job), layout, n)] = step
        return step

    def _one(
        self, model: Any, job: str, layout: Layout, shapes: Sequence[Shape], watch: FinitenessWatch | None, start: Hashable
    ) -> Step:
        look = (start, layout.key, tuple([d for d, _ in layout.specs]), tuple(shapes))
        _, found = self._kept.get((look, _subject(model, job)), ("", None))
        if found is not None and found.epoch == epoch():
            return found
        step = Step(model, job, layout, shapes, watch)
        # The trace may have built layers, which changes the subject and the epoch.
        step.epoch = epoch()
        self._kept[(look, _subject(model, job))] = (job, step)
        return step


def _subject(model: Any, job: str) -> Hashable:
    """What a step depends on besides the layout: which variables are trained, and by whom."""
    if job != "train":
        return None
    variables = model._compiled.fact("trained", lambda: tuple([id(v) for v in model.trainable_variables]))
    return (id(model.optimizer), variables)
