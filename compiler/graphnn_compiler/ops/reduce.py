"""Reductions over any set of axes. The reduced axes are dropped (the API reshapes for `keepdims`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..dims import Shape, show
from ..ir import Value
from ..trace import emit
from .base import FLOATS, INTS, Array, Op, Sample, Spec, is_float
from .compare import Equal
from .elementwise import Cast
from .movement import BroadcastTo, Reshape, constant

Grads = Sequence[Value | None]


@dataclass(frozen=True)
class Reduce(Op):
    """A fold over `axes` in a fixed order. Subclasses give the neutral element and how two partial results join."""

    abstract: ClassVar[bool] = True
    kind: ClassVar[str] = "reduce"
    accepts: ClassVar[tuple[str, ...]] = INTS + FLOATS
    axes: tuple[int, ...]

    def infer(self, *specs: Spec) -> list[Spec]:
        shape, dtype = specs[0]
        if dtype not in self.accepts:
            raise TypeError(f"{type(self).__name__} does not take {dtype}")
        if len(set(self.axes)) != len(self.axes) or any(not 0 <= a < len(shape) for a in self.axes):
            raise ValueError(f"axes {self.axes} are not axes of {show(shape)}")
        return [(tuple(d for i, d in enumerate(shape) if i not in self.axes), dtype)]

    def init(self, t: str) -> str:
        """The neutral element as an expression of simd.py (a vector)."""
        raise NotImplementedError(type(self).__name__)

    def combine(self, t: str, a: str, b: str) -> str:
        """The expression that joins two partial vectors."""
        raise NotImplementedError(type(self).__name__)

    horizontal: ClassVar[str] = ""  # the function of simd.py that folds the lanes of a vector

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        out: list[Sample] = []
        for d in cls.accepts:
            for shape, axes in (((37,), (0,)), ((5, 19), (1,)), ((7, 18), (0,)), ((3, 4, 5), (0, 2)), ((3, 4, 5), (1,))):
                out.append(Sample(cls(axes), ((shape, d, 0 if d == "bool" else -1.5, 1.5),), is_float(d)))
        return out


def spread(x: Value, axes: tuple[int, ...], shape: Shape) -> Value:
    """A reduced value repeated along the reduced axes again."""
    kept = tuple(1 if i in axes else d for i, d in enumerate(shape))
    return emit(BroadcastTo(shape), emit(Reshape(kept), x))


class Sum(Reduce):
    """The sum."""

    horizontal = "hsum"

    def init(self, t: str) -> str:
        return f"const_{t}(0)"

    def combine(self, t: str, a: str, b: str) -> str:
        return f"{a} + {b}"

    def reference(self, *arrays: Array) -> Array:
        return np.sum(arrays[0], self.axes, dtype=arrays[0].dtype)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        return [spread(ct, self.axes, inputs[0].shape)]


class Prod(Reduce):
    """The product; its gradient divides by no element."""

    horizontal = "hprod"

    def init(self, t: str) -> str:
        return f"const_{t}(1)"

    def combine(self, t: str, a: str, b: str) -> str:
        return f"{a} * {b}"

    def reference(self, *arrays: Array) -> Array:
        return np.prod(arrays[0], self.axes, dtype=arrays[0].dtype)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct, (x,), axes = cotangents[0], inputs, self.axes
        assert ct is not None
        from .elementwise import Where

        zero, one = constant(0, x.dtype), constant(1, x.dtype)
        empty = emit(Equal(), x, zero)
        count = emit(Sum(axes), emit(Cast(x.dtype), empty))
        rest = spread(emit(Prod(axes), emit(Where(), empty, one, x)) * ct, axes, x.shape)
        zeros = spread(count, axes, x.shape)
        none = emit(Where(), emit(Equal(), zeros, zero), rest / emit(Where(), empty, one, x), zero)
        return [emit(Where(), empty, emit(Where(), emit(Equal(), zeros, one), rest, zero), none)]


class _Extremum(Reduce):
    """The gradient is shared equally by all places that hold the extremum."""

    abstract: ClassVar[bool] = True

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct, x = cotangents[0], inputs[0]
        assert ct is not None
        hit = emit(Cast(x.dtype), emit(Equal(), x, spread(outputs[0], self.axes, x.shape)))
        return [hit * spread(ct / emit(Sum(self.axes), hit), self.axes, x.shape)]


def _bound(t: str, highest: bool) -> str:
    """The largest or smallest value of a type."""
    if t == "b1":
        return f"const_b1({highest})"
    if t[0] == "f":
        return f"const_{t}(INF)" if highest else f"neg(const_{t}(INF))"
    info = np.iinfo(t.replace("i", "int").replace("u", "uint"))
    return f"const_{t}({info.max if highest else info.min})"


class Max(_Extremum):
    """The largest element; NaN if there is one."""

    horizontal = "hmax"

    def init(self, t: str) -> str:
        return _bound(t, highest=False)

    def combine(self, t: str, a: str, b: str) -> str:
        return f"maximum({a}, {b})"

    def reference(self, *arrays: Array) -> Array:
        return np.max(arrays[0], self.axes)


class Min(_Extremum):
    """The smallest element; NaN if there is one."""

    horizontal = "hmin"

    def init(self, t: str) -> str:
        return _bound(t, highest=True)

    def combine(self, t: str, a: str, b: str) -> str:
        return f"minimum({a}, {b})"

    def reference(self, *arrays: Array) -> Array:
        return np.min(arrays[0], self.axes)


class All(Reduce):
    """All elements hold."""

    accepts = ("bool",)
    horizontal = "hall"

    def init(self, t: str) -> str:
        return "const_b1(True)"

    def combine(self, t: str, a: str, b: str) -> str:
        return f"{a} & {b}"

    def reference(self, *arrays: Array) -> Array:
        return np.all(arrays[0], self.axes)


class Any(Reduce):
    """At least one element holds."""

    accepts = ("bool",)
    horizontal = "hany"

    def init(self, t: str) -> str:
        return "const_b1(False)"

    def combine(self, t: str, a: str, b: str) -> str:
        return f"{a} | {b}"

    def reference(self, *arrays: Array) -> Array:
        return np.any(arrays[0], self.axes)
