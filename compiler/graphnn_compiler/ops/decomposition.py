"""Decompositions of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..ir import Value
from ..trace import emit
from .base import FLOATS, Array, Sample, Spec, WithKernel
from .compare import Equal
from .contract import MatMul, swap_last
from .elementwise import Where
from .index import Iota
from .movement import BroadcastTo, Reshape, Slice, constant

Grads = Sequence[Value | None]
TOLERANCE, SWEEPS = 1e-30, 60


def jacobi(a: Array) -> Array:
    """The singular triplets of a matrix by one-sided rotations (G. Forsythe, P. Henrici, The cyclic Jacobi method, 1960).

    The shorter side's vectors are turned pairwise until all are orthogonal: their lengths are the singular values.
    """
    tall = a.shape[0] >= a.shape[1]
    w = np.array(a.T if tall else a, "float64")
    turned = np.eye(len(w))
    for _ in range(SWEEPS):
        quiet = True
        for p in range(len(w) - 1):
            for q in range(p + 1, len(w)):
                alpha, beta, gamma = w[p] @ w[p], w[q] @ w[q], w[p] @ w[q]
                if not gamma * gamma > TOLERANCE * alpha * beta:
                    continue
                quiet = False
                zeta = (beta - alpha) / (2 * gamma)
                t = (1.0 if zeta >= 0 else -1.0) / (abs(zeta) + np.sqrt(1 + zeta * zeta))
                c = 1 / np.sqrt(1 + t * t)
                s = c * t
                for m in (w, turned):
                    m[p], m[q] = c * m[p] - s * m[q], s * m[p] + c * m[q]
        if quiet:
            break
    length = np.sqrt(np.sum(w * w, 1))
    order = np.argsort(-length, kind="stable")
    long = w / np.where(length > 0, length, 1)[:, None]
    u, v = (long, turned) if tall else (turned, long)
    return np.concatenate([length[:, None], u, v], 1)[order]


@dataclass(frozen=True)
class Svd(WithKernel):
    """The singular value decomposition of matrices (..., m, n), packed: row i of (..., min(m, n), 1 + m + n) is the ith singular value,
    the largest first, its left vector and its right vector. Vectors of a singular value 0 on the longer side are 0.
    """

    def infer(self, *specs: Spec) -> list[Spec]:
        shape, dtype = specs[0]
        if len(shape) < 2 or dtype not in FLOATS:
            raise TypeError(f"Svd takes float matrices, not {dtype} of {len(shape)} axes")
        m, n = int(shape[-2]), int(shape[-1])
        return [((*shape[:-2], min(m, n), 1 + m + n), dtype)]

    def reference(self, *arrays: Array) -> Array:
        a = arrays[0]
        m, n = a.shape[-2:]
        flat = [jacobi(x) for x in a.reshape(-1, m, n)]
        shape = (*a.shape[:-2], min(m, n), 1 + m + n)
        return (np.stack(flat) if flat else np.zeros(shape)).reshape(shape).astype(a.dtype)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        """J. Townsend, Differentiating the singular value decomposition, 2016."""
        ct = cotangents[0]
        assert ct is not None
        m, n = int(inputs[0].shape[-2]), int(inputs[0].shape[-1])
        k, dtype = min(m, n), ct.dtype
        s, u, v = (_part(outputs[0], a, b) for a, b in ((0, 1), (1, m), (1 + m, n)))  # vectors are rows
        ds, du, dv = (_part(ct, a, b) for a, b in ((0, 1), (1, m), (1 + m, n)))
        one, zero = constant(1, dtype), constant(0, dtype)
        i = emit(Iota(k, "int64"))
        diagonal = emit(Equal(), i, emit(Reshape((k, 1)), i))
        squares = s * s
        gap = swap_last(squares) - squares  # [i, j]: s_j^2 - s_i^2
        same = emit(Equal(), gap, zero)
        f = emit(Where(), same, zero, one / emit(Where(), same, one, gap))
        empty = emit(Equal(), s, zero)
        inverse = emit(Where(), empty, zero, one / emit(Where(), empty, one, s))

        def mixed(x: Value, dx: Value) -> Value:
            """F times the antisymmetric part of x dx^T."""
            p = emit(MatMul(), x, swap_last(dx))
            return f * (p - swap_last(p))

        def beyond(x: Value, dx: Value) -> Value:
            """dx without its part in the span of the rows of x."""
            return dx - emit(MatMul(), emit(MatMul(), dx, swap_last(x)), x)

        inner = mixed(u, du) * swap_last(s) + s * mixed(v, dv)
        inner = inner + emit(Where(), diagonal, emit(BroadcastTo(inner.shape), ds), zero)
        da = emit(MatMul(), swap_last(u), emit(MatMul(), inner, v))
        if m > k:
            da = da + emit(MatMul(), swap_last(beyond(u, du) * inverse), v)
        if n > k:
            da = da + emit(MatMul(), swap_last(u), beyond(v, dv) * inverse)
        return [da]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "svd", {"dtype": specs[0][1], "vectors": True}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """Matrices, rows, columns."""
        shape = shapes[0]
        return [int(np.prod(shape[:-2], dtype="int64")), shape[-2], shape[-1]]

    def workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes for the turned vectors, the rotations and the lengths of each matrix."""
        count, m, n = self.dims(shapes)
        k = min(m, n)
        return 8 * count * (k * max(m, n) + k * k + k)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        shapes = ((4, 3), (3, 5), (2, 3, 3), (1, 6))
        return [Sample(cls(), ((shape, d, -2.0, 2.0),)) for d in ("float32", "float64") for shape in shapes]


def _part(x: Value, start: int, size: int) -> Value:
    """Columns of the last axis."""
    return emit(Slice((0,) * (x.ndim - 1) + (start,), (*x.shape[:-1], size), (1,) * x.ndim), x)


@dataclass(frozen=True)
class SingularValues(WithKernel):
    """The singular values of matrices (..., m, n), the largest first: (..., min(m, n))."""

    def infer(self, *specs: Spec) -> list[Spec]:
        [(shape, dtype)] = Svd().infer(*specs)
        return [(shape[:-1], dtype)]

    def reference(self, *arrays: Array) -> Array:
        return Svd().reference(*arrays)[..., 0]

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        packed = emit(Svd(), inputs[0])
        m, n = int(inputs[0].shape[-2]), int(inputs[0].shape[-1])
        u, v = _part(packed, 1, m), _part(packed, 1 + m, n)
        return [emit(MatMul(), swap_last(u * emit(Reshape((*ct.shape, 1)), ct)), v)]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "svd", {"dtype": specs[0][1], "vectors": False}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """Matrices, rows, columns."""
        return Svd().dims(shapes)

    def workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes, as of `Svd`."""
        return Svd().workspace(shapes)

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(), s.inputs) for s in Svd.samples()]


def singular_values(a: Value) -> Value:
    """The singular values of matrices (..., m, n), the largest first."""
    return emit(SingularValues(), a)
