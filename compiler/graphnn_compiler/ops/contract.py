"""The matrix product: the one contraction. einsum, tensordot, dot and Dense become reshapes and transposes around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dims import broadcast, show
from ..ir import Value
from ..trace import emit
from .base import FLOATS, INTS, Array, Op, Sample, Spec
from .movement import transpose, unbroadcast

Grads = Sequence[Value | None]


@dataclass(frozen=True)
class MatMul(Op):
    """C[..., i, j] = sum over k of A[..., i, k] B[..., k, j]; the axes in front are broadcast."""

    kind = "contract"

    def infer(self, *specs: Spec) -> list[Spec]:
        (a, ta), (b, tb) = specs
        if ta != tb or len(a) < 2 or len(b) < 2 or a[-1] != b[-2]:
            raise ValueError(f"matrix product of {ta}{show(a)} and {tb}{show(b)}: the inner extents or dtypes differ")
        return [((*broadcast(a[:-2], b[:-2]), a[-2], b[-1]), ta)]

    def reference(self, *arrays: Array) -> Array:
        return np.matmul(*arrays)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        (a, b), ct = inputs, cotangents[0]
        assert ct is not None
        da = emit(MatMul(), ct, swap_last(b))
        db = emit(MatMul(), swap_last(a), ct)
        return [unbroadcast(da, a.shape), unbroadcast(db, b.shape)]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        shapes = (((3, 4), (4, 5)), ((17, 33), (33, 1)), ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (3, 4, 2)), ((1, 19), (19, 21)))
        return [Sample(cls(), ((a, d, -1, 1), (b, d, -1, 1))) for d in FLOATS for a, b in shapes] + [
            Sample(cls(), (((3, 4), d, 0, 5), ((4, 5), d, 0, 5)), False) for d in INTS
        ]


def swap_last(x: Value) -> Value:
    """x with its last two axes exchanged."""
    return transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
