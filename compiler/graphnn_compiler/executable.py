"""A traced graph made ready to run on arrays: the one door through which graphnn runs anything.

A state's key is any hashable object with an attribute `array`: a C-contiguous NumPy array that is written in place and never replaced.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .interpret import bind_symbols, interpret
from .ir import Graph
from .ops.base import Array


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


class Executable:
    """A graph and the programs bound to it, one for each combination of input shapes."""

    def __init__(self, graph: Graph, *, eager: bool = False):
        self.graph, self.eager = graph, eager

    def __call__(self, inputs: Sequence[Array]) -> list[Array]:
        """One step: gives the outputs, writes the states in place."""
        return self.run(inputs, 1)

    def run(self, inputs: Sequence[Array | Rows], steps: int, outputs: Sequence[Array] | None = None) -> list[Array]:
        """`steps` steps in one native call. Gives the outputs of the last step; with `outputs`, step s writes rows s*b .. s*b+b of each."""
        last: list[Array] = []
        for s in range(steps):
            now = [a.at(s) if isinstance(a, Rows) else a for a in inputs]
            states: dict[Hashable, Any] = {k: k.array for k in self.graph.states}  # type: ignore[attr-defined]
            last, new = interpret(self.graph, now, states)
            for key, value in new.items():
                np.copyto(key.array, value)  # type: ignore[attr-defined]
            for whole, part in zip(outputs or [], last, strict=False):
                whole[s * part.shape[0] : (s + 1) * part.shape[0]] = part
        return last

    def symbols(self, shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
        """The numbers that input shapes give to the graph's symbols."""
        return bind_symbols(self.graph.inputs, shapes)
