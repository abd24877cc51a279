"""Which form of a graph runs while no state changes: as it is, with what is made of weights kept, with products of tables kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from .dims import evaluate, symbols_of
from .ir import Graph
from .look_up import Looked
from .report import Report
from .rest import Rest, at_rest
from .runtime.fork import own_lock
from .runtime.program import Program
from .states import last_write

if TYPE_CHECKING:
    from .executable import Executable

MANY = 4  # steps of a run that are worth it to keep what is made of weights, even if it is the only one


class Form:
    """A form of a graph for weights at rest. `ready`: the last write of states before what is kept was made."""

    def __init__(self, rest: Rest, make: Callable[[Graph, bool], Executable]):
        self.before, self.main, self.packing = make(rest.before, False), make(rest.main, False), make(rest.packing, True)
        self.kept, self.ready = rest.kept, object()

    def prepare(self, now: object) -> None:
        """Makes what is kept, unless it is there."""
        if self.ready is not now:
            for part in (self.before, self.packing):
                if part.graph.updates:
                    part([])
            self.ready = now

    def report(self) -> Report:
        """What runs."""
        return replace(self.main.report(), kept_bytes=self.kept)

    def source(self) -> str:
        """The generated source of what is compiled."""
        return "\n\n".join(text for text in (self.before.source(), self.main.source()) if text)


class Resting:
    """Chooses the form for each run of a graph that writes no state.

    Args:
        graph: gives the graph, when it has been through all passes.
        make: makes an executable of a graph; the flag says whether NumPy runs it.
    """

    def __init__(self, graph: Callable[[], Graph], make: Callable[[Graph, bool], Executable]):
        self.graph, self.make = graph, make
        self.possible = True
        self.form: Form | None = None
        self._plain: Form | None = None
        self._tables: Form | None = None
        self._look_ups: tuple[Looked, ...] = ()
        self._seen: object = None  # the last write of states before the last run
        self._spent = 0  # on products of looked-up rows since then
        self._price = 0  # of the products of whole tables
        self._costs: dict[Program, int] = {}
        self._lock = own_lock(self)

    def choose(self, steps: int, extents: Callable[[], Mapping[str, int]]) -> Executable | None:
        """What to run instead of the graph as it is: from the second run on, or for one of many steps.

        Args:
            steps: of the run that comes.
            extents: gives the numbers of its symbols.
        """
        now, form = last_write(), self.form
        rests = form is not None and form.ready is now
        if form is not None and rests and (form is self._tables or not self._price):
            return form.main
        if not rests:
            self._spent = 0
            if now is not self._seen and steps < MANY:
                self._seen = now
                return None
        elif form is not None and self._spent + self._coming(steps, extents) < self._price:
            return form.main
        with self._lock:
            return self._prepared(now, steps, extents)

    def _coming(self, steps: int, extents: Callable[[], Mapping[str, int]]) -> int:
        """What products of looked-up rows will cost in a run of many steps; a single one is not worth a look."""
        return steps * self._cost(extents()) if steps >= MANY else 0

    def _cost(self, extents: Mapping[str, int]) -> int:
        """What products of looked-up rows cost in a step."""
        known = [one for one in self._look_ups if symbols_of(one.rows) <= extents.keys()]
        return sum(evaluate(one.rows, extents) * one.per_row for one in known)

    def _prepared(self, now: object, steps: int, extents: Callable[[], Mapping[str, int]]) -> Executable | None:
        if self._plain is None:
            rest = at_rest(self.graph())
            if rest is None:
                self.possible = False
                return None
            self._plain, self._look_ups = Form(rest, self.make), rest.look_ups
            self._price = sum(one.of_table * one.per_row for one in rest.look_ups)
            if self._price:
                self._plain.main.ran = self._count
        form = self._plain
        if self._price and self._spent + self._coming(steps, extents) >= self._price:
            if self._tables is None:
                rest = at_rest(self.graph(), tables=True)
                if rest is None:  # no table is small enough
                    self._price = 0
                else:
                    self._tables = Form(rest, self.make)
            form = self._tables or form
        form.prepare(now)
        self.form = form
        return form.main

    def _count(self, program: Program, steps: int) -> None:
        """Adds up what products of looked-up rows cost."""
        cost = self._costs.get(program)
        if cost is None:
            if len(self._costs) > 64:
                self._costs.clear()
            cost = self._costs[program] = self._cost(program.env)
        self._spent += steps * cost
