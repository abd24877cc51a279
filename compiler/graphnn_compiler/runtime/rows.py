"""The rows of a program's table before their addresses are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..lowering.steps import Step
from .table import BARRIER, GUARD, PARALLEL

Words = npt.NDArray[np.int64]


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


class Slot:
    """A piece of work space: `offset` into the whole of `base`, or of the program's where that is None."""

    def __init__(self) -> None:
        self.offset = 0
        self.base: Slot | None = None

    @property
    def absolute(self) -> int:
        """The offset into the program's work space."""
        return self.offset + (self.base.absolute if self.base is not None else 0)
