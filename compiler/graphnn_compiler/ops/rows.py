"""Rows of a table of which few are meant: sums of what belongs to them, which they are, and writing them in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..dims import Extent, Shape, product, show, smaller
from ..ir import Value
from ..trace import emit
from .base import Array, Sample, Spec, WithKernel, is_float
from .index import Take, check_indices

Grads = Sequence[Value | None]


@dataclass(frozen=True)
class SumRows(WithKernel):
    """Row r is the sum of updates[i] over all i with index[i] = r, from 0 on and in order of i.

    index int64 (m,), updates (m, inner); the result has shape (rows, inner).
    """

    rows: Extent

    def infer(self, *specs: Spec) -> list[Spec]:
        (index, t), (updates, dtype) = specs
        if t != "int64" or len(index) != 1 or len(updates) != 2 or updates[0] != index[0] or dtype == "bool":
            raise TypeError(f"SumRows of {dtype}{show(updates)} at {t}{show(index)}")
        return [((self.rows, updates[1]), dtype)]

    def reference(self, *arrays: Array) -> Array:
        index, updates = arrays
        check_indices(index, int(self.rows))
        out = np.zeros((int(self.rows), updates.shape[1]), updates.dtype)
        np.add.at(out, index, updates)
        return out

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        return [None, emit(Take(0), ct, inputs[0])]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "sum_rows", {"dtype": specs[1][1]}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """Rows, inner extent, number of updates."""
        return [int(self.rows), shapes[1][1], shapes[1][0]]

    def work(self, shapes: Sequence[Shape]) -> Extent:
        """Rows are filled with zeros, updates are added."""
        return (self.rows + shapes[1][0]) * shapes[1][1] * 8

    def limit(self, shapes: Sequence[Shape]) -> Extent:
        """What indices must be below."""
        return self.rows

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls(rows), (((u[0],), "int64", 0, rows), (u, d, -4, 4)), is_float(d))
            for d in ("float32", "float64", "float16", "int32", "int64")
            for rows, u in ((5, (6, 19)), (4, (9, 1)), (2, (3, 50)))
        ]


@dataclass(frozen=True)
class Distinct(WithKernel):
    """The different numbers among indices into a table of `rows` rows, in order of their first appearance.

    index int64 (m,). Results, all int64, with u = min(m, rows): for each index the place of its number among those (m,); the numbers
    (u,), what is left over filled up with the first one; how many there are ().
    """

    rows: int

    def infer(self, *specs: Spec) -> list[Spec]:
        ((shape, t),) = specs
        if t != "int64" or len(shape) != 1:
            raise TypeError(f"Distinct of {t}{show(shape)}")
        return [(shape, t), ((smaller(shape[0], self.rows),), t), ((), t)]

    def reference(self, *arrays: Array) -> tuple[Array, ...]:
        (index,) = arrays
        check_indices(index, self.rows)
        _, first, place = np.unique(index, return_index=True, return_inverse=True)
        order = np.argsort(first)  # of the sorted numbers, by first appearance
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        numbers = np.full(min(len(index), self.rows), index[0] if len(index) else 0, np.int64)
        numbers[: len(order)] = index[first[order]]
        return rank[place.reshape(-1)].astype(np.int64), numbers, np.asarray(len(order), np.int64)

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "distinct", {}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """Rows of the table, number of indices."""
        return [self.rows, shapes[0][0]]

    def workspace(self, shapes: Sequence[tuple[int, ...]]) -> int:
        """Bytes for a number for each row of the table."""
        return 8 * self.rows

    def work(self, shapes: Sequence[Shape]) -> Extent:
        """One thread does it all."""
        return 0

    def limit(self, shapes: Sequence[Shape]) -> Extent:
        """What indices must be below."""
        return self.rows

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [Sample(cls(rows), (((m,), "int64", 0, rows),), False) for rows, m in ((7, 19), (50, 19), (3, 1))]


@dataclass(frozen=True)
class PutRows(WithKernel):
    """base with new rows in place of those that are named. It cannot fail: who makes the numbers has checked them, and one outside of
    the table would be passed over.

    base (n, ...), numbers int64 (u,), of which the first ones are different, how many these are int64 (), rows (u, ...).
    """

    def infer(self, *specs: Spec) -> list[Spec]:
        (base, dtype), (numbers, t), (count, c), (rows, other) = specs
        if (t, c, count, other) != ("int64", "int64", (), dtype) or len(numbers) != 1 or not base or rows != (*numbers, *base[1:]):
            raise TypeError(f"PutRows of {other}{show(rows)} at {t}{show(numbers)} into {dtype}{show(base)}")
        return [(base, dtype)]

    def reference(self, *arrays: Array) -> Array:
        base, numbers, count, rows = arrays
        out = base.copy()
        for i, row in zip(numbers[: int(count)], rows, strict=False):
            if 0 <= i < len(out):
                out[i] = row
        return out

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "put_rows", {"dtype": specs[0][1]}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """Rows of the table, elements of a row, new rows."""
        return [shapes[0][0], int(product(shapes[0][1:])), shapes[1][0]]

    def work(self, shapes: Sequence[Shape]) -> Extent:
        """As much as the new rows, since the table is usually changed in place."""
        return product(shapes[3]) * 8

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        return [
            Sample(cls(), ((b, d, -4, 4), ((u,), "int64", 0, b[0]), ((), "int64", 0, u + 1), ((u, *b[1:]), d, -4, 4)), False)
            for d in ("float32", "float64", "int32", "bool")
            for b, u in (((5, 19), 1), ((9, 1), 1), ((4, 3, 5), 1), ((7,), 1))
        ]
