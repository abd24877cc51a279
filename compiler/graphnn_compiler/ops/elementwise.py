"""Arithmetic and selection on each element."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..dims import broadcast
from ..ir import Value
from ..trace import emit
from .base import DTYPES, FLOATS, INTS, Array, Elementwise, Sample, Spec, is_float
from .movement import constant, unbroadcast

NUMBERS = INTS + FLOATS
Grads = Sequence[Value | None]


def _ct(cotangents: Grads) -> Value:
    ct = cotangents[0]
    assert ct is not None
    return ct


class Neg(Elementwise):
    """-x."""

    accepts = NUMBERS

    def template(self, t: str, *names: str) -> str:
        return f"neg({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.negative(arrays[0])

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [-_ct(cotangents)]


class Abs(Elementwise):
    """|x|; the gradient at 0 is 0."""

    accepts = NUMBERS

    def template(self, t: str, *names: str) -> str:
        return f"abs_({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.abs(arrays[0])

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [_ct(cotangents) * emit(Sign(), inputs[0])]


class Sign(Elementwise):
    """-1, 0 or 1; NaN stays."""

    accepts = NUMBERS
    differentiable = False

    def template(self, t: str, *names: str) -> str:
        return f"sign({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return np.sign(arrays[0])


class Relu(Elementwise):
    """max(x, 0); the gradient at 0 is 0."""

    accepts = NUMBERS

    def template(self, t: str, *names: str) -> str:
        return f"maximum({names[0]}, const_{t}(0))"

    def reference(self, *arrays: Array) -> Array:
        return np.maximum(arrays[0], arrays[0].dtype.type(0))

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [emit(Where(), outputs[0] > 0, _ct(cotangents), constant(0, outputs[0].dtype))]


@dataclass(frozen=True)
class Between(Elementwise):
    """min(max(x, low), high); NaN stays, the gradient at the bounds is 0."""

    low: int = 0
    high: int = 1
    accepts: ClassVar[tuple[str, ...]] = NUMBERS

    def template(self, t: str, *names: str) -> str:
        return f"minimum(maximum({names[0]}, const_{t}({self.low})), const_{t}({self.high}))"

    def reference(self, *arrays: Array) -> Array:
        low, high = (arrays[0].dtype.type(c) for c in (self.low, self.high))
        return np.minimum(np.maximum(arrays[0], low), high)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        x, ct = inputs[0], _ct(cotangents)
        zero = constant(0, x.dtype)
        return [emit(Where(), x > self.low, emit(Where(), x < self.high, ct, zero), zero)]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(0, 6), (((3, 5), d, 0, 9),), is_float(d)) for d in NUMBERS]


class _Binary(Elementwise):
    arity = 2
    accepts = NUMBERS

    def partials(self, a: Value, b: Value, y: Value, ct: Value) -> tuple[Value, Value]:
        raise NotImplementedError(type(self).__name__)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        a, b = inputs
        da, db = self.partials(a, b, outputs[0], _ct(cotangents))
        return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)]


class Add(_Binary):
    """a + b; of bools: or."""

    accepts = DTYPES

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} | {names[1]}" if t == "b1" else f"{names[0]} + {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.add(*arrays)

    def partials(self, a: Value, b: Value, y: Value, ct: Value) -> tuple[Value, Value]:
        return ct, ct


class Sub(_Binary):
    """a - b."""

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} - {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.subtract(*arrays)

    def partials(self, a: Value, b: Value, y: Value, ct: Value) -> tuple[Value, Value]:
        return ct, -ct


class Mul(_Binary):
    """a * b; of bools: and."""

    accepts = DTYPES

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} & {names[1]}" if t == "b1" else f"{names[0]} * {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.multiply(*arrays)

    def partials(self, a: Value, b: Value, y: Value, ct: Value) -> tuple[Value, Value]:
        return ct * b, ct * a


class Div(_Binary):
    """a / b of floats."""

    accepts = FLOATS
    domain = (0.5, 3.0)

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} / {names[1]}"

    def reference(self, *arrays: Array) -> Array:
        return np.divide(*arrays)

    def partials(self, a: Value, b: Value, y: Value, ct: Value) -> tuple[Value, Value]:
        da = ct / b
        return da, -da * y


class FloorDiv(_Binary):
    """floor(a / b); integers divided by 0 give 0."""

    differentiable = False
    domain = (1.0, 9.0)

    def template(self, t: str, *names: str) -> str:
        return f"floor_div({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.floor_divide(*arrays)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        return [None, None]


class Mod(_Binary):
    """a - b floor(a / b), with the sign of b; integers by 0 give 0."""

    domain = (1.0, 9.0)

    def template(self, t: str, *names: str) -> str:
        return f"mod({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.mod(*arrays)

    def partials(self, a: Value, b: Value, y: Value, ct: Value) -> tuple[Value, Value]:
        return ct, -ct * emit(FloorDiv(), a, b)


class Pow(_Binary):
    """a to the power b. The gradient of the exponent is 0 where a is 0."""

    domain = (0.5, 2.5)

    def template(self, t: str, *names: str) -> str:
        return f"pow_({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.power(*arrays)

    def partials(self, a: Value, b: Value, y: Value, ct: Value) -> tuple[Value, Value]:
        from .transcendental import Log

        zero, one = constant(0, a.dtype), constant(1, a.dtype)
        da = ct * b * emit(Where(), b.equals(zero), zero, emit(Pow(), a, b - one))
        safe = emit(Where(), a.equals(zero), one, a)
        return da, ct * y * emit(Where(), a.equals(zero), zero, emit(Log(), safe))


class _Extreme(_Binary):
    """Ties share the gradient equally."""

    abstract: ClassVar[bool] = True

    def partials(self, a: Value, b: Value, y: Value, ct: Value) -> tuple[Value, Value]:
        half, one, zero = (constant(c, a.dtype) for c in (0.5, 1, 0))
        wins, tie = (a > b) if isinstance(self, Maximum) else (a < b), a.equals(b)
        share = emit(Where(), tie, half, emit(Where(), wins, one, zero))
        return ct * share, ct * (one - share)


class Maximum(_Extreme):
    """The larger of a and b; NaN if one is NaN."""

    accepts = DTYPES

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} | {names[1]}" if t == "b1" else f"maximum({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.maximum(*arrays)


class Minimum(_Extreme):
    """The smaller of a and b; NaN if one is NaN."""

    accepts = DTYPES

    def template(self, t: str, *names: str) -> str:
        return f"{names[0]} & {names[1]}" if t == "b1" else f"minimum({names[0]}, {names[1]})"

    def reference(self, *arrays: Array) -> Array:
        return np.minimum(*arrays)


class Where(Elementwise):
    """a where the condition holds, else b."""

    arity = 3
    accepts = DTYPES

    def infer(self, *specs: Spec) -> list[Spec]:
        (_, c), (_, a), (_, b) = specs
        if c != "bool" or a != b:
            raise TypeError(f"Where takes a bool and two values of one dtype, not {c}, {a}, {b}")
        return [(broadcast(*[s for s, _ in specs]), a)]

    def template(self, t: str, *names: str) -> str:
        return f"select({names[0]}, {names[1]}, {names[2]})"

    def reference(self, *arrays: Array) -> Array:
        return np.where(*arrays)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        c, a, b = inputs
        ct, zero = _ct(cotangents), constant(0, a.dtype)
        da = unbroadcast(emit(Where(), c, ct, zero), a.shape)
        return [None, da, unbroadcast(emit(Where(), c, zero, ct), b.shape)]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls(), (((3, 5), "bool", 0, 2), ((3, 5), d, -3, 3), ((5,), d, -3, 3)), is_float(d)) for d in DTYPES
        ]


@dataclass(frozen=True)
class Cast(Elementwise):
    """The same numbers in another dtype; float to integer cuts off the fraction."""

    dtype: str = "float32"
    accepts: ClassVar[tuple[str, ...]] = DTYPES

    def infer(self, *specs: Spec) -> list[Spec]:
        return [(specs[0][0], self.dtype)]

    def template(self, t: str, *names: str) -> str:
        from .suffix import SUFFIX

        target = SUFFIX[self.dtype]
        return f"to_{target}({names[0]})"

    def reference(self, *arrays: Array) -> Array:
        return arrays[0].astype(self.dtype)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        source = inputs[0].dtype
        return [emit(Cast(source), _ct(cotangents)) if is_float(source) and is_float(self.dtype) else None]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        pairs = [(a, b) for a in DTYPES for b in DTYPES if a != b]
        return [Sample(Cast(b), (((19,), a, 0, 2 if a == "bool" else 100),), is_float(a) and is_float(b)) for a, b in pairs]


class StopGradient(Elementwise):
    """x, through which no gradient passes."""

    accepts = DTYPES
    differentiable = False

    def template(self, t: str, *names: str) -> str:
        return names[0]

    def reference(self, *arrays: Array) -> Array:
        return arrays[0]


def cast(x: Value, dtype: str) -> Value:
    """x in another dtype; x itself where it has it."""
    return x if x.dtype == dtype else emit(Cast(dtype), x)
