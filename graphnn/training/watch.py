"""Steps that refuse updates which are not finite."""

from __future__ import annotations

from typing import Any

from graphnn_compiler.ir import Value
from graphnn_compiler.ops.base import is_float
from graphnn_compiler.ops.elementwise import Where
from graphnn_compiler.trace import Tracer, emit

from .. import ops
from ..dispatch import value
from ..variable import Variable


class FinitenessWatch:
    """Counts steps and remembers the first whose loss or new weights are NaN or infinite; from it on, nothing but metrics changes.

    Attributes:
        bad_step: the number of that step since `reset`, None while all is well.
    """

    def __init__(self) -> None:
        self.seen = Variable(0, dtype="int64", trainable=False, name="steps_seen")
        self.first = Variable(-1, dtype="int64", trainable=False, name="first_bad_step")

    @property
    def bad_step(self) -> int | None:
        """The first step that went wrong."""
        first = int(self.first.array)
        return None if first < 0 else first

    def reset(self) -> None:
        """Counts from 0 again."""
        self.seen.array[...] = 0
        self.first.array[...] = -1

    def guard(self, tracer: Tracer, results: Any, model: Any) -> None:
        """Makes every update in the trace, those of metrics excepted, depend on the loss and the new weights being finite."""
        free = {id(v) for m in model.metrics for v in m.variables}
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
