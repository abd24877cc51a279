"""Sorting and running totals along the last axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ir import Value
from ..trace import emit
from .base import FLOATS, INTS, Array, Sample, Spec, WithKernel, is_float
from .compare import And, Equal
from .elementwise import Where, cast
from .movement import Slice, constant

Grads = Sequence[Value | None]


def flip_last(x: Value) -> Value:
    """x backwards along its last axis."""
    n = x.shape[-1]
    starts = (0,) * (x.ndim - 1) + (n - 1,)
    return emit(Slice(starts, x.shape, (1,) * (x.ndim - 1) + (-1,)), x)


def from_the_end(x: Value) -> Value:
    """Running sums from the last element back."""
    return flip_last(emit(Cumulate("add"), flip_last(x)))


def _rows(shape: tuple[int, ...]) -> list[int]:
    return [int(np.prod(shape[:-1], dtype="int64")), shape[-1]]


@dataclass(frozen=True)
class ArgSort(WithKernel):
    """The stable order of the elements along the last axis, NaN last, as int64."""

    descending: bool = False

    def infer(self, *specs: Spec) -> list[Spec]:
        return [(specs[0][0], "int64")]

    def reference(self, *arrays: Array) -> Array:
        x = arrays[0]
        if not self.descending:
            return np.argsort(x, -1, kind="stable")
        backwards = np.argsort(x[..., ::-1], -1, kind="stable")
        return (x.shape[-1] - 1 - backwards)[..., ::-1]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "argsort", {"dtype": specs[0][1], "descending": self.descending}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """Rows and their length."""
        return _rows(shapes[0])

    def workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes for merging: as much as the result."""
        rows, n = _rows(shapes[0])
        return 8 * rows * n

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls(desc), ((shape, d, -5, 5),), False)
            for d in ("float32", "float64", "int32", "int64", "uint8")
            for desc in (False, True)
            for shape in ((37,), (4, 19))
        ]


@dataclass(frozen=True)
class Cumulate(WithKernel):
    """Running sum or product along the last axis."""

    mode: str

    def infer(self, *specs: Spec) -> list[Spec]:
        return [specs[0]]

    def reference(self, *arrays: Array) -> Array:
        f = {"add": np.cumsum, "mul": np.cumprod}[self.mode]
        return f(arrays[0], axis=-1, dtype=arrays[0].dtype)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        if self.mode == "add":
            return [from_the_end(ct)]
        x, y = inputs[0], outputs[0]
        zero, one = constant(0, x.dtype), constant(1, x.dtype)
        empty = emit(Equal(), x, zero)
        seen = emit(Cumulate("add"), cast(empty, "int32"))  # zeros up to here
        first = emit(And(), empty, emit(Equal(), seen, constant(1, "int32")))
        without = emit(Cumulate("mul"), emit(Where(), first, one, x))  # the products, were the first zero a one
        usual = from_the_end(ct * y) / emit(Where(), empty, one, x)
        none_yet = emit(Equal(), seen, constant(0, "int32"))
        return [emit(Where(), none_yet, usual, emit(Where(), first, from_the_end(ct * without), zero))]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "cumulate", {"dtype": specs[0][1], "mode": self.mode}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """Rows and their length."""
        return _rows(shapes[0])

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls(m), ((shape, d, 1, 3),), is_float(d)) for d in INTS + FLOATS for m in ("add", "mul") for shape in ((7,), (4, 5))
        ]
