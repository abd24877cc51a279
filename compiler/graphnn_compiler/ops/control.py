"""Control flow: ops that run sub-programs (see body.py). Their inputs are carried values, values of the steps, and what bodies read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from ..body import Body
from ..dims import Extent, show
from ..ir import Value
from .base import Array, Op, Sample, Spec
from .elementwise import Add, Mul
from .transcendental import Tanh

Grads = Sequence[Value | None]


@dataclass(frozen=True)
class Control(Op):
    """Ops with bodies."""

    abstract: ClassVar[bool] = True
    kind: ClassVar[str] = "control"

    @property
    def bodies(self) -> tuple[Body, ...]:
        """The sub-programs."""
        raise NotImplementedError(type(self).__name__)

    def with_bodies(self, bodies: Sequence[Body]) -> Control:
        """The op with other ones that do the same."""
        raise NotImplementedError(type(self).__name__)


@dataclass(frozen=True)
class Scan(Control):
    """`length` runs of a body: (carried values, values of the step, others) -> (new carried values, results of the step).

    Inputs: what is carried at first; stacks of values of steps, step t reads the elements [t]; others. Outputs: what is carried at
    last; stacks of results. With `reverse` the last step runs first. With `again` its gradient computes what it needs of a step
    once more instead of keeping it.
    """

    body: Body
    carries: int
    xs: int
    length: Extent
    reverse: bool = False
    again: bool = False

    @property
    def bodies(self) -> tuple[Body, ...]:
        return (self.body,)

    def with_bodies(self, bodies: Sequence[Body]) -> Scan:
        return replace(self, body=bodies[0])

    def infer(self, *specs: Spec) -> list[Spec]:
        c, x = self.carries, self.carries + self.xs
        for shape, _ in specs[c:x]:
            if not shape or shape[0] != self.length:
                raise ValueError(f"a scan of {self.length} steps was given values of shape {show(shape)}")
        self.body.check([*specs[:c], *((s[1:], d) for s, d in specs[c:x]), *specs[x:]])
        outputs = self.body.outputs
        if outputs[:c] != list(specs[:c]):
            raise ValueError(f"a scan that carries {list(specs[:c])} was given a body that makes {outputs[:c]} of it")
        return [*outputs[:c], *(((self.length, *s), d) for s, d in outputs[c:])]

    def reference(self, *arrays: Array) -> tuple[Array, ...]:
        c, x = self.carries, self.carries + self.xs
        n = int(self.length)
        carried = list(arrays[:c])
        shapes = [(n, *s) for s in self.body.output_shapes()[c:]]
        results = [np.empty(s, d) for s, (_, d) in zip(shapes, self.body.outputs[c:], strict=True)]
        for t in reversed(range(n)) if self.reverse else range(n):
            found = self.body(*carried, *(a[t] for a in arrays[c:x]), *arrays[x:])
            carried = found[:c]
            for whole, part in zip(results, found[c:], strict=True):
                whole[t] = part
        return (*carried, *results)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        from ..control_gradients import scan_gradient

        return scan_gradient(self, inputs, outputs, cotangents)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        from ..build import matmul
        from ..trace import emit, trace

        def step(h: Value, x: Value, w: Value) -> list[Value]:
            new = emit(Tanh(), emit(Add(), matmul(h, w), x))
            return [new, emit(Mul(), new, x)]

        def sample(dtype: str, batch: int, width: int, length: int, reverse: bool = False) -> Sample:
            one: Spec = ((batch, width), dtype)
            body = Body(trace(step, [one, one, ((width, width), dtype)]))
            shapes = ((batch, width), (length, batch, width), (width, width))
            return Sample(cls(body, 1, 1, length, reverse), tuple((s, dtype, -1, 1) for s in shapes), False)

        return [sample("float32", 3, 5, 4), sample("float64", 1, 17, 3, True), sample("float32", 2, 33, 0)]


@dataclass(frozen=True)
class While(Control):
    """Runs a body on carried values while a condition on them holds.

    Inputs: carried values, what else the condition reads, what else the body reads.
    """

    condition: Body
    body: Body
    carries: int
    consts: int  # of the condition

    @property
    def bodies(self) -> tuple[Body, ...]:
        return (self.condition, self.body)

    def with_bodies(self, bodies: Sequence[Body]) -> While:
        return While(bodies[0], bodies[1], self.carries, self.consts)

    def infer(self, *specs: Spec) -> list[Spec]:
        c, k = self.carries, self.carries + self.consts
        self.condition.check(specs[:k])
        self.body.check([*specs[:c], *specs[k:]])
        if self.condition.outputs != [((), "bool")]:
            raise ValueError(f"the condition of a loop must be one bool, not {self.condition.outputs}")
        if self.body.outputs != list(specs[:c]):
            raise ValueError(f"a loop that carries {list(specs[:c])} was given a body that makes {self.body.outputs} of it")
        return list(specs[:c])

    def reference(self, *arrays: Array) -> tuple[Array, ...]:
        c, k = self.carries, self.carries + self.consts
        carried = list(arrays[:c])
        while self.condition(*carried, *arrays[c:k])[0]:
            carried = self.body(*carried, *arrays[k:])
        return tuple(carried)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        raise ValueError(
            "a while_loop has no gradient, since the number of its steps is not known before it runs; "
            "use scan, or fori_loop with bounds that are numbers"
        )

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        from ..build import reduced
        from ..trace import trace
        from .reduce import Sum

        x: Spec = ((3, 7), "float32")

        def holds(a: Value, top: Value) -> list[Value]:
            return [reduced(Sum, a) < reduced(Sum, top)]

        def grow(a: Value, by: Value) -> list[Value]:
            return [a * 1.5 + by]

        condition, body = Body(trace(holds, [x, x])), Body(trace(grow, [x, x]))
        inputs = (((3, 7), "float32", 1, 2), ((3, 7), "float32", 40, 50), ((3, 7), "float32", 0, 1))
        return [Sample(cls(condition, body, 1, 1), inputs, False)]


@dataclass(frozen=True)
class Switch(Control):
    """The results of one of several bodies, chosen by an int32 number; one beyond them counts as the nearest.

    Inputs: the number, then for each body what it reads, `consts` of them.
    """

    branches: tuple[Body, ...]
    consts: tuple[int, ...]

    @property
    def bodies(self) -> tuple[Body, ...]:
        return self.branches

    def with_bodies(self, bodies: Sequence[Body]) -> Switch:
        return Switch(tuple(bodies), self.consts)

    def parts(self, items: Sequence[object]) -> list[slice]:
        """Which inputs belong to each body."""
        found: list[slice] = []
        at = 1
        for n in self.consts:
            found.append(slice(at, at + n))
            at += n
        return found

    def infer(self, *specs: Spec) -> list[Spec]:
        if specs[0] != ((), "int32"):
            raise ValueError(f"a branch is chosen by one int32, not {specs[0][1]}{show(specs[0][0])}")
        first = self.branches[0].outputs
        for body, part in zip(self.branches, self.parts(specs), strict=True):
            body.check(specs[part])
            if body.outputs != first:
                raise ValueError(f"branches must give the same shapes and dtypes, not {first} and {body.outputs}")
        return first

    def reference(self, *arrays: Array) -> tuple[Array, ...]:
        chosen = min(max(int(arrays[0]), 0), len(self.branches) - 1)
        return tuple(self.branches[chosen](*arrays[self.parts(arrays)[chosen]]))

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        from ..control_gradients import switch_gradient

        return switch_gradient(self, inputs, outputs, cotangents)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        from ..trace import emit, trace

        x: Spec = ((5, 3), "float32")

        def bounded(a: Value) -> list[Value]:
            return [emit(Tanh(), a)]

        def multiplied(a: Value, b: Value) -> list[Value]:
            return [emit(Mul(), a, b)]

        one, other = Body(trace(bounded, [x])), Body(trace(multiplied, [x, x]))
        values = ((5, 3), "float32", -1.0, 1.0)
        return [
            Sample(cls((one, other), (1, 2)), (((), "int32", low, high), values, values, values), False)
            for low, high in ((0, 1), (1, 2), (5, 6))
        ]


def can_fail(op: Op) -> bool:
    """Whether an op looks at indices, of which one may be bad."""
    if isinstance(op, Control):
        return any(can_fail(n.op) for body in op.bodies for n in body.graph.nodes)
    return type(op).__name__ in ("Take", "TakeAlongAxis", "Scatter", "SumRows", "Distinct")
