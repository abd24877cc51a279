"""A traced graph made ready to run on arrays: the one door through which graphnn runs anything.

States are keyed by objects of class `State`.
"""

from __future__ import annotations

import ctypes
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import debug
from .dims import evaluate
from .interpret import bind_data, bind_symbols, first_not_finite, interpret
from .ir import Graph, Node
from .lowering.lower import Lowered, lower
from .ops.base import Array
from .ops.index import IndexOutOfRange, index_error
from .passes.pipeline import optimize
from .report import Report, report, sources
from .resting import Resting
from .runtime.context import KernelError
from .runtime.fork import own_lock
from .runtime.program import Mode, Program
from .runtime.team import threads
from .states import written

MAX_PROGRAMS = 32


@dataclass(frozen=True)
class Rows:
    """An input that walks through a data set: step s reads rows order[first + s*batch :][:batch] (order None: in place)."""

    array: Array
    batch: int
    first: int = 0
    order: Array | None = None

    def at(self, step: int) -> Array:
        """The rows of a step."""
        part = slice(self.first + step * self.batch, self.first + (step + 1) * self.batch)
        return self.array[part] if self.order is None else self.array[self.order[part]]


def _shape(x: Array | Rows) -> tuple[int, ...]:
    """The shape of an input of a step."""
    return (x.batch, *x.array.shape[1:]) if isinstance(x, Rows) else x.shape


def address(a: Any) -> int:
    """Where an array's numbers begin; `ctypes.data` takes five times as long."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(a))
    except (TypeError, ValueError):  # it cannot be written, or it is empty
        return a.ctypes.data


class Executable:
    """A graph and the programs bound to it, one for each combination of input shapes.

    Args:
        graph: the traced graph; it belongs to the executable from now on.
        eager: run op by op with NumPy, for debugging.
        job: what reports call it.
        final: the graph has been through all passes, and is a part of a graph for weights at rest.
    """

    def __init__(self, graph: Graph, *, eager: bool = False, job: str = "program", final: bool = False):
        self.graph, self.eager, self.job, self.final = graph, eager, job, final
        self._writes = bool(graph.updates) and not final
        self._resting = None if final or graph.updates or not graph.states else Resting(self._optimized, self._part)
        self.ran: Callable[[Program, int], None] | None = None  # told of each run: the program and how many steps
        self._last: tuple[Program, list[tuple[int, ...]], int] | None = None  # of single steps on arrays: shapes, threads
        self._lowered: Lowered | None = None
        self._programs: OrderedDict[Hashable, Program] = OrderedDict()
        self._lock = own_lock(self)
        self._dtypes = [np.dtype(v.dtype) for v in graph.inputs]

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """One step: gives the outputs, writes the states in place."""
        if self.eager:
            return self._interpret(inputs, 1, None)
        return self._run(inputs, 1, None)

    def run(self, inputs: Sequence[Array | Rows], steps: int, outputs: Sequence[Array] | None = None) -> list[Array]:
        """`steps` steps in one native call. Gives the outputs of the last step; with `outputs`, step s writes rows s*b .. s*b+b of each.

        Raises:
            IndexError: an index of the data is out of range; the states are as they were before that step.
        """
        if steps <= 0:
            return []
        return self._interpret(inputs, steps, outputs) if self.eager else self._run(inputs, steps, outputs)

    @property
    def lowered(self) -> Lowered:
        """The steps of the graph, for every size."""
        if self._lowered is None:
            with self._lock:
                if self._lowered is None:
                    self._lowered = self._lower()
        return self._lowered

    def _lower(self) -> Lowered:
        start = time.perf_counter()
        if debug.wanted(2):
            debug.show(2, f"{self.job} traced", str(self.graph))
        if not self.final:
            self.graph = optimize(self.graph, self._show_pass if debug.wanted(3) else None)
        lowered = lower(self.graph)
        if debug.wanted(4):
            debug.show(4, f"{self.job} kernels", sources(lowered))
        if debug.wanted(1):
            debug.show(1, f"{self.job} lowered", f"{len(lowered.steps)} kernel calls in {1e3 * (time.perf_counter() - start):.1f} ms")
        return lowered

    def _optimized(self) -> Graph:
        """The graph after all passes."""
        _ = self.lowered
        return self.graph

    def _part(self, graph: Graph, eager: bool) -> Executable:
        """A part of the graph for weights at rest."""
        return Executable(graph, job=self.job, final=True, eager=eager)

    def _show_pass(self, name: str, graph: Graph) -> None:
        debug.show(3, f"{self.job} after {name}", str(graph))

    def first_not_finite(self, inputs: Sequence[Array]) -> Node | None:
        """The node of a step on these inputs and the present states that first makes NaN, or infinity; found by interpreting it."""
        return first_not_finite(self.graph, inputs, {k: k.array for k in self.graph.states})  # type: ignore[attr-defined]

    def report(self) -> Report:
        """What was compiled; sizes and work space are those of the program used last."""
        form = self._resting.form if self._resting is not None else None
        if form is not None:
            return form.report()
        lowered = self.lowered
        last = next(reversed(self._programs.values()), None)
        if last is None:
            return report(self.job, self.graph, lowered, None, None, {})
        return report(self.job, self.graph, lowered, last.env, last.arena_bytes, last.lanes)

    def source(self) -> str:
        """The generated source of the kernels."""
        form = self._resting.form if self._resting is not None else None
        return form.source() if form is not None else sources(self.lowered)

    def program(self, shapes: Sequence[tuple[int, ...]], mode: Mode, data: Mapping[str, int] | None = None) -> Program:
        """The program bound to input shapes, and to the numbers of symbols that depend on data."""
        key = (tuple(shapes), mode, threads(), tuple(data.items()) if data else ())
        with self._lock:
            found = self._programs.get(key)
            if found is None:
                lowered = self.lowered
                found = Program(lowered, bind_symbols(self.graph.inputs, shapes) | dict(data or {}), mode, threads())
                self._programs[key] = found
                if len(self._programs) > MAX_PROGRAMS:
                    self._programs.popitem(last=False)
            else:
                self._programs.move_to_end(key)
        return found

    def _run(self, inputs: Sequence[Array | Rows], steps: int, outputs: Sequence[Array] | None) -> list[Array]:
        if self._resting is not None and self._resting.possible:
            form = self._resting.choose(steps, lambda: bind_symbols(self.graph.inputs, [_shape(x) for x in inputs]))
            if form is not None:
                return form._run(inputs, steps, outputs)
        if steps == 1 and outputs is None and self._last is not None:
            program, known, team = self._last
            if team == threads() and [getattr(x, "shape", None) for x in inputs] == known and self._fit(inputs):
                return self._finish(program, [address(x) for x in inputs], {}, self._results(program), 1)
        shapes: list[tuple[int, ...]] = []
        modes: list[str] = []
        limits: list[int] = []
        addresses: list[int] = []
        orders: dict[int, int] = {}
        keep: list[Any] = []
        for i, x in enumerate(inputs):
            if isinstance(x, Rows):
                a = x.array
                shapes.append((x.batch, *a.shape[1:]))
                count = x.first + steps * x.batch
                if x.order is None:
                    modes.append("rows")
                    limits.append(0)
                    addresses.append(address(a) + x.first * a.strides[0])
                    if x.first < 0 or count > len(a):
                        raise IndexError(f"rows {x.first}..{count - 1} of a data set of {len(a)}")
                else:
                    order = np.ascontiguousarray(x.order, np.int64)
                    if x.first < 0 or count > len(order):
                        raise IndexError(f"rows {x.first}..{count - 1} of an order of {len(order)}")
                    keep.append(order)
                    modes.append("order")
                    limits.append(len(a))
                    addresses.append(address(a))
                    orders[i] = order.ctypes.data + 8 * x.first
            else:
                a = x
                shapes.append(a.shape)
                modes.append("whole")
                limits.append(0)
                addresses.append(address(a))
            if a.dtype != self._dtypes[i] or not a.flags.c_contiguous:
                raise TypeError(f"input {i} must be a C-contiguous array of {self._dtypes[i]}, not {a.dtype}{a.shape}")
        if len(inputs) != len(self._dtypes):
            raise TypeError(f"{len(self._dtypes)} inputs are expected, not {len(inputs)}")
        data = bind_data(self.graph, [x.at(0) if isinstance(x, Rows) else x for x in inputs]) if self.graph.data_extents else None
        program = self.program(shapes, Mode(tuple(modes), outputs is not None, tuple(limits)), data)
        if outputs is None:
            results = self._results(program)
            if steps == 1 and not data and not any(isinstance(x, Rows) for x in inputs):
                self._last = program, shapes, threads()
        else:
            results = list(outputs)
            for r, s, d in zip(results, program.output_shapes, program.output_dtypes, strict=True):
                if r.dtype != d or r.shape[1:] != s[1:] or len(r) < s[0] * steps or not r.flags.c_contiguous:
                    raise TypeError(f"an output of {r.dtype}{r.shape} cannot hold {steps} steps of {d}{s}")
        return self._finish(program, addresses, orders, results, steps)

    def _fit(self, inputs: Sequence[Array | Rows]) -> bool:
        """Whether inputs are arrays as the graph wants them; their shapes are known."""
        for x, dtype in zip(inputs, self._dtypes, strict=True):
            if isinstance(x, Rows) or x.dtype != dtype or not x.flags.c_contiguous:
                return False
        return True

    def _results(self, program: Program) -> list[Array]:
        return [np.empty(s, d) for s, d in zip(program.output_shapes, program.output_dtypes, strict=True)]

    def _finish(
        self, program: Program, addresses: Sequence[int], orders: Mapping[int, int], results: list[Array], steps: int
    ) -> list[Array]:
        try:
            failed = program.run(addresses, orders, [address(r) for r in results], steps)
        finally:
            if self._writes:
                written()
        if failed is not None:
            raise self._error(program, failed)
        if self.ran is not None:
            self.ran(program, steps)
        return results

    def _error(self, program: Program, failed: KernelError) -> Exception:
        step = program.step_of_row(failed.row)
        if step is None or not step.checks:
            return IndexOutOfRange(failed.value, failed.position, max(program.mode.limits, default=0))
        check = step.checks[0]
        return index_error(failed.value, failed.position, evaluate(check.limit, program.env), check.origin)

    def _interpret(self, inputs: Sequence[Array | Rows], steps: int, outputs: Sequence[Array] | None) -> list[Array]:
        last: list[Array] = []
        for s in range(steps):
            now = [a.at(s) if isinstance(a, Rows) else a for a in inputs]
            states: dict[Hashable, Any] = {k: k.array for k in self.graph.states}  # type: ignore[attr-defined]
            found, new = interpret(self.graph, now, states)
            # Results may be views of states and inputs, and new values those of other states.
            last = [np.array(a, order="C") for a in found]
            new = {key: np.array(value) for key, value in new.items()}
            for key, value in new.items():
                key.write(value)  # type: ignore[attr-defined]
            for whole, part in zip(outputs or [], last, strict=False):
                whole[s * part.shape[0] : (s + 1) * part.shape[0]] = part
        return last

