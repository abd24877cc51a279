"""Order without data: a value that is there only when another is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..ir import Value
from .base import Array, Op, Sample, Spec


@dataclass(frozen=True)
class Behind(Op):
    """x, but what reads it runs after `other` is computed; so it is not merged with what reads x itself."""

    kind = "movement"

    def infer(self, *specs: Spec) -> list[Spec]:
        x, _ = specs
        return [x]

    def reference(self, *arrays: Array) -> Array:
        return arrays[0]

    def gradient(
        self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Sequence[Value | None]
    ) -> Sequence[Value | None]:
        return [cotangents[0], None]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(), (((3, 5), "float32", -1, 1), ((4,), "float32", -1, 1)), False)]
