"""Binding: the rows of a program's table for given numbers, the plan of its work space, and tables of sub-programs (control flow)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..dims import Extent, evaluate
from ..kernels.conv_plan import ConvPlan, plan_conv, spec_of
from ..kernels.conv_weights_plan import plan_weights
from ..kernels.gemm_layout import TILE
from ..kernels.gemm_plan import GemmPlan
from ..kernels.gemm_plan import plan as plan_gemm
from ..lowering.lower import Lowered
from ..lowering.products import FLOPS_PER_WORK
from ..lowering.steps import ControlStep, ConvStep, GemmStep, KernelStep, LoopStep, Place, Section, Step, TiledStep
from ..memory import ALIGN, Lifetime
from ..memory import plan as plan_memory
from ..ops.base import itemsize
from ..ops.conv import ConvInput, ConvKernel
from ..ops.movement import Constant
from ..views import Buffer
from . import team
from .loader import addresses
from .spec import KernelSpec
from .table import BARRIER, GUARD, PARALLEL

Words = npt.NDArray[np.int64]
RUN = KernelSpec("run")
TAKE_ROWS = KernelSpec("take_rows")
MIN_PARALLEL_WORK = 1 << 14
LONG = 1 << 24  # work of a step of a loop from which on the loop looks for the stop flag


def min_parallel_work() -> int:
    """Work per instruction below which one thread does it all."""
    text = os.environ.get("GRAPHNN_MIN_PARALLEL_WORK", "")
    if text and not text.isdecimal():
        raise ValueError(f"GRAPHNN_MIN_PARALLEL_WORK must be a whole number, received {text!r}")
    return int(text or MIN_PARALLEL_WORK)


@dataclass
class Address:
    """Where an operand is: `kind` and `slot` say in which memory, `offset` counts bytes, `stride` those from one step to the next.

    Kinds: "arena" (slot: a work space), "number" (the offset is the address), "table" (slot: a table), and what a program is given
    anew for each run: "input", "output", "order".
    """

    kind: str
    slot: object = None
    offset: int = 0
    stride: int = 0

    def moved(self, offset: int, stride: int) -> Address:
        """The address some bytes further on, moving by other steps."""
        return Address(self.kind, self.slot, self.offset + offset, stride)


@dataclass
class Row:
    """An instruction: its kernel, dims block and operands. `tile`: which of the dims points to those of its epilogue."""

    kernel: int
    dims: Words
    operands: list[Address]
    parallel: bool
    step: Step | None
    tile: int = -1


@dataclass
class Table:
    """The instructions of a program or a sub-program, in order. `guards`: rows after which a step may be abandoned."""

    rows: list[Row]
    guard: int = -1  # the row after which a step may be abandoned
    closed: bool = False  # a barrier follows the last row
    guarded: bool = False  # a sub-program that looks for the stop flag after its last row

    @property
    def parallel(self) -> bool:
        """Whether the team is needed."""
        return any(r.parallel for r in self.rows)

    def flags(self, i: int, together: bool) -> int:
        """The flags of a row; `together`: the team walks the table."""
        row, following = self.rows[i], self.rows[(i + 1) % len(self.rows)]
        flags = PARALLEL * row.parallel
        last = i == len(self.rows) - 1
        if together and (row.parallel or following.parallel or (self.closed and last)):
            flags |= BARRIER
        return flags | GUARD * (i == self.guard or (self.guarded and last))


Outside = Callable[[Buffer], Address]
Gathers = Mapping[int, tuple[int, int, int]]


class Binder:
    """Binds lowered graphs for the numbers of `env`. `tables`: all of them, the one that was bound first is that of the program."""

    def __init__(self, env: Mapping[str, int], threads: int):
        self.env, self.threads = env, threads
        self.tables: list[Table] = []
        self.constants: list[npt.NDArray[np.generic]] = []

    def program(self, lowered: Lowered, outside: Outside, gathers: Gathers) -> int:
        """Binds a whole program; gives the bytes of its work space.

        Args:
            lowered: its steps.
            outside: where buffers are that are not in the work space.
            gathers: inputs whose rows are gathered first: how many rows, the bytes of each, the rows of what they are taken from.
        """
        self.compile_missing(lowered, bool(gathers))
        table = Table([], lowered.guard + len(gathers) - 1)
        self.tables.append(table)
        part = _Part(self, lowered, outside, gathers)
        table.rows = part.rows
        return part.bytes

    def section(self, section: Section, around: Callable[[Place], Address], closed: bool) -> tuple[int, _Part]:
        """Binds a sub-program; gives the number of its table, and its work space, which has no place yet."""
        low = section.lowered
        moving = [*zip(low.inputs, section.inputs, strict=True), *zip(low.outputs, section.outputs, strict=True)]
        moving += [(low.states[k], (place, 0)) for k, place in section.states.items()]
        known = {b: around(place).moved(0, self.number(stride)) for b, (place, stride) in moving}
        number, table = len(self.tables), Table([], closed=closed)
        self.tables.append(table)
        part = _Part(self, low, known.__getitem__, {})
        table.rows = part.rows
        return number, part

    def compile_missing(self, lowered: Lowered, gathers: bool) -> None:
        """Asks for all kernels at once, so that those that are missing are compiled together."""
        wanted = [RUN, *team.KERNELS, *([TAKE_ROWS] if gathers else [])]

        def add(lowered: Lowered) -> None:
            for step in lowered.steps:
                if isinstance(step, TiledStep):
                    wanted.extend([self.product_spec(step), *([step.epilogue.spec] if step.epilogue is not None else [])])
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

    # -- products

    def product_spec(self, step: TiledStep) -> KernelSpec:
        """The kernel of a product, which its numbers have little influence on."""
        if isinstance(step, ConvStep):
            name = "conv_weights" if isinstance(step.op, ConvKernel) else "conv"
            return spec_of(name, step.dtype, step.sliding(self.env).by_channel)
        assert isinstance(step, GemmStep)
        unit = itemsize(step.dtype)
        return plan_gemm(1, 1, 1, (1, 1), (0, 0, unit, unit), (0, 0, unit, unit), (0, 0, unit), step.dtype, 1).spec

    def plan(self, step: TiledStep) -> GemmPlan | ConvPlan:
        """How a product is computed."""
        env, scratch, least = self.env, step.epilogue is not None, min_parallel_work() * FLOPS_PER_WORK
        if isinstance(step, ConvStep):
            sliding = step.sliding(env)
            if isinstance(step.op, ConvKernel):
                return plan_weights(sliding, step.dtype, self.threads, min_parallel=least, scratch=scratch)
            turned = isinstance(step.op, ConvInput)
            return plan_conv(sliding, turned, step.dtype, self.threads, min_parallel=least, scratch=scratch)
        assert isinstance(step, GemmStep)
        size = itemsize(step.dtype)
        m, n, k = (self.number(d) for d in (step.m, step.n, step.k))
        outer, inner = (self.number(d) for d in step.batch)
        a, b, c = ([self.number(s) * size for s in part] for part in (step.a_strides, step.b_strides, step.c_strides))
        return plan_gemm(
            m, n, k, (outer, inner), (a[0], a[1], a[2], a[3]), (b[0], b[1], b[2], b[3]), (c[0], c[1], c[2]), step.dtype,
            self.threads, min_parallel=least, scratch=scratch, panels=step.panels,
        )  # fmt: skip


def control_spec(step: ControlStep) -> KernelSpec:
    """The kernel of a control step."""
    return KernelSpec("control", (("kind", step.name),))


class Slot:
    """A piece of work space: `offset` into the whole of `base`, or of the program's where that is None."""

    def __init__(self) -> None:
        self.offset = 0
        self.base: Slot | None = None

    @property
    def absolute(self) -> int:
        """The offset into the program's work space."""
        return self.offset + (self.base.absolute if self.base is not None else 0)


class _Part:
    """The rows and the work space of one lowered graph."""

    def __init__(self, binder: Binder, lowered: Lowered, outside: Outside, gathers: Gathers):
        self.binder, self.lowered, self.outside = binder, lowered, outside
        self.rows: list[Row] = []
        first = len(gathers)
        life: dict[Buffer, tuple[int, int]] = {lowered.inputs[i]: (0, 0) for i in gathers}
        for at, step in enumerate(lowered.steps, first):
            for b in (*step.reads, *step.writes):
                if b.kind == "arena" or b in life:
                    start, _ = life.get(b, (at, at))
                    life[b] = (start, at)
        same = self.share(life, first)
        self.slots = {b: Slot() for b in life}
        self.lives = [Lifetime(binder.bytes_of(b), *span) for b, span in life.items()]
        self.order = list(self.slots.values())
        self.slots |= {b: self.slots[keeper] for b, keeper in same.items()}
        for i, (rows, row_bytes, limit) in gathers.items():
            operands = [Address("input", i), Address("order", i, 0, 8 * rows), Address("arena", self.slots[lowered.inputs[i]])]
            dims = np.array([rows, row_bytes, limit], np.int64)
            self.rows.append(Row(addresses([TAKE_ROWS])[0], dims, operands, binder.is_parallel(rows * row_bytes), None))
        for step in lowered.steps:
            self.add(step)
        offsets, self.bytes = plan_memory(self.lives)
        for slot, offset in zip(self.order, offsets, strict=True):
            slot.offset = offset

    def share(self, life: dict[Buffer, tuple[int, int]], first: int) -> dict[Buffer, Buffer]:
        """Lets a buffer take over the memory of one that its kernel reads for the last time, element by element.

        Merges the lifetimes in `life`; gives for each buffer that has no memory of its own the one whose memory it has.
        """
        same: dict[Buffer, Buffer] = {}
        for at, step in enumerate(self.lowered.steps, first):
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

    def add(self, step: Step) -> None:
        """The row of a step."""
        binder = self.binder
        places = [self.address(p) for p in step.places]
        parallel = binder.is_parallel(binder.number(step.work))
        if isinstance(step, LoopStep):
            dims = np.array([binder.number(d) for d in step.dims], np.int64)
            row = Row(addresses([step.spec])[0], dims, places, parallel, step)
        elif isinstance(step, KernelStep):
            need = step.workspace(binder.env, binder.threads)
            if need:
                places.append(Address("arena", self.slot(need)))
            row = Row(addresses([step.spec])[0], np.array(step.dims(binder.env), np.int64), places, parallel, step)
        elif isinstance(step, ControlStep):
            row = self.control(step, places)
        else:
            assert isinstance(step, TiledStep)
            row = self.tiled(step, places)
        self.rows.append(row)

    def tiled(self, step: TiledStep, places: list[Address]) -> Row:
        """The row of a product."""
        chosen = self.binder.plan(step)
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
        together = len(parts) > 1 and step.name == "switch"  # only one of them runs
        sizes = [-(-part.bytes // ALIGN) * ALIGN for part in parts]
        base = self.slot(max(sizes, default=0) if together else sum(sizes))
        at = 0
        for part, size in zip(parts, sizes, strict=True):
            own = Slot()
            own.offset, own.base = 0 if together else at, base
            at += size
            for slot in part.order:
                slot.base = own
        rows = [len(binder.tables[n].rows) for n in numbers]
        head = {"loop": [rows[0], binder.number(step.steps)], "while_loop": rows, "switch": [len(rows), *rows]}[step.name]
        dims = np.array([addresses([RUN])[0], *head], np.int64)
        operands = [*places, *(Address("table", n) for n in numbers)]
        parallel = any(binder.tables[n].parallel for n in numbers)
        for n in numbers:
            binder.tables[n].guarded = step.name == "while_loop" or any(binder.number(s.work) >= LONG for s in section_steps(step))
        return Row(addresses([control_spec(step)])[0], dims, operands, parallel, step)


def section_steps(step: ControlStep) -> list[Step]:
    """The steps of all sections."""
    return [s for section in step.sections for s in section.lowered.steps]
