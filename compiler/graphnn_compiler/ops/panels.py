"""The product with a matrix whose columns come in panels: as wide as a tile of the kernel, one after another in memory.

A panel is read from end to end, where the rows of a wide matrix are far apart. `rest` brings weights into this form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dims import show
from ..ir import Value
from ..trace import emit
from .base import Array, Sample, Spec
from .contract import Grads, MatMul
from .movement import Unslice, reshape, transpose


@dataclass(frozen=True)
class PanelMatMul(MatMul):
    """C[..., i, j] = sum over k of A[..., i, k] B[j // width, k, j % width] for j below `columns`."""

    columns: int

    def infer(self, *specs: Spec) -> list[Spec]:
        (a, ta), (b, tb) = specs
        if ta != tb or len(a) < 2 or len(b) != 3 or a[-1] != b[1] or b[0] != -(-self.columns // int(b[2])):
            raise ValueError(f"matrix product of {ta}{show(a)} and {self.columns} columns in panels {tb}{show(b)}: they do not fit")
        return [((*a[:-1], self.columns), ta)]

    def reference(self, *arrays: Array) -> Array:
        a, b = arrays
        return np.matmul(a, b.transpose(1, 0, 2).reshape(b.shape[1], -1)[:, : self.columns])

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        raise TypeError("panels are made of weights in inference only")

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        from ..kernels.gemm_plan import panel_width

        cases = (((3, 4), 40), ((17, 33), 130), ((1, 19), 64), ((2, 5, 7), 33))
        found: list[Sample] = []
        for d in ("float32", "float64"):
            w = panel_width(d)
            found += [Sample(cls(n), ((a, d, -1, 1), ((-(-n // w), a[-1], w), d, -1, 1)), False) for a, n in cases]
        return found


def in_panels(b: Value, width: int) -> Value:
    """The columns of a matrix of known extents in panels; behind the last one are zeros."""
    k, n = (int(d) for d in b.shape)
    count = -(-n // width)
    if n % width:
        b = emit(Unslice((0, 0), (1, 1), (k, count * width)), b)
    return transpose(reshape(b, (k, count, width)), (1, 0, 2))
