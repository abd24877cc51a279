"""Binding: the rows of a program's table for given numbers, the plan of its work space, and tables of sub-programs (control flow)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..dims import Extent, evaluate
from ..kernels.conv_plan import ConvPlan
from ..kernels.gemm_layout import TILE
from ..lowering.lower import Lowered
from ..lowering.steps import ControlStep, KernelStep, LoopStep, Place, Section, Step, TiledStep
from ..memory import ALIGN, Lifetime
from ..memory import plan as plan_memory
from ..ops.base import itemsize
from ..ops.movement import Constant
from ..views import Buffer
from . import team
from .context import LINE, LINES
from .lanes import LONG, Costs, Entry, Lanes, arrange
from .loader import addresses
from .products import plan_product, product_spec
from .rows import Address, Row, Slot, Table
from .spec import KernelSpec

RUN = KernelSpec("run")
TAKE_ROWS = KernelSpec("take_rows")
MIN_PARALLEL_WORK = 1 << 14
LANES = KernelSpec("control", (("kind", "lanes"),))


def min_parallel_work() -> int:
    """Work per instruction below which one thread does it all."""
    text = os.environ.get("GRAPHNN_MIN_PARALLEL_WORK", "")
    if text and not text.isdecimal():
        raise ValueError(f"GRAPHNN_MIN_PARALLEL_WORK must be a whole number, received {text!r}")
    return int(text or MIN_PARALLEL_WORK)


Outside = Callable[[Buffer], Address]
Gathers = Mapping[int, tuple[int, int, int]]
Gather = tuple[Buffer, int, int, int, int]


class Binder:
    """Binds lowered graphs for the numbers of `env`. `tables`: all of them, the one that was bound first is that of the program."""

    def __init__(self, env: Mapping[str, int], threads: int):
        self.env, self.threads = env, threads
        self.tables: list[Table] = []
        self.constants: list[npt.NDArray[np.generic]] = []
        self.lanes: dict[Step, int] = {}  # of steps that run beside others: the number of the lane, from 1 on

    def program(self, lowered: Lowered, outside: Outside, gathers: Gathers) -> int:
        """Binds a whole program; gives the bytes of its work space.

        Args:
            lowered: its steps.
            outside: where buffers are that are not in the work space.
            gathers: inputs whose rows are gathered first: how many rows, the bytes of each, the rows of what they are taken from.
        """
        entries, guard = arrange(lowered.steps, lowered.guard, Costs(self.number, self.threads, min_parallel_work()))
        loops = sum(isinstance(step, ControlStep) for step in lowered.steps)
        # Lanes depend on the numbers, kernels must not.
        self.compile_missing(lowered, [*([TAKE_ROWS] if gathers else []), *([LANES] if loops > 1 and self.threads > 1 else [])])
        table = Table([], guard + len(gathers) - 1)
        self.tables.append(table)
        part = _Part(self, entries, outside, [(lowered.inputs[i], i, *sizes) for i, sizes in gathers.items()])
        table.rows = part.rows
        return part.bytes

    def section(self, section: Section, around: Callable[[Place], Address], closed: bool) -> tuple[int, _Part]:
        """Binds a sub-program; gives the number of its table, and its work space, which has no place yet."""
        low = section.lowered
        moving = [*zip(low.inputs, section.inputs, strict=True), *zip(low.outputs, section.outputs, strict=True)]
        moving += [(low.states[k], (place, 0)) for k, place in section.states.items()]
        known = {b: around(place).moved(0, self.number(stride)) for b, (place, stride) in moving}
        return self.table(low.steps, known.__getitem__, closed=closed)

    def lane(self, steps: Sequence[Step], around: Callable[[Place], Address], own: set[Buffer]) -> tuple[int, _Part]:
        """Binds steps for one thread; gives the number of their table, and the work space `own`, which has no place yet."""
        threads, self.threads = self.threads, 1
        try:
            return self.table(steps, lambda b: around(Place(b)), own)
        finally:
            self.threads = threads

    def table(
        self, steps: Sequence[Step], outside: Outside, own: set[Buffer] | None = None, closed: bool = False
    ) -> tuple[int, _Part]:
        """A table of steps, and their work space: `own`, or all that they use."""
        number, table = len(self.tables), Table([], closed=closed)
        self.tables.append(table)
        part = _Part(self, steps, outside, [], own)
        table.rows = part.rows
        return number, part

    def compile_missing(self, lowered: Lowered, more: Sequence[KernelSpec]) -> None:
        """Asks for all kernels at once, so that those that are missing are compiled together."""
        wanted = [RUN, *team.KERNELS, *more]

        def add(lowered: Lowered) -> None:
            for step in lowered.steps:
                if isinstance(step, TiledStep):
                    wanted.extend([product_spec(step, self.env), *([step.epilogue.spec] if step.epilogue is not None else [])])
                elif isinstance(step, LoopStep | KernelStep):
                    wanted.append(step.spec)
                elif isinstance(step, ControlStep):
                    wanted.append(control_spec(step))
                    for section in step.sections:
                        add(section.lowered)

        add(lowered)
        addresses(list(dict.fromkeys(wanted)))

    def number(self, x: Extent) -> int:
        """An extent in numbers."""
        return evaluate(x, self.env)

    def bytes_of(self, b: Buffer) -> int:
        """The size of a buffer."""
        return self.number(b.size) * itemsize(b.dtype)

    def is_parallel(self, work: int) -> bool:
        """Whether the team shares so much work."""
        return self.threads > 1 and work >= min_parallel_work()


def control_spec(step: ControlStep) -> KernelSpec:
    """The kernel of a control step."""
    return KernelSpec("control", (("kind", step.name),))


class _Part:
    """The rows and the work space of one table: of all that is in no other, or of `own`."""

    def __init__(
        self, binder: Binder, entries: Sequence[Entry], outside: Outside, gathers: Sequence[Gather], own: set[Buffer] | None = None
    ):
        self.binder, self.entries, self.outside = binder, entries, outside
        self.rows: list[Row] = []
        first = len(gathers)
        life: dict[Buffer, tuple[int, int]] = {gather[0]: (0, 0) for gather in gathers}
        for at, entry in enumerate(entries, first):
            within = set[Buffer]().union(*entry.own) if isinstance(entry, Lanes) else set[Buffer]()
            for step in _steps(entry):
                for b in (*step.reads, *step.writes):
                    if b in life or (b.kind == "arena" and b not in within and (own is None or b in own)):
                        start, _ = life.get(b, (at, at))
                        life[b] = (start, at)
        same = self.share(life, first)
        self.slots = {b: Slot() for b in life}
        self.lives = [Lifetime(binder.bytes_of(b), *span) for b, span in life.items()]
        self.order = list(self.slots.values())
        self.slots |= {b: self.slots[keeper] for b, keeper in same.items()}
        for b, i, rows, row_bytes, limit in gathers:
            operands = [Address("input", i), Address("order", i, 0, 8 * rows), Address("arena", self.slots[b])]
            dims = np.array([rows, row_bytes, limit], np.int64)
            self.rows.append(Row(addresses([TAKE_ROWS])[0], dims, operands, binder.is_parallel(rows * row_bytes), None))
        for entry in entries:
            self.rows.append(self.beside(entry) if isinstance(entry, Lanes) else self.row(entry))
        offsets, self.bytes = plan_memory(self.lives)
        for slot, offset in zip(self.order, offsets, strict=True):
            slot.offset = offset

    def share(self, life: dict[Buffer, tuple[int, int]], first: int) -> dict[Buffer, Buffer]:
        """Lets a buffer take over the memory of one that its kernel reads for the last time, element by element.

        Merges the lifetimes in `life`; gives for each buffer that has no memory of its own the one whose memory it has.
        """
        same: dict[Buffer, Buffer] = {}
        for at, step in enumerate(self.entries, first):
            loop = step.epilogue if isinstance(step, TiledStep) else step
            if not isinstance(loop, LoopStep):
                continue
            factors = {p.buffer for p in step.places[:2]} if isinstance(step, TiledStep) else set[Buffer | None]()
            for out, read in loop.in_place:
                keeper = same.get(read, read)
                if out not in life or keeper not in life or keeper is out or read in factors or life[out][0] != at:
                    continue
                if life[keeper][1] == at and self.binder.bytes_of(out) == self.binder.bytes_of(keeper):
                    life[keeper] = (life[keeper][0], life.pop(out)[1])
                    same[out] = keeper
        return same

    def slot(self, n_bytes: int) -> Slot:
        """Work space for the step that is being added."""
        at = len(self.rows)
        self.lives.append(Lifetime(n_bytes, at, at))
        self.order.append(Slot())
        return self.order[-1]

    def address(self, p: Place) -> Address:
        """Where an operand is."""
        offset, b = self.binder.number(p.offset), p.buffer
        if b is None:
            return Address("number", None, offset)
        if b in self.slots:
            return Address("arena", self.slots[b], offset)
        if b.kind == "constant":
            assert isinstance(b.slot, Constant)
            array = np.ascontiguousarray(b.slot.array())
            self.binder.constants.append(array)
            return Address("number", None, array.ctypes.data + offset)
        found = self.outside(b)
        return found.moved(offset, found.stride)

    def row(self, step: Step) -> Row:
        """The row of a step."""
        binder = self.binder
        places = [self.address(p) for p in step.places]
        parallel = binder.is_parallel(binder.number(step.work))
        if isinstance(step, LoopStep):
            dims = np.array([binder.number(d) for d in step.dims], np.int64)
            return Row(addresses([step.spec])[0], dims, places, parallel, step)
        if isinstance(step, KernelStep):
            need = step.workspace(binder.env, binder.threads)
            if need:
                places.append(Address("arena", self.slot(need)))
            return Row(addresses([step.spec])[0], np.array(step.dims(binder.env), np.int64), places, parallel, step)
        if isinstance(step, ControlStep):
            return self.control(step, places)
        assert isinstance(step, TiledStep)
        return self.tiled(step, places)

    def tiled(self, step: TiledStep, places: list[Address]) -> Row:
        """The row of a product."""
        chosen = plan_product(step, self.binder.env, self.binder.threads, min_parallel_work())
        dims = np.array(chosen.dims, np.int64)
        work = Address("arena", self.slot(chosen.workspace)) if chosen.workspace else Address("number")
        places = [*places, work, Address("number")]
        at = -1
        if step.epilogue is not None:
            tile, at = step.epilogue, chosen.tile_at if isinstance(chosen, ConvPlan) else TILE
            dims[at] = addresses([tile.spec])[0]
            dims[at + 1] = len(dims)  # words from here to the epilogue's own dims, until their address is known
            places += [self.address(p) for p in tile.places]
            dims = np.concatenate([dims, np.array([self.binder.number(d) for d in tile.dims], np.int64)])
        return Row(addresses([chosen.spec])[0], dims, places, chosen.parallel, step, at + 1 if at >= 0 else -1)

    def control(self, step: ControlStep, places: list[Address]) -> Row:
        """The row of a loop or a choice; its sub-programs have tables and work space of their own."""
        binder = self.binder
        numbers: list[int] = []
        parts: list[_Part] = []
        for section in step.sections:
            number, part = binder.section(section, self.address, step.name != "loop")
            numbers.append(number)
            parts.append(part)
        self.place(parts, step.name == "switch")
        rows = [len(binder.tables[n].rows) for n in numbers]
        head = {"loop": [rows[0], binder.number(step.steps)], "while_loop": rows, "switch": [len(rows), *rows]}[step.name]
        dims = np.array([addresses([RUN])[0], *head], np.int64)
        operands = [*places, *(Address("table", n) for n in numbers)]
        parallel = any(binder.tables[n].parallel for n in numbers)
        for n in numbers:
            binder.tables[n].guarded = step.name == "while_loop" or any(binder.number(s.work) >= LONG for s in section_steps(step))
        return Row(addresses([control_spec(step)])[0], dims, operands, parallel, step)

    def beside(self, lanes: Lanes) -> Row:
        """The row of lanes, which have tables, work space and contexts of their own."""
        for number, steps in enumerate(lanes.lanes, 1):
            self.binder.lanes |= dict.fromkeys(steps, number)
        bound = [self.binder.lane(steps, self.address, own) for steps, own in zip(lanes.lanes, lanes.own, strict=True)]
        self.place([part for _, part in bound])
        words = LINES + LINE
        contexts = Address("arena", self.slot(8 * words * len(bound)))
        dims = np.array([addresses([RUN])[0], len(bound), words, *(len(part.rows) for _, part in bound)], np.int64)
        operands = [contexts, *(Address("table", number) for number, _ in bound)]
        return Row(addresses([LANES])[0], dims, operands, True, None)

    def place(self, parts: Sequence[_Part], same: bool = False) -> None:
        """Work space for parts that have none yet: for each of them, or the `same` for all."""
        sizes = [-(-part.bytes // ALIGN) * ALIGN for part in parts]
        base = self.slot(max(sizes, default=0) if same else sum(sizes))
        at = 0
        for part, size in zip(parts, sizes, strict=True):
            own = Slot()
            own.offset, own.base = 0 if same else at, base
            at += size
            for slot in part.order:
                slot.base = own


def _steps(entry: Entry) -> list[Step]:
    """The steps of an entry."""
    return [step for lane in entry.lanes for step in lane] if isinstance(entry, Lanes) else [entry]


def section_steps(step: ControlStep) -> list[Step]:
    """The steps of all sections."""
    return [s for section in step.sections for s in section.lowered.steps]
