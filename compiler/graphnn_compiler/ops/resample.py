"""Resampling along an axis: each place of the result is a weighted sum of neighbouring places of x, by weights that depend on extents.

The weights are a banded matrix, made when a program is bound to numbers: row i holds the weights of result i, from place `start[i]` on.
Its transpose is banded too, so the gradient is the same op with the transpose's rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ..dims import Extent, show
from ..ir import Value
from ..trace import emit
from .base import FLOATS, Array, Sample, Spec, WithKernel

Grads = Sequence[Value | None]
Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
KEYS = -0.5  # the cubic that reproduces parabolas


def _triangle(x: Floats) -> Floats:
    return np.maximum(0.0, 1.0 - x)


def _cubic(x: Floats) -> Floats:
    """R. Keys, Cubic convolution interpolation for digital image processing, 1981."""
    near = ((KEYS + 2.0) * x - (KEYS + 3.0)) * x * x + 1.0
    far = KEYS * (((x - 5.0) * x + 8.0) * x - 4.0)
    return np.where(x < 1.0, near, np.where(x < 2.0, far, 0.0))


def _lanczos(radius: float) -> Callable[[Floats], Floats]:
    def kernel(x: Floats) -> Floats:
        """C. Duchon, Lanczos filtering in one and two dimensions, 1979."""
        return np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0.0)

    return kernel


KERNELS: dict[str, tuple[float, Callable[[Floats], Floats]]] = {
    "bilinear": (1.0, _triangle),
    "bicubic": (2.0, _cubic),
    "lanczos3": (3.0, _lanczos(3.0)),
    "lanczos5": (5.0, _lanczos(5.0)),
}
NARROW = 16  # inner extents below it are worked on several rows at a time
METHODS = ("nearest", *KERNELS, "window")


@dataclass(frozen=True)
class Band:
    """Rows of a banded matrix: row i has weights[i, :count[i]] from column start[i] on."""

    start: Ints
    count: Ints
    weights: Floats

    def dense(self, columns: int) -> Floats:
        """The whole matrix."""
        out = np.zeros((len(self.start), columns))
        for i, (s, c) in enumerate(zip(self.start, self.count, strict=True)):
            out[i, s : s + c] = self.weights[i, :c]
        return out

    def transposed(self, columns: int) -> Band:
        """The rows of the transpose; starts and ends of rows do not decrease."""
        end = self.start + self.count
        places = np.arange(columns)
        first = np.searchsorted(end, places, side="right")
        count = np.maximum(np.searchsorted(self.start, places, side="right") - first, 0)
        k = np.arange(int(count.max(initial=0)))
        row = np.minimum(first[:, None] + k, max(len(self.start) - 1, 0))
        at = places[:, None] - self.start[row] if len(self.start) else row
        inside = (k < count[:, None]) & (at >= 0) & (at < (self.count[row] if len(self.start) else 0))
        last = max(self.weights.shape[1] - 1, 0)
        found = self.weights[row, np.clip(at, 0, last)] if self.weights.size else np.zeros(row.shape)
        return Band(first.astype("int64"), count.astype("int64"), np.where(inside, found, 0.0))


def band(n: int, size: int, method: str, antialias: bool, taps: tuple[float, ...]) -> Band:
    """The weights of `size` results from n places.

    nearest: place floor((i + 1/2) n / size). Kernels: centred at (i + 1/2) n / size - 1/2, with antialias as wide as the step between
    results, cut at the borders and scaled to the sum 1. window: `taps` around each place, size = n; what is outside counts 0.
    """
    rows = np.arange(size)
    if not n or not size:
        return Band(np.zeros(size, "int64"), np.zeros(size, "int64"), np.zeros((size, 0)))
    if method == "nearest":
        return Band((2 * rows + 1) * n // (2 * size), np.ones(size, "int64"), np.ones((size, 1)))
    if method == "window":
        left = rows - (len(taps) - 1) // 2
        found = np.broadcast_to(np.array(taps, "float64"), (size, len(taps)))
    else:
        radius, kernel = KERNELS[method]
        width = max(n / size, 1.0) if antialias else 1.0
        centre = (rows + 0.5) * n / size - 0.5
        left = np.ceil(centre - radius * width).astype("int64")
        place = left[:, None] + np.arange(int(np.floor(2 * radius * width)) + 1)
        found = np.where((place >= 0) & (place < n), kernel(np.abs(centre[:, None] - place) / width), 0.0)
        found = found / found.sum(1, keepdims=True)
    start, end = np.clip(left, 0, n), np.clip(left + found.shape[1], 0, n)
    taken = int(found.shape[1])
    shifted: Ints = np.minimum(np.arange(taken) + (start - left)[:, None], taken - 1)
    return Band(start, end - start, np.take_along_axis(found, shifted, 1))


@dataclass(frozen=True)
class Resample(WithKernel):
    """x with `size` places along an axis, by a method of `band`.

    source: None, or for the transpose the extent of the axis that `size` places were made of, to which this goes back.
    """

    axis: int
    size: Extent
    method: str
    antialias: bool = False
    taps: tuple[float, ...] = ()
    source: Extent | None = None

    def infer(self, *specs: Spec) -> list[Spec]:
        x, dtype = specs[0]
        if dtype not in FLOATS or not 0 <= self.axis < len(x) or self.method not in METHODS:
            raise TypeError(f"{self.describe()} does not take {dtype}{show(x)}")
        if self.method == "window" and (not self.taps or (self.source if self.source is not None else x[self.axis]) != self.size):
            raise ValueError(f"{self.describe()}: a window keeps the extent of its axis, {show(x)}")
        if isinstance(self.size, int) and self.size < 0:
            raise ValueError(f"{self.describe()}: a negative size")
        return [((*x[: self.axis], self.size if self.source is None else self.source, *x[self.axis + 1 :]), dtype)]

    def rows(self, n: int) -> Band:
        """The weights of each place of the result of x with n places."""
        if self.source is None:
            return band(n, int(self.size), self.method, self.antialias, self.taps)
        source = int(self.source)
        return band(source, int(self.size), self.method, self.antialias, self.taps).transposed(source)

    def reference(self, *arrays: Array) -> Array:
        x = np.moveaxis(arrays[0], self.axis, 0)
        wide = x.astype("float32") if x.dtype == np.float16 else x
        rows = self.rows(len(x))
        out = np.zeros((len(rows.start), *x.shape[1:]), wide.dtype)
        for i, (start, count) in enumerate(zip(rows.start, rows.count, strict=True)):
            for k in range(int(count)):
                if w := rows.weights[i, k]:
                    out[i] += wide.dtype.type(w) * wide[start + k]
        return np.moveaxis(out, 0, self.axis).astype(arrays[0].dtype)

    def gradient(self, inputs: Sequence[Value], outputs: Sequence[Value], cotangents: Grads) -> Grads:
        ct = cotangents[0]
        assert ct is not None
        source = inputs[0].shape[self.axis] if self.source is None else None
        return [emit(Resample(self.axis, self.size, self.method, self.antialias, self.taps, source), ct)]

    def kernel(self, specs: Sequence[Spec]) -> tuple[str, dict[str, object]]:
        """The name and parameters of the hand-written kernel."""
        return "resample", {"dtype": specs[0][1]}

    def dims(self, shapes: Sequence[tuple[int, ...]]) -> list[int]:
        """Outer extent, places of x, inner extent, places of the result, weights per row, whether narrow; then tables (see the kernel)."""
        x = shapes[0]
        rows = self.rows(x[self.axis])
        outer, inner = (int(np.prod(part, dtype="int64")) for part in (x[: self.axis], x[self.axis + 1 :]))
        count, taps = rows.weights.shape
        weights = np.where(np.arange(taps) < rows.count[:, None], rows.weights, 0.0)
        head = [outer, x[self.axis], inner, count, taps]
        if not inner < NARROW:
            bits = np.ascontiguousarray(weights).view("int64")
            return [*head, 0, *rows.start.tolist(), *rows.count.tolist(), *bits.ravel().tolist()]
        offsets = rows.start[:, None] * inner + np.arange(inner)
        bits = np.ascontiguousarray(np.repeat(weights.T, inner, 1)).view("int64")
        return [*head, 1, *offsets.ravel().tolist(), *bits.ravel().tolist()]

    @classmethod
    def samples(cls) -> Sequence[Sample]:
        ops = [cls(1, size, method, aa) for method in METHODS[:-1] for size, aa in ((3, True), (4, False), (11, False))]
        ops += [cls(1, 7, "window", False, (0.25, 0.5, 0.2, 0.05)), cls(1, 7, "window", False, (1.0,) * 9)]
        out: list[Sample] = []
        for d in ("float32", "float64", "float16"):
            for i, op in enumerate(ops):
                inner = (1, 3, 17, 37)[i % 4]
                out.append(Sample(op, (((2, 7, inner), d, -9, 9),)))
                back = cls(1, op.size, op.method, op.antialias, op.taps, 7)
                out.append(Sample(back, (((2, int(op.size), inner), d, -9, 9),)))
        return out
