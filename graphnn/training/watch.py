"""Steps that refuse updates which are not finite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from graphnn_compiler.executable import Executable, Rows
from graphnn_compiler.ir import Value
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import Where
from graphnn_compiler.trace import Tracer, emit

from .. import ops
from ..dispatch import value
from ..tensor import Array
from ..variable import Variable


class FinitenessWatch:
    """Counts steps and remembers the first whose loss or new weights are NaN or infinite; from it on, nothing but metrics changes.

    Attributes:
        bad_step: the number of that step since `reset`, None while all is well.
        reason: where the first NaN or infinity came from, empty where that is not known.
    """

    def __init__(self) -> None:
        self.seen = Variable(0, dtype="int64", trainable=False, name="steps_seen")
        self.first = Variable(-1, dtype="int64", trainable=False, name="first_bad_step")
        self.reason = ""
        self._free: set[int] = set()

    @property
    def bad_step(self) -> int | None:
        """The first step that went wrong."""
        first = int(self.first.array)
        return None if first < 0 else first

    def reset(self) -> None:
        """Counts from 0 again."""
        self.reason = ""
        self.seen.write(0)
        self.first.write(-1)

    def guard(self, tracer: Tracer, results: Any, model: Any) -> None:
        """Makes every update in the trace, those of metrics excepted, depend on the loss and the new weights being finite."""
        free = self._free = {id(v) for m in model.metrics for v in m.variables}
        states = tracer.graph.states
        changed = [k for k, v in tracer.current.items() if v is not states[k] and id(k) not in free]
        fine: Value = self.first.value < value(0, "int64")
        loss = results.get("loss")
        tested: list[Any] = [loss] if isinstance(loss, Value) else []
        tested += [tracer.current[k] for k in changed if is_float(states[k].dtype)]
        for v in tested:
            fine = ops.logical_and(fine, ops.all(ops.isfinite(v)))
        for k in changed:
            tracer.assign(k, emit(Where(), fine, tracer.current[k], states[k]))
        seen = self.seen.value
        fresh = ops.logical_and(ops.logical_not(fine), self.first.value < value(0, "int64"))
        self.first.assign(ops.where(fresh, seen, self.first.value))
        self.seen.assign(seen + value(1, "int64"))

    def explain(self, executable: Executable, names: Sequence[str], inputs: Sequence[Array | Rows], step: int) -> None:
        """Finds the array, the weight or the layer that the first NaN or infinity of a step came from.

        Args:
            executable: of the step; the states are as they were before it.
            names: what the user knows the arrays as.
            inputs: what a number of steps ran on.
            step: which of them went wrong.
        """
        batch = [x.at(step) if isinstance(x, Rows) else x for x in inputs]
        for name, x, a in zip(names, inputs, batch, strict=True):
            bad = _bad(a)
            if bad is not None:
                row = bad * len(a) // a.size
                if isinstance(x, Rows):
                    row += x.first + step * x.batch
                    row = row if x.order is None else x.order[row]
                self.reason = f"{name} holds {a.flat[bad]!s} in row {row}"
                return
        for v in executable.graph.states:
            bad = _bad(v.array) if isinstance(v, Variable) and id(v) not in self._free else None
            if bad is not None and isinstance(v, Variable):
                self.reason = f"weight {v.path!r} holds {v.array.flat[bad]!s}"
                return
        node = executable.first_not_finite(batch)
        if node is not None:
            made = type(node.op).__name__
            self.reason = f"it first came out of {made} in layer {node.origin!r}" if node.origin else f"it first came out of {made}"


def _bad(a: Array) -> int | None:
    """The place of the first number that is NaN or infinite."""
    if a.dtype.kind != "f" or np.isfinite(a).all():
        return None
    return int(np.flatnonzero(~np.isfinite(a))[0])
