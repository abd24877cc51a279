"""Predictions in other batches than the user's, where rows do not depend on each other: the same numbers, faster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.runtime.program import Mode

from ..tensor import Array

CACHE = 2 << 20  # bytes of values that caches hold beside what else passes through them
SMALLEST = 16  # rows: below, what each step costs counts
HEAVY = 32 << 20  # bytes of weights from which on several batches are predicted at a time,
MOST = 4  # as many at most


class Blocks:
    """How many rows of its inputs an executable computes at a time; `sizes`: those found so far, for a batch and shapes of rows."""

    def __init__(self, executable: Executable):
        self.executable = executable
        self.sizes: dict[tuple[int, ...], int] = {}

    def cut(self, inputs: Sequence[Array | Rows], steps: int) -> tuple[Sequence[Array | Rows], int]:
        """The same rows in other steps, where rows do not depend on each other: smaller ones whose values fit into the caches, or larger
        ones for which large weights are read less often."""
        rows = [x for x in inputs if isinstance(x, Rows) and x.order is None]
        if len(rows) < len(inputs):
            return inputs, steps
        batch = rows[0].batch
        block = self.size(batch, [x.array.shape[1:] for x in rows])
        if block > batch:
            block = batch * max(n for n in range(1, block // batch + 1) if steps % n == 0)
        return [replace(x, batch=block) for x in rows], steps * batch // block

    def size(self, batch: int, trailing: Sequence[tuple[int, ...]]) -> int:
        """How many rows are better computed at a time: a divisor of the batch, or some batches."""
        key = (batch, *[d for s in trailing for d in s])
        if key not in self.sizes:
            mode = Mode(("rows",) * len(trailing), outputs_by_step=True, limits=(0,) * len(trailing))
            program = self.executable.program([(batch, *s) for s in trailing], mode)
            weights = sum(state.array.nbytes for state in program.lowered.states)  # type: ignore[attr-defined]
            fitting = batch * max(CACHE, weights) // max(program.arena_bytes, 1)
            if weights > HEAVY and fitting >= 2 * batch:
                self.sizes[key] = batch * min(fitting // (2 * batch), MOST)
            else:
                divisors = [d for d in range(min(SMALLEST, batch), batch + 1) if batch % d == 0]
                self.sizes[key] = max([d for d in divisors if d <= fitting], default=divisors[0])
        return self.sizes[key]
