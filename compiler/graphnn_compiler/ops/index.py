"""Indexing by data: every index is checked where it is used, and a bad one is reported with its value and position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ..dims import Extent, Shape, product, show
from ..ir import Value
from ..trace import emit
from .base import DTYPES, Array, Op, Sample, Spec, WithKernel, is_float
from .compare import Equal
from .elementwise import Cast, Where
from .movement import BroadcastTo, Reshape, constant, reshape, transpose, zeros_like

Grads = Sequence[Value | None]


class IndexOutOfRange(IndexError):
    """An index of the user's data points outside its axis: `value`, its flat `position`, and the valid `limit`."""

    def __init__(self, value: int, position: int, limit: int, where: str = "", more: str = ""):
        place = f"layer {where}: " if where else ""
        super().__init__(f"{place}index {value} at position {position} is out of range; it must be in 0..{limit - 1}{more}")
        self.value, self.position, self.limit, self.where = value, position, limit, where

    def at(self, where: str) -> IndexOutOfRange:
        """The same, in a layer."""
        return IndexOutOfRange(self.value, self.position, self.limit, where)


class NotIntegral(TypeError):
    """An index of the user's data that is no integer: its `value` and its flat `position`."""

    def __init__(self, value: float, position: int, where: str = ""):
        place = f"layer {where}: " if where else ""
        super().__init__(f"{place}ids must be integral. Received: {value:.7g} at position {position}")
        self.value, self.position, self.where = value, position, where

    def at(self, where: str) -> NotIntegral:
        """The same, in a layer."""
        return NotIntegral(self.value, self.position, where)


# A kernel reports a bad index as one integer. A float that is no integer goes through it as BROKEN plus the float in units of
# 1 / BROKEN_UNIT, below every index that could be meant; NaN, and what is beyond BROKEN_MOST on either side, as BROKEN_OTHERS.
BROKEN, BROKEN_UNIT, BROKEN_MOST = -(2**62), 2**20, 2**40
BROKEN_OTHERS = {float("nan"): BROKEN + 2**61, float("inf"): BROKEN + 2**61 + 1, float("-inf"): BROKEN + 2**61 + 2}


def index_error(value: int, position: int, limit: int, where: str = "") -> Exception:
    """The error for an index that a kernel reports."""
    for number, code in BROKEN_OTHERS.items():
        if value == code:
            return NotIntegral(number, position, where)
    if abs(value - BROKEN) < BROKEN_UNIT * BROKEN_MOST:
        return NotIntegral((value - BROKEN) / BROKEN_UNIT, position, where)
    return IndexOutOfRange(value, position, limit, where)


def check_indices(index: Array, limit: int) -> None:
    """Raises for the first index outside 0..limit-1 what `index_error` says."""
    bad = np.flatnonzero((index < 0) | (index >= limit))
    if bad.size:
        raise index_error(int(index.flat[bad[0]]), int(bad[0]), limit)


@dataclass(frozen=True)
class Iota(Op):
    """0, 1, 2, ...: no memory, its elements are computed where they are used."""

    kind = "iota"
    extent: Extent
    dtype: str = "int64"

    def infer(self, *specs: Spec) -> list[Spec]:
        return [((self.extent,), self.dtype)]

    def reference(self, *arrays: Array) -> Array:
        return np.arange(int(self.extent)).astype(self.dtype)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(37), (), False), Sample(cls(5, "float32"), (), False)]


@dataclass(frozen=True)
class Take(Op):
    """x along `axis` at the places that int64 indices name: the result has the axes of the indices in place of that axis."""

    kind = "index"
    axis: int

    def infer(self, *specs: Spec) -> list[Spec]:
        (x, dtype), (index, t) = specs
        if t != "int64" or not 0 <= self.axis < len(x):
            raise TypeError(f"Take along axis {self.axis} of {show(x)} with {t} indices")
        return [((*x[: self.axis], *index, *x[self.axis + 1 :]), dtype)]

    def reference(self, *arrays: Array) -> Array:
        check_indices(arrays[1], arrays[0].shape[self.axis])
        return np.take(arrays[0], arrays[1], self.axis)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (x, index), ct = inputs, cotangents[0]
        assert ct is not None
        front = tuple(range(self.axis, self.axis + index.ndim))
        rest = tuple(i for i in range(ct.ndim) if i not in front)
        rows: Shape = (product(index.shape), product(ct.shape[i] for i in rest))
        flat = reshape(transpose(ct, front + rest), rows)
        others = [i for i in range(x.ndim) if i != self.axis]
        moved = tuple(x.shape[i] for i in (self.axis, *others))
        zeros = emit(BroadcastTo((moved[0], rows[1])), constant(0, x.dtype))
        total = reshape(emit(Scatter("add"), zeros, reshape(index, rows[:1]), flat), moved)
        order = (self.axis, *others)
        return [transpose(total, tuple(order.index(i) for i in range(x.ndim))), None]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls(0), (((5, 19), d, 0, 2 if d == "bool" else 9), ((2, 3), "int64", 0, 5)), is_float(d)) for d in DTYPES
        ] + [Sample(cls(1), (((3, 5, 4), "float32", -1, 1), ((6,), "int64", 0, 5)))]


@dataclass(frozen=True)
class TakeAlongAxis(Op):
    """x at an index of its own for each place of the result, along `axis`; other axes are the same in both."""

    kind = "index"
    axis: int

    def infer(self, *specs: Spec) -> list[Spec]:
        (x, dtype), (index, t) = specs
        same = all(a == b for i, (a, b) in enumerate(zip(x, index, strict=True)) if i != self.axis)
        if t != "int64" or not same:
            raise TypeError(f"TakeAlongAxis of {show(x)} with {t}{show(index)} indices along axis {self.axis}")
        return [(index, dtype)]

    def reference(self, *arrays: Array) -> Array:
        check_indices(arrays[1], arrays[0].shape[self.axis])
        return np.take_along_axis(arrays[0], arrays[1], self.axis)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (x, index), ct = inputs, cotangents[0]
        assert ct is not None
        place = index
        stride: Extent = 1
        linear: Value | None = None
        for i in reversed(range(x.ndim)):
            here = place
            if i != self.axis:
                shape = tuple(index.shape[i] if j == i else 1 for j in range(x.ndim))
                here = emit(Reshape(shape), emit(Iota(index.shape[i])))
            term = here * extent_value(stride)
            linear = term if linear is None else linear + term
            stride = stride * x.shape[i]
        assert linear is not None
        n = product(index.shape)
        flat = emit(BroadcastTo(index.shape), linear) if linear.shape != index.shape else linear
        zeros = emit(BroadcastTo((product(x.shape), 1)), constant(0, x.dtype))
        total = emit(Scatter("add"), zeros, reshape(flat, (n,)), reshape(ct, (n, 1)))
        return [reshape(total, x.shape), None]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls(1), (((3, 7), d, 0, 2 if d == "bool" else 9), ((3, 18), "int64", 0, 7)), is_float(d)) for d in DTYPES
        ] + [Sample(cls(0), (((5, 4), "float32", -1, 1), ((2, 4), "int64", 0, 5)))]


@dataclass(frozen=True)
class ExtentOf(Op):
    """The number behind an extent, without axes."""

    kind = "extent"
    extent: Extent
    dtype: str = "int64"

    def infer(self, *specs: Spec) -> list[Spec]:
        return [((), self.dtype)]

    def reference(self, *arrays: Array) -> Array:
        return np.asarray(int(self.extent), self.dtype)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(7), (), False)]


def extent_value(d: Extent, dtype: str = "int64") -> Value:
    """An extent as a value: a constant where it is a number."""
    return constant(d, dtype) if isinstance(d, int) else emit(ExtentOf(d, dtype))


@dataclass(frozen=True)
class Scatter(WithKernel):
    """base with updates[i] joined to row index[i], in order of i: add, max, min, mul, or set (the last one wins).

    base (n, inner), index int64 (m,), updates (m, inner).
    """

    mode: str
    modes: ClassVar[dict[str, np.ufunc]] = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}

    def infer(self, *specs: Spec) -> list[Spec]:
        (base, dtype), (index, t), (updates, other) = specs
        if t != "int64" or other != dtype or updates != (*index, *base[1:]) or len(base) != 2 or len(index) != 1:
            raise TypeError(f"Scatter of {other}{show(updates)} at {t}{show(index)} into {dtype}{show(base)}")
        return [(base, dtype)]

    def reference(self, *arrays: Array) -> Array:
        base, index, updates = arrays
        check_indices(index, base.shape[0])
        out = base.copy()
        if self.mode == "set":
            for i, row in zip(index, updates, strict=True):
                out[i] = row
        else:
            self.modes[self.mode].at(out, index, updates)
        return out

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (base, index, updates), ct, y = inputs, cotangents[0], outputs[0]
        assert ct is not None
        taken = emit(Take(0), ct, index)
        if self.mode == "add":
            return [ct, None, taken]
        if self.mode == "set":
            hole = zeros_like(updates)
            rows: Extent = index.shape[0]
            order = emit(Reshape((rows, 1)), emit(Iota(rows, "int64")))
            start = emit(BroadcastTo((base.shape[0], 1)), constant(-1, "int64"))
            last = emit(Take(0), emit(Scatter("max"), start, index, order), index)
            keep = emit(Cast(ct.dtype), emit(Equal(), last, order))
            return [emit(Scatter("set"), ct, index, hole), None, taken * keep]
        if self.mode in ("max", "min"):
            mine = emit(Cast(ct.dtype), emit(Equal(), updates, emit(Take(0), y, index)))
            old = emit(Cast(ct.dtype), emit(Equal(), base, y))
            count = emit(Scatter("add"), old, index, mine)
            share = ct / count
            return [share * old, None, emit(Take(0), share, index) * mine]
        # An update's share is the product of all others: dividing by it would lose the one that is 0, so zeros are counted.
        null = emit(Equal(), updates, zeros_like(updates))
        one = emit(BroadcastTo(updates.shape), constant(1, ct.dtype))
        safe = emit(Where(), null, one, updates)
        zeros = emit(Take(0), emit(Scatter("add"), zeros_like(base), index, emit(Cast(ct.dtype), null)), index)
        others = emit(Take(0), emit(Scatter("mul"), base, index, safe), index) / safe
        alone = emit(Equal(), zeros, emit(Cast(ct.dtype), null))  # no other update of the row is 0
        ones = emit(BroadcastTo(base.shape), constant(1, ct.dtype))
        factor = emit(Scatter("mul"), ones, index, updates)
        return [ct * factor, None, emit(Where(), alone, taken * others, zeros_like(updates))]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "scatter", {"dtype": specs[0][1], "mode": self.mode}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """What the kernel's dims block holds: rows, inner extent, number of updates."""
        return [*shapes[0], shapes[1][0]]

    def limit(self, shapes: Sequence[Shape]) -> Extent:
        """What indices must be below."""
        return shapes[0][0]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        shapes = (((5, 19), (6, 19)), ((4, 1), (9, 1)))
        return [
            Sample(cls(m), ((b, d, -4, 4), ((u[0],), "int64", 0, b[0]), (u, d, -4, 4)), is_float(d))
            for d in ("float32", "float64", "int32", "int64")
            for m in ("add", "max", "min", "mul", "set")
            for b, u in shapes
        ]
