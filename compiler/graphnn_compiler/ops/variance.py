"""The variance. Its gradient knows that distances from the mean add up to zero, which that of its parts has to sum up again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dims import product
from ..ir import Value
from ..trace import emit
from .base import Array, Composite, Sample, Spec
from .index import extent_value
from .movement import constant, reshape
from .reduce import Sum, spread

Grads = Sequence[Value | None]


@dataclass(frozen=True)
class Variance(Composite):
    """The mean of (x - mean(x))^2 over `axes`, which are dropped."""

    axes: tuple[int, ...]

    def infer(self, *specs: Spec) -> list[Spec]:
        shape, dtype = specs[0]
        if dtype not in ("float32", "float64"):
            raise TypeError(f"Variance does not take {dtype}")
        return [(tuple(d for i, d in enumerate(shape) if i not in self.axes), dtype)]

    def reference(self, *arrays: Array) -> Array:
        distance = arrays[0] - np.mean(arrays[0], self.axes, keepdims=True)
        return np.mean(distance * distance, self.axes)

    def expanded(self, *inputs: Value) -> Value:
        distance = self.distance(inputs[0])
        return emit(Sum(self.axes), distance * distance) / self.count(inputs[0])

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (x,), ct = inputs, cotangents[0]
        assert ct is not None
        return [self.distance(x) * spread(ct * constant(2, x.dtype) / self.count(x), self.axes, x.shape)]

    def count(self, x: Value) -> Value:
        """How many elements are averaged."""
        return extent_value(product(x.shape[a] for a in self.axes), x.dtype)

    def distance(self, x: Value) -> Value:
        """x - mean(x)."""
        kept = tuple(1 if i in self.axes else d for i, d in enumerate(x.shape))
        return x - reshape(emit(Sum(self.axes), x), kept) / self.count(x)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        cases = (((37,), (0,)), ((5, 19), (1,)), ((7, 18), (0,)), ((3, 4, 5), (0, 2)), ((3, 1, 5), (1,)))
        return [Sample(cls(axes), ((shape, d, -2, 2),)) for d in ("float32", "float64") for shape, axes in cases]
